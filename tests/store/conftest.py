"""The real engine with the real schema, one a module; and the same engine behind HTTP, as a ClickHouse server would be.

chDB opens one directory a process, and other folders open theirs, so ``client`` lives for a module and no longer.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from sonde.store.client import Client
from sonde.store.embedded import EmbeddedClickHouse
from sonde.store.frame import tail, varint
from sonde.store.migrate import migrate
from sonde.store.pool import AsyncStore
from sonde.store.server import ClickHouseServer, ServerAddress
from sonde.store.wire import LANDING_TABLES, input_settings
from sonde.telemetry.signal import Signal
from sonde.web.clickhouse import writable_app

RECEIVED = 1_764_000_000_000_000_000


class StoreClient:
    """A client for tests: every method of ``Client``, on a worker thread, because the engine refuses the main thread."""

    def __init__(self, real: Client, directory: Path) -> None:
        self.real = real
        self._directory = directory
        self._numbers = itertools.count()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="test-engine")

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.real, name)
        return lambda *arguments, **options: self._thread.submit(method, *arguments, **options).result()

    def insert_bodies(
        self,
        signal: Signal,
        bodies: Sequence[bytes],
        tenant: str = "default",
        *,
        token: str = "",
        received_unix_nano: int = RECEIVED,
    ) -> None:
        """Insert OTLP requests as the writer does: one segment of one frame each, under a token of its own unless one is given."""
        number = next(self._numbers)
        path = self._directory / f"{number}.segment"
        path.write_bytes(b"".join(framed(body, tenant, received_unix_nano) for body in bodies))
        self.insert_file(
            LANDING_TABLES[signal],
            path,
            input_format="Protobuf",
            token=token or f"{self._directory.name}-{number}",
            settings=input_settings(signal),
        )
        path.unlink()

    def rows(self, sql: str, **parameters: object) -> list[list[object]]:
        """The rows of a SELECT."""
        return self.query(sql, parameters).rows

    def value(self, sql: str, **parameters: object) -> Any:
        """The only value of a SELECT."""
        [[value]] = self.rows(sql, **parameters)
        return value

    def empty(self, *tables: str) -> None:
        """Make tables as they were before anything was inserted."""
        filled = "SELECT name FROM system.tables WHERE database = 'sonde' AND total_rows > 0 AND name IN {tables:Array(String)}"
        for (table,) in self.rows(filled, tables=list(tables)):
            self.command(f"TRUNCATE TABLE {table}")

    def shut(self) -> None:
        self.close()
        self._thread.shutdown()


def framed(body: bytes, tenant: str = "default", received_unix_nano: int = RECEIVED) -> bytes:
    end = tail(body, tenant, received_unix_nano)
    return varint(len(body) + len(end)) + body + end


def off_main_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(function, *arguments).result()


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An engine's directory with the schema and nothing in it, to be copied: making one takes seconds."""
    directory = tmp_path_factory.mktemp("empty") / "engine"
    engine = EmbeddedClickHouse(directory)
    try:
        off_main_thread(migrate, engine)
    finally:
        off_main_thread(engine.close)
    return directory


@pytest.fixture(scope="module")
def client(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreClient]:
    """The embedded engine."""
    directory = tmp_path_factory.mktemp("store") / "engine"
    shutil.copytree(empty_store, directory, symlinks=True)
    opened = StoreClient(EmbeddedClickHouse(directory), tmp_path_factory.mktemp("embedded"))
    yield opened
    opened.shut()


@pytest.fixture(scope="module")
def server_client(client: StoreClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreClient]:
    """The client for ClickHouse servers, talking HTTP to the embedded engine (`sonde.web.clickhouse.writable_app`)."""
    store = AsyncStore(client.real, threads=4)
    config = uvicorn.Config(writable_app(store, prefix="/clickhouse"), port=0, log_level="error", ws="none")
    running = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(running.serve()), daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not running.started:
        assert time.monotonic() < deadline, "the HTTP interface did not start"
        threading.Event().wait(0.01)
    port = running.servers[0].sockets[0].getsockname()[1]
    opened = StoreClient(
        ClickHouseServer(ServerAddress(f"http://127.0.0.1:{port}/clickhouse")), tmp_path_factory.mktemp("http")
    )
    yield opened
    opened.shut()
    running.should_exit = True
    thread.join()
    store.close()


@pytest.fixture(scope="module", params=["embedded", "http"])
def either(request: pytest.FixtureRequest) -> StoreClient:
    """Both implementations of ``Client``, one after the other: what they promise alike is tested alike."""
    found: StoreClient = request.getfixturevalue("client" if request.param == "embedded" else "server_client")
    return found
