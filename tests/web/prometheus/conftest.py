"""Prometheus' API on a real store with a few series; the time of the requests is that of their newest samples."""

from __future__ import annotations

from typing import Any

import pytest
from tests.query.promql.metric_rows import NO_DEDUPLICATION, NOW, STALE, insert_histogram, insert_samples

MINUTE = 60_000


@pytest.fixture(scope="module")
def metrics(client: Any) -> None:
    """Two counters, a gauge that ended, a histogram of each kind and a series with names that need quotes."""
    minutes = range(NOW - 10 * MINUTE, NOW + 1, MINUTE)
    for job, each in (("api", 30.0), ("web", 0.25)):
        labels = {"__name__": "requests_total", "job": job, "instance": f"{job}:80"}
        insert_samples(client, labels, [(at, each * place) for place, at in enumerate(minutes)])
    insert_samples(client, {"__name__": "gone", "job": "api"}, [(NOW - 2 * MINUTE, 1.0), (NOW - MINUTE, STALE)])
    insert_samples(client, {"__name__": "odd", "a": '<"\\\n>&'}, [(NOW - MINUTE, 1.0), (NOW - 500, float("inf"))])
    insert_samples(client, {"__name__": "http.requests", "k8s.pod": "p-1"}, [(NOW - 1, 1e-7)])
    insert_histogram(
        client, {"__name__": "seconds", "job": "api"}, NOW, count=3, sum=4.5, positive=([1, 2], [1.0, 2.0])
    )
    custom = {"schema": -53, "custom_bounds": [0.5, 1.0], "positive": ([0, 2], [1.0, 5.0])}
    insert_histogram(client, {"__name__": "classic", "job": "api"}, NOW, count=6, sum=7.5, **custom)
    client.command(
        f"INSERT INTO metadata SETTINGS {NO_DEDUPLICATION} SELECT 'default', 'requests_total', toDate32('2023-11-14'), "
        "'counter', '', 'Requests, with <tags>.', 'cumulative'"
    )
    client.command(
        f"""
        INSERT INTO exemplars SETTINGS {NO_DEDUPLICATION}
        SELECT tenant, metric, id, fromUnixTimestamp64Milli(toInt64({NOW - 1})) AS ts, 0.5 AS value,
          toFixedString(unhex('{"ab" * 16}'), 16) AS trace_id, toFixedString('', 8) AS span_id, map('user', '1') AS labels
        FROM (SELECT tenant, metric, id FROM series WHERE tenant = 'default' AND labels['job'] = 'web' LIMIT 1)
        """
    )
    insert_samples(client, {"__name__": "requests_total", "job": "other"}, [(NOW, 7.0)], tenant="team-a")
