"""``POST /query/sql``: a person's own SELECT over their tenant's rows; and ``DELETE /queries/{id}``, which stops any
query.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from sonde.query.adhoc import Gate
from sonde.query.values import finite
from sonde.store.client import Result
from sonde.web.asking import Around, Reader, RunningQueries, SqlReader, answered, id_in_store, query_id_of
from sonde.web.auth import sql_scope

router = APIRouter(tags=["sql"])
MAX_ROWS: Final = 100_000
DEFAULT_ROWS: Final = 10_000
RESULT_BYTES: Final = 128 << 20


class SqlQuery(BaseModel):
    """One statement that reads, in ClickHouse's SQL, with values for its ``{name:Type}`` parameters."""

    model_config = ConfigDict(extra="forbid")

    sql: str
    parameters: dict[str, str | int | float | bool | list[str | int | float] | None] = {}
    limit: Annotated[int, Field(ge=1, le=MAX_ROWS, description="At most so many rows are answered")] = DEFAULT_ROWS


@router.post("/query/sql")
async def query_sql(request: Request, caller: SqlReader, around: Around, query: SqlQuery) -> Response:
    """Execute a SELECT, EXPLAIN, DESCRIBE or SHOW. Read-only; rows of other tenants are not there."""
    gate: Gate = request.app.state.gate
    query_id = query_id_of(request)
    rows = min(query.limit, around.limits.result_rows or MAX_ROWS)

    async def work() -> dict[str, Any]:
        admitted = await gate.admit(query.sql, query.parameters, scope=sql_scope(caller), tenant=caller.tenant)
        answer = await gate.execute(
            admitted,
            query.parameters,
            output_format="JSONCompact",
            settings={"limit": str(rows + 1), "output_format_json_quote_64bit_integers": "0"},
            limits=replace(around.limits, result_rows=None, result_bytes=RESULT_BYTES),
            query_id=id_in_store(caller, query_id),
        )
        return _answer(Result.from_json_compact(answer), rows)

    return await answered(request, caller, work(), query_id=query_id)


def _answer(result: Result, limit: int) -> dict[str, Any]:
    stats = result.stats
    return {
        "columns": [{"name": column.name, "type": column.type} for column in result.columns],
        "rows": finite(result.rows[:limit]),
        "stats": {
            "rows_read": stats.rows_read,
            "bytes_read": stats.bytes_read,
            "elapsed_seconds": stats.elapsed_seconds,
        },
        "truncated": len(result.rows) > limit,
    }


@router.delete("/queries/{query_id}", status_code=204)
async def cancel(request: Request, caller: Reader, query_id: str) -> None:
    """Stop the running query that was sent with this ``X-Sonde-Query-Id``. 404 when none is running."""
    queries: RunningQueries = request.app.state.queries
    queries.cancel(caller.tenant, query_id)
