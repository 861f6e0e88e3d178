from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from tests.receivers.exporters import free_port, program, running, until

PASSWORD = "pass word/with:signs"


@dataclass(frozen=True)
class Server:
    port: int
    url: str


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Redis of our own with a password."""
    folder, port = tmp_path_factory.mktemp("redis"), free_port()
    command = [
        program("redis-server", "valkey-server"),
        *("--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""),
        *("--requirepass", PASSWORD, "--latency-monitor-threshold", "1"),
    ]
    with running(command, port=port, log=folder / "log"):
        yield Server(port, f"redis://:pass%20word%2Fwith%3Asigns@127.0.0.1:{port}/0")


@pytest.fixture(scope="session")
def replica(redis_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A replica of it, once it follows."""
    folder, port = tmp_path_factory.mktemp("replica"), free_port()
    command = [
        program("redis-server", "valkey-server"),
        *("--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""),
        *("--replicaof", f"127.0.0.1 {redis_server.port}", "--masterauth", PASSWORD, "--repl-diskless-sync-delay", "0"),
    ]
    with running(command, port=port, log=folder / "log") as process:
        until(process, lambda: "Finished with success" in (folder / "log").read_text(), folder / "log")
        yield Server(port, f"redis://127.0.0.1:{port}")
