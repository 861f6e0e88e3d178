"""What an evaluation needs of the store, known before it begins: its leaves, and the times of each part.

A part whose value does not depend on the time of evaluation, as all its selectors have ``@``, is evaluated once.
Subqueries have grids of their own, at multiples of their steps. ``evaluate`` follows the same rules, so it finds what
was planned.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from sonde.query.promql.ast import (
    Aggregate,
    Binary,
    Call,
    Duration,
    DurationBinary,
    DurationCall,
    DurationLiteral,
    DurationUnary,
    Expr,
    MatrixSelector,
    Paren,
    Subquery,
    Unary,
    VectorSelector,
)
from sonde.query.promql.durations import resolve
from sonde.query.promql.evaluation.frame import execution_error
from sonde.query.promql.evaluation.range_functions import RANGE_FUNCTIONS, is_range
from sonde.query.promql.must import must_be
from sonde.query.promql.peel import peeled
from sonde.query.promql.query import Query
from sonde.query.promql.series import Grid, Integers
from sonde.query.promql.storage import Leaf, Window
from sonde.query.promql.walk import children
from sonde.telemetry.labels import METRIC_NAME
from sonde.telemetry.matcher import Matcher

SUBQUERY_STEP: Final = 60_000
"""The step of a subquery that does not say one, milliseconds."""
TIME_BOUND: Final = frozenset(
    {"day_of_month", "day_of_week", "day_of_year", "days_in_month", "end", "hour", "minute", "month", "predict_linear"}
    | {"range", "start", "step", "time", "timestamp", "year"}
)
"""Functions that look at the time of evaluation, whatever their arguments do."""
ANCHORED: Final = ("changes", "delta", "increase", "rate", "resets")
SMOOTHED: Final = ("delta", "increase", "rate")
COUNTS: Final = frozenset({"histogram_avg", "histogram_count", "histogram_sum"})
NEED_BUCKETS: Final = frozenset({"histogram_fraction", "histogram_quantile", "histogram_quantiles"})
SAMPLE_TIMES: Final = frozenset({"timestamp", "start_timestamp"})
TARGET_INFO: Final = Matcher(METRIC_NAME, "=", "target_info")
ANY_INFO: Final = Matcher(METRIC_NAME, "=~", ".+_info")


@dataclass(frozen=True, slots=True)
class Plan:
    """An expression for one query, and what it needs."""

    expr: Expr
    grid: Grid
    leaves: tuple[Leaf, ...]
    timeless: frozenset[int]
    """The identities of the nodes whose value is the same at all times."""
    counting: frozenset[int]
    """The identities of the selectors of whose histograms only counts and sums are asked."""

    def narrowed(self, expr: Expr, grid: Grid) -> Grid:
        """The times at which a node is evaluated, where its value is asked for on a grid."""
        return narrowed(self.timeless, expr, grid)


def plan(query: Query) -> Plan:
    """Resolve durations and find all leaves.

    Raises:
        UserError: A duration that is no duration, or an extended selector where none can be.
    """
    grid = query.grid
    expr = resolve(query.expr, query.start, query.start if query.is_instant else query.end, max(query.step, 0))
    timeless: set[int] = set()
    _mark(expr, timeless)
    search = _Search(query.lookback, frozenset(timeless))
    search.look(expr, grid)
    return Plan(expr, grid, tuple(search.leaves), frozenset(timeless), frozenset(_counting(expr, is_asked=False)))


def narrowed(timeless: frozenset[int], expr: Expr, grid: Grid) -> Grid:
    """One time for a node whose value is the same at all times."""
    return Grid(grid.start, grid.start, 0) if grid.size > 1 and id(expr) in timeless else grid


def parts(expr: Expr) -> Iterator[Expr]:
    """The expressions directly below an expression."""
    for child in children(expr):
        if not isinstance(child, DurationLiteral | DurationCall | DurationUnary | DurationBinary):
            yield child


def _mark(expr: Expr, timeless: set[int]) -> bool:
    """Find the nodes whose value is the same at all times; ranges are no values."""
    below = [_mark(part, timeless) for part in parts(expr)]
    if isinstance(expr, VectorSelector | Subquery):
        is_timeless = expr.at is not None
    else:
        is_timeless = all(below) and not (isinstance(expr, Call) and expr.function in TIME_BOUND)
    if is_timeless and not is_range(expr):
        timeless.add(id(expr))
    return is_timeless


def _counting(expr: Expr, *, is_asked: bool) -> Iterator[int]:
    """The selectors below ``histogram_count`` and the like, if nothing between looks at buckets or is a subquery."""
    if isinstance(expr, VectorSelector) and is_asked:
        yield id(expr)
    if isinstance(expr, Subquery | Binary):
        is_asked = False  # each side of an operator is for itself, as in Prometheus
    elif isinstance(expr, Call):
        is_asked = (is_asked or expr.function in COUNTS) and expr.function not in NEED_BUCKETS
    for part in parts(expr):
        yield from _counting(part, is_asked=is_asked)


def milliseconds(duration: Duration | None) -> int:
    """A resolved duration; 0 for none.

    >>> milliseconds(DurationLiteral(1.5)), milliseconds(None)
    (1500, 0)
    """
    if duration is None:
        return 0
    return math.floor(must_be(duration, DurationLiteral).seconds * 1000 + 0.5)


def at_time(node: VectorSelector | Subquery) -> int | None:
    """The time of ``@`` in milliseconds."""
    if node.at is None:
        return None
    return math.floor(float(node.at.time) * 1000 + 0.5)


def moved(node: VectorSelector | Subquery, grid: Grid) -> Grid:
    """The grid that offset and ``@`` make of a grid."""
    at, offset = at_time(node), milliseconds(node.offset)
    if at is not None:
        return Grid(at - offset, at - offset, 0)
    last = grid.start + (grid.size - 1) * max(grid.step, 0)
    return Grid(grid.start - offset, last - offset, grid.step)


def moved_times(node: VectorSelector | Subquery, grid: Grid) -> Integers:
    """For each time of the grid, the time that offset and ``@`` make of it."""
    return np.broadcast_to(moved(node, grid).times, (grid.size,))


def subquery_grid(node: Subquery, grid: Grid) -> Grid:
    """The times at which a subquery evaluates its expression: multiples of its step, none twice."""
    reach = moved(node, grid)
    step = milliseconds(node.step) or SUBQUERY_STEP
    before = reach.start - milliseconds(node.range)
    first = before // step * step + step
    return Grid(first, reach.end, step)


def instant_leaf(selector: VectorSelector, grid: Grid, lookback: int, *, is_pushed: bool = True) -> Leaf:
    """What an instant selector needs."""
    times = moved(selector, grid)
    if selector.extent:
        return Leaf(selector.matchers, times.start - lookback, times.end + lookback)
    window = Window("last", lookback, times) if is_pushed else None
    return Leaf(selector.matchers, times.start - lookback, times.end, window)


def range_leaf(matrix: MatrixSelector, grid: Grid, lookback: int, function: str = "") -> Leaf:
    """What a range selector needs; ``function`` if the store may compute it."""
    times, width = moved(matrix.selector, grid), milliseconds(matrix.range)
    extent = matrix.selector.extent
    before = lookback if extent else 0
    behind = lookback if extent == "smoothed" else 0
    window = Window(function, width, times) if function and not extent else None
    return Leaf(matrix.selector.matchers, times.start - width - before, times.end + behind, window)


def pushed_function(call: Call) -> str:
    """The function over a range that a store may compute, or ""."""
    is_alone = len(call.arguments) == 1 and isinstance(peeled(call.arguments[0]), MatrixSelector)
    return call.function if is_alone and call.function in RANGE_FUNCTIONS else ""


def info_matchers(call: Call) -> tuple[tuple[Matcher, ...], tuple[Matcher, ...]]:
    """What ``info`` asks of info metrics' names, and of their other labels."""
    matchers: tuple[Matcher, ...] = ()
    if len(call.arguments) > 1:
        matchers = must_be(peeled(call.arguments[1]), VectorSelector).matchers
    names = tuple(matcher for matcher in matchers if matcher.name == METRIC_NAME)
    if not names:
        names = (TARGET_INFO,)
    elif all(matcher.operator in ("!=", "!~") for matcher in names):
        names = (ANY_INFO, *names)
    return names, tuple(matcher for matcher in matchers if matcher.name != METRIC_NAME)


