"""Functions of instant vectors and scalars: arithmetic of numbers, clamping, sorting, absence.

Where a function is one of numbers, histograms are left out and names go; the table says which that is.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from sonde.query.promql.ast import Call, Expr, MatrixSelector, VectorSelector
from sonde.query.promql.evaluation.frame import Frame, Value, texts_of, vector_of
from sonde.query.promql.peel import peeled
from sonde.query.promql.series import Booleans, Floats, Scalar, Vector, any_row, holds_histogram
from sonde.telemetry.labels import METRIC_NAME, Labels, labels_of, value_of

NumberFunction = Callable[..., Floats]


def round_to(values: Floats, nearest: Floats | float = 1.0) -> Floats:
    """The nearest multiple; of two, the greater.

    >>> round_to(np.array([2.5, -2.5, 5.25]), 0.5).tolist()
    [2.5, -2.5, 5.5]
    """
    inverse = 1.0 / np.asarray(nearest)
    rounded: Floats = np.floor(values * inverse + 0.5) / inverse
    return rounded


def sign(values: Floats) -> Floats:
    """-1, 0 or 1."""
    return np.where(values < 0, -1.0, np.where(values > 0, 1.0, values))


def lesser(one: Floats, other: Floats) -> Floats:
    """The less of two numbers as Go has it: -Inf is less than NaN, and -0 than 0.

    >>> lesser(np.array([-np.inf, 0.0, np.nan]), np.array([np.nan, -0.0, 1.0])).tolist()
    [-inf, -0.0, nan]
    """
    less: Floats = np.where(np.isneginf(one) | np.isneginf(other), -np.inf, np.minimum(one, other))
    return np.where((less == 0) & (one == other) & (np.signbit(one) | np.signbit(other)), -0.0, less)


def greater(one: Floats, other: Floats) -> Floats:
    """The greater of two numbers as Go has it: +Inf is greater than NaN, and 0 than -0.

    >>> greater(np.array([np.inf, 0.0, np.nan]), np.array([np.nan, -0.0, 1.0])).tolist()
    [inf, 0.0, nan]
    """
    return -lesser(-one, -other)


NUMBER_FUNCTIONS: Final[Mapping[str, NumberFunction]] = {
    "abs": np.abs,
    "acos": np.arccos,
    "acosh": np.arccosh,
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "atan": np.arctan,
    "atanh": np.arctanh,
    "ceil": np.ceil,
    "clamp_max": lesser,
    "clamp_min": greater,
    "cos": np.cos,
    "cosh": np.cosh,
    "deg": lambda values: values * 180 / math.pi,
    "exp": np.exp,
    "floor": np.floor,
    "ln": np.log,
    "log10": np.log10,
    "log2": np.log2,
    "rad": lambda values: values * math.pi / 180,
    "round": round_to,
    "sgn": sign,
    "sin": np.sin,
    "sinh": np.sinh,
    "sqrt": np.sqrt,
    "tan": np.tan,
    "tanh": np.tanh,
}


def is_float(vector: Vector) -> Booleans:
    """Where a vector has a number."""
    if vector.histograms is None:
        return vector.present
    return vector.present & ~holds_histogram(vector.histograms)


def is_histogram(vector: Vector) -> Booleans:
    """Where a vector has a histogram."""
    if vector.histograms is None:
        return np.zeros(vector.present.shape, dtype=np.bool_)
    return vector.present & holds_histogram(vector.histograms)


def all_drop(vector: Vector) -> Booleans:
    """Every series' name goes."""
    return np.ones(len(vector.labels), dtype=np.bool_)


def call_number_function(call: Call, frame: Frame) -> Vector:
    """A function of numbers, of each number of a vector."""
    vector = frame.vector(call.arguments[0])
    others = [frame.scalar(argument)[None, :] for argument in call.arguments[1:]]
    values = NUMBER_FUNCTIONS[call.function](vector.values, *others)
    return vector_of(list(vector.labels), values, is_float(vector), None, all_drop(vector))


def clamp(call: Call, frame: Frame) -> Vector:
    """Numbers brought between two others; nothing where those are the wrong way round."""
    vector = frame.vector(call.arguments[0])
    low, high = (frame.scalar(argument)[None, :] for argument in call.arguments[1:])
    values = greater(low, lesser(high, vector.values))
    present = is_float(vector) & ~(high < low)
    return vector_of(list(vector.labels), values, present, None, all_drop(vector))


def time(call: Call, frame: Frame) -> Scalar:
    """The time of evaluation, in seconds."""
    del call
    return Scalar(frame.times / 1000)


def pi(call: Call, frame: Frame) -> Scalar:
    """3.14159…"""
    del call
    return _constant(math.pi, frame)


def _constant(value: float, frame: Frame) -> Scalar:
    return Scalar(np.full(frame.grid.size, value))


def step(call: Call, frame: Frame) -> Scalar:
    """The step of the query, in seconds."""
    del call
    return _constant(max(frame.query.step, 0) / 1000, frame)


def range_(call: Call, frame: Frame) -> Scalar:
    """From the start of the query to its end, in seconds."""
    del call
    return _constant((_end(frame) - frame.query.start) / 1000, frame)


def start(call: Call, frame: Frame) -> Scalar:
    """The start of the query, in seconds."""
    del call
    return _constant(frame.query.start / 1000, frame)


def end(call: Call, frame: Frame) -> Scalar:
    """The end of the query, in seconds."""
    del call
    return _constant(_end(frame) / 1000, frame)


