"""Operators between scalars, a vector and a scalar, and two vectors; ``matching`` pairs the series of the latter."""

from __future__ import annotations

import numpy as np

from sonde.query.promql.ast import Binary, Unary
from sonde.query.promql.evaluation.frame import Frame, vector_of
from sonde.query.promql.evaluation.instant_functions import all_drop, is_histogram
from sonde.query.promql.evaluation.matching import match_vectors
from sonde.query.promql.evaluation.merge import merged
from sonde.query.promql.evaluation.operators import COMPARISONS, SETS, Side, numbers, operate
from sonde.query.promql.evaluation.sets import combine_sets
from sonde.query.promql.must import must_be
from sonde.query.promql.series import Scalar, Vector


def binary(node: Binary, frame: Frame) -> Vector | Scalar:
    """Evaluate a binary operation."""
    left, right = frame.evaluate(node.left, frame), frame.evaluate(node.right, frame)
    if isinstance(left, Scalar) and isinstance(right, Scalar):
        return Scalar(numbers(node.operator, left.values, right.values))
    if isinstance(left, Vector) and isinstance(right, Vector):
        if node.operator in SETS:
            return merged(combine_sets(node, left, right))
        return match_vectors(node, left, right, frame)
    if isinstance(left, Scalar):
        return _with_scalar(node, must_be(right, Vector), left, frame, swapped=True)
    return _with_scalar(node, must_be(left, Vector), must_be(right, Scalar), frame, swapped=False)


def _with_scalar(node: Binary, vector: Vector, scalar: Scalar, frame: Frame, *, swapped: bool) -> Vector:
    sides = [Side(vector.values, vector.histograms), Side(scalar.values[None, :])]
    left, right = reversed(sides) if swapped else sides
    outcome = operate(
        node.operator, left, right, vector.present, frame, node, returns_bool=node.returns_bool, swapped=swapped
    )
    keeps = (node.operator in COMPARISONS and not node.returns_bool) or node.operator in ("</", ">/")
    drop_name = vector.drop_name if keeps else all_drop(vector)
    return vector_of(list(vector.labels), np.array(outcome.values), outcome.present, outcome.histograms, drop_name)


def unary(node: Unary, frame: Frame) -> Vector | Scalar:
    """Evaluate a sign: a plus changes nothing."""
    given = frame.evaluate(node.operand, frame)
    if isinstance(given, Scalar):
        return given if node.operator == "+" else Scalar(-given.values)
    value = must_be(given, Vector)
    if node.operator == "+":
        return value
    histograms = value.histograms
    if histograms is not None:
        histograms = histograms.copy()
        native = is_histogram(value)
        negated = [-histogram for histogram in histograms[native]]
        histograms[native] = np.array([*negated, None], dtype=object)[:-1]
    return Vector(value.labels, -value.values, value.present, histograms, all_drop(value))
