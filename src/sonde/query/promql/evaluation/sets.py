"""``and``, ``or`` and ``unless``: series of one vector that have, or have not, a match in another, at each time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from sonde.query.promql.ast import Binary, Matching
from sonde.query.promql.evaluation.frame import stacked, vector_of
from sonde.query.promql.must import must_have
from sonde.query.promql.series import Booleans, Integers, Vector
from sonde.telemetry.labels import METRIC_NAME, Labels, only, without


def signature_of(matching: Matching) -> Callable[[Labels], Labels]:
    """What of a label set has to be the same on both sides."""
    names = frozenset(matching.labels)
    if matching.on:
        return lambda labels: only(labels, names)
    dropped = names | {METRIC_NAME}
    return lambda labels: without(labels, dropped)


def numbered(matching: Matching, *sides: Sequence[Labels]) -> tuple[list[Labels], list[Integers]]:
    """The signatures of all series, and for each side which signature each of its series has."""
    signature = signature_of(matching)
    places: dict[Labels, int] = {}
    rows = [
        np.array([places.setdefault(signature(labels), len(places)) for labels in side], dtype=np.int64)
        for side in sides
    ]
    return list(places), rows


def anywhere(present: Booleans, of_row: Integers, count: int) -> Booleans:
    """Where any series of each signature is there."""
    found = np.zeros((count, present.shape[1]), dtype=np.bool_)
    np.logical_or.at(found, of_row, present)
    return found


def combine_sets(node: Binary, left: Vector, right: Vector) -> Vector:
    """Evaluate a set operator."""
    signatures, (left_rows, right_rows) = numbered(must_have(node.matching), left.labels, right.labels)
    if node.operator == "or":
        taken = anywhere(left.present, left_rows, len(signatures))
        others = right.present & ~taken[right_rows]
        return stacked([left, vector_of(list(right.labels), right.values, others, right.histograms, right.drop_name)])
    has_match = anywhere(right.present, right_rows, len(signatures))[left_rows]
    present = left.present & (has_match if node.operator == "and" else ~has_match)
    return vector_of(list(left.labels), left.values, present, left.histograms, left.drop_name)
