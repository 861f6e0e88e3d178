"""Anchored and smoothed selectors: values at the very ends of a range, told from the samples around them.

"anchored" takes the newest sample at or before the left end, "smoothed" interpolates at both ends.
Specification: https://prometheus.io/docs/prometheus/latest/feature_flags/#extended-range-selectors
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sonde.query.promql.ast import Node
from sonde.query.promql.evaluation.frame import Frame, execution_error, vector_of
from sonde.query.promql.evaluation.rate import correction
from sonde.query.promql.evaluation.windows import Range, Windows, fresh, take
from sonde.query.promql.histogram.align import MixedBuckets
from sonde.query.promql.histogram.arithmetic import add, detect_reset, subtract
from sonde.query.promql.histogram.native import CounterReset, Histogram
from sonde.query.promql.series import Booleans, Floats, Integers, Samples, Vector, holds_histogram, is_stale, rows_with
from sonde.telemetry.labels import METRIC_NAME, value_of


@dataclass(frozen=True, slots=True)
class Ends:
    """Of each window the samples that tell the values at its ends, and whether there are such."""

    first: Integers
    last: Integers
    present: Booleans


def ends_of(windows: Windows) -> Ends:
    """The samples at, or next to, the ends of each window."""
    first = np.maximum(windows.inside - 1, windows.first)
    last = windows.behind - 1
    present = windows.counts > 0
    left, right = (windows.ends - windows.width)[None, :], windows.ends[None, :]
    if windows.extent == "smoothed":
        last = np.minimum(windows.beyond, last)
        present = present & (take(windows.times, first) <= right)
    present = present & (take(windows.times, last) > left)
    return Ends(first, last, present)


def _interpolated(windows: Windows, index: Integers, at: Integers, is_counter: bool) -> Floats:
    """The value between a sample and the next one; a counter that was reset between them started from 0."""
    earlier, later = take(windows.values, index), take(windows.values, index + 1)
    if is_counter:
        earlier = np.where(later < earlier, 0.0, earlier)
    begin, end = take(windows.times, index), take(windows.times, index + 1)
    value: Floats = earlier + (later - earlier) * (at - begin) / (end - begin)
    return value


def extended_change(windows: Windows, *, is_counter: bool) -> tuple[Floats, Booleans]:
    """The change between the very ends of each window, a counter's with what it lost to resets."""
    ends = ends_of(windows)
    left_end, right_end = (windows.ends - windows.width)[None, :], windows.ends[None, :]
    first_time, last_time = take(windows.times, ends.first), take(windows.times, ends.last)
    left, right = take(windows.values, ends.first), take(windows.values, ends.last)
    if windows.extent == "smoothed":
        left = np.where(first_time < left_end, _interpolated(windows, ends.first, left_end, is_counter), left)
        crosses = (last_time > right_end) & (ends.last > windows.first)
        right = np.where(crosses, _interpolated(windows, ends.last - 1, right_end, is_counter), right)
    change = right - left
    if is_counter:
        first = ends.first + (first_time <= left_end)
        behind = ends.last + (last_time < right_end)
        inner = replace(windows, first=first, behind=behind, starts=None)
        flags = np.zeros(len(windows.times), dtype=np.bool_)
        flags[1:] = windows.values[1:] < windows.values[:-1]
        any_inside = behind > first
        after_left = np.where(any_inside, take(windows.values, first), right)
        before_right = np.where(any_inside, take(windows.values, behind - 1), right)
        change = change + np.where(after_left < left, left, 0.0) + correction(inner, flags)
        change = change + np.where(right < before_right, before_right, 0.0)
    return change, ends.present


@dataclass(frozen=True, slots=True)
class _Change:
    """One window of histograms, and who is told about it."""

    histograms: list[Histogram]
    times: list[int]
    left: int
    right: int
    smoothed: bool
    is_counter: bool
    metric: str
    frame: Frame
    node: Node

    def value(self) -> Histogram | None:
        """The change between the ends of the window."""
        h, notes = self.histograms, self.frame.notes
        if any(each.is_custom != h[0].is_custom for each in h):
            notes.mixed_buckets(self.metric, self.node)
            return None
        if self.is_counter and any(each.reset is CounterReset.GAUGE for each in h):
            notes.not_a_counter(self.metric, self.node)
        try:
            first, last = h[0], h[-1]
            if self.smoothed and self.times[0] < self.left:
                first = self.between(0, self.left)
            if self.smoothed and len(h) > 1 and self.times[-1] > self.right:
                last = self.between(len(h) - 2, self.right)
            if not self.is_counter and not first.reset is last.reset is CounterReset.GAUGE:
                notes.not_a_gauge(self.metric, self.node)
            difference = self.told(subtract(last, first).histogram, first, last, "subtraction")
            lost = self.lost(first, last) if self.is_counter else None
            return (
                difference if lost is None else self.told(add(difference, lost).histogram, difference, lost, "addition")
            )
        except MixedBuckets:
            notes.mixed_buckets(self.metric, self.node)
            return None

    def told(self, result: Histogram, one: Histogram, other: Histogram, operation: str) -> Histogram:
        """The result, after telling that custom bounds differed."""
        if one.is_custom and not np.array_equal(one.custom_bounds, other.custom_bounds):
            self.frame.notes.reconciled(operation, self.node)
        return result

    def between(self, index: int, at: int) -> Histogram:
        """The histogram between a sample and the next one."""
        one, other = self.histograms[index : index + 2]
        begin, end = self.times[index : index + 2]
        return interpolated_histogram(one, other, begin, end, at, is_counter=self.is_counter)

    def lost(self, left: Histogram, right: Histogram) -> Histogram | None:
        """What a counter lost to resets between its ends."""
        h = self.histograms
        first, before = 1, left
        if self.smoothed and self.times[0] < self.left and detect_reset(h[0], h[1]):
            # the value at the left end already counts with this reset
            before, first = h[1], 2
        if first > len(h) - 1:
            return None
        total = None
        for each in [*h[first:-1], right]:
            if detect_reset(before, each):
                total = before if total is None else self.told(add(total, before).histogram, total, before, "addition")
            before = each
        return total