def info_times(call: Call, grid: Grid) -> Integers:
    """When ``info`` looks at info metrics: when the first selector of what it is given does."""
    times = grid.times
    for node in first_path(call.arguments[0]):
        at, offset = at_time(node), milliseconds(node.offset)
        times = (times if at is None else np.full(grid.size, at)) - offset
    return times


def first_path(expr: Expr) -> list[VectorSelector | Subquery]:
    """The first selector of an expression, behind the subqueries in which it stands; nothing if there is none."""
    match expr:
        case VectorSelector():
            return [expr]
        case MatrixSelector():
            return [expr.selector]
        case Subquery():
            return [expr, *first_path(expr.expr)]
        case Call():
            return next((path for argument in expr.arguments if (path := first_path(argument))), [])
        case Aggregate():
            return first_path(expr.expr)
        case Binary():
            return first_path(expr.left) or first_path(expr.right)
        case Unary():
            return first_path(expr.operand)
        case Paren():
            return first_path(expr.expr)
        case _:
            return []


def info_leaf(call: Call, grid: Grid, lookback: int) -> Leaf:
    """The info series that ``info`` may join."""
    times = info_times(call, grid)
    names, others = info_matchers(call)
    return Leaf((*names, *others), int(times.min()) - lookback, int(times.max()))


