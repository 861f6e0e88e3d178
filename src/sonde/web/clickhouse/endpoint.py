"""Answers requests to ClickHouse's HTTP interface.

Everyone's statements pass the gate of ``query.sql.guard`` and run read-only. ``writable_app`` is the same interface
without gate and credentials, for one purpose: the store's own HTTP client is tested against it, on the embedded
engine.
"""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, Protocol

from fastapi import FastAPI, Request, Response
from starlette.responses import PlainTextResponse

from sonde.errors import SondeError, UserError
from sonde.query.adhoc import Admitted, Gate, UntrustedEngine
from sonde.query.sql import guard
from sonde.store.client import Limits, Result
from sonde.telemetry.tenancy import Role
from sonde.web.asking import RunningQueries, id_in_store, identify, query_id_of, stoppable
from sonde.web.auth import Caller, sql_scope
from sonde.web.clickhouse.errors import exception_response
from sonde.web.clickhouse.request import OUR_DATABASES, SqlRequest, harmless, read_request

RESULT_BYTES: Final = 256 << 20
_NO_LIMITS: Final = Limits(execution_seconds=0, memory_bytes=0, result_rows=None, result_bytes=None)
_CONTENT_TYPES: Final = (
    (re.compile(r"(TSV|TabSeparated)", re.IGNORECASE), "text/tab-separated-values; charset=UTF-8"),
    (re.compile(r"(CSV)", re.IGNORECASE), "text/csv; charset=UTF-8; header=absent"),
    (re.compile(r"(JSON\w*EachRow\w*|JSONLines|NDJSON)", re.IGNORECASE), "application/x-ndjson; charset=UTF-8"),
    (re.compile(r"(JSON)", re.IGNORECASE), "application/json; charset=UTF-8"),
    (re.compile(r"(Pretty|Vertical|Markdown|Values|Raw|Null|SQL)", re.IGNORECASE), "text/plain; charset=UTF-8"),
)
_INSERT: Final = re.compile(
    rb"\s*INSERT\s+INTO\s+(?:TABLE\s+)?(?P<table>[\w.`]+)\s*(?P<columns>\([^)]*\))?\s*"
    rb"(?:SETTINGS\s+(?P<settings>.*?)\s+)?FORMAT\s+(?P<format>\w+)[ \t]*(?:\r?\n)?",
    re.IGNORECASE | re.DOTALL,
)
_READS: Final = re.compile(r"\s*[(\s]*(?:SELECT|WITH|FROM|EXPLAIN|DESCRIBE|DESC|SHOW|EXISTS)\b", re.IGNORECASE)
_KILL: Final = re.compile(r"\s*KILL\s+QUERY\s+WHERE\s+query_id\s*=\s*\{(\w+):String\}", re.IGNORECASE)


_SET_BY_THE_STORE: Final = frozenset(
    {"enable_time_series_aggregate_functions", "output_format_json_quote_64bit_integers"}
)


class WritingEngine(UntrustedEngine, Protocol):
    """An engine that also runs statements that write."""

    async def query_bytes(
        self,
        sql: str,
        parameters: Mapping[str, object] | None = None,
        *,
        output_format: str,
        limits: Limits = ...,
        query_id: str | None = None,
    ) -> bytes:
        """Run a statement that reads, in any format."""
        ...

    async def command(self, sql: str, parameters: Mapping[str, object] | None = None) -> None:
        """Run a statement that answers nothing."""
        ...

    async def kill(self, query_id: str) -> bool:
        """Stop a running query."""
        ...


