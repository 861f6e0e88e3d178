"""Since when parts can hold samples that nobody here has read yet, where the engine has merged them with known ones.

A merged part with one new block would be read whole. But the engine still lists the parts that went into it, for some
minutes, with their rows and their earliest time: if the rows of all add up, nothing new is earlier than the new ones'.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sonde.query.engine import Inquiry
from sonde.query.promql.clickhouse.parts import Listing, Part, part_of
from sonde.query.sql.ast import Alias, And, Column, Comparison, Select, Table, call, eq, integer, text


@dataclass(frozen=True, slots=True)
class Content:
    """What the engine tells of a part, be it merged into another by now."""

    rows: int
    begin: int
    """Milliseconds: none of its samples is earlier."""


async def first_new_time(
    inquiry: Inquiry, now: Listing, before: Iterable[Listing], known: frozenset[Part]
) -> int | None:
    """A time before which the parts of samples have nothing that earlier listings lack; None: who knows."""
    unknown = [part for part in now.parts - known if part.table == "samples"]
    if all(part.first == part.last for part in unknown):
        return None  # they are new as a whole
    contents = await _contents(inquiry, min(part.day for part in unknown), min(part.first for part in unknown))
    begins = [news_begin(unknown, listing, contents) for listing in before]
    return min((begin for begin in begins if begin is not None), default=None) if None not in begins else None


def news_begin(unknown: Iterable[Part], before: Listing, contents: Mapping[Part, Content]) -> int | None:
    """The earliest time of the blocks that an earlier listing lacks; None where not all of them are told of.

    >>> first, second, both = (part_of("samples", f"20261121_{name}") for name in ("1_1_0", "2_2_0", "1_2_1"))
    >>> contents = {first: Content(100, 5), second: Content(10, 70), both: Content(110, 5)}
    >>> news_begin([both], Listing(frozenset({first})), contents)
    70
    >>> news_begin([both], Listing(frozenset({first})), {**contents, both: Content(111, 5)}) is None
    True
    """
    single = {(part.day, part.mutation, part.first): part for part in contents if part.first == part.last}
    begins: list[int] = []
    for whole in unknown:
        seen = [part for part in before.parts if whole.holds(part)]
        new = [
            part
            for (day, mutation, block), part in single.items()
            if whole.first <= block <= whole.last
            and (day, mutation) == (whole.day, whole.mutation)
            and not any(each.first <= block <= each.last for each in seen)
        ]
        parts = [*seen, *new]
        if whole not in contents or not all(part in contents for part in parts):
            return None
        if contents[whole].rows != sum(contents[part].rows for part in parts):
            return None
        begins += [contents[part].begin for part in new]
    return min(begins, default=None)


async def _contents(inquiry: Inquiry, day: str, block: int) -> dict[Part, Content]:
    """The parts of samples with no block before one, those too that are merged into others."""
    rows = await inquiry.records(
        Select(
            (
                Column("name"),
                Column("rows"),
                Alias(call("toInt64", call("toUnixTimestamp", Column("min_time"))), "begin"),
            ),
            Table("parts", database="system"),
            And(
                (
                    eq("database", text("sonde")),
                    eq("table", text("samples")),
                    Comparison(Column("partition_id"), ">=", text(day)),
                    Comparison(Column("min_block_number"), ">=", integer(block)),
                )
            ),
        )
    )
    return {part_of("samples", row["name"]): Content(row["rows"], row["begin"] * 1_000) for row in rows}
