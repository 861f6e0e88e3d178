"""``GET /responses``: what is done by itself when an alert begins to fire, and how that went."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query

from sonde.notify.alert import fingerprint_text
from sonde.notify.automation.runs import Run
from sonde.notify.matchers import matcher_text
from sonde.notify.response.automation import Response
from sonde.web.api.automation import Automation, Told, moment
from sonde.web.api.url_file import target_of

routes = APIRouter(tags=["alerting"])
MAX_RUNS: Final = 100
MAX_OUTPUT_CHARACTERS: Final = 2000
"""Of one run; its end is shown, where programs say what went wrong."""
_NANO: Final = 1e9


@routes.get("/responses")
async def responses(
    told: Told, limit: Annotated[int, Query(ge=1, le=MAX_RUNS, description="Runs of each response")] = 10
) -> dict[str, Any]:
    """The responses of the response file in its order, each with its last runs, newest first.

    Of a webhook only the host is told. Runs of the last seven days are known; so are those of responses that the file
    no longer has, which are not shown.
    """
    return {"responses": await asyncio.to_thread(_documents, told, limit)}


def _documents(told: Automation, limit: int) -> list[dict[str, Any]]:
    runs: defaultdict[str, list[Run]] = defaultdict(list)
    for run in told.runs():
        runs[run.response].append(run)
    return [_response(each, runs[each.name], limit) for each in told.plan.responses]


def _response(each: Response, runs: Sequence[Run], limit: int) -> dict[str, Any]:
    return {
        "name": each.name,
        "matchers": [matcher_text(matcher) for matcher in each.matchers],
        "command": [argument.text for argument in each.command] or None,
        "webhook": target_of(each.webhook) if each.webhook else None,
        "timeout_seconds": each.timeout / _NANO,
        "at_most": {"runs": each.at_most.runs, "window_seconds": each.at_most.window / _NANO},
        "run_count": len(runs),
        "runs": [_run(run) for run in runs[:limit]],
    }


def _run(run: Run) -> Mapping[str, Any]:
    return {
        "id": run.id,
        "fingerprint": fingerprint_text(run.fingerprint),
        "labels": dict(run.labels),
        "fires_since": moment(run.starts_at),
        "begun_at": moment(run.begun_at),
        "ended_at": moment(run.ended_at),
        "outcome": run.outcome,
        "detail": run.detail,
        "output": run.output[-MAX_OUTPUT_CHARACTERS:],
        "output_is_cut": len(run.output) > MAX_OUTPUT_CHARACTERS,
    }
