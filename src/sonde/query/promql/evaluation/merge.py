"""Series of one label set become one series; and the end of a query, when names that have to go do so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from sonde.query.promql.evaluation.frame import execution_error
from sonde.query.promql.series import Vector
from sonde.telemetry.labels import METRIC_NAME, Labels, without

METADATA: Final = frozenset({METRIC_NAME, "__type__", "__unit__"})
"""The labels that say what a series is: they go when an operation makes something else of it."""
SAME_LABELS: Final = "vector cannot contain metrics with the same labelset"


def same_labels() -> Exception:
    """Two series of one label set at one time."""
    return execution_error(SAME_LABELS)


def merged(vector: Vector, refuse: Callable[[], Exception] = same_labels) -> Vector:
    """The vector with its series of one label set as one, if they are never there at the same time."""
    if len(set(vector.labels)) == len(vector.labels):
        return vector
    place: dict[Labels, int] = {}
    groups = np.array([place.setdefault(labels, len(place)) for labels in vector.labels], dtype=np.int64)
    size = (len(place), vector.present.shape[1])
    counts = np.zeros(size, dtype=np.int64)
    np.add.at(counts, groups, vector.present)
    if (counts > 1).any():
        raise refuse()
    rows, columns = np.nonzero(vector.present)
    values = np.full(size, np.nan)
    values[groups[rows], columns] = vector.values[rows, columns]
    histograms = None
    if vector.histograms is not None:
        histograms = np.full(size, None, dtype=object)
        histograms[groups[rows], columns] = vector.histograms[rows, columns]
    drop_name = None
    if vector.drop_name is not None:
        drop_name = np.zeros(len(place), dtype=np.bool_)
        drop_name[groups[::-1]] = vector.drop_name[::-1]
    return Vector(list(place), values, counts > 0, histograms, drop_name)


def with_labels(vector: Vector, labels: Sequence[Labels], keep: bool | None = None) -> Vector:
    """The vector with other labels; with ``keep`` names do not go any more."""
    drop_name = vector.drop_name if keep is None else np.full(len(labels), not keep)
    return replace(vector, labels=labels, drop_name=drop_name)


def finished(vector: Vector) -> Vector:
    """The vector as it is shown: names that have to go are gone, and series that became one are one."""
    if vector.drop_name is None or not vector.drop_name.any():
        return merged(replace(vector, drop_name=None))
    labels = [
        without(series, METADATA) if drop else series
        for series, drop in zip(vector.labels, vector.drop_name.tolist(), strict=True)
    ]
    return merged(replace(vector, labels=labels, drop_name=None))
