"""``GET /traces`` and ``GET /traces/{trace_id}``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from sonde.query.trace import read_trace
from sonde.query.traces import MAX_TRACES, StatusCode, TraceSearch, search_traces
from sonde.telemetry.duration import parse_nanoseconds
from sonde.web.asking import Asked, Attributes, Reader, Window, answered

router = APIRouter(tags=["traces"])
_DURATION = "a duration like 250ms or 1.5s"


@router.get("/traces")
async def traces(
    request: Request,
    caller: Reader,
    window: Window,
    asked: Asked,
    attributes: Attributes,
    service: str | None = None,
    operation: str | None = None,
    min_duration: Annotated[str | None, Query(description=f"Of the span: {_DURATION}")] = None,
    max_duration: Annotated[str | None, Query(description=f"Of the span: {_DURATION}")] = None,
    status: StatusCode | None = None,
    limit: Annotated[int, Query(ge=1, le=MAX_TRACES)] = 50,
    cursor: str | None = None,
) -> Response:
    """The newest traces that have a span which meets all conditions."""
    search = TraceSearch(
        tenant=caller.tenant,
        window=window,
        service=service or None,
        operation=operation or None,
        min_duration_nano=parse_nanoseconds(min_duration) if min_duration else None,
        max_duration_nano=parse_nanoseconds(max_duration) if max_duration else None,
        status=status,
        attributes=attributes,
        limit=limit,
        cursor=cursor or None,
    )
    return await answered(request, caller, search_traces(asked, search))


@router.get("/traces/{trace_id}")
async def trace(request: Request, caller: Reader, asked: Asked, trace_id: str) -> Response:
    """One trace: all spans, its log records and scores. 404 when nothing is known under the id."""
    return await answered(request, caller, read_trace(asked, tenant=caller.tenant, trace_id=trace_id))
