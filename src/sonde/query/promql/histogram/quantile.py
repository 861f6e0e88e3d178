"""What a native histogram says about the values that were observed: quantiles, fractions, deviation.

Within an exponential bucket values are thought to lie as they would in the buckets of a finer schema; within the zero
bucket and custom buckets evenly. The zero bucket of a histogram with no negative (positive) buckets begins (ends) at 0.
Specification: https://prometheus.io/docs/specs/native_histograms/#quantiles
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sonde.query.promql.histogram.native import Buckets, Histogram, all_buckets
from sonde.query.promql.series import Floats

NotANumber = Literal["", "skewed higher", "NaN"]
"""What the result is when there is NaN among the observations; empty when there is none, or it does not matter."""


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile, and what to tell about NaN observations."""

    value: float
    nan_observations: NotANumber = ""


@dataclass(frozen=True, slots=True)
class Fraction:
    """A fraction, and whether there are NaN observations, which are in none."""

    value: float
    has_nan_observations: bool = False


def quantile(histogram: Histogram, q: float) -> Quantile:
    """Estimate the value that a part ``q`` of the observations does not exceed.

    >>> h = Histogram.of(count=4, sum=5, positive=([0, 1, 2], [1, 2, 1]))
    >>> round(quantile(h, 0.5).value, 12), quantile(h, 1).value, quantile(h, 2).value
    (1.414213562373, 4.0, inf)
    """
    if q < 0:
        return Quantile(-math.inf)
    if q > 1:
        return Quantile(math.inf)
    if histogram.count == 0 or math.isnan(q):
        return Quantile(math.nan)
    buckets = all_buckets(histogram)
    # NaN observations are in the count but in no bucket, so only counting from below finds the right place.
    is_forward = math.isnan(histogram.sum) or q < 0.5
    rank = (q if is_forward else 1 - q) * histogram.count
    nan_observations = _nan_observations(histogram, buckets, rank)
    if not buckets.count.size or nan_observations == "NaN":
        return Quantile(math.nan, nan_observations)
    order = slice(None) if is_forward else slice(None, None, -1)
    reached = np.cumsum(buckets.count[order])
    place = int(np.argmax(reached >= rank)) if reached.max() >= rank else reached.size - 1
    position = place if is_forward else reached.size - 1 - place
    lower, upper, count = (float(part[position]) for part in (buckets.lower, buckets.upper, buckets.count))
    seen = min(float(reached[place]), histogram.count)
    return Quantile(
        _within(
            histogram,
            lower,
            upper,
            (rank - (seen - count) if is_forward else seen - rank) / count,
            is_reached=seen >= rank,
        ),
        nan_observations,
    )


def _within(histogram: Histogram, lower: float, upper: float, part: float, *, is_reached: bool) -> float:
    """The value at a part of a bucket; its upper end if the wanted rank was not reached."""
    if histogram.is_custom:
        if lower == -math.inf:
            if upper <= 0:
                return upper
            lower = 0.0
        elif upper == math.inf:
            return lower
    elif lower < 0 < upper:
        lower, upper = biased(histogram, lower, upper)
    return _interpolated(lower, upper, part, is_linear=histogram.is_custom) if is_reached else upper


def fraction(histogram: Histogram, lower: float, upper: float) -> Fraction:
    """Estimate which part of the observations lies between two values.

    >>> h = Histogram.of(count=4, sum=5, positive=([0, 1, 2], [1, 2, 1]))
    >>> fraction(h, 1, 2).value, fraction(h, -math.inf, math.inf).value
    (0.5, 1.0)
    """
    if histogram.count == 0 or math.isnan(lower) or math.isnan(upper):
        return Fraction(math.nan)
    if lower >= upper:
        return Fraction(0.0)
    buckets = all_buckets(histogram)
    count = histogram.count
    has_nan = False
    if math.isnan(histogram.sum):
        count = min(float(buckets.count.sum()), histogram.count)
        has_nan = count < histogram.count
    below = [rank_of(histogram, buckets, value, count) for value in (lower, upper)]
    return Fraction((below[1] - below[0]) / histogram.count, has_nan)


