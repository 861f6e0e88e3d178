"""A store of its own for each module: the real engine with the real schema."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
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
    outcome: list[Any] = []
    thread = threading.Thread(target=lambda: outcome.append(function(*arguments)))
    thread.start()
    thread.join()
    return outcome[0]


class OffMainThread:
    """A client for fixtures: the same calls, on a thread of their own."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        return lambda *arguments, **options: off_main_thread(lambda: method(*arguments, **options))


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    engine = EmbeddedClickHouse(tmp_path_factory.mktemp("store") / "clickhouse")
    off_main_thread(migrate, engine)
    yield OffMainThread(engine)
    off_main_thread(engine.close)


@pytest.fixture(scope="module")
def store(client: Any) -> Iterator[AsyncStore]:
    opened = AsyncStore(client._client, threads=4)
    yield opened
    opened.close()
