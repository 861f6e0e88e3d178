"""Samples that rules have just written, over a store that shows them a moment later.

A rule may read what the one before it in its group has written at the same time. The write path makes samples durable
at once and readable after a second or so; until then they are read from here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from sonde.query.promql.histogram.native import Histogram
from sonde.query.promql.series import Samples, Vector
from sonde.query.promql.storage import Leaf, Storage
from sonde.rules.batch import Sample
from sonde.telemetry.labels import METRIC_NAME, Labels, value_of
from sonde.telemetry.matcher import Matcher

KEPT_MILLI: Final = 60_000
"""How long the store may take until it shows what it has taken."""

Points = dict[int, float | Histogram]


class Recent:
    """The samples of a tenant's rules of the last minute, by the time at which they were written."""

    def __init__(self, kept_milli: int = KEPT_MILLI) -> None:
        self._kept_milli = kept_milli
        self._batches: deque[tuple[int, Sequence[Sample]]] = deque()
        self._by_metric: dict[str, dict[Labels, Points]] = {}

    def put(self, samples: Sequence[Sample], now_milli: int) -> None:
        """Add samples that are being written, and forget those that the store shows by now."""
        while self._batches and self._batches[0][0] <= now_milli - self._kept_milli:
            self._forget(self._batches.popleft()[1])
        if not samples:
            return
        self._batches.append((now_milli, samples))
        for sample in samples:
            series = self._by_metric.setdefault(value_of(sample.labels, METRIC_NAME), {})
            series.setdefault(sample.labels, {})[sample.time_milli] = sample.value

    def drop(self, samples: Sequence[Sample]) -> None:
        """Take back samples that were not written after all."""
        kept = [batch for batch in self._batches if batch[1] is not samples]
        if len(kept) != len(self._batches):
            self._batches = deque(kept)
            self._forget(samples)

    def _forget(self, samples: Sequence[Sample]) -> None:
        for sample in samples:
            metric = value_of(sample.labels, METRIC_NAME)
            points = self._by_metric.get(metric, {}).get(sample.labels, {})
            points.pop(sample.time_milli, None)
            if not points:
                self._by_metric.get(metric, {}).pop(sample.labels, None)
                if not self._by_metric.get(metric):
                    self._by_metric.pop(metric, None)

    def over(self, storage: Callable[[], Storage]) -> Callable[[], Storage]:
        """The same storage with these samples in it."""
        return lambda: _WithRecent(storage(), self)

    def select(self, leaf: Leaf) -> dict[Labels, Points]:
        """What a leaf needs of these samples."""
        found: dict[Labels, Points] = {}
        if not self._by_metric:
            return found
        by_name = [matcher for matcher in leaf.matchers if matcher.name == METRIC_NAME]
        by_label = [matcher for matcher in leaf.matchers if matcher.name != METRIC_NAME]
        pairs = [(matcher.name, matcher.value) for matcher in by_label if matcher.operator == "=" and matcher.value]
        others = [matcher for matcher in by_label if matcher.operator != "=" or not matcher.value]
        for metric in self._metrics(by_name):
            for labels, points in self._by_metric[metric].items():
                if not all(pair in labels for pair in pairs):
                    continue
                if all(matcher.matches(value_of(labels, matcher.name)) for matcher in others):
                    inside = {time: value for time, value in points.items() if leaf.after < time <= leaf.until}
                    if inside:
                        found[labels] = inside
        return found

    def _metrics(self, matchers: Sequence[Matcher]) -> list[str]:
        exact = next((matcher.value for matcher in matchers if matcher.operator == "="), None)
        names = list(self._by_metric) if exact is None else [exact] if exact in self._by_metric else []
        return [name for name in names if all(matcher.matches(name) for matcher in matchers)]


class _WithRecent:
    def __init__(self, storage: Storage, recent: Recent) -> None:
        self._storage = storage
        self._recent = recent

    async def fetch(self, leaf: Leaf) -> Samples | Vector:
        """See ``Storage.fetch``. What recent samples belong to is not left to the store to compute."""
        newer = self._recent.select(leaf)
        if not newer:
            return await self._storage.fetch(leaf)
        found = await self._storage.fetch(replace(leaf, window=None))
        if isinstance(found, Vector):
            raise TypeError("a leaf without a window is answered by samples")
        return merged(found, newer)


def merged(samples: Samples, newer: dict[Labels, Points]) -> Samples:
    """Samples with newer ones in them, which win where both have the same time."""
    own = {labels: row for row, labels in enumerate(samples.labels)}
    labels = sorted({*own, *newer})
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None]] = []
    for each in labels:
        row = own.get(each)
        span = slice(0, 0) if row is None else slice(int(samples.offsets[row]), int(samples.offsets[row + 1]))
        starts = None if samples.starts is None else samples.starts[span]
        histograms = None if samples.histograms is None else samples.histograms[span]
        part = (samples.times[span], samples.values[span], starts, histograms)
        parts.append(_with(part, newer[each]) if each in newer else part)
    sizes = [len(part[0]) for part in parts]
    has_starts = any(part[2] is not None for part in parts)
    has_histograms = any(part[3] is not None for part in parts)
    return Samples(
        labels=labels,
        offsets=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        times=np.concatenate([part[0] for part in parts]),
        values=np.concatenate([part[1] for part in parts]),
        starts=np.concatenate([_or_zeros(part[2], len(part[0])) for part in parts]) if has_starts else None,
        histograms=np.concatenate([_or_none(part[3], len(part[0])) for part in parts]) if has_histograms else None,
    )


def _with(
    part: tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None], points: Points
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None]:
    times, values, starts, histograms = part
    new_times = np.array(sorted(points), dtype=np.int64)
    new = [points[time] for time in new_times.tolist()]
    kept = ~np.isin(times, new_times)
    order = np.argsort(np.concatenate([times[kept], new_times]), kind="stable")
    any_histogram = histograms is not None or any(isinstance(value, Histogram) for value in new)
    numbers = np.array([np.nan if isinstance(value, Histogram) else value for value in new], dtype=np.float64)
    objects = np.array([*(value if isinstance(value, Histogram) else None for value in new), None], dtype=object)[:-1]
    return (
        np.concatenate([times[kept], new_times])[order],
        np.concatenate([values[kept], numbers])[order],
        None if starts is None else np.concatenate([starts[kept], np.zeros(len(new), dtype=np.int64)])[order],
        np.concatenate([_or_none(histograms, len(times))[kept], objects])[order] if any_histogram else None,
    )


def _or_zeros(starts: np.ndarray | None, size: int) -> np.ndarray:
    return np.zeros(size, dtype=np.int64) if starts is None else starts


def _or_none(histograms: np.ndarray | None, size: int) -> np.ndarray:
    return np.full(size, None, dtype=object) if histograms is None else histograms
