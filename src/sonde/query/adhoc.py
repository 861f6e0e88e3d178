"""People's own SQL, from the API and the ClickHouse endpoint: through ``sql.guard``, then executed read-only.

Specification of what is admitted: ``sonde.query.sql.guard``.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from sonde.errors import SondeError, TooLarge, UserError
from sonde.query.engine import Engine
from sonde.query.sql import guard
from sonde.query.sql.guard import Catalogue, Function, Scope
from sonde.store.client import Limits

_CATALOGUE_SECONDS: Final = 30.0
_FUNCTIONS_SQL: Final = """
SELECT name, alias_to, categories, is_aggregate, origin, case_insensitive FROM system.functions
"""
_TABLES_SQL: Final = """
SELECT
  name,
  engine,
  name IN (SELECT table FROM system.columns WHERE database = 'sonde' AND name = 'tenant') AS has_tenant
FROM system.tables WHERE database = 'sonde'
"""
_KEEPS_ROWS: Final = re.compile(r"(?:\w*MergeTree|Distributed)\Z")
_LIMITS: Final = Limits(execution_seconds=10)


class UntrustedEngine(Engine, Protocol):
    """An ``Engine`` that also runs what it must not trust."""

    async def query_untrusted(
        self,
        sql: str,
        parameters: Mapping[str, object] | None = None,
        *,
        output_format: str,
        settings: Mapping[str, str],
        limits: Limits = ...,
        query_id: str | None = None,
    ) -> bytes:
        """Run a statement read-only under settings that it cannot change."""
        ...


@dataclass(frozen=True, slots=True)
class Admitted:
    """A statement that may run as it stands, and the settings it must run under."""

    sql: str
    output_format: str | None
    settings: Mapping[str, str]


class Gate:
    """Admits statements; keeps what the engine has (functions, tables) for half a minute."""

    def __init__(self, engine: UntrustedEngine) -> None:
        self._engine = engine
        self._catalogue: Catalogue | None = None
        self._read_at = 0.0

    async def admit(
        self, sql: str, parameters: Mapping[str, object] | None = None, *, scope: Scope, tenant: str
    ) -> Admitted:
        """Check a statement. Raises ``Forbidden`` for what is not allowed, ClickHouse's own errors for bad syntax."""
        if len(sql.encode()) > guard.MAX_SQL_BYTES:
            raise TooLarge(f"the statement is longer than {guard.MAX_SQL_BYTES // 1024} KiB", code="sql_too_long")
        if not sql.strip():
            raise UserError("Empty query", code="clickhouse.62")
        statement = guard.canonical(await self._formatted(sql))
        explained = await self._engine.query_untrusted(
            f"EXPLAIN AST {statement.sql}", parameters, output_format="TabSeparatedRaw", settings={}, limits=_LIMITS
        )
        catalogue = await self._known()
        guard.check(explained.decode(errors="replace").splitlines(), catalogue, scope)
        return Admitted(statement.sql, statement.output_format, guard.settings(catalogue, scope, tenant))

    async def _formatted(self, sql: str) -> str:
        try:
            result = await self._engine.query("SELECT formatQuery({sql:String})", {"sql": sql}, limits=_LIMITS)
        except SondeError as error:
            # The engine's message ends with the statement that was ours, not theirs.
            error.message = error.message.partition(": In scope SELECT formatQuery")[0]
            raise
        return str(result.rows[0][0])

    async def _known(self) -> Catalogue:
        if self._catalogue is None or time.monotonic() - self._read_at > _CATALOGUE_SECONDS:
            functions = await self._engine.query(_FUNCTIONS_SQL, limits=_LIMITS)
            tables = await self._engine.query(_TABLES_SQL, limits=_LIMITS)
            self._catalogue = _catalogue(functions.dicts(), tables.dicts())
            self._read_at = time.monotonic()
        return self._catalogue

    async def execute(
        self,
        admitted: Admitted,
        parameters: Mapping[str, object] | None,
        *,
        output_format: str,
        settings: Mapping[str, str],
        limits: Limits,
        query_id: str | None,
    ) -> bytes:
        """Run an admitted statement; the gate's own settings win over the caller's."""
        return await self._engine.query_untrusted(
            admitted.sql,
            parameters,
            output_format=output_format,
            settings={**settings, **admitted.settings},
            limits=limits,
            query_id=query_id,
        )


def _catalogue(functions: list[dict[str, object]], tables: list[dict[str, object]]) -> Catalogue:
    listed = {str(row["name"]): row for row in functions}
    known: dict[str, Function] = {}
    for name, row in listed.items():
        meant = listed.get(str(row["alias_to"]), row)
        function = Function(
            name=str(meant["name"]),
            category=str(meant["categories"]),
            is_aggregate=bool(meant["is_aggregate"]),
            is_builtin=str(meant["origin"]) == "System",
            ignores_case=bool(row["case_insensitive"]),
        )
        known[name] = function
        if function.ignores_case:
            known.setdefault(name.lower(), function)
    rows = [row for row in tables if _KEEPS_ROWS.match(str(row["engine"]))]
    return Catalogue(
        functions=known,
        tables=frozenset(str(row["name"]) for row in tables if row["engine"] != "View"),
        views=frozenset(str(row["name"]) for row in tables if row["engine"] == "View"),
        tenant_tables=frozenset(str(row["name"]) for row in rows if row["has_tenant"]),
    )
