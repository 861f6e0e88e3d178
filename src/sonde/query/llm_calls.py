"""LLM calls: the list with its filters, and one call with the span behind it.

Rows of ``llm_calls`` are written beside the spans; reading them never touches raw spans. One call's messages are not in
them: they stand in the span's attributes, which ``read_llm_call`` hands on for ``llm.messages`` to read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from sonde.errors import NotFound, UserError
from sonde.query.cursor import pack, unpack
from sonde.query.engine import Inquiry, Record
from sonde.query.sql.ast import (
    Alias,
    And,
    Call,
    Column,
    Comparison,
    Expr,
    Number,
    Or,
    Order,
    Param,
    Row,
    Select,
    Table,
    call,
    containing,
    eq,
    hexadecimal,
    identifier,
    integer,
    moment,
    real,
    text,
)
from sonde.query.values import finite, id_or_none, json_value, nano
from sonde.query.window import TimeRange

MAX_CALLS: Final = 1000
SortKey = Literal["time", "cost", "duration"]

_NAMES: Final = (
    *("service", "name", "type", "operation", "provider", "model", "model_requested", "usage", "cost_usd", "cost"),
    *("price_source", "success", "error_type", "error_message", "finish_reason", "streamed"),
    *("prompt_preview", "completion_preview", "session_id", "user_id", "function", "prompt_name", "prompt_version"),
)
_COUNTS: Final = ("input_tokens", "output_tokens", "duration_nano", "time_to_first_token_nano")
_DETAILS: Final = ("parameters", "environment", "release", "tags")


@dataclass(frozen=True, slots=True)
class LlmFilter:
    """What an LLM call must be like; all conditions hold, and ``text`` is found in prompt, completion or error."""

    tenant: str
    window: TimeRange
    service: str | None = None
    model: str | None = None
    provider: str | None = None
    type: str | None = None
    function: str | None = None
    user: str | None = None
    session: str | None = None
    success: bool | None = None
    priced: bool | None = None
    text: str | None = None
    min_cost_usd: float | None = None
    trace_id: str | None = None


@dataclass(frozen=True, slots=True)
class LlmSearch:
    """A page of calls: the greatest first, by time, cost or duration."""

    filter: LlmFilter
    sort: SortKey = "time"
    limit: int = 50
    cursor: str | None = None


async def search_llm_calls(inquiry: Inquiry, search: LlmSearch) -> Record:
    """One page of calls, and where the next begins. Unpriced calls are the cheapest, not free."""
    limit = min(max(search.limit, 1), MAX_CALLS)
    key = _SORT_KEYS[search.sort]
    place = Row((Column("sort_key"), Column("time_nano"), Column("span")))
    having = None
    if search.cursor:
        value, at, span = unpack(search.cursor, float, int, str)
        last = Row((real(float(value)), integer(int(at)), text(str(span))))
        having = Comparison(place, "<", last)
    windows = search.filter.window.newest_first() if search.sort == "time" else iter([search.filter.window])
    rows: list[Record] = []
    for window in windows:
        select = Select(
            columns=(*_call_columns(), Alias(key, "sort_key")),
            source=Table("llm_calls"),
            where=And(
                (in_calls(search.filter.tenant, window), matching(search.filter), *((having,) if having else ()))
            ),
            order_by=tuple(Order(Column(name), descending=True) for name in ("sort_key", "time_nano", "span")),
            limit=limit - len(rows),
        )
        rows += await inquiry.records(select)
        if len(rows) == limit:
            break
    last_row = rows[-1] if len(rows) == limit else None
    return {
        "calls": [llm_call(row) for row in rows],
        "next_cursor": last_row and pack(float(last_row["sort_key"]), int(last_row["time_nano"]), last_row["span"]),
        "stats": inquiry.cost.as_json(),
    }


# As floats, so that one cursor serves all; time has its exact nanoseconds as the second part of the order.
_SORT_KEYS: Final[dict[SortKey, Call]] = {
    "time": call("toFloat64", Number(0)),
    "cost": call("ifNull", Column("cost_usd"), Number(-1)),
    "duration": call("toFloat64", Column("duration_nano")),
}


async def read_llm_call(inquiry: Inquiry, *, tenant: str, trace_id: str, span_id: str, window: TimeRange) -> Record:
    """One call with its details; ``window`` is its trace's extent. Raises ``NotFound``."""
    select = Select(
        columns=(*_call_columns(), *(Column(name) for name in _DETAILS)),
        source=Table("llm_calls"),
        where=And(
            (
                in_calls(tenant, window),
                eq("trace_id", identifier(trace_id, 16)),
                eq("span_id", identifier(span_id, 8)),
            )
        ),
        limit=1,
    )
    rows = await inquiry.records(select)
    if not rows:
        raise NotFound(f"span {span_id} of trace {trace_id} is no LLM call that we know", code="llm_call_not_found")
    row = rows[0]
    parameters = json_value(row["parameters"]) if row["parameters"] else {}
    return {
        **llm_call(row),
        "parameters": finite(parameters),
        "environment": row["environment"],
        "release": row["release"],
        "tags": row["tags"],
    }


