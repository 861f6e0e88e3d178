"""Keeps one connection to a PostgreSQL, and at each collection runs the exporter's collectors on it one by one."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from sonde.errors import UserError
from sonde.receivers.collector import Family, counter, gauge, merged
from sonde.receivers.part import NoData, Outcome, Parts
from sonde.receivers.postgres import settings
from sonde.receivers.postgres.queries import QUERIES
from sonde.receivers.postgres.read import Query, Row, families

if TYPE_CHECKING:
    import psycopg

APPLICATION: Final = "sonde"
STATEMENTS: Final = 100
"""How many statements are told, as many as the exporter tells."""

_UNDEFINED_TABLE: Final = "42P01"
_NOT_PRELOADED: Final = "55000"


class PostgresCollector:
    """One PostgreSQL, from version 10, as postgres_exporter tells it.

    Tables and their sizes are those of the database in ``dsn``; everything else is of the whole server. The role needs
    ``pg_monitor``; what it may not see costs the collector that wants to see it.

    Args:
        dsn: ``postgresql://user:password@host:port/database?sslmode=require``, or ``host=… user=…`` as libpq reads it.
        password: Instead of one in the DSN.
        disabled: Names of the exporter's collectors that are left out.
        statements: How many statements of ``pg_stat_statements`` are told, those that took the most time.
        timeout_seconds: The longest that connecting, or one collector, may take.

    Raises:
        UserError: The DSN is none, or psycopg is not installed.
    """

    job = "postgres"

    def __init__(
        self,
        dsn: str,
        *,
        password: str = "",
        disabled: Collection[str] = (),
        statements: int = STATEMENTS,
        timeout_seconds: float = 5.0,
    ) -> None:
        self._parameters = parameters(dsn)
        if password:
            self._parameters["password"] = password
        self._parts = Parts(
            f"postgres {self.instance}",
            timeout_seconds=timeout_seconds,
            secrets=(dsn, self._parameters.get("password", "")),
        )
        self._disabled = frozenset(disabled)
        self._statements = statements
        self._timeout_seconds = timeout_seconds
        self._connection: psycopg.AsyncConnection[Row] | None = None
        self._scrapes = 0

    @property
    def instance(self) -> str:
        """``host:port`` of the DSN, never its user or password."""
        host = self._parameters.get("host") or self._parameters.get("hostaddr") or "localhost"
        return f"{host}:{self._parameters.get('port') or 5432}"

    async def collect(self) -> Sequence[Family]:
        """Everything that this server lets us see; ``pg_up`` 0 and little else where it does not answer."""
        self._scrapes += 1
        start = time.perf_counter()
        connecting = await self._parts.run("connect", self._connect)
        outcomes: dict[str, Outcome] = {}
        if connecting.success:
            version = self._connected().info.server_version // 10_000
            for name, work in self._works(version).items():
                outcomes[name] = await self._parts.run(name, work)
        seen = [connecting, *outcomes.values()]
        return merged(
            [
                *(family for outcome in seen for family in outcome.families),
                *_scrapes(outcomes),
                gauge("pg_up", _UP, float(connecting.success)),
                gauge("pg_exporter_last_scrape_error", _ERROR, float(any(outcome.failed for outcome in seen))),
                gauge("pg_exporter_last_scrape_duration_seconds", _DURATION, time.perf_counter() - start),
                counter("pg_exporter_scrapes_total", _SCRAPES, self._scrapes),
            ]
        )

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    def _works(self, version: int) -> Mapping[str, Callable[[], Awaitable[Iterable[Family]]]]:
        queries: dict[str, list[Query]] = {}
        for query in QUERIES:
            if query.since <= version <= query.until:
                queries.setdefault(query.collector, []).append(query)
        works: dict[str, Callable[[], Awaitable[Iterable[Family]]]] = {
            name: _bound(self._run, each) for name, each in queries.items()
        }
        works |= {"settings": self._settings, "static": self._static}
        return {name: work for name, work in sorted(works.items()) if name not in self._disabled}

    async def _connect(self) -> Iterable[Family]:
        import psycopg
        from psycopg.rows import dict_row

        if self._connection is not None and not self._connection.closed:
            try:
                await self._connection.execute("SELECT 1")
            except psycopg.OperationalError:  # the server went away in between
                await self._connection.close()
            else:
                return ()
        connection = await psycopg.AsyncConnection.connect(
            autocommit=True,
            row_factory=dict_row,
            application_name=APPLICATION,
            prepare_threshold=None,  # a pooler may give each statement another session
            **self._parameters,  # type: ignore[arg-type] # the parameters of libpq, by name
        )
        # After connecting, because poolers refuse unknown parameters at the start.
        milliseconds = str(int(self._timeout_seconds * 1000))
        await connection.execute("SELECT set_config('statement_timeout', %s, false)", [milliseconds])
        self._connection = connection
        return ()

    def _connected(self) -> psycopg.AsyncConnection[Row]:
        if self._connection is None or self._connection.closed:
            raise ConnectionError("the connection broke")
        return self._connection

    async def _rows(self, sql: str, values: Mapping[str, int] | None = None) -> list[Row]:
        cursor = await self._connected().execute(sql.encode(), values)
        return await cursor.fetchall()

    async def _run(self, queries: Sequence[Query]) -> Iterable[Family]:
        import psycopg

        found: list[Family] = []
        for query in queries:
            values = {"statements": self._statements} if "%(statements)s" in query.sql else None
            try:
                found += families(query, await self._rows(query.sql, values))
            except psycopg.Error as error:
                if query.collector == "stat_statements" and error.sqlstate in {_UNDEFINED_TABLE, _NOT_PRELOADED}:
                    raise NoData("pg_stat_statements is not installed in this database") from None
                raise
        return found

    async def _settings(self) -> Iterable[Family]:
        return list(settings.families(await self._rows(settings.SQL)))

    async def _static(self) -> Iterable[Family]:
        rows = await self._rows("SELECT version() AS version, current_setting('server_version') AS short")
        short = str(rows[0]["short"]).split(" ", maxsplit=1)[0]
        labels = {"version": str(rows[0]["version"]), "short_version": short if short.count(".") > 1 else f"{short}.0"}
        return [
            Family(
                "pg_static", "untyped", "Version string as reported by postgres", gauge("", "", [(labels, 1)]).samples
            )
        ]


def parameters(dsn: str) -> dict[str, str]:
    """The parameters of a DSN by name.

    >>> parameters("postgresql://watcher:secret@db:5433/shop")["host"]
    'db'

    Raises:
        UserError: It is none, or psycopg is not installed; the message does not repeat what may hold a password.
    """
    try:
        import psycopg
        from psycopg.conninfo import conninfo_to_dict
    except ImportError as error:
        raise UserError(
            "watching a PostgreSQL needs psycopg",
            code="postgres.driver",
            hint="pip install 'psycopg[binary]'",
        ) from error
    try:
        found = conninfo_to_dict(dsn)
    except psycopg.Error:
        raise UserError(
            "this is no connection string of a PostgreSQL",
            code="postgres.dsn",
            hint="write postgresql://user:password@host:5432/database",
        ) from None
    return {name: str(value) for name, value in found.items()}


def _bound(
    run: Callable[[Sequence[Query]], Awaitable[Iterable[Family]]], queries: Sequence[Query]
) -> Callable[[], Awaitable[Iterable[Family]]]:
    return lambda: run(queries)


_UP: Final = (
    "Whether the last scrape of metrics from PostgreSQL was able to connect to the server (1 for yes, 0 for no)."
)
_ERROR: Final = "Whether the last scrape of metrics from PostgreSQL resulted in an error (1 for error, 0 for success)."
_DURATION: Final = "Duration of the last scrape of metrics from PostgreSQL."
_SCRAPES: Final = "Total number of times PostgreSQL was scraped for metrics."


def _scrapes(outcomes: Mapping[str, Outcome]) -> list[Family]:
    return [
        gauge(
            "pg_scrape_collector_duration_seconds",
            "postgres_exporter: Duration of a collector scrape.",
            [({"collector": name}, outcome.seconds) for name, outcome in outcomes.items()],
        ),
        gauge(
            "pg_scrape_collector_success",
            "postgres_exporter: Whether a collector succeeded.",
            [({"collector": name}, float(outcome.success)) for name, outcome in outcomes.items()],
        ),
    ]
