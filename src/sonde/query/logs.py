"""Log search, newest first, and its histogram.

A search walks the time range backwards in growing windows and stops when the page is full. Pages continue at a time and
the number of records already shown with exactly that time: records may be equal in everything else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sonde.query.attribute_filter import AttributeFilter, conditions
from sonde.query.cursor import pack, unpack
from sonde.query.engine import Inquiry, Record
from sonde.query.resources import read_resources
from sonde.query.sql.ast import (
    Alias,
    And,
    Column,
    Comparison,
    Expr,
    In,
    Order,
    Select,
    Table,
    aliased,
    call,
    containing,
    eq,
    hexadecimal,
    identifier,
    integer,
    text,
    texts,
)
from sonde.query.values import ATTRIBUTE_COLUMNS, attributes, id_or_none, nano
from sonde.query.window import TimeRange, within

MAX_RECORDS: Final = 1000
MAX_BUCKETS: Final = 500
LEVELS: Final = ("trace", "debug", "info", "warn", "error", "fatal", "unknown")

# Makes the order of records of the same nanosecond the same in every query.
_TIE: Final = call("cityHash64", *(Column(name) for name in ("service", "body", "span_id", "resource_id", "attr_str")))

RECORD_COLUMNS: Final[tuple[Expr, ...]] = (
    nano("ts", "time_nano"),
    Alias(_TIE, "tie"),
    Alias(hexadecimal("trace_id"), "trace"),
    Alias(hexadecimal("span_id"), "span"),
    *(Column(name) for name in ("service", "level", "severity_number", "severity_text", "body", "event_name")),
    Column("resource_id"),
    *ATTRIBUTE_COLUMNS,
)


@dataclass(frozen=True, slots=True)
class LogSearch:
    """What a log record must be like; all conditions hold. ``text`` is found in the body, whatever its case."""

    tenant: str
    window: TimeRange
    service: str | None = None
    levels: tuple[str, ...] = ()
    text: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    attributes: tuple[AttributeFilter, ...] = ()
    limit: int = 200
    cursor: str | None = None


async def search_logs(inquiry: Inquiry, search: LogSearch) -> Record:
    """The newest matching records, and where the next page begins."""
    limit = min(max(search.limit, 1), MAX_RECORDS)
    rows = await _walk(inquiry, search, limit)
    resources = await read_resources(inquiry, search.tenant, search.window, (row["resource_id"] for row in rows))
    return {
        "records": [log_record(row, resources) for row in rows],
        "next_cursor": _next_cursor(rows, search.cursor) if len(rows) == limit else None,
        "stats": inquiry.cost.as_json(),
    }


async def _walk(inquiry: Inquiry, search: LogSearch, limit: int) -> list[Record]:
    window, skipped = search.window, 0
    if search.cursor:
        last_nano, skipped = (int(part) for part in unpack(search.cursor, int, int))
        if last_nano < window.start_nano:
            return []
        window = TimeRange(window.start_nano, min(window.end_nano, last_nano + 1))
        skipped = min(max(skipped, 0), 1_000_000)
    rows: list[Record] = []
    attributes = await attribute_conditions(inquiry, search)
    for slice_ in window.newest_first(coarse=bool(attributes)):
        # Only the first window holds records that were shown before: they all have the time it ends with.
        where = matching(search, slice_, attributes)
        found = await inquiry.records(newest_records(where, limit=limit - len(rows), offset=skipped))
        rows += found
        skipped = 0
        if len(rows) == limit:
            break
    return rows


def newest_records(where: Expr, *, limit: int, offset: int = 0) -> Select:
    """The newest matching records, in the one order that all pages share."""
    return Select(
        columns=RECORD_COLUMNS,
        source=Table("logs"),
        where=where,
        order_by=(
            Order(call("toStartOfFiveMinutes", Column("ts")), descending=True),
            Order(Column("ts"), descending=True),
            Order(Column("tie"), descending=True),
        ),
        limit=limit,
        offset=offset,
    )


def _next_cursor(rows: list[Record], cursor: str | None) -> str:
    last_nano = int(rows[-1]["time_nano"])
    shown = sum(1 for row in rows if int(row["time_nano"]) == last_nano)
    if cursor:
        former_nano, former_shown = (int(part) for part in unpack(cursor, int, int))
        shown += former_shown if former_nano == last_nano else 0
    return pack(last_nano, shown)


async def attribute_conditions(inquiry: Inquiry, search: LogSearch) -> tuple[Expr, ...]:
    """The attribute filters of a search, ready for ``matching``."""
    return await conditions(inquiry, search.attributes, tenant=search.tenant, window=search.window)


def matching(search: LogSearch, window: TimeRange, attributes: tuple[Expr, ...] = ()) -> Expr:
    """The conditions of a search, within a window of its own."""
    parts: list[Expr] = [eq("tenant", text(search.tenant)), within(window)]
    if search.service:
        parts.append(eq("service", text(search.service)))
    if search.levels:
        parts.append(In(Column("level"), texts(search.levels)))
    if search.trace_id:
        parts.append(eq("trace_id", identifier(search.trace_id, 16)))
    if search.span_id:
        parts.append(eq("span_id", identifier(search.span_id, 8)))
    if search.text:
        parts.append(Comparison(Column("body"), "ILIKE", containing(search.text)))
    return And((*parts, *attributes))


async def log_histogram(inquiry: Inquiry, search: LogSearch, *, buckets: int = 60) -> Record:
    """How many records match in each step of the range, by level."""
    step = search.window.step_seconds(min(max(buckets, 1), MAX_BUCKETS))
    times = search.window.grid(step)
    seconds = call("intDiv", call("toUnixTimestamp64Nano", Column("ts")), integer(10**9 * step))
    select = Select(
        columns=(Column("level"), *aliased(bucket=seconds, records=call("count"))),
        source=Table("logs"),
        where=matching(search, search.window, await attribute_conditions(inquiry, search)),
        group_by=(Column("level"), Column("bucket")),
    )
    levels: dict[str, list[int]] = {}
    for row in await inquiry.records(select):
        series = levels.setdefault(row["level"], [0] * len(times))
        # intDiv rounds towards zero, so records of before 1970 may fall before the first step.
        position = min(max(int(row["bucket"]) - times[0] // step, 0), len(times) - 1)
        series[position] += int(row["records"])
    ordered = {level: levels[level] for level in (*LEVELS, *sorted(set(levels) - set(LEVELS))) if level in levels}
    return {"step_seconds": step, "times": times, "levels": ordered, "stats": inquiry.cost.as_json()}


def log_record(row: Record, resources: dict[int, Record]) -> Record:
    """A row as a LogRecord of the API."""
    return {
        "time_unix_nano": str(row["time_nano"]),
        "service": row["service"],
        "level": row["level"],
        "severity_number": int(row["severity_number"]),
        "severity_text": row["severity_text"],
        "body": row["body"],
        "event_name": row["event_name"],
        "trace_id": id_or_none(row["trace"]),
        "span_id": id_or_none(row["span"]),
        "attributes": attributes(row),
        "resource": resources.get(int(row["resource_id"]), {"service.name": row["service"]}),
    }


def record_key(row: Record) -> tuple[int, int]:
    """What tells records apart when a reader sees some twice: time, and a hash of the rest."""
    return int(row["time_nano"]), int(row["tie"])


async def count_records(inquiry: Inquiry, where: Expr) -> int:
    """How many records match."""
    select = Select((Alias(call("count"), "records"),), Table("logs"), where=where)
    (row,) = await inquiry.records(select)
    return int(row["records"])
