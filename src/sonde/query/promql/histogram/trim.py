"""The operators ``</`` and ``>/``: a native histogram without the observations above, or below, a value.

A bucket that the value falls into is divided as ``histogram_fraction`` would divide it; one without an end on the side
that goes is given up. If anything goes, the sum is estimated anew from the middles of what stays.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from sonde.query.promql.histogram.bounds import edges
from sonde.query.promql.histogram.native import NO_COUNT, Histogram, filled
from sonde.query.promql.histogram.quantile import biased, part_below
from sonde.query.promql.series import Floats

_Kept = tuple[float, float]
"""What stays of a bucket: its count, and the middle of where its observations are."""


@dataclass(frozen=True, slots=True)
class _Bucket:
    lower: float
    upper: float
    count: float
    is_linear: bool
    """Whether its observations lie evenly between its ends: the zero bucket and custom buckets."""

    def whole(self) -> _Kept:
        return self.count, self.middle(self.lower, self.upper)

    def between(self, lower: float, upper: float) -> _Kept:
        """What is kept of it, from one of its ends to a value in it."""
        value = upper if lower == self.lower else lower
        below = part_below(self.lower, self.upper, value, is_linear=self.is_linear)
        return self.count * (below if value == upper else 1 - below), self.middle(lower, upper)

    def middle(self, lower: float, upper: float) -> float:
        if self.is_linear:
            return lower if upper == math.inf else (lower + upper) / 2
        return math.copysign(math.sqrt(lower * upper), upper)


_NOTHING: Final[_Kept] = (0.0, 0.0)


def trim_upper(histogram: Histogram, value: float) -> Histogram:
    """Only what was observed up to a value.

    >>> h = trim_upper(Histogram.of(count=6, sum=9, positive=([1, 2], [2, 4])), 2)
    >>> h.count, h.positive_index.tolist()
    (2.0, [1])
    """
    return _trimmed(histogram, lambda bucket: _below(bucket, value))


def trim_lower(histogram: Histogram, value: float) -> Histogram:
    """Only what was observed from a value on.

    >>> h = trim_lower(Histogram.of(count=6, sum=9, positive=([1, 2], [2, 4])), 2)
    >>> h.count, h.positive_index.tolist()
    (4.0, [2])
    """
    return _trimmed(histogram, lambda bucket: _above(bucket, value))


def _trimmed(histogram: Histogram, keep: Callable[[_Bucket], _Kept]) -> Histogram:
    lower, upper = edges(histogram.positive_index, histogram.schema, histogram.custom_bounds)
    inner, outer = edges(histogram.negative_index, 0 if histogram.is_custom else histogram.schema, NO_COUNT)
    positive = _kept(keep, (lower, upper, histogram.positive_count), is_linear=histogram.is_custom)
    negative = _kept(keep, (-outer, -inner, histogram.negative_count), is_linear=False)
    zero = keep(_zero_bucket(histogram)) if histogram.zero_count else _NOTHING
    new_positive, new_negative = (np.array([count for count, _ in side]) for side in (positive, negative))
    if (
        np.array_equal(new_positive, histogram.positive_count)
        and np.array_equal(new_negative, histogram.negative_count)
        and zero[0] == histogram.zero_count
    ):
        return histogram
    stays = [kept for kept in (*positive, *negative, zero) if kept[0]]
    positive_index, positive_count = filled(histogram.positive_index, new_positive)
    negative_index, negative_count = filled(histogram.negative_index, new_negative)
    return replace(
        histogram,
        count=float(sum(count for count, _ in stays)),
        sum=float(sum(count * middle for count, middle in stays)),
        zero_count=zero[0],
        positive_index=positive_index,
        positive_count=positive_count,
        negative_index=negative_index,
        negative_count=negative_count,
    )


def _kept(keep: Callable[[_Bucket], _Kept], columns: tuple[Floats, Floats, Floats], *, is_linear: bool) -> list[_Kept]:
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [keep(_Bucket(lower, upper, count, is_linear)) for lower, upper, count in rows]


def _zero_bucket(histogram: Histogram) -> _Bucket:
    """The zero bucket: on one side of zero when all other buckets are there."""
    lower, upper = biased(histogram, -histogram.zero_threshold, histogram.zero_threshold)
    return _Bucket(lower, upper, histogram.zero_count, is_linear=True)


def _below(bucket: _Bucket, value: float) -> _Kept:
    lower, upper = bucket.lower, bucket.upper
    if value == math.inf:
        return bucket.whole()
    if upper == math.inf or value == -math.inf:
        return _NOTHING
    if lower == -math.inf:
        if upper <= 0:
            return bucket.count, min(value, upper)
        bucket = replace(bucket, lower=0.0)
    if upper <= value:
        return bucket.whole()
    return bucket.between(bucket.lower, value) if bucket.lower < value else _NOTHING


def _above(bucket: _Bucket, value: float) -> _Kept:
    lower, upper = bucket.lower, bucket.upper
    if value == -math.inf:
        return bucket.whole()
    if lower == -math.inf:
        if upper == math.inf or upper <= 0 or value < 0:
            return _NOTHING
        bucket = replace(bucket, lower=0.0)
    if upper == math.inf:
        return (bucket.count, max(value, bucket.lower)) if value < math.inf else _NOTHING
    if bucket.lower >= value:
        return bucket.whole()
    return bucket.between(value, upper) if value < upper else _NOTHING
