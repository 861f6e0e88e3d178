"""A genuine Prometheus that sends all it scrapes to Sonde, and another that reads it back from there."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.server_process import SONDE, ServerProcess, free_port, running
from tests.receivers.prometheus.write_requests import NOW, histogram, series, version_1, version_2

from sonde.receivers import snappy

pytestmark = pytest.mark.e2e

PATIENCE_SECONDS = 60


class Prometheus:
    """A Prometheus process on a free port."""

    def __init__(self, directory: Path, configuration: dict[str, Any]) -> None:
        executable = shutil.which("prometheus")
        if executable is None:
            pytest.skip("there is no Prometheus: apt-get install prometheus")
        directory.mkdir()
        self.port = free_port()
        written = directory / "prometheus.yml"
        written.write_text(json.dumps(configuration).replace("OWN_PORT", str(self.port)))
        self._log = (directory / "log").open("wb")
        self._process = subprocess.Popen(
            [
                executable,
                f"--config.file={written}",
                f"--storage.tsdb.path={directory / 'data'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
                "--enable-feature=exemplar-storage,native-histograms",
            ],
            stdout=self._log,
            stderr=self._log,
        )

    def ask(self, query: str, at: float) -> list[Any]:
        """The result of an instant query."""
        parameters = urllib.parse.urlencode({"query": query, "time": at})
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/query?{parameters}", timeout=20) as answer:
            return list(json.load(answer)["data"]["result"])

    def is_ready(self) -> bool:
        address = f"http://127.0.0.1:{self.port}/-/ready"
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=20) as answer:
            return bool(answer.status == 200)
        return False

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)
        self._log.close()


@contextlib.contextmanager
def prometheus(directory: Path, configuration: dict[str, Any]) -> Iterator[Prometheus]:
    started = Prometheus(directory, configuration)
    try:
        until(started.is_ready, "Prometheus is ready")
        yield started
    finally:
        started.stop()


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not within {PATIENCE_SECONDS} s: {what}"
        threading.Event().wait(0.2)


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[ServerProcess]:
    """For a sender that names no tenant: Debian's Prometheus leaves out the headers that it is told to send."""
    with running(tmp_path / "sonde") as started:
        yield started


def test_what_a_prometheus_scrapes_is_stored_sample_by_sample(own_server: ServerProcess, tmp_path: Path) -> None:
    server = own_server
    at_sonde = f"http://127.0.0.1:{server.ui}/prometheus/api/v1"
    scrape = {"job_name": "itself", "scrape_interval": "1s", "static_configs": [{"targets": ["127.0.0.1:OWN_PORT"]}]}
    write = {"url": f"{at_sonde}/write", "send_exemplars": True, "send_native_histograms": True}
    write |= {"queue_config": {"batch_send_deadline": "1s"}, "metadata_config": {"send_interval": "1s"}}
    configuration = {
        "global": {"external_labels": {"cluster": "east"}},
        "scrape_configs": [scrape],
        "remote_write": [write],
    }
    with prometheus(tmp_path / "writer", configuration) as writer:
        until(lambda: len(server.sql("SELECT ts FROM samples WHERE metric = 'up'")) >= 4, "samples")
        until(lambda: server.count_of("metadata") > 50, "metadata")
        now = time.time()
        for metric in ("up", "prometheus_http_requests_total", "go_gc_duration_seconds", "prometheus_tsdb_head_series"):
            own = writer.ask(f"{metric}[1h]", now)
            assert own, metric
            for one in own:
                labels = {name: value for name, value in one["metric"].items() if name != "__name__"} | {
                    "cluster": "east"
                }
                quoted = "map(" + ", ".join(f"'{each}'" for pair in sorted(labels.items()) for each in pair) + ")"
                stored = server.sql(
                    "SELECT toUnixTimestamp64Milli(ts), value FROM samples JOIN series USING (tenant, metric, id) "
                    f"WHERE metric = '{metric}' AND labels = CAST({quoted}, 'Map(LowCardinality(String), String)') ORDER BY ts"
                )
                here = {int(ms): float(value) for ms, value in stored}
                there = {round(seconds * 1000): float(value) for seconds, value in one["values"]}
                common = sorted(here.keys() & there.keys())
                assert len(common) >= 3, (metric, labels)
                assert [here[ms] for ms in common] == pytest.approx([there[ms] for ms in common], nan_ok=True)
        kinds = dict(server.sql("SELECT metric, type FROM metadata"))
        assert kinds["prometheus_http_requests_total"] == "counter"
        assert kinds["prometheus_http_request_duration_seconds"] == "histogram"

    read = {"url": f"{at_sonde}/read", "read_recent": True}
    with prometheus(tmp_path / "reader", {"remote_read": [read]}) as reader:
        [found] = reader.ask('up{cluster="east"}', now)
        assert found["value"][1] == "1"
        [counted] = reader.ask('count({__name__=~"prometheus_http_.+"})', now)
        assert float(counted["value"][1]) > 10


