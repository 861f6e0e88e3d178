"""Native (sparse) histograms as PromQL computes with them: what a sample is when it is not a number.

All counts are floats. Only buckets that hold something are kept, as (index, count) by ascending index; ``bounds`` tells
where one begins and ends. ``histogram_align`` brings several to common buckets, ``histogram_arithmetic`` adds them.
Specification: https://prometheus.io/docs/specs/native_histograms/
"""

from __future__ import annotations

import enum
import math
import struct
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from sonde.query.promql.histogram.bounds import CUSTOM_SCHEMA, HIGHEST_SCHEMA, LOWEST_SCHEMA, edges, lower_resolution
from sonde.query.promql.series import STALE_NAN_BITS, Floats, Integers

NO_INDEX: Final[Integers] = np.empty(0, dtype=np.int64)
NO_COUNT: Final[Floats] = np.empty(0)


class CounterReset(enum.IntEnum):
    """What is known of a reset between the sample before and this one. A gauge histogram has no resets."""

    UNKNOWN = 0
    RESET = 1
    NOT_RESET = 2
    GAUGE = 3


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Histogram:
    """A native histogram. Nobody changes its arrays; ``Histogram.of`` makes one of anything that looks like it.

    Two are equal when PromQL's ``==`` says so: schema, zero bucket, count, sum and buckets, but not ``reset``.
    """

    schema: int = 0
    """-4 to 8, or -53 for custom bounds."""
    zero_threshold: float = 0.0
    zero_count: float = 0.0
    count: float = 0.0
    sum: float = 0.0
    positive_index: Integers = field(default_factory=lambda: NO_INDEX)
    positive_count: Floats = field(default_factory=lambda: NO_COUNT)
    negative_index: Integers = field(default_factory=lambda: NO_INDEX)
    negative_count: Floats = field(default_factory=lambda: NO_COUNT)
    custom_bounds: Floats = field(default_factory=lambda: NO_COUNT)
    reset: CounterReset = CounterReset.UNKNOWN

    @classmethod
    def of(
        cls,
        *,
        schema: int = 0,
        zero_threshold: float = 0.0,
        zero_count: float = 0.0,
        count: float = 0.0,
        sum: float = 0.0,  # noqa: A002 - the field's word
        positive: tuple[ArrayLike, ArrayLike] = ((), ()),
        negative: tuple[ArrayLike, ArrayLike] = ((), ()),
        custom_bounds: ArrayLike = (),
        reset: CounterReset = CounterReset.UNKNOWN,
    ) -> Histogram:
        """A histogram of (indices, counts), ascending; empty buckets are left out.

        >>> h = Histogram.of(count=4, sum=5, positive=([0, 1, 2], [1, 0, 3]))
        >>> h.positive_index.tolist(), h.positive_count.tolist()
        ([0, 2], [1.0, 3.0])
        """
        positive_index, positive_count = filled(*positive)
        negative_index, negative_count = filled(*negative)
        return cls(
            schema=schema,
            zero_threshold=zero_threshold,
            zero_count=zero_count,
            count=count,
            sum=sum,
            positive_index=positive_index,
            positive_count=positive_count,
            negative_index=negative_index,
            negative_count=negative_count,
            custom_bounds=np.asarray(custom_bounds, dtype=np.float64),
            reset=reset,
        )

    @property
    def is_custom(self) -> bool:
        """Whether its buckets have custom bounds."""
        return self.schema == CUSTOM_SCHEMA

    @property
    def is_stale(self) -> bool:
        """Whether it is no histogram but the mark that its series has ended."""
        return _bits(self.sum) == STALE_NAN_BITS

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Histogram):
            return NotImplemented
        return (
            self.schema == other.schema
            and _bits(self.count) == _bits(other.count)
            and _bits(self.sum) == _bits(other.sum)
            and self.zero_threshold == other.zero_threshold
            and _bits(self.zero_count) == _bits(other.zero_count)
            and same_layout(self, other)
            and _same_bits(self.positive_count, other.positive_count)
            and _same_bits(self.negative_count, other.negative_count)
        )

    def __hash__(self) -> int:
        return hash((self.schema, self.positive_index.tobytes(), self.negative_index.tobytes()))

    def __mul__(self, factor: float) -> Histogram:
        """Multiply all counts and the sum; a negative factor makes it a gauge.

        >>> h = Histogram.of(count=4, sum=5, positive=([1], [4])) * -2
        >>> h.count, h.sum, h.positive_count.tolist(), h.reset.name
        (-8.0, -10.0, [-8.0], 'GAUGE')
        """
        with np.errstate(all="ignore"):
            return self._scaled(
                self.zero_count * factor,
                self.count * factor,
                self.sum * factor,
                self.positive_count * factor,
                self.negative_count * factor,
                is_negative=factor < 0,
            )

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> Histogram:
        """Divide all counts and the sum; a negative divisor makes it a gauge, zero leaves only the zero bucket.

        >>> h = Histogram.of(count=4, sum=0, positive=([1], [4])) / 0
        >>> h.count, h.sum, h.positive_count.tolist()
        (inf, nan, [])
        """
        with np.errstate(all="ignore"):
            zero_count, count, total = (np.array([self.zero_count, self.count, self.sum]) / divisor).tolist()
            if divisor == 0:
                positive = negative = NO_COUNT
            else:
                positive, negative = self.positive_count / divisor, self.negative_count / divisor
        return self._scaled(zero_count, count, total, positive, negative, is_negative=divisor < 0)

    def __neg__(self) -> Histogram:
        """Turn all counts and the sum around, which makes it a gauge."""
        return self * -1.0

    def _scaled(
        self, zero_count: float, count: float, total: float, positive: Floats, negative: Floats, *, is_negative: bool
    ) -> Histogram:
        positive_index, positive_count = filled(self.positive_index[: positive.size], positive)
        negative_index, negative_count = filled(self.negative_index[: negative.size], negative)
        return replace(
            self,
            zero_count=float(zero_count),
            count=float(count),
            sum=float(total),
            positive_index=positive_index,
            positive_count=positive_count,
            negative_index=negative_index,
            negative_count=negative_count,
            reset=CounterReset.GAUGE if is_negative else self.reset,
        )

    def with_reset(self, reset: CounterReset) -> Histogram:
        """The same with another hint."""
        return self if reset is self.reset else replace(self, reset=reset)

    def average(self) -> float:
        """The mean of what was observed: NaN where nothing was.

        >>> Histogram.of(count=4, sum=5).average()
        1.25
        """
        return _quotient(self.sum, self.count)

    def reduce_resolution(self, schema: int) -> Histogram:
        """The histogram in a schema of lower resolution.

        >>> h = Histogram.of(schema=1, count=3, positive=([1, 2, 3], [1, 1, 1])).reduce_resolution(0)
        >>> h.positive_index.tolist(), h.positive_count.tolist()
        ([1, 2], [2.0, 1.0])
        """
        if schema == self.schema:
            return self
        if self.is_custom or schema > self.schema:
            raise ValueError(f"a histogram of schema {self.schema} cannot be brought to schema {schema}")
        positive_index, positive_count = _merged(
            lower_resolution(self.positive_index, self.schema, schema), self.positive_count
        )
        negative_index, negative_count = _merged(
            lower_resolution(self.negative_index, self.schema, schema), self.negative_count
        )
        return replace(
            self,
            schema=schema,
            positive_index=positive_index,
            positive_count=positive_count,
            negative_index=negative_index,
            negative_count=negative_count,
        )

    def has_overflow(self) -> bool:
        """Whether any of its numbers is infinite."""
        return (
            math.isinf(self.zero_count)
            or math.isinf(self.count)
            or math.isinf(self.sum)
            or bool(np.isinf(self.positive_count).any())
            or bool(np.isinf(self.negative_count).any())
        )


