"""Trace search: the newest traces that have a span which meets all conditions.

Three steps, so that the answer comes fast however much is stored: ids of matching traces, walking the time range
backwards in growing windows until enough are found; their places in the order of the whole range; one summary row
each from ``trace_index``. A trace counts as old as its newest matching span.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from sonde.query.attribute_filter import AttributeFilter, conditions
from sonde.query.cursor import pack, unpack
from sonde.query.engine import Inquiry, Record
from sonde.query.sql.ast import (
    Alias,
    And,
    Column,
    Comparison,
    Expr,
    In,
    Number,
    Or,
    Order,
    Param,
    Select,
    Table,
    aliased,
    call,
    eq,
    hexadecimal,
    identifiers,
    integer,
    text,
)
from sonde.query.window import TimeRange, within

MAX_TRACES: Final = 1000
StatusCode = Literal["unset", "ok", "error"]
_STATUS_NUMBERS: Final[dict[StatusCode, int]] = {"unset": 0, "ok": 1, "error": 2}


@dataclass(frozen=True, slots=True)
class TraceSearch:
    """What a trace's span must be like: all conditions hold for one and the same span."""

    tenant: str
    window: TimeRange
    service: str | None = None
    operation: str | None = None
    min_duration_nano: int | None = None
    max_duration_nano: int | None = None
    status: StatusCode | None = None
    attributes: tuple[AttributeFilter, ...] = ()
    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True, slots=True, order=True)
class _Found:
    """A trace's place in the order: its newest matching span, then its id."""

    newest_nano: int
    trace_id: str


async def search_traces(inquiry: Inquiry, search: TraceSearch) -> Record:
    """The traces with the newest matching spans, by their start, and where the next page begins."""
    limit = min(max(search.limit, 1), MAX_TRACES)
    last = _Found(*unpack(search.cursor, int, str)) if search.cursor else None  # type: ignore[arg-type]
    found = await _walk(inquiry, search, last, limit)
    page = sorted(found, reverse=True)[:limit]
    traces = await _summaries(inquiry, search.tenant, [place.trace_id for place in page]) if page else []
    more = len(found) >= limit
    return {
        "traces": sorted(traces, key=lambda trace: int(trace["start_unix_nano"]), reverse=True),
        "next_cursor": pack(page[-1].newest_nano, page[-1].trace_id) if more else None,
        "stats": inquiry.cost.as_json(),
    }


async def _walk(inquiry: Inquiry, search: TraceSearch, last: _Found | None, limit: int) -> set[_Found]:
    found: set[_Found] = set()
    known: set[str] = set()
    window = search.window
    attributes = await conditions(inquiry, search.attributes, tenant=search.tenant, window=window)
    if last is not None:
        if last.newest_nano < window.start_nano:
            return found
        window = TimeRange(window.start_nano, min(window.end_nano, last.newest_nano + 1))
    for slice_ in window.newest_first(coarse=bool(attributes)):
        wanted = limit - len(found)
        after = last
        while wanted > 0:
            batch = await _candidates(inquiry, _matching(search, slice_, attributes), after, wanted)
            fresh = {place for place in batch if place.trace_id not in known}
            known |= {place.trace_id for place in fresh}
            if last is not None and fresh:
                fresh -= await _shown_before(inquiry, search, attributes, fresh, last)
            found |= fresh
            if len(batch) < wanted:
                break
            wanted, after = limit - len(found), min(batch)
        if len(found) >= limit:
            break
    return found


async def _candidates(inquiry: Inquiry, where: Expr, after: _Found | None, limit: int) -> list[_Found]:
    newest = call("toUnixTimestamp64Nano", call("max", Column("ts")))
    having: Expr | None = None
    if after is not None:
        # (newest, id) < (after…): the order of the answer, which ids make total.
        tie = And((eq("newest", integer(after.newest_nano)), Comparison(Column("id"), "<", text(after.trace_id))))
        having = Or((Comparison(Column("newest"), "<", integer(after.newest_nano)), tie))
    select = Select(
        columns=aliased(id=hexadecimal("trace_id"), newest=newest),
        source=Table("spans"),
        where=where,
        group_by=(Column("trace_id"),),
        having=having,
        order_by=(Order(Column("newest"), descending=True), Order(Column("id"), descending=True)),
        limit=limit,
    )
    return [_Found(int(row["newest"]), row["id"]) for row in await inquiry.records(select)]


