"""Many metrics in memory brought up to date at once: what came since for all of them, in one statement.

Rules ask for some hundred metrics all the time, of which most have a few new samples, and some are sent by nobody. To
ask for each costs the same every time; to ask for all costs what one does. ``resident`` decides which go together.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from sonde.query.promql.clickhouse.parts import Listing, Part
from sonde.query.promql.clickhouse.resident_metric import MOST_SERIES, Rows
from sonde.query.promql.clickhouse.selection import MAX_LISTED_IDS, millisecond
from sonde.query.sql.ast import (
    Alias,
    And,
    Column,
    Comparison,
    Expr,
    In,
    Not,
    Param,
    Select,
    Table,
    call,
    eq,
    text,
    texts,
)
from sonde.store.native import Answer


@dataclass(slots=True)
class Together:
    """A tenant's metrics that are brought up to date together."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    listed: int = -1
    """The turn of the last listing that was asked for, for all of them."""


class Reaches:
    """How far back is asked, lately.

    >>> reaches = Reaches(60)
    >>> for reach, now in ((500, 0), (20, 50), (30, 70)):
    ...     reaches.add(reach, now)
    >>> reaches.longest
    500
    >>> reaches.add(10, 140)
    >>> reaches.longest
    30
    """

    __slots__ = ("_before", "_kept", "_now", "_since", "asked_at")

    def __init__(self, kept: int) -> None:
        """For at least ``kept``, and at most twice as long."""
        self._kept = kept
        self._before = self._now = self._since = self.asked_at = 0

    def add(self, reach: int, now: int) -> None:
        """Note that somebody asks."""
        if now - self._since > self._kept:
            self._before, self._now, self._since = self._now, 0, now
        self._now, self.asked_at = max(self._now, reach), now

    @property
    def longest(self) -> int:
        """The furthest."""
        return max(self._before, self._now)


def known_parts(now: Listing, before: Sequence[Listing], day: str) -> tuple[list[bool], frozenset[Part]]:
    """Of which earlier listings all blocks are still there, and the parts from a day on that hold only what these had.

    >>> from sonde.query.promql.clickhouse.parts import part_of
    >>> first, second = part_of("samples", "20261121_1_1_0"), part_of("samples", "20261121_2_2_0")
    >>> listings = [Listing(frozenset({first})), Listing(frozenset({first, second}))]
    >>> found, known = known_parts(listings[1], listings, "20261121")
    >>> found, known == {first}
    ([True, True], True)
    >>> known_parts(listings[0], listings, "20261121")[0]
    [True, False]
    """
    now = now.since(day)
    each = [now.known_of(listing.since(day)) for listing in before]
    known = [frozenset(parts) for parts in each if parts is not None]
    return [parts is not None for parts in each], frozenset.intersection(*known) if known else frozenset()


def statements(
    tenant: str, names: Sequence[str], known: frozenset[Part], after: int, begin: int | None, most_rows: int
) -> tuple[Select, Select]:
    """Rows of metrics after a time that are in none of the known parts, and the metrics with native histograms there.

    A metric is told by its place among the names. ``begin``: samples before it are not asked for.
    """
    places = Param(tuple(range(len(names))), "Array(UInt64)")
    found = call("transform", Column("metric"), texts(names), places, Param(len(names), "UInt64"))
    place = Alias(call("CAST", found, text("UInt64")), "place")  # without it, it is LowCardinality, as metric is

    def where(table: str, after: int) -> Expr:
        seen = sorted(part.name for part in known if part.table == table)
        return And(
            (
                eq("tenant", text(tenant)),
                In(Column("metric"), texts(names)),
                Comparison(Column("ts"), ">", millisecond(after)),
                *((Not(In(Column("_part"), texts(seen))),) if seen else ()),
            )
        )

    return (
        Select(
            (place, *map(Column, ("id", "ts", "start_ts", "value"))),
            Table("samples"),
            where("samples", after if begin is None else max(after, begin - 1)),
            limit=most_rows + 1,
        ),
        Select((place,), Table("histograms"), where("histograms", after), group_by=(Column("place"),)),
    )


def by_place(answer: Answer, count: int) -> list[Rows]:
    """The rows of each metric."""
    places = answer.numbers("place", np.int64)
    order = np.argsort(places, kind="stable")
    rows = Rows(
        answer.numbers("id", np.uint64)[order],
        answer.numbers("ts", np.int64)[order],
        answer.numbers("value", np.float64)[order],
        answer.numbers("start_ts", np.int64)[order],
    )
    edges = np.searchsorted(places[order], np.arange(count + 1)).tolist()
    return [
        Rows(rows.ids[begin:end], rows.times[begin:end], rows.values[begin:end], rows.starts[begin:end])
        for begin, end in itertools.pairwise(edges)
    ]


def series_of(tenant: str, names: Sequence[str], ids: Sequence[int], after: int) -> Select:
    """The labels of series of metrics: of these ids, or, if they are many, of all that have had samples since."""
    listed = (In(Column("id"), Param(tuple(sorted(ids)), "Array(UInt64)")),) if len(ids) <= MAX_LISTED_IDS else ()
    return Select(
        (Column("metric"), Column("id"), Column("labels")),
        Table("series"),
        And(
            (
                eq("tenant", text(tenant)),
                In(Column("metric"), texts(names)) if len(names) > 1 else eq("metric", text(names[0])),
                Comparison(Column("day"), ">=", call("toDate32", millisecond(after))),
                *listed,
            )
        ),
        one_by=(Column("id"),),
        limit=MOST_SERIES + 1,
    )
