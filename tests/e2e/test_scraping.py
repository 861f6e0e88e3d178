"""A server that scrapes by Prometheus' own configuration file, and watches its own machine."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import prometheus_client
import pytest
from tests.e2e.server_process import ServerProcess, running
from tests.e2e.test_prometheus import until

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def shop() -> Iterator[str]:
    """The address of a service that genuine prometheus_client instruments."""
    registry = prometheus_client.CollectorRegistry()
    orders = prometheus_client.Counter("orders", "Orders taken.", ["plan"], registry=registry)
    orders.labels("team").inc(3)
    server, thread = prometheus_client.start_http_server(0, addr="127.0.0.1", registry=registry)
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def write(file: Path, *jobs: dict[str, Any], **sections: Any) -> None:
    whole = {"global": {"scrape_interval": "1s"}, "scrape_configs": list(jobs), **sections}
    file.write_text(json.dumps(whole), encoding="utf-8")


def job(name: str, target: str) -> dict[str, Any]:
    return {"job_name": name, "static_configs": [{"targets": [target]}]}


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory, shop: str) -> Path:
    file = tmp_path_factory.mktemp("prometheus") / "prometheus.yml"
    write(file, job("shop", shop), remote_write=[{"url": "http://elsewhere.example/"}])
    return file


@pytest.fixture(scope="module")
def scraping(configuration: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    environment = {
        "SONDE_PROMETHEUS_CONFIG_FILE": str(configuration),
        "SONDE_COLLECTORS_ENABLED": "host",
        "SONDE_COLLECTORS_INTERVAL": "1s",
    }
    with running(tmp_path_factory.mktemp("scraping") / "data", environment) as started:
        yield started


def ask(server: ServerProcess, query: str) -> list[Any]:
    answer = server.ask("GET", f"/prometheus/api/v1/query?query={query}")
    assert answer.status == 200, answer.text
    return list(answer.json()["data"]["result"])


def pools(server: ServerProcess) -> list[str]:
    return list(server.ask("GET", "/prometheus/api/v1/scrape_pools").json()["data"]["scrapePools"])


def reload(server: ServerProcess) -> tuple[int, str]:
    answer = server.ask("POST", "/prometheus/-/reload")
    return answer.status, answer.text


def test_what_a_target_says_can_be_queried_with_how_its_scrape_went(scraping: ServerProcess, shop: str) -> None:
    until(lambda: ask(scraping, 'orders_total{job="shop"}'), "the first scrape")
    [orders] = ask(scraping, 'orders_total{job="shop"}')
    assert orders["metric"] == {"__name__": "orders_total", "instance": shop, "job": "shop", "plan": "team"}
    assert orders["value"][1] == "3"
    [up] = ask(scraping, 'up{job="shop"}')
    assert up["value"][1] == "1"
    assert ask(scraping, 'scrape_samples_scraped{job="shop"}')


def test_the_targets_page_knows_them(scraping: ServerProcess, shop: str) -> None:
    until(lambda: ask(scraping, 'up{job="shop"}'), "the first scrape")
    targets = scraping.ask("GET", "/prometheus/api/v1/targets?state=active").json()["data"]["activeTargets"]
    known = {target["scrapePool"]: target for target in targets}
    assert set(known) == {"shop", "node"}
    assert known["shop"]["scrapeUrl"] == f"http://{shop}/metrics"
    assert (known["shop"]["health"], known["shop"]["lastError"]) == ("up", "")


def test_the_machine_is_a_target_under_the_names_of_node_exporter(scraping: ServerProcess) -> None:
    until(lambda: ask(scraping, 'node_load1{job="node"}'), "the first collection")
    [up] = ask(scraping, 'up{job="node"}')
    assert up["value"][1] == "1"
    assert ask(scraping, 'node_cpu_seconds_total{mode="idle"}')


def test_sections_that_are_not_in_force_are_told(scraping: ServerProcess) -> None:
    assert any("remote_write" in text for text in scraping.messages())


def test_a_changed_file_is_in_force_after_a_reload_and_a_broken_one_never_is(
    scraping: ServerProcess, configuration: Path, shop: str
) -> None:
    before = configuration.read_text()
    try:
        write(configuration, job("shop", shop), job("second", shop))
        assert reload(scraping)[0] == 200
        assert pools(scraping) == ["node", "second", "shop"]

        configuration.write_text("scrape_configs: [{job_nam: x}]")
        status, text = reload(scraping)
        assert (status, "did you mean job_name?" in text) == (500, True)
        assert pools(scraping) == ["node", "second", "shop"]

        write(configuration, job("third", shop))
        os.kill(scraping.pid, signal.SIGHUP)
        until(lambda: pools(scraping) == ["node", "third"], "the reload by SIGHUP")
        until(lambda: not ask(scraping, 'up{job="shop"}'), "stale markers of the job that is gone")
    finally:
        configuration.write_text(before)
        assert reload(scraping)[0] == 200


def test_the_file_that_does_not_hold_is_told_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "prometheus.yml"
    file.write_text("scrape_configs: [{job_nam: x}]")
    refused = ServerProcess(tmp_path / "data", {"SONDE_PROMETHEUS_CONFIG_FILE": str(file)})
    with pytest.raises(AssertionError, match="did you mean job_name"):
        refused.start()


def test_the_port_of_prometheus_is_served_or_said_to_be_taken(tmp_path: Path) -> None:
    """9090 may be somebody else's on this machine; then that is said, and everything else is served."""
    with running(tmp_path / "data", {"SONDE_DROP_IN": "true"}) as server:
        said = server.log.read_text()
        if "Prometheus is at 127.0.0.1:9090" in said:
            assert server.ask("GET", "/api/v1/query?query=1", port=9090).json()["data"]["result"][1] == "1"
        else:
            assert "cannot listen on 127.0.0.1:9090 (drop_in)" in said
        assert server.get("/readyz")[0] == 200
