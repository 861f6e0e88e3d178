"""PromQL's leaves over long ranges: from rollups where they are what the samples would give, from samples elsewhere.

``store/rollups.py`` has rolled up the hours that are over, and noted of how many samples. An hour is answered from
rollups if its day's partition of samples is as it was then; where it is not (today, or late samples), if the selected
metrics have as many samples in that hour as were rolled up. All other hours' samples are read, and take part as buckets
of one. So an answer does not depend on whether a pass has run; only its price does.

Where a day's samples are not kept any more, what has been rolled up of them is the answer, and an info says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sonde.query.engine import Inquiry
from sonde.query.promql.clickhouse.grid_functions import in_windows
from sonde.query.promql.clickhouse.looks import Look
from sonde.query.promql.clickhouse.rollup_functions import (
    FUNCTIONS,
    HOUR,
    TABLES,
    Buckets,
    Unsuited,
    bucket_width,
    computed,
    covered_width,
    of_samples,
)
from sonde.query.promql.clickhouse.samples_reader import numbers_of, samples_of
from sonde.query.promql.clickhouse.selection import SelectedSeries, Selection, millisecond, sample_condition, times
from sonde.query.promql.series import Booleans, Integers, Vector
from sonde.query.promql.storage import Window
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
    Select,
    Table,
    aliased,
    call,
    eq,
    integer,
    text,
    texts,
)
from sonde.store.native import Answer
from sonde.store.rollups import Partition
from sonde.telemetry.labels import METRIC_NAME, value_of

LEAST_SPAN: Final = HOUR
LEAST_SAMPLES: Final = 500_000
_USUAL_INTERVAL: Final = 15_000
_MOST_METRICS: Final = 100
_MOST_STRETCHES: Final = 200
_MOST_LIVE: Final = 0.5
OUTLIVED: Final = "samples that old are not kept any more; what is shown of them was computed from rollups"

_STATE: Final = Select(
    tuple(
        map(
            Column,
            (
                "partition",
                "rows",
                "block",
                "mutation",
                "earliest",
                "latest",
                "is_same",
                "is_renewed",
                "looked",
                "closed",
            ),
        )
    ),
    Table("rollup_state"),
)
_LEDGER: Final = ("day", "hour", "current", "is_done", "made_of")
_ORDER: Final = tuple(Order(Column(name)) for name in ("tenant", "metric", "id", "bucket", "day"))
_KEYS: Final = ("id", "day", "bucket", "generation", "samples")
_FLOATS: Final = frozenset({"first_value", "last_value", "least", "greatest", "sum", "remainder", "lost"})
_DAYS_OF_HOUR: Final = 4


@dataclass(frozen=True, slots=True)
class _Question:
    """A window over selected series, and the buckets that may answer it."""

    selection: Selection
    """Reaches back as far as the first bucket does."""
    window: Window
    width: int
    series: SelectedSeries

    @property
    def first_hour(self) -> int:
        """The end of the first hour that is looked at."""
        return (self.selection.after // HOUR + 1) * HOUR

    @property
    def hours(self) -> int:
        """How many hours are looked at."""
        return self.hour_of(self.selection.until) + 1

    def hour_of(self, moment: int) -> int:
        """The number of the hour that a time is in; hours hold their ends, not their beginnings."""
        return -((self.first_hour - moment) // HOUR)

    @property
    def metrics(self) -> list[str]:
        """The metrics' names, in a fixed order."""
        return sorted(self.series.metrics)

    def of_metrics(self) -> tuple[Expr, Expr]:
        """All rows of the tenant's metrics."""
        return eq("tenant", text(self.selection.tenant)), In(Column("metric"), texts(self.metrics))


@dataclass(frozen=True, slots=True)
class _Coverage:
    """Which hours rollups answer."""

    live: Booleans
    """The hours whose samples have to be read."""
    current: Integers
    """By metric, hour and day: the generation whose rows count, -1 if none do."""
    kept_days: Integers
    """The days of which there are samples, in days since 1970."""


