"""Evaluates a PromQL query: fetches its leaves side by side, then computes on a thread, node by node, on whole arrays.

``plan`` says what is needed; files named after functions and operators compute. Nothing here loops over samples.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, assert_never

import numpy as np

from sonde.errors import LimitExceeded
from sonde.query.promql.ast import (
    Aggregate,
    Binary,
    Call,
    Expr,
    MatrixSelector,
    NumberLiteral,
    Paren,
    StringLiteral,
    Subquery,
    Unary,
    VectorSelector,
)
from sonde.query.promql.evaluation import histogram_functions, instant_functions, label_functions
from sonde.query.promql.evaluation.aggregate import aggregate
from sonde.query.promql.evaluation.annotate import Notes
from sonde.query.promql.evaluation.binary import binary, unary
from sonde.query.promql.evaluation.extended import extended_samples, smoothed_vector
from sonde.query.promql.evaluation.frame import Frame, Value, empty_vector, vector_of
from sonde.query.promql.evaluation.merge import METADATA, finished
from sonde.query.promql.evaluation.range_functions import (
    RANGE_FUNCTIONS,
    ask_for_counters,
    call_range_function,
    is_range,
)
from sonde.query.promql.evaluation.time_functions import PARTS, call_time_function
from sonde.query.promql.evaluation.windows import Range, blocks_of, fresh, latest, rows_of, samples_of, take, with_hints
from sonde.query.promql.info import info
from sonde.query.promql.must import must_be
from sonde.query.promql.peel import peeled
from sonde.query.promql.plan import (
    SAMPLE_TIMES,
    Plan,
    instant_leaf,
    milliseconds,
    moved_times,
    narrowed,
    plan,
    pushed_function,
    range_leaf,
    subquery_grid,
)
from sonde.query.promql.query import Query, Result
from sonde.query.promql.series import Samples, Scalar, Text, Vector
from sonde.query.promql.storage import Leaf, Storage

Clock = Callable[[], float]


class Stopped(Exception):
    """The evaluation was cancelled: nobody waits for the answer any more."""


async def evaluate(storage: Storage, query: Query, clock: Clock = time.monotonic) -> Result:
    """The answer to a query.

    Cancelling it cancels the fetches, and stops the computation before its next node.

    Raises:
        UserError: What the query asks for cannot be answered; ``LimitExceeded`` if that is for its size or time.
    """
    deadline = clock() + query.limits.seconds
    planned = plan(query)
    fetched = await _fetched(storage, planned, query.limits.seconds)
    cancelled = threading.Event()

    def stop() -> None:
        if cancelled.is_set():
            raise Stopped
        if clock() > deadline:
            raise timed_out(query.limits.seconds)

    try:
        return await asyncio.to_thread(compute, planned, query, fetched, stop)
    except asyncio.CancelledError:
        cancelled.set()
        raise


async def _fetched(storage: Storage, planned: Plan, seconds: float) -> dict[Leaf, Samples | Vector]:
    try:
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
            tasks = {leaf: group.create_task(storage.fetch(leaf)) for leaf in planned.leaves}
    except TimeoutError:
        raise timed_out(seconds) from None
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return {leaf: task.result() for leaf, task in tasks.items()}


def timed_out(seconds: float) -> LimitExceeded:
    """Prometheus' words for a query that takes too long."""
    return LimitExceeded(
        "query timed out in query execution",
        code="promql.timeout",
        hint=f"it may take {seconds:g} s; narrow the time range or the selectors",
    )


def compute(planned: Plan, query: Query, fetched: Mapping[Leaf, Samples | Vector], stop: Callable[[], None]) -> Result:
    """Everything after the fetch."""
    notes = Notes(query.text)
    for found in fetched.values():
        for text in found.infos if isinstance(found, Vector) else ():
            notes.annotations.inform(f"PromQL info: {text}")
    value_on = _evaluator(planned.timeless)
    frame = Frame(planned.grid, query, notes, fetched, stop, value_on, select, planned.counting)
    with np.errstate(all="ignore"):
        answer: Vector | Scalar | Text | Samples
        if is_range(planned.expr):
            answer = _selected_samples(planned.expr, frame)
        else:
            answer = value_on(planned.expr, frame)
            if isinstance(answer, Vector):
                answer = finished(answer)
                if not query.is_instant:
                    answer = _in_order(answer)
    return Result(answer, planned.grid, notes.finish())