class Endpoint:
    """The interface on one engine."""

    def __init__(self, engine: UntrustedEngine, gate: Gate, limits: Limits = Limits()) -> None:
        self._engine = engine
        self._limits = limits
        self._gate = gate
        self._names: tuple[str, str] | None = None

    async def answer(self, sql: SqlRequest, caller: Caller) -> Response:
        """Execute a reader's statement. Raises ``SondeError``."""
        if sql.database not in OUR_DATABASES:
            raise UserError(f"Database {sql.database} does not exist", code="clickhouse.81")
        settings = harmless(sql.settings)
        admitted = await self._gate.admit(sql.sql, sql.parameters, scope=sql_scope(caller), tenant=caller.tenant)
        limits = _narrowed(replace(self._limits, result_rows=None, result_bytes=RESULT_BYTES), settings)
        known_as = id_in_store(caller, sql.query_id)
        return await self._executed(sql, admitted, settings=settings, limits=limits, known_as=known_as)

    async def answer_any(self, engine: WritingEngine, sql: SqlRequest) -> Response:
        """Execute any statement as it stands, without gate and limits."""
        if insert := _INSERT.match(sql.body):
            await self._insert(engine, insert, sql)
            return await self._response(b"", "TabSeparated", sql.query_id, 0.0)
        if kill := _KILL.match(sql.sql):
            killed = await engine.kill(str(sql.parameters[kill[1]]))
            return await self._response(b"waiting\n" if killed else b"", "TabSeparated", sql.query_id, 0.0)
        if _READS.match(sql.sql):
            formatted = await engine.query("SELECT formatQuery({sql:String})", {"sql": sql.sql})
            statement = guard.canonical(str(formatted.rows[0][0]))
            settings = dict(sql.settings)
            limits = _narrowed(_NO_LIMITS, settings)
            if settings.keys() - _SET_BY_THE_STORE:
                admitted = Admitted(statement.sql, statement.output_format, {})
                return await self._executed(sql, admitted, settings=settings, limits=limits, known_as=sql.query_id)
            # On a connection that is not read-only, since clients ask system.settings what they may set.
            output_format = statement.output_format or sql.default_format
            found = await engine.query_bytes(
                statement.sql, sql.parameters, output_format=output_format, limits=limits, query_id=sql.query_id
            )
            return await self._response(found, output_format, sql.query_id, 0.0)
        await engine.command(sql.sql, sql.parameters)
        return await self._response(b"", "TabSeparated", sql.query_id, 0.0)

    async def _executed(
        self, sql: SqlRequest, admitted: Admitted, *, settings: Mapping[str, str], limits: Limits, known_as: str
    ) -> Response:
        output_format = admitted.output_format or sql.default_format
        if not re.fullmatch(r"\w+", output_format):
            raise UserError(f"Unknown format {output_format}", code="clickhouse.73")
        began = time.perf_counter()
        found = await self._gate.execute(
            admitted,
            sql.parameters,
            output_format=output_format,
            settings=settings,
            limits=limits,
            query_id=known_as,
        )
        return await self._response(found, output_format, sql.query_id, time.perf_counter() - began)

    async def _insert(self, engine: WritingEngine, insert: re.Match[bytes], sql: SqlRequest) -> None:
        settings = ", ".join(f"{name} = {_quoted(value)}" for name, value in sql.settings.items())
        inline = (insert["settings"] or b"").decode()
        chosen = ", ".join(filter(None, (inline, settings)))
        with tempfile.NamedTemporaryFile(prefix="sonde-insert-") as file:
            await asyncio.to_thread(file.write, sql.body[insert.end() :])
            await asyncio.to_thread(file.flush)
            target = f"{insert['table'].decode()} {(insert['columns'] or b'').decode()}"
            with_settings = f" SETTINGS {chosen}" if chosen else ""
            text = f"INSERT INTO {target} FROM INFILE {_quoted(file.name)}{with_settings}"
            await engine.command(f"{text} FORMAT {insert['format'].decode()}")

    async def _response(self, content: bytes, output_format: str, query_id: str, elapsed_seconds: float) -> Response:
        if self._names is None:
            names: Result = await self._engine.query("SELECT timezone(), hostName()")
            self._names = (str(names.rows[0][0]), str(names.rows[0][1]))
        summary = {
            "read_rows": "0",
            "read_bytes": "0",
            "written_rows": "0",
            "written_bytes": "0",
            "total_rows_to_read": "0",
            "result_rows": "0",
            "result_bytes": str(len(content)),
            "elapsed_ns": str(round(elapsed_seconds * 1e9)),
        }
        timezone, display_name = self._names
        headers = {
            "x-clickhouse-query-id": query_id,
            "x-clickhouse-format": output_format,
            "x-clickhouse-timezone": timezone,
            "x-clickhouse-server-display-name": display_name,
            "x-clickhouse-summary": json.dumps(summary, separators=(",", ":")),
        }
        return Response(content, headers={**headers, "content-type": _content_type(output_format)})


