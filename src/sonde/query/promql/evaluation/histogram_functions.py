"""Functions of histograms: what a native one says of itself, and quantiles and fractions of native and classic ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from sonde.query.promql.ast import Call, Expr
from sonde.query.promql.evaluation.frame import Frame, empty_vector, stacked, text_of, vector_of
from sonde.query.promql.evaluation.instant_functions import all_drop, is_float, is_histogram
from sonde.query.promql.evaluation.label_functions import with_label
from sonde.query.promql.evaluation.merge import merged
from sonde.query.promql.histogram.classic_buckets import bucket_fraction, bucket_quantile
from sonde.query.promql.histogram.native import Histogram
from sonde.query.promql.histogram.quantile import deviation, fraction, quantile, variance
from sonde.query.promql.number import open_metrics_float, parse_float
from sonde.query.promql.series import Booleans, Floats, Vector, any_row, rows_with
from sonde.telemetry.labels import METRIC_NAME, Labels, value_of

BUCKET: Final = "le"
SUMMARIES: Final[Mapping[str, Callable[[Histogram], float]]] = {
    "histogram_avg": Histogram.average,
    "histogram_count": lambda histogram: histogram.count,
    "histogram_stddev": deviation,
    "histogram_stdvar": variance,
    "histogram_sum": lambda histogram: histogram.sum,
}


def summary(call: Call, frame: Frame) -> Vector:
    """A number that a native histogram has; other samples are left out."""
    vector = frame.vector(call.arguments[0])
    present = is_histogram(vector)
    values = np.full(present.shape, np.nan)
    if vector.histograms is not None:
        tell = SUMMARIES[call.function]
        values[present] = [tell(histogram) for histogram in vector.histograms[present]]
    return vector_of(list(vector.labels), values, present, None, all_drop(vector))


@dataclass(frozen=True, slots=True)
class Classic:
    """Some classic histograms with the same bounds: counts and presence of shape (bounds, histograms, times)."""

    labels: list[Labels]
    bounds: Floats
    counts: Floats
    present: Booleans


@dataclass(frozen=True, slots=True)
class Histograms:
    """What a vector has of histograms; where there are both of one name and labels, neither."""

    vector: Vector
    native: Booleans
    classic: list[Classic]


def histograms_of(vector: Vector, frame: Frame, node: Expr) -> Histograms:
    """Tell the native and the classic histograms of a vector."""
    floats, native = is_float(vector), is_histogram(vector)
    members: dict[Labels, list[tuple[float, int]]] = {}
    for row in rows_with(floats):
        labels = vector.labels[row]
        written = value_of(labels, BUCKET)
        bound = parse_float(written)
        if bound is None:
            frame.notes.bad_bucket_label(value_of(labels, METRIC_NAME), written, node)
            continue
        members.setdefault(with_label(labels, BUCKET, ""), []).append((bound, row))
    for row in rows_with(native):
        labels = vector.labels[row]
        buckets = [bucket for _, bucket in members.get(labels, ())]
        both = floats[buckets].any(axis=0) & native[row] if buckets else np.zeros(1, dtype=np.bool_)
        if both.any():
            frame.notes.mixed_classic_native(value_of(labels, METRIC_NAME), node)
            native[row] &= ~both
            for bucket in buckets:
                floats[bucket] &= ~both
    alike: dict[tuple[float, ...], list[tuple[Labels, list[int]]]] = {}
    for labels, buckets_of in members.items():
        buckets_of.sort()
        bounds = tuple(bound for bound, _ in buckets_of)
        alike.setdefault(bounds, []).append((labels, [row for _, row in buckets_of]))
    classic = []
    for bounds, group in alike.items():
        rows = np.array([rows for _, rows in group], dtype=np.int64).T
        present = floats[rows]
        counts = np.where(present, vector.values[rows], 0.0)
        classic.append(Classic([labels for labels, _ in group], np.array(bounds), counts, present))
    return Histograms(vector, native, classic)


def _quantiles(given: Histograms, wanted: Floats, frame: Frame, node: Expr) -> list[Vector]:
    """One quantile, maybe another at each time, of all histograms."""
    vector, parts = given.vector, []
    if given.native.any():
        values = np.full(given.native.shape, np.nan)
        objects = vector.objects
        for row, column in zip(*np.nonzero(given.native), strict=True):
            found = quantile(objects[row, column], float(wanted[column]))
            values[row, column] = found.value
            if found.nan_observations:
                effect = f"result is {found.nan_observations}"
                metric = value_of(vector.labels[row], METRIC_NAME)
                frame.notes.nan_observations("histogram_quantile", effect, metric, node)
        parts.append(vector_of(list(vector.labels), values, given.native, None, all_drop(vector)))
    for classic in given.classic:
        buckets, histograms, times = classic.counts.shape
        shape = (buckets, histograms * times)
        found_all = bucket_quantile(
            classic.bounds, classic.counts.reshape(shape), np.tile(wanted, histograms), classic.present.reshape(shape)
        )
        forced = found_all.is_forced.reshape(histograms, times)
        for row in rows_with(forced):
            where = slice(row * times, (row + 1) * times)
            bounds = float(np.nanmin(found_all.lowest[where])), float(np.nanmax(found_all.highest[where]))
            difference = float(np.nanmax(found_all.difference[where]))
            metric = value_of(classic.labels[row], METRIC_NAME)
            frame.notes.forced_monotonic(metric, node, bounds, difference, frame.times[forced[row]].tolist())
        parts.append(_classic_vector(classic, found_all.values))
    return parts


def _classic_vector(classic: Classic, values: Floats) -> Vector:
    present = any_row(classic.present)
    drop_name = np.ones(len(classic.labels), dtype=np.bool_)
    return vector_of(classic.labels, values.reshape(present.shape), present, None, drop_name)


def _together(parts: list[Vector], frame: Frame) -> Vector:
    return merged(stacked(parts)) if parts else empty_vector(frame.grid)


def _check(quantiles: Floats, frame: Frame, node: Expr) -> None:
    for odd in dict.fromkeys(quantiles[~((quantiles >= 0) & (quantiles <= 1))].tolist()):
        frame.notes.invalid_quantile(odd, node)


def histogram_quantile(call: Call, frame: Frame) -> Vector:
    """A quantile of each histogram."""
    number, of = call.arguments
    wanted = frame.scalar(number)
    _check(wanted, frame, number)
    given = histograms_of(frame.vector(of), frame, of)
    return _together(_quantiles(given, wanted, frame, of), frame)


def histogram_quantiles(call: Call, frame: Frame) -> Vector:
    """Several quantiles of each histogram, told apart by a label."""
    of, name = call.arguments[0], text_of(call.arguments[1])
    numbers = [frame.scalar(argument) for argument in call.arguments[2:]]
    for wanted, argument in zip(numbers, call.arguments[2:], strict=True):
        _check(wanted, frame, argument)
    given = histograms_of(frame.vector(of), frame, of)
    parts = []
    for wanted in numbers:
        for part in _quantiles(given, wanted, frame, of):
            for number in np.unique(wanted):
                same = np.isnan(wanted) if math.isnan(number) else wanted == number
                labels = [with_label(series, name, open_metrics_float(float(number))) for series in part.labels]
                parts.append(vector_of(labels, part.values, part.present & same[None, :], None, part.drop_name))
    return _together(parts, frame)


def histogram_fraction(call: Call, frame: Frame) -> Vector:
    """Which part of each histogram's observations lies between two values."""
    low, high, of = call.arguments
    lower, upper = frame.scalar(low), frame.scalar(high)
    given = histograms_of(frame.vector(of), frame, of)
    vector, parts = given.vector, []
    if given.native.any():
        values = np.full(given.native.shape, np.nan)
        objects = vector.objects
        for row, column in zip(*np.nonzero(given.native), strict=True):
            found = fraction(objects[row, column], float(lower[column]), float(upper[column]))
            values[row, column] = found.value
            if found.has_nan_observations:
                effect, metric = "which are excluded from all fractions", value_of(vector.labels[row], METRIC_NAME)
                frame.notes.nan_observations("histogram_fraction", effect, metric, of)
        parts.append(vector_of(list(vector.labels), values, given.native, None, all_drop(vector)))
    for classic in given.classic:
        buckets, histograms, times = classic.counts.shape
        shape = (buckets, histograms * times)
        bounds = (np.tile(lower, histograms), np.tile(upper, histograms))
        part = bucket_fraction(classic.bounds, classic.counts.reshape(shape), *bounds, classic.present.reshape(shape))
        parts.append(_classic_vector(classic, part))
    return _together(parts, frame)


FUNCTIONS: Final[Mapping[str, Callable[[Call, Frame], Vector]]] = {
    **dict.fromkeys(SUMMARIES, summary),
    "histogram_fraction": histogram_fraction,
    "histogram_quantile": histogram_quantile,
    "histogram_quantiles": histogram_quantiles,
}
