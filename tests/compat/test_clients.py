"""Clients of Prometheus that know nothing of Sonde: their own commands and requests, with another address."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from tests.compat.comparison import Api, difference, differences
from tests.compat.conftest import HEADERS
from tests.compat.dataset import END, START
from tests.compat.prometheus_process import prometheus, until
from tests.receivers.prometheus.write_requests import STALE, Series, histogram, version_1

from sonde.receivers import snappy

pytestmark = pytest.mark.e2e
LATER = {"start": "1700001000.5", "end": "1700003000.5"}
BETWEEN = {"start": str(START / 1000), "end": str(END / 1000)}

# What Grafana's data source sends, as forms and as addresses: https://github.com/grafana/grafana, pkg/promlib
GRAFANA = {
    "X-Datasource-Uid": "P1",
    "X-Grafana-Org-Id": "1",
    "X-Dashboard-Uid": "d",
    "X-Panel-Id": "3",
    "X-Rule-Uid": "r",
}
REQUESTS: Mapping[str, tuple[str, str, dict[str, Any]]] = {
    "a panel": ("POST", "query_range", {"query": "sum(rate(requests_total[1m0s])) by (job)", **LATER, "step": "15"}),
    "a table": ("POST", "query", {"query": 'temperature{room=~"hall|roof"}', "time": "1700002520.5"}),
    "the health check": ("POST", "query", {"query": "1+1", "time": "4"}),
    "names for a browser": ("GET", "label/__name__/values", BETWEEN),
    "label names": ("POST", "labels", {"match[]": "requests_total", **BETWEEN}),
    "label names of two": ("GET", "labels", {"match[]": ["requests_total", "queue"], **BETWEEN}),
    "label values": ("GET", "label/instance/values", {"match[]": 'requests_total{job="api"}', **BETWEEN}),
    "values of no label": ("GET", "label/nothing/values", BETWEEN),
    "series of a variable": ("POST", "series", {"match[]": 'requests_total{code="500"}', **BETWEEN}),
    "series of nothing": ("GET", "series", {"match[]": "nothing_here", **BETWEEN}),
    "exemplars": ("POST", "query_exemplars", {"query": "sum(rate(requests_total[1m])) by (job)", **BETWEEN}),
    "metadata of one": ("GET", "metadata", {"metric": "requests_total"}),
    "rules": ("GET", "rules", {}),
    "alerts": ("GET", "alerts", {}),
    "alertmanagers": ("GET", "alertmanagers", {}),
    "a formatted query": ("GET", "format_query", {"query": "sum by(job)(requests_total)"}),
    "a formatted form": ("POST", "format_query", {"query": "sum by(job)(requests_total)"}),
    "no parameters": ("GET", "series", {}),
    "a bad step": ("POST", "query_range", {"query": "1", **BETWEEN, "step": "0"}),
    "a turned range": ("GET", "query_range", {"query": "1", "start": "2", "end": "1", "step": "1"}),
    "too many points": ("GET", "query_range", {"query": "1", "start": "1", "end": "99999999", "step": "1"}),
    "a bad selector": ("GET", "labels", {"match[]": "{"}),
}


@pytest.mark.parametrize(("method", "path", "parameters"), REQUESTS.values(), ids=REQUESTS)
def test_grafana_is_answered_as_by_prometheus(
    sonde: Api, genuine: Api, method: str, path: str, parameters: dict[str, Any]
) -> None:
    answers = []
    for api in (sonde, genuine):
        headers = {**GRAFANA, "Accept-Encoding": "identity"}
        status, sent, body = api.ask(method, f"/api/v1/{path}", parameters, headers=headers)
        answer = json.loads(body)
        data = answer.get("data")
        if isinstance(data, dict) and data.get("resultType") == "vector":
            data["result"].sort(key=lambda series: sorted(series["metric"].items()))
        answers.append([status, sent["content-type"], answer])
    assert not difference(*answers, 1e-12)


def test_grafana_sees_the_prometheus_whose_api_this_is(sonde: Api) -> None:
    status, answer = sonde.json("status/buildinfo")
    assert (status, answer["data"]["version"]) == (200, "3.14.0")
    assert sonde.json("status/flags")[1]["data"]["query.lookback-delta"] == "5m"
    assert sonde.json("parse_query", {"query": "up"})[1]["data"]["type"] == "vectorSelector"


PROMTOOL: Mapping[str, tuple[list[str], str]] = {
    "instant": (
        ["query", "instant", "--time=1700002520", "ADDRESS", "sum(temperature)"],
        "{} => 16.375 @[1700002520]\n",
    ),
    "range": (
        [
            "query",
            "range",
            "--start=1700002000",
            "--end=1700002060",
            "--step=60s",
            "ADDRESS",
            "errors_total{job='api'}",
        ],
        'errors_total{instance="a:80", job="api"} =>\n14 @[1700002000]\n15 @[1700002060]\n',
    ),
    "series": (
        ["query", "series", "--match=sparse", "--start=1700000000", "--end=1700003600", "ADDRESS"],
        '{__name__="sparse", job="batch"}\n',
    ),
    "labels": (["query", "labels", "--start=1700000000", "--end=1700003600", "ADDRESS", "floor"], "0\n1\n"),
}


@pytest.mark.parametrize(("arguments", "said"), PROMTOOL.values(), ids=PROMTOOL)
def test_promtool_asks_sonde(sonde: Api, arguments: list[str], said: str) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("there is no promtool: apt-get install prometheus")
    command = ["promtool", *(argument.replace("ADDRESS", sonde.address) for argument in arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, said), done.stderr


# none of native histograms: that Prometheus 2.42 does not read them from others
EXPRESSIONS = (
    "temperature",
    "sum by (job) (rate(requests_total[5m]))",
    "up",
    "queue * 2",
    "max_over_time(temperature[10m:1m])",
    "histogram_quantile(0.9, rate(latency_bucket[5m]))",
    "minus_zero + 1",
    "count({__name__=~'[^r].+'})",
    "absent(nothing_here)",
)


def test_a_prometheus_that_reads_from_sonde_answers_as_sonde(sonde: Api, tmp_path: Path) -> None:
    configuration = {"remote_read": [{"url": f"{sonde.address}/api/v1/read", "read_recent": True}]}
    with prometheus(tmp_path / "reader", configuration) as reader:
        found = [said for text in EXPRESSIONS for said in differences(sonde, reader, text, text, 1e-12)]
    assert not found, "\n".join(found)


def sent(api: Api, *series: Series) -> None:
    body = snappy.compress(version_1(*series))
    assert api.ask("POST", "/api/v1/write", body=body, headers=HEADERS)[0] == 204


def result(api: Api, query: str, at: float) -> Any:
    return api.json("query", {"query": query, "time": at})[1]["data"]["result"]


def sorted_result(api: Api, query: str, at: float) -> list[Any]:
    return sorted(result(api, query, at), key=lambda each: sorted(each["metric"].items()))


@pytest.mark.slow
def test_a_prometheus_sends_all_it_has_to_sonde(sonde: Api, tmp_path: Path) -> None:
    write = {"url": f"{sonde.address}/api/v1/write", "send_exemplars": True, "send_native_histograms": True}
    write |= {"queue_config": {"batch_send_deadline": "100ms"}, "metadata_config": {"send_interval": "1s"}}
    scrape = {"job_name": "itself", "scrape_interval": "1s", "static_configs": [{"targets": ["127.0.0.1:OWN_PORT"]}]}
    with prometheus(tmp_path / "writer", {"remote_write": [write], "scrape_configs": [scrape]}) as writer:
        now = int(time.time() * 1000) + 5_000  # what is older than the process is not sent on
        at = now / 1000
        labels = [("__name__", "sent_total"), ("job", 'a "b"\n<é>')]
        exemplar = ([("trace_id", "0af7651916cd43dd8448eb211c80319c"), ("user", "7")], 0.5, now)
        sent(
            writer,
            Series(labels, [(1.0, now - 2000), (float("nan"), now - 1000), (1e21, now)], exemplars=[exemplar]),
            Series([("__name__", "sent_end")], [(1.0, now - 1000), (STALE, now)]),
            Series([("__name__", "sent_int")], histograms=[histogram({1: 2, 5: 3}, {2: 1}, timestamp=now, sum=7.5)]),
            Series([("__name__", "sent_float")], histograms=[histogram({1: 0.5, 2: 3.0}, timestamp=now, schema=3)]),
        )
        for query in ('{__name__=~"sent_.+"}', "sent_end[1m]", "sent_total[1m]", "histogram_sum(sent_int)"):
            theirs = sorted_result(writer, query, at)
            assert theirs, query
            until(lambda: sorted_result(sonde, query, at) == theirs, f"{query} has come")  # noqa: B023
        period = {"query": "sent_total", "start": at - 60, "end": at + 60}
        assert sonde.json("query_exemplars", period) == writer.json("query_exemplars", period)
        said = {"metric": "prometheus_tsdb_head_series"}
        until(lambda: sonde.json("metadata", said)[1]["data"], "metadata have come")
        assert sonde.json("metadata", said) == writer.json("metadata", said)


@pytest.mark.slow
def test_a_prometheus_federates_from_sonde(sonde: Api, tmp_path: Path) -> None:
    job = {
        "job_name": "federated",
        "honor_labels": True,
        "scrape_interval": "1s",
        "metrics_path": "/prometheus/federate",
        "params": {"match[]": ['{__name__=~"level.*"}', '{job="tank"}']},
        "static_configs": [{"targets": [f"127.0.0.1:{sonde.port}"]}],
    }
    now = int(time.time() * 1000)
    tank = [("job", "tank"), ("place", 'the "old" \\ é')]
    sent(
        sonde,
        Series([("__name__", "level_meters"), *tank], [(2.5, now - 1000), (1e-7, now)]),
        Series([("__name__", "filled_total"), *tank], [(float("inf"), now)]),
        Series([("__name__", "level_ended"), *tank], [(1.0, now - 1000), (STALE, now)]),
    )
    until(lambda: len(result(sonde, '{job="tank"}', now / 1000)) == 2, "the samples are there")
    with prometheus(tmp_path / "federating", {"scrape_configs": [job]}) as genuine:
        until(lambda: result(genuine, "level_meters", time.time()), "it was scraped")
        found = result(genuine, '{job="tank"}', now / 1000)
        values = {each["metric"]["__name__"]: each for each in found}
        assert {name: each["value"][1] for name, each in values.items()} == {
            "level_meters": "1e-07",
            "filled_total": "+Inf",
        }
        assert values["level_meters"]["metric"]["place"] == 'the "old" \\ é'
        assert result(genuine, 'up{job="federated"}', time.time())[0]["value"][1] == "1"


def test_prometheus_api_client_asks_sonde(sonde: Api) -> None:
    package = pytest.importorskip("prometheus_api_client", reason="pip install prometheus-api-client")
    client = package.PrometheusConnect(url=sonde.address)
    assert client.check_prometheus_connection()
    assert "temperature" in client.all_metrics()
    assert client.get_label_values("floor") == ["0", "1"]
    [found] = client.custom_query("sum(temperature)", params={"time": 1700002520})
    assert found == {"metric": {}, "value": [1700002520, "16.375"]}
    assert len(client.get_current_metric_value("temperature", params={"time": 1700002520})) == 4


@pytest.mark.parametrize(
    ("page", "explorer"),
    [
        ("/", "/metrics-explorer"),
        ("/query", "/metrics-explorer"),
        ("/graph?g0.expr=up%3D%3D0&g0.tab=1", "/metrics-explorer?expr=up%3D%3D0&view=table"),
    ],
)
def test_pages_of_prometheus_lead_to_the_explorer_with_what_they_were_asked(
    sonde: Api, page: str, explorer: str
) -> None:
    status, headers, _ = sonde.ask("GET", page)
    assert (status, headers["location"]) == (302, explorer)


def test_the_opentelemetry_sdk_sends_to_the_receiver_of_prometheus(sonde: Api) -> None:
    exporter = OTLPMetricExporter(endpoint=f"{sonde.address}/api/v1/otlp/v1/metrics")
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
    provider = MeterProvider([reader], Resource.create({"service.name": "shop", "service.instance.id": "1"}))
    provider.get_meter("tests").create_counter("orders.placed", unit="1").add(3, {"country": "é"})
    provider.shutdown()
    wanted: Callable[[], Any] = lambda: result(sonde, "orders_placed_total", time.time())  # noqa: E731
    until(wanted, "the counter is there")
    [found] = wanted()
    assert found["value"][1] == "3"
    assert {name: found["metric"][name] for name in ("job", "instance", "country")} == {
        "job": "shop",
        "instance": "1",
        "country": "é",
    }
