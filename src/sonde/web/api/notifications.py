"""``GET /notifications``: who was told of which alerts, when, and what went wrong, from ``state.notifications``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal, cast

from fastapi import APIRouter, Query, Request, Response

from sonde.errors import UserError
from sonde.notify.matchers import parse_matcher
from sonde.query import cursor as cursors
from sonde.query.window import parse_range
from sonde.state.notifications import MAX_AGE_SECONDS, Kept, Page, Place, Question, find
from sonde.telemetry.matcher import Matcher
from sonde.web.asking import Around, Reader, answered

routes = APIRouter(tags=["alerts"])
MAX_NOTIFICATIONS: Final = 500
MAX_MATCHERS: Final = 20


@routes.get("/notifications")
async def notifications(
    request: Request,
    caller: Reader,
    around: Around,
    receiver: Annotated[str | None, Query(description="As in Alertmanager's configuration")] = None,
    status: Annotated[Literal["firing", "resolved"] | None, Query(description="What was told")] = None,
    outcome: Annotated[Literal["arrived", "failed"] | None, Query(description="How it went")] = None,
    matcher: Annotated[
        list[str], Query(description='Of the labels of one of its alerts, such as service="shop"; repeat')
    ] = [],  # noqa: B006 - FastAPI's way to say "none given"
    since: Annotated[str | None, Query(description="Unix seconds, RFC 3339, or now-1h; 30 days ago")] = None,
    until: Annotated[str | None, Query(description="Unix seconds, RFC 3339, or now; now")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_NOTIFICATIONS)] = 100,
    cursor: str | None = None,
) -> Response:
    """The newest attempts to tell somebody that meet all conditions. A page may be short and yet have a next one."""
    window = parse_range(since or f"now-{MAX_AGE_SECONDS:.0f}s", until, now_nano=around.now_nano())
    question = Question(
        tenant=caller.tenant,
        since=window.start_seconds,
        until=window.end_seconds,
        receiver=receiver or None,
        status=status,
        has_failed=None if outcome is None else outcome == "failed",
        fits=_fitting(matcher),
    )
    after = cast("Place", cursors.unpack(cursor, float, str)) if cursor else None

    async def work() -> Mapping[str, Any]:
        began = time.monotonic()
        page = await asyncio.to_thread(find, around.state, question, limit=limit, after=after)
        return _document(page, elapsed_seconds=time.monotonic() - began)

    return await answered(request, caller, work())


def _fitting(texts: list[str]) -> Callable[[Mapping[str, str]], bool] | None:
    if len(texts) > MAX_MATCHERS:
        raise UserError(f"more than {MAX_MATCHERS} matchers", code="too_many_matchers")
    matchers: list[Matcher] = [parse_matcher(text) for text in texts]
    if not matchers:
        return None
    return lambda labels: all(matcher.matches(labels.get(matcher.name, "")) for matcher in matchers)


def _document(page: Page, *, elapsed_seconds: float) -> dict[str, Any]:
    return {
        "notifications": [_notification(kept) for kept in page.kept],
        "next_cursor": cursors.pack(*page.end) if page.end else None,
        "stats": {"rows_read": page.scanned, "bytes_read": 0, "elapsed_seconds": round(elapsed_seconds, 6)},
    }


def _notification(kept: Kept) -> dict[str, Any]:
    return {
        "id": kept.id,
        "time_unix_nano": str(kept.at),
        "receiver": kept.receiver,
        "integration": kept.integration,
        "group_key": kept.group_key,
        "group_labels": dict(kept.group_labels),
        "status": kept.status,
        "alerts": [dict(labels) for labels in kept.alerts],
        "alert_count": kept.alert_count,
        "firing_count": kept.firing,
        "attempt": kept.attempt,
        "duration_nano": kept.duration,
        "error": kept.error,
        "is_retried": kept.is_retried,
    }
