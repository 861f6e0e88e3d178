"""ClickHouse inside this process (chDB), behind the ``Client`` protocol.

One process, one data directory, no fork once it is open. Each thread that asks has a connection of its own; a
statement of a user gets a fresh one, whose settings it cannot change. Facts that this file rests on:
docs/decisions/0002-clickhouse-alone.md.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol
from urllib.parse import urlencode

from sonde.errors import Conflict, InternalError, SondeError
from sonde.store.client import DATABASE, Limits, Result, insert_settings, parameter_text, sonde_error

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class EngineCaps:
    """What the engine may take of the machine. ClickHouse's own defaults are 90 % of memory and 5 GB for a cache."""

    memory_bytes: int = 1536 * _MIB
    query_threads: int = 2
    mark_cache_bytes: int = 64 * _MIB
    uncompressed_cache_bytes: int = 0
    merge_threads: int = 2
    fsync: bool = False


class _Connection(Protocol):
    def query(self, query: str, format: str = ..., params: Mapping[str, str] | None = ...) -> Any: ...  # noqa: A002 - chDB's name
    def send_query(self, query: str, format: str = ..., params: Mapping[str, str] | None = ...) -> Any: ...  # noqa: A002
    def close(self) -> None: ...


class Writes:
    """Counts writes, those that failed too.

    >>> writes = Writes()
    >>> with writes.one():
    ...     writes.count() is None
    True
    >>> writes.count()
    1
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun = self._ended = 0

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """A write, from before it begins until after it has ended."""
        with self._lock:
            self._begun += 1
        try:
            yield
        finally:
            with self._lock:
                self._ended += 1

    def count(self) -> int | None:
        """How many have ended; None while one has not."""
        with self._lock:
            return self._ended if self._begun == self._ended else None


class EmbeddedClickHouse:
    """A ``Client`` on chDB. Opening takes some 0.3 s. ``lock`` keeps a second process away, with a better message."""

    def __init__(self, directory: Path, caps: EngineCaps = EngineCaps()) -> None:
        """Open, or make, the engine's directory.

        Raises:
            Conflict: another engine is open there, or the directory is damaged; the message has the engine's own words.
        """
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        options = {
            "max_threads": str(caps.query_threads),
            "max_server_memory_usage": str(caps.memory_bytes),
            "background_pool_size": str(caps.merge_threads),
            "config-file": str(_write_configuration(directory, caps)),
        }
        self._address = f"{directory}?{urlencode(options, safe='/')}"
        self._own = threading.local()
        self._open: set[_Connection] = set()
        self._lock = threading.Lock()
        self._closed = False
        self._writes = Writes()
        first = _run_off_main_thread(self._first_connection)
        self._root: _Connection = first

    def query(
        self,
        sql: str,
        parameters: Mapping[str, object] | None = None,
        *,
        limits: Limits = Limits(),
        query_id: str | None = None,
    ) -> Result:
        """See ``Client.query``."""
        return Result.from_json_compact(
            self.query_bytes(sql, parameters, output_format="JSONCompact", limits=limits, query_id=query_id)
        )

    def query_bytes(
        self,
        sql: str,
        parameters: Mapping[str, object] | None = None,
        *,
        output_format: str,
        limits: Limits = Limits(),
        query_id: str | None = None,
    ) -> bytes:
        """See ``Client.query_bytes``."""
        return self._ask(
            self._connection(), _with_settings(sql, _settings(limits, query_id)), parameters, output_format
        )

    def query_untrusted(
        self,
        sql: str,
        parameters: Mapping[str, object] | None = None,
        *,
        output_format: str,
        settings: Mapping[str, str],
        limits: Limits = Limits(),
        query_id: str | None = None,
    ) -> bytes:
        """See ``Client.query_untrusted``: a connection of its own, whose last setting is ``readonly = 1``."""
        connection = self._connect()
        try:
            chosen = {**settings, **_settings(limits, query_id)}
            self._ask(connection, f"SET {_assignments(chosen)}")
            self._ask(connection, "SET readonly = 1")
            return self._ask(connection, sql, parameters, output_format)
        finally:
            self._disconnect(connection)

    def stream(
        self,
        sql: str,
        parameters: Mapping[str, object] | None = None,
        *,
        output_format: str,
        limits: Limits = Limits(),
        query_id: str | None = None,
    ) -> Iterator[bytes]:
        """See ``Client.stream``; a connection of its own, since chDB wants nothing beside an open stream."""
        connection = self._connect()
        try:
            text = _with_settings(sql, _settings(limits, query_id))
            with _engine_errors():
                result = connection.send_query(text, output_format, params=_parameters(parameters))
                try:
                    for block in result:
                        yield _copied(block)
                finally:
                    result.cancel()
        finally:
            self._disconnect(connection)

    def command(self, sql: str, parameters: Mapping[str, object] | None = None) -> None:
        """See ``Client.command``."""
        with self._writes.one():
            self._ask(self._connection(), sql, parameters)

    def insert_file(
        self, table: str, path: Path, *, input_format: str, token: str, settings: Mapping[str, str]
    ) -> None:
        """See ``Client.insert_file``: the engine reads the file itself, so the bytes never pass through Python."""
        chosen = _assignments({**insert_settings(token), **settings})
        with self._writes.one():
            self._ask(
                self._connection(),
                f"INSERT INTO {table} FROM INFILE {_quoted(str(path))} SETTINGS {chosen} FORMAT {input_format}",
            )

    def insert_rows(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]], *, token: str) -> None:
        """See ``Client.insert_rows``; through a file in memory, because data inside SQL text could run as SQL."""
        if not rows:
            return
        descriptor = os.memfd_create("sonde-rows")
        try:
            with os.fdopen(os.dup(descriptor), "w", encoding="utf-8") as lines:
                lines.writelines(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
            chosen = _assignments(insert_settings(token))
            names = ", ".join(columns)
            with self._writes.one():
                self._ask(
                    self._connection(),
                    f"INSERT INTO {table} ({names}) FROM INFILE '/proc/self/fd/{descriptor}' "
                    f"SETTINGS {chosen} FORMAT JSONCompactEachRow",
                )
        finally:
            os.close(descriptor)

    def kill(self, query_id: str) -> bool:
        """See ``Client.kill``. chDB has no query ids of ours, so the id travels as ``log_comment``."""
        found = self._ask(
            self._connection(),
            "KILL QUERY WHERE Settings['log_comment'] = {id:String} AND query NOT LIKE 'KILL QUERY%' ASYNC",
            {"id": query_id},
            "TabSeparated",
        )
        return bool(found.strip())

    def revision(self) -> int | None:
        """How much was written so far; None while something is being written.

        If it is the same twice, no table has other rows than before: nobody else writes into this engine.
        """
        return self._writes.count()

    def release_memory(self) -> None:
        """Give back what large answers took and nobody holds any more: the engine's allocator and libc's keep it."""
        self._ask(self._connection(), "SYSTEM JEMALLOC PURGE")
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it
        if trim is not None:
            trim(0)

    def close(self) -> None:
        """Stop queries, then close all connections; chDB dies at exit when a query still runs."""
        with self._lock:
            self._closed = True
        with contextlib.suppress(SondeError):
            self._ask(self._root, "KILL QUERY WHERE query NOT LIKE 'KILL QUERY%' SYNC")
        with self._lock:
            connections, self._open = self._open, set()
        for connection in connections:
            connection.close()

    def _connection(self) -> _Connection:
        connection: _Connection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = self._connect()
        return connection

    def _connect(self) -> _Connection:
        if threading.current_thread() is threading.main_thread():
            raise InternalError("the engine was asked on the main thread, where it would hold up signals")
        with self._lock:
            chdb = _load_chdb()
            if self._closed:
                raise Conflict("the engine is closed", code="engine_closed")
            connection: _Connection = chdb.connect(self._address)
            self._open.add(connection)
        with _engine_errors():
            connection.query(f"CREATE DATABASE IF NOT EXISTS {DATABASE}")
            connection.query(f"USE {DATABASE}")
            connection.query(
                "SET enable_time_series_aggregate_functions = 1, output_format_json_quote_64bit_integers = 0"
            )
        return connection

    def _first_connection(self) -> _Connection:
        """The connection that opens the engine; why that fails the engine says on stderr only, so it is read there."""
        with _captured_stderr() as said:
            try:
                return self._connect()
            except (RuntimeError, SondeError) as error:
                words = said()
                cause = words.strip().splitlines()[-1] if words.strip() else str(error)
                hint = (
                    "is another process using this directory?"
                    if "lock file" in words
                    else "see the engine's words above"
                )
                raise Conflict(
                    f"the engine in {self._directory} does not open: {cause}", code="engine_open", hint=hint
                ) from error

    def _disconnect(self, connection: _Connection) -> None:
        with self._lock:
            if connection not in self._open:
                return
            self._open.remove(connection)
        connection.close()

    def _ask(
        self,
        connection: _Connection,
        sql: str,
        parameters: Mapping[str, object] | None = None,
        output_format: str = "TabSeparated",
    ) -> bytes:
        try:
            with _engine_errors():
                result = connection.query(sql, output_format, params=_parameters(parameters))
                return _copied(result)
        except SondeError:
            # chDB puts what a failed query had written already in front of the connection's next answer
            if getattr(self._own, "connection", None) is connection:
                del self._own.connection
            self._disconnect(connection)
            raise


def _load_chdb() -> ModuleType:
    """The engine's module, imported late: it is heavy, and may only be loaded where the processor has AVX2.

    It takes pyarrow along where that is installed, 45 MB of memory for Arrow results, which nothing here asks for.
    """
    absent = "pyarrow" not in sys.modules
    if absent:
        sys.modules["pyarrow"] = None  # type: ignore[assignment] # as the import system marks what cannot be imported
    try:
        importlib.import_module("chdb.state")  # or its import would come with the first connection
        return importlib.import_module("chdb")
    finally:
        if absent:
            del sys.modules["pyarrow"]


@contextlib.contextmanager
def _engine_errors() -> Iterator[None]:
    """ChDB raises RuntimeError for all that ClickHouse refuses; callers of Sonde see which kind it was."""
    try:
        yield
    except UnicodeDecodeError as error:  # the engine's words quote bytes of the data
        raise sonde_error(error.object.decode(errors="replace")) from error
    except RuntimeError as error:
        raise sonde_error(str(error)) from error


def _copied(result: Any) -> bytes:
    """The result's bytes by one copy; ``result.bytes()`` makes two and holds the GIL for both."""
    return bytes(result.get_memview().view()) if result.size() else b""


