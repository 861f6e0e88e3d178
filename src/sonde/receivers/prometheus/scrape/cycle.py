"""What is done with one body of a target: read, turned into a request for the ``Consumer``, and remembered.

``loop`` says when, and fetches; the cycle gives it a ``Batch``. Only when that is durable is it ``delivered``:
staleness markers, metadata and exemplars that were lost with a batch come again with the next.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from sonde.errors import LimitExceeded, UserError
from sonde.receivers.prometheus.exposition.formats import Format, Reader, ScrapeProtocol, format_of, reader_of
from sonde.receivers.prometheus.exposition.reading import Exemplar, Floats, Integers, Metadata, Reading
from sonde.receivers.prometheus.scrape.encode import Booleans, Layout
from sonde.receivers.prometheus.scrape.request import Request
from sonde.receivers.prometheus.scrape.selection import (
    Rows,
    Selection,
    in_order,
    remember_times,
    select,
    times_of,
    undescribed,
    values_of,
)
from sonde.receivers.prometheus.scrape.series import SampleRules, Series, SeriesTable
from sonde.receivers.prometheus.scrape.staleness import vanished
from sonde.telemetry.labels import Labels

DAY_MILLI: Final = 86_400_000
"""Metadata are said once on each day: the store keeps them by day."""
_REPORT: Final = (
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
)
_EXTRA: Final = ("scrape_timeout_seconds", "scrape_sample_limit", "scrape_body_size_bytes")


@dataclass(frozen=True, slots=True)
class CycleRules:
    """What a job says of the samples of its targets."""

    samples: SampleRules = field(default_factory=SampleRules)
    honor_timestamps: bool = True
    track_timestamps_staleness: bool = False
    native_histograms: bool = False
    classic_histograms: bool = False
    fallback: ScrapeProtocol | None = None
    sample_limit: int = 0
    extra_metrics: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """What the scraper itself says of one scrape."""

    seconds: float
    timeout_seconds: float = 0.0
    body_bytes: int = 0
    """-1 if the body was beyond its limit."""


@dataclass(frozen=True, slots=True)
class _Described:
    """The families that the store knows of, on a day, and what was said of them."""

    day: int = -1
    families: frozenset[str] = frozenset()
    metadata: Mapping[str, Metadata] = field(default_factory=dict)

    def still(self, day: int, metadata: Mapping[str, Metadata]) -> frozenset[str]:
        """Those of which the same holds on this day."""
        if day != self.day:
            return frozenset()
        if metadata is self.metadata:
            return self.families
        return frozenset(name for name in self.families if self.metadata.get(name) == metadata.get(name))


@dataclass(frozen=True, slots=True)
class _Timed:
    """The samples of a batch that say their time."""

    selection: Selection
    times: Integers
    chosen: Booleans | None


@dataclass(frozen=True, slots=True)
class _Stored:
    """What the store has of a target."""

    milliseconds: int
    tracked: Sequence[Series] = ()
    selection: Selection | None = None
    described: _Described = field(default_factory=_Described)
    exemplars: Mapping[Series, tuple[Exemplar, ...]] = field(default_factory=dict)
    timed: _Timed | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """One request, what is in it, and what is known once it is durable."""

    body: bytes
    samples: int
    stored: _Stored
    duplicates: int = 0
    out_of_order: int = 0
    out_of_bounds: int = 0


class Cycle:
    """The series of one target from scrape to scrape. One thread at a time.

    Args:
        target: The target's labels, as its series get them.
        rules: What its job says.
    """

    def __init__(self, target: Labels, rules: CycleRules) -> None:
        self.target = target
        self.metadata: Mapping[str, Metadata] = {}
        """What the last body said of its metrics."""
        self.table = SeriesTable(target, rules.samples)
        self._rules = rules
        self._reader: tuple[Format, Reader[Series | None]] | None = None
        self._selection: Selection | None = None
        self._layout: tuple[Selection, Integers | None, Layout] | None = None
        self._stored: _Stored | None = None
        self._counted = (0, 0)
        """Samples of a body that fails, and how many of them relabelling leaves: up to where it fails, or all."""

    def change_rules(self, rules: CycleRules) -> None:
        """Go on with other rules. Series that they no longer give get their markers with the next scrape."""
        if rules != self._rules:
            self.table.change_rules(rules.samples)
            self._reader = self._selection = self._layout = None
            self._rules = rules

    @property
    def is_known(self) -> bool:
        """Whether it has seen the target's series before."""
        return self._selection is not None

    def read(self, content_type: str, body: bytes) -> Rows:
        """Read a body; an empty one has no samples, whatever it says it is.

        Raises:
            UserError: It is in no format that is read here, or not in the one that it says, or beyond a limit.
        """
        if not body:
            return Reading([], np.empty(0, dtype=np.float64))
        format_ = format_of(content_type, self._rules.fallback)
        if self._reader is None or self._reader[0] is not format_:
            native, classic = self._rules.native_histograms, self._rules.classic_histograms
            self._reader = format_, reader_of(format_, self.table.resolve, native=native, classic=classic)
        try:
            return self._reader[1].read(body)
        except UserError as error:
            rows = self._reader[1].rows_before(error.position[0] if error.position else len(body))
            beyond_limit = int(error.position is None and bool(rows))
            self._counted = len(rows) + beyond_limit, sum(row is not None for row in rows)
            raise

    def succeed(self, reading: Rows, milliseconds: int, report: Report, *, now_milli: int) -> Batch:
        """What is stored after a scrape that went well.

        Raises:
            LimitExceeded: It has more samples than the job allows; then the scrape has failed.
        """
        if not self._rules.honor_timestamps:
            reading = replace(reading, times=None)
        selection = self._select(reading)
        if self._rules.sample_limit and selection.stored > self._rules.sample_limit:
            self._counted = len(reading.rows), selection.kept
            raise LimitExceeded("sample limit exceeded", code="scrape.sample_limit")
        before = self._stored or _Stored(milliseconds)
        self.metadata = reading.metadata
        request = Request(self.table.symbols)
        day = milliseconds // DAY_MILLI
        known = before.described.still(day, reading.metadata)
        about: dict[Series, tuple[str, Metadata]] = {}
        if known is not before.described.families or selection is not before.selection:
            about = undescribed(selection, reading.metadata, known)
        fields = {series: request.metadata(said) for series, (_, said) in about.items()}
        times = times_of(selection, reading, milliseconds)
        order = in_order(selection, times, now_milli)
        timed = None if selection.timed is None else _Timed(selection, times, order.chosen)
        self._put_samples(request, selection, reading, times, milliseconds, order.chosen, report, fields)
        self._put_histograms(request, selection, reading, milliseconds, fields)
        exemplars = self._exemplars(reading)
        for series, new in _new(exemplars, before.exemplars).items():
            request.exemplars(series, new, milliseconds)
        if selection.tracked is not before.tracked:
            request.markers(vanished(before.tracked, selection.tracked), milliseconds)
        families = known.union(family for family, _ in about.values()) if about else known
        described = _Described(day, families, reading.metadata)
        return Batch(
            body=request.body(),
            samples=request.samples,
            stored=_Stored(milliseconds, selection.tracked, selection, described, exemplars, timed),
            duplicates=selection.duplicates,
            out_of_order=order.out_of_order,
            out_of_bounds=order.out_of_bounds,
        )

    def fail(self, milliseconds: int, report: Report) -> Batch:
        """What is stored after a scrape that failed: markers for all that was there, and that it failed."""
        (scraped, kept), self._counted = self._counted, (0, 0)
        before = self._stored or _Stored(milliseconds)
        request = Request(self.table.symbols)
        series, values = self._report(0.0, report, scraped, kept)
        times = np.full(len(series), milliseconds, dtype=np.int64)
        layout = Layout(series, times)
        request.samples_of(layout.fill(values, times), len(series), layout.spelled_bytes)
        request.markers(before.tracked, milliseconds)
        stored = replace(before, milliseconds=milliseconds, tracked=(), selection=None, timed=None)
        return Batch(request.body(), request.samples, stored)

    def leave(self, milliseconds: int, others: Collection[Labels]) -> Batch | None:
        """Markers for all that a target has, when it has gone for good; not for series that ``others`` have now."""
        if self._stored is None:
            return None
        gone = [each for each in (*self._stored.tracked, *self._report_series()) if each.labels not in others]
        if not gone:
            return None
        request = Request(self.table.symbols)
        request.markers(gone, milliseconds)
        return Batch(request.body(), request.samples, _Stored(milliseconds))

    def delivered(self, batch: Batch) -> None:
        """Take note that a batch is durable."""
        timed = batch.stored.timed
        if timed is not None:
            remember_times(timed.selection, timed.times, timed.chosen)
        self._stored = replace(batch.stored, timed=None)

    def stored_since(self, milliseconds: int) -> set[Labels]:
        """The labels of all series that have a sample at this time or later."""
        if self._stored is None or self._stored.milliseconds < milliseconds:
            return set()
        return {each.labels for each in (*self._stored.tracked, *self._report_series())}

    def _select(self, reading: Rows) -> Selection:
        if self._selection is None or not self._selection.holds(reading):
            selection = select(reading, self.table, track_timed=self._rules.track_timestamps_staleness)
            tracked = self._stored.tracked if self._stored else ()
            self.table.forget([*tracked, *selection.all_series(), *self._report_series()])
            self._selection, self._layout = selection, None
        return self._selection

    def _put_samples(
        self,
        request: Request,
        selection: Selection,
        reading: Rows,
        times: Integers,
        milliseconds: int,
        chosen: Booleans | None,
        report: Report,
        fields: Mapping[Series, bytes],
    ) -> None:
        """All numbers: those of the body, and behind them those of the report."""
        own, own_values = self._report(1.0, report, len(reading.rows), selection.kept)
        times = np.concatenate((times, np.full(len(own), milliseconds, dtype=np.int64)))
        values = np.concatenate((values_of(selection, reading), own_values))
        if chosen is not None:
            chosen = np.concatenate((chosen, np.ones(len(own), dtype=np.bool_)))
        starts = None
        if reading.starts is not None:
            starts = np.concatenate((reading.starts[selection.sample_rows], np.zeros(len(own), dtype=np.int64)))
        layout = self._lay(selection, own, times, starts, fields)
        count = len(values) if chosen is None else int(chosen.sum())
        request.samples_of(layout.fill(values, times, chosen), count, layout.spelled_bytes)

    def _lay(
        self,
        selection: Selection,
        own: Sequence[Series],
        times: Integers,
        starts: Integers | None,
        fields: Mapping[Series, bytes],
    ) -> Layout:
        """The layout of last time if it fits; one with metadata serves once."""
        if fields:
            places = {row: fields[series] for row, series in enumerate(selection.series) if series in fields}
            return Layout([*selection.series, *own], times, starts, places)
        if self._layout is not None:
            of, old_starts, layout = self._layout
            if of is selection and _same(old_starts, starts) and layout.fits(times):
                return layout
        layout = Layout([*selection.series, *own], times, starts)
        self._layout = (selection, starts, layout)
        return layout

    def _put_histograms(
        self, request: Request, selection: Selection, reading: Rows, milliseconds: int, fields: Mapping[Series, bytes]
    ) -> None:
        for row, series in selection.histogram_rows:
            is_timed = selection.timed is not None and bool(selection.timed[row])
            time = int(reading.times[row]) if is_timed and reading.times is not None else milliseconds
            start = 0 if reading.starts is None else int(reading.starts[row])
            request.histogram(series, reading.histograms[row], time, start, fields.get(series, b""))

    def _exemplars(self, reading: Rows) -> dict[Series, tuple[Exemplar, ...]]:
        found = ((reading.rows[row], exemplars) for row, exemplars in reading.exemplars.items())
        return {self.table.current(series): exemplars for series, exemplars in found if series is not None}

    def _report_series(self) -> list[Series]:
        names = (*_REPORT, *_EXTRA) if self._rules.extra_metrics else _REPORT
        return [self.table.report(name) for name in names]

    def _report(self, up: float, report: Report, scraped: int, kept: int) -> tuple[list[Series], Floats]:
        added, self.table.added = self.table.added, 0
        values = [up, report.seconds, scraped, kept, added]
        if self._rules.extra_metrics:
            values += [report.timeout_seconds, self._rules.sample_limit, report.body_bytes]
        return self._report_series(), np.array(values, dtype=np.float64)


def _same(one: Integers | None, other: Integers | None) -> bool:
    if one is None or other is None:
        return one is other
    return bool(np.array_equal(one, other))


def _new(
    now: Mapping[Series, tuple[Exemplar, ...]], before: Mapping[Series, tuple[Exemplar, ...]]
) -> dict[Series, tuple[Exemplar, ...]]:
    """The exemplars that were not there last time."""
    changed = {
        series: tuple(each for each in exemplars if each not in before.get(series, ()))
        for series, exemplars in now.items()
        if before.get(series) != exemplars
    }
    return {series: exemplars for series, exemplars in changed.items() if exemplars}
