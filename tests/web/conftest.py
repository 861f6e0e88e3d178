"""The whole web on a real store and a real state database: in process for most tests, on a loopback socket for clients."""

from __future__ import annotations

import asyncio
import shutil
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import prometheus_client
import pytest
import sqlalchemy as sa
import uvicorn
from fastapi import FastAPI

from sonde.state.api_keys import create_key
from sonde.state.database import open_database
from sonde.store.embedded import EmbeddedClickHouse
from sonde.store.migrate import migrate
from sonde.store.pool import AsyncStore
from sonde.telemetry.signal import Signal
from sonde.telemetry.tenancy import Role
from sonde.web.app import create_app
from sonde.web.auth import Authenticator
from sonde.web.keyring import Keyring
from sonde.web.surroundings import Surroundings

sys.path.insert(0, str(Path(__file__).parent.parent / "query"))

from store_rows import NOW


def off_main_thread(function: Any, *arguments: Any) -> Any:
    """The engine refuses the main thread, where a query would hold up signals."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(function, *arguments).result()


class OffMainThread:
    """A client for fixtures: the same calls, on a thread of their own."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.client, name)
        return lambda *arguments, **options: off_main_thread(lambda: method(*arguments, **options))


@dataclass
class Server:
    """What the application was given, to look at and to change."""

    obstacles: list[str] = field(default_factory=list)
    consumed: list[tuple[Signal, bytes, str]] = field(default_factory=list)
    stopping: bool = False
    now_nano: int = NOW


class _Health:
    def __init__(self, server: Server) -> None:
        self._server = server

    def obstacles(self) -> Sequence[str]:
        return self._server.obstacles

    def status(self) -> dict[str, Any]:
        return {"ingest": {}, "disk": {"free_bytes": 1, "store_bytes": 2}, "messages": []}


class _Consumer:
    def __init__(self, server: Server) -> None:
        self._server = server

    async def consume(self, signal: Signal, body: bytes, *, tenant: str) -> None:
        self._server.consumed.append((signal, body, tenant))


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the schema and nothing in it, to be copied: making one takes seconds."""
    directory = tmp_path_factory.mktemp("empty") / "clickhouse"
    engine = EmbeddedClickHouse(directory)
    try:
        off_main_thread(migrate, engine)
    finally:
        off_main_thread(engine.close)
    return directory


@pytest.fixture(scope="module")
def client(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    directory = tmp_path_factory.mktemp("store") / "clickhouse"
    shutil.copytree(empty_store, directory, symlinks=True)
    engine = EmbeddedClickHouse(directory)
    yield OffMainThread(engine)
    off_main_thread(engine.close)


@pytest.fixture(scope="module")
def store(client: Any) -> Iterator[AsyncStore]:
    opened = AsyncStore(client.client, threads=4)
    yield opened
    opened.close()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = open_database(tmp_path)
    yield engine
    engine.dispose()


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def app(store: AsyncStore, state: sa.Engine, server: Server, tmp_path: Path) -> FastAPI:
    return make_app(store, state, server, static=tmp_path / "static")


def make_app(store: AsyncStore, state: sa.Engine, server: Server, *, static: Path, on_loopback: bool = True) -> FastAPI:
    keyring = Keyring(state, now=lambda: server.now_nano / 1e9)
    return create_app(
        Surroundings(
            store=store,
            state=state,
            keyring=keyring,
            authenticator=Authenticator(keyring, on_loopback=on_loopback, now=lambda: server.now_nano / 1e9),
            consumer=_Consumer(server),
            health=_Health(server),
            version="1.2.3",
            now_nano=lambda: server.now_nano,
            is_stopping=lambda: server.stopping,
            allowed_hosts=("sonde.test",),
            static=static,
            metrics=prometheus_client.CollectorRegistry(),
        )
    )


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 50000))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:3000") as opened:
        yield opened


@pytest.fixture
def new_key(state: sa.Engine, app: FastAPI) -> Any:
    """Makes a key that the application knows at once."""

    def make(role: Role = Role.READ, tenant: str = "default", **options: Any) -> str:
        secret, _ = create_key(state, name="test", tenant=tenant, role=role, now=NOW / 1e9, **options)
        app.state.surroundings.keyring.reload()
        return secret

    return make


@pytest.fixture
def listening() -> Iterator[Any]:
    """Serves applications on loopback ports, each until the test ends; gives their address."""
    servers: list[tuple[uvicorn.Server, threading.Thread]] = []

    def serve(app: FastAPI) -> str:
        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", ws="none", lifespan="on")
        running = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: asyncio.run(running.serve()), daemon=True)
        thread.start()
        deadline = time.monotonic() + 20
        while not running.started:
            assert time.monotonic() < deadline, "the server did not start"
            threading.Event().wait(0.01)
        servers.append((running, thread))
        host, port = running.servers[0].sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"

    yield serve
    for running, thread in servers:
        running.should_exit = True
        thread.join(timeout=20)
