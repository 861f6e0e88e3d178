"""One trace by its id: its spans with all they carry, the log records and scores that name it, its LLM calls.

``trace_index`` says first from when to when the trace lies, so that everything after reads few parts of few days.
"""

from __future__ import annotations

from typing import Any, Final

from sonde.errors import NotFound
from sonde.query.engine import Inquiry, Record
from sonde.query.identifiers import parse_trace_id
from sonde.query.logs import RECORD_COLUMNS, log_record
from sonde.query.resources import read_resources
from sonde.query.scores import scores_of
from sonde.query.sql.ast import (
    Alias,
    And,
    Column,
    Comparison,
    Expr,
    Order,
    Select,
    Table,
    aliased,
    call,
    each,
    eq,
    hexadecimal,
    identifier,
    moment,
    text,
)
from sonde.query.values import ATTRIBUTE_COLUMNS, attributes, finite, id_or_none, json_value, nano
from sonde.query.window import HOUR, TimeRange, within

MAX_SPANS: Final = 20_000
MAX_LOGS: Final = 1_000

# Log records are written beside their spans, but by other clocks and sometimes after the span's end.
_LOG_MARGIN_NANO: Final = HOUR


async def read_trace(inquiry: Inquiry, *, tenant: str, trace_id: str) -> Record:
    """Everything about one trace. Raises ``NotFound`` when nothing was ever stored under the id."""
    trace_id = parse_trace_id(trace_id)
    extent = await trace_extent(inquiry, tenant=tenant, trace_id=trace_id)
    around = TimeRange(extent.start_nano - _LOG_MARGIN_NANO, extent.end_nano + _LOG_MARGIN_NANO)
    spans, logs, llm_calls = await inquiry.together(
        _spans(tenant, trace_id, extent), _logs(tenant, trace_id, around), _llm_calls(tenant, trace_id, extent)
    )
    scores = await scores_of(inquiry, tenant=tenant, trace_id=trace_id, since_nano=extent.start_nano)
    ids = {int(row["resource_id"]) for row in (*spans, *logs)}
    resources = await read_resources(inquiry, tenant, around, ids)
    llm_by_span = {row["span"]: _llm(row) for row in llm_calls}
    truncated = len(spans) > MAX_SPANS
    answered = [_span(row, resources, llm_by_span) for row in spans[:MAX_SPANS]]
    return {
        "trace_id": trace_id,
        "start_unix_nano": str(extent.start_nano),
        "duration_nano": extent.end_nano - extent.start_nano - 1,
        "spans": answered,
        "logs": [log_record(row, resources) for row in logs],
        "scores": scores,
        "truncated": truncated,
        "stats": inquiry.cost.as_json(),
    }


async def trace_extent(inquiry: Inquiry, *, tenant: str, trace_id: str) -> TimeRange:
    """From the start of a trace's first span to the end of its last one. Raises ``NotFound``."""
    select = Select(
        columns=aliased(
            spans=call("sum", Column("span_count")),
            first=call("toUnixTimestamp64Nano", call("min", Column("start_ts"))),
            last=call("toUnixTimestamp64Nano", call("max", Column("end_ts"))),
        ),
        source=Table("trace_index"),
        where=_of_trace(tenant, trace_id),
    )
    (row,) = await inquiry.records(select)
    if not int(row["spans"]):
        raise NotFound(
            f"no trace {trace_id}",
            code="trace_not_found",
            hint="it may be older than the retention of traces, or belong to another tenant",
        )
    first, last = int(row["first"]), int(row["last"])
    return TimeRange(first, max(first, last) + 1)


async def read_span(inquiry: Inquiry, *, tenant: str, trace_id: str, span_id: str, extent: TimeRange) -> Record:
    """One span of a trace, in the trace's shape, with the log records that name it. Raises ``NotFound``."""
    of_span = eq("span_id", identifier(span_id, 8))
    around = TimeRange(extent.start_nano - _LOG_MARGIN_NANO, extent.end_nano + _LOG_MARGIN_NANO)
    spans, logs = await inquiry.together(
        _spans(tenant, trace_id, extent, of_span), _logs(tenant, trace_id, around, of_span)
    )
    if not spans:
        raise NotFound(f"trace {trace_id} has no span {span_id}", code="span_not_found")
    ids = {int(row["resource_id"]) for row in (*spans, *logs)}
    resources = await read_resources(inquiry, tenant, around, ids)
    return {**_span(spans[0], resources, {}), "logs": [log_record(row, resources) for row in logs]}