def rank_of(histogram: Histogram, buckets: Buckets, value: float, count: float) -> float:
    """How many of ``count`` observations lie below a value; those in an endless bucket that it is in are not below."""
    place = int(np.searchsorted(buckets.upper, value, side="right"))
    if place == buckets.upper.size:
        return count
    before = float(buckets.count[:place].sum())
    lower, upper, here = (float(part[place]) for part in (buckets.lower, buckets.upper, buckets.count))
    is_linear = histogram.is_custom or lower <= 0 <= upper
    if histogram.is_custom:
        lower = 0.0 if lower == -math.inf and upper > 0 else lower
    elif is_linear:
        lower, upper = biased(histogram, lower, upper)
    if value >= upper:
        before += here
    elif value > lower:
        before += here if lower == -math.inf else here * part_below(lower, upper, value, is_linear=is_linear)
    return min(before, count)


def part_below(lower: float, upper: float, value: float, *, is_linear: bool) -> float:
    """Which part of a bucket lies below a value in it; nothing of a bucket without an upper end.

    >>> part_below(1, 4, 2, is_linear=False), part_below(1, 5, 2, is_linear=True)
    (0.5, 0.25)
    """
    if is_linear:
        return (value - lower) / (upper - lower)
    log_lower, log_upper, log_value = (math.log2(abs(edge)) for edge in (lower, upper, value))
    if value > 0:
        return (log_value - log_lower) / (log_upper - log_lower)
    return 1 - (log_value - log_upper) / (log_lower - log_upper)


def variance(histogram: Histogram) -> float:
    """Estimate the variance of the observations, each thought to be in the middle of its bucket.

    >>> round(variance(Histogram.of(schema=2, count=4, sum=10, positive=([0, 4, 7, 8], [1, 1, 1, 1]))), 12)
    1.163807968527
    """
    mean = histogram.average()
    if not math.isfinite(mean):
        return abs(mean)
    buckets = all_buckets(histogram)
    with np.errstate(all="ignore"):
        deviation = middles(histogram, buckets) - mean
        squares = buckets.count * deviation * deviation
    if not np.isfinite(squares).all():
        return float(squares.sum() / histogram.count)
    return math.fsum(squares.tolist()) / histogram.count


def deviation(histogram: Histogram) -> float:
    """Estimate the standard deviation of the observations."""
    found = variance(histogram)
    return math.sqrt(found) if found >= 0 else math.nan


def middles(histogram: Histogram, buckets: Buckets) -> Floats:
    """The middle of each bucket: the geometric mean of its ends, the arithmetic one of custom buckets."""
    lower, upper = buckets.lower, buckets.upper
    with np.errstate(all="ignore"):
        if histogram.is_custom:
            return (lower + upper) / 2
        middle = np.copysign(np.sqrt(lower * upper), upper)
    return np.where((lower <= 0) & (upper >= 0), 0.0, middle)


def biased(histogram: Histogram, lower: float, upper: float) -> tuple[float, float]:
    """The ends of the zero bucket, when all other buckets are on one side of it."""
    if histogram.positive_index.size and not histogram.negative_index.size:
        return 0.0, upper
    if histogram.negative_index.size and not histogram.positive_index.size:
        return lower, 0.0
    return lower, upper


def _interpolated(lower: float, upper: float, part: float, *, is_linear: bool) -> float:
    if is_linear or lower <= 0 <= upper:
        return lower + (upper - lower) * part
    log_lower, log_upper = math.log2(abs(lower)), math.log2(abs(upper))
    if lower > 0:
        return float(np.exp2(log_lower + (log_upper - log_lower) * part))
    return -float(np.exp2(log_upper + (log_lower - log_upper) * (1 - part)))


def _nan_observations(histogram: Histogram, buckets: Buckets, rank: float) -> NotANumber:
    if not math.isnan(histogram.sum):
        return ""
    in_buckets = float(buckets.count.sum())
    if in_buckets >= histogram.count:
        return ""  # the sum is NaN since both infinities were observed
    return "NaN" if in_buckets < rank or not in_buckets else "skewed higher"
