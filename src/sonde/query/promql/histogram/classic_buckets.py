"""Classic histograms: quantiles and fractions of cumulative ``le`` buckets, and their conversion to custom buckets.

Counts are matrices with a row for each bucket and a column for each time (or time and series), so one call answers for
all times of all series that have the same buckets.
Semantics: https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from sonde.query.promql.histogram.bounds import CUSTOM_SCHEMA
from sonde.query.promql.histogram.native import Histogram
from sonde.query.promql.series import Booleans, Floats, Integers

SMALL_DIFFERENCE: Final = 1e-12
"""Counts that differ by a smaller part of themselves differ by rounding only."""


@dataclass(frozen=True, slots=True)
class Quantiles:
    """A quantile for each column, and where counts were raised to make the buckets cumulative."""

    values: Floats
    is_forced: Booleans
    """Whether a bucket had counted less than a smaller one; the next three tell more where that is so, else NaN."""
    lowest: Floats
    """The bound of the first bucket that was raised."""
    highest: Floats
    """The bound of the last one."""
    difference: Floats
    """How much the one that was raised most was raised."""


def bucket_quantile(bounds: Floats, counts: Floats, q: ArrayLike, present: Booleans | None = None) -> Quantiles:
    """Estimate quantiles from cumulative counts of shape (bounds, columns); ``q`` is one number or one for each column.

    A bucket that is not ``present`` in a column does not exist there.

    >>> found = bucket_quantile(np.array([1.0, 2.0, math.inf]), np.array([[1.0], [3.0], [4.0]]), 0.5)
    >>> found.values.tolist(), found.is_forced.tolist()
    ([1.5], [False])
    """
    columns = counts.shape[1]
    quantiles = np.broadcast_to(np.asarray(q, dtype=np.float64), (columns,))
    found = Quantiles(
        np.full(columns, math.nan),
        np.zeros(columns, dtype=np.bool_),
        *(np.full(columns, math.nan) for _ in range(3)),
    )
    for chosen, rows in _patterns(counts, present):
        ends, cumulative = _coalesced(bounds[rows], counts[np.ix_(rows, chosen)])
        if ends.size and ends[-1] == math.inf:
            _fill_quantiles(found, chosen, ends, cumulative, quantiles[chosen])
    found.values[quantiles < 0] = -math.inf
    found.values[quantiles > 1] = math.inf
    is_valid = (quantiles >= 0) & (quantiles <= 1)
    found.is_forced[~is_valid] = False
    return found


def bucket_fraction(
    bounds: Floats, counts: Floats, lower: ArrayLike, upper: ArrayLike, present: Booleans | None = None
) -> Floats:
    """Estimate which part of the observations lies between two values, for each column of cumulative counts.

    >>> bucket_fraction(np.array([1.0, 2.0, math.inf]), np.array([[1.0], [3.0], [4.0]]), 1, 1.5).tolist()
    [0.25]
    """
    columns = counts.shape[1]
    lows = np.broadcast_to(np.asarray(lower, dtype=np.float64), (columns,))
    highs = np.broadcast_to(np.asarray(upper, dtype=np.float64), (columns,))
    values = np.full(columns, math.nan)
    for chosen, rows in _patterns(counts, present):
        ends, cumulative = _coalesced(bounds[rows], counts[np.ix_(rows, chosen)])
        if not ends.size or ends[-1] != math.inf:
            continue
        total = cumulative[-1]
        low, high = lows[chosen], highs[chosen]
        with np.errstate(all="ignore"):
            part = (_below(ends, cumulative, high) - _below(ends, cumulative, low)) / total
        part = np.where(low >= high, 0.0, part)
        values[chosen] = np.where((total == 0) | np.isnan(low) | np.isnan(high), math.nan, part)
    return values


def custom_buckets(bounds: Floats, counts: Floats, *, count: float | None = None, total: float = 0.0) -> Histogram:
    """A native histogram with custom buckets of one classic histogram's cumulative counts.

    Without ``count`` the last bucket has counted everything. Of two buckets with one bound the first counts.

    >>> h = custom_buckets(np.array([1.0, 2.0, math.inf]), np.array([1.0, 3.0, 4.0]), total=6.5)
    >>> h.custom_bounds.tolist(), h.positive_count.tolist(), h.count
    ([1.0, 2.0], [1.0, 2.0, 1.0], 4.0)

    Raises:
        ValueError: A bound is NaN, or a bucket has counted less than a smaller one.
    """
    if np.isnan(bounds).any():
        raise ValueError("a bucket of a classic histogram has the bound NaN")
    ends, first = np.unique(bounds, return_index=True)
    cumulative = counts[first]
    observed = count if count is not None else (float(cumulative[-1]) if cumulative.size else 0.0)
    if not ends.size or ends[-1] != math.inf:
        ends, cumulative = np.append(ends, math.inf), np.append(cumulative, observed)
    in_bucket = np.diff(cumulative, prepend=0.0)
    if (in_bucket < 0).any():
        position = int(np.argmax(in_bucket < 0))
        raise ValueError(
            f"the bucket of a classic histogram that ends at {ends[position]:g} counts less than the one before"
        )
    return Histogram.of(
        schema=CUSTOM_SCHEMA,
        count=observed,
        sum=total,
        positive=(np.arange(ends.size), in_bucket),
        custom_bounds=ends[:-1],
    )


def _patterns(counts: Floats, present: Booleans | None) -> Iterator[tuple[Integers, Integers]]:
    """Columns that have the same buckets, with those."""
    if present is None or present.all():
        yield np.arange(counts.shape[1]), np.arange(counts.shape[0])
        return
    patterns, which = np.unique(present, axis=1, return_inverse=True)
    which = which.reshape(-1)
    for position in range(patterns.shape[1]):
        yield np.flatnonzero(which == position), np.flatnonzero(patterns[:, position])


def _coalesced(bounds: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Ascending bounds, those that are equal as one."""
    if not bounds.size:
        return bounds, counts
    order = np.argsort(bounds, kind="stable")
    ends = bounds[order]
    starts = np.flatnonzero(np.concatenate(([True], ends[1:] != ends[:-1])))
    return ends[starts], np.add.reduceat(counts[order], starts, axis=0)


