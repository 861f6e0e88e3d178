"""``GET /status``: how Sonde itself is doing."""

from __future__ import annotations

import time
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from sonde.query.engine import Inquiry, Record
from sonde.query.sql.ast import And, Column, Order, Select, Table, aliased, call, eq, text
from sonde.telemetry.tenancy import Role
from sonde.web.asking import Around, Asked, Reader, answered
from sonde.web.auth import Caller
from sonde.web.surroundings import Surroundings

router = APIRouter(tags=["status"])
_STARTED: Final = time.monotonic()


@router.get("/status")
async def status(request: Request, caller: Reader, asked: Asked, around: Around) -> Response:
    """Version, what comes in, disk, sizes of tables (for administrators), and what somebody should look at."""
    return await answered(request, caller, _status(asked, caller, around))


async def _status(asked: Inquiry, caller: Caller, around: Surroundings) -> dict[str, Any]:
    # Sizes are those of all tenants together.
    may_see_sizes = caller.every_tenant or caller.identity.role >= Role.ADMIN
    tables = await _tables(asked) if may_see_sizes else []
    known = around.health.status()
    return {
        "version": around.version,
        "tenant": caller.tenant,
        "uptime_seconds": round(time.monotonic() - _STARTED, 3),
        **known,
        "disk": {**known["disk"], "store_bytes": sum(table["bytes_on_disk"] for table in tables)},
        "tables": tables,
    }


async def _tables(asked: Inquiry) -> list[Record]:
    select = Select(
        columns=(
            Column("table"),
            *aliased(row_count=call("sum", Column("rows")), size=call("sum", Column("bytes_on_disk"))),
        ),
        source=Table("parts", database="system"),
        where=And((eq("database", text("sonde")), Column("active"))),
        group_by=(Column("table"),),
        order_by=(Order(Column("size"), descending=True),),
    )
    return [
        {"table": row["table"], "rows": int(row["row_count"]), "bytes_on_disk": int(row["size"])}
        for row in await asked.records(select)
    ]
