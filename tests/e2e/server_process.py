"""`sonde serve` as a process of its own, as a user starts it; killed and started again as trouble would."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path

START_SECONDS = 60


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


class ServerProcess:
    """A server on a data directory. ``start`` waits until it accepts data."""

    def __init__(self, data: Path, environment: Mapping[str, str] | None = None) -> None:
        self.data = data
        self.ui, self.otlp, self.grpc = free_port(), free_port(), free_port()
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self.log = data.parent / f"{data.name}.log"

    def start(self) -> None:
        command = [
            *(str(Path(sys.executable).parent / "sonde"), "serve", "--data", str(self.data)),
            *("--listen", f"127.0.0.1:{self.ui}"),
            *("--otlp-http", f"127.0.0.1:{self.otlp}"),
            *("--otlp-grpc", f"127.0.0.1:{self.grpc}"),
        ]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise AssertionError(f"the server ended with {self._process.returncode}:\n{self.log.read_text()[-4000:]}")
            with contextlib.suppress(OSError):
                if self.get("/readyz")[0] == 200:
                    return
            threading.Event().wait(0.05)
        raise AssertionError(f"the server was not ready after {START_SECONDS} s:\n{self.log.read_text()[-4000:]}")

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """As the OOM killer would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """As systemd would; returns the exit code."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(timeout=15)
        finally:
            if self._process.poll() is None:
                self._process.kill()

    def get(self, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.ui, timeout=30)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def sql(self, statement: str, *, tenant: str = "default") -> list[list[str]]:
        """Rows of a SELECT, as text, through the ClickHouse endpoint."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ui, timeout=60)
        try:
            query = urllib.parse.urlencode({"query": statement})
            connection.request("GET", f"/clickhouse/?{query}", headers={"X-Scope-OrgID": tenant})
            answer = connection.getresponse()
            text = answer.read().decode()
            assert answer.status == 200, text
            return [line.split("\t") for line in text.splitlines()]
        finally:
            connection.close()

    def count(self, statement: str) -> int:
        return int(self.sql(statement)[0][0])

    def wait_until_inserted(self, *, seconds: float = 60) -> None:
        """Until nothing waits in segments any more."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            ingest = json.loads(self.get("/api/v1/status")[1])["ingest"]
            if all(signal["pending_bytes"] == 0 for signal in ingest.values()):
                return
            threading.Event().wait(0.1)
        raise AssertionError(f"segments are still waiting: {ingest}")


@contextlib.contextmanager
def running(data: Path, environment: Mapping[str, str] | None = None) -> Iterator[ServerProcess]:
    server = ServerProcess(data, environment)
    server.start()
    try:
        yield server
    finally:
        server.stop()