def _span_columns() -> tuple[Expr, ...]:
    return (
        Alias(hexadecimal("span_id"), "span"),
        Alias(hexadecimal("parent_span_id"), "parent"),
        nano("ts", "start_nano"),
        *(Column(name) for name in _SPAN_FIELDS),
        *ATTRIBUTE_COLUMNS,
        *(Column(name) for name in ("events.name", "events.attributes", "links.attributes")),
        Alias(each(Column("events.ts"), "toUnixTimestamp64Nano"), "event_nanos"),
        Alias(each(Column("links.trace_id"), "hex", "lower"), "link_traces"),
        Alias(each(Column("links.span_id"), "hex", "lower"), "link_spans"),
    )


_SPAN_FIELDS: Final = (
    "service",
    "name",
    "kind",
    "status_code",
    "status_message",
    "duration_nano",
    "resource_id",
    "scope_name",
    "scope_version",
)


def _of_trace(tenant: str, trace_id: str) -> Expr:
    return And((eq("tenant", text(tenant)), eq("trace_id", identifier(trace_id, 16))))


def _spans(tenant: str, trace_id: str, extent: TimeRange, *more: Expr) -> Select:
    return Select(
        columns=_span_columns(),
        source=Table("spans"),
        where=And((_of_trace(tenant, trace_id), within(extent), *more)),
        order_by=(Order(Column("ts")), Order(Column("span_id"))),
        limit=MAX_SPANS + 1,
    )


def _logs(tenant: str, trace_id: str, around: TimeRange, *more: Expr) -> Select:
    return Select(
        columns=RECORD_COLUMNS,
        source=Table("logs"),
        where=And((_of_trace(tenant, trace_id), within(around), *more)),
        order_by=(Order(Column("ts")),),
        limit=MAX_LOGS,
    )


def _llm_calls(tenant: str, trace_id: str, extent: TimeRange) -> Select:
    ts = Column("ts")
    return Select(
        columns=(
            Alias(hexadecimal("span_id"), "span"),
            *(Column(name) for name in ("model", "provider", "cost_usd", "input_tokens", "output_tokens")),
        ),
        source=Table("llm_calls"),
        where=And(
            (
                _of_trace(tenant, trace_id),
                Comparison(ts, ">=", moment(extent.start_nano)),
                Comparison(ts, "<", moment(extent.end_nano)),
            )
        ),
        limit=MAX_SPANS,
    )


def _llm(row: Record) -> Record:
    return {
        "model": row["model"],
        "provider": row["provider"],
        "cost_usd": row["cost_usd"],
        "input_tokens": int(row["input_tokens"]),
        "output_tokens": int(row["output_tokens"]),
    }


def _span(row: Record, resources: dict[int, Record], llm_by_span: dict[str, Record]) -> Record:
    return {
        "span_id": row["span"],
        "parent_span_id": id_or_none(row["parent"]),
        "service": row["service"],
        "name": row["name"],
        "kind": row["kind"],
        "start_unix_nano": str(row["start_nano"]),
        "duration_nano": int(row["duration_nano"]),
        "status_code": row["status_code"],
        "status_message": row["status_message"],
        "attributes": attributes(row),
        "resource": resources.get(int(row["resource_id"]), {"service.name": row["service"]}),
        "scope": {"name": row["scope_name"], "version": row["scope_version"]},
        "events": _events(row),
        "links": [
            {"trace_id": trace_id, "span_id": span_id, "attributes": finite(_object(carried))}
            for trace_id, span_id, carried in zip(
                row["link_traces"], row["link_spans"], row["links.attributes"], strict=True
            )
        ],
        "llm": llm_by_span.get(row["span"]),
    }


def _events(row: Record) -> list[Record]:
    return [
        {"time_unix_nano": str(at), "name": name, "attributes": finite(_object(carried))}
        for at, name, carried in zip(row["event_nanos"], row["events.name"], row["events.attributes"], strict=True)
    ]


def _object(text_: str) -> dict[str, Any]:
    value = json_value(text_)
    return value if isinstance(value, dict) else {}
