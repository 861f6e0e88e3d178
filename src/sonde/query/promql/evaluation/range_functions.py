"""Functions over ranges: which kernel computes them, and what they do where a range has floats and histograms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from sonde.query.promql.ast import Call, Expr, MatrixSelector, Node, Subquery
from sonde.query.promql.evaluation import over_time, rate
from sonde.query.promql.evaluation.extended import anchored_from_anchor, extended_change
from sonde.query.promql.evaluation.frame import Frame, empty_vector, stacked, vector_of
from sonde.query.promql.evaluation.range_histograms import change_of, combined_of, histogram_flags, last_change_of
from sonde.query.promql.evaluation.windows import Windows, take
from sonde.query.promql.histogram.arithmetic import detect_reset
from sonde.query.promql.histogram.native import Histogram
from sonde.query.promql.peel import peeled
from sonde.query.promql.series import (
    Booleans,
    Floats,
    Objects,
    Vector,
    any_row,
    holds_histogram,
    rows_with,
)
from sonde.telemetry.labels import METRIC_NAME, Labels, value_of

Kernel = Callable[..., tuple[Floats, Booleans]]
Mixed = Literal["refuse", "floats", "any"]
"""What a range of floats and histograms gives: nothing and a warning; what its floats give and an info; anything."""


@dataclass(frozen=True, slots=True)
class RangeFunction:
    """How a function over a range is computed. ``kernel`` takes the floats' windows, and numbers of other arguments."""

    name: str
    kernel: Kernel
    mixed: Mixed = "floats"
    keeps_name: bool = False
    least: int = 1
    """How many floats it takes to say anything."""


RANGE_FUNCTIONS: Final[Mapping[str, RangeFunction]] = {
    f.name: f
    for f in (
        RangeFunction("avg_over_time", over_time.avg_over_time, "refuse"),
        RangeFunction("changes", rate.changes, "any"),
        RangeFunction("count_over_time", over_time.count_over_time, "any"),
        RangeFunction("delta", rate.delta, "refuse"),
        RangeFunction("deriv", over_time.deriv),
        RangeFunction("double_exponential_smoothing", over_time.double_exponential_smoothing),
        RangeFunction("first_over_time", over_time.first_over_time, "any", keeps_name=True),
        RangeFunction("idelta", rate.idelta, "any"),
        RangeFunction("increase", rate.increase, "refuse"),
        RangeFunction("irate", rate.irate, "any"),
        RangeFunction("last_over_time", over_time.last_over_time, "any", keeps_name=True),
        RangeFunction("mad_over_time", over_time.mad_over_time),
        RangeFunction("max_over_time", over_time.max_over_time),
        RangeFunction("min_over_time", over_time.min_over_time),
        RangeFunction("predict_linear", over_time.predict_linear),
        RangeFunction("present_over_time", over_time.present_over_time, "any"),
        RangeFunction("quantile_over_time", over_time.quantile_over_time),
        RangeFunction("rate", rate.rate, "refuse"),
        RangeFunction("resets", rate.resets, "any"),
        RangeFunction("stddev_over_time", over_time.stddev_over_time),
        RangeFunction("stdvar_over_time", over_time.stdvar_over_time),
        RangeFunction("sum_over_time", over_time.sum_over_time, "refuse"),
        RangeFunction("ts_of_first_over_time", over_time.ts_of_first_over_time, "any"),
        RangeFunction("ts_of_last_over_time", over_time.ts_of_last_over_time, "any"),
        RangeFunction("ts_of_max_over_time", over_time.ts_of_max_over_time),
        RangeFunction("ts_of_min_over_time", over_time.ts_of_min_over_time),
    )
}
COUNTERS: Final = frozenset({"rate", "increase", "irate"})
COUNTER_SUFFIXES: Final = ("_total", "_sum", "_count", "_bucket")


def is_range(expr: Expr) -> bool:
    """Whether an expression is a range selector or a subquery, maybe in parentheses."""
    return isinstance(peeled(expr), MatrixSelector | Subquery)


def call_range_function(call: Call, frame: Frame) -> Vector:
    """Evaluate a function over a range."""
    function = RANGE_FUNCTIONS[call.function]
    selected = next(argument for argument in call.arguments if is_range(argument))
    node = call.arguments[0]  # annotations point at the first argument
    chosen = frame.range(selected)
    numbers = [frame.scalar(argument) for argument in call.arguments if argument is not selected]
    frame.check_size(len(chosen.samples.labels))
    parts = [_of_block(function, windows, numbers, frame, node) for windows in chosen.blocks()]
    return stacked(parts) if parts else empty_vector(frame.grid)


def _of_block(function: RangeFunction, windows: Windows, numbers: list[Floats], frame: Frame, node: Expr) -> Vector:
    """The function of some series."""
    frame.stop()
    if windows.extent == "anchored" and function.name in ("changes", "resets"):
        windows = anchored_from_anchor(windows)
    if function.name == "quantile_over_time":
        _check_quantiles(numbers[0], windows, frame, node)
    values, present, histograms = _computed(function, windows, numbers, frame, node)
    if function.name in ("rate", "increase"):
        floats = present if histograms is None else present & ~holds_histogram(histograms)
        ask_for_counters([windows.labels[row] for row in rows_with(floats)], frame, node)
    drop_name = windows.drop_name if function.keeps_name else np.ones(len(windows.labels), dtype=np.bool_)
    return vector_of(list(windows.labels), values, present, histograms, drop_name)


