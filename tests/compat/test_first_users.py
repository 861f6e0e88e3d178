"""The queries that the first users have in their dashboards and alerts, under their own names of metrics and labels."""

from __future__ import annotations

import json

import pytest
from tests.compat.comparison import Api, differences
from tests.compat.conftest import HEADERS
from tests.compat.dataset import END, START, STEP
from tests.compat.prometheus_process import until
from tests.receivers.prometheus.write_requests import Series, version_1

from sonde.receivers import snappy

pytestmark = pytest.mark.e2e

COUNTERS = (
    "goals_created_total{tenant_id,goal_type}",
    "api_requests_total{method,endpoint,status}",
    "api_errors_total{method,endpoint}",
    "llm_tokens_total{model,tenant_id}",
    "llm_cost_usd_total{model,tenant_id}",
    "api_request_duration_seconds_bucket{endpoint,le}",
    "api_request_duration_seconds_count{endpoint}",
    "api_request_duration_seconds_sum{endpoint}",
    "postgres_query_duration_seconds_bucket{query_type,le}",
    "node_cpu_seconds_total{instance,mode}",
)
GAUGES = (
    "goal_completion_rate{tenant_id}",
    "active_tenants{}",
    "mrr_total{}",
    "up{job}",
    "queue_depth{queue}",
    "node_memory_MemAvailable_bytes{instance}",
    "node_memory_MemTotal_bytes{instance}",
    "pg_stat_activity_count{datname,state}",
    "redis_memory_used_bytes{instance}",
)
EXPRESSIONS = (
    "histogram_quantile(0.95, sum(rate(api_request_duration_seconds_bucket[5m])) by (endpoint, le))",
    "histogram_quantile(0.99, sum(rate(postgres_query_duration_seconds_bucket[5m])) by (le, query_type))",
    "sum(rate(api_request_duration_seconds_sum[5m])) / sum(rate(api_request_duration_seconds_count[5m]))",
    'up{job="postgres-exporter"} == 0',
    "increase(llm_cost_usd_total[1d]) > 50",
    "sum(increase(llm_cost_usd_total[10m])) by (model)",
    "topk(10, sum(rate(api_requests_total[5m])) by (endpoint))",
    'sum(rate(api_requests_total{status=~"5.."}[5m])) / sum(rate(api_requests_total[5m])) > 0.05',
    "rate(api_errors_total[5m]) / on(method, endpoint) group_left sum(rate(api_requests_total[5m])) by (method, endpoint) > 0.01",
    "sum(rate(llm_tokens_total[5m])) by (model)",
    "sum(increase(goals_created_total[10m])) by (tenant_id, goal_type)",
    "avg(goal_completion_rate) by (tenant_id)",
    "active_tenants",
    "mrr_total",
    "max_over_time(queue_depth[5m]) > 1000",
    "absent(up{job='ml-engine'})",
    '100 - (avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m])) * 100)',
    "(1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes) * 100 > 90",
    "sum(pg_stat_activity_count) by (datname)",
    "deriv(redis_memory_used_bytes[10m]) * 3600",
    "predict_linear(node_memory_MemAvailable_bytes[10m], 4 * 3600) < 0",
    "sum(rate(api_requests_total[5m])) and on() (hour() >= 0)",
)


def body() -> bytes:
    series = []
    for kinds, grows in ((COUNTERS, True), (GAUGES, False)):
        for place, described in enumerate(kinds):
            name, _, labels = described.rstrip("}").partition("{")
            for variant in range(2):
                values = {"le": ("0.5", "+Inf"), "status": ("200", "500"), "mode": ("idle", "user")}
                pairs = {label: values.get(label, ("a", "b"))[variant] for label in labels.split(",") if label}
                if not pairs and variant:
                    continue
                if name == "up":
                    pairs["job"] = ("postgres-exporter", "api")[variant]
                points = [
                    (float(i * (place + 1 + variant) if grows else (i * place + variant) % 11), START + i * STEP)
                    for i in range(80, (END - START) // STEP + 1)
                ]
                series.append(Series(sorted({"__name__": name, **pairs}.items()), points))
    return snappy.compress(version_1(*series))


def test_their_queries_are_answered_as_by_prometheus(sonde: Api, genuine: Api) -> None:
    for api in (sonde, genuine):
        assert api.ask("POST", "/api/v1/write", body=body(), headers=HEADERS)[0] == 204
    until(
        lambda: json.loads(sonde.evaluated("redis_memory_used_bytes", "query")[1])["data"]["result"], "they are there"
    )
    found: list[str] = []
    for expression in EXPRESSIONS:
        found += differences(sonde, genuine, expression, expression, 1e-9)
        assert sonde.evaluated(expression, "query_range")[0] == 200, expression
    assert not found, "\n".join(found)
