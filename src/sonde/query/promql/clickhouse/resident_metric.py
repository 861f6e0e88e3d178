"""One metric's recent samples in memory: which of its series matchers select, and their samples in a time range.

Samples lie series by series, each in order of time, under one key of both, so that ranges are found by bisection. What
comes later is a run of its own at first, and joins the run before it when it is no longer small beside it: so a few new
samples cost a few, however many there are. All is immutable: what comes later makes a new ``ResidentMetric``, while
queries go on with what they have. ``resident`` decides what is kept and keeps it true.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from sonde.query.promql.clickhouse.resident_directory import Directory, Ids
from sonde.query.promql.clickhouse.samples_reader import once
from sonde.query.promql.series import Booleans, Floats, Integers
from sonde.telemetry.labels import Labels

_TIME_BITS: Final = 43
"""Of a key: 278 years of milliseconds. What remains is the series' place."""
MOST_SERIES: Final = 1 << (62 - _TIME_BITS)
_MOST_MILLI: Final = (1 << _TIME_BITS) - 1
_TIMES_LARGER: Final = 8
"""So much larger is a run than the next one."""
_SMALL: Final = 2_048
"""A run of so few samples is not left to itself."""


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
class Found:
    """The samples of some series in a time range: series ``places[i]`` has ``offsets[i]:offsets[i + 1]``."""

    places: Integers
    offsets: Integers
    times: Integers
    values: Floats
    starts: Integers | None


@dataclass(frozen=True, slots=True)
class Run:
    """Samples by ascending keys, none twice."""

    keys: Integers
    """Place and time of each sample."""
    values: Floats
    starts: Integers | None
    """None where nobody knows one."""

    @property
    def size_bytes(self) -> int:
        """Memory that it takes."""
        return self.keys.nbytes + self.values.nbytes + (0 if self.starts is None else self.starts.nbytes)

    def later(self, milliseconds: int) -> Run:
        """What is behind a time, with keys that count from there."""
        kept = (self.keys & _MOST_MILLI) > milliseconds
        starts = None if self.starts is None else self.starts[kept]
        return Run(self.keys[kept] - milliseconds, self.values[kept], starts)

    def at(self, index: Integers) -> Run:
        """Some of it."""
        return Run(self.keys[index], self.values[index], None if self.starts is None else self.starts[index])


def _one_run(runs: Sequence[Run]) -> Run:
    """The samples of several runs; of one key, the one that counts."""
    keys = np.concatenate([run.keys for run in runs])
    values = np.concatenate([run.values for run in runs])
    starts = None
    if any(run.starts is not None for run in runs):
        starts = np.concatenate([_or_zeros(run) for run in runs])
    if (keys[1:] <= keys[:-1]).any():
        order = np.argsort(keys, kind="stable")
        keys, values = keys[order], values[order]
        starts = None if starts is None else starts[order]
    return Run(*once(keys, values, starts))


def _or_zeros(run: Run) -> Integers:
    return np.zeros(len(run.keys), np.int64) if run.starts is None else run.starts


