"""Resources of spans and log records, which point at them by ``resource_id``: one small read after the rows are
known.
"""

from __future__ import annotations

from collections.abc import Iterable

from sonde.query.engine import Inquiry, Record
from sonde.query.sql.ast import And, Column, Comparison, In, Param, Select, Table, aliased, call, day_of, eq, text
from sonde.query.values import ATTRIBUTE_COLUMNS, ATTRIBUTE_MAPS, attributes
from sonde.query.window import DAY, TimeRange


async def read_resources(inquiry: Inquiry, tenant: str, window: TimeRange, ids: Iterable[int]) -> dict[int, Record]:
    """The attributes of each resource by its id; the table has a row per resource and day."""
    wanted = tuple(sorted(set(ids)))
    if not wanted:
        return {}
    day = Column("day")
    select = Select(
        columns=(
            Column("resource_id"),
            *aliased(**{f"any_{name}": call("any", column) for name, column in _MAPS}),
        ),
        source=Table("resources"),
        where=And(
            (
                eq("tenant", text(tenant)),
                Comparison(day, ">=", day_of(window.start_nano - DAY)),
                Comparison(day, "<=", day_of(window.end_nano)),
                In(Column("resource_id"), Param(wanted, "Array(UInt64)")),
            )
        ),
        group_by=(Column("resource_id"),),
    )
    return {
        int(row["resource_id"]): attributes({name: row[f"any_{name}"] for name in ATTRIBUTE_MAPS})
        for row in await inquiry.records(select)
    }


_MAPS = tuple(zip(ATTRIBUTE_MAPS, ATTRIBUTE_COLUMNS, strict=True))
