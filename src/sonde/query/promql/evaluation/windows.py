"""Ranges of samples: for each series and each time of a grid, which samples lie in the window that ends there.

Windows are a pair of index arrays over the samples, so that nothing is copied; ``range_functions`` computes on them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from sonde.query.promql.ast import Extent
from sonde.query.promql.evaluation.summation import prefix_counts
from sonde.query.promql.histogram.arithmetic import detect_reset
from sonde.query.promql.histogram.native import CounterReset, Histogram
from sonde.query.promql.series import Booleans, Floats, Integers, Objects, Samples, Vector, holds_histogram, is_stale
from sonde.telemetry.labels import Labels

NOWHERE: Final[Integers] = np.empty((0, 0), dtype=np.int64)
T = TypeVar("T", bound=np.generic)
BLOCK: Final = 1 << 17
"""So many windows are looked at at a time."""


@dataclass(frozen=True, slots=True)
class Windows:
    """Of series ``s`` at time ``t`` the samples ``first[s, t]:behind[s, t]``. Windows are open to the left."""

    labels: Sequence[Labels]
    times: Integers
    values: Floats
    first: Integers
    behind: Integers
    ends: Integers
    """The right ends of the windows, offset and @ counted in, milliseconds."""
    width: int
    """Milliseconds."""
    starts: Integers | None = None
    histograms: Objects | None = None
    drop_name: Booleans | None = None
    extent: Extent = ""
    inside: Integers = field(default_factory=lambda: NOWHERE)
    """With an extent, which makes windows wider: the first sample behind the left end of the width."""
    beyond: Integers = field(default_factory=lambda: NOWHERE)
    """With an extent: the first sample at or behind the right end of the width."""

    @property
    def counts(self) -> Integers:
        """How many samples each window has."""
        return self.behind - self.first

    def only(self, chosen: Booleans) -> Windows:
        """The windows over some of the samples."""
        before = prefix_counts(chosen)
        return replace(
            self,
            times=self.times[chosen],
            values=self.values[chosen],
            starts=None if self.starts is None else self.starts[chosen],
            histograms=None if self.histograms is None else self.histograms[chosen],
            first=before[self.first],
            behind=before[self.behind],
            inside=before[self.inside],
            beyond=before[self.beyond],
        )

    @property
    def objects(self) -> Objects:
        """The histograms, all None where nothing has any."""
        return np.full(self.times.shape, None, dtype=object) if self.histograms is None else self.histograms

    @property
    def is_histogram(self) -> Booleans:
        """Which samples are histograms."""
        if self.histograms is None:
            return np.zeros(len(self.times), dtype=np.bool_)
        return holds_histogram(self.histograms)

    def floats(self) -> Windows:
        """The windows over the floats."""
        return self if self.histograms is None else replace(self.only(~self.is_histogram), histograms=None)

    def natives(self) -> Windows:
        """The windows over the histograms."""
        return self.only(self.is_histogram)

    def cells(self, chosen: Booleans) -> Iterator[tuple[int, int, slice]]:
        """Series, time and samples of the chosen windows, one by one: for histograms only."""
        for row, column in zip(*np.nonzero(chosen), strict=True):
            yield int(row), int(column), slice(int(self.first[row, column]), int(self.behind[row, column]))


def take(values: NDArray[T], index: Integers) -> NDArray[T]:
    """Values at places, of which those outside are anything."""
    if not len(values):
        return np.zeros(index.shape, dtype=values.dtype)
    return values[np.clip(index, 0, len(values) - 1)]


def bounds(samples: Samples, edges: Integers) -> Integers:
    """For each series and each edge, the index of the first of its samples behind the edge.

    Edges that are equally far apart are not looked for: each sample tells the first of them that it is not behind.
    """
    count, lines, size = len(samples.times), len(samples.labels), len(edges)
    if not count or not size:
        return np.repeat(samples.offsets[:-1, None], size, axis=1)
    step = int(edges[1] - edges[0]) if size > 1 else 1
    if step <= 0 or not _is_even(edges, step):
        return _bisected(samples, edges)
    column = np.clip((samples.times + (step - 1 - int(edges[0]))) // step, 0, size)
    place = column + np.repeat(np.arange(lines, dtype=np.int64) * (size + 1), np.diff(samples.offsets))
    found = np.bincount(place, minlength=lines * (size + 1)).reshape(lines, size + 1)[:, :size]
    behind: Integers = np.cumsum(found, axis=1, dtype=np.int64)
    behind += samples.offsets[:-1, None]
    return behind


def _is_even(edges: Integers, step: int) -> bool:
    return bool((edges[1:] - edges[:-1] == step).all())


def _bisected(samples: Samples, edges: Integers) -> Integers:
    """The same for edges in any order."""
    lines = len(samples.labels)
    earliest = int(samples.times.min())
    span = int(samples.times.max()) - earliest + 2
    line = np.arange(lines, dtype=np.int64)
    keys = samples.times - earliest + 1 + np.repeat(line * span, np.diff(samples.offsets))
    sought = np.clip(edges - earliest + 1, 0, span - 1)[None, :] + (line * span)[:, None]
    return np.searchsorted(keys, sought.ravel(), side="right").astype(np.int64).reshape(lines, len(edges))


def both_bounds(samples: Samples, ends: Integers, width: int) -> tuple[Integers, Integers]:
    """The bounds of windows: of their left edges and of their right ones."""
    size = len(ends)
    step = int(ends[1] - ends[0]) if size > 1 else 0
    if step > 0 and width % step == 0 and width // step <= size and _is_even(ends, step):
        before = width // step  # the left edges are right ones of earlier windows
        whole = bounds(samples, int(ends[0]) - width + np.arange(size + before, dtype=np.int64) * step)
        return whole[:, :size], whole[:, before:]
    return bounds(samples, ends - width), bounds(samples, ends)


def fresh(samples: Samples) -> Samples:
    """The samples without stale markers."""
    stale = is_stale(samples.values)
    if samples.histograms is not None:
        stale = stale & ~holds_histogram(samples.histograms)
    if not stale.any():
        return samples
    kept = ~stale
    return Samples(
        labels=samples.labels,
        offsets=prefix_counts(kept)[samples.offsets],
        times=samples.times[kept],
        values=samples.values[kept],
        starts=None if samples.starts is None else samples.starts[kept],
        histograms=None if samples.histograms is None else samples.histograms[kept],
    )


@dataclass(frozen=True, slots=True)
class Range:
    """What a range selector or a subquery selects: samples without stale markers, and where windows end.

    An extent widens the windows by the lookback, so that there are samples from which to tell the values at their ends:
    "anchored" to the left, "smoothed" to both sides.
    """

    samples: Samples
    ends: Integers
    width: int
    extent: Extent = ""
    lookback: int = 0
    drop_name: Booleans | None = None

    def windows(self, rows: slice = slice(None)) -> Windows:
        """The windows of all series, or of some."""
        samples = rows_of(self.samples, rows)
        before = self.lookback if self.extent else 0
        behind = self.lookback if self.extent == "smoothed" else 0
        first, last = both_bounds(samples, self.ends + behind, self.width + before + behind)
        return Windows(
            labels=samples.labels,
            times=samples.times,
            values=samples.values,
            starts=samples.starts,
            histograms=samples.histograms,
            first=first,
            behind=last,
            ends=self.ends,
            width=self.width,
            extent=self.extent,
            inside=bounds(samples, self.ends - self.width) if self.extent else NOWHERE,
            beyond=bounds(samples, self.ends - 1) if self.extent else NOWHERE,
            drop_name=None if self.drop_name is None else self.drop_name[rows],
        )

    def blocks(self) -> Iterator[Windows]:
        """The windows of some series at a time, so that what is computed on the way stays small."""
        for rows in blocks_of(len(self.samples.labels), len(self.ends)):
            yield self.windows(rows)


def blocks_of(lines: int, times: int) -> Iterator[slice]:
    """Series, some at a time.

    >>> list(blocks_of(5, BLOCK // 2))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    size = max(1, BLOCK // max(1, times))
    for begin in range(0, lines, size):
        yield slice(begin, min(begin + size, lines))


def rows_of(samples: Samples, rows: slice) -> Samples:
    """The samples of some series that follow each other."""
    begin, end, _ = rows.indices(len(samples.labels))
    if (begin, end) == (0, len(samples.labels)):
        return samples
    offsets = samples.offsets[begin : end + 1]
    part = slice(int(offsets[0]), int(offsets[-1]))
    return Samples(
        labels=samples.labels[begin:end],
        offsets=offsets - offsets[0],
        times=samples.times[part],
        values=samples.values[part],
        starts=None if samples.starts is None else samples.starts[part],
        histograms=None if samples.histograms is None else samples.histograms[part],
    )


def latest(samples: Samples, ends: Integers, lookback: int) -> tuple[Booleans, Integers]:
    """The newest sample of each series at each time, if younger than the lookback: if there is one, and its index."""
    index = bounds(samples, ends) - 1
    present = index >= samples.offsets[:-1, None]
    present &= take(samples.times, index) > (ends - lookback)[None, :]
    stale = is_stale(samples.values)
    if samples.histograms is not None:
        stale = stale & ~holds_histogram(samples.histograms)
    if stale.any():
        present &= ~take(stale, index)
    return present, index


def samples_of(vector: Vector, times: Integers) -> Samples:
    """A vector on a grid as samples: what a subquery selects from.

    Counter resets are looked for anew, because what was between two times is not there any more.
    """
    present = vector.present
    offsets = np.zeros(len(vector.labels) + 1, dtype=np.int64)
    np.cumsum(present.sum(axis=1), out=offsets[1:])
    histograms = None if vector.histograms is None else vector.histograms[present]
    if histograms is not None:
        forget = [h if h is None else forgetful(h) for h in histograms]
        histograms = np.empty(len(forget), dtype=object)
        histograms[:] = forget
    return Samples(
        labels=vector.labels,
        offsets=offsets,
        times=np.broadcast_to(times, present.shape)[present],
        values=vector.values[present],
        histograms=histograms,
    )


def with_hints(samples: Samples) -> Samples:
    """The samples whose histograms, where they do not say so, are told whether they come after a reset.

    That is how Prometheus reads them when only counts and sums are asked for; it tells of contradictions then.
    """
    if samples.histograms is None:
        return samples
    hinted = samples.histograms.copy()
    for begin, end in zip(samples.offsets[:-1].tolist(), samples.offsets[1:].tolist(), strict=True):
        before: Histogram | None = None
        for place in range(begin, end):
            histogram: Histogram | None = samples.histograms[place]
            if histogram is None:
                continue
            if before is not None and histogram.reset is CounterReset.UNKNOWN:
                is_reset = detect_reset(before, histogram)
                hinted[place] = histogram.with_reset(CounterReset.RESET if is_reset else CounterReset.NOT_RESET)
            before = histogram
    return replace(samples, histograms=hinted)


def forgetful(histogram: Histogram) -> Histogram:
    """A counter's histogram that no longer knows whether it was reset."""
    return histogram if histogram.reset is CounterReset.GAUGE else histogram.with_reset(CounterReset.UNKNOWN)