def send(server: ServerProcess, tenant: str, body: bytes, version: int) -> Any:
    message = {1: "prometheus.WriteRequest", 2: "io.prometheus.write.v2.Request"}[version]
    return server.ask(
        "POST",
        "/prometheus/api/v1/write",
        snappy.compress(body),
        {
            "Content-Type": f"application/x-protobuf;proto={message}",
            "Content-Encoding": "snappy",
            "X-Scope-OrgID": tenant,
        },
    )


@pytest.mark.parametrize(("version", "write"), [(1, version_1), (2, version_2)])
def test_both_versions_are_stored_by_a_running_server(
    server: ServerProcess, tenant: str, version: int, write: Callable[..., bytes]
) -> None:
    body = write(
        series("jobs_total", (1.0, NOW), (2.0, NOW + 1), labels={"job": "a"}),
        series("seconds", histograms=[histogram({1: 2})], exemplars=[([("user", "7")], 0.5, NOW)]),
    )
    answer = send(server, tenant, body, version)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["x-prometheus-remote-write-samples-written"] == "2"
    tables = ("samples", "histograms", "exemplars", "series")
    until(lambda: [server.count_of(table, tenant) for table in tables] == [2, 1, 1, 2], "all of it")
    bad = send(server, tenant, write(series("", (1.0, NOW))), version)
    assert (bad.status, "it has no label __name__" in bad.text) == (400, True)


def test_a_file_is_imported_with_its_times(server: ServerProcess, tenant: str, tmp_path: Path) -> None:
    file = tmp_path / "backfill.om"
    lines = [f'jobs_total{{job="nightly"}} {n} {1_500_000_000 + n * 60}' for n in range(3_000)]
    file.write_text("\n".join(["# TYPE jobs counter", "# HELP jobs Jobs done.", *lines, "# EOF"]) + "\n")
    command = [
        SONDE,
        "import",
        "openmetrics",
        str(file),
        "--server",
        f"http://127.0.0.1:{server.ui}",
        "--tenant",
        tenant,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, f"3000 samples of {file} are stored\n"), done.stderr
    until(lambda: server.count_of("samples", tenant) == 3_000, "the samples")
    [[first, last]] = server.sql("SELECT min(ts), max(ts) FROM samples", tenant=tenant)
    assert (first, last) == ("2017-07-14 02:40:00.000", "2017-07-16 04:39:00.000")
    assert server.sql("SELECT metric, type, help FROM metadata LIMIT 1", tenant=tenant) == [
        ["jobs_total", "counter", "Jobs done."]
    ]


def test_an_administrator_deletes_series_and_takes_a_snapshot(server: ServerProcess, tenant: str) -> None:
    body = version_1(series("gone_total", (1.0, NOW)), series("kept_total", (2.0, NOW)))
    assert send(server, tenant, body, 1).status == 204
    until(lambda: server.count_of("samples", tenant) == 2, "both samples")
    admin, headers = "/prometheus/api/v1/admin/tsdb", {"X-Scope-OrgID": tenant}

    deleted = server.ask("POST", f"{admin}/delete_series?match[]=gone_total", headers=headers)
    assert (deleted.status, deleted.body) == (204, b"")
    names = server.ask("GET", "/prometheus/api/v1/label/__name__/values", headers=headers).json()["data"]
    assert (names, server.count_of("samples", tenant)) == (["kept_total"], 1)

    assert server.ask("POST", f"{admin}/clean_tombstones", headers=headers).status == 204
    taken = server.ask("POST", f"{admin}/snapshot", headers=headers).json()
    assert taken["status"] == "success"
    with running(server.data / "snapshots" / taken["data"]["name"]) as copy:
        assert copy.sql("SELECT metric, value FROM samples", tenant=tenant) == [["kept_total", "2"]]