def in_calls(tenant: str, window: TimeRange) -> Expr:
    """A tenant's calls of a time range."""
    ts = Column("ts")
    return And(
        (
            eq("tenant", text(tenant)),
            Comparison(ts, ">=", moment(window.start_nano)),
            Comparison(ts, "<", moment(window.end_nano)),
        )
    )


def matching(wanted: LlmFilter) -> Expr:
    """The conditions of a filter, apart from tenant and time."""
    equalities = {
        "service": wanted.service,
        "model": wanted.model,
        "provider": wanted.provider,
        "type": wanted.type,
        "function": wanted.function,
        "user_id": wanted.user,
        "session_id": wanted.session,
    }
    conditions: list[Expr] = [eq(column, text(value)) for column, value in equalities.items() if value is not None]
    if wanted.success is not None:
        conditions.append(eq("success", Param(wanted.success, "Bool")))
    if wanted.priced is not None:
        conditions.append(call("isNotNull" if wanted.priced else "isNull", Column("cost_usd")))
    if wanted.min_cost_usd is not None:
        conditions.append(Comparison(call("ifNull", Column("cost_usd"), Number(-1)), ">=", real(wanted.min_cost_usd)))
    if wanted.trace_id is not None:
        conditions.append(eq("trace_id", identifier(wanted.trace_id, 16)))
    if wanted.text:
        searched = ("prompt_preview", "completion_preview", "error_message", "name", "model")
        conditions.append(Or(tuple(Comparison(Column(name), "ILIKE", containing(wanted.text)) for name in searched)))
    return And(tuple(conditions))


def _call_columns() -> tuple[Expr, ...]:
    return (
        nano("ts", "time_nano"),
        Alias(hexadecimal("trace_id"), "trace"),
        Alias(hexadecimal("span_id"), "span"),
        Alias(hexadecimal("parent_span_id"), "parent"),
        *(Column(name) for name in (*_NAMES, *_COUNTS)),
    )


def llm_call(row: Record) -> Record:
    """A row as an LlmCall of the API."""
    return {
        "trace_id": row["trace"],
        "span_id": row["span"],
        "parent_span_id": id_or_none(row["parent"]),
        "time_unix_nano": str(row["time_nano"]),
        **{name: row[name] for name in _NAMES},
        **{name: row[name] for name in _COUNTS},
    }


def parse_sort(value: str) -> SortKey:
    """Read a sort order.

    >>> parse_sort("cost")
    'cost'
    """
    for known in _SORT_KEYS:
        if value == known:
            return known
    raise UserError(f"cannot sort by {value!r}", code="bad_sort", hint=f"use one of {', '.join(_SORT_KEYS)}")