def _in_order(vector: Vector) -> Vector:
    """The answer of a range query: series by their labels."""
    rows = sorted(range(len(vector.labels)), key=vector.labels.__getitem__)
    return instant_functions.chosen(vector, rows)


def _evaluator(timeless: frozenset[int]) -> Callable[[Expr, Frame], Value]:
    """Evaluation of any expression that is no range."""

    def value_on(expr: Expr, frame: Frame) -> Value:
        frame.stop()
        grid = narrowed(timeless, expr, frame.grid)
        if grid is frame.grid:
            return _value(expr, frame)
        return _spread(_value(expr, frame.on(grid)), frame)

    return value_on


def _spread(value: Value, frame: Frame) -> Value:
    """A value that is the same at all times, at all times of the grid."""
    size = frame.grid.size
    match value:
        case Text():
            return value
        case Scalar():
            return Scalar(np.repeat(value.values, size))
        case Vector():
            frame.check_size(len(value.labels))
            return replace(
                value,
                values=np.repeat(value.values, size, axis=1),
                present=np.repeat(value.present, size, axis=1),
                histograms=None if value.histograms is None else np.repeat(value.histograms, size, axis=1),
            )


def _value(expr: Expr, frame: Frame) -> Value:
    match expr:
        case NumberLiteral():
            return Scalar(np.full(frame.grid.size, expr.value))
        case StringLiteral():
            return Text(expr.value)
        case VectorSelector():
            return _instant_selector(expr, frame)
        case Call():
            return _call(expr, frame)
        case Aggregate():
            return aggregate(expr, frame)
        case Binary():
            return binary(expr, frame)
        case Unary():
            return unary(expr, frame)
        case Paren():
            return frame.evaluate(expr.expr, frame)
        case MatrixSelector() | Subquery():
            raise AssertionError(f"a range is no value: {expr}")
        case _:
            assert_never(expr)


def _instant_selector(selector: VectorSelector, frame: Frame) -> Vector:
    """The newest sample of each series that is young enough, at each time."""
    found = frame.fetched[instant_leaf(selector, frame.grid, frame.query.lookback)]
    times = moved_times(selector, frame.grid)
    if isinstance(found, Vector):
        return found
    if selector.extent:
        return smoothed_vector(found, times, frame, selector)
    if id(selector) in frame.counting:
        found = with_hints(found)
    frame.check_size(len(found.labels))
    shape = (len(found.labels), frame.grid.size)
    values, present = np.empty(shape), np.empty(shape, dtype=np.bool_)
    histograms = None if found.histograms is None else np.empty(shape, dtype=object)
    for rows in blocks_of(*shape):
        part = rows_of(found, rows)
        present[rows], index = latest(part, times, frame.query.lookback)
        values[rows] = take(part.values, index)
        if histograms is not None and part.histograms is not None:
            histograms[rows] = take(part.histograms, index)
            histograms[rows][~present[rows]] = None
    return vector_of(list(found.labels), values, present, histograms)


def select(expr: Expr, frame: Frame, function: str = "") -> Range:
    """What a range selector or a subquery selects."""
    expr = peeled(expr)
    if isinstance(expr, MatrixSelector):
        found = must_be(frame.fetched[range_leaf(expr, frame.grid, frame.query.lookback, function)], Samples)
        selector = expr.selector
        if id(selector) in frame.counting:
            found = with_hints(found)
        ends = moved_times(selector, frame.grid)
        return Range(fresh(found), ends, milliseconds(expr.range), selector.extent, frame.query.lookback)
    return _subquery(must_be(expr, Subquery), frame)


