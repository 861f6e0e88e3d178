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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

START_SECONDS = 120  # on a machine that does other things too
SONDE = str(Path(sys.executable).parent / "sonde")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back over HTTP."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        return json.loads(self.body)


class ServerProcess:
    """A server on a data directory. ``start`` waits until it accepts data."""

    def __init__(self, data: Path, environment: Mapping[str, str] | None = None) -> None:
        self.data = data
        self.ui, self.otlp, self.grpc = free_port(), free_port(), free_port()
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self.log = data.parent / f"{data.name}.log"
        self.cwd: Path | None = None

    @property
    def command(self) -> list[str]:
        return [
            *(SONDE, "serve", "--data", str(self.data)),
            *("--listen", f"127.0.0.1:{self.ui}"),
            *("--otlp-http", f"127.0.0.1:{self.otlp}"),
            *("--otlp-grpc", f"127.0.0.1:{self.grpc}"),
        ]

    def start(self) -> None:
        command = self.command
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self.cwd, env=self._environment, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise AssertionError(
                    f"the server ended with {self._process.returncode}:\n{self.log.read_text()[-4000:]}"
                )
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
        answer = self.ask("GET", path)
        return answer.status, answer.body

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        port: int = 0,
    ) -> Answer:
        """One request, to the UI's port unless another is named."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.ui, timeout=60)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def send(self, signal: str, body: bytes, *, tenant: str = "", headers: Mapping[str, str] | None = None) -> Answer:
        """An OTLP body to the OTLP port, in protobuf unless the headers say otherwise."""
        scope = {"X-Scope-OrgID": tenant} if tenant else {}
        named = {"Content-Type": "application/x-protobuf", **scope, **(headers or {})}
        return self.ask("POST", f"/v1/{signal}", body, named, port=self.otlp)

    def api(self, path: str, *, tenant: str = "default") -> Any:
        """The answer of our own API."""
        answer = self.ask("GET", f"/api/v1{path}", headers={"X-Scope-OrgID": tenant})
        assert answer.status == 200, answer.text
        return answer.json()

    def messages(self) -> list[str]:
        """What the status page says that somebody should look at."""
        return [message["text"] for message in self.api("/status")["messages"]]

    @property
    def memory_bytes(self) -> int:
        """Resident memory of the process."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def wait_for_end(self, *, seconds: float) -> int:
        assert self._process is not None
        return self._process.wait(timeout=seconds)

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

    def count_of(self, table: str, tenant: str = "default") -> int:
        """Rows of a table that a tenant sees."""
        return int(self.sql(f"SELECT count() FROM {table}", tenant=tenant)[0][0])

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
