"""Which rows of a reading are stored, and as which series: worked out once, and again when the rows are others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from sonde.receivers.prometheus.exposition.reading import NO_TIME, Floats, Integers, Metadata, Reading
from sonde.receivers.prometheus.scrape.encode import Booleans
from sonde.receivers.prometheus.scrape.series import Series, SeriesTable

AHEAD_MILLI: Final = 600_000
"""How far in the future a sample may say that it is."""

_SUFFIXES: Final = ("", "_total", "_bucket", "_count", "_sum", "_gcount", "_gsum", "_info")

Rows = Reading[Series | None]


@dataclass(frozen=True, slots=True)
class Selection:
    """What is stored of readings that have these rows.

    ``sample_rows`` are the rows with a float, ``histogram_rows`` those with a native histogram; ``tracked`` are the
    series that get a staleness marker when they vanish.
    """

    rows: Sequence[Series | None]
    timed: Booleans | None
    histograms: frozenset[int]
    sample_rows: Integers
    series: list[Series]
    histogram_rows: list[tuple[int, Series]]
    tracked: list[Series]
    kept: int
    """Samples that relabelling leaves; duplicates count."""
    duplicates: int
    has_repeats: bool
    """Whether a series is there several times, with times of its own."""

    def all_series(self) -> list[Series]:
        """The series of all rows that are stored."""
        return [*self.series, *(series for _, series in self.histogram_rows)]

    @property
    def stored(self) -> int:
        """Samples that are stored, if none of them is out of order."""
        return len(self.series) + len(self.histogram_rows)

    def holds(self, reading: Rows) -> bool:
        """Whether it is one of this reading too."""
        return (
            self.rows is reading.rows
            and self.histograms == reading.histograms.keys()
            and _same(self.timed, timed_rows(reading))
        )


def timed_rows(reading: Rows) -> Booleans | None:
    """The rows that say their time."""
    return None if reading.times is None else reading.times != NO_TIME


def _same(one: Booleans | None, other: Booleans | None) -> bool:
    if one is None or other is None:
        return one is other
    return bool(np.array_equal(one, other))


def select(reading: Rows, table: SeriesTable, *, track_timed: bool) -> Selection:
    """Choose what is stored: of samples of one series without times the first, as Prometheus does."""
    timed = timed_rows(reading)
    is_timed = [False] * len(reading.rows) if timed is None else timed.tolist()
    seen: set[Series] = set()
    sample_rows: list[int] = []
    series: list[Series] = []
    histogram_rows: list[tuple[int, Series]] = []
    tracked: dict[Series, None] = {}
    kept = duplicates = 0
    has_repeats = False
    for row, resolved in enumerate(reading.rows):
        if resolved is None:
            continue
        kept += 1
        each = table.current(resolved)
        if each in seen:
            if not is_timed[row]:
                duplicates += 1
                continue
            has_repeats = True
        seen.add(each)
        each.is_histogram = row in reading.histograms
        if each.is_histogram:
            histogram_rows.append((row, each))
        else:
            sample_rows.append(row)
            series.append(each)
        if track_timed or not is_timed[row]:
            tracked[each] = None
    return Selection(
        rows=reading.rows,
        timed=timed,
        histograms=frozenset(reading.histograms),
        sample_rows=np.array(sample_rows, dtype=np.int64),
        series=series,
        histogram_rows=histogram_rows,
        tracked=list(tracked),
        kept=kept,
        duplicates=duplicates,
        has_repeats=has_repeats,
    )


@dataclass(frozen=True, slots=True)
class InOrder:
    """Which samples are newer than their series' last, and how many are not kept for what reason."""

    chosen: Booleans | None
    out_of_order: int = 0
    out_of_bounds: int = 0


def in_order(selection: Selection, times: Integers, now_milli: int) -> InOrder:
    """Look at the samples that say their time, as Prometheus' head does; ``times`` are those of ``selection.series``.

    A sample at the time of the last one is left out without being counted: targets repeat what has not changed.
    """
    if selection.timed is None:
        return InOrder(None)
    timed = selection.timed[selection.sample_rows]
    last = np.fromiter((series.last_milli for series in selection.series), np.int64, len(selection.series))
    beyond = timed & (times > now_milli + AHEAD_MILLI)
    if selection.has_repeats:
        last = _running_last(selection.series, times, last, beyond)
    older = timed & ~beyond & (times < last)
    chosen = ~timed | (~beyond & (times > last))
    return InOrder(None if chosen.all() else chosen, int(older.sum()), int(beyond.sum()))


def _running_last(series: Sequence[Series], times: Integers, last: Integers, beyond: Booleans) -> Integers:
    """The last time of each row's series, when rows before it count too."""
    so_far: dict[Series, int] = {}
    running = last.tolist()
    for row, (each, time, skip) in enumerate(zip(series, times.tolist(), beyond.tolist(), strict=True)):
        running[row] = so_far.get(each, running[row])
        if not skip:
            so_far[each] = max(running[row], time)
    return np.array(running, dtype=np.int64)


def remember_times(selection: Selection, times: Integers, chosen: Booleans | None) -> None:
    """Keep the times of samples that were stored, for those series that say them."""
    if selection.timed is None:
        return
    timed = selection.timed[selection.sample_rows]
    for row in np.flatnonzero(timed if chosen is None else timed & chosen).tolist():
        series = selection.series[row]
        series.last_milli = max(series.last_milli, int(times[row]))


def undescribed(
    selection: Selection, metadata: Mapping[str, Metadata], described: frozenset[str]
) -> dict[Series, tuple[str, Metadata]]:
    """One series of each family that has not been described, with the family's name and what is said of it."""
    found: dict[Series, tuple[str, Metadata]] = {}
    done = set(described)
    names: dict[str, str] = {}
    for each in selection.all_series():
        name = each.name
        family = names.get(name)
        if family is None:
            family = names[name] = _family(name, metadata)
        if family and family not in done:
            done.add(family)
            found[each] = (family, metadata[family])
    return found


def _family(name: str, metadata: Mapping[str, Metadata]) -> str:
    """The family that a metric belongs to; none for those that say when a count began."""
    stripped = (name.removesuffix(suffix) for suffix in _SUFFIXES if name.endswith(suffix))
    return next((family for family in stripped if family in metadata), "")


def times_of(selection: Selection, reading: Rows, milliseconds: int) -> Integers:
    """The times of the samples; those that say none were seen at ``milliseconds``."""
    times = np.full(len(selection.sample_rows), milliseconds, dtype=np.int64)
    if selection.timed is not None and reading.times is not None:
        timed = selection.timed[selection.sample_rows]
        times[timed] = reading.times[selection.sample_rows][timed]
    return times


def values_of(selection: Selection, reading: Rows) -> Floats:
    """The values of the samples."""
    if len(selection.sample_rows) == len(reading.rows):
        return reading.values
    return reading.values[selection.sample_rows]
