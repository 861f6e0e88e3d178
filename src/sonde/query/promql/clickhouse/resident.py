"""Recent samples in memory, a metric at a time, so that a dashboard need not be read from disk panel by panel.

A metric that is asked for a second time is read whole, from somewhat before the query's time on, and kept as long as
there is room. Each query then asks the engine which parts its tables have and reads what came since, samples of any
time: an answer from memory is the answer that the tables would give at that moment, late samples and deletes included
(``parts``). Left to the engine are: long ranges, metrics with native histograms, metrics too large to keep.

Who asks for many metrics all the time (``resident_steady``) has them brought up to date together, by one statement.

That holds while all writers write through the engine that is asked for its parts, so for the embedded one.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from sonde.query.engine import Inquiry, all_of
from sonde.query.promql.clickhouse.looks import Look, Looks, Revision, partition_of
from sonde.query.promql.clickhouse.parts import Listing, Part
from sonde.query.promql.clickhouse.resident_metric import MOST_SERIES, Found, ResidentMetric, Rows
from sonde.query.promql.clickhouse.resident_news import first_new_time
from sonde.query.promql.clickhouse.resident_series import ResidentSeries
from sonde.query.promql.clickhouse.resident_together import (
    Reaches,
    Together,
    by_place,
    known_parts,
    series_of,
    statements,
)
from sonde.query.promql.clickhouse.selection import (
    EARLIEST,
    MAX_LISTED_IDS,
    SelectedSeries,
    Selection,
    millisecond,
    named,
)
from sonde.query.promql.limits import too_many_samples, too_many_series
from sonde.query.promql.query import Limits
from sonde.query.promql.series import Samples
from sonde.query.sql.ast import (
    Alias,
    And,
    Column,
    Comparison,
    Expr,
    In,
    Not,
    Select,
    Table,
    call,
    eq,
    text,
    texts,
)
from sonde.store.native import Answer
from sonde.telemetry.labels import METRIC_NAME, Labels

LONGEST: Final = 6 * 3_600_000
"""Milliseconds before now from which on samples may be kept."""
SLACK: Final = 600_000
"""So much more is read, that windows move on for a while before anything is read again."""
LATELY: Final = 330_000
"""Milliseconds for which a metric that was asked for is brought up to date with others: rules ask each five minutes."""
MOST_TOGETHER: Final = 4_000
"""Metrics of one tenant."""
MOST_METRICS: Final = 200
"""Of one selector; for more the engine is asked at once."""
_MOST_NAMES: Final = 20_000
_REMEMBERED: Final = 10_000
_REMEMBERED_NAMES: Final = 100
_FEW_ROWS: Final = 5_000
_FEW_SERIES: Final = 200
"""So many are gathered at once. For more, a thread is worth its hop."""


@dataclass(slots=True)
class _Entry:
    """What is known of one metric."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    asked: int = 0
    reaches: Reaches = field(default_factory=lambda: Reaches(LATELY))
    too_long: int | None = None
    """Reading so many milliseconds, or more, was too much, at the time ``tried``."""
    tried: int = 0
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
        self._together: dict[str, Together] = {}
        self._has_grown = False

    @property
    def size_bytes(self) -> int:
        """Memory that is taken."""
        return sum(entry.metric.size_bytes for entry in self._entries.values() if entry.metric is not None)

    def now(self) -> int:
        """The time, in milliseconds."""
        return self._now()

    def look(self, inquiry: Inquiry, selection: Selection) -> Look:
        """What a query sees of the tables' parts; the same for all that it asks of here."""
        return self._looks.look(inquiry, max(min(selection.after, self._now() - 2 * (LONGEST + SLACK)), EARLIEST))

    async def series(self, look: Look, selection: Selection, limits: Limits) -> SelectedSeries | None:
        """The series of a selection, and maybe some that have no samples in its time; None: ask the engine."""
        return await self._series.select(look, selection, limits, now=self._now())

    async def samples(
        self, look: Look, selection: Selection, limits: Limits, *, together: bool = False
    ) -> Samples | None:
        """The samples that the tables hold for a selection, or None: the engine has to be asked.

        ``together``: look what came since for all metrics that were asked for lately, not for these alone.

        Raises:
            LimitExceeded: More series or samples than the limits allow.
        """
        if selection.after < self._now() - LONGEST or selection.until <= selection.after:
            return None
        if together:
            await self._catch_up_together(look, selection.tenant)
        names = await self._chosen_names(look, selection)
        if names is None or len(names) > MOST_METRICS:
            return None
        if len(names) == 1:
            metrics = [await self._metric(look, selection.tenant, names[0], selection.after)]
        else:
            metrics = await all_of(*(self._metric(look, selection.tenant, name, selection.after) for name in names))
        if self._has_grown:
            self._make_room()
        resident = [metric for metric in metrics if metric is not None]
        if len(resident) < len(metrics):
            return None
        if all(metric.directory.remembers(selection.matchers) for metric in resident):
            found = [(metric, metric.directory.select(selection.matchers)) for metric in resident]
            if sum(len(places) for _, places in found) <= _FEW_SERIES:
                return _selected(resident, selection, limits)
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
        reach = self._now() - after
        entry.reaches.add(reach, self._now())
        if entry.too_long is not None and self._now() - entry.tried > SLACK:
            entry.too_long = None
        is_too_large = entry.too_long is not None and reach >= entry.too_long
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
                metric = await self._catch_up(look, tenant, name, metric, entry.listing, listing, after)
            else:
                metric = await self._read(look, tenant, name, after - SLACK)
            if metric is None:
                entry.too_long, entry.tried = reach, self._now()
                if entry.metric is not None and after < entry.metric.after:
                    return None  # what is there serves who asks for less
            self._has_grown = self._has_grown or metric is not entry.metric
            entry.metric, entry.listing, entry.listed = metric, listing, turn
        return metric

    async def _read(self, look: Look, tenant: str, name: str, begin: int) -> ResidentMetric | None:
        """All of a metric from a time on."""
        return await self._more(look, tenant, name, ResidentMetric.empty(begin), (), begin)

    async def _catch_up(
        self, look: Look, tenant: str, name: str, metric: ResidentMetric, before: Listing, now: Listing, after: int
    ) -> ResidentMetric | None:
        """What has come since; everything, when something has gone. What is not asked for goes first."""
        day = max(partition_of(metric.after), look.day)
        listing = now.since(day)
        known = listing.known_of(before.since(day))
        if known is None:
            return await self._read(look, tenant, name, metric.after)
        if len(known) == len(listing.parts):
            return metric
        begin = self._needed(metric, self._now() - after)
        return await self._more(look, tenant, name, metric, known, begin)

    async def _more(
        self, look: Look, tenant: str, name: str, metric: ResidentMetric, known: Sequence[Part], begin: int
    ) -> ResidentMetric | None:
        """The metric with the rows of all parts but the known ones; None if there is more than may be kept."""
        most_rows = self._most_bytes // 24
        samples, histograms = _statements(tenant, name, known, metric.after, most_rows)
        if await look.has_histograms():
            found, natives = await look.inquiry.numbers_together(samples, histograms)
            if natives.rows:
                return None
        else:
            found = await look.inquiry.numbers(samples)
        rows = _rows(found)
        is_much = found.rows > _FEW_ROWS
        strangers = await asyncio.to_thread(metric.strangers_among, rows) if is_much else metric.strangers_among(rows)
        labels: dict[int, Labels] = {}
        if len(strangers):
            series = await look.inquiry.records(series_of(tenant, (name,), strangers.tolist(), metric.after))
            labels = {row["id"]: named(name, row["labels"]) for row in series}
        if found.rows > most_rows or len(metric.directory.labels) + len(labels) > MOST_SERIES:
            return None
        if is_much:
            larger = await asyncio.to_thread(metric.with_rows, rows, labels, begin)
        else:
            larger = metric.with_rows(rows, labels, begin)
        return larger if larger.size_bytes <= self._most_bytes // 2 else None

    def _needed(self, metric: ResidentMetric, reach: int) -> int:
        """The time from which on a metric is needed, where it is asked for so far back."""
        begin = max(metric.after, self._now() - LONGEST - SLACK)
        return max(begin, self._now() - reach - SLACK) if metric.size_bytes > self._most_bytes // 3 else begin

    async def _catch_up_together(self, look: Look, tenant: str) -> None:
        """What has come since for all metrics of a tenant that were asked for lately; others are left as they are."""
        state = self._together.setdefault(tenant, Together())
        if state.listed > look.began:
            return
        async with state.lock:
            if state.listed > look.began:
                return  # somebody has looked since this query began
            turn, listing = await look.listing()
            if listing is None:
                return
            members = self._members(tenant, state.listed) if state.listed >= 0 else {}
            async with contextlib.AsyncExitStack() as held:
                for entry in members.values():
                    await held.enter_async_context(entry.lock)
                await self._update_together(look, tenant, members, turn, listing)
            state.listed = turn

    def _members(self, tenant: str, listed: int) -> dict[str, _Entry]:
        """The metrics that were asked for lately and are as new as those that were last looked at together."""
        oldest = self._now() - LATELY
        found = {
            name: entry
            for (of, name), entry in self._entries.items()
            if of == tenant and entry.metric is not None and entry.listed >= listed and entry.reaches.asked_at > oldest
        }
        return {name: entry for name, entry in list(found.items())[-MOST_TOGETHER:] if not entry.lock.locked()}

    async def _update_together(
        self, look: Look, tenant: str, members: Mapping[str, _Entry], turn: int, listing: Listing
    ) -> None:
        listings = list({id(entry.listing): entry.listing for entry in members.values()}.values())
        are_whole, known = known_parts(listing, listings, look.day)
        whole = {id(each) for each, is_whole in zip(listings, are_whole, strict=True) if is_whole}
        members = {name: entry for name, entry in members.items() if id(entry.listing) in whole}
        metrics = {name: entry.metric for name, entry in members.items() if entry.metric is not None}
        if not metrics:
            return
        unknown = {part.table for part in listing.since(look.day).parts - known}
        if unknown:
            has_histograms = "histograms" in unknown
            before = [each.since(look.day) for each in listings if id(each) in whole]
            begin = await first_new_time(look.inquiry, listing.since(look.day), before, known)
            metrics = await self._more_together(look, tenant, metrics, known, begin, has_histograms=has_histograms)
        for name, metric in metrics.items():
            entry = members[name]
            self._has_grown = self._has_grown or metric is not entry.metric
            entry.metric, entry.listing, entry.listed = metric, listing, turn

    async def _more_together(
        self,
        look: Look,
        tenant: str,
        metrics: Mapping[str, ResidentMetric],
        known: frozenset[Part],
        begin: int | None,
        *,
        has_histograms: bool,
    ) -> dict[str, ResidentMetric]:
        """The metrics with the rows of all parts but the known ones, without those that have to be read alone.

        ``begin``: no samples in these parts that are new are earlier.
        """
        names = list(metrics)
        after = min(metric.after for metric in metrics.values())
        samples, histograms = statements(tenant, names, known, after, begin, self._most_bytes // 24)
        alone: set[str] = set()
        if has_histograms:
            found, natives = await look.inquiry.numbers_together(samples, histograms)
            alone = {names[place] for place in natives.numbers("place", np.int64).tolist()}
        else:
            found = await look.inquiry.numbers(samples)
        if found.rows > self._most_bytes // 24:
            return {}
        rows = {name: each for name, each in zip(names, by_place(found, len(names)), strict=True) if name not in alone}
        strangers = [number for name, each in rows.items() for number in metrics[name].strangers_among(each).tolist()]
        if len(strangers) > MAX_LISTED_IDS:
            return {}
        labels: dict[str, dict[int, Labels]] = {}
        for row in await look.inquiry.records(series_of(tenant, names, strangers, after)) if strangers else ():
            labels.setdefault(row["metric"], {})[row["id"]] = named(row["metric"], row["labels"])
        begins = {name: self._needed(metrics[name], self._entries[tenant, name].reaches.longest) for name in rows}

        def larger() -> dict[str, ResidentMetric]:
            return {
                name: metrics[name].with_rows(each, labels.get(name, {}), begins[name]) for name, each in rows.items()
            }

        return {
            name: metric
            for name, metric in (await asyncio.to_thread(larger) if found.rows > _FEW_ROWS else larger()).items()
            if len(metric.directory.labels) <= MOST_SERIES and metric.size_bytes <= self._most_bytes // 2
        }

    def _entry(self, tenant: str, name: str) -> _Entry:
        entry = self._entries.get((tenant, name))
        if entry is None:
            entry, self._has_grown = self._entries.setdefault((tenant, name), _Entry()), True
        self._entries.move_to_end((tenant, name))
        return entry

    def _make_room(self) -> None:
        self._has_grown = False
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


def _statements(tenant: str, name: str, known: Sequence[Part], after: int, most_rows: int) -> tuple[Select, Select]:
    """Rows of a metric after a time that are in none of the known parts."""
    later = Comparison(Column("ts"), ">", millisecond(after))

    def where(table: str) -> Expr:
        names = [part.name for part in known if part.table == table]
        unknown = (Not(In(Column("_part"), texts(names))),) if names else ()
        return And((eq("tenant", text(tenant)), eq("metric", text(name)), later, *unknown))

    return (
        Select(
            tuple(map(Column, ("id", "ts", "start_ts", "value"))),
            Table("samples"),
            where("samples"),
            limit=most_rows + 1,
        ),
        Select((Column("id"),), Table("histograms"), where("histograms"), limit=1),
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
