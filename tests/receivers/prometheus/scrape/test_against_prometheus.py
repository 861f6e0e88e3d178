"""The same targets scraped by Debian's Prometheus and by us: the same series, values, failures and staleness markers."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
import time
from itertools import groupby

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter, Enum, Histogram, Info, Summary
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from tests.receivers.prometheus.scrape.stage import STALE, Exporter, Kept, value_or_word

from sonde.receivers import snappy
from sonde.receivers.prometheus.messages import ReadRequest, ReadResponse
from sonde.receivers.prometheus.scrape.scraper import Scraper
from sonde.receivers.prometheus.scrape_config import load_scrape_configs
from sonde.telemetry.labels import METRIC_NAME

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="Prometheus is not installed: apt-get install prometheus"),
]  # fmt: skip

TEXT = b"""# HELP hits_total Hits.
# TYPE hits_total counter
hits_total{code="200",job="mine"} 3
hits_total{code="500"} 1e3
gone{path="C:\\\\dir \\"x\\"\\n"} -Inf
dropped 1
twice 1
twice 2
not_a_number NaN
"""
CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: text
    file_sd_configs: [{{files: [{folder}/text.json]}}]
    metric_relabel_configs:
      - {{source_labels: [__name__], regex: dropped, action: drop}}
      - {{source_labels: [code], regex: (.)00, target_label: class, replacement: '${{1}}xx'}}
  - job_name: openmetrics
    honor_labels: true
    sample_limit: 100
    file_sd_configs: [{{files: [{folder}/openmetrics.json]}}]
"""


class Prometheus:
    """The real one, on a port of its own."""

    def __init__(self, folder, config):
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{one.getsockname()[1]}"
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/tsdb", f"--web.listen-address={self.address}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def everything(self):
        """All samples of all series, staleness markers too."""
        request = ReadRequest()
        query = request.queries.add(start_timestamp_ms=0, end_timestamp_ms=2**53)
        query.matchers.add(type=3, name="job", value="never")  # does not match
        query.matchers[0].type, query.matchers[0].value = 2, ".+"
        answer = httpx.post(
            f"http://{self.address}/api/v1/read",
            content=snappy.compress(request.SerializeToString()),
            headers={"content-type": "application/x-protobuf", "content-encoding": "snappy"},
        )
        response = ReadResponse.FromString(snappy.decompress(answer.raise_for_status().content, 1 << 26))
        return {
            tuple((label.name, label.value) for label in series.labels): [value_or_word(s.value) for s in series.samples]
            for series in response.results[0].timeseries
        }  # fmt: skip

    def close(self):
        self.process.terminate()
        self.process.wait()


def turns(values):
    """How values changed from scrape to scrape."""
    return [value for value, _ in groupby(values)]


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - nobody tells what another process does
            await asyncio.sleep(0.02)


def asked(exporter, since):
    """How often each scraper has asked since then."""
    agents = [headers["user-agent"].split("/")[0] for _, headers in exporter.requests[since:]]
    return min(agents.count("Prometheus"), len(agents) - agents.count("Prometheus"))


async def test_the_same_is_stored(tmp_path):
    registry = CollectorRegistry()
    Counter("c", "C.", ["job"], registry=registry).labels("honored").inc(2, {"trace_id": "a" * 32})
    Histogram("h", "H.", buckets=(0.1, 2.5), registry=registry).observe(0.3)
    Summary("s", "S.", registry=registry).observe(1)
    Info("i", "I.", registry=registry).info({"version": "1"})
    Enum("e", "E.", states=["on", "off"], registry=registry).state("off")
    now = time.time()
    timed = f"# TYPE timed gauge\ntimed 1 {now:.3f}\ntimed 2 {now + 0.5:.3f}\n# EOF\n".encode()
    text, openmetrics = Exporter(), Exporter()
    text.body = TEXT
    openmetrics.body = generate_openmetrics(registry).replace(b"# EOF\n", timed)
    openmetrics.content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8"
    exporters = {"text": text, "openmetrics": openmetrics}
    for name, exporter in exporters.items():
        groups = [{"targets": [exporter.address], "labels": {"env": "test"}}]
        (tmp_path / f"{name}.json").write_text(json.dumps(groups))
    config = tmp_path / "prometheus.yml"
    config.write_text(CONFIG.format(folder=tmp_path))
    kept = Kept()
    scraper = Scraper(kept, "default")
    theirs = Prometheus(tmp_path, config)
    try:
        await scraper.start(load_scrape_configs(config))

        async def phase(**changes):
            for name, value in changes.items():
                setattr(text, name, value)
            since = {each: len(each.requests) for each in exporters.values()}
            await until(lambda: all(asked(each, since[each]) >= 3 for each in exporters.values()))

        await phase()
        await phase(body=TEXT.replace(b"gone", b"come"))
        await phase(status=503)
        await phase(body=TEXT + b"dropped 5\nbroken {\n", status=200)  # not known since the last phase: see below
        await phase(body=TEXT + b"more 1\nmany 2\n")
        await phase(body=b"broken x\n" + TEXT)  # behind what it has read, Prometheus forgets to mark what it knew
        await phase(body=TEXT)
        (tmp_path / "text.json").write_text("[]")
        up = next(labels for labels in kept.series() if {("__name__", "up"), ("job", "text")} <= set(labels))
        await until(lambda: kept.series()[up][-1][1] == STALE and theirs.everything()[up][-1] == STALE)
        expected, found = theirs.everything(), kept.series()
    finally:
        await scraper.stop()
        theirs.close()
        for exporter in exporters.values():
            exporter.close()
    assert found.keys() == expected.keys()
    for labels, samples in found.items():
        mine = turns(value for _, value in samples)
        if dict(labels)[METRIC_NAME] == "scrape_duration_seconds":
            assert (mine[-1] == STALE) == (expected[labels][-1] == STALE)
        else:
            assert (labels, mine) == (labels, turns(expected[labels]))
