"""``GET /llm/calls``, one call with its messages, and the summary over time."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from sonde.llm.messages import messages
from sonde.llm.span import Event, LlmSpan
from sonde.query.engine import Inquiry, Record
from sonde.query.identifiers import parse_span_id, parse_trace_id
from sonde.query.llm_calls import MAX_CALLS, LlmFilter, LlmSearch, SortKey, read_llm_call, search_llm_calls
from sonde.query.llm_summary import MAX_BUCKETS, GroupBy, summarize_llm_calls
from sonde.query.scores import scores_of
from sonde.query.trace import read_span, trace_extent
from sonde.web.asking import Asked, Reader, Window, answered

router = APIRouter(prefix="/llm", tags=["llm"])


async def llm_filter(
    caller: Reader,
    window: Window,
    service: str | None = None,
    model: str | None = None,
    provider: str | None = None,
    type: Annotated[str | None, Query(description="chat, embeddings, …")] = None,  # noqa: A002 - the API's word
    function: str | None = None,
    user: str | None = None,
    session: str | None = None,
    success: bool | None = None,
    priced: Annotated[bool | None, Query(description="Whether the call's cost is known")] = None,
    search: Annotated[str | None, Query(description="In previews, error, name or model", max_length=1000)] = None,
    min_cost: Annotated[float | None, Query(description="US dollars", allow_inf_nan=False)] = None,
    trace_id: str | None = None,
) -> LlmFilter:
    """The filters that list and summary share."""
    return LlmFilter(
        tenant=caller.tenant,
        window=window,
        service=service or None,
        model=model or None,
        provider=provider or None,
        type=type or None,
        function=function or None,
        user=user or None,
        session=session or None,
        success=success,
        priced=priced,
        text=search or None,
        min_cost_usd=min_cost,
        trace_id=parse_trace_id(trace_id) if trace_id else None,
    )


Filter = Annotated[LlmFilter, Depends(llm_filter)]


@router.get("/calls")
async def calls(
    request: Request,
    caller: Reader,
    asked: Asked,
    wanted: Filter,
    sort: SortKey = "time",
    limit: Annotated[int, Query(ge=1, le=MAX_CALLS)] = 50,
    cursor: str | None = None,
) -> Response:
    """LLM calls: newest, dearest or slowest first."""
    search = LlmSearch(wanted, sort=sort, limit=limit, cursor=cursor or None)
    return await answered(request, caller, search_llm_calls(asked, search))


@router.get("/summary")
async def summary(
    request: Request,
    caller: Reader,
    asked: Asked,
    wanted: Filter,
    group_by: GroupBy = "model",
    buckets: Annotated[int, Query(ge=1, le=MAX_BUCKETS)] = 60,
) -> Response:
    """Calls, tokens and cost over time by group, with totals and latencies."""
    return await answered(request, caller, summarize_llm_calls(asked, wanted, group_by=group_by, buckets=buckets))


@router.get("/calls/{trace_id}/{span_id}")
async def call(request: Request, caller: Reader, asked: Asked, trace_id: str, span_id: str) -> Response:
    """One call with its parameters, its messages and its scores."""
    return await answered(
        request, caller, _call(asked, caller.tenant, parse_trace_id(trace_id), parse_span_id(span_id))
    )


async def _call(asked: Inquiry, tenant: str, trace_id: str, span_id: str) -> Record:
    extent = await trace_extent(asked, tenant=tenant, trace_id=trace_id)
    found = await read_llm_call(asked, tenant=tenant, trace_id=trace_id, span_id=span_id, window=extent)
    span = await read_span(asked, tenant=tenant, trace_id=trace_id, span_id=span_id, extent=extent)
    scores = await scores_of(asked, tenant=tenant, trace_id=trace_id, span_id=span_id, since_nano=extent.start_nano)
    said = messages(_llm_span(tenant, trace_id, span)).as_json()
    return {"call": found, "messages": said, "scores": scores, "stats": asked.cost.as_json()}


def _llm_span(tenant: str, trace_id: str, span: Record) -> LlmSpan:
    """A span of the store as ``llm`` reads it: its log records, where instrumentations put content, are events."""
    logged: list[Record] = [
        {
            "name": record["event_name"] or record["attributes"].get("event.name", ""),
            "time_unix_nano": record["time_unix_nano"],
            "attributes": {**record["attributes"], "body": record["body"]},
        }
        for record in span["logs"]
    ]
    events = [_event(event) for event in (*span["events"], *logged)]
    return LlmSpan(
        tenant=tenant,
        trace_id=trace_id,
        span_id=span["span_id"],
        parent_span_id=span["parent_span_id"] or "0" * 16,
        service=span["service"],
        name=span["name"],
        start_unix_nano=int(span["start_unix_nano"]),
        duration_nano=span["duration_nano"],
        status_code=span["status_code"],
        status_message=span["status_message"],
        scope_name=span["scope"]["name"],
        attributes=span["attributes"],
        resource=span["resource"],
        events=sorted(events, key=lambda event: event.time_unix_nano),
    )


def _event(event: dict[str, Any]) -> Event:
    return Event(event["name"], int(event["time_unix_nano"]), event["attributes"])