def _computed(
    function: RangeFunction, windows: Windows, numbers: list[Floats], frame: Frame, node: Expr
) -> tuple[Floats, Booleans, Objects | None]:
    if function.mixed == "any":
        return _of_any(function, windows, frame, node)
    floats = windows.floats()
    values, present = _float_kernel(function, floats, numbers, frame, node)
    if windows.histograms is None:
        return values, present, None
    natives = windows.natives()
    has_floats, has_natives = floats.counts > 0, natives.counts > 0
    mixed = has_floats & has_natives
    for row in rows_with(mixed):
        metric = value_of(windows.labels[row], METRIC_NAME)
        if function.mixed == "refuse":
            frame.notes.mixed_floats_histograms(metric, node)
        else:
            frame.notes.ignored_in_range(metric, node)
    if function.mixed == "floats":
        return values, present, None
    histograms = _native_kernel(function.name, natives, has_natives & ~has_floats, frame, node)
    present = (present & ~mixed) | holds_histogram(histograms)
    return values, present, histograms


def _float_kernel(
    function: RangeFunction, windows: Windows, numbers: list[Floats], frame: Frame, node: Node
) -> tuple[Floats, Booleans]:
    if windows.extent and function.name in ("rate", "increase", "delta"):
        change, present = extended_change(windows, is_counter=function.name != "delta")
        return (change / (windows.width / 1000) if function.name == "rate" else change), present
    if function.name == "predict_linear":
        return over_time.predict_linear(windows, frame.times, *numbers)
    if function.name in ("rate", "increase") and windows.starts is not None:
        overlapping = rate.inner_counts(windows, rate.start_overlaps(windows.times, windows.starts)) > 0
        for row in rows_with(overlapping):
            frame.notes.start_time_overlap(value_of(windows.labels[row], METRIC_NAME), node)
    return function.kernel(windows, *numbers)


def _native_kernel(name: str, windows: Windows, wanted: Booleans, frame: Frame, node: Node) -> Objects:
    if name in ("sum_over_time", "avg_over_time"):
        return combined_of(name, windows, wanted, frame, node)
    return change_of(windows, wanted, frame, node, is_counter=name != "delta", per_second=name == "rate")


def _of_any(
    function: RangeFunction, windows: Windows, frame: Frame, node: Node
) -> tuple[Floats, Booleans, Objects | None]:
    """Functions that look at floats and histograms alike."""
    values, present = function.kernel(windows)
    if windows.histograms is None:
        return values, present, None
    if function.name in ("first_over_time", "last_over_time"):
        index = windows.first if function.name == "first_over_time" else windows.behind - 1
        histograms = take(windows.histograms, index)
        histograms[~present] = None
        return values, present, histograms
    if function.name in ("changes", "resets"):
        differs: Callable[[Histogram, Histogram], bool] = detect_reset if function.name == "resets" else _changed
        flags = histogram_flags(windows, differs)
        is_float = ~windows.is_histogram
        is_float[1:] &= is_float[:-1]
        if function.name == "resets":
            numeric = rate.reset_flags(windows)
            if windows.starts is not None:
                flags |= rate.start_resets(windows.times, windows.starts)
        else:
            numeric = np.zeros(len(windows.times), dtype=np.bool_)
            now, before = windows.values[1:], windows.values[:-1]
            numeric[1:] = (now != before) & ~(np.isnan(now) & np.isnan(before))
        return rate.inner_counts(windows, flags | (numeric & is_float)).astype(np.float64), present, None
    if function.name in ("irate", "idelta"):
        return _of_last_two(function.name, windows, values, present, frame, node)
    return values, present, None


def _changed(before: Histogram, now: Histogram) -> bool:
    return before != now


def _of_last_two(
    name: str, windows: Windows, values: Floats, present: Booleans, frame: Frame, node: Node
) -> tuple[Floats, Booleans, Objects]:
    is_histogram = windows.is_histogram
    last, previous = take(is_histogram, windows.behind - 1), take(is_histogram, windows.behind - 2)
    mixed = present & (last != previous)
    for row in rows_with(mixed):
        frame.notes.mixed_floats_histograms(value_of(windows.labels[row], METRIC_NAME), node)
    histograms = last_change_of(windows, present & last & previous, frame, node, is_counter=name == "irate")
    present = (present & ~last & ~previous) | holds_histogram(histograms)
    return values, present, histograms


def _check_quantiles(quantiles: Floats, windows: Windows, frame: Frame, node: Node) -> None:
    """Warn of quantiles outside 0 to 1 where there is anything to take them of."""
    odd = ~((quantiles >= 0) & (quantiles <= 1)) & any_row(windows.floats().counts > 0)
    for quantile in dict.fromkeys(quantiles[odd].tolist()):
        frame.notes.invalid_quantile(quantile, node)


def ask_for_counters(series: Sequence[Labels], frame: Frame, node: Node) -> None:
    """Tell of series whose name or type is not a counter's."""
    for metric, type_label in dict.fromkeys((value_of(s, METRIC_NAME), value_of(s, "__type__")) for s in series):
        is_counter = type_label in ("counter", "histogram") if type_label else metric.endswith(COUNTER_SUFFIXES)
        if metric and not is_counter:
            frame.notes.possible_non_counter(metric, type_label, node)