def _fill_quantiles(found: Quantiles, chosen: Integers, ends: Floats, counts: Floats, quantiles: Floats) -> None:
    _make_cumulative(found, chosen, ends, counts)
    last = ends.size - 1
    if last < 1:
        return
    with np.errstate(all="ignore"):
        rank = quantiles * counts[-1]
        reached = counts[:-1] >= rank
        place = np.where(reached.any(axis=0), np.argmax(reached, axis=0), last)
        before = np.maximum(place - 1, 0)
        columns = np.arange(chosen.size)
        start = np.where(place == 0, 0.0, ends[before])
        counted = np.where(place == 0, 0.0, counts[before, columns])
        values = start + (ends[place] - start) * ((rank - counted) / (counts[place, columns] - counted))
    values = np.where(place == last, ends[last - 1], values)
    if ends[0] <= 0:
        values = np.where(place == 0, ends[0], values)
    is_unknown = (counts[-1] == 0) | np.isnan(quantiles)
    found.values[chosen] = np.where(is_unknown, math.nan, values)


def _make_cumulative(found: Quantiles, chosen: Integers, ends: Floats, counts: Floats) -> None:
    """Raise counts, in place, that are less than those of a smaller bucket, and pass over differences of rounding."""
    previous = counts[0]
    for position in range(1, ends.size):
        current = counts[position]
        is_same = _nearly_equal(previous, current)
        is_less = (current < previous) & ~is_same
        if is_less.any():
            columns = chosen[is_less]
            is_first = ~found.is_forced[columns]
            found.lowest[columns[is_first]] = ends[position]
            found.highest[columns] = ends[position]
            found.difference[columns] = np.fmax(found.difference[columns], (previous - current)[is_less])
            found.is_forced[columns] = True
        previous = counts[position] = np.where(is_same | is_less, previous, current)


def _nearly_equal(first: Floats, second: Floats) -> Booleans:
    with np.errstate(all="ignore"):
        size = np.minimum(np.abs(first) + np.abs(second), sys.float_info.max)
        nearly: Booleans = np.abs(first - second) / size < SMALL_DIFFERENCE
    nearly &= (first != 0) & (second != 0)
    nearly |= first == second
    return nearly


def _below(ends: Floats, counts: Floats, values: Floats) -> Floats:
    """How many observations lie below a value, for each column; none of an endless bucket that it is in, above."""
    columns = np.arange(values.size)
    place = np.minimum(np.searchsorted(ends, values, side="right"), ends.size - 1)
    before = np.maximum(place - 1, 0)
    is_first = place == 0
    start = np.where(is_first, 0.0 if ends[0] > 0 else -math.inf, ends[before])
    counted = np.where(is_first, 0.0, counts[before, columns])
    here = counts[place, columns]
    inside = np.where(start == -math.inf, here, counted + (here - counted) * (values - start) / (ends[place] - start))
    below = np.where(values >= ends[place], here, np.where(values > start, inside, counted))
    capped: Floats = np.minimum(below, counts[-1])
    return capped
