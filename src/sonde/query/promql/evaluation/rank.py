"""Aggregations that choose series instead of combining them: ``topk``, ``bottomk``, ``limitk``, ``limit_ratio``."""

from __future__ import annotations

from typing import Final

import numpy as np

from sonde.query.promql.ast import Aggregate
from sonde.query.promql.evaluation.frame import Frame, execution_error, vector_of
from sonde.query.promql.evaluation.instant_functions import chosen, is_float, is_histogram
from sonde.query.promql.must import must_have
from sonde.query.promql.number import go_float
from sonde.query.promql.series import Booleans, Floats, Integers, Vector
from sonde.query.promql.xxhash import labels_hash

RANKS: Final = frozenset({"topk", "bottomk", "limitk", "limit_ratio"})


def rank(node: Aggregate, vector: Vector, of_row: Integers, parameter: Floats, frame: Frame) -> Vector:
    """Choose series of each group, at each time anew."""
    if node.operator == "limit_ratio":
        present = _by_ratio(node, vector, parameter, frame)
        return vector_of(list(vector.labels), vector.values, present, vector.histograms, vector.drop_name)
    if np.isnan(parameter).any():
        raise execution_error("Parameter value is NaN")
    for odd in parameter[np.abs(parameter) >= 2.0**63].tolist():
        if odd < 0 or odd >= 2.0**63:
            raise execution_error(f"Scalar value {go_float(odd)} {'under' if odd < 0 else 'over'}flows int64")
    if not len(vector.labels):
        return vector
    if node.operator == "limitk":
        place = _place(np.broadcast_to(0.0, vector.values.shape), vector.present, of_row)
        present = vector.present & (place < np.trunc(parameter)[None, :])
        return vector_of(list(vector.labels), vector.values, present, vector.histograms, vector.drop_name)
    numbers = is_float(vector)
    if is_histogram(vector).any():
        frame.notes.ignored_in_aggregation(node.operator, node.expr)
    key = -vector.values if node.operator == "topk" else vector.values
    place = _place(key, numbers, of_row)
    present = numbers & (place < np.trunc(parameter)[None, :])
    answer = vector_of(list(vector.labels), vector.values, present, None, vector.drop_name)
    if frame.grid.size != 1:
        return answer
    kept = np.flatnonzero(present[:, 0])
    order = np.lexsort((place[kept, 0], of_row[kept]))
    return chosen(answer, order.tolist())


def _place(key: Floats, used: Booleans, of_row: Integers) -> Integers:
    """The place of each used value within its group, at each time: by key, NaN last, else as the series come."""
    rows, times = key.shape
    is_nan = np.isnan(key)
    group = np.broadcast_to(of_row[:, None], key.shape)
    order = np.lexsort((np.where(is_nan, 0.0, key), is_nan, ~used, group), axis=0)
    sizes = np.bincount(of_row)
    begins = np.cumsum(sizes) - sizes
    place = np.empty((rows, times), dtype=np.int64)
    running = np.broadcast_to((np.arange(rows) - np.repeat(begins, sizes))[:, None], (rows, times))
    np.put_along_axis(place, order, running, axis=0)
    return place


def _by_ratio(node: Aggregate, vector: Vector, ratios: Floats, frame: Frame) -> Booleans:
    """Series whose hash lies in a part of all hashes; a negative ratio chooses those that 1 + ratio does not."""
    if np.isnan(ratios).any():
        raise execution_error("Ratio value is NaN")
    place = must_have(node.parameter)
    for odd in dict.fromkeys(ratios[np.abs(ratios) > 1].tolist()):
        frame.notes.invalid_ratio(odd, 1.0 if odd > 0 else -1.0, place)
    ratios = np.clip(ratios, -1.0, 1.0)[None, :]
    share = np.array([labels_hash(labels) / float(2**64 - 1) for labels in vector.labels])[:, None]
    chosen_ones: Booleans = np.where(ratios >= 0, share < ratios, share >= 1.0 + ratios) & (ratios != 0)
    return vector.present & chosen_ones
