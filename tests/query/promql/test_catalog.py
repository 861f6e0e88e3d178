"""What there is to ask for, from the real engine."""

from __future__ import annotations

import math
from typing import Any

import pytest
from tests.query.promql.metric_rows import NAN, NO_DEDUPLICATION, NOW, insert_samples

from sonde.query.engine import Inquiry
from sonde.query.promql.clickhouse import catalog
from sonde.query.promql.clickhouse.catalog import Exemplar, Metadata
from sonde.store.pool import AsyncStore
from sonde.telemetry.labels import labels_of
from sonde.telemetry.matcher import Matcher, Operator

DAY = 86_400_000
LAST_WEEK = NOW - 7 * DAY
SERIES = [
    {"__name__": "up", "job": "api", "zone": "a"},
    {"__name__": "up", "job": "web", "Zone": "B"},
    {"__name__": "http_requests_total", "job": "api", "code": "200"},
    {"__name__": "http_requests_total", "job": "api", "code": "500"},
    {"__name__": "rpc.duration", "job": "löwe"},
]


@pytest.fixture(scope="module", autouse=True)
def _series(client: Any) -> None:
    for labels in SERIES:
        for ts in (NOW, NOW - DAY):
            insert_samples(client, labels, [(ts, 1.0)], tenant="catalog")
    insert_samples(client, {"__name__": "gone", "was": "here"}, [(LAST_WEEK, 1.0)], tenant="catalog")
    insert_samples(client, {"__name__": "theirs", "secret": "x"}, [(NOW, 1.0)], tenant="neighbour")


@pytest.fixture
def inquiry(store: AsyncStore) -> Inquiry:
    return Inquiry(store)


def selector(*triples: tuple[str, Operator, str]) -> tuple[Matcher, ...]:
    return tuple(Matcher(*triple) for triple in triples)


UP = selector(("__name__", "=", "up"))
API = selector(("job", "=~", "a.*"))
NOWADAYS = {"start": NOW - DAY, "end": NOW}


async def test_series_of_any_selector_are_told_once(inquiry: Inquiry) -> None:
    found = await catalog.series(inquiry, "catalog", [UP, API], **NOWADAYS)
    assert found == sorted(labels_of(labels) for labels in SERIES[:4])


async def test_series_of_no_selector_are_all_of_the_tenant_in_these_days(inquiry: Inquiry) -> None:
    assert await catalog.series(inquiry, "catalog", [], **NOWADAYS) == sorted(labels_of(labels) for labels in SERIES)
    assert len(await catalog.series(inquiry, "catalog", [], start=0, end=NOW)) == 6
    assert await catalog.series(inquiry, "catalog", [], start=NOW - 3 * DAY, end=NOW - 2 * DAY) == []
    assert len(await catalog.series(inquiry, "catalog", [], **NOWADAYS, limit=2)) == 2


