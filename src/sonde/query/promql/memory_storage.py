"""A ``Storage`` in memory: what was put in comes out, always as samples. Unit tests of rules run on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from sonde.query.promql.histogram.native import Histogram
from sonde.query.promql.histogram.notation import stored_hint
from sonde.query.promql.series import STALE_NAN_BITS, Floats, Integers, Objects, Samples, Vector, holds_histogram
from sonde.query.promql.storage import Leaf
from sonde.telemetry.labels import METRIC_NAME, Labels, value_of

STALE: Final = float(np.array([STALE_NAN_BITS], dtype=np.int64).view(np.float64)[0])
Point = float | Histogram
Columns = tuple[Integers, Floats, Integers, Objects | None]


class Line:
    """One series that grows. Its histograms get the reset hints that Prometheus' storage would give them.

    >>> line = Line({0: 1.0, 15_000: 2.0})
    >>> line.put(30_000, 3.0)
    >>> line.columns.times.tolist(), line.columns.values.tolist()
    ([0, 15000, 30000], [1.0, 2.0, 3.0])
    """

    def __init__(self, points: Mapping[int, Point] | None = None, starts: Mapping[int, int] | None = None) -> None:
        self._size = 0
        self._times: Integers = np.empty(4, dtype=np.int64)
        self._values: Floats = np.empty(4)
        self._starts: Integers = np.zeros(4, dtype=np.int64)
        self._histograms: Objects | None = None
        self._before: Histogram | None = None
        """The histogram of which the next one may be the continuation."""
        self._put_all(points or {}, starts or {})

    def put(self, time: int, point: Point, start: int = 0) -> None:
        """Add a point; quick behind the last one. A point at a time that has one replaces it."""
        if self._size and time <= int(self._times[self._size - 1]):
            self._put_all({**self._points(), time: point}, {**self._known_starts(), time: start})
            return
        if self._size == len(self._times):
            self._grow()
        at = self._size
        self._times[at], self._starts[at] = time, start
        if isinstance(point, Histogram):
            self._put_histogram(at, point)
        elif is_marker(point):
            self._values.view(np.int64)[at] = STALE_NAN_BITS
            self._before = None
        else:
            self._values[at] = point
            self._before = None
        self._size += 1

    def put_starts(self, starts: Mapping[int, int]) -> None:
        """Say when the counts of these points began."""
        for time, start in starts.items():
            at = int(np.searchsorted(self._times[: self._size], time))
            if at < self._size and self._times[at] == time:
                self._starts[at] = start

    @property
    def columns(self) -> Samples:
        """The series as it is read."""
        size = self._size
        empty = np.full(size, None, dtype=object)
        return Samples(
            labels=[],
            offsets=np.array([0, size]),
            times=self._times[:size],
            values=self._values[:size],
            starts=self._starts[:size],
            histograms=empty if self._histograms is None else self._histograms[:size],
        )

    def between(self, after: int, until: int) -> Columns:
        """Times, values, starts and histograms (None where there is no histogram at all) within (after, until]."""
        times = self._times[: self._size]
        part = slice(int(times.searchsorted(after, "right")), int(times.searchsorted(until, "right")))
        histograms = None if self._histograms is None else self._histograms[part]
        if histograms is not None and not holds_histogram(histograms).any():
            histograms = None
        return times[part], self._values[part], self._starts[part], histograms

    def _put_histogram(self, at: int, histogram: Histogram) -> None:
        if self._histograms is None:
            self._histograms = np.full(len(self._times), None, dtype=object)
        self._values[at] = np.nan
        if histogram.is_stale:
            self._histograms[at] = histogram
            return
        self._histograms[at] = histogram.with_reset(stored_hint(self._before, histogram))
        self._before = histogram

    def _grow(self) -> None:
        more = 2 * len(self._times)
        for name in ("_times", "_values", "_starts"):
            setattr(self, name, np.resize(getattr(self, name), more))
        if self._histograms is not None:
            wider: Objects = np.full(more, None, dtype=object)
            wider[: self._size] = self._histograms[: self._size]
            self._histograms = wider

    def _put_all(self, points: Mapping[int, Point], starts: Mapping[int, int]) -> None:
        self._size, self._histograms, self._before = 0, None, None
        for time in sorted(points):
            self.put(time, points[time], starts.get(time, 0))

    def _points(self) -> dict[int, Point]:
        histograms = [None] * self._size if self._histograms is None else self._histograms[: self._size].tolist()
        values: list[float] = [self._values[at].item() for at in range(self._size)]
        return {
            time: value if histogram is None else histogram
            for time, value, histogram in zip(self._times[: self._size].tolist(), values, histograms, strict=True)
        }

    def _known_starts(self) -> dict[int, int]:
        return dict(zip(self._times[: self._size].tolist(), self._starts[: self._size].tolist(), strict=True))


def is_marker(point: Point) -> bool:
    """Whether a point says that its series has ended.

    >>> is_marker(STALE), is_marker(float("nan")), is_marker(0.0)
    (True, False, False)
    """
    if isinstance(point, Histogram):
        return point.is_stale
    return point != point and int(np.array([point], dtype=np.float64).view(np.int64)[0]) == STALE_NAN_BITS  # noqa: PLR0124


class MemoryStorage:
    """Series by their labels."""

    def __init__(self, lines: Mapping[Labels, Line] | None = None) -> None:
        self.lines: dict[Labels, Line] = {}
        self._by_metric: dict[str, list[tuple[Labels, Line]]] = {}
        self._is_sorted = True
        for labels, line in sorted((lines or {}).items()):
            self._add(labels, line)

    def put(self, labels: Labels, time: int, point: Point) -> None:
        """Add a point to a series, which is made if there is none."""
        line = self.lines.get(labels)
        if line is None:
            line = Line()
            self._add(labels, line)
        line.put(time, point)

    def _add(self, labels: Labels, line: Line) -> None:
        self.lines[labels] = line
        self._by_metric.setdefault(value_of(labels, METRIC_NAME), []).append((labels, line))
        self._is_sorted = False

    async def fetch(self, leaf: Leaf) -> Samples | Vector:
        """See ``Storage.fetch``."""
        labels: list[Labels] = []
        parts: list[Columns] = []
        matchers = [matcher for matcher in leaf.matchers if (matcher.name, matcher.operator) != (METRIC_NAME, "=")]
        for series, line in self._candidates(leaf):
            if all(matcher.matches(value_of(series, matcher.name)) for matcher in matchers):
                part = line.between(leaf.after, leaf.until)
                if len(part[0]):
                    labels.append(series)
                    parts.append(part)
        if not parts:
            return Samples([], np.zeros(1, np.int64), np.empty(0, np.int64), np.empty(0))
        sizes = [len(part[0]) for part in parts]
        starts = np.concatenate([part[2] for part in parts])
        held = [
            np.full(size, None, dtype=object) if part[3] is None else part[3]
            for part, size in zip(parts, sizes, strict=True)
        ]
        return Samples(
            labels=labels,
            offsets=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
            times=np.concatenate([part[0] for part in parts]),
            values=np.concatenate([part[1] for part in parts]),
            starts=starts if starts.any() else None,
            histograms=np.concatenate(held) if any(part[3] is not None for part in parts) else None,
        )

    def _candidates(self, leaf: Leaf) -> Iterable[tuple[Labels, Line]]:
        """The series that a leaf may select, in the order of their labels."""
        if not self._is_sorted:
            for series in self._by_metric.values():
                series.sort(key=lambda pair: pair[0])
            self.lines = dict(sorted(self.lines.items()))
            self._is_sorted = True
        names = {m.value for m in leaf.matchers if (m.name, m.operator) == (METRIC_NAME, "=")}
        if not names:
            return self.lines.items()
        return self._by_metric.get(names.pop(), ()) if len(names) == 1 else ()