@dataclass(frozen=True, slots=True)
class ResidentMetric:
    """All samples of a metric after a time."""

    after: int
    directory: Directory
    runs: tuple[Run, ...] = ()
    """The largest first, each some times larger than the next."""
    strangers: Rows = NO_ROWS
    """Samples whose series is not there yet."""

    @property
    def size_bytes(self) -> int:
        """Memory that samples take, and roughly that of labels."""
        return sum(run.size_bytes for run in self.runs) + 1_000 * len(self.directory.labels)

    @classmethod
    def empty(cls, after: int) -> ResidentMetric:
        """No series, no samples."""
        return cls(after, Directory())

    def strangers_among(self, rows: Rows) -> Ids:
        """The ids of these rows, and of those that waited, whose series is not here."""
        if not len(rows.ids) and not len(self.strangers.ids):
            return NO_ROWS.ids
        ids = np.unique(np.concatenate((self.strangers.ids, rows.ids)))
        found: Ids = ids[self.directory.places_of(ids) < 0]
        return found

    def with_rows(self, rows: Rows, series: Mapping[int, Labels], after: int) -> ResidentMetric:
        """The same with more rows of the tables.

        What is up to ``after``, which is not earlier than this one's, is not needed: it goes when all runs join.
        """
        directory = self.directory.with_series(series) if series else self.directory
        rows = self.strangers.and_then(rows) if len(self.strangers.ids) else rows
        if not len(rows.ids):
            return self if directory is self.directory else replace(self, directory=directory)
        rows = rows.only(rows.times > self.after)
        places = directory.places_of(rows.ids)
        strangers = NO_ROWS
        if (places < 0).any():
            strangers = rows.only(places < 0)
            rows, places = rows.only(places >= 0), places[places >= 0]
        if not len(rows.ids):
            return replace(self, directory=directory, strangers=strangers)
        starts = rows.starts if rows.starts.any() else None
        runs = [*self.runs, Run((places << _TIME_BITS) + (rows.times - self.after), rows.values, starts)]
        first, size = len(runs) - 1, len(rows.ids)
        while first and len(runs[first - 1].keys) < max(_TIMES_LARGER * size, _SMALL):
            first -= 1
            size += len(runs[first].keys)
        joined = _one_run(runs[first:])
        if first or after <= self.after:
            return replace(self, directory=directory, runs=(*runs[:first], joined), strangers=strangers)
        return ResidentMetric(after, directory, (joined.later(after - self.after),), strangers)

    def find(self, places: Integers, after: int, until: int) -> Found:
        """The samples of series within (after, until]; ``after`` is not earlier than this metric's."""
        low, high = (min(max(time - self.after, 0), _MOST_MILLI) for time in (after, until))
        heads = places << _TIME_BITS
        parts: list[tuple[Run, Integers]] = []
        for run in self.runs:
            first = np.searchsorted(run.keys, heads + low, side="right")
            sizes = np.maximum(np.searchsorted(run.keys, heads + high, side="right"), first) - first
            if sizes.any():
                ends = np.cumsum(sizes)
                parts.append((run.at(np.arange(int(ends[-1])) + np.repeat(first - ends + sizes, sizes)), sizes))
        sizes, found = _in_order(parts) if parts else (np.zeros(len(places), np.int64), _NOTHING)
        kept = np.flatnonzero(sizes)
        offsets = np.concatenate(([0], np.cumsum(sizes[kept])))
        return Found(places[kept], offsets, (found.keys & _MOST_MILLI) + self.after, found.values, found.starts)


_NOTHING: Final = Run(np.empty(0, np.int64), np.empty(0), None)


def _in_order(parts: Sequence[tuple[Run, Integers]]) -> tuple[Integers, Run]:
    """What runs have of the same series, with the number of each series' samples, as one."""
    if len(parts) == 1:
        run, sizes = parts[0]
        return sizes, run
    total: Integers = np.sum([sizes for _, sizes in parts], axis=0)
    begins = np.cumsum(total) - total
    count = int(total.sum())
    keys, values = np.empty(count, np.int64), np.empty(count)
    starts = np.zeros(count, np.int64) if any(run.starts is not None for run, _ in parts) else None
    for run, sizes in parts:
        index = np.arange(len(run.keys)) + np.repeat(begins - np.cumsum(sizes) + sizes, sizes)
        keys[index], values[index] = run.keys, run.values
        if starts is not None and run.starts is not None:
            starts[index] = run.starts
        begins = begins + sizes
    turns = np.repeat(np.arange(len(total)) << _TIME_BITS, total) + (keys & _MOST_MILLI)
    if not (turns[1:] <= turns[:-1]).any():
        return total, Run(keys, values, starts)
    order = np.argsort(turns, kind="stable")
    turns, values, starts = once(turns[order], values[order], None if starts is None else starts[order])
    return np.bincount(turns >> _TIME_BITS, minlength=len(total)), Run(turns, values, starts)
