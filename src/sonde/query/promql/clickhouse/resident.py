"""Recent samples in memory, a metric at a time, so that a dashboard need not be read from disk panel by panel.

A metric that is asked for a second time is read whole, from somewhat before the query's time on, and kept as long as
there is room. Each query then asks the engine which parts its tables have and reads what came since, samples of any
time: an answer from memory is the answer that the tables would give at that moment, late samples and deletes included
(``parts``). Left to the engine are: long ranges, metrics with native histograms, metrics too large to keep.

That holds while all writers write through the engine that is asked for its parts, so for the embedded one.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from sonde.query.engine import Inquiry, all_of
from sonde.query.promql.clickhouse.looks import Look, Looks, Revision, partition_of
from sonde.query.promql.clickhouse.parts import Listing, Part
from sonde.query.promql.clickhouse.resident_metric import MOST_SERIES, Found, ResidentMetric, Rows
from sonde.query.promql.clickhouse.resident_series import ResidentSeries
from sonde.query.promql.clickhouse.selection import EARLIEST, SelectedSeries, Selection, millisecond, named
from sonde.query.promql.limits import too_many_samples, too_many_series
from sonde.query.promql.query import Limits
from sonde.query.promql.series import Samples
from sonde.query.sql.ast import Alias, And, Column, Comparison, Expr, In, Not, Select, Table, call, eq, text, texts
from sonde.store.native import Answer
from sonde.telemetry.labels import METRIC_NAME

LONGEST: Final = 6 * 3_600_000
"""Milliseconds before now from which on samples may be kept."""
SLACK: Final = 600_000
"""So much more is read, that windows move on for a while before anything is read again."""
MOST_METRICS: Final = 200
"""Of one selector; for more the engine is asked at once."""
_MOST_NAMES: Final = 20_000
_REMEMBERED: Final = 10_000
_REMEMBERED_NAMES: Final = 100


@dataclass(slots=True)
class _Entry:
    """What is known of one metric."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    asked: int = 0
    too_large_after: int | None = None
    """Reading from here on, or earlier, was too much."""
    metric: ResidentMetric | None = None
    listing: Listing = field(default_factory=lambda: Listing(frozenset()))
    listed: int = -1
    """When that listing was asked for, as a turn of all that were."""


@dataclass(slots=True)
class _Names:
    """The metrics that a tenant has had since a day."""

    names: tuple[str, ...]
    parts: frozenset[Part]


