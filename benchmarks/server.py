"""A genuine ``sonde serve`` on an empty data directory, for a benchmark to load and to question."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its process, its ports, its directory."""

    pid: int
    data: Path
    port: int
    otlp_port: int

    def get(self, path: str) -> tuple[int, bytes]:
        """One GET on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def json(self, path: str, **parameters: object) -> dict[str, Any]:
        """An answer of the API."""
        query = urllib.parse.urlencode({name: value for name, value in parameters.items() if value is not None})
        status, body = self.get(f"/api/v1{path}?{query}")
        if status != 200:
            raise RuntimeError(f"{path} answered {status}: {body[:500]!r}")
        answer: dict[str, Any] = json.loads(body)
        return answer

    def sql(self, statement: str) -> list[list[str]]:
        """Rows as texts."""
        status, body = self.get("/clickhouse/?" + urllib.parse.urlencode({"query": statement}))
        if status != 200:
            raise RuntimeError(f"{statement}: {body[:500]!r}")
        return [line.split("\t") for line in body.decode().splitlines()]

    def pending_bytes(self) -> int:
        """Bytes that are acknowledged and not yet in the store."""
        return sum(signal["pending_bytes"] for signal in self.json("/status")["ingest"].values())

    def drain(self, *, seconds: float = 120.0) -> float:
        """Wait until everything is in the store; how long that took."""
        started = time.monotonic()
        while self.pending_bytes():
            if time.monotonic() - started > seconds:
                raise RuntimeError(f"{self.pending_bytes()} bytes still wait for the store after {seconds} s")
            time.sleep(0.05)
        return time.monotonic() - started

    def settle(self, *, seconds: float = 20.0) -> None:
        """Wait until no merge runs, or for so long."""
        end = time.monotonic() + seconds
        quiet = 0
        while quiet < 3 and time.monotonic() < end:
            quiet = quiet + 1 if self.sql("SELECT count() FROM system.merges") == [["0"]] else 0
            time.sleep(0.3)

    def disk_bytes(self) -> dict[str, int]:
        """Bytes of the live parts of each table."""
        rows = self.sql(
            "SELECT table, sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'sonde' GROUP BY table"
        )
        return {table: int(size) for table, size in rows}


@contextlib.contextmanager
def running(environment: Mapping[str, str] | None = None, *, data: Path | None = None) -> Iterator[Server]:
    """Start a server, wait until it is ready, end it and forget its data (unless ``data`` is the caller's)."""
    with tempfile.TemporaryDirectory(prefix="sonde-bench-") as folder:
        directory = data or Path(folder) / "data"
        port, otlp_port, grpc_port = _free_ports(3)
        command = [
            *(str(Path(sys.executable).parent / "sonde"), "serve", "--data", str(directory)),
            *("--listen", f"127.0.0.1:{port}", "--otlp-http", f"127.0.0.1:{otlp_port}"),
            *("--otlp-grpc", f"127.0.0.1:{grpc_port}"),
        ]
        log = Path(folder) / "server.log"
        with log.open("wb") as output:
            process = subprocess.Popen(command, env={**os.environ, **(environment or {})}, stdout=output, stderr=output)
        server = Server(process.pid, directory, port, otlp_port)
        try:
            _wait_until_ready(server, process, log)
            yield server
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_ready(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError):
            if server.get("/readyz")[0] == 200:
                return
        time.sleep(0.05)
    raise RuntimeError(f"the server did not start:\n{log.read_text()[-4000:]}")


def _free_ports(count: int) -> list[int]:
    listening = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(each.getsockname()[1]) for each in listening]
    for each in listening:
        each.close()
    return ports
