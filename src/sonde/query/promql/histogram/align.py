"""Several histograms brought to the same buckets: the rows of one matrix, whose arithmetic is numpy's.

Exponential buckets come to the lowest resolution and the widest zero bucket among them, which is widened further until
no filled bucket reaches across its end. Custom bounds come to those that all have in common.
Specification: https://prometheus.io/docs/specs/native_histograms/#schema-compatibility
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from sonde.query.promql.histogram.bounds import edges, lower_resolution
from sonde.query.promql.histogram.native import NO_COUNT, NO_INDEX, CounterReset, Histogram, filled, same_layout
from sonde.query.promql.series import Floats, Integers

ZERO_COUNT: Final = 0
COUNT: Final = 1
SUM: Final = 2
BUCKETS: Final = 3
"""The first column of the buckets: positive ones, then negative ones."""


class MixedBuckets(ValueError):
    """Histograms with exponential and with custom buckets have no common buckets."""


@dataclass(frozen=True, slots=True)
class Aligned:
    """The numbers of histograms as rows: zero count, count, sum, then the buckets that any of them fills."""

    rows: Floats
    schema: int
    zero_threshold: float
    positive_index: Integers
    negative_index: Integers
    custom_bounds: Floats
    is_reconciled: bool = False
    """Whether custom bounds differed, so that some were given up."""

    def histogram(self, row: Floats, reset: CounterReset) -> Histogram:
        """The histogram with these numbers."""
        negative_start = BUCKETS + self.positive_index.size
        positive_index, positive_count = filled(self.positive_index, row[BUCKETS:negative_start])
        negative_index, negative_count = filled(self.negative_index, row[negative_start:])
        return Histogram(
            schema=self.schema,
            zero_threshold=self.zero_threshold,
            zero_count=float(row[ZERO_COUNT]),
            count=float(row[COUNT]),
            sum=float(row[SUM]),
            positive_index=positive_index,
            positive_count=positive_count,
            negative_index=negative_index,
            negative_count=negative_count,
            custom_bounds=self.custom_bounds,
            reset=reset,
        )


def align(histograms: Sequence[Histogram]) -> Aligned:
    """Bring histograms, at least one, to common buckets.

    >>> fine = Histogram.of(schema=1, count=2, positive=([1, 2], [1, 1]))
    >>> coarse = Histogram.of(schema=0, count=3, positive=([0, 1], [1, 2]))
    >>> aligned = align([fine, coarse])
    >>> aligned.schema, aligned.positive_index.tolist(), aligned.rows[:, BUCKETS:].tolist()
    (0, [0, 1], [[0.0, 2.0], [1.0, 2.0]])

    Raises:
        MixedBuckets: Some have custom buckets and some exponential ones.
    """
    first = histograms[0]
    if all(
        other is first
        or (other.schema == first.schema and other.zero_threshold == first.zero_threshold and same_layout(first, other))
        for other in histograms
    ):
        return _stacked(first, histograms)
    if any(other.is_custom != first.is_custom for other in histograms):
        raise MixedBuckets("histograms with exponential and with custom buckets cannot be combined")
    return _custom(histograms) if first.is_custom else _exponential(histograms)


def _stacked(first: Histogram, histograms: Sequence[Histogram]) -> Aligned:
    """All fill the same buckets: nothing has to be found out."""
    negative_start = BUCKETS + first.positive_index.size
    rows = np.empty((len(histograms), negative_start + first.negative_index.size))
    for position, histogram in enumerate(histograms):
        row = rows[position]
        row[:BUCKETS] = histogram.zero_count, histogram.count, histogram.sum
        row[BUCKETS:negative_start] = histogram.positive_count
        row[negative_start:] = histogram.negative_count
    return Aligned(
        rows, first.schema, first.zero_threshold, first.positive_index, first.negative_index, first.custom_bounds
    )


@dataclass(frozen=True, slots=True)
class _Flat:
    """The buckets of one side of all histograms, one behind the other."""

    row: Integers
    index: Integers
    count: Floats
    schema: Integers

    @classmethod
    def of(cls, histograms: Sequence[Histogram], side: str) -> _Flat:
        indices: list[Integers] = [getattr(h, f"{side}_index") for h in histograms]
        counts: list[Floats] = [getattr(h, f"{side}_count") for h in histograms]
        sizes = [index.size for index in indices]
        return cls(
            row=np.repeat(np.arange(len(histograms)), sizes),
            index=np.concatenate(indices),
            count=np.concatenate(counts),
            schema=np.repeat([h.schema for h in histograms], sizes),
        )

    def edges(self) -> tuple[Floats, Floats]:
        lower, upper = np.empty(self.index.size), np.empty(self.index.size)
        for schema in np.unique(self.schema):
            of_schema = self.schema == schema
            lower[of_schema], upper[of_schema] = edges(self.index[of_schema], int(schema), NO_COUNT)
        return lower, upper

    def matrix(
        self, rows: int, target: int, keep: np.ndarray[tuple[int], np.dtype[np.bool_]]
    ) -> tuple[Integers, Floats]:
        """The indices in the target schema, and a row of counts for each histogram."""
        index = self.index[keep]
        schema = self.schema[keep]
        if (schema != target).any():
            for finer in np.unique(schema):
                of_schema = schema == finer
                index[of_schema] = lower_resolution(index[of_schema], int(finer), target)
        columns, column = np.unique(index, return_inverse=True)
        return columns, _scattered(rows, columns.size, self.row[keep], column, self.count[keep])


def _exponential(histograms: Sequence[Histogram]) -> Aligned:
    schema = min(h.schema for h in histograms)
    sides = [_Flat.of(histograms, "positive"), _Flat.of(histograms, "negative")]
    own_threshold = np.array([h.zero_threshold for h in histograms])
    zero_count = np.array([h.zero_count for h in histograms])
    threshold = float(own_threshold.max())
    keeps = [np.ones(side.index.size, dtype=np.bool_) for side in sides]
    if (own_threshold != threshold).any():
        both_edges = [side.edges() for side in sides]
        threshold = _widened(threshold, own_threshold, sides, both_edges)
        for position, (side, (lower, _)) in enumerate(zip(sides, both_edges, strict=True)):
            swallowed = (lower < threshold) & (own_threshold[side.row] < threshold)
            np.add.at(zero_count, side.row[swallowed], side.count[swallowed])
            keeps[position] = ~swallowed
    (positive_index, positive), (negative_index, negative) = (
        side.matrix(len(histograms), schema, keep) for side, keep in zip(sides, keeps, strict=True)
    )
    head = np.array([[h.count for h in histograms], [h.sum for h in histograms]]).T
    rows = np.concatenate((zero_count[:, None], head, positive, negative), axis=1)
    return Aligned(rows, schema, threshold, positive_index, negative_index, NO_COUNT)


def _widened(
    threshold: float, own_threshold: Floats, sides: list[_Flat], both_edges: list[tuple[Floats, Floats]]
) -> float:
    """The zero threshold, moved outwards as long as it ends within a filled bucket of who had a smaller one."""
    while True:
        outer = threshold
        for side, (lower, upper) in zip(sides, both_edges, strict=True):
            across = (lower < threshold) & (upper > threshold) & (own_threshold[side.row] < threshold)
            if across.any():
                outer = max(outer, float(upper[across].max()))
        if outer == threshold:
            return threshold
        threshold = outer


def _custom(histograms: Sequence[Histogram]) -> Aligned:
    first = histograms[0].custom_bounds
    is_reconciled = any(not np.array_equal(h.custom_bounds, first) for h in histograms)
    bounds = first
    for h in histograms if is_reconciled else ():
        bounds = bounds[np.isin(bounds, h.custom_bounds)]
    indices = [
        np.searchsorted(bounds, edges(h.positive_index, h.schema, h.custom_bounds)[1])
        if is_reconciled
        else h.positive_index
        for h in histograms
    ]
    columns, column = np.unique(np.concatenate(indices), return_inverse=True)
    row = np.repeat(np.arange(len(histograms)), [index.size for index in indices])
    count = np.concatenate([h.positive_count for h in histograms])
    buckets = _scattered(len(histograms), columns.size, row, column, count)
    head = np.array([[h.zero_count for h in histograms], [h.count for h in histograms], [h.sum for h in histograms]]).T
    rows = np.concatenate((head, buckets), axis=1)
    return Aligned(rows, histograms[0].schema, 0.0, columns.astype(np.int64), NO_INDEX, bounds, is_reconciled)


def _scattered(rows: int, columns: int, row: Integers, column: Integers, count: Floats) -> Floats:
    """A matrix of zeros with these counts added in."""
    matrix = np.zeros((rows, columns))
    np.add.at(matrix, (row, column), count)
    return matrix
