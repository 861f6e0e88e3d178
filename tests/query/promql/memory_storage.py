"""A ``Storage`` in memory: what was put in comes out, always as samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from tests.query.promql.histogram_notation import as_stored

from sonde.query.promql.histogram.native import Histogram
from sonde.query.promql.series import STALE_NAN_BITS, Samples, Vector
from sonde.query.promql.storage import Leaf
from sonde.telemetry.labels import Labels, value_of

STALE = float(np.array([STALE_NAN_BITS], dtype=np.int64).view(np.float64)[0])
Point = float | Histogram


@dataclass
class Line:
    """One series: points and start times by time."""

    points: dict[int, Point] = field(default_factory=dict)
    starts: dict[int, int] = field(default_factory=dict)

    @cached_property
    def columns(self) -> Samples:
        """The series as it is read; histograms have the reset hints that Prometheus' storage would give them."""
        times = sorted(self.points)
        points = [self.points[time] for time in times]
        found = as_stored([point if isinstance(point, Histogram) else None for point in points])
        histograms = np.array([*found, None], dtype=object)[:-1]
        raw = [STALE_NAN_BITS if is_marker(point) else None for point in points]
        values = np.array([np.nan if isinstance(point, Histogram) else point for point in points], dtype=np.float64)
        values.view(np.int64)[[bits is not None for bits in raw]] = STALE_NAN_BITS
        return Samples(
            labels=[],
            offsets=np.array([0, len(times)]),
            times=np.array(times, dtype=np.int64),
            values=values,
            starts=np.array([self.starts.get(time, 0) for time in times], dtype=np.int64),
            histograms=histograms,
        )


def is_marker(point: Point) -> bool:
    """Whether a point says that its series has ended."""
    if isinstance(point, Histogram):
        return False
    return int(np.array([point], dtype=np.float64).view(np.int64)[0]) == STALE_NAN_BITS


class MemoryStorage:
    """Series by their labels."""

    def __init__(self, lines: Mapping[Labels, Line]) -> None:
        self.lines = dict(sorted(lines.items()))

    async def fetch(self, leaf: Leaf) -> Samples | Vector:
        """See ``Storage.fetch``."""
        chosen: list[tuple[Labels, Samples, slice]] = []
        for labels, line in self.lines.items():
            if all(matcher.matches(value_of(labels, matcher.name)) for matcher in leaf.matchers):
                begin, end = np.searchsorted(line.columns.times, [leaf.after, leaf.until], side="right").tolist()
                if end > begin:
                    chosen.append((labels, line.columns, slice(begin, end)))
        sizes = [part.stop - part.start for _, _, part in chosen]
        starts = _joined([columns.starts[part] for _, columns, part in chosen if columns.starts is not None], np.int64)
        histograms = _joined([c.histograms[part] for _, c, part in chosen if c.histograms is not None], object)
        return Samples(
            labels=[labels for labels, _, _ in chosen],
            offsets=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
            times=_joined([columns.times[part] for _, columns, part in chosen], np.int64),
            values=_joined([columns.values[part] for _, columns, part in chosen], np.float64),
            starts=starts if starts.any() else None,
            histograms=histograms if np.not_equal(histograms, None).any() else None,
        )


def _joined(parts: list[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate([np.empty(0, dtype=dtype), *parts])
