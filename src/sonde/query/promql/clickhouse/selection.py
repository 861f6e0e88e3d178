"""Label matchers in, the series that fit out: the first half of a leaf. ``samples_reader`` reads what they hold.

The table ``series`` has each series once a day, so a selection reads the days of its time range and no samples. A
label that a series lacks is "" in its map, which is also what a matcher says of it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sonde.query.engine import Inquiry
from sonde.query.promql.limits import too_many_series
from sonde.query.promql.query import Limits
from sonde.query.promql.series import Integers
from sonde.query.sql.ast import (
    And,
    Call,
    Column,
    Comparison,
    Expr,
    In,
    Key,
    Not,
    Or,
    Param,
    Select,
    Table,
    call,
    eq,
    integer,
    text,
    texts,
)
from sonde.telemetry.labels import METRIC_NAME, Labels
from sonde.telemetry.matcher import Matcher, compiled
from sonde.telemetry.quoting import is_utf8

EARLIEST: Final = -2_208_988_800_000
"""Milliseconds: what DateTime64 can say begins with 1900."""
LATEST: Final = 9_200_000_000_000
"""Milliseconds: the last time that the store keeps, in the year 2261."""

TRUE: Final = And(())
NOT_TRUE: Final = Or(())

_ALTERNATIVES = re.compile(r"[\w:/ @,=\-]*(\|[\w:/ @,=\-]*)*\Z", re.ASCII)
MAX_LISTED_IDS: Final = 2_000
"""So many ids go along as a parameter; more are looked up again by the engine, which parses no numbers for it."""
_MAX_LISTED_METRICS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Selection:
    """Which series, and when: milliseconds, ``after`` excluded, ``until`` not."""

    tenant: str
    matchers: tuple[Matcher, ...]
    after: int
    until: int


@dataclass(frozen=True, slots=True)
class SelectedSeries:
    """Series in the order of their label sets, and their ids."""

    labels: Sequence[Labels]
    ids: NDArray[np.uint64]
    metrics: frozenset[str]

    def rows_of(self, ids: NDArray[np.uint64]) -> Integers:
        """The place of each id, -1 for a stranger: a series that has come after it was looked who there is."""
        if not len(self.ids):
            return np.full(len(ids), -1, np.int64)
        order = np.argsort(self.ids)
        places = np.searchsorted(self.ids, ids, sorter=order)
        rows = order[np.minimum(places, len(order) - 1)]
        return np.where(self.ids[rows] == ids, rows, -1)


async def select_series(inquiry: Inquiry, selection: Selection, limits: Limits) -> SelectedSeries:
    """The series that have samples on the days of the selection and fit all matchers.

    Raises:
        UserError: More than ``limits.series``, or a regular expression that RE2 does not read.
    """
    rows = await inquiry.records(
        Select(
            columns=(Column("metric"), Column("id"), Column("labels")),
            source=Table("series"),
            where=series_condition(selection),
            one_by=(Column("id"),),
            limit=limits.series + 1,
        )
    )
    if len(rows) > limits.series:
        raise too_many_series(limits)
    found = sorted((named(row["metric"], row["labels"]), row["id"]) for row in rows)
    return SelectedSeries(
        labels=[labels for labels, _ in found],
        ids=np.array([identifier for _, identifier in found], np.uint64),
        metrics=frozenset(row["metric"] for row in rows),
    )


def named(metric: str, labels: dict[str, str]) -> Labels:
    """The label set of a row of ``series``.

    >>> named("up", {"Zone": "a", "job": "api"})
    (('Zone', 'a'), ('__name__', 'up'), ('job', 'api'))
    """
    return tuple(sorted([*([(METRIC_NAME, metric)] if metric else []), *labels.items()]))


def series_condition(selection: Selection) -> Expr:
    """What a row of ``series`` must fulfil."""
    return And(
        (
            eq("tenant", text(selection.tenant)),
            *(condition(matcher) for matcher in selection.matchers),
            *days(selection.after, selection.until),
        )
    )


def sample_condition(selection: Selection, series: SelectedSeries) -> Expr:
    """What a row of a table with samples must fulfil to belong to these series."""
    ids = sorted(series.ids.tolist()) if len(series.ids) <= MAX_LISTED_IDS else None
    return point_condition(selection, series.metrics, ids)


def point_condition(selection: Selection, metrics: Collection[str], ids: Sequence[int] | None) -> Expr:
    """The same of these metrics and ids; without ids the engine looks them up. They come last, being the dearest."""
    by_name = [matcher for matcher in selection.matchers if matcher.name == METRIC_NAME]
    conditions: list[Expr] = [eq("tenant", text(selection.tenant))]
    if len(metrics) <= _MAX_LISTED_METRICS:
        conditions.append(In(Column("metric"), texts(sorted(metrics))))
    else:
        conditions += [condition(matcher) for matcher in by_name]
    conditions += times(selection.after, selection.until)
    if len(by_name) == len(selection.matchers):
        return And(tuple(conditions))
    listed: Param | Select
    if ids is not None:
        listed = Param(tuple(ids), "Array(UInt64)")
    else:
        listed = Select(columns=(Column("id"),), source=Table("series"), where=series_condition(selection))
    return And((*conditions, In(Column("id"), listed)))


def times(after: int, until: int) -> tuple[Expr, Expr]:
    """``ts`` within (after, until]."""
    return (
        Comparison(Column("ts"), ">" if after >= EARLIEST else ">=", millisecond(after)),
        Comparison(Column("ts"), "<=", millisecond(until)),
    )


def days(after: int, until: int) -> tuple[Expr, Expr]:
    """``day`` one of those that (after, until] touches."""
    return (
        Comparison(Column("day"), ">=", call("toDate32", millisecond(after + 1))),
        Comparison(Column("day"), "<=", call("toDate32", millisecond(until))),
    )


def millisecond(unix_milli: int) -> Call:
    """A time as the tables have it; what lies outside of all time that they hold is moved to its border."""
    return call("fromUnixTimestamp64Milli", integer(min(max(unix_milli, EARLIEST), LATEST)))


def condition(matcher: Matcher) -> Expr:
    """A matcher as a condition on ``series``.

    >>> from sonde.query.sql.render import render_expression
    >>> render_expression(condition(Matcher("__name__", "=~", "up|down")))
    ('metric IN {p0:Array(String)}', {'p0': ('down', 'up')})
    >>> render_expression(condition(Matcher("job", "!~", "a.*")))
    ('NOT match(labels[{p0:String}], {p1:String})', {'p0': 'job', 'p1': '^(?s:a.*)$'})

    What is no UTF-8 is in no series, and nothing that the engine could be given.
    """
    if not is_utf8(matcher.name):
        return TRUE if matcher.matches_empty else NOT_TRUE
    if not is_utf8(matcher.value) and matcher.operator in ("=", "!="):
        return NOT_TRUE if matcher.operator == "=" else TRUE
    name = Column("metric") if matcher.name == METRIC_NAME else Key(Column("labels"), text(matcher.name))
    match matcher.operator:
        case "=" | "!=":
            return Comparison(name, matcher.operator, text(matcher.value))
        case "=~":
            return _regex(name, matcher.value)
        case "!~":
            return Not(_regex(name, matcher.value))


def _regex(value: Expr, pattern: str) -> Expr:
    """RE2 on the whole value; patterns that are no more than a list of words become one."""
    compiled(pattern)  # says what is wrong with it
    if pattern == ".*":
        return TRUE
    if pattern == ".+":
        return Comparison(value, "!=", text(""))
    if _ALTERNATIVES.match(pattern):
        return In(value, texts(sorted(set(pattern.split("|")))))
    return call("match", value, text(f"^(?s:{pattern})$"))


def any_of(selections: Sequence[Sequence[Matcher]]) -> Expr:
    """A condition on ``series``: all matchers of one of these."""
    return Or(tuple(And(tuple(condition(matcher) for matcher in matchers)) for matchers in selections))
