"""Services and their operations in a time range, from the one-minute digests in ``red_1m``; raw spans are never
read.
"""

from __future__ import annotations

from typing import Final

from sonde.query.engine import Inquiry, Record
from sonde.query.sql.ast import And, Column, Comparison, Expr, Order, Select, Table, aliased, call, eq, moment, text
from sonde.query.values import quantile_seconds
from sonde.query.window import MINUTE, TimeRange

MAX_OPERATIONS: Final = 5000


async def list_services(inquiry: Inquiry, *, tenant: str, window: TimeRange) -> Record:
    """Every service with its operations, both by number of spans."""
    select = Select(
        columns=(
            *(Column(name) for name in ("service", "name", "kind")),
            *aliased(
                spans_sum=call("sum", Column("spans")),
                errors_sum=call("sum", Column("errors")),
                digest=call("sumMap", Column("duration_buckets")),
            ),
        ),
        source=Table("red_1m"),
        where=in_minutes(tenant, window),
        group_by=tuple(Column(name) for name in ("service", "name", "kind")),
        order_by=(Order(Column("spans_sum"), descending=True), Order(Column("service")), Order(Column("name"))),
        limit=MAX_OPERATIONS,
    )
    services: dict[str, Record] = {}
    for row in await inquiry.records(select):
        empty: Record = {"service": row["service"], "spans": 0, "errors": 0, "operations": []}
        service = services.setdefault(row["service"], empty)
        spans, errors = int(row["spans_sum"]), int(row["errors_sum"])
        service["spans"] += spans
        service["errors"] += errors
        service["operations"].append(
            {
                "name": row["name"],
                "kind": row["kind"],
                "spans": spans,
                "errors": errors,
                "p95_seconds": quantile_seconds(row["digest"], 0.95),
            }
        )
    ordered = sorted(services.values(), key=lambda service: (-service["spans"], service["service"]))
    return {"services": ordered, "stats": inquiry.cost.as_json()}


def in_minutes(tenant: str, window: TimeRange) -> Expr:
    """A tenant's digests of the minutes that touch a window."""
    first_minute = window.start_nano // MINUTE * MINUTE
    ts = Column("ts")
    return And(
        (
            eq("tenant", text(tenant)),
            Comparison(ts, ">=", moment(first_minute)),
            Comparison(ts, "<", moment(window.end_nano)),
        )
    )