def _subquery(node: Subquery, frame: Frame) -> Range:
    grid = subquery_grid(node, frame.grid)
    inner = empty_vector(grid) if grid.size <= 0 else frame.on(grid).vector(node.expr)
    samples, ends = samples_of(inner, grid.times), moved_times(node, frame.grid)
    return Range(samples, ends, milliseconds(node.range), drop_name=inner.drop_name)


def _call(call: Call, frame: Frame) -> Value:
    name = call.function
    if name in RANGE_FUNCTIONS:
        return _range_call(call, frame)
    if name in SAMPLE_TIMES:
        return _sample_times(call, frame)
    return FUNCTIONS[name](call, frame)


def _range_call(call: Call, frame: Frame) -> Vector:
    function = pushed_function(call)
    if not function:
        return call_range_function(call, frame)
    matrix = must_be(peeled(call.arguments[0]), MatrixSelector)
    found = frame.fetched[range_leaf(matrix, frame.grid, frame.query.lookback, function)]
    if isinstance(found, Samples):

        def selected(expr: Expr, inner: Frame) -> Range:
            return select(expr, inner, function)

        return call_range_function(call, replace(frame, select=selected))
    if function in ("rate", "increase"):
        ask_for_counters(found.labels, frame, call.arguments[0])
    return found if RANGE_FUNCTIONS[function].keeps_name else instant_functions.unnamed(found)


def _sample_times(call: Call, frame: Frame) -> Vector:
    """``timestamp`` and ``start_timestamp``: of samples when they are selected just here, else of the evaluation."""
    bare = peeled(call.arguments[0])
    if not isinstance(bare, VectorSelector) or bare.extent:
        vector = frame.vector(call.arguments[0])
        if call.function == "start_timestamp":
            return empty_vector(frame.grid)
        times = np.broadcast_to(frame.times / 1000, vector.values.shape)
        return instant_functions.unnamed(Vector(vector.labels, times, vector.present))
    found = must_be(frame.fetched[instant_leaf(bare, frame.grid, frame.query.lookback, is_pushed=False)], Samples)
    present, index = latest(found, moved_times(bare, frame.grid), frame.query.lookback)
    if call.function == "start_timestamp":
        if found.starts is None:
            return empty_vector(frame.grid)
        values = take(found.starts, index) / 1000
    else:
        values = take(found.times, index) / 1000
    return instant_functions.unnamed(vector_of(list(found.labels), values, present))


def _selected_samples(expr: Expr, frame: Frame) -> Samples:
    """What a range selector or subquery selects at the one time of an instant query."""
    windows = frame.range(expr).windows()
    if windows.extent:
        return extended_samples(windows)
    first, behind = windows.first[:, 0], windows.behind[:, 0]
    sizes = behind - first
    rows = np.flatnonzero(sizes > 0)
    chosen: list[int] = rows.tolist()
    offsets = np.concatenate([[0], np.cumsum(sizes[rows])]).astype(np.int64)
    index = np.arange(int(offsets[-1])) + np.repeat(first[rows] - offsets[:-1], sizes[rows])
    labels = [windows.labels[row] for row in chosen]
    if windows.drop_name is not None:
        labels = [
            tuple(pair for pair in labels[place] if pair[0] not in METADATA)
            if windows.drop_name[row]
            else labels[place]
            for place, row in enumerate(chosen)
        ]
    return Samples(
        labels=labels,
        offsets=offsets,
        times=windows.times[index],
        values=windows.values[index],
        starts=None if windows.starts is None else windows.starts[index],
        histograms=None if windows.histograms is None else windows.histograms[index],
    )


FUNCTIONS: Final[Mapping[str, Callable[[Call, Frame], Value]]] = {
    **instant_functions.FUNCTIONS,
    **label_functions.FUNCTIONS,
    **histogram_functions.FUNCTIONS,
    **dict.fromkeys(PARTS, call_time_function),
    "info": info,
}
