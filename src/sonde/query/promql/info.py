"""``info``: series with the labels that info metrics have for the same instance and job.

Specification: https://prometheus.io/docs/prometheus/latest/querying/functions/#info
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from sonde.query.promql.ast import Call
from sonde.query.promql.evaluation.frame import Frame, drops_name, execution_error, vector_of
from sonde.query.promql.evaluation.matching import written
from sonde.query.promql.evaluation.merge import merged
from sonde.query.promql.evaluation.windows import latest, take
from sonde.query.promql.must import must_be
from sonde.query.promql.plan import info_leaf, info_matchers, info_times
from sonde.query.promql.series import Booleans, Integers, Samples, Vector, any_row, holds_histogram
from sonde.telemetry.labels import METRIC_NAME, Labels, only, value_of
from sonde.telemetry.matcher import Matcher

IDENTIFYING: Final = frozenset({"instance", "job"})


@dataclass(frozen=True, slots=True)
class _Infos:
    """Info series: which are there, and when their samples are from."""

    labels: list[Labels]
    present: Booleans
    times: Integers

    def picked(self, rows: list[int], asked: Booleans) -> Integers:
        """At each time the series with the newest sample, -1 for none."""
        index = np.array(rows, dtype=np.int64)
        times = np.where(self.present[index] & asked[None, :], self.times[index], np.iinfo(np.int64).min)
        newest = times.max(axis=0)
        there = newest > np.iinfo(np.int64).min
        crowded = there & ((times == newest[None, :]).sum(axis=0) > 1)
        if crowded.any():
            column = int(np.flatnonzero(crowded)[0])
            one, other = (rows[place] for place in np.flatnonzero(times[:, column] == newest[column])[:2])
            at = int(newest[column])
            raise execution_error(
                "found duplicate series for info metric: "
                f"existing {written(self.labels[one])} @ {at}, new {written(self.labels[other])} @ {at}"
            )
        return np.where(there, index[times.argmax(axis=0)], -1)


def info(call: Call, frame: Frame) -> Vector:
    """Evaluate ``info``."""
    base = frame.vector(call.arguments[0])
    names, others = info_matchers(call)
    ignored = [all(matcher.matches(value_of(labels, METRIC_NAME)) for matcher in names) for labels in base.labels]
    infos = _infos(call, base, ignored, frame)
    by_identity: dict[Labels, dict[str, list[int]]] = {}
    for row, labels in enumerate(infos.labels):
        of_name = by_identity.setdefault(only(labels, IDENTIFYING), {})
        of_name.setdefault(value_of(labels, METRIC_NAME), []).append(row)
    asked = any_row(base.present)
    picks = {
        identity: [infos.picked(rows, asked) for rows in of_name.values()] for identity, of_name in by_identity.items()
    }
    return _joined(base, ignored, infos, picks, others)


def _infos(call: Call, base: Vector, ignored: list[bool], frame: Frame) -> _Infos:
    """The info series of instances and jobs that the base has."""
    samples = must_be(frame.fetched[info_leaf(call, frame.grid, frame.query.lookback)], Samples)
    known: dict[str, set[str]] = {}
    for labels, is_ignored in zip(base.labels, ignored, strict=True):
        if not is_ignored:
            for name, value in only(labels, IDENTIFYING):
                known.setdefault(name, set()).add(value)
    present, index = latest(samples, info_times(call, frame.grid), frame.query.lookback)
    rows = [
        row
        for row, labels in enumerate(samples.labels)
        if known and all(value_of(labels, name) in values for name, values in known.items())
    ]
    present, index = present[rows], index[rows]
    if samples.histograms is not None:
        native = holds_histogram(samples.histograms)
        if (take(native, index) & present).any():
            raise execution_error("info sample should be float")
    return _Infos([samples.labels[row] for row in rows], present, take(samples.times, index))


def _joined(
    base: Vector,
    ignored: list[bool],
    infos: _Infos,
    picks: Mapping[Labels, list[Integers]],
    matchers: tuple[Matcher, ...],
) -> Vector:
    """The base series, one for each set of info series that it has at some times."""
    wanted = frozenset(matcher.name for matcher in matchers)
    needs_info = not all(matcher.matches_empty for matcher in matchers)
    labels: list[Labels] = []
    rows: list[int] = []
    masks: list[Booleans] = []
    for row, series in enumerate(base.labels):
        picked = [] if ignored[row] else picks.get(only(series, IDENTIFYING), [])
        if not picked:
            if ignored[row] or not needs_info:
                labels.append(series)
                rows.append(row)
                masks.append(base.present[row])
            continue
        combinations, which = np.unique(np.stack(picked), axis=1, return_inverse=True)
        which = which.reshape(-1)
        for place, combination in enumerate(combinations.T.tolist()):
            mask = base.present[row] & (which == place)
            chosen = [infos.labels[each] for each in combination if each >= 0]
            if mask.any() and (chosen or not needs_info):
                labels.append(_enriched(series, chosen, wanted))
                rows.append(row)
                masks.append(mask)
    index = np.array(rows, dtype=np.int64)
    present = np.stack(masks) if masks else np.zeros((0, base.present.shape[1]), dtype=np.bool_)
    histograms = None if base.histograms is None else base.histograms[index]
    return merged(vector_of(labels, base.values[index], present, histograms, drops_name(base)[index]))


def _enriched(series: Labels, infos: list[Labels], wanted: frozenset[str]) -> Labels:
    """A label set with the labels of info series that it does not have."""
    own = {name for name, _ in series}
    more: dict[str, str] = {}
    for labels in infos:
        for name, value in labels:
            if name == METRIC_NAME or (wanted and name not in wanted):
                continue
            if more.get(name, value) != value:
                raise execution_error(f"conflicting label: {name}")
            if name not in own:
                more[name] = value
    return tuple(sorted([*series, *more.items()]))
