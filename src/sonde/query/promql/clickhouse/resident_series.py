"""The series of metrics in memory, for selectors whose samples are not: a long range of a few series finds them here.

As ``resident`` for samples, and true for the same reason; a series is a row a day, so what there is to keep is small.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from sonde.query.promql.clickhouse.looks import DAY, Look, partition_of
from sonde.query.promql.clickhouse.parts import Listing, Part
from sonde.query.promql.clickhouse.resident_directory import Directory
from sonde.query.promql.clickhouse.selection import SelectedSeries, Selection, millisecond, named
from sonde.query.promql.limits import too_many_series
from sonde.query.promql.query import Limits
from sonde.query.sql.ast import And, Column, Comparison, Expr, In, Not, Select, Table, call, eq, text, texts
from sonde.telemetry.labels import METRIC_NAME

LONGEST: Final = 8 * DAY
"""Before now."""
MOST_SERIES: Final = 100_000
"""Of all metrics together."""


@dataclass(slots=True)
class _Entry:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    after: int = 0
    directory: Directory | None = None
    listing: Listing = field(default_factory=lambda: Listing(frozenset()))
    listed: int = -1


class ResidentSeries:
    """The series of all tenants' metrics that were asked for lately."""

    def __init__(self) -> None:
        self._entries: OrderedDict[tuple[str, str], _Entry] = OrderedDict()

    async def select(self, look: Look, selection: Selection, limits: Limits, *, now: int) -> SelectedSeries | None:
        """The series that fit all matchers and have had samples since, or a little before; None: ask the engine.

        Raises:
            LimitExceeded: More series than the limits allow.
        """
        by_name = [matcher for matcher in selection.matchers if matcher.name == METRIC_NAME]
        name = next((matcher.value for matcher in by_name if matcher.operator == "="), "")
        is_recent = selection.after > now - LONGEST and selection.until > now - DAY // 2
        if not name or not is_recent or not all(matcher.matches(name) for matcher in by_name):
            return None
        directory = await self._directory(look, selection.tenant, name, selection.after)
        if directory is None:
            return None
        places = directory.select(selection.matchers)
        if len(places) > limits.series:
            raise too_many_series(limits)
        labels = [directory.labels[place] for place in places.tolist()]
        return SelectedSeries(labels, directory.ids[places], frozenset([name] if labels else []))

    async def _directory(self, look: Look, tenant: str, name: str, after: int) -> Directory | None:
        entry = self._entries.setdefault((tenant, name), _Entry())
        self._entries.move_to_end((tenant, name))
        async with entry.lock:
            is_known = entry.directory is not None and after >= entry.after
            if is_known and entry.listed > look.began:
                return entry.directory
            turn, listing = await look.listing()
            if listing is None:
                return None
            listing = Listing(frozenset(part for part in listing.parts if part.table == "series"))
            known: tuple[Part, ...] | None = None
            directory, begin = Directory(), after // DAY * DAY
            if is_known and entry.directory is not None:
                known = listing.since(partition_of(after)).known_of(entry.listing.since(partition_of(after)))
            if known is not None and entry.directory is not None:
                directory, begin = entry.directory, entry.after
                if len(known) == len(listing.since(partition_of(after)).parts):
                    return directory
            rows = await look.inquiry.records(_statement(tenant, name, known or (), begin))
            if len(rows) > MOST_SERIES:
                return None
            directory = directory.with_series({row["id"]: named(name, row["labels"]) for row in rows})
            entry.after, entry.directory, entry.listing, entry.listed = begin, directory, listing, turn
        self._make_room()
        return directory

    def _make_room(self) -> None:
        total = sum(len(entry.directory.labels) for entry in self._entries.values() if entry.directory is not None)
        for key in list(self._entries):
            entry = self._entries[key]
            if total <= MOST_SERIES and len(self._entries) <= MOST_SERIES:
                return
            if not entry.lock.locked():
                total -= 0 if entry.directory is None else len(entry.directory.labels)
                del self._entries[key]


def _statement(tenant: str, name: str, known: tuple[Part, ...], after: int) -> Select:
    conditions: list[Expr] = [
        eq("tenant", text(tenant)),
        eq("metric", text(name)),
        Comparison(Column("day"), ">=", call("toDate32", millisecond(after))),
    ]
    if known:
        conditions.append(Not(In(Column("_part"), texts(part.name for part in known))))
    return Select(
        (Column("id"), Column("labels")),
        Table("series"),
        And(tuple(conditions)),
        one_by=(Column("id"),),
        limit=MOST_SERIES + 1,
    )
