"""What a tenant's series are made of, and how they grow: from the table ``series``, a row a series and day.

Only ``samples_by_metric`` looks at samples, and of these at nothing but the names, which lie sorted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sonde.query.engine import Inquiry, Record
from sonde.query.promql.clickhouse.selection import condition
from sonde.query.sql.ast import (
    And,
    Call,
    Column,
    Comparison,
    Expr,
    Not,
    Number,
    Order,
    Row,
    Select,
    Table,
    aliased,
    call,
    eq,
    text,
)
from sonde.telemetry.labels import METRIC_NAME
from sonde.telemetry.matcher import Matcher

DAY: Final = 86_400_000
MOST_DAYS: Final = 62
"""Of a growth: a series' days, and the one before, are the bits of a number."""
_EPOCH: Final = date(1970, 1, 1).toordinal()

Counts = tuple[tuple[str, int], ...]
"""Names and numbers, the largest first."""


@dataclass(frozen=True, slots=True)
class Days:
    """Whole days, both included, as days since 1970.

    >>> Days.of(1_700_000_000_000, 1_700_050_000_000)
    Days(first=19675, last=19676)
    >>> Days.of(1_700_000_000_000, 1_700_050_000_000).dates()
    ['2023-11-14', '2023-11-15']
    """

    first: int
    last: int

    @classmethod
    def of(cls, start: int, end: int) -> Days:
        """The days that a range of milliseconds touches."""
        return cls(start // DAY, end // DAY)

    def dates(self) -> list[str]:
        """Each as YYYY-MM-DD."""
        return [date.fromordinal(_EPOCH + day).isoformat() for day in range(self.first, self.last + 1)]

    @property
    def newest(self) -> Days:
        """So many of the last that their growth can be told."""
        return Days(max(self.first, self.last - MOST_DAYS + 1), self.last)


@dataclass(frozen=True, slots=True)
class Cardinality:
    """How many series there are, and of what."""

    series: int = 0
    metrics: int = 0
    label_names: int = 0
    label_pairs: int = 0
    series_by_metric: Counts = ()
    values_by_label: Counts = ()
    bytes_by_label: Counts = ()
    """What all values of a label come to, each as often as there are series with it."""
    series_by_label_pair: tuple[tuple[str, str, int], ...] = ()
    """Name, value, number."""


@dataclass(frozen=True, slots=True)
class Growth:
    """One day: its series, those of them that the day before did not have, and those that only the day before had."""

    day: str
    series: int
    new: int
    gone: int


async def extent(inquiry: Inquiry, tenant: str) -> Days | None:
    """The first and the newest day on which a tenant has series."""
    first, last = (call("toInt32", call(name, Column("day"))) for name in ("min", "max"))
    columns = aliased(first=first, last=last, rows=call("count"))
    [found] = await inquiry.records(Select(columns, Table("series"), eq("tenant", text(tenant))))
    return Days(found["first"], found["last"]) if found["rows"] else None


async def cardinality(
    inquiry: Inquiry, tenant: str, days: Days, matchers: tuple[Matcher, ...] = (), *, limit: int = 10
) -> Cardinality:
    """What the series of some days are made of; each is counted once."""
    where = _where(tenant, days, matchers)
    once = Select(tuple(map(Column, ("metric", "id", "labels"))), Table("series"), where, one_by=(Column("id"),))
    pairs = _pairs(once)
    by_label = Select(
        (
            Column("name"),
            *aliased(
                values=call("count"),
                bytes=call("sum", call("multiply", call("length", Column("value")), Column("series"))),
            ),
        ),
        pairs,
        group_by=(Column("name"),),
    )
    totals, metrics, [labels], label_pairs = await inquiry.together(
        Select(
            aliased(series=call("uniqExact", Column("id")), metrics=call("uniqExact", Column("metric"))),
            Table("series"),
            where,
        ),
        _most(call("uniqExact", Column("id")), Table("series"), where, limit),
        Select(
            aliased(
                names=call("count"),
                pairs=call("sum", Column("values")),
                by_values=_first(limit, Column("values")),
                by_bytes=_first(limit, Column("bytes")),
            ),
            by_label,
        ),
        Select(
            tuple(map(Column, ("name", "value", "series"))),
            pairs,
            order_by=(Order(Column("series"), descending=True), Order(Column("name")), Order(Column("value"))),
            limit=limit,
        ),
    )
    return Cardinality(
        series=totals[0]["series"],
        metrics=totals[0]["metrics"],
        label_names=labels["names"],
        label_pairs=labels["pairs"],
        series_by_metric=_counted(metrics),
        values_by_label=tuple((name, -count) for count, name in labels["by_values"]),
        bytes_by_label=tuple((name, -count) for count, name in labels["by_bytes"]),
        series_by_label_pair=tuple((row["name"], row["value"], row["series"]) for row in label_pairs),
    )


async def growth(
    inquiry: Inquiry, tenant: str, days: Days, matchers: tuple[Matcher, ...] = (), *, limit: int = 10
) -> tuple[list[Growth], Counts]:
    """Each day's series and those that are new on it; and the metrics with the most new series on the last day.

    At most ``MOST_DAYS``, the newest.
    """
    days = days.newest
    before = days.first - 1
    place = call("minus", call("toInt32", Column("day")), Number(before))
    mask = call("groupBitOr", call("bitShiftLeft", call("toUInt64", Number(1)), place))
    where = _where(tenant, Days(before, days.last), matchers)
    series = Select((Column("metric"), *aliased(days=mask)), Table("series"), where, group_by=_columns("metric", "id"))
    size = days.last - days.first + 1
    places = call("arrayJoin", call("range", Number(1), Number(size + 1)))
    by_day = Select((Column("days"), *aliased(place=places)), series)
    now, earlier = (call("bitTest", Column("days"), Column("place")), _the_day_before(Column("place")))
    told, new = await inquiry.together(
        Select(
            (
                Column("place"),
                *aliased(
                    series=call("countIf", now),
                    new=call("countIf", And((now, Not(earlier)))),
                    gone=call("countIf", And((Not(now), earlier))),
                ),
            ),
            by_day,
            group_by=(Column("place"),),
            order_by=(Order(Column("place")),),
        ),
        _most(
            call("countIf", And((call("bitTest", Column("days"), Number(size)), Not(_the_day_before(Number(size)))))),
            series,
            None,
            limit,
        ),
    )
    counts = {row["place"]: (row["series"], row["new"], row["gone"]) for row in told}
    listed = [Growth(day, *counts.get(place, (0, 0, 0))) for place, day in enumerate(days.dates(), 1)]
    return listed, tuple((name, count) for name, count in _counted(new) if count)


async def samples_by_metric(inquiry: Inquiry, tenant: str, days: Days, *, limit: int = 10) -> Counts:
    """The metrics with the most samples and native histograms on some days, as they are stored."""
    first, *_, last = [*days.dates(), *days.dates()]
    within = And(
        (
            eq("tenant", text(tenant)),
            # partitions are days: so no time needs to be read
            Comparison(Column("_partition_id"), ">=", text(first.replace("-", ""))),
            Comparison(Column("_partition_id"), "<=", text(last.replace("-", ""))),
        )
    )
    tables = (Table("samples"), Table("histograms"))
    found = await inquiry.together(*(_most(call("count"), table, within, limit) for table in tables))
    together: dict[str, int] = {}
    for name, count in (pair for rows in found for pair in _counted(rows)):
        together[name] = together.get(name, 0) + count
    return tuple(sorted(together.items(), key=lambda pair: (-pair[1], pair[0]))[:limit])


def _where(tenant: str, days: Days, matchers: tuple[Matcher, ...]) -> Expr:
    return And(
        (
            eq("tenant", text(tenant)),
            *map(condition, matchers),
            Comparison(Column("day"), ">=", _date(days.first)),
            Comparison(Column("day"), "<=", _date(days.last)),
        )
    )


def _date(day: int) -> Call:
    return call("toDate32", Number(day))


def _pairs(series: Select) -> Select:
    """Each label pair of these series, the metric's name among them, and how many have it."""
    listed = call("CAST", Column("labels"), text("Array(Tuple(String, String))"))
    name = call("tuple", text(METRIC_NAME), call("toString", Column("metric")))
    pair = Select(aliased(pair=call("arrayJoin", call("arrayPushBack", listed, name))), series)
    columns = aliased(
        name=call("tupleElement", Column("pair"), Number(1)),
        value=call("tupleElement", Column("pair"), Number(2)),
        series=call("count"),
    )
    return Select(columns, pair, group_by=_columns("name", "value"))


def _the_day_before(place: Expr) -> Call:
    return call("bitTest", Column("days"), call("minus", place, Number(1)))


def _first(limit: int, count: Column) -> Call:
    """The largest counts of labels, as (-count, name)."""
    item = Row((call("negate", call("toInt64", count)), Column("name")))
    return Call("groupArraySorted", (item,), (Number(limit),))


def _most(count: Expr, source: Table | Select, where: Expr | None, limit: int) -> Select:
    """The metrics with the largest counts."""
    return Select(
        aliased(name=call("toString", Column("metric")), count=count),
        source,
        where,
        group_by=(Column("name"),),
        order_by=(Order(Column("count"), descending=True), Order(Column("name"))),
        limit=limit,
    )


def _counted(rows: Iterable[Record]) -> Counts:
    return tuple((row["name"], row["count"]) for row in rows)


def _columns(*names: str) -> tuple[Column, ...]:
    return tuple(map(Column, names))


def as_json(found: Cardinality) -> dict[str, Any]:
    """As our own API tells it."""
    return {
        "series": found.series,
        "metrics": found.metrics,
        "label_names": found.label_names,
        "label_pairs": found.label_pairs,
        "by_metric": [{"metric": name, "series": count} for name, count in found.series_by_metric],
        "by_label": [{"label": name, "values": count} for name, count in found.values_by_label],
        "by_label_bytes": [{"label": name, "bytes": count} for name, count in found.bytes_by_label],
        "by_pair": [
            {"label": name, "value": value, "series": count} for name, value, count in found.series_by_label_pair
        ],
    }