async def from_rollups(
    inquiry: Inquiry,
    selection: Selection,
    window: Window,
    series: SelectedSeries,
    most: int,
    *,
    is_forced: bool = False,
    look: Look | None = None,
) -> Vector | None:
    """The vector of a leaf, if rollups can give it and are cheaper, or if there are no samples any more to ask.

    Not if it would have more than so many places: that is refused when it is computed of samples.
    """
    width = bucket_width(window)
    span = selection.until - selection.after
    if not width or len(series.metrics) > _MOST_METRICS or len(series.ids) * window.grid.size > most:
        return None
    if span < LEAST_SPAN and not is_forced:
        return None
    reach = covered_width(window, width)
    question = _Question(replace(selection, after=window.grid.start - reach), window, width, series)
    partitions = [Partition.of_row(list(row.values())) for row in await (look or inquiry).records(_STATE)]
    is_worth_it = is_forced or len(series.ids) * span // _USUAL_INTERVAL >= LEAST_SAMPLES
    if not is_worth_it and _held(question, partitions).all():
        return None
    coverage = await _coverage(inquiry, question, partitions)
    stretches = _stretches(question, coverage.live)
    if not is_forced and (coverage.live.mean() > _MOST_LIVE or len(stretches) > _MOST_STRETCHES):
        return None
    columns = (*_KEYS, *FUNCTIONS[window.function].columns)
    buckets = And((sample_condition(question.selection, series), *in_windows(replace(window, width=reach))))
    samples = And((sample_condition(selection, series), *in_windows(window), Or(stretches)))
    any_histogram = Select((Column("id"),), Table("histograms"), sample_condition(selection, series), limit=1)
    rows, fresh, histograms = await inquiry.numbers_together(
        Select(tuple(map(Column, columns)), Table(TABLES[width]), buckets, order_by=_ORDER),
        numbers_of(samples, with_starts="first_start" in columns),
        any_histogram,
    )
    if histograms.rows:
        return None
    try:
        return await asyncio.to_thread(_vector, question, coverage, rows, fresh)
    except Unsuited:
        return None


def _held(question: _Question, partitions: Sequence[Partition]) -> Booleans:
    """Which hours lie where there are samples, of whatever series."""
    held = np.zeros(question.hours, np.bool_)
    for partition in partitions:
        held[_within(question, partition)] = True
    return held


def _within(question: _Question, partition: Partition) -> slice:
    """The hours that a partition has samples of."""
    return slice(max(question.hour_of(partition.earliest), 0), max(question.hour_of(partition.latest) + 1, 0))


async def _coverage(inquiry: Inquiry, question: _Question, partitions: Sequence[Partition]) -> _Coverage:
    first, hours = question.first_hour, question.hours
    live, touched, renewed = (np.zeros(hours, np.bool_) for _ in range(3))
    for partition in partitions:
        within = _within(question, partition)
        if not partition.looked:
            live[within] = True
        elif partition.is_same and not partition.is_renewed:
            live[max(question.hour_of(partition.closed) + 1, within.start) : within.stop] = True
        else:
            touched[within] = True
            renewed[within] |= partition.is_renewed
    ledger = await inquiry.numbers(
        Select(
            (
                *map(Column, _LEDGER),
                Alias(call("indexOf", texts(question.metrics), Column("metric")), "place"),
            ),
            Table("rollup_ledger"),
            And(
                (
                    *question.of_metrics(),
                    Comparison(Column("hour"), ">=", millisecond(first)),
                    Comparison(Column("hour"), "<=", millisecond(first + (hours - 1) * HOUR)),
                )
            ),
        )
    )
    hour = (ledger.numbers("hour", np.int64) - first) // HOUR
    is_done = ledger.numbers("is_done", np.uint8) > 0
    live[hour[~is_done]] = True
    known = np.zeros(hours, np.int64)
    np.add.at(known, hour, ledger.numbers("made_of", np.int64))
    asked = _stretches(question, touched & ~live, is_whole=True)
    if asked:
        counts = await _counts(inquiry, question, asked)
        live |= touched & (counts != known) & ~(renewed & (counts < known))
    current = np.full((len(question.metrics), hours, _DAYS_OF_HOUR), -1, np.int64)
    usable = is_done & ~live[hour]
    place = ledger.numbers("place", np.int64) - 1
    days = _day_of_hour(question, hour, ledger.numbers("day", np.int64))
    current[place[usable], hour[usable], days[usable]] = ledger.numbers("current", np.int64)[usable]
    kept = np.array([_days_since_1970(partition.day) for partition in partitions if not partition.is_renewed], np.int64)
    return _Coverage(live, current, kept)


async def _counts(inquiry: Inquiry, question: _Question, stretches: Sequence[Expr]) -> Integers:
    """How many rows of samples the metrics have in each hour of some stretches."""
    begin = question.first_hour - HOUR
    since = call("minus", call("toUnixTimestamp64Milli", Column("ts")), integer(begin + 1))
    number = Alias(call("intDiv", since, Number(HOUR)), "number")
    answer = await inquiry.numbers(
        Select(
            (number, *aliased(count=call("count"))),
            Table("samples"),
            And((*question.of_metrics(), Or(tuple(stretches)))),
            group_by=(Column("number"),),
        )
    )
    counts = np.zeros(question.hours, np.int64)
    counts[answer.numbers("number", np.int64)] = answer.numbers("count", np.int64)
    return counts


