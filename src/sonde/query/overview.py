"""The first page: services with rate, errors and latency, LLM spend, newest errors; from digests, in a few small reads.

Ten million spans are some ten thousand rows of ``red_1m``. Raw spans are read for the newest errors only, and only in
the minutes and operations where the digests say that there are any.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

from sonde.query.engine import Inquiry, Record
from sonde.query.llm_calls import in_calls
from sonde.query.llm_summary import BUCKET_SUMS
from sonde.query.logs import LogSearch, matching, newest_records
from sonde.query.services import in_minutes
from sonde.query.sql.ast import (
    Alias,
    And,
    Column,
    Comparison,
    Expr,
    In,
    Lambda,
    Number,
    Order,
    Row,
    Select,
    Table,
    aliased,
    call,
    eq,
    hexadecimal,
    integer,
    moment,
    text,
    texts,
)
from sonde.query.values import id_or_none, merge_digests, nano, quantile_seconds
from sonde.query.window import DAY, HOUR, MINUTE, SECOND, TimeRange

MAX_ERRORS: Final = 20
MAX_SERVICES: Final = 500
_POINTS: Final = 60
_MESSAGE_LENGTH: Final = 500

# What counts as a request of a service: what it was asked to do, not what it asked others.
_ENTRY_KINDS: Final = ("server", "consumer")


async def read_overview(inquiry: Inquiry, *, tenant: str, window: TimeRange, now_nano: int) -> Record:
    """All of the page in one answer."""
    step = window.step_seconds(_POINTS, least=60)
    times = window.grid(step)
    today = TimeRange(now_nano // DAY * DAY, now_nano + MINUTE)
    (series, digests, llm_window, llm_today), span_errors, log_errors = await asyncio.gather(
        inquiry.together(
            _series(tenant, window, step),
            _digests(tenant, window),
            _llm(tenant, window, step),
            _llm(tenant, today, 86_400),
        ),
        _span_errors(inquiry, tenant, window),
        _log_errors(inquiry, tenant, window),
    )
    errors = sorted((*span_errors, *log_errors), key=lambda error: -int(error["time_unix_nano"]))[:MAX_ERRORS]
    return {
        "window": {"start_seconds": window.start_seconds, "end_seconds": window.end_seconds, "step_seconds": step},
        "services": _services(series, digests, window, times, step),
        "llm": _llm_answer(llm_window, llm_today, times, step),
        "errors": errors,
        "stats": inquiry.cost.as_json(),
    }


def _step_of(ts: Expr, step: int) -> Expr:
    return call("intDiv", call("toUnixTimestamp64Nano", call("toDateTime64", ts, Number(9))), integer(step * SECOND))


def _is_entry() -> Expr:
    return In(call("toString", Column("kind")), texts(_ENTRY_KINDS))


def _series(tenant: str, window: TimeRange, step: int) -> Select:
    return Select(
        columns=(
            Column("service"),
            *aliased(
                entry=_is_entry(),
                step=_step_of(Column("ts"), step),
                spans_sum=call("sum", Column("spans")),
                errors_sum=call("sum", Column("errors")),
                last=call("toUnixTimestamp", call("max", Column("ts"))),
            ),
        ),
        source=Table("red_1m"),
        where=in_minutes(tenant, window),
        group_by=(Column("service"), Column("entry"), Column("step")),
    )


def _digests(tenant: str, window: TimeRange) -> Select:
    return Select(
        columns=(
            Column("service"),
            *aliased(entry=_is_entry(), digest=call("sumMap", Column("duration_buckets"))),
        ),
        source=Table("red_1m"),
        where=in_minutes(tenant, window),
        group_by=(Column("service"), Column("entry")),
    )


@dataclass(slots=True)
class _Side:
    """A service's requests, or its other spans."""

    requests: list[int]
    errors: list[int]
    digest: dict[str, int] = field(default_factory=dict)


