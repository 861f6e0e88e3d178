"""Functions over ranges that ClickHouse computes exactly as Prometheus does, and when that is worth it.

Its ``timeSeries…ToGrid`` aggregates take a series' samples and give a value for each time of a grid. Windows are open
to the left, as Prometheus has them since version 3, and of two samples of one time the greater counts, as in
``samples_reader``. Each was compared with a plain evaluation (tests/query/promql/test_clickhouse_grid.py); what
differs, if only in the last digit, is not here: sums and averages, which Prometheus compensates, and regressions.

They are not asked

- where histograms are among the samples: the aggregates know numbers only;
- where a start timestamp lies within the time that is looked at: it says where a counter began, which changes rates;
- for rates of counters that are not whole numbers: they add what resets took away and subtract it again when the
  window has moved on, and of fractions, as of infinities, something would stay behind;
- where it would cost more than it saves: below a million samples, or with less than four of them for each step.
  Measured on two cores, 1,000 series of a sample each 15 s for 24 hours, milliseconds for the whole query with its
  samples fetched and with its leaf computed (docs/decisions/0010-promql-leaves.md has more):

      last, step 5 min        491   229          rate[5m], step 5 min    646   556
      last, step 1 min        540   302          rate[5m], step 1 min    733   723
      max[5m], step 5 min     510   263          rate[5m], step 15 s    1187  1394

  An answer is smaller, too: at steps of 5 minutes 288 numbers a series instead of 5,760 samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from sonde.query.promql.clickhouse.selection import SelectedSeries, millisecond
from sonde.query.promql.series import STALE_NAN_BITS, Booleans, Vector, is_stale
from sonde.query.promql.storage import Window
from sonde.query.sql.ast import (
    And,
    Call,
    Column,
    Comparison,
    Expr,
    Not,
    Number,
    Select,
    Table,
    aliased,
    call,
    integer,
    text,
)
from sonde.store.native import Answer


@dataclass(frozen=True, slots=True)
class GridFunction:
    """How the engine computes a function, and what it must not meet."""

    aggregate: str
    heeds_starts: bool = False
    """Start timestamps change what it says."""
    heeds_stale: bool = False
    """A stale marker is the sample that counts, and means nothing; others look past it."""
    adds_up: bool = False
    """It adds and subtracts while its window moves, which is exact for whole numbers only."""
    tells_zeros_apart: bool = False
    """The engine takes -0 for another number than 0."""
    always_one: bool = False


FUNCTIONS: Final[Mapping[str, GridFunction]] = {
    "last": GridFunction("timeSeriesLastToGrid", heeds_stale=True),
    "rate": GridFunction("timeSeriesRateToGrid", heeds_starts=True, adds_up=True),
    "increase": GridFunction("timeSeriesIncreaseToGrid", heeds_starts=True, adds_up=True),
    "delta": GridFunction("timeSeriesDeltaToGrid"),
    "irate": GridFunction("timeSeriesInstantRateToGrid", heeds_starts=True),
    "idelta": GridFunction("timeSeriesInstantDeltaToGrid"),
    "changes": GridFunction("timeSeriesChangesToGrid", tells_zeros_apart=True),
    "resets": GridFunction("timeSeriesResetsToGrid", heeds_starts=True),
    "last_over_time": GridFunction("timeSeriesLastToGrid"),
    "min_over_time": GridFunction("timeSeriesMinToGrid"),
    "max_over_time": GridFunction("timeSeriesMaxToGrid"),
    "count_over_time": GridFunction("timeSeriesCountToGrid"),
    "present_over_time": GridFunction("timeSeriesCountToGrid", always_one=True),
}

_NO_STARTS: Final = frozenset({"last", "delta", "idelta", "changes", "deriv", "predict_linear"})

_FRESH: Final = Comparison(call("reinterpretAsUInt64", Column("value")), "!=", Number(STALE_NAN_BITS))
_LARGE: Final = 1 << 50

LEAST_SAMPLES: Final = 1_000_000
LEAST_PER_STEP: Final = 4
LEAST_STEP: Final = 60_000
_USUAL_INTERVAL: Final = 15_000


@dataclass(frozen=True, slots=True)
class Pushed:
    """A function of the samples that fulfil a condition."""

    function: GridFunction
    window: Window
    where: Expr


def pushed_function(window: Window | None) -> GridFunction | None:
    """How the engine would compute a window, if it can."""
    return FUNCTIONS.get(window.function) if window is not None and window.width > 0 else None


def is_cheaper(window: Window, series: int, after: int, until: int) -> bool:
    """Whether to ask for the vector instead of the samples: these are many, and many for each step.

    Going by how often most things are scraped: to count them would cost as much as the vector does.
    """
    usual = series * (until - after) // _USUAL_INTERVAL
    if usual < LEAST_SAMPLES or usual < LEAST_PER_STEP * series * window.grid.size:
        return False
    return window.grid.size == 1 or window.grid.step >= LEAST_STEP


def needs_starts(window: Window | None) -> bool:
    """Whether the samples' start timestamps matter, as far as it is known that they do not."""
    return window is None or not (window.function in _NO_STARTS or window.function.endswith("_over_time"))


