"""``GET /logs``, its histogram, and the live tail as server-sent events."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.responses import StreamingResponse

from sonde.errors import SondeError, Unavailable, UserError
from sonde.query.identifiers import parse_span_id, parse_trace_id
from sonde.query.log_tail import tail_logs
from sonde.query.logs import LEVELS, MAX_BUCKETS, MAX_RECORDS, LogSearch, log_histogram, search_logs
from sonde.query.window import TimeRange
from sonde.web.asking import Around, Asked, Attributes, Reader, Window, answered
from sonde.web.errors import error_shape

router = APIRouter(tags=["logs"])
MAX_LIVE_CLIENTS: Final = 32
POLL_SECONDS: Final = 1.0
HEARTBEAT_SECONDS: Final = 15.0


async def log_search(
    caller: Reader,
    attributes: Attributes,
    service: str | None = None,
    level: Annotated[list[str], Query(description="One of " + ", ".join(LEVELS) + "; repeat")] = [],  # noqa: B006
    search: Annotated[str | None, Query(description="Found in the body, whatever its case", max_length=1000)] = None,
    trace_id: str | None = None,
    span_id: str | None = None,
) -> LogSearch:
    """The filters that all log endpoints share; their time range is set apart."""
    for named in level:
        if named not in LEVELS:
            raise UserError(f"there is no level {named!r}", code="bad_level", hint=f"use {', '.join(LEVELS)}")
    return LogSearch(
        tenant=caller.tenant,
        window=TimeRange(0, 1),
        service=service or None,
        levels=tuple(level),
        text=search or None,
        trace_id=parse_trace_id(trace_id) if trace_id else None,
        span_id=parse_span_id(span_id) if span_id else None,
        attributes=attributes,
    )


Search = Annotated[LogSearch, Depends(log_search)]


@router.get("/logs")
async def logs(
    request: Request,
    caller: Reader,
    window: Window,
    asked: Asked,
    search: Search,
    limit: Annotated[int, Query(ge=1, le=MAX_RECORDS)] = 200,
    cursor: str | None = None,
) -> Response:
    """The newest log records that meet all conditions."""
    wanted = replace(search, window=window, limit=limit, cursor=cursor or None)
    return await answered(request, caller, search_logs(asked, wanted))


@router.get("/logs/histogram")
async def histogram(
    request: Request,
    caller: Reader,
    window: Window,
    asked: Asked,
    search: Search,
    buckets: Annotated[int, Query(ge=1, le=MAX_BUCKETS)] = 60,
) -> Response:
    """How many records meet the conditions in each step, by level."""
    return await answered(request, caller, log_histogram(asked, replace(search, window=window), buckets=buckets))


@router.get("/logs/live")
async def live(request: Request, around: Around, search: Search) -> Response:
    """New records as they come in, as events ``record``, ``dropped`` and ``error``; comments keep the line open."""
    clients: set[object] = request.app.state.live_clients
    if len(clients) >= MAX_LIVE_CLIENTS:
        raise Unavailable(
            f"{MAX_LIVE_CLIENTS} live tails are open already", code="too_many_live_tails", retry_after_seconds=10
        )
    client = object()

    async def pause() -> bool:
        await asyncio.sleep(POLL_SECONDS)
        return not around.is_stopping()

    async def events() -> AsyncIterator[bytes]:
        clients.add(client)
        try:
            yield b": live\n\n"
            said_at = time.monotonic()
            async for delivery in tail_logs(around.store, search, now_nano=around.now_nano, pause=pause):
                parts = [_event("record", record) for record in delivery.records]
                if delivery.dropped:
                    parts.append(_event("dropped", {"count": delivery.dropped}))
                if not parts and time.monotonic() - said_at >= HEARTBEAT_SECONDS:
                    parts.append(b": still here\n\n")
                if parts:
                    said_at = time.monotonic()
                    yield b"".join(parts)
        except SondeError as error:
            # The answer has begun, so this is said in it; browsers connect again by themselves.
            yield _event("error", error_shape(error))
        finally:
            clients.discard(client)

    return StreamingResponse(events(), media_type="text/event-stream", headers={"cache-control": "no-store"})


def _event(name: str, data: Any) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
