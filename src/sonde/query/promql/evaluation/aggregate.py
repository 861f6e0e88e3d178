"""Aggregations that make one series of each group: ``sum``, ``avg``, ``count_values``. ``rank`` has the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from sonde.errors import InternalError
from sonde.query.promql.ast import Aggregate, Expr
from sonde.query.promql.evaluation.frame import Frame, drops_name, empty_vector, execution_error, text_of, vector_of
from sonde.query.promql.evaluation.instant_functions import is_float, is_histogram
from sonde.query.promql.evaluation.label_functions import is_label_name, with_label
from sonde.query.promql.evaluation.merge import merged
from sonde.query.promql.evaluation.over_time import nan_first, quantile_of_sorted
from sonde.query.promql.evaluation.range_histograms import combine
from sonde.query.promql.evaluation.rank import RANKS, rank
from sonde.query.promql.evaluation.summation import means, sums, variances
from sonde.query.promql.histogram.native import Histogram
from sonde.query.promql.histogram.text import to_text
from sonde.query.promql.must import must_have
from sonde.query.promql.number import plain_float
from sonde.query.promql.series import Booleans, Floats, Integers, Objects, Vector
from sonde.telemetry.labels import METRIC_NAME, Labels, only, without
from sonde.telemetry.quoting import quote

Summary = Callable[[Floats, Booleans, Floats], Floats]
"""Of values (members, groups, times), which of them are there, and how many: one for each group and time."""


@dataclass(frozen=True, slots=True)
class Groups:
    """Which series belong together."""

    labels: list[Labels]
    of_row: Integers
    """The group of each series."""

    def padded(self) -> Integers:
        """The series of each group as columns, -1 where a group has fewer members: shape (members, groups)."""
        sizes = np.bincount(self.of_row, minlength=len(self.labels))
        order = np.argsort(self.of_row, kind="stable")
        place = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        members = np.full((int(sizes.max(initial=0)), len(self.labels)), -1, dtype=np.int64)
        members[place, self.of_row[order]] = order
        return members


def groups_of(vector: Vector, node: Aggregate) -> Groups:
    """Group series by the labels that the aggregation keeps."""
    names = frozenset(node.grouping)
    dropped = names | {METRIC_NAME}
    place: dict[Labels, int] = {}
    rows = []
    for labels in vector.labels:
        if node.without:
            key = without(labels, dropped)
        elif names:
            key = only(labels, names)
        else:
            key = ()
        rows.append(place.setdefault(key, len(place)))
    return Groups(list(place), np.array(rows, dtype=np.int64))


def _least(values: Floats, used: Booleans, _counts: Floats) -> Floats:
    least: Floats = np.fmin.reduce(np.where(used, values, np.nan), axis=0)
    return least


def _greatest(values: Floats, used: Booleans, _counts: Floats) -> Floats:
    greatest: Floats = np.fmax.reduce(np.where(used, values, np.nan), axis=0)
    return greatest


def parameter_of(node: Aggregate) -> Expr:
    """The parameter of an aggregation that has one."""
    if node.parameter is None:
        raise InternalError(f"{node.operator} has no parameter", code="promql.evaluate")
    return node.parameter


SUMMARIES: Final[Mapping[str, Summary]] = {
    "avg": lambda values, used, counts: means(values, counts, used),
    "max": _greatest,
    "min": _least,
    "stddev": lambda values, used, counts: np.sqrt(variances(values, counts, used)),
    "stdvar": lambda values, used, counts: variances(values, counts, used),
    "sum": lambda values, _used, _counts: sums(values),
}
COMBINED: Final = {"sum": "sum_over_time", "avg": "avg_over_time"}


def aggregate(node: Aggregate, frame: Frame) -> Vector:
    """Evaluate an aggregation."""
    vector = frame.vector(node.expr)
    if node.operator == "count_values":
        return _count_values(node, vector)
    if node.operator in RANKS:
        parameter = frame.scalar(parameter_of(node))
        return rank(node, vector, groups_of(vector, node).of_row, parameter, frame)
    quantiles = None if node.parameter is None else frame.scalar(node.parameter)
    if quantiles is not None:
        for odd in dict.fromkeys(quantiles[~((quantiles >= 0) & (quantiles <= 1))].tolist()):
            frame.notes.invalid_quantile(odd, parameter_of(node))
    if not len(vector.labels):
        return empty_vector(frame.grid)
    groups = groups_of(vector, node)
    drop_name = np.zeros(len(groups.labels), dtype=np.bool_)
    np.logical_or.at(drop_name, groups.of_row, drops_name(vector) & vector.present.any(axis=1))
    if node.operator in ("count", "group"):
        counts = np.zeros((len(groups.labels), frame.grid.size))
        np.add.at(counts, groups.of_row, vector.present)
        values = counts if node.operator == "count" else np.ones(counts.shape)
        return vector_of(groups.labels, values, counts > 0, None, drop_name)
    values, present, histograms = _summarised(node, vector, groups, quantiles, frame)
    return vector_of(groups.labels, values, present, histograms, drop_name)


def _summarised(
    node: Aggregate, vector: Vector, groups: Groups, quantiles: Floats | None, frame: Frame
) -> tuple[Floats, Booleans, Objects | None]:
    members = groups.padded()
    floats = is_float(vector)
    used = np.where((members >= 0)[:, :, None], floats[members], False)
    gathered = np.where(used, vector.values[members], 0.0)
    counts = used.sum(axis=0).astype(np.float64)
    present = counts > 0
    if node.operator == "quantile":
        values = _quantile(gathered, used, must_have(quantiles))
    else:
        values = SUMMARIES[node.operator](gathered, used, counts)
    native = is_histogram(vector)
    if not native.any():
        return values, present, None
    if node.operator not in COMBINED:
        frame.notes.ignored_in_aggregation(node.operator, node.expr)
        return values, present, None
    return _with_histograms(node, vector, native, groups, values, present, frame)


def _quantile(gathered: Floats, used: Booleans, quantiles: Floats) -> Floats:
    members, groups, times = gathered.shape
    ascending = nan_first(gathered.reshape(members, -1), used.reshape(members, -1))
    counts = used.reshape(members, -1).sum(axis=0)
    return quantile_of_sorted(ascending, counts, np.tile(quantiles, groups)).reshape(groups, times)


def _with_histograms(
    node: Aggregate,
    vector: Vector,
    native: Booleans,
    groups: Groups,
    values: Floats,
    present: Booleans,
    frame: Frame,
) -> tuple[Floats, Booleans, Objects]:
    """Sums and means of histograms beside those of floats; a group with both has neither."""
    objects = vector.objects
    place = node.expr
    members: dict[tuple[int, int], list[Histogram]] = {}
    for row, column in zip(*np.nonzero(native), strict=True):
        members.setdefault((int(groups.of_row[row]), int(column)), []).append(objects[row, column])
    histograms = np.full(values.shape, None, dtype=object)
    for (group, column), points in members.items():
        if present[group, column]:
            frame.notes.mixed_aggregation(place)
            present[group, column] = False
            continue
        combined = combine(COMBINED[node.operator], points, frame, place, "", node)
        if combined is not None:
            histograms[group, column] = combined
            present[group, column] = True
    return values, present, histograms


def _count_values(node: Aggregate, vector: Vector) -> Vector:
    """How many series of each group have the same value."""
    name = text_of(parameter_of(node))
    if not is_label_name(name):
        raise execution_error(f"invalid label name {quote(name)}")
    groups = groups_of(vector, node)
    rows: dict[Labels, int] = {}
    places: list[tuple[int, int]] = []
    written: dict[float, str] = {}
    for row, column in zip(*np.nonzero(vector.present), strict=True):
        histogram = vector.histogram(int(row), int(column))
        number = float(vector.values[row, column])
        if histogram is not None:
            text = to_text(histogram)
        else:
            # 0 and -0 are the same key, and differ as texts
            text = written.get(number) or plain_float(number)
            if number:
                written[number] = text
        labels = with_label(groups.labels[groups.of_row[row]], name, text)
        places.append((rows.setdefault(labels, len(rows)), int(column)))
    counts = np.zeros((len(rows), vector.present.shape[1]))
    if places:
        np.add.at(counts, tuple(np.array(places).T), 1.0)
    return merged(vector_of(list(rows), counts, counts > 0))