async def _shown_before(
    inquiry: Inquiry, search: TraceSearch, attributes: tuple[Expr, ...], candidates: set[_Found], last: _Found
) -> set[_Found]:
    """Those candidates that also match later than the cursor: an earlier page has shown them."""
    if last.newest_nano + 1 >= search.window.end_nano:
        return set()
    later = TimeRange(last.newest_nano + 1, search.window.end_nano)
    ids = In(Column("trace_id"), identifiers(sorted(place.trace_id for place in candidates), 16))
    select = Select(
        columns=(Alias(hexadecimal("trace_id"), "id"),),
        source=Table("spans"),
        where=And((_matching(search, later, attributes), ids)),
        group_by=(Column("trace_id"),),
    )
    shown = {row["id"] for row in await inquiry.records(select)}
    return {place for place in candidates if place.trace_id in shown}


def _matching(search: TraceSearch, window: TimeRange, attributes: tuple[Expr, ...]) -> Expr:
    parts: list[Expr] = [eq("tenant", text(search.tenant))]
    if search.service:
        parts.append(eq("service", text(search.service)))
    if search.operation:
        parts.append(eq("name", text(search.operation)))
    parts.append(within(window))
    if search.min_duration_nano is not None:
        parts.append(Comparison(Column("duration_nano"), ">=", Param(search.min_duration_nano, "UInt64")))
    if search.max_duration_nano is not None:
        parts.append(Comparison(Column("duration_nano"), "<=", Param(search.max_duration_nano, "UInt64")))
    if search.status is not None:
        code = call("toInt8", Column("status_code"))
        parts.append(Comparison(code, "=", Number(_STATUS_NUMBERS[search.status])))
    return And((*parts, *attributes))


async def _summaries(inquiry: Inquiry, tenant: str, trace_ids: list[str]) -> list[Record]:
    """One summary per id, in the order of the ids."""
    root = Column("root_min")
    inner = Select(
        columns=(
            Column("trace_id"),
            *aliased(
                start_min=call("min", Column("start_ts")),
                end_max=call("max", Column("end_ts")),
                spans_sum=call("sum", Column("span_count")),
                errors_sum=call("sum", Column("error_count")),
                root_min=call("min", Column("root")),
                services_sum=call("sumMap", Column("service_spans")),
                service_errors_sum=call("sumMap", Column("service_errors")),
            ),
        ),
        source=Table("trace_index"),
        where=And((eq("tenant", text(tenant)), In(Column("trace_id"), identifiers(trace_ids, 16)))),
        group_by=(Column("trace_id"),),
    )
    select = Select(
        columns=aliased(
            id=hexadecimal("trace_id"),
            start_nano=call("toUnixTimestamp64Nano", Column("start_min")),
            end_nano=call("toUnixTimestamp64Nano", Column("end_max")),
            span_count=Column("spans_sum"),
            error_count=Column("errors_sum"),
            root_missing=call("tupleElement", root, text("has_parent")),
            root_service=call("tupleElement", root, text("service")),
            root_name=call("tupleElement", root, text("name")),
            service_spans=Column("services_sum"),
            service_errors=Column("service_errors_sum"),
        ),
        source=inner,
    )
    by_id = {row["id"]: _summary(row) for row in await inquiry.records(select)}
    return [by_id[trace_id] for trace_id in trace_ids if trace_id in by_id]


def _summary(row: Record) -> Record:
    errors: dict[str, int] = row["service_errors"]
    return {
        "trace_id": row["id"],
        "root_service": row["root_service"],
        "root_name": row["root_name"],
        "root_missing": bool(row["root_missing"]),
        "start_unix_nano": str(row["start_nano"]),
        "duration_nano": max(int(row["end_nano"]) - int(row["start_nano"]), 0),
        "span_count": int(row["span_count"]),
        "error_count": int(row["error_count"]),
        "services": [
            {"service": service, "spans": int(spans), "errors": int(errors.get(service, 0))}
            for service, spans in sorted(row["service_spans"].items(), key=lambda item: (-int(item[1]), item[0]))
        ],
    }
