"""Which attributes there are, and their values: for autocompletion and facets, from ``attr_values``, never from raw
rows.

Counts are estimates: the store samples large inserts for this table.
"""

from __future__ import annotations

from typing import Final, Literal

from sonde.query.engine import Inquiry, Record
from sonde.query.sql.ast import (
    And,
    Column,
    Comparison,
    Expr,
    Order,
    Select,
    Table,
    aliased,
    call,
    containing,
    eq,
    moment,
    text,
)
from sonde.query.window import MINUTE, TimeRange

MAX_KEYS: Final = 2000
MAX_VALUES: Final = 1000
AttributeSignal = Literal["spans", "logs"]
AttributeScope = Literal["span", "log", "resource"]
_SLOT_NANO: Final = 15 * MINUTE


async def attribute_keys(inquiry: Inquiry, *, tenant: str, signal: AttributeSignal, window: TimeRange) -> Record:
    """The keys seen in a time range, the most frequent first."""
    total = Column("total")
    select = Select(
        columns=(Column("scope"), Column("key"), Column("type"), *aliased(total=call("sum", Column("count")))),
        source=Table("attr_values"),
        where=_where(tenant, signal, window),
        group_by=(Column("scope"), Column("key"), Column("type")),
        order_by=(Order(total, descending=True), Order(Column("key"))),
        limit=MAX_KEYS,
    )
    rows = await inquiry.records(select)
    keys = [{"scope": r["scope"], "key": r["key"], "type": r["type"], "count": int(r["total"])} for r in rows]
    return {"keys": keys, "stats": inquiry.cost.as_json()}


async def attribute_values(
    inquiry: Inquiry,
    *,
    tenant: str,
    signal: AttributeSignal,
    scope: AttributeScope,
    key: str,
    prefix: str,
    limit: int,
    window: TimeRange,
) -> Record:
    """The values of a key that contain ``prefix`` in any case; those that begin with it and are frequent first."""
    where = And((_where(tenant, signal, window), eq("scope", text(scope)), eq("key", text(key)), _contains(prefix)))
    begins = call("startsWith", call("lowerUTF8", Column("value")), call("lowerUTF8", text(prefix)))
    select = Select(
        columns=(Column("value"), *aliased(total=call("sum", Column("count")), begins=begins)),
        source=Table("attr_values"),
        where=where,
        group_by=(Column("value"),),
        order_by=(
            Order(Column("begins"), descending=True),
            Order(Column("total"), descending=True),
            Order(Column("value")),
        ),
        limit=min(max(limit, 1), MAX_VALUES),
    )
    rows = await inquiry.records(select)
    values = [{"value": row["value"], "count": int(row["total"])} for row in rows]
    return {"values": values, "stats": inquiry.cost.as_json()}


def _contains(prefix: str) -> Expr:
    return Comparison(Column("value"), "ILIKE", containing(prefix)) if prefix else And(())


def _where(tenant: str, signal: AttributeSignal, window: TimeRange) -> Expr:
    ts = Column("ts")
    return And(
        (
            eq("tenant", text(tenant)),
            eq("signal", text(signal)),
            Comparison(ts, ">=", moment(window.start_nano - _SLOT_NANO)),
            Comparison(ts, "<", moment(window.end_nano)),
        )
    )
