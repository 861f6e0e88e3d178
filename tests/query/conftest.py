"""A store of its own for each module: the real engine with the real schema."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sonde.store.client import Client
from sonde.store.embedded import EmbeddedClickHouse
from sonde.store.migrate import migrate
from sonde.store.pool import AsyncStore

sys.path.insert(0, str(Path(__file__).parent))


def off_main_thread(function: Any, *arguments: Any) -> Any:
    """The engine refuses the main thread, where a query would hold up signals."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(function, *arguments).result()


class OffMainThread:
    """A client for fixtures: the same calls, on a thread of their own."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.client, name)
        return lambda *arguments, **options: off_main_thread(lambda: method(*arguments, **options))


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