def check_extent(call: Call) -> None:
    """Refuse an anchored or smoothed range where a function does not know what that is."""
    for argument in call.arguments:
        matrix = peeled(argument)
        if isinstance(matrix, MatrixSelector) and matrix.selector.extent:
            extent = matrix.selector.extent
            allowed = ANCHORED if extent == "anchored" else SMOOTHED
            if call.function not in allowed:
                raise execution_error(
                    f"{extent} modifier can only be used with: {', '.join(allowed)} - not with {call.function}"
                )


@dataclass(slots=True)
class _Search:
    lookback: int
    timeless: frozenset[int]
    leaves: dict[Leaf, None] = field(default_factory=dict)

    def look(self, expr: Expr, grid: Grid) -> None:
        """Find the leaves of an expression that is evaluated on a grid."""
        if grid.size <= 0:
            return
        grid = narrowed(self.timeless, expr, grid)
        match expr:
            case VectorSelector():
                self.leaves[instant_leaf(expr, grid, self.lookback)] = None
            case MatrixSelector():
                self.leaves[range_leaf(expr, grid, self.lookback)] = None
            case Subquery():
                self.look(expr.expr, subquery_grid(expr, grid))
            case Call():
                self._look_call(expr, grid)
            case _:
                for part in parts(expr):
                    self.look(part, grid)

    def _look_call(self, call: Call, grid: Grid) -> None:
        check_extent(call)
        if call.function == "info":
            self.look(call.arguments[0], grid)
            self.leaves[info_leaf(call, grid, self.lookback)] = None
            return
        for argument in call.arguments:
            bare = peeled(argument)
            if isinstance(bare, VectorSelector) and call.function in SAMPLE_TIMES and not bare.extent:
                self.leaves[instant_leaf(bare, grid, self.lookback, is_pushed=False)] = None
            elif isinstance(bare, MatrixSelector):
                self.leaves[range_leaf(bare, grid, self.lookback, pushed_function(call))] = None
            else:
                self.look(argument, grid)
