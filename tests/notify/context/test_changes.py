"""What changed, asked of a real store with metrics and spans of two hours."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.query.promql.metric_rows import NOW, insert_series

from sonde.notify.alert import Alert
from sonde.notify.context.contributions import contributions
from sonde.notify.context.earlier_alerts import earlier_alerts
from sonde.notify.context.incident import Incident
from sonde.notify.context.ranges import PromQLRanges
from sonde.notify.context.releases import StoredResources, from_metrics, from_spans
from sonde.notify.context.restarts import restarts
from sonde.query.promql.clickhouse.storage import ClickHouseStorage
from sonde.query.promql.parser import parse
from sonde.store.client import Limits
from sonde.telemetry.labels import labels_of

MINUTE = 60_000
BEGAN = NOW - 2 * MINUTE
ERRORS = "sum by (job) (rate(errors_total[5m])) / sum by (job) (rate(requests_total[5m])) > 0.05"


def every_minute(value=1.0, *, since=120, until=0):
    """A point a minute, from so many minutes ago; ``value`` may be a function of the minutes that have passed."""
    get = value if callable(value) else lambda _minute: value
    return [(NOW - ago * MINUTE, get(since - ago)) for ago in range(since, until - 1, -1)]


def counter(before, after, *, change=20):
    """A count that grows by so much a minute, before and after ``change`` minutes ago."""
    total, points = 0.0, []
    for ago in range(120, -1, -1):
        total += after if ago < change else before
        points.append((NOW - ago * MINUTE, total))
    return points


def series(name, /, **labels):
    return {"__name__": name, **labels}


@pytest.fixture(scope="module", autouse=True)
def _two_hours(client: Any) -> None:
    insert_series(
        client,
        [
            (series("target_info", job="shop", instance="a", service_version="1.4.1"), every_minute(until=12)),
            (series("target_info", job="shop", instance="b", service_version="1.4.2"), every_minute(since=11)),
            (series("app_build_info", job="web", version="7"), every_minute(until=31)),
            (series("app_build_info", job="web", version="8", config_hash="x"), every_minute(since=30)),
            (series("app_build_info", job="new", version="1"), every_minute(since=10)),
            (series("app_build_info", job="old", version="1", flags="a"), every_minute(until=16)),
            (series("app_build_info", job="old", version="1", flags="b"), every_minute(since=15)),
            (series("process_start_time_seconds", job="shop", instance="a"), every_minute(NOW / 1000 - 86_400)),
            (series("process_start_time_seconds", job="shop", instance="b"), every_minute(NOW / 1000 - 600)),
            (series("process_start_time_seconds", job="web", instance="w:1"), every_minute(NOW / 1000 - 1800)),
            (series("errors_total", job="shop", endpoint="/checkout", code="500", pod="p1"), counter(1, 80)),
            (series("errors_total", job="shop", endpoint="/cart", code="500", pod="p1"), counter(4, 10)),
            (series("errors_total", job="shop", endpoint="/cart", code="502", pod="p2"), counter(5, 10)),
            (series("errors_total", job="web", endpoint="/other", code="500", pod="p9"), counter(500, 900)),
            (series("requests_total", job="shop"), counter(1000, 1000)),
        ],
    )
    insert_series(
        client,
        [
            (series("app_build_info", job="shop", version="secret-1"), every_minute(until=21)),
            (series("app_build_info", job="shop", version="secret-2"), every_minute(since=20)),
        ],
        tenant="neighbour",
    )
    for ago, resource, version in ((100, 1, "2.0"), (40, 1, "2.0"), (9, 2, "2.1"), (8, 3, "2.1")):
        insert_span(client, ago, resource, version)


def insert_span(client: Any, ago: int, resource: int, version: str) -> None:
    ts = (NOW - ago * MINUTE) * 10**6
    client.command(
        "INSERT INTO span_rows (tenant, ts, trace_id, span_id, service, name, resource_id) SETTINGS insert_deduplicate = 0, "
        "async_insert = 0 SELECT 'default', fromUnixTimestamp64Nano({ts:Int64}), randomFixedString(16), randomFixedString(8), "
        "'api', 'GET /', {resource:UInt64}",
        {"ts": ts, "resource": resource},
    )
    client.command(
        "INSERT INTO resources (tenant, day, resource_id, service, attr_str) SETTINGS async_insert = 0 "
        "SELECT 'default', toDate32(fromUnixTimestamp64Nano({ts:Int64})), {resource:UInt64}, 'api', "
        "JSONExtract({attributes:String}, 'Map(String, String)')",
        {"ts": ts, "resource": resource, "attributes": json.dumps({"service.version": version, "host.name": "h"})},
    )


@pytest.fixture
def ranges(store: Any) -> PromQLRanges:
    return PromQLRanges(lambda tenant, limits: ClickHouseStorage(store, tenant, limits))


def incident(expression="", tenant="default", **labels):
    alert = Alert(labels_of({"alertname": "HighErrorRate", **labels}), starts_at=BEGAN * 10**6)
    return Incident(tenant, (alert,), NOW, parse(expression) if expression else None)


def texts(changes):
    return [change.text for change in changes]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"job": "shop"}, ["release of shop: service_version 1.4.2 since 22:02 UTC, 9 min before (was 1.4.1)"]),
        ({"service": "shop"}, ["release of shop: service_version 1.4.2 since 22:02 UTC, 9 min before (was 1.4.1)"]),
        ({"job": "web"}, ["release of web: version 8 since 21:43 UTC, 28 min before (was 7)"]),
        ({"job": "new"}, []),
        ({"job": "old"}, ["configuration of old: flags b since 21:58 UTC, 13 min before (was a)"]),
        ({"job": "sh.p"}, []),
        ({}, []),
    ],
)
async def test_a_new_version_among_the_services_info_series_is_a_release(ranges, labels, expected):
    assert texts(await from_metrics(incident(**labels), ranges)) == expected


async def test_the_service_may_be_told_by_the_expression_alone(ranges):
    found = await from_metrics(incident('sum(rate(errors_total{job="shop"}[5m])) > 1'), ranges)
    assert "service_version 1.4.2" in found[0].text


async def test_a_new_version_among_the_resources_of_spans_is_a_release(store):
    resources = StoredResources(lambda: store, Limits(execution_seconds=3))
    assert texts(await from_spans(incident(service="api"), resources)) == [
        "release of api: service_version 2.1 since 22:04 UTC, 7 min before (was 2.0)"
    ]
    assert await from_spans(incident(service="api", tenant="neighbour"), resources) == []
    assert await from_spans(incident(), resources) == []


async def test_processes_that_began_within_the_hour_have_restarted(ranges):
    [some] = await restarts(incident(job="shop"), ranges)
    assert some.text == "restart: 1 of 2 processes began anew, 22:03 UTC, 8 min before"
    [one] = await restarts(incident(job="web"), ranges)
    assert one.text == "restart: the process on w:1 began 21:43 UTC, 28 min before"
    assert await restarts(incident(job="nobody"), ranges) == []


async def test_the_label_value_that_grew_most_contributes_most(ranges):
    found = texts(await contributions(incident(ERRORS, job="shop"), ranges))
    assert found[0] == "80 % of it is endpoint=/checkout (10 % an hour before it began)"
    assert len(found) <= 2
    assert not any("job=" in text or "/other" in text for text in found)


async def test_all_of_a_sum_without_labels_is_taken_apart(ranges):
    found = texts(await contributions(incident("sum(rate(errors_total[5m])) * 60 > 100"), ranges))
    assert any("job=web" in text or "endpoint=/other" in text or "pod=p9" in text for text in found)


@pytest.mark.parametrize("expression", ["up == 0", "sum(rate(nothing[5m])) > 1", "1 - sum(good) / sum(all) > 0.1", ""])
async def test_what_is_no_sum_or_has_no_data_has_no_contributions(ranges, expression):
    assert await contributions(incident(expression, job="shop"), ranges) == []


async def test_tenants_see_nothing_of_each_other(ranges):
    of_default = await from_metrics(incident(job="shop"), ranges)
    of_neighbour = await from_metrics(incident(job="shop", tenant="neighbour"), ranges)
    assert "secret" not in "".join(texts(of_default))
    assert "version secret-2" in of_neighbour[0].text
    assert await contributions(incident(ERRORS, job="shop", tenant="neighbour"), ranges) == []


async def test_alerts_of_other_names_that_began_just_before_are_named():
    def alert(name, before):
        return Alert((("alertname", name),), starts_at=(BEGAN - before * MINUTE) * 10**6)

    async def current(tenant):
        assert tenant == "default"
        return [alert("RedisDown", 2), alert("DatabaseDown", 5), alert("DatabaseDown", 4), alert("Old", 11),
                alert("HighErrorRate", 3), alert("Later", -1), alert("Same", 0), alert("DiskFull", 3)]  # fmt: skip

    [found] = await earlier_alerts(incident(), current)
    assert found.text == (
        "also fired: DatabaseDown (5 min before), DiskFull (3 min before), RedisDown (2 min before) and 1 more"
    )


async def test_a_storm_of_alerts_is_gone_through_once_and_not_once_for_each_other_alert():
    class Counted(tuple[Alert, ...]):
        __slots__ = ()
        rounds = 0

        def __iter__(self):
            Counted.rounds += 1
            return super().__iter__()

    async def current(tenant):
        return [Alert((("alertname", f"Other{number}"),), starts_at=BEGAN * 10**6) for number in range(100)]

    storm = Counted(Alert((("alertname", "Storm"),), starts_at=BEGAN * 10**6) for _ in range(3))
    assert len(await earlier_alerts(Incident("default", storm, NOW), current)) == 1
    assert Counted.rounds < 10
