"""One metric's recent samples in memory: which of its series matchers select, and their samples in a time range.

Samples lie series by series, each in order of time, under one key of both, so that ranges are found by bisection. All
is immutable: what comes later makes a new ``ResidentMetric``, while queries go on with what they have. ``resident``
decides what is kept and keeps it true.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sonde.query.promql.clickhouse.samples_reader import once
from sonde.query.promql.series import Booleans, Floats, Integers
from sonde.telemetry.labels import METRIC_NAME, Labels
from sonde.telemetry.matcher import Matcher

Ids = NDArray[np.uint64]
_TIME_BITS: Final = 43
"""Of a key: 278 years of milliseconds. What remains is the series' place."""
MOST_SERIES: Final = 1 << (62 - _TIME_BITS)
_MOST_CHOSEN: Final = 64


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of ``samples`` in any order."""

    ids: Ids
    times: Integers
    values: Floats
    starts: Integers

    def only(self, chosen: Booleans) -> Rows:
        """Some of the rows."""
        return Rows(self.ids[chosen], self.times[chosen], self.values[chosen], self.starts[chosen])

    def and_then(self, more: Rows) -> Rows:
        """These rows and others."""
        return Rows(
            np.concatenate((self.ids, more.ids)),
            np.concatenate((self.times, more.times)),
            np.concatenate((self.values, more.values)),
            np.concatenate((self.starts, more.starts)),
        )


NO_ROWS: Final = Rows(np.empty(0, np.uint64), np.empty(0, np.int64), np.empty(0), np.empty(0, np.int64))


@dataclass(frozen=True, slots=True)
class Directory:
    """The series of a metric. Each has a place, which it keeps."""

    labels: tuple[Labels, ...] = ()
    ids: Ids = field(default_factory=lambda: np.empty(0, np.uint64))
    _chosen: dict[tuple[Matcher, ...], Integers] = field(default_factory=dict)

    def with_series(self, found: Mapping[int, Labels]) -> Directory:
        """The same with series that are new."""
        known = set(self.ids.tolist())
        new = [(identifier, labels) for identifier, labels in found.items() if identifier not in known]
        if not new:
            return self
        return Directory(
            (*self.labels, *(labels for _, labels in new)),
            np.concatenate((self.ids, np.array([identifier for identifier, _ in new], np.uint64))),
        )

    def places_of(self, ids: Ids) -> Integers:
        """The place of each id, -1 for strangers."""
        if not len(self.ids):
            return np.full(len(ids), -1, np.int64)
        order = np.argsort(self.ids)
        places = order[np.minimum(np.searchsorted(self.ids, ids, sorter=order), len(order) - 1)]
        return np.where(self.ids[places] == ids, places, -1)

    def select(self, matchers: Sequence[Matcher]) -> Integers:
        """The places of the series that fit all matchers, in the order of their label sets."""
        asked = tuple(matcher for matcher in matchers if matcher.name != METRIC_NAME)
        found = self._chosen.get(asked)
        if found is None:
            fits = np.ones(len(self.labels), np.bool_)
            for matcher in asked:
                verdicts: dict[str, bool] = {}
                for place in np.flatnonzero(fits).tolist():
                    value = _value(self.labels[place], matcher.name)
                    if value not in verdicts:
                        verdicts[value] = matcher.matches(value)
                    fits[place] = verdicts[value]
            places = sorted(np.flatnonzero(fits).tolist(), key=self.labels.__getitem__)
            found = np.array(places, np.int64)
            if len(self._chosen) >= _MOST_CHOSEN:
                self._chosen.clear()
            self._chosen[asked] = found
        return found


def _value(labels: Labels, name: str) -> str:
    for candidate, value in labels:
        if candidate == name:
            return value
    return ""


@dataclass(frozen=True, slots=True)
class Found:
    """The samples of some series in a time range: series ``places[i]`` has ``offsets[i]:offsets[i + 1]``."""

    places: Integers
    offsets: Integers
    times: Integers
    values: Floats
    starts: Integers | None


@dataclass(frozen=True, slots=True)
class ResidentMetric:
    """All samples of a metric after a time."""

    after: int
    directory: Directory
    keys: Integers
    """Place and time of each sample, ascending."""
    values: Floats
    starts: Integers | None
    """None where nobody knows one."""
    strangers: Rows = NO_ROWS
    """Samples whose series is not there yet."""

    @property
    def size_bytes(self) -> int:
        """Memory that samples take, and roughly that of labels."""
        starts = 0 if self.starts is None else self.starts.nbytes
        return self.keys.nbytes + self.values.nbytes + starts + 1_000 * len(self.directory.labels)

    @classmethod
    def empty(cls, after: int) -> ResidentMetric:
        """No series, no samples."""
        return cls(after, Directory(), np.empty(0, np.int64), np.empty(0), None)

    def with_rows(self, rows: Rows, series: Mapping[int, Labels], after: int) -> ResidentMetric:
        """The same with more rows of the tables, and nothing any more up to ``after``, which is not earlier."""
        directory = self.directory.with_series(series)
        rows = self.strangers.and_then(rows) if len(self.strangers.ids) else rows
        rows = rows.only(rows.times > after)
        places = directory.places_of(rows.ids)
        strangers = rows.only(places < 0) if (places < 0).any() else NO_ROWS
        if len(strangers.ids):
            rows, places = rows.only(places >= 0), places[places >= 0]
        keys, values, starts = self.keys, self.values, self.starts
        if after > self.after:
            kept = (keys & ((1 << _TIME_BITS) - 1)) > after - self.after
            keys, values = keys[kept] - (after - self.after), values[kept]
            starts = None if starts is None else starts[kept]
        if not len(rows.ids):
            return ResidentMetric(after, directory, keys, values, starts, strangers)
        new_starts = rows.starts if starts is not None or rows.starts.any() else None
        if new_starts is not None:
            starts = np.concatenate((np.zeros(len(keys), np.int64) if starts is None else starts, new_starts))
        keys = np.concatenate((keys, (places << _TIME_BITS) + (rows.times - after)))
        values = np.concatenate((values, rows.values))
        if (keys[1:] <= keys[:-1]).any():
            order = np.argsort(keys, kind="stable")
            keys, values = keys[order], values[order]
            starts = None if starts is None else starts[order]
        keys, values, starts = once(keys, values, starts)
        return ResidentMetric(after, directory, keys, values, starts, strangers)

    def find(self, places: Integers, after: int, until: int) -> Found:
        """The samples of series within (after, until]; ``after`` is not earlier than this metric's."""
        most = (1 << _TIME_BITS) - 1
        low, high = (min(max(time - self.after, 0), most) for time in (after, until))
        heads = places << _TIME_BITS
        first = np.searchsorted(self.keys, heads + low, side="right")
        behind = np.maximum(np.searchsorted(self.keys, heads + high, side="right"), first)
        sizes = behind - first
        kept = np.flatnonzero(sizes)
        sizes = sizes[kept]
        offsets = np.concatenate(([0], np.cumsum(sizes)))
        index = np.arange(int(offsets[-1])) + np.repeat(first[kept] - offsets[:-1], sizes)
        times = (self.keys[index] & most) + self.after
        starts = None if self.starts is None else self.starts[index]
        return Found(places[kept], offsets, times, self.values[index], starts)
