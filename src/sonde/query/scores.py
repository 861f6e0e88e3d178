"""Scores (feedback and evaluations) of a trace."""

from __future__ import annotations

from typing import Final

from sonde.query.engine import Inquiry, Record
from sonde.query.sql.ast import (
    Alias,
    And,
    Column,
    Comparison,
    Expr,
    Or,
    Order,
    Select,
    Table,
    eq,
    hexadecimal,
    identifier,
    moment,
    text,
)
from sonde.query.values import finite, nano
from sonde.query.window import DAY

MAX_SCORES: Final = 500
_NO_SPAN: Final = "0" * 16


async def scores_of(
    inquiry: Inquiry, *, tenant: str, trace_id: str, since_nano: int, span_id: str | None = None
) -> list[Record]:
    """The scores of a trace, oldest first; with ``span_id`` those of this span and of the trace as a whole.

    ``since_nano`` is the trace's start: people rate later, at any time, so only the past is bounded.
    """
    conditions: list[Expr] = [
        eq("tenant", text(tenant)),
        eq("trace_id", identifier(trace_id, 16)),
        Comparison(Column("ts"), ">=", moment(since_nano - DAY)),
    ]
    if span_id is not None:
        whole = eq("span_id", identifier(_NO_SPAN, 8))
        conditions.append(Or((eq("span_id", identifier(span_id, 8)), whole)))
    select = Select(
        columns=(
            nano("ts", "time_nano"),
            Alias(hexadecimal("span_id"), "span"),
            *(Column(name) for name in ("score_id", "name", "data_type", "value", "string_value")),
            *(Column(name) for name in ("user_id", "comment", "source")),
        ),
        source=Table("scores"),
        where=And(tuple(conditions)),
        order_by=(Order(Column("ts")),),
        limit=MAX_SCORES,
    )
    return [
        {
            "score_id": row["score_id"],
            "time_unix_nano": str(row["time_nano"]),
            "name": row["name"],
            "data_type": row["data_type"],
            "value": finite(row["value"]),
            "string_value": row["string_value"],
            "user_id": row["user_id"],
            "comment": row["comment"],
            "source": row["source"],
        }
        for row in await inquiry.records(select)
    ]
