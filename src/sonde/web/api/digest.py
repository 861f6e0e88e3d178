"""``GET /digest``: the weekly digest as it would be sent now, over the last seven days."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any

from fastapi import APIRouter, Request, Response

from sonde.errors import NotFound
from sonde.notify.digest.report import Questions, Week
from sonde.notify.digest.text import Digest, digest_of
from sonde.query.window import DAY, MINUTE
from sonde.web.asking import Around, Reader, answered

routes = APIRouter(tags=["alerting"])


@dataclass(frozen=True, slots=True)
class Configured:
    """What the endpoint of this file is given, as ``app.state.digest``."""

    questions: Callable[[str], Questions]
    """Of a tenant."""
    zone: Callable[[], tzinfo] = lambda: UTC
    url: str = ""
    """Where people find us."""


@routes.get("/digest")
async def digest(request: Request, caller: Reader, around: Around) -> Response:
    """The digest of the last seven days: its sections, as text, and as the HTML of an e-mail."""
    given: Configured | None = getattr(request.app.state, "digest", None)
    if given is None:
        raise NotFound("no digest can be made here", code="digest_not_configured")
    end = around.now_nano() // MINUTE * MINUTE
    week = Week(end - 14 * DAY, end - 7 * DAY, end, given.zone())
    return await answered(request, caller, _answer(given.questions(caller.tenant), week, given.url))


async def _answer(questions: Questions, week: Week, url: str) -> dict[str, Any]:
    made: Digest = digest_of(await questions.report(week), url=url)
    return {
        "title": made.title,
        "start_unix_nano": str(week.start),
        "end_unix_nano": str(week.end),
        "sections": [
            {"heading": each.heading, "columns": each.columns, "rows": each.rows, "lines": each.lines}
            for each in made.sections
        ],
        "text": made.written("table"),
        "html": made.written("html"),
    }