def install(
    app: FastAPI, engine: UntrustedEngine, gate: Gate, *, limits: Limits = Limits(), prefix: str = "/clickhouse"
) -> None:
    """Add the interface to an application, for callers with credentials."""
    endpoint = Endpoint(engine, gate, limits)

    async def answer(request: Request) -> Response:
        """A statement in ``query`` or the body, parameters as ``param_name``; answers in any format of ClickHouse."""
        query_id = query_id_of(request)
        try:
            caller = await _caller(request)
            sql = await read_request(request, query_id=query_id)
            return await stoppable(request, caller, sql.query_id, endpoint.answer(sql, caller))
        except SondeError as error:
            return exception_response(error, query_id=query_id)

    _add_routes(app, prefix, answer, in_schema=True)


def writable_app(engine: WritingEngine, *, prefix: str = "") -> FastAPI:
    """The interface without credentials and without gate: for tests of clients, on loopback."""
    app = FastAPI(openapi_url=None)
    app.state.queries = RunningQueries()
    endpoint = Endpoint(engine, Gate(engine))

    async def answer(request: Request) -> Response:
        query_id = query_id_of(request)
        try:
            sql = await read_request(request, query_id=query_id)
            return await endpoint.answer_any(engine, replace(sql, settings=dict(sql.settings)))
        except SondeError as error:
            return exception_response(error, query_id=query_id)

    _add_routes(app, prefix, answer, in_schema=False)
    return app


def _add_routes(app: FastAPI, prefix: str, answer: Any, *, in_schema: bool) -> None:
    async def ping() -> Response:
        """``Ok.`` while the interface answers."""
        return PlainTextResponse("Ok.\n")

    app.add_api_route(f"{prefix}/ping", ping, methods=["GET", "HEAD"], include_in_schema=False)
    for path in (prefix or "/", f"{prefix}/") if prefix else ("/",):
        shown = in_schema and path == prefix
        for method in ("GET", "POST"):
            app.add_api_route(path, answer, methods=[method], include_in_schema=shown, tags=["clickhouse"])


async def _caller(request: Request) -> Caller:
    headers: dict[str, str] = {name.lower(): value for name, value in request.headers.items()}
    if password := request.query_params.get("password"):
        headers.setdefault("x-clickhouse-key", password)
    caller = await identify(request, headers)
    caller.require(Role.READ)
    return caller


def _narrowed(limits: Limits, settings: dict[str, str]) -> Limits:
    """Our limits, or the caller's where they are smaller; those settings are taken out."""

    def smaller(name: str, ours: float | None) -> float | None:
        given = settings.pop(name, "0")
        try:
            wanted = float(given)
        except ValueError:
            raise UserError(f"Cannot parse {given!r} as the number of {name}", code="clickhouse.72") from None
        return ours if wanted <= 0 else wanted if ours is None else min(wanted, ours)

    rows, size = smaller("max_result_rows", limits.result_rows), smaller("max_result_bytes", limits.result_bytes)
    return Limits(
        execution_seconds=smaller("max_execution_time", limits.execution_seconds or None) or 0,
        memory_bytes=int(smaller("max_memory_usage", limits.memory_bytes or None) or 0),
        result_rows=None if rows is None else int(rows),
        result_bytes=None if size is None else int(size),
    )


def _content_type(output_format: str) -> str:
    for pattern, content_type in _CONTENT_TYPES:
        if pattern.match(output_format):
            return content_type
    return "application/octet-stream"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