def _end(frame: Frame) -> int:
    return frame.query.start if frame.query.is_instant else frame.query.end


def of_two(call: Call, frame: Frame) -> Scalar:
    """The less or the greater of two scalars."""
    choose = lesser if call.function == "min_of" else greater
    return Scalar(choose(*(frame.scalar(argument) for argument in call.arguments)))


def scalar(call: Call, frame: Frame) -> Scalar:
    """The only number of a vector, else NaN."""
    vector = frame.vector(call.arguments[0])
    numbers = is_float(vector)
    found = np.where(numbers, vector.values, 0.0).sum(axis=0) if len(vector.labels) else np.zeros(frame.grid.size)
    return Scalar(np.where(numbers.sum(axis=0) == 1, found, np.nan))


def vector(call: Call, frame: Frame) -> Vector:
    """A scalar as a vector of one series without labels."""
    values = frame.scalar(call.arguments[0])[None, :]
    return Vector([()], values, np.ones(values.shape, dtype=np.bool_))


def absent_labels(expr: Expr) -> Labels:
    """The labels that a selector asks for by equality, each once: what a series that is absent would have had."""
    expr = peeled(expr)
    if isinstance(expr, MatrixSelector):
        expr = expr.selector
    labels: dict[str, str] = {}
    if isinstance(expr, VectorSelector):
        seen: set[str] = set()
        for matcher in expr.matchers:
            if matcher.name == METRIC_NAME:
                continue
            if matcher.operator == "=" and matcher.name not in seen:
                labels[matcher.name] = matcher.value
                seen.add(matcher.name)
            else:
                labels.pop(matcher.name, None)
    return labels_of(labels)


def absent(call: Call, frame: Frame) -> Vector:
    """1 where a vector has nothing."""
    vector = frame.vector(call.arguments[0])
    return _absence(any_row(vector.present), call.arguments[0])


def absent_over_time(call: Call, frame: Frame) -> Vector:
    """1 where no series has a sample in its range."""
    is_there = np.zeros(frame.grid.size, dtype=np.bool_)
    for windows in frame.range(call.arguments[0]).blocks():
        is_there |= any_row(windows.counts > 0)
    return _absence(is_there, call.arguments[0])


def _absence(is_there: Booleans, expr: Expr) -> Vector:
    present = ~is_there[None, :]
    return vector_of([absent_labels(expr)], np.ones(present.shape), present)


def _sorted(call: Call, frame: Frame) -> Vector:
    """The argument; say so if the order of the answer does not matter."""
    vector = frame.vector(call.arguments[0])
    if not frame.query.is_instant:
        frame.notes.warn("sort is ineffective for range queries since results are always ordered by labels", call)
    return vector


def chosen(vector: Vector, rows: list[int]) -> Vector:
    """Some series of a vector, in this order."""
    index = np.array(rows, dtype=np.int64)
    return Vector(
        [vector.labels[row] for row in rows],
        vector.values[index],
        vector.present[index],
        None if vector.histograms is None else vector.histograms[index],
        None if vector.drop_name is None else vector.drop_name[index],
    )


def sort(call: Call, frame: Frame) -> Vector:
    """Series by their value, NaN last; without histograms."""
    given = _sorted(call, frame)
    numbers = vector_of(list(given.labels), given.values, is_float(given), None, given.drop_name)
    if frame.grid.size != 1:
        return numbers
    values = numbers.values[:, 0]
    key = -values if call.function == "sort_desc" else values
    order = np.lexsort((np.where(np.isnan(key), 0.0, key), np.isnan(key)))
    return chosen(numbers, order.tolist())


def sort_by_label(call: Call, frame: Frame) -> Vector:
    """Series by the values of labels, in which numbers count as such, then by all labels."""
    given = _sorted(call, frame)
    names = texts_of(call, 1)
    compare = functools.partial(_compare, names=names)
    key = functools.cmp_to_key(compare)
    rows = sorted(
        range(len(given.labels)),
        key=lambda row: key(given.labels[row]),
        reverse=call.function == "sort_by_label_desc",
    )
    return chosen(given, rows)


def _compare(one: Labels, other: Labels, names: list[str]) -> int:
    for name in names:
        a, b = value_of(one, name), value_of(other, name)
        if a != b:
            return -1 if natural_key(a) < natural_key(b) else 1
    return (one > other) - (one < other)


def natural_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """A key that sorts numbers within texts by their size.

    >>> sorted(["4m1000", "4m5", "4m600"], key=natural_key)
    ['4m5', '4m600', '4m1000']
    """
    parts = re.findall(r"\d+|\D+", text)
    return tuple((0, int(part), part) if part.isdecimal() else (1, 0, part) for part in parts)


def unnamed(vector: Vector) -> Vector:
    """The same, without names in the end."""
    return replace(vector, drop_name=all_drop(vector))


FUNCTIONS: Final[Mapping[str, Callable[[Call, Frame], Value]]] = {
    **dict.fromkeys(NUMBER_FUNCTIONS, call_number_function),
    "absent": absent,
    "absent_over_time": absent_over_time,
    "clamp": clamp,
    "end": end,
    "max_of": of_two,
    "min_of": of_two,
    "pi": pi,
    "range": range_,
    "scalar": scalar,
    "sort": sort,
    "sort_by_label": sort_by_label,
    "sort_by_label_desc": sort_by_label,
    "sort_desc": sort,
    "start": start,
    "step": step,
    "time": time,
    "vector": vector,
}
