"""A genuine Prometheus on an empty directory, for a benchmark: Debian's or any other ``prometheus`` of the path."""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.server import _free_ports

START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running Prometheus: its process, its port, its directory."""

    pid: int
    port: int
    data: Path
    version: str

    def ask(self, method: str, path: str) -> bytes:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise RuntimeError(f"{path} answered {answer.status}: {body[:500]!r}")
        return body

    def metric(self, name: str) -> float:
        """A metric without labels of its own."""
        for line in self.ask("GET", "/metrics").decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        raise KeyError(name)

    def settle(self, *, seconds: float = 240.0) -> None:
        """Wait until the head has been cut into blocks, as far as Prometheus does that, and nothing grows."""
        end, quiet = time.monotonic() + seconds, 0
        most = 3.1 * 3_600_000
        while quiet < 3 and time.monotonic() < end:
            head = self.metric("prometheus_tsdb_head_max_time") - self.metric("prometheus_tsdb_head_min_time")
            compactions = self.metric("prometheus_tsdb_compactions_total")
            time.sleep(1.0)
            is_quiet = head < most and compactions == self.metric("prometheus_tsdb_compactions_total")
            quiet = quiet + 1 if is_quiet else 0

    def block_bytes(self) -> int:
        """Everything as blocks, as a snapshot has it: what the samples take when they are no longer in the log."""
        name = json.loads(self.ask("POST", "/api/v1/admin/tsdb/snapshot"))["data"]["name"]
        folder = self.data / "snapshots" / name
        size = size_bytes(folder)
        shutil.rmtree(folder)
        return size

    def disk_bytes(self) -> int:
        """Everything in the directory, with its log."""
        return size_bytes(self.data)


def size_bytes(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@contextlib.contextmanager
def running_prometheus(program: str, configured: str = "global: {}\n") -> Iterator[Prometheus]:
    """Start it with its receiver of remote write, wait until it is ready, end it and forget its data."""
    with tempfile.TemporaryDirectory(prefix="prometheus-bench-") as folder:
        [port] = _free_ports(1)
        configuration = Path(folder) / "prometheus.yml"
        configuration.write_text(configured)
        data, log = Path(folder) / "data", Path(folder) / "log"
        command = [
            program,
            f"--config.file={configuration}",
            f"--storage.tsdb.path={data}",
            "--storage.tsdb.retention.time=10y",
            f"--web.listen-address=127.0.0.1:{port}",
            "--web.enable-remote-write-receiver",
            "--web.enable-admin-api",
        ]
        said = subprocess.run([program, "--version"], check=True, capture_output=True, text=True)
        with log.open("wb") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output)
        server = Prometheus(process.pid, port, data, (said.stdout + said.stderr).split()[2])
        try:
            end = time.monotonic() + START_SECONDS
            while process.poll() is None and time.monotonic() < end:
                with contextlib.suppress(OSError, RuntimeError):
                    server.ask("GET", "/-/ready")
                    break
                time.sleep(0.05)
            else:
                raise RuntimeError(f"Prometheus did not start:\n{log.read_text()[-4000:]}")
            yield server
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
