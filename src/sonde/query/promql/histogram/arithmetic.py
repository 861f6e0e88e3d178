"""Sums, means, differences and resets of native histograms.

Whoever asks turns ``has_collision`` and ``is_reconciled`` into annotations, and ``MixedBuckets`` into a warning.
Sums of many are compensated (Kahan's summation with Neumaier's improvement), as those of numbers are in PromQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sonde.query.promql.histogram.align import BUCKETS, ZERO_COUNT, align
from sonde.query.promql.histogram.native import CounterReset, Histogram, same_layout
from sonde.query.promql.series import Booleans, Floats


@dataclass(frozen=True, slots=True)
class Combined:
    """A histogram made of several, and what has to be told about it."""

    histogram: Histogram
    has_collision: bool
    """Whether one of them has the hint "reset" and another "not reset"."""
    is_reconciled: bool
    """Whether their custom bounds differed."""


def add(first: Histogram, second: Histogram) -> Combined:
    """The sum of two.

    >>> one = Histogram.of(count=3, sum=4, positive=([0, 1], [1, 2]))
    >>> add(one, one).histogram.positive_count.tolist()
    [2.0, 4.0]

    Raises:
        MixedBuckets: One has custom buckets and the other exponential ones.
    """
    reset, has_collision = combined_reset((first.reset, second.reset))
    aligned = align((first, second))
    with np.errstate(all="ignore"):
        row = aligned.rows[0] + aligned.rows[1]
    return Combined(aligned.histogram(row, reset), has_collision, aligned.is_reconciled)


def subtract(first: Histogram, second: Histogram) -> Combined:
    """The difference of two, which is a gauge.

    >>> one = Histogram.of(count=3, sum=4, positive=([0, 1], [1, 2]))
    >>> difference = subtract(one, one).histogram
    >>> difference.count, difference.positive_index.tolist(), difference.reset.name
    (0.0, [], 'GAUGE')

    Raises:
        MixedBuckets: One has custom buckets and the other exponential ones.
    """
    _, has_collision = combined_reset((first.reset, second.reset))
    aligned = align((first, second))
    with np.errstate(all="ignore"):
        row = aligned.rows[0] - aligned.rows[1]
    return Combined(aligned.histogram(row, CounterReset.GAUGE), has_collision, aligned.is_reconciled)


def total(histograms: Sequence[Histogram]) -> Combined:
    """The compensated sum of histograms, at least one.

    >>> big, small = Histogram.of(count=1, sum=1e100), Histogram.of(count=1, sum=1)
    >>> total([small, big, small, -big]).histogram.sum
    2.0

    Raises:
        MixedBuckets: Some have custom buckets and some exponential ones.
    """
    reset, has_collision = combined_reset([histogram.reset for histogram in histograms])
    aligned = align(histograms)
    rows = aligned.rows
    with np.errstate(all="ignore"):
        running, lost = rows[0], np.zeros_like(rows[0])
        for row in rows[1:]:
            running, lost = _compensated(running, lost, row)
        running = running + lost
    return Combined(aligned.histogram(running, reset), has_collision, aligned.is_reconciled)


def mean(histograms: Sequence[Histogram]) -> Combined:
    """The compensated mean of histograms, at least one, also where their sum is beyond a float.

    >>> huge = Histogram.of(count=1.5e308, sum=1)
    >>> mean([huge, huge]).histogram.count
    1.5e+308

    Raises:
        MixedBuckets: Some have custom buckets and some exponential ones.
    """
    reset, has_collision = combined_reset([histogram.reset for histogram in histograms])
    aligned = align(histograms)
    rows = aligned.rows
    with np.errstate(all="ignore"):
        running, lost = rows[0], np.zeros_like(rows[0])
        is_mean = False
        for number, row in enumerate(rows[1:], start=2):
            if not is_mean:
                next_running, next_lost = _compensated(running, lost, row)
                if not np.isinf(next_running).any():
                    running, lost = next_running, next_lost
                    continue
                is_mean = True
                running, lost = running / (number - 1), lost / (number - 1)
            weight = (number - 1) / number
            running, lost = _compensated(running * weight, lost * weight, row / number)
        row = running + lost if is_mean else running / len(histograms) + lost / len(histograms)
    return Combined(aligned.histogram(row, reset), has_collision, aligned.is_reconciled)


def combined_reset(resets: Sequence[CounterReset]) -> tuple[CounterReset, bool]:
    """The hint of a sum, and whether those of its parts contradict each other.

    >>> combined_reset([CounterReset.NOT_RESET, CounterReset.GAUGE])
    (<CounterReset.GAUGE: 3>, False)
    >>> combined_reset([CounterReset.NOT_RESET, CounterReset.RESET])
    (<CounterReset.UNKNOWN: 0>, True)
    """
    known = resets[0]
    has_collision = False
    for reset in resets[1:]:
        if reset is known or known is CounterReset.GAUGE:
            continue
        if reset is CounterReset.GAUGE:
            known = reset
        elif CounterReset.UNKNOWN in (reset, known):
            known = CounterReset.UNKNOWN
        else:
            known, has_collision = CounterReset.UNKNOWN, True
    return known, has_collision


def detect_reset(previous: Histogram, current: Histogram) -> bool:
    """Whether a counter was reset between two samples: the hint says so or, without one, something became less.

    >>> before = Histogram.of(count=4, positive=([0, 1], [1, 3]))
    >>> detect_reset(before, Histogram.of(count=5, positive=([0, 1], [1, 4])))
    False
    >>> detect_reset(before, Histogram.of(count=5, positive=([0, 1], [5, 0])))
    True
    """
    if current.reset is CounterReset.RESET:
        return True
    if current.reset is CounterReset.NOT_RESET:
        return False
    if current.count < previous.count or current.is_custom != previous.is_custom:
        return True
    if (
        current.schema == previous.schema
        and current.zero_threshold == previous.zero_threshold
        and same_layout(previous, current)
    ):
        return bool(
            current.zero_count < previous.zero_count
            or (current.positive_count < previous.positive_count).any()
            or (current.negative_count < previous.negative_count).any()
        )
    if current.schema > previous.schema or current.zero_threshold < previous.zero_threshold:
        return True
    aligned = align((previous, current))
    if aligned.zero_threshold != current.zero_threshold:
        return True  # it ends within a bucket that was filled
    before, after = aligned.rows
    return bool(after[ZERO_COUNT] < before[ZERO_COUNT] or (after[BUCKETS:] < before[BUCKETS:]).any())


def detect_resets(histograms: Sequence[Histogram]) -> Booleans:
    """Of each histogram, whether the counter was reset since the one before; nothing is before the first."""
    found = np.zeros(len(histograms), dtype=np.bool_)
    for position in range(1, len(histograms)):
        found[position] = detect_reset(histograms[position - 1], histograms[position])
    return found


def _compensated(running: Floats, lost: Floats, row: Floats) -> tuple[Floats, Floats]:
    """One step of a compensated sum: the new sum, and what its rounding has lost so far."""
    new = running + row
    added = new - running
    lost = lost + ((running - (new - added)) + (row - added))
    lost[np.isinf(new)] = 0.0
    return new, lost
