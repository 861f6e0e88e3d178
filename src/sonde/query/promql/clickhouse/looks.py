"""How a query sees which parts the tables have: once, not before it began, and not at all while nothing was written."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from sonde.query.engine import Inquiry, Record
from sonde.query.promql.clickhouse.parts import Listing, list_parts
from sonde.query.promql.clickhouse.selection import EARLIEST, LATEST
from sonde.query.sql.ast import Select

DAY: Final = 86_400_000
Revision = Callable[[], int | None]


class Looks:
    """Makes the looks of all queries.

    While ``revision`` tells the same number, the tables have the same rows; when it tells None, who knows.
    """

    def __init__(self, revision: Revision) -> None:
        self.turns = itertools.count()
        self._revision = revision
        self._known: dict[str | Select, Listing | list[Record]] = {}
        self._known_at: int | None = None

    def look(self, inquiry: Inquiry, after: int) -> Look:
        """The look of one query, at the parts that can hold samples after a time."""
        return Look(self, inquiry, partition_of(after), next(self.turns))

    async def listing(self, inquiry: Inquiry, day: str) -> Listing | None:
        """The parts from a day on."""
        known = self._remembered(day)
        if isinstance(known, Listing):
            return known
        revision, listing = self._revision(), await list_parts(inquiry, day)
        if listing is not None:
            self._remember(day, listing, revision)
        return listing

    async def records(self, inquiry: Inquiry, select: Select) -> list[Record]:
        """The answer to a statement that has neither the query's words nor its time in it; not to be changed."""
        known = self._remembered(select)
        if isinstance(known, list):
            return known
        revision, found = self._revision(), await inquiry.records(select)
        self._remember(select, found, revision)
        return found

    def _remembered(self, key: str | Select) -> Listing | list[Record] | None:
        revision = self._revision()
        if revision is None or revision != self._known_at:
            self._known, self._known_at = {}, revision
        return self._known.get(key)

    def _remember(self, key: str | Select, found: Listing | list[Record], revision: int | None) -> None:
        if revision is not None and revision == self._known_at:
            self._known[key] = found


@dataclass(slots=True)
class Look:
    """One query's look."""

    looks: Looks
    inquiry: Inquiry
    day: str
    began: int
    """The turn of this query among all queries and listings."""
    _listing: tuple[int, Listing | None] | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def listing(self) -> tuple[int, Listing | None]:
        """The parts, and the turn of asking for them; None where they are not of a kind that is read."""
        async with self._lock:
            if self._listing is None:
                turn = next(self.looks.turns)
                self._listing = (turn, await self.looks.listing(self.inquiry, self.day))
            return self._listing

    async def records(self, select: Select) -> list[Record]:
        """See ``Looks.records``."""
        return await self.looks.records(self.inquiry, select)

    async def has_histograms(self) -> bool:
        """Whether any native histogram can be in the time that is looked at."""
        _, listing = await self.listing()
        return listing is None or any(part.table == "histograms" for part in listing.parts)


def partition_of(time: int) -> str:
    """The partition before that of a time, wherever on Earth days begin; of what the store cannot say, of its border.

    >>> partition_of(1_795_000_000_000), partition_of(-(10**18)), partition_of(10**18)
    ('20261117', '18991231', '22610714')
    """
    time = min(max(time, EARLIEST), LATEST)
    return datetime.fromtimestamp((time // DAY - 1) * (DAY // 1000), UTC).strftime("%Y%m%d")