def interpolated_histogram(
    one: Histogram, other: Histogram, begin: int, end: int, at: int, *, is_counter: bool
) -> Histogram:
    """The histogram between two samples; a counter that was reset between them started empty."""
    if one.is_custom != other.is_custom:
        raise MixedBuckets
    if at == begin:
        return one
    if at == end:
        return other
    share = (at - begin) / (end - begin)
    if is_counter and detect_reset(one, other):
        return other * share
    grown = add(subtract(other, one).histogram * share, one).histogram
    return grown.with_reset(other.reset)


def extended_histogram_change(
    windows: Windows, row: int, column: int, frame: Frame, node: Node, ends: Ends, *, is_counter: bool
) -> Histogram | None:
    """The change of native histograms between the very ends of one window."""
    chosen = slice(int(ends.first[row, column]), int(ends.last[row, column]) + 1)
    right = int(windows.ends[column])
    return _Change(
        histograms=list(windows.objects[chosen]),
        times=windows.times[chosen].tolist(),
        left=right - windows.width,
        right=right,
        smoothed=windows.extent == "smoothed",
        is_counter=is_counter,
        metric=value_of(windows.labels[row], METRIC_NAME),
        frame=frame,
        node=node,
    ).value()


def anchored_from_anchor(windows: Windows) -> Windows:
    """Anchored windows that begin with their anchor; those with no sample behind their left end are empty."""
    first = np.maximum(windows.inside - 1, windows.first)
    return replace(windows, first=np.where(windows.behind > windows.inside, first, windows.behind))


def smoothed_vector(samples: Samples, ends: Integers, frame: Frame, node: Node) -> Vector:
    """The value of an instant selector between two samples; behind the last one that stays as long as it would."""
    windows = Range(fresh(samples), ends, 0, "smoothed", frame.query.lookback).windows()
    is_histogram = windows.is_histogram
    floats, natives = windows.only(~is_histogram), windows.only(is_histogram)
    mixed = (floats.counts > 0) & (natives.counts > 0)
    for row in rows_with(mixed):
        frame.notes.mixed_floats_histograms(value_of(samples.labels[row], METRIC_NAME), node)
    values, present = _smoothed_floats(floats, ends)
    histograms = None
    if windows.histograms is not None:
        histograms = np.full(values.shape, None, dtype=object)
        for row, column, _ in natives.cells((natives.counts > 0) & ~mixed):
            histograms[row, column] = _smoothed_histogram(natives, row, column, int(ends[column]), frame, node)
        present = (present & ~mixed) | (holds_histogram(histograms) & ~mixed)
        histograms[~present] = None
    return vector_of(list(samples.labels), values, present, histograms)


def _smoothed_floats(windows: Windows, ends: Integers) -> tuple[Floats, Booleans]:
    previous = windows.inside - 1
    present = previous >= windows.first
    value = take(windows.values, previous)
    between = (windows.inside < windows.behind) & (take(windows.times, previous) < ends[None, :])
    return np.where(between, _interpolated(windows, previous, ends[None, :], is_counter=False), value), present


def _smoothed_histogram(windows: Windows, row: int, column: int, at: int, frame: Frame, node: Node) -> Histogram | None:
    after = int(windows.inside[row, column])
    if after - 1 < int(windows.first[row, column]):
        return None
    one: Histogram = windows.objects[after - 1]
    if after >= int(windows.behind[row, column]) or int(windows.times[after - 1]) == at:
        return one
    other: Histogram = windows.objects[after]
    begin, end = windows.times[after - 1 : after + 1].tolist()
    try:
        is_counter = one.reset is not CounterReset.GAUGE and other.reset is not CounterReset.GAUGE
        return interpolated_histogram(one, other, begin, end, at, is_counter=is_counter)
    except MixedBuckets:
        frame.notes.mixed_buckets(value_of(windows.labels[row], METRIC_NAME), node)
        return None


def extended_samples(windows: Windows) -> Samples:
    """What an anchored or smoothed range selector shows at one time: its samples, and values at its very ends.

    Raises:
        UserError: Any of its samples is a histogram; Prometheus refuses those too.
    """
    if windows.only(windows.is_histogram).counts.any():
        raise execution_error(f"{windows.extent} modifier is not supported with histograms")
    ends = ends_of(windows)
    floats = ~is_stale(windows.values)
    offsets, times, values = [0], [], []
    left, right = int(windows.ends[0]) - windows.width, int(windows.ends[0])
    smoothed = windows.extent == "smoothed"
    for row in range(len(windows.labels)):
        if ends.present[row, 0] and floats.any():
            first, last = int(ends.first[row, 0]), int(ends.last[row, 0])
            t, v = windows.times[first : last + 1], windows.values[first : last + 1]
            both = np.array([left, right])
            at_ends = np.interp(both, t, v) if smoothed else np.array([v[0], v[-1]])
            inner = (t > left) & (t < right)
            times.append(np.concatenate([both[:1], t[inner], both[1:]]))
            values.append(np.concatenate([at_ends[:1], v[inner], at_ends[1:]]))
        offsets.append(offsets[-1] + (len(times[-1]) if ends.present[row, 0] else 0))
    return Samples(
        labels=windows.labels,
        offsets=np.array(offsets, dtype=np.int64),
        times=np.concatenate([np.zeros(0, dtype=np.int64), *times]),
        values=np.concatenate([np.zeros(0), *values]),
    )