def _stretches(question: _Question, hours: Booleans, *, is_whole: bool = False) -> tuple[And, ...]:
    """Runs of hours as conditions on ``ts``; ``is_whole``: also what is beyond the selection."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], hours, [False])).astype(np.int8)))
    ends = question.first_hour - HOUR + edges.reshape(-1, 2) * HOUR
    if not is_whole:
        ends = np.clip(ends, question.selection.after, question.selection.until)
    return tuple(And(times(begin, end)) for begin, end in ends.tolist())


def _day_of_hour(question: _Question, hour: Integers, day: Integers) -> Integers:
    """Which of the days that an hour can be in, by whatever time zone."""
    return day - (question.first_hour + hour * HOUR) // (24 * HOUR) + 2


def _days_since_1970(day: int) -> int:
    return (date(day // 10_000, day // 100 % 100, day % 100) - date(1970, 1, 1)).days


def _vector(question: _Question, coverage: _Coverage, rows: Answer, fresh: Answer) -> Vector:
    """Buckets and samples put together, and computed."""
    series, function = question.series, FUNCTIONS[question.window.function]
    by_id = np.argsort(series.ids)
    names = ("samples", *function.columns)
    place = np.argsort(by_id)[series.rows_of(rows.numbers("id", np.uint64))]
    kept = _counts_now(question, coverage, rows)
    ranks, ends = place[kept], rows.numbers("bucket", np.int64)[kept]
    columns = {name: _column(rows, name)[kept] for name in names}
    has_outlived = bool((~np.isin(rows.numbers("day", np.int64)[kept], coverage.kept_days)).any())
    if fresh.rows:
        samples = samples_of(series, fresh, Answer({}, 0))
        own = dict(zip((series.labels[row] for row in by_id.tolist()), range(len(by_id)), strict=True))
        rank = np.array([own[labels] for labels in samples.labels], np.int64)
        ranks = np.concatenate((ranks, np.repeat(rank, np.diff(samples.offsets))))
        ends = np.concatenate((ends, samples.times))
        more = of_samples(samples, names)
        columns = {name: np.concatenate((columns[name], more[name])) for name in names}
    if len(ends):
        keys = ranks * (int(ends.max()) - int(ends.min()) + 1) + (ends - ends.min())
        if (keys[1:] < keys[:-1]).any():
            order = np.argsort(keys, kind="stable")
            ranks, ends = ranks[order], ends[order]
            columns = {name: column[order] for name, column in columns.items()}
    offsets = np.zeros(len(by_id) + 1, np.int64)
    np.cumsum(np.bincount(ranks, minlength=len(by_id)), out=offsets[1:])
    labels = [series.labels[row] for row in by_id.tolist()]
    values, present = computed(Buckets(offsets, ends, columns), question.window, question.width, labels)
    shown = np.flatnonzero(np.logical_or.reduce(present, axis=1))
    shown = shown[np.argsort(by_id[shown])]
    infos = (OUTLIVED,) if has_outlived else ()
    return Vector([labels[row] for row in shown.tolist()], values[shown], present[shown], infos=infos)


def _counts_now(question: _Question, coverage: _Coverage, rows: Answer) -> Booleans:
    """Which rows of rollups are of selected series, and of the generation that counts in hours that are covered."""
    own = question.series.rows_of(rows.numbers("id", np.uint64))
    hour = -((question.first_hour - rows.numbers("bucket", np.int64)) // HOUR)
    day = _day_of_hour(question, hour, rows.numbers("day", np.int64))
    metrics = question.metrics
    if len(metrics) == 1:
        place = np.zeros(rows.rows, np.int64)
    else:
        number = {metric: position for position, metric in enumerate(metrics)}
        of_series = np.array([number[value_of(labels, METRIC_NAME)] for labels in question.series.labels], np.int64)
        place = of_series[own]
    counts: Booleans = (own >= 0) & (coverage.current[place, hour, day] == rows.numbers("generation", np.int64))
    return counts


def _column(rows: Answer, name: str) -> NDArray[Any]:
    kind = np.float64 if name in _FLOATS else np.int64
    return rows.numbers(name, kind)