async def test_all_time_is_a_range_too(inquiry: Inquiry) -> None:
    assert len(await catalog.series(inquiry, "catalog", [], start=-(2**63) // 10**6, end=2**63 // 10**6)) == 6


async def test_label_names_are_those_of_the_selected_series(inquiry: Inquiry) -> None:
    assert await catalog.label_names(inquiry, "catalog", [], **NOWADAYS) == ["Zone", "__name__", "code", "job", "zone"]
    assert await catalog.label_names(inquiry, "catalog", [UP], **NOWADAYS) == ["Zone", "__name__", "job", "zone"]
    assert await catalog.label_names(inquiry, "catalog", [UP], **NOWADAYS, limit=2) == ["Zone", "__name__"]
    assert await catalog.label_names(inquiry, "nobody", [], **NOWADAYS) == []


async def test_label_values_are_in_order(inquiry: Inquiry) -> None:
    assert await catalog.label_values(inquiry, "catalog", "job", [], **NOWADAYS) == ["api", "löwe", "web"]
    assert await catalog.label_values(inquiry, "catalog", "job", [UP], **NOWADAYS) == ["api", "web"]
    assert await catalog.label_values(inquiry, "catalog", "job", [], **NOWADAYS, limit=1) == ["api"]
    names = ["http_requests_total", "rpc.duration", "up"]
    assert await catalog.label_values(inquiry, "catalog", "__name__", [], **NOWADAYS) == names
    assert await catalog.label_values(inquiry, "catalog", "__name__", [API], **NOWADAYS) == [names[0], "up"]
    assert await catalog.label_values(inquiry, "catalog", "'; -- {p0}", [], **NOWADAYS) == []


def insert_metadata(client: Any, metric: str, kind: str, text: str, unit: str = "", day: str = "2023-11-14") -> None:
    client.command(
        f"INSERT INTO metadata SETTINGS {NO_DEDUPLICATION} SELECT 'catalog', {{metric:String}}, toDate32({{day:String}}), "
        "{kind:String}, {unit:String}, {help:String}, 'unspecified'",
        {"metric": metric, "day": day, "kind": kind, "unit": unit, "help": text},
    )


async def test_metadata_is_told_by_metric_the_newest_first(client: Any, inquiry: Inquiry) -> None:
    for day in ("2023-11-13", "2023-11-14"):
        insert_metadata(client, "up", "gauge", "Is it up?", day=day)
    insert_metadata(client, "latency", "gauge", "Once wrong.", day="2023-11-01")
    insert_metadata(client, "latency", "histogram", "How long.", "seconds")
    expected = {
        "latency": [Metadata("histogram", "How long.", "seconds"), Metadata("gauge", "Once wrong.", "")],
        "up": [Metadata("gauge", "Is it up?", "")],
    }
    assert await catalog.metadata(inquiry, "catalog") == expected
    assert await catalog.metadata(inquiry, "catalog", metric="up") == {"up": expected["up"]}
    assert await catalog.metadata(inquiry, "catalog", limit=1) == {"latency": expected["latency"]}
    assert await catalog.metadata(inquiry, "catalog", limit=0) == {}
    shortened = {metric: said[:1] for metric, said in expected.items()}
    assert await catalog.metadata(inquiry, "catalog", limit_per_metric=1) == shortened
    assert await catalog.metadata(inquiry, "neighbour") == {}


def insert_exemplar(
    client: Any,
    metric: str,
    ts: int,
    value: float,
    *,
    trace: str = "",
    span: str = "",
    labels: dict[str, str] | None = None,
) -> None:
    client.command(
        f"""
        INSERT INTO exemplars SETTINGS {NO_DEDUPLICATION}
        SELECT tenant, metric, id, fromUnixTimestamp64Milli({{ts:Int64}}) AS ts, {{value:Float64}} AS value,
          toFixedString(unhex({{trace:String}}), 16) AS trace_id, toFixedString(unhex({{span:String}}), 8) AS span_id,
          CAST(({{keys:Array(String)}}, {{values:Array(String)}}), 'Map(String, String)') AS labels
        FROM series WHERE tenant = 'catalog' AND metric = {{metric:String}} LIMIT 1 BY id
        """,
        {
            "metric": metric, "ts": ts, "value": value, "trace": trace, "span": span, "keys": list(labels or {}),
            "values": list((labels or {}).values()),
        },
    )  # fmt: skip


async def test_exemplars_come_with_their_trace_and_their_series(client: Any, inquiry: Inquiry) -> None:
    insert_exemplar(client, "rpc.duration", NOW, 0.5, trace="ab" * 16, span="cd" * 8, labels={"user": "1"})
    insert_exemplar(client, "rpc.duration", NOW, 0.5, trace="ab" * 16, span="cd" * 8, labels={"user": "1"})
    insert_exemplar(client, "rpc.duration", NOW - 1000, math.inf)
    insert_exemplar(client, "rpc.duration", NOW + 1, 3.0)
    insert_exemplar(client, "up", NOW, NAN)
    labels = labels_of(SERIES[4])
    [(found, told)] = await catalog.exemplars(
        inquiry, "catalog", [selector(("job", "=", "löwe"))], start=NOW - 1000, end=NOW
    )
    assert found == labels
    assert told == [
        Exemplar((), math.inf, NOW - 1000),
        Exemplar((("span_id", "cd" * 8), ("trace_id", "ab" * 16), ("user", "1")), 0.5, NOW),
    ]
    both = await catalog.exemplars(inquiry, "catalog", [UP], start=NOW, end=NOW)
    assert [found for found, _ in both] == sorted(map(labels_of, SERIES[:2]))
    assert all(math.isnan(exemplar.value) for _, told in both for exemplar in told)
    assert await catalog.exemplars(inquiry, "catalog", [selector(("job", "=", "no"))], start=0, end=NOW) == []