def _services(
    series: list[Record], digests: list[Record], window: TimeRange, times: list[int], step: int
) -> list[Record]:
    sides: dict[tuple[str, bool], _Side] = {}
    last_seen: dict[str, int] = {}
    for row in series:
        side = sides.setdefault((row["service"], bool(row["entry"])), _Side([0] * len(times), [0] * len(times)))
        position = min(max(int(row["step"]) - times[0] // step, 0), len(times) - 1)
        side.requests[position] += int(row["spans_sum"])
        side.errors[position] += int(row["errors_sum"])
        last_seen[row["service"]] = max(last_seen.get(row["service"], 0), int(row["last"]))
    for row in digests:
        if digested := sides.get((row["service"], bool(row["entry"]))):
            merge_digests(digested.digest, row["digest"])
    # A service that nobody asks anything (a job, a script) is shown by all its spans.
    chosen = {service: sides.get((service, True)) or sides[service, False] for service in last_seen}
    answers = [_service(service, side, window, times, step, last_seen[service]) for service, side in chosen.items()]
    return sorted(answers, key=lambda answer: (-answer["requests"], answer["service"]))[:MAX_SERVICES]


def _service(service: str, side: _Side, window: TimeRange, times: list[int], step: int, last_seen: int) -> Record:
    requests, errors = sum(side.requests), sum(side.errors)
    covered = [_covered_seconds(time, step, window) for time in times]
    return {
        "service": service,
        "requests": requests,
        "errors": errors,
        "request_rate": requests / (window.end_seconds - window.start_seconds),
        "error_rate": errors / requests if requests else 0.0,
        "p50_seconds": quantile_seconds(side.digest, 0.5),
        "p95_seconds": quantile_seconds(side.digest, 0.95),
        "times": times,
        "rate": [count / seconds for count, seconds in zip(side.requests, covered, strict=True)],
        "error_series": [count / seconds for count, seconds in zip(side.errors, covered, strict=True)],
        "last_seen_unix_nano": str(last_seen * SECOND),
    }


def _covered_seconds(time: int, step: int, window: TimeRange) -> float:
    """How much of a step had passed: the newest one is still being filled. Digests are whole minutes, so never less."""
    return max(min(time + step, window.end_seconds) - time, 60.0)


def _llm(tenant: str, window: TimeRange, step: int) -> Select:
    return Select(
        columns=(
            Column("model"),
            Column("provider"),
            *aliased(step=_step_of(Column("ts"), step)),
            *BUCKET_SUMS,
        ),
        source=Table("llm_calls"),
        where=in_calls(tenant, window),
        group_by=(Column("model"), Column("provider"), Column("step")),
    )


def _llm_answer(in_window: list[Record], today: list[Record], times: list[int], step: int) -> Record:
    cost = [0.0] * len(times)
    models: dict[tuple[str, str], Record] = {}
    for row in in_window:
        position = min(max(int(row["step"]) - times[0] // step, 0), len(times) - 1)
        cost[position] += row["cost_sum"] or 0.0
        of_model = models.setdefault((row["model"], row["provider"]), {"calls": 0, "cost_usd": None})
        of_model["calls"] += int(row["calls"])
        if int(row["calls"]) > int(row["unpriced_calls"]):
            of_model["cost_usd"] = (of_model["cost_usd"] or 0.0) + (row["cost_sum"] or 0.0)
    by_model = [{"model": model, "provider": provider, **of_model} for (model, provider), of_model in models.items()]

    def total(rows: list[Record], name: str) -> int:
        return sum(int(row[name]) for row in rows)

    def spent(rows: list[Record]) -> float:
        return sum(row["cost_sum"] or 0.0 for row in rows)

    return {
        "today": {
            "cost_usd": spent(today),
            "calls": total(today, "calls"),
            "unpriced_calls": total(today, "unpriced_calls"),
        },
        "window": {
            "cost_usd": spent(in_window),
            "calls": total(in_window, "calls"),
            "errors": total(in_window, "failed_calls"),
            "unpriced_calls": total(in_window, "unpriced_calls"),
            "input_tokens": total(in_window, "input_sum"),
            "output_tokens": total(in_window, "output_sum"),
        },
        "by_model": sorted(by_model, key=lambda m: (-(m["cost_usd"] or 0.0), -m["calls"], m["model"])),
        "times": times,
        "cost_usd": cost,
    }


async def _span_errors(inquiry: Inquiry, tenant: str, window: TimeRange) -> list[Record]:
    where_errors = Select(
        columns=(Column("service"), Column("name"), Column("ts")),
        source=Table("red_1m"),
        where=And((in_minutes(tenant, window), Comparison(Column("errors"), ">", Number(0)))),
        order_by=(Order(Column("ts"), descending=True),),
        limit=MAX_ERRORS,
    )
    minutes = await inquiry.records(
        Select(
            columns=aliased(first=call("toUnixTimestamp", call("min", Column("ts"))), minutes=call("count")),
            source=where_errors,
        )
    )
    if not int(minutes[0]["minutes"]):
        return []
    first_nano = max(int(minutes[0]["first"]) * SECOND, window.start_nano)
    place = Row((Column("service"), Column("name"), call("toStartOfMinute", Column("ts"))))
    of_errors = Select(
        columns=(Column("service"), Column("name"), Alias(call("toDateTime", Column("ts")), "minute")),
        source=where_errors,
    )
    ts = Column("ts")
    select = Select(
        columns=(
            nano("ts", "time_nano"),
            Alias(hexadecimal("trace_id"), "trace"),
            Alias(hexadecimal("span_id"), "span"),
            Column("service"),
            Column("name"),
            Alias(_message(), "message"),
        ),
        source=Table("spans"),
        where=And(
            (
                eq("tenant", text(tenant)),
                Comparison(ts, ">=", moment(first_nano)),
                Comparison(ts, "<", moment(window.end_nano)),
                Comparison(call("toInt8", Column("status_code")), "=", Number(2)),
                In(place, of_errors),
            )
        ),
        order_by=(Order(ts, descending=True),),
        limit=MAX_ERRORS,
    )
    return [_error("span", row) for row in await inquiry.records(select)]


def _message() -> Expr:
    """What went wrong: the status's message, else the recorded exception's, else the HTTP status or `error.type`."""
    is_exception = Lambda(("carried", "name"), eq("name", text("exception")))
    exception = call("arrayFirst", is_exception, Column("events.attributes"), Column("events.name"))

    def of_exception(key: str) -> Expr:
        return call("JSONExtractString", exception, text(key))

    def item(attributes: str, key: str) -> Expr:
        return call("arrayElement", Column(attributes), text(key))

    status = item("attr_int", "http.response.status_code")
    return call(
        "substringUTF8",
        call(
            "multiIf",
            Comparison(Column("status_message"), "!=", text("")),
            Column("status_message"),
            call("has", Column("events.name"), text("exception")),
            call("concat", of_exception("exception.type"), text(": "), of_exception("exception.message")),
            Comparison(status, "!=", Number(0)),
            call("concat", text("HTTP "), call("toString", status)),
            item("attr_str", "error.type"),
        ),
        Number(1),
        Number(_MESSAGE_LENGTH),
    )


async def _log_errors(inquiry: Inquiry, tenant: str, window: TimeRange) -> list[Record]:
    """The newest error records; looked for in the last hours of the range only, newest window first."""
    start = max(window.start_nano, window.end_nano - 6 * HOUR)
    search = LogSearch(tenant, TimeRange(start, window.end_nano), levels=("error", "fatal"))
    rows: list[Record] = []
    for slice_ in search.window.newest_first():
        rows += await inquiry.records(newest_records(matching(search, slice_), limit=MAX_ERRORS - len(rows)))
        if len(rows) >= MAX_ERRORS:
            break
    return [_error("log", {**row, "name": row["event_name"], "message": row["body"][:_MESSAGE_LENGTH]}) for row in rows]


def _error(kind: str, row: Record) -> Record:
    return {
        "kind": kind,
        "time_unix_nano": str(row["time_nano"]),
        "service": row["service"],
        "name": row["name"],
        "message": row["message"],
        "trace_id": id_or_none(row["trace"]),
        "span_id": id_or_none(row["span"]),
    }