def in_windows(window: Window) -> tuple[Expr, ...]:
    """A condition that leaves out what no window holds; none where windows touch each other."""
    grid = window.grid
    if grid.size == 1 or window.width * 2 > grid.step:
        return ()
    unix = call("toUnixTimestamp64Milli", Column("ts"))
    behind = call("positiveModulo", call("minus", integer(grid.start), unix), integer(grid.step))
    return (Comparison(behind, "<", integer(window.width)),)


def is_exact(answer: Answer, function: GridFunction, after: int) -> bool:
    """Whether the engine says what Prometheus says. Start timestamps before the first window change nothing."""
    if answer.numbers("began_anew", np.uint8).any() or answer.numbers("inexact", np.int64).any():
        return False
    latest_start = int(answer.numbers("latest_start", np.int64).max(initial=0))
    return not (function.heeds_starts and latest_start != 0 and latest_start >= after)


def answer_of(pushed: Pushed) -> Select:
    """The statement: a row for each series, with an array of its values at the times of the grid.

    Beside it stands what may be wrong with them: the latest start timestamp, whether there are several, and how many
    samples are no whole numbers.
    """
    grid = pushed.window.grid
    step = grid.step if grid.size > 1 else 1000
    value: Expr = call("plus", Column("value"), Number(0)) if pushed.function.tells_zeros_apart else Column("value")
    aggregate = Call(
        pushed.function.aggregate,
        (Column("ts"), value),
        (
            millisecond(grid.start),
            millisecond(grid.start + (grid.size - 1) * step),
            *map(_seconds, (step, pushed.window.width)),
        ),
    )
    where = pushed.where if pushed.function.heeds_stale else And((pushed.where, _FRESH))
    start = Column("start_ts") if pushed.function.heeds_starts else millisecond(0)
    began_anew = Comparison(call("min", start), "!=", call("max", start))
    size = call("abs", Column("value"))
    is_whole = And(
        (Comparison(Column("value"), "=", call("trunc", Column("value"))), Comparison(size, "<", Number(_LARGE)))
    )
    inexact = call("countIf", Not(is_whole)) if pushed.function.adds_up else call("toUInt64", Number(0))
    columns: tuple[Expr, ...] = (
        Column("id"),
        *aliased(grid=aggregate, began_anew=began_anew, latest_start=call("max", start), inexact=inexact),
    )
    return Select(columns, Table("samples"), where, group_by=(Column("id"),))


def vector_of(answer: Answer, function: GridFunction, window: Window, series: SelectedSeries) -> Vector:
    """The answer as a vector of those series that have a value anywhere."""
    values, present = answer.table("grid", window.grid.size)
    if function.heeds_stale:
        present = present & ~is_stale(values)
    if function.always_one:
        values = np.ones_like(values)
    rows = series.rows_of(answer.numbers("id", np.uint64))
    order = np.argsort(rows, kind="stable")
    holds: Booleans = np.logical_or.reduce(present, axis=1)
    order = order[(rows[order] >= 0) & holds[order]]
    return Vector([series.labels[row] for row in rows[order].tolist()], values[order], present[order])


def _seconds(milliseconds: int) -> Expr:
    """A duration as the aggregates read it, exact to the millisecond."""
    return call("toDecimal64", text(f"{milliseconds // 1000}.{milliseconds % 1000:03}"), Number(3))
