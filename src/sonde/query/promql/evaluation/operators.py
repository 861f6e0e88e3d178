"""What operators make of two samples: of numbers all at once, of histograms one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from sonde.query.promql.ast import Node
from sonde.query.promql.evaluation.frame import Frame
from sonde.query.promql.histogram.align import MixedBuckets
from sonde.query.promql.histogram.arithmetic import add, subtract
from sonde.query.promql.histogram.native import Histogram
from sonde.query.promql.histogram.trim import trim_lower, trim_upper
from sonde.query.promql.series import Booleans, Floats, Objects, holds_histogram

ARITHMETIC: Final[Mapping[str, Callable[[Floats, Floats], Floats]]] = {
    "%": np.fmod,
    "*": np.multiply,
    "+": np.add,
    "-": np.subtract,
    "/": np.divide,
    "^": np.power,
    "atan2": np.arctan2,
}
COMPARISONS: Final[Mapping[str, Callable[[Floats, Floats], Booleans]]] = {
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    "==": np.equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
SETS: Final = frozenset({"and", "or", "unless"})
TRIMS: Final = {"</": trim_upper, ">/": trim_lower}


@dataclass(frozen=True, slots=True)
class Side:
    """The samples on one side of an operator: numbers, or histograms where there are any."""

    values: Floats
    histograms: Objects | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an operator gives: samples where it gives any. Of a comparison, ``values`` are those of the left side."""

    values: Floats
    present: Booleans
    histograms: Objects | None


def numbers(operator: str, left: Floats, right: Floats) -> Floats:
    """The operator on numbers; a comparison gives 1 or 0."""
    if operator in COMPARISONS:
        return COMPARISONS[operator](left, right).astype(np.float64)
    return ARITHMETIC[operator](left, right)


def operate(
    operator: str,
    left: Side,
    right: Side,
    both: Booleans,
    frame: Frame,
    node: Node,
    *,
    returns_bool: bool,
    swapped: bool,
) -> Outcome:
    """Apply an operator where both sides are there. ``swapped``: a comparison shows the samples of the right side."""
    shown = right if swapped else left
    if operator in TRIMS:
        values, present = np.full(both.shape, np.nan), np.zeros(both.shape, dtype=np.bool_)
    elif operator in COMPARISONS:
        true = COMPARISONS[operator](left.values, right.values)
        values = true.astype(np.float64) if returns_bool else np.broadcast_to(shown.values, both.shape)
        present = both if returns_bool else both & true
    else:
        values, present = ARITHMETIC[operator](left.values, right.values), both
    if left.histograms is None and right.histograms is None:
        if operator in TRIMS and both.any():
            frame.notes.incompatible_types("float", operator, "float", node)
        return Outcome(values, present, None)
    return _with_histograms(
        operator, left, right, both, Outcome(values, present, None), frame, node, returns_bool, swapped
    )


def _objects(side: Side, shape: tuple[int, ...]) -> Objects:
    empty = np.full(shape, None, dtype=object)
    return empty if side.histograms is None else np.broadcast_to(side.histograms, shape)


def _with_histograms(
    operator: str,
    left: Side,
    right: Side,
    both: Booleans,
    floats: Outcome,
    frame: Frame,
    node: Node,
    returns_bool: bool,
    swapped: bool,
) -> Outcome:
    shape = both.shape
    lefts, rights = _objects(left, shape), _objects(right, shape)
    left_values, right_values = np.broadcast_to(left.values, shape), np.broadcast_to(right.values, shape)
    native = both & (holds_histogram(lefts) | holds_histogram(rights))
    values, present = np.array(floats.values), floats.present & ~native
    histograms = np.full(shape, None, dtype=object)
    if operator in TRIMS and (both & ~native).any():
        frame.notes.incompatible_types("float", operator, "float", node)
    for place in zip(*np.nonzero(native), strict=True):
        one, other = lefts[place], rights[place]
        result = _pair(operator, one, other, float(left_values[place]), float(right_values[place]), frame, node)
        if isinstance(result, Histogram):
            histograms[place] = result
            present[place] = True
        elif result is not None and returns_bool:
            values[place] = float(result)
            present[place] = True
        elif result:
            histograms[place] = other if swapped else one
            present[place] = True
    return Outcome(values, present, histograms)


def _pair(
    operator: str,
    one: Histogram | None,
    other: Histogram | None,
    left: float,
    right: float,
    frame: Frame,
    node: Node,
) -> Histogram | bool | None:
    """The operator on two samples, at least one a histogram: a histogram, a truth, or None if neither."""
    if one is not None and other is not None:
        if operator in ("==", "!="):
            return (one == other) is (operator == "==")
        if operator in ("+", "-"):
            return _sum(operator, one, other, frame, node)
    elif one is None and other is not None and operator == "*":
        return other * left
    elif one is not None and other is None:
        if operator == "*":
            return one * right
        if operator == "/":
            return one / right
        if operator in TRIMS:
            return TRIMS[operator](one, right)
    kinds = ["float" if each is None else "histogram" for each in (one, other)]
    frame.notes.incompatible_types(kinds[0], operator, kinds[1], node)
    return None


def _sum(operator: str, one: Histogram, other: Histogram, frame: Frame, node: Node) -> Histogram | None:
    operation = "addition" if operator == "+" else "subtraction"
    try:
        combined = add(one, other) if operator == "+" else subtract(one, other)
    except MixedBuckets:
        frame.notes.incompatible_layout(operator, node)
        return None
    if combined.has_collision:
        frame.notes.reset_collision(operation, node)
    if combined.is_reconciled:
        frame.notes.reconciled(operation, node)
    return combined.histogram
