"""Which rows of the store's tables have been read already, told by the names of the engine's parts.

An insert makes a part and merges join parts, so a part's rows are told by the range of block numbers in its name, and
never change; a delete gives parts a new last number. So what was read once stays true, and only parts that hold other
blocks need to be read: ``Listing.known_of`` says which do not. What is read twice does no harm here, as of the samples
of one time one counts.

Format of names: https://clickhouse.com/docs/operations/system-tables/parts
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sonde.query.engine import Inquiry
from sonde.query.sql.ast import And, Column, Comparison, In, Select, Table, eq, text, texts

TABLES: Final = ("samples", "series", "histograms")
_NAME = re.compile(r"(\d{8})_(\d+)_(\d+)_\d+(?:_(\d+))?\Z")


@dataclass(frozen=True, slots=True)
class Part:
    """Blocks ``first`` to ``last`` of a table's day, after the deletes up to ``mutation``."""

    table: str
    name: str
    day: str
    first: int
    last: int
    mutation: int

    def holds(self, other: Part) -> bool:
        """Whether all of another part is in this one.

        >>> merged = part_of("samples", "20261121_1_9_2")
        >>> merged.holds(part_of("samples", "20261121_3_4_1")), merged.holds(part_of("samples", "20261121_3_4_1_10"))
        (True, False)
        """
        return (
            (self.table, self.day, self.mutation) == (other.table, other.day, other.mutation)
            and self.first <= other.first
            and other.last <= self.last
        )


def part_of(table: str, name: str) -> Part:
    """Read a part's name.

    Raises:
        ValueError: It is not one of a table that has a partition for each day.
    """
    found = _NAME.match(name)
    if found is None:
        raise ValueError(f"{name} is no part of a day")
    return Part(table, name, found[1], int(found[2]), int(found[3]), int(found[4] or 0))


@dataclass(frozen=True, slots=True)
class Listing:
    """The parts of the tables at one moment, of some day and all later ones."""

    parts: frozenset[Part]

    def since(self, day: str) -> Listing:
        """The parts from a later day on."""
        return Listing(frozenset(part for part in self.parts if part.day >= day))

    def known_of(self, earlier: Listing) -> tuple[Part, ...] | None:
        """The parts without any block that an earlier listing lacks; None when blocks of that one are gone.

        >>> before = Listing(frozenset({part_of("samples", "20261121_1_4_1"), part_of("samples", "20261121_5_5_0")}))
        >>> now = Listing(frozenset({part_of("samples", "20261121_1_5_2"), part_of("samples", "20261121_6_6_0")}))
        >>> [part.name for part in now.known_of(before)]
        ['20261121_1_5_2']
        >>> Listing(frozenset()).known_of(before) is None
        True
        """
        known = list(self.parts & earlier.parts)
        merged = self.parts - earlier.parts
        inside: dict[Part, int] = {}
        for part in earlier.parts - self.parts:
            whole = next((each for each in merged if each.holds(part)), None)
            if whole is None:
                return None
            inside[whole] = inside.get(whole, 0) + part.last - part.first + 1
        known += [part for part, blocks in inside.items() if blocks == part.last - part.first + 1]
        return tuple(sorted(known, key=lambda part: (part.table, part.day, part.first)))


async def list_parts(inquiry: Inquiry, day: str) -> Listing | None:
    """The parts from a day (``20261121``) on; None where names are of a kind that is not read here."""
    rows = await inquiry.records(
        Select(
            (Column("table"), Column("name")),
            Table("parts", database="system"),
            And(
                (
                    eq("database", text("sonde")),
                    In(Column("table"), texts(TABLES)),
                    Column("active"),
                    Comparison(Column("partition_id"), ">=", text(day)),
                )
            ),
        )
    )
    return listing_of((row["table"], row["name"]) for row in rows)


def listing_of(names: Iterable[tuple[str, str]]) -> Listing | None:
    """A listing of tables and names.

    >>> listing_of([("samples", "patch-0a-20261121_1_1_0")]) is None
    True
    """
    try:
        return Listing(frozenset(part_of(table, name) for table, name in names))
    except ValueError:
        return None