def _parameters(parameters: Mapping[str, object] | None) -> dict[str, str] | None:
    return {name: parameter_text(value) for name, value in parameters.items()} if parameters else None


def _settings(limits: Limits, query_id: str | None) -> dict[str, str]:
    settings = limits.settings()
    if query_id is not None:
        settings["log_comment"] = query_id
    return settings


def _with_settings(sql: str, settings: Mapping[str, str]) -> str:
    return f"{sql} SETTINGS {_assignments(settings)}"


def _assignments(settings: Mapping[str, str]) -> str:
    return ", ".join(f"{name} = {_quoted(value)}" for name, value in settings.items())


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _write_configuration(directory: Path, caps: EngineCaps) -> Path:
    """The engine's own configuration file; what cannot be said in the connection string."""
    merge_tree = {
        "max_suspicious_broken_parts": 1_000_000,  # set broken parts aside, do not refuse to start
        "max_suspicious_broken_parts_bytes": 1 << 50,
        "max_bytes_to_merge_at_max_space_in_pool": 2 << 30,
        "fsync_after_insert": int(caps.fsync),
        "fsync_part_directory": int(caps.fsync),
    }
    items = "".join(f"<{name}>{value}</{name}>" for name, value in merge_tree.items())
    text = (
        "<clickhouse>"
        "<logger><level>error</level><console>0</console></logger>"
        f"<mark_cache_size>{caps.mark_cache_bytes}</mark_cache_size>"
        f"<uncompressed_cache_size>{caps.uncompressed_cache_bytes}</uncompressed_cache_size>"
        f"<index_mark_cache_size>{16 * _MIB}</index_mark_cache_size>"
        f"<query_condition_cache_size>{16 * _MIB}</query_condition_cache_size>"
        f"<mmap_cache_size>0</mmap_cache_size>"
        f"<compiled_expression_cache_size>{32 * _MIB}</compiled_expression_cache_size>"
        f"<format_schema_path>{directory}/format_schemas/</format_schema_path>"
        f"<backups><allowed_path>{directory}/backups/</allowed_path></backups>"
        # how long its merger looks away when it has nothing to do, or as much as it can: a second, which is too long
        # for deletes, whose parts it takes up by the handful
        "<background_processing_pool_thread_sleep_seconds_if_nothing_to_do>0.02"
        "</background_processing_pool_thread_sleep_seconds_if_nothing_to_do>"
        "<background_processing_pool_task_sleep_seconds_when_no_work_random_part>0.02"
        "</background_processing_pool_task_sleep_seconds_when_no_work_random_part>"
        f"<merge_tree>{items}</merge_tree>"
        "</clickhouse>\n"
    )
    path = directory.parent / f"{directory.name}.xml"
    path.write_text(text, encoding="utf-8")
    return path


@contextlib.contextmanager
def _captured_stderr() -> Iterator[Any]:
    """While open, what C++ writes to descriptor 2 is kept; the value yielded reads it."""
    libc = ctypes.CDLL(None)
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)

        def said() -> str:
            libc.fflush(None)
            kept.seek(0)
            return kept.read().decode(errors="replace")

        try:
            yield said
        finally:
            os.dup2(saved, 2)
            os.close(saved)


def _run_off_main_thread(function: Any) -> Any:
    """Run it on a thread of its own and wait: a query on the main thread would block SIGTERM."""
    outcome: list[Any] = []

    def call() -> None:
        try:
            outcome.append((function(), None))
        except BaseException as error:  # noqa: BLE001 - handed to the caller below
            outcome.append((None, error))

    thread = threading.Thread(target=call, name="sonde-engine-open")
    thread.start()
    thread.join()
    value, error = outcome[0]
    if error is not None:
        raise error
    return value