class ResidentSamples:
    """The recent samples of all tenants; one for each engine."""

    def __init__(
        self, now: Callable[[], int], *, most_bytes: int = 128 << 20, revision: Revision = lambda: None
    ) -> None:
        """``now`` tells milliseconds; ``most_bytes`` is what samples and labels may take.

        While ``revision`` tells the same number, the tables have the same rows; when it tells None, who knows.
        """
        self._now = now
        self._looks = Looks(revision)
        self._series = ResidentSeries()
        self._most_bytes = most_bytes
        self._entries: OrderedDict[tuple[str, str], _Entry] = OrderedDict()
        self._names: OrderedDict[str, _Names] = OrderedDict()

    @property
    def size_bytes(self) -> int:
        """Memory that is taken."""
        return sum(entry.metric.size_bytes for entry in self._entries.values() if entry.metric is not None)

    def look(self, inquiry: Inquiry, selection: Selection) -> Look:
        """What a query sees of the tables' parts; the same for all that it asks of here."""
        return self._looks.look(inquiry, max(min(selection.after, self._now() - 2 * (LONGEST + SLACK)), EARLIEST))

    async def series(self, look: Look, selection: Selection, limits: Limits) -> SelectedSeries | None:
        """The series of a selection, and maybe some that have no samples in its time; None: ask the engine."""
        return await self._series.select(look, selection, limits, now=self._now())

    async def samples(self, look: Look, selection: Selection, limits: Limits) -> Samples | None:
        """The samples that the tables hold for a selection, or None: the engine has to be asked.

        Raises:
            LimitExceeded: More series or samples than the limits allow.
        """
        if selection.after < self._now() - LONGEST or selection.until <= selection.after:
            return None
        names = await self._chosen_names(look, selection)
        if names is None or len(names) > MOST_METRICS:
            return None
        metrics = await all_of(*(self._metric(look, selection.tenant, name, selection.after) for name in names))
        self._make_room()
        resident = [metric for metric in metrics if metric is not None]
        if len(resident) < len(metrics):
            return None
        return await asyncio.to_thread(_selected, resident, selection, limits)

    async def _chosen_names(self, look: Look, selection: Selection) -> Sequence[str] | None:
        """The metrics that a selection may select from."""
        by_name = [matcher for matcher in selection.matchers if matcher.name == METRIC_NAME]
        exact = next((matcher.value for matcher in by_name if matcher.operator == "="), None)
        if exact is not None:
            return [exact] if all(matcher.matches(exact) for matcher in by_name) else []
        _, listing = await look.listing()
        if listing is None:
            return None
        parts = frozenset(part for part in listing.parts if part.table == "series")
        known = self._names.get(selection.tenant)
        if known is None or known.parts != parts:
            rows = await look.inquiry.records(_names_of(selection.tenant, self._now() - 2 * (LONGEST + SLACK)))
            known = self._names[selection.tenant] = _Names(tuple(row["name"] for row in rows), parts)
            if len(self._names) > _REMEMBERED_NAMES:
                self._names.popitem(last=False)
        if len(known.names) >= _MOST_NAMES:
            return None
        return [name for name in known.names if all(matcher.matches(name) for matcher in by_name)]

    async def _metric(self, look: Look, tenant: str, name: str, after: int) -> ResidentMetric | None:
        entry = self._entry(tenant, name)
        entry.asked += 1
        is_too_large = entry.too_large_after is not None and after <= entry.too_large_after
        if is_too_large or (entry.metric is None and entry.asked < 2):
            return None
        async with entry.lock:
            metric = entry.metric
            if metric is not None and after >= metric.after and entry.listed > look.began:
                return metric  # somebody has looked since this query began
            turn, listing = await look.listing()
            if listing is None:
                return None
            if metric is not None and after >= metric.after:
                metric = await self._catch_up(look, tenant, name, metric, entry.listing, listing)
            else:
                metric = await self._read(look, tenant, name, after - SLACK)
            if metric is None:
                entry.too_large_after = after
            entry.metric, entry.listing, entry.listed = metric, listing, turn
        return metric

    async def _read(self, look: Look, tenant: str, name: str, begin: int) -> ResidentMetric | None:
        """All of a metric from a time on."""
        return await self._more(look, tenant, name, ResidentMetric.empty(begin), (), begin)

    async def _catch_up(
        self, look: Look, tenant: str, name: str, metric: ResidentMetric, before: Listing, now: Listing
    ) -> ResidentMetric | None:
        """What has come since; everything, when something has gone."""
        day = max(partition_of(metric.after), look.day)
        listing = now.since(day)
        known = listing.known_of(before.since(day))
        if known is None:
            return await self._read(look, tenant, name, metric.after)
        if len(known) == len(listing.parts):
            return metric
        return await self._more(look, tenant, name, metric, known, max(metric.after, self._now() - LONGEST - SLACK))

    async def _more(
        self, look: Look, tenant: str, name: str, metric: ResidentMetric, known: Sequence[Part], begin: int
    ) -> ResidentMetric | None:
        """The metric with the rows of all parts but the known ones; None if there is more than may be kept."""
        most_rows = self._most_bytes // 24
        samples, histograms, series = _statements(tenant, name, known, metric.after, most_rows)
        found, natives = await look.inquiry.numbers_together(samples, histograms)
        rows = await look.inquiry.records(series)
        if natives.rows or found.rows > most_rows or len(rows) > MOST_SERIES:
            return None
        labels = {row["id"]: named(name, row["labels"]) for row in rows}
        larger = await asyncio.to_thread(metric.with_rows, _rows(found), labels, begin)
        return larger if larger.size_bytes <= self._most_bytes // 2 else None

    def _entry(self, tenant: str, name: str) -> _Entry:
        entry = self._entries.setdefault((tenant, name), _Entry())
        self._entries.move_to_end((tenant, name))
        return entry

    def _make_room(self) -> None:
        size = self.size_bytes
        for key in list(self._entries):
            entry = self._entries[key]
            if size <= self._most_bytes and len(self._entries) <= _REMEMBERED:
                return
            if not entry.lock.locked():
                size -= 0 if entry.metric is None else entry.metric.size_bytes
                del self._entries[key]


