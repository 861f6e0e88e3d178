"""Rates of floats in windows: ``rate``, ``increase``, ``delta``, ``irate``, ``idelta``, and where counters were reset.

Counts within windows are differences of running counts, which are exact; what resets add is summed window by window.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sonde.query.promql.evaluation.summation import prefix_counts
from sonde.query.promql.evaluation.windows import Windows, take
from sonde.query.promql.series import Booleans, Floats, Integers


def start_resets(times: Integers, starts: Integers) -> Booleans:
    """Which samples start anew after the sample before them, going by their start times.

    A start at the sample before is a delta's, unless that has no start either: then it only means "unknown".
    """
    flags = np.zeros(len(times), dtype=np.bool_)
    before, now = starts[:-1], starts[1:]
    earlier = times[:-1]
    known = (now != 0) & (now < times[1:])
    delta = (now == earlier) & (before <= earlier) & (before != 0) & (before != earlier)
    flags[1:] = known & ((now > earlier) | delta)
    return flags


def start_overlaps(times: Integers, starts: Integers) -> Booleans:
    """Which samples began before the sample before them, but not with it."""
    flags = np.zeros(len(times), dtype=np.bool_)
    flags[1:] = (starts[1:] != 0) & (starts[1:] < times[:-1]) & (starts[1:] != starts[:-1])
    return flags


def reset_flags(windows: Windows) -> Booleans:
    """Which samples of counters come after a reset. The first of a series may be anything: no window looks there."""
    flags = np.zeros(len(windows.times), dtype=np.bool_)
    flags[1:] = windows.values[1:] < windows.values[:-1]
    if windows.starts is not None:
        flags |= start_resets(windows.times, windows.starts)
    return flags


def inner_counts(windows: Windows, flags: Booleans) -> Integers:
    """How many samples of each window are flagged, not counting its first."""
    before = prefix_counts(flags)
    has = windows.counts > 1
    return np.where(has, before[windows.behind] - before[np.minimum(windows.first + 1, len(flags))], 0)


def correction(windows: Windows, flags: Booleans) -> Floats:
    """What counters lost to resets within each window."""
    lost = np.zeros(windows.first.shape)
    places = np.flatnonzero(flags)
    if not len(places):
        return lost
    before = prefix_counts(flags)
    first, behind = before[np.minimum(windows.first + 1, len(flags))], before[windows.behind]
    concerned = (behind > first) & (windows.counts > 1)
    if not concerned.any():
        return lost
    amounts = np.append(windows.values[places - 1], 0.0)
    pairs = np.stack([first[concerned], behind[concerned]], axis=1).ravel()
    lost[concerned] = np.add.reduceat(amounts, pairs)[::2]
    return lost


def extrapolated(windows: Windows, *, is_counter: bool, per_second: bool) -> tuple[Floats, Booleans]:
    """The change in each window, extrapolated to the window's ends; a counter's with its resets, and not below 0."""
    counts = windows.counts
    last = windows.behind - 1
    first_time, last_time = take(windows.times, windows.first), take(windows.times, last)
    first_value = take(windows.values, windows.first)
    change = take(windows.values, last) - first_value
    if is_counter:
        change = change + correction(windows, reset_flags(windows))
    start = None if windows.starts is None else take(windows.starts, windows.first)
    ends = Ends(counts, first_time, last_time, first_value, change, start, windows.ends, windows.width)
    return stretched(ends, is_counter=is_counter, per_second=per_second)


@dataclass(frozen=True, slots=True)
class Ends:
    """All that extrapolation looks at, window by window."""

    counts: Integers
    first_time: Integers
    last_time: Integers
    first_value: Floats
    change: Floats
    start: Integers | None
    """When the counts of the first samples began; 0 where unknown."""
    ends: Integers
    width: int


def stretched(windows: Ends, *, is_counter: bool, per_second: bool) -> tuple[Floats, Booleans]:
    """The change between first and last sample, extrapolated to the windows' ends."""
    counts, change, first_time, last_time = windows.counts, windows.change, windows.first_time, windows.last_time
    present = counts > 1
    begin = (windows.ends - windows.width)[None, :]
    to_start = (first_time - begin) / 1000
    to_end = (windows.ends[None, :] - last_time) / 1000
    sampled = (last_time - first_time) / 1000
    average = sampled / np.maximum(counts - 1, 1)
    threshold = average * 1.1
    half = average / 2
    to_start = np.where(to_start >= threshold, half, to_start)
    if is_counter:
        to_zero = np.where(
            (change > 0) & (windows.first_value >= 0), sampled * (windows.first_value / change), to_start
        )
        to_start = np.where(to_zero < to_start, to_zero, to_start)
        if windows.start is not None:
            start = windows.start
            begins = (start != 0) & (start > begin) & (start < first_time) & (counts > 0)
            to_start = np.where(begins, 0.0, to_start)
            sampled = np.where(begins, (last_time - start) / 1000, sampled)
            change = np.where(begins, change + windows.first_value, change)
            present |= begins
    to_end = np.where(to_end >= threshold, half, to_end)
    factor = np.where(sampled != 0, (sampled + to_start + to_end) / sampled, 1.0)
    if per_second:
        factor = factor / (windows.width / 1000)
    return change * factor, present


def rate(windows: Windows) -> tuple[Floats, Booleans]:
    """Increase per second of a counter."""
    return extrapolated(windows, is_counter=True, per_second=True)


def increase(windows: Windows) -> tuple[Floats, Booleans]:
    """Increase of a counter."""
    return extrapolated(windows, is_counter=True, per_second=False)


def delta(windows: Windows) -> tuple[Floats, Booleans]:
    """Change of a gauge."""
    return extrapolated(windows, is_counter=False, per_second=False)


def irate(windows: Windows) -> tuple[Floats, Booleans]:
    """Increase per second of a counter between its last two samples."""
    change, seconds, present = _last_two(windows)
    fell = take(reset_flags(windows), windows.behind - 1)
    change = np.where(fell, take(windows.values, windows.behind - 1), change)
    return change / seconds, present


def idelta(windows: Windows) -> tuple[Floats, Booleans]:
    """Change of a gauge between its last two samples."""
    change, _, present = _last_two(windows)
    return change, present


def _last_two(windows: Windows) -> tuple[Floats, Floats, Booleans]:
    last = windows.behind - 1
    change = take(windows.values, last) - take(windows.values, last - 1)
    seconds = (take(windows.times, last) - take(windows.times, last - 1)) / 1000
    return change, seconds, windows.counts > 1


def changes(windows: Windows) -> tuple[Floats, Booleans]:
    """How often a value changed; NaN after NaN is no change."""
    flags = np.zeros(len(windows.times), dtype=np.bool_)
    now, before = windows.values[1:], windows.values[:-1]
    flags[1:] = (now != before) & ~(np.isnan(now) & np.isnan(before))
    return inner_counts(windows, flags).astype(np.float64), windows.counts > 0


def resets(windows: Windows) -> tuple[Floats, Booleans]:
    """How often a counter was reset."""
    return inner_counts(windows, reset_flags(windows)).astype(np.float64), windows.counts > 0
