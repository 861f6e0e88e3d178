"""What there is to ask for: series, label names and values, metadata, exemplars.

Answers come from the tables ``series``, ``metadata`` and ``exemplars``, never from samples. A series is known by the
days on which it had samples, so a time range is widened to whole days (but for exemplars, which have times of their
own). Selectors are alternatives: a series belongs to the answer when all matchers of one of them fit; no selectors at
all mean every series. A ``limit`` cuts the answer off without a word: ask for one more than you show to know.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sonde.query.engine import Inquiry, Record
from sonde.query.promql.clickhouse.selection import any_of, days, millisecond, named
from sonde.query.sql.ast import (
    And,
    Column,
    Comparison,
    Expr,
    In,
    Key,
    Order,
    Select,
    Table,
    aliased,
    call,
    eq,
    hexadecimal,
    text,
    texts,
)
from sonde.telemetry.labels import METRIC_NAME, Labels, labels_of
from sonde.telemetry.matcher import Matcher

Selectors = Sequence[Sequence[Matcher]]
MAX_EXEMPLARS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is said of a metric, by one of those who send it."""

    type: str
    help: str
    unit: str


@dataclass(frozen=True, slots=True)
class Exemplar:
    """One measurement behind a sample; its labels include ``trace_id`` and ``span_id`` where it has them."""

    labels: Labels
    value: float
    time: int
    """Milliseconds."""


async def series(
    inquiry: Inquiry, tenant: str, selectors: Selectors, *, start: int, end: int, limit: int | None = None
) -> list[Labels]:
    """The label sets of series, in order."""
    rows = await inquiry.records(_series(tenant, selectors, start, end, limit))
    return sorted(named(row["metric"], row["labels"]) for row in rows)


async def label_names(
    inquiry: Inquiry, tenant: str, selectors: Selectors, *, start: int, end: int, limit: int | None = None
) -> list[str]:
    """The names of labels that series have, in order; ``__name__`` is one."""
    name = call("arrayJoin", call("arrayPushBack", call("mapKeys", Column("labels")), text(METRIC_NAME)))
    return await _distinct(inquiry, name, _where(tenant, selectors, start, end), limit)


async def label_values(
    inquiry: Inquiry, tenant: str, name: str, selectors: Selectors, *, start: int, end: int, limit: int | None = None
) -> list[str]:
    """The values of one label, in order."""
    value: Expr = Column("metric") if name == METRIC_NAME else Key(Column("labels"), text(name))
    where = And((_where(tenant, selectors, start, end), Comparison(value, "!=", text(""))))
    return await _distinct(inquiry, value, where, limit)


async def metadata(
    inquiry: Inquiry, tenant: str, *, metric: str = "", limit: int | None = None, limit_per_metric: int | None = None
) -> dict[str, list[Metadata]]:
    """What is said of each metric, or of one: what was said last comes first. Metrics stand in order."""
    columns = tuple(map(Column, ("metric", "type", "help", "unit")))
    rows = await inquiry.records(
        Select(
            columns=columns,
            source=Table("metadata"),
            where=And((eq("tenant", text(tenant)), *([eq("metric", text(metric))] if metric else []))),
            group_by=columns,
            order_by=(
                Order(Column("metric")),
                Order(call("max", Column("day")), descending=True),
                *map(Order, columns[1:]),
            ),
        )
    )
    said: dict[str, list[Metadata]] = {}
    for row in rows:
        if row["metric"] not in said and limit is not None and len(said) >= limit:
            break
        of_metric = said.setdefault(row["metric"], [])
        if limit_per_metric is None or len(of_metric) < limit_per_metric:
            of_metric.append(Metadata(row["type"], row["help"], row["unit"]))
    return said


async def exemplars(
    inquiry: Inquiry, tenant: str, selectors: Selectors, *, start: int, end: int
) -> list[tuple[Labels, list[Exemplar]]]:
    """The exemplars of series from ``start`` to ``end``, by time; series in order. At most ``MAX_EXEMPLARS``."""
    rows = await inquiry.records(_series(tenant, selectors, start, end, None))
    known = {row["id"]: named(row["metric"], row["labels"]) for row in rows}
    if not known:
        return []
    where = And(
        (
            eq("tenant", text(tenant)),
            In(Column("metric"), texts(sorted({row["metric"] for row in rows}))),
            Comparison(Column("ts"), ">=", millisecond(start)),
            Comparison(Column("ts"), "<=", millisecond(end)),
            In(Column("id"), Select((Column("id"),), Table("series"), _where(tenant, selectors, start, end))),
        )
    )
    found = await inquiry.records(
        Select(
            columns=(
                Column("id"),
                *aliased(
                    time=call("toUnixTimestamp64Milli", Column("ts")),
                    bits=call("reinterpretAsUInt64", Column("value")),
                    trace=hexadecimal("trace_id"),
                    span=hexadecimal("span_id"),
                ),
                Column("labels"),
            ),
            source=Table("exemplars"),
            where=where,
            order_by=tuple(Order(Column(name)) for name in ("metric", "id", "ts", "value")),
            one_by=tuple(Column(name) for name in ("id", "ts", "value", "trace_id", "span_id", "labels")),
            limit=MAX_EXEMPLARS,
        )
    )
    by_series: dict[Labels, list[Exemplar]] = {}
    for row in found:
        if row["id"] in known:
            by_series.setdefault(known[row["id"]], []).append(_exemplar(row))
    return sorted(by_series.items())


def _where(tenant: str, selectors: Selectors, start: int, end: int) -> Expr:
    chosen = (any_of(selectors),) if selectors else ()
    return And((eq("tenant", text(tenant)), *chosen, *days(start - 1, end)))


def _series(tenant: str, selectors: Selectors, start: int, end: int, limit: int | None) -> Select:
    return Select(
        columns=tuple(map(Column, ("metric", "id", "labels"))),
        source=Table("series"),
        where=_where(tenant, selectors, start, end),
        order_by=(Order(Column("metric")), Order(Column("id"))),
        one_by=(Column("id"),),
        limit=limit,
    )


async def _distinct(inquiry: Inquiry, value: Expr, where: Expr, limit: int | None) -> list[str]:
    rows = await inquiry.records(
        Select(
            columns=aliased(found=call("toString", value)),
            source=Table("series"),
            where=where,
            group_by=(Column("found"),),
            order_by=(Order(Column("found")),),
            limit=limit,
        )
    )
    return [row["found"] for row in rows]


def _exemplar(row: Record) -> Exemplar:
    ids = {name: row[column] for name, column in (("trace_id", "trace"), ("span_id", "span")) if row[column].strip("0")}
    [value] = struct.unpack("<d", struct.pack("<Q", row["bits"]))
    return Exemplar(labels_of({**row["labels"], **ids}), value, row["time"])