def _names_of(tenant: str, after: int) -> Select:
    """The metrics of a tenant that had samples after a time; one more than may be used."""
    return Select(
        (Alias(call("toString", Column("metric")), "name"),),
        Table("series"),
        And((eq("tenant", text(tenant)), Comparison(Column("day"), ">=", call("toDate32", millisecond(after))))),
        group_by=(Column("name"),),
        limit=_MOST_NAMES,
    )


def _statements(
    tenant: str, name: str, known: Sequence[Part], after: int, most_rows: int
) -> tuple[Select, Select, Select]:
    """Rows of a metric after a time that are in none of the known parts."""
    of_metric: list[Expr] = [eq("tenant", text(tenant)), eq("metric", text(name))]

    def where(table: str, *conditions: Expr) -> Expr:
        names = [part.name for part in known if part.table == table]
        unknown = (Not(In(Column("_part"), texts(names))),) if names else ()
        return And((*of_metric, *conditions, *unknown))

    later = Comparison(Column("ts"), ">", millisecond(after))
    return (
        Select(
            tuple(map(Column, ("id", "ts", "start_ts", "value"))),
            Table("samples"),
            where("samples", later),
            limit=most_rows + 1,
        ),
        Select((Column("id"),), Table("histograms"), where("histograms", later), limit=1),
        Select(
            (Column("id"), Column("labels")),
            Table("series"),
            where("series", Comparison(Column("day"), ">=", call("toDate32", millisecond(after)))),
            one_by=(Column("id"),),
            limit=MOST_SERIES + 1,
        ),
    )


def _rows(answer: Answer) -> Rows:
    return Rows(
        answer.numbers("id", np.uint64),
        answer.numbers("ts", np.int64),
        answer.numbers("value", np.float64),
        answer.numbers("start_ts", np.int64),
    )


def _selected(metrics: Sequence[ResidentMetric], selection: Selection, limits: Limits) -> Samples:
    """The samples of a selection, once all its metrics are here."""
    found = [
        (metric, metric.find(metric.directory.select(selection.matchers), selection.after, selection.until))
        for metric in metrics
    ]
    if sum(len(each.places) for _, each in found) > limits.series:
        raise too_many_series(limits)
    if sum(len(each.times) for _, each in found) > limits.samples:
        raise too_many_samples(limits)
    return _together(found)


def _together(found: Sequence[tuple[ResidentMetric, Found]]) -> Samples:
    """The samples of all metrics, series in the order of their label sets."""
    parts = [_samples(metric, each) for metric, each in found]
    if len(parts) == 1:
        return parts[0]
    labels = [series for part in parts for series in part.labels]
    sizes = np.concatenate([np.diff(part.offsets) for part in parts]) if parts else np.empty(0, np.int64)
    begins = np.cumsum(sizes) - sizes
    order = np.array(sorted(range(len(labels)), key=labels.__getitem__), np.int64)
    offsets = np.concatenate(([0], np.cumsum(sizes[order]))).astype(np.int64)
    index = np.arange(int(offsets[-1])) + np.repeat(begins[order] - offsets[:-1], sizes[order])
    starts = None
    if any(part.starts is not None for part in parts):
        starts = np.concatenate(
            [np.zeros(len(part.times), np.int64) if part.starts is None else part.starts for part in parts]
        )[index]
    return Samples(
        labels=[labels[place] for place in order.tolist()],
        offsets=offsets,
        times=np.concatenate([np.empty(0, np.int64), *(part.times for part in parts)])[index],
        values=np.concatenate([np.empty(0), *(part.values for part in parts)])[index],
        starts=starts,
    )


def _samples(metric: ResidentMetric, found: Found) -> Samples:
    labels = metric.directory.labels
    starts = found.starts if found.starts is not None and found.starts.any() else None
    return Samples([labels[place] for place in found.places.tolist()], found.offsets, found.times, found.values, starts)