@dataclass(frozen=True, slots=True)
class Buckets:
    """All buckets of a histogram that hold something, from the lowest to the highest, the zero bucket among them.

    A bucket that overlaps the zero bucket begins (or ends) where that ends.
    """

    lower: Floats
    upper: Floats
    count: Floats


def all_buckets(histogram: Histogram) -> Buckets:
    """The buckets of a histogram, ascending.

    >>> h = Histogram.of(count=4, zero_count=1, zero_threshold=0.5, positive=([0, 1], [1, 1]), negative=([1], [1]))
    >>> buckets = all_buckets(h)
    >>> buckets.lower.tolist(), buckets.upper.tolist()
    ([-2.0, -0.5, 0.5, 1.0], [-1.0, 0.5, 1.0, 2.0])
    """
    lower, upper = edges(histogram.positive_index, histogram.schema, histogram.custom_bounds)
    if histogram.is_custom:
        return Buckets(lower, upper, histogram.positive_count)
    threshold = histogram.zero_threshold
    parts = []
    if histogram.negative_index.size:
        inner, outer = edges(histogram.negative_index[::-1], histogram.schema, NO_COUNT)
        parts.append((-outer, -np.maximum(inner, threshold), histogram.negative_count[::-1]))
    if histogram.zero_count > 0:
        parts.append((np.array([-threshold]), np.array([threshold]), np.array([histogram.zero_count])))
    if histogram.positive_index.size:
        parts.append((np.maximum(lower, threshold), upper, histogram.positive_count))
    if not parts:
        return Buckets(NO_COUNT, NO_COUNT, NO_COUNT)
    return Buckets(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def filled(index: ArrayLike, count: ArrayLike) -> tuple[Integers, Floats]:
    """The buckets that hold something."""
    indices = np.asarray(index, dtype=np.int64)
    counts = np.asarray(count, dtype=np.float64)
    keep = counts != 0
    return (indices, counts) if keep.all() else (indices[keep], counts[keep])


def same_layout(first: Histogram, second: Histogram) -> bool:
    """Whether two histograms of one schema fill the same buckets."""
    return (
        _same_bits(first.positive_index, second.positive_index)
        and _same_bits(first.negative_index, second.negative_index)
        and _same_bits(first.custom_bounds, second.custom_bounds)
    )


def validate(histogram: Histogram) -> None:
    """Raise ValueError with what makes a histogram that was sent no histogram.

    >>> validate(Histogram.of(count=1, positive=([0], [2])))
    Traceback (most recent call last):
        ...
    ValueError: 2 observations found in buckets, but the Count field is 1: histogram's observation count should be at least the number of observations found in the buckets
    """  # noqa: E501 - Prometheus' sentence
    h = histogram
    if not (h.is_custom or LOWEST_SCHEMA <= h.schema <= HIGHEST_SCHEMA):
        raise ValueError(
            f"invalid histogram schema {h.schema}: "
            f"the schema must be {LOWEST_SCHEMA} to {HIGHEST_SCHEMA}, or {CUSTOM_SCHEMA}"
        )
    for side, index, counts in (
        ("positive", h.positive_index, h.positive_count),
        ("negative", h.negative_index, h.negative_count),
    ):
        if index.size != counts.size or (np.diff(index) <= 0).any():
            raise ValueError(f"{side} side: buckets must ascend, and each must have one count")
        if (counts < 0).any():
            position = int(np.argmax(counts < 0))
            raise ValueError(
                f"{side} side: bucket number {position + 1} has observation count of {counts[position]:g}: "
                "histogram has a bucket whose observation count is negative"
            )
    if h.is_custom:
        _validate_custom(h)
    elif h.custom_bounds.size:
        raise ValueError("histogram with exponential schema must not have custom bounds")
    if h.zero_count < 0 or h.count < 0:
        raise ValueError("histogram has a negative zero count or count")
    in_buckets = h.zero_count + float(h.positive_count.sum()) + float(h.negative_count.sum())
    if not math.isnan(h.sum) and in_buckets > h.count * (1 + 1e-12):
        raise ValueError(
            f"{in_buckets:g} observations found in buckets, but the Count field is {h.count:g}: "
            "histogram's observation count should be at least the number of observations found in the buckets"
        )


def _validate_custom(h: Histogram) -> None:
    if h.zero_count or h.zero_threshold or h.negative_index.size:
        raise ValueError("custom buckets: must have neither a zero bucket nor negative buckets")
    bounds = h.custom_bounds
    if np.isnan(bounds).any():
        raise ValueError("custom buckets: a bound is NaN")
    if (np.diff(bounds) <= 0).any():
        raise ValueError("custom buckets: histogram custom bounds must be in strictly increasing order")
    if bounds.size and bounds[-1] == math.inf:
        raise ValueError("custom buckets: last +Inf bound must not be explicitly defined")
    if h.positive_index.size and not 0 <= int(h.positive_index[0]) <= int(h.positive_index[-1]) <= bounds.size:
        raise ValueError(f"custom buckets: {bounds.size} bounds are too few for its buckets")


def _merged(index: Integers, count: Floats) -> tuple[Integers, Floats]:
    if not index.size:
        return index, count
    starts = np.flatnonzero(np.diff(index, prepend=index[0] - 1))
    return filled(index[starts], np.add.reduceat(count, starts))


def _bits(value: float) -> int:
    return int.from_bytes(struct.pack("<d", value), "little")


def _same_bits(first: Floats | Integers, second: Floats | Integers) -> bool:
    return first is second or (first.size == second.size and first.tobytes() == second.tobytes())


def _quotient(dividend: float, divisor: float) -> float:
    """Division as IEEE has it."""
    if divisor:
        return dividend / divisor
    with np.errstate(all="ignore"):
        return float(np.float64(dividend) / np.float64(divisor))
