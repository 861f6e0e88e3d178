"""Genuine exporters, scraped over HTTP: Debian's node_exporter, and prometheus-client's own server."""

from __future__ import annotations

import shutil
import socket
import subprocess

import pytest
from prometheus_client import CollectorRegistry, Counter, start_http_server
from tests.receivers.prometheus.scrape.stage import STALE, Found, scraping

from sonde.receivers.prometheus.messages import Request
from sonde.telemetry.labels import METRIC_NAME


async def test_prometheus_client_serves_openmetrics_with_exemplars():
    registry = CollectorRegistry()
    Counter("hits", "Hits.", registry=registry).inc(2, {"trace_id": "a" * 32})
    server, thread = start_http_server(0, "127.0.0.1", registry)
    try:
        async with scraping("", Found(f"127.0.0.1:{server.server_port}")) as (scraper, kept, clock):
            await clock.advance(30, 1)
            assert kept.values(name="hits_total") == [2, 2]
            assert kept.values(name="up") == [1, 1]
            requests = [Request.FromString(body) for body in kept.bodies]
            assert [sum(len(each.exemplars) for each in request.timeseries) for request in requests] == [1, 0]
            assert ("hits", "counter") in {(each.metric, each.type) for each in scraper.metadata("default")}
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def node_exporter():
    if shutil.which("prometheus-node-exporter") is None:
        pytest.skip("node_exporter is not installed: apt-get install prometheus-node-exporter")
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{one.getsockname()[1]}"
    process = subprocess.Popen(
        ["prometheus-node-exporter", f"--web.listen-address={address}", "--web.disable-exporter-metrics"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    next(line for line in process.stderr if b"Listening on" in line or b"TLS is disabled" in line)
    yield address
    process.terminate()
    process.communicate()


async def test_node_exporter_is_stored_whole(node_exporter):
    async with scraping("", Found(node_exporter)) as (scraper, kept, clock):
        await clock.advance(30, 1)
        assert scraper.active("default")[0].last_error == ""
        assert kept.values(name="up") == [1, 1]
        stored = [labels for labels, samples in kept.series().items() if samples[-1][1] != STALE]
        names = {dict(labels)[METRIC_NAME] for labels in stored}
        assert {"node_cpu_seconds_total", "node_memory_MemTotal_bytes", "node_load1"} <= names
        own = sum(name.startswith("scrape_") or name == "up" for name in names)
        assert kept.values(name="scrape_samples_scraped")[-1] == len(stored) - own
