"""Native histograms in windows: rates, sums, means, resets. One window after the other, each on numpy rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from sonde.query.promql.ast import Node
from sonde.query.promql.evaluation.extended import ends_of, extended_histogram_change
from sonde.query.promql.evaluation.frame import Frame
from sonde.query.promql.evaluation.rate import start_overlaps, start_resets
from sonde.query.promql.evaluation.windows import Windows
from sonde.query.promql.histogram.align import MixedBuckets
from sonde.query.promql.histogram.arithmetic import Combined, add, detect_reset, mean, subtract, total
from sonde.query.promql.histogram.native import CounterReset, Histogram
from sonde.query.promql.must import must_have
from sonde.query.promql.series import Booleans, Integers, Objects
from sonde.telemetry.labels import METRIC_NAME, value_of


def histogram_flags(windows: Windows, differs: Callable[[Histogram, Histogram], bool]) -> Booleans:
    """Which samples differ from the one before: a histogram from a float always, from a histogram if it says so."""
    flags = np.zeros(len(windows.times), dtype=np.bool_)
    if windows.histograms is None:
        return flags
    is_histogram = windows.is_histogram
    flags[1:] = is_histogram[1:] != is_histogram[:-1]
    histograms = windows.histograms
    for place in np.flatnonzero(is_histogram[1:] & is_histogram[:-1]) + 1:
        flags[place] = differs(histograms[place - 1], histograms[place])
    return flags


def _nothing(like: Windows) -> Objects:
    return np.full(like.first.shape, None, dtype=object)


def reset_flags(windows: Windows) -> Booleans:
    """Which histograms come after a reset, going by themselves and by start times; each pair is looked at once."""
    flags = histogram_flags(windows, detect_reset)
    return flags if windows.starts is None else flags | start_resets(windows.times, windows.starts)


def change_of(
    windows: Windows, wanted: Booleans, frame: Frame, node: Node, *, is_counter: bool, per_second: bool
) -> Objects:
    """``rate``, ``increase`` or ``delta`` of histograms in the wanted windows."""
    answer = _nothing(windows)
    seconds = windows.width / 1000 if per_second else 1.0
    ends = ends_of(windows) if windows.extent else None
    starts = windows.starts
    resets = reset_flags(windows) if is_counter and ends is None else np.zeros(len(windows.times), dtype=np.bool_)
    overlaps = None if starts is None else start_overlaps(windows.times, starts)
    objects = windows.objects
    for row, column, chosen in windows.cells(wanted):
        if ends is not None:
            if ends.present[row, column]:
                change = extended_histogram_change(windows, row, column, frame, node, ends, is_counter=is_counter)
                if change is not None:
                    answer[row, column] = (change / seconds).with_reset(CounterReset.GAUGE)
            continue
        points: list[Histogram] = list(objects[chosen])
        metric = value_of(windows.labels[row], METRIC_NAME)
        if is_counter and overlaps is not None and overlaps[chosen][1:].any():
            frame.notes.start_time_overlap(metric, node)
        restarted = resets[chosen].tolist()
        start = 0 if starts is None or not is_counter else int(starts[chosen.start])
        times = windows.times[chosen]
        try:
            answer[row, column] = _extrapolated(
                windows,
                points,
                times,
                restarted,
                start,
                int(windows.ends[column]),
                metric,
                frame,
                node,
                is_counter,
                seconds,
            )
        except MixedBuckets:
            frame.notes.mixed_buckets(metric, node)
    return answer


def _extrapolated(
    windows: Windows,
    points: list[Histogram],
    times: Integers,
    restarted: list[bool],
    start: int,
    end: int,
    metric: str,
    frame: Frame,
    node: Node,
    is_counter: bool,
    seconds: float,
) -> Histogram | None:
    first_time, last_time = int(times[0]), int(times[-1])
    begin = end - windows.width
    change = _change(points, restarted, metric, frame, node, is_counter) if len(points) > 1 else None
    begins = start != 0 and begin < start < first_time
    if change is None and not begins:
        return None
    sampled = (last_time - first_time) / 1000
    average = sampled / (len(points) - 1) if len(points) > 1 else 0.0
    threshold = average * 1.1
    to_start, to_end = (first_time - begin) / 1000, (end - last_time) / 1000
    if begins:
        to_start = 0.0
        sampled = (last_time - start) / 1000
        change = points[0] if change is None else _told(add(change, points[0]), "addition", frame, node)
    else:
        change = must_have(change)
        if to_start >= threshold:
            to_start = average / 2
        if is_counter and change.count > 0 and points[0].count >= 0:
            to_start = min(to_start, sampled * (points[0].count / change.count))
    if to_end >= threshold:
        to_end = average / 2
    factor = (sampled + to_start + to_end) / sampled if sampled else 1.0
    return (change * (factor / seconds)).with_reset(CounterReset.GAUGE)


def _told(combined: Combined, operation: str, frame: Frame, node: Node) -> Histogram:
    if combined.is_reconciled:
        frame.notes.reconciled(operation, node)
    return combined.histogram


def _change(
    points: list[Histogram], restarted: list[bool], metric: str, frame: Frame, node: Node, is_counter: bool
) -> Histogram:
    """The last histogram less the first one, and what a counter lost to resets between them."""
    first, last = points[0], points[-1]
    if is_counter and any(point.reset is CounterReset.GAUGE for point in points):
        frame.notes.not_a_counter(metric, node)
    if is_counter and restarted[1]:
        # what the first sample counted is gone: its buckets need not fit
        second = points[1]
        first = Histogram(schema=second.schema, custom_bounds=second.custom_bounds)
    relevant = [first, *points[1:]] if is_counter else [first, last]
    if any(point.is_custom != first.is_custom for point in relevant):
        raise MixedBuckets
    if is_counter and not first.is_custom:
        last = last.reduce_resolution(min(point.schema for point in relevant))
    change = _told(subtract(last, first), "subtraction", frame, node)
    if is_counter:
        before = first
        for place, point in enumerate(points[1:], start=1):
            if restarted[place]:
                change = _told(add(change, before), "addition", frame, node)
            before = point
    elif not points[0].reset is points[-1].reset is CounterReset.GAUGE:
        frame.notes.not_a_gauge(metric, node)
    return change.with_reset(CounterReset.GAUGE)


def last_change_of(windows: Windows, wanted: Booleans, frame: Frame, node: Node, *, is_counter: bool) -> Objects:
    """``irate`` or ``idelta`` of histograms in the wanted windows."""
    answer = _nothing(windows)
    resets = None if windows.starts is None else start_resets(windows.times, windows.starts)
    objects = windows.objects
    for row, column, chosen in windows.cells(wanted):
        one, other = objects[chosen.stop - 2 : chosen.stop]
        metric = value_of(windows.labels[row], METRIC_NAME)
        gauges = [each.reset is CounterReset.GAUGE for each in (one, other)]
        if is_counter and any(gauges):
            frame.notes.not_a_counter(metric, node)
        if not is_counter and not all(gauges):
            frame.notes.not_a_gauge(metric, node)
        change = other
        restarted = resets is not None and bool(resets[chosen.stop - 1])
        if not is_counter or not (restarted or detect_reset(one, other)):
            try:
                change = _told(subtract(other, one), "subtraction", frame, node)
            except MixedBuckets:
                frame.notes.mixed_buckets(metric, node)
                continue
        if is_counter:
            begin, end = windows.times[chosen.stop - 2 : chosen.stop].tolist()
            change = change / ((end - begin) / 1000)
        answer[row, column] = change.with_reset(CounterReset.GAUGE)
    return answer


COMBINED: Final = {"sum_over_time": total, "avg_over_time": mean}


def combined_of(name: str, windows: Windows, wanted: Booleans, frame: Frame, node: Node) -> Objects:
    """``sum_over_time`` or ``avg_over_time`` of histograms in the wanted windows."""
    answer = _nothing(windows)
    objects = windows.objects
    for row, column, chosen in windows.cells(wanted):
        points: Sequence[Histogram] = list(objects[chosen])
        combined = combine(name, points, frame, node, value_of(windows.labels[row], METRIC_NAME), node)
        answer[row, column] = combined
    return answer


def combine(
    name: str, points: Sequence[Histogram], frame: Frame, node: Node, metric: str, mixed_node: Node
) -> Histogram | None:
    """The sum or mean of histograms, telling what has to be told; None if their buckets do not fit."""
    try:
        combined = COMBINED[name](points)
    except MixedBuckets:
        frame.notes.mixed_buckets(metric, mixed_node)
        return None
    resets = {point.reset for point in points}
    if CounterReset.RESET in resets and CounterReset.NOT_RESET in resets:
        frame.notes.reset_collision("aggregation", node)
    if combined.is_reconciled:
        frame.notes.reconciled("aggregation", node)
    return combined.histogram
