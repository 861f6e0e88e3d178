"""Spans through the real engine: whatever receivers accept is stored, exactly, in every table that the views feed."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import ArrayValue, KeyValueList
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span, Status
from tests.store import strategies
from tests.store.conftest import StoreClient, framed
from tests.store.strategies import NOW, SPAN_ID, TRACE_ID, TRACES, span_body, trace_request, value_of

from sonde.errors import UserError
from sonde.llm.inbox import LlmCalls
from sonde.llm.prices import Prices
from sonde.receivers.otlp.body import check
from sonde.store.frame import varint

TABLES = ("spans", "trace_index", "red_1m", "resources", "attr_values", "rag_traces", "llm_inbox", "llm_calls")
LATEST = 9_200_000_000_000_000_000


@pytest.fixture
def store(client: StoreClient) -> StoreClient:
    client.empty(*TABLES)
    return client


@pytest.fixture
def either_store(either: StoreClient) -> StoreClient:
    either.empty(*TABLES)
    return either


def one(store: StoreClient, columns: str, **fields: Any) -> Any:
    """What the columns hold once a span of these fields is stored: a value, or a list of them."""
    store.insert_bodies(TRACES, [span_body(**fields)])
    [row] = store.rows(f"SELECT {columns} FROM spans")
    return row[0] if len(row) == 1 else row


@settings(suppress_health_check=list(HealthCheck), max_examples=12)
@given(requests=st.lists(strategies.trace_requests, min_size=1, max_size=8))
def test_whatever_is_accepted_is_stored_and_counted_once_everywhere(
    client: StoreClient, requests: list[ExportTraceServiceRequest]
) -> None:
    client.empty(*TABLES)
    spans = [
        s for request in requests for each in request.resource_spans for scope in each.scope_spans for s in scope.spans
    ]
    checked = [check(TRACES, request.SerializeToString()) for request in requests]
    assert sum(each.items for each in checked) == len(spans)

    client.insert_bodies(TRACES, [each.body for each in checked])
    LlmCalls(Prices())(client, "any")  # type: ignore[arg-type]

    counts = client.rows(
        "SELECT (SELECT count() FROM spans), (SELECT sum(span_count) FROM trace_index), (SELECT sum(spans) FROM red_1m), "
        "(SELECT sum(arraySum(mapValues(duration_buckets))) FROM red_1m), (SELECT count() FROM llm_inbox), "
        "(SELECT count() FROM spans WHERE resource_id NOT IN (SELECT resource_id FROM resources))"
    )
    assert counts == [[len(spans), len(spans), len(spans), len(spans), 0, 0]]
    stored = client.rows(
        "SELECT lower(hex(trace_id)), lower(hex(span_id)), name, length(events.name), length(links.span_id), flags FROM spans"
    )
    sent = [[s.trace_id.hex(), s.span_id.hex(), s.name, len(s.events), len(s.links), s.flags] for s in spans]
    assert sorted(stored, key=repr) == sorted(sent, key=repr)
    kept = client.value(
        "SELECT sum(length(attr_str) + length(attr_int) + length(attr_float) + length(attr_bool) + length(attr_json)) FROM spans"
    )
    assert kept == sum(len(span.attributes) for span in spans)


def test_a_span_is_stored_with_all_that_it_says(either_store: StoreClient) -> None:
    scope = ScopeSpans(spans=[Span(trace_id=TRACE_ID, span_id=SPAN_ID, parent_span_id=SPAN_ID, name="GET /cart",
        trace_state="ot=th:8", flags=0x101, kind=Span.SPAN_KIND_SERVER, start_time_unix_nano=NOW, end_time_unix_nano=NOW + 5,
        status=Status(code=Status.STATUS_CODE_ERROR, message="no stock"))])  # fmt: skip
    scope.scope.name, scope.scope.version = "shop.cart", "1.2"
    either_store.insert_bodies(TRACES, [trace_request([scope])])

    [row] = either_store.rows(
        "SELECT tenant, toUnixTimestamp64Nano(ts), lower(hex(parent_span_id)), service, name, kind, status_code, status_message, "
        "duration_nano, scope_name, scope_version, trace_state, flags FROM spans"
    )
    assert row == ["default", NOW, SPAN_ID.hex(), "shop", "GET /cart", "server", "error", "no stock", 5, "shop.cart", "1.2", "ot=th:8", 0x101]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "place", "stored"),
    [
        ("grüße\0'\\", "attr_str", "grüße\0'\\"),
        ("", "attr_str", ""),
        (-(2**63), "attr_int", -(2**63)),
        (0, "attr_int", 0),
        (0.1, "attr_float", 0.1),
        (math.inf, "attr_float", None),
        (False, "attr_bool", False),
        (b"\xff\x00", "attr_json", '"/wA="'),
        (None, "attr_json", "null"),
        ([], "attr_json", "[]"),
        ({}, "attr_json", "{}"),
        (["a", None, 1, 0.5, True], "attr_json", '["a",null,1,0.5,true]'),
        ({"k": {"n": "v"}}, "attr_json", '{"k":{"n":"v"}}'),
        ({'"': "\n"}, "attr_json", '{"\\"":"\\n"}'),
    ],
    ids=repr,
)
def test_attributes_keep_their_type(store: StoreClient, value: Any, place: str, stored: Any) -> None:
    found = one(store, f"{place}['key'], mapKeys({place})", attributes={"key": value})

    assert found == [stored, ["key"]]


def test_numbers_that_json_lacks_do_not_break_the_json_around_them(store: StoreClient) -> None:
    text = one(store, "attr_json['key']", attributes={"key": [math.nan, math.inf, 1.5]})

    assert json.loads(text)[2] == 1.5


@pytest.mark.parametrize("depth", [3, 10, 40])
def test_nests_deeper_than_the_column_keep_every_byte(store: StoreClient, depth: int) -> None:
    value: Any = "the innermost"
    for _ in range(depth):
        value = [value]
    text = one(store, "attr_json['key']", attributes={"key": value})

    [[tail]] = json.loads(text)
    below = ArrayValue.FromString(base64.b64decode(tail["$pb5"]))
    assert below == value_of(value).array_value.values[0].array_value.values[0].array_value

    deep_map = one_more(store, {"a": {"b": {"c": {"d": 1}}}})
    bytes_of_map = base64.b64decode(json.loads(deep_map)["a"]["b"]["$pb6"])
    assert KeyValueList.FromString(bytes_of_map) == value_of({"c": {"d": 1}}).kvlist_value


def one_more(store: StoreClient, value: Any) -> Any:
    store.empty("spans")
    return one(store, "attr_json['key']", attributes={"key": value})


@pytest.mark.parametrize(
    ("start", "end", "stored_start", "duration"),
    [
        (0, 0, 0, 0),
        (0, 1, 0, 1),
        (NOW, NOW - 1, NOW, 0),
        (NOW, 0, NOW, 0),
        (2**62, 2**64 - 1, 2**62, 2**64 - 1 - 2**62),
        (LATEST + 1, LATEST + 2, LATEST, 1),
        (2**63 - 1, 2**64 - 1, LATEST, 2**63),
        (2**64 - 1, 2**64 - 1, LATEST, 0),
        (0, 2**64 - 1, 0, 2**64 - 1),
    ],
)
def test_any_time_is_welcome(store: StoreClient, start: int, end: int, stored_start: int, duration: int) -> None:
    found = one(store, "toUnixTimestamp64Nano(ts), duration_nano", start_time_unix_nano=start, end_time_unix_nano=end)
    index = store.rows(
        "SELECT toUnixTimestamp64Nano(min(start_ts)), toUnixTimestamp64Nano(max(end_ts)) FROM trace_index GROUP BY trace_id"
    )

    assert found == [stored_start, duration]
    assert index == [[stored_start, min(stored_start + duration, LATEST)]]
    assert store.value("SELECT sum(spans) FROM red_1m") == 1
    assert store.value("SELECT toString(toDate32(ts)) = (SELECT toString(any(day)) FROM resources) FROM spans")


def test_spans_of_a_hundred_days_fit_in_one_insert(store: StoreClient) -> None:
    day = 86_400 * 10**9
    spans = [
        Span(trace_id=TRACE_ID, span_id=(n + 1).to_bytes(8, "big"), start_time_unix_nano=n * day) for n in range(120)
    ]
    store.insert_bodies(TRACES, [trace_request([ScopeSpans(spans=spans)])])

    assert store.value("SELECT count() FROM spans") == 120
    assert store.value("SELECT uniqExact(day) FROM resources") == 120


def test_events_and_links_keep_their_order_and_content(either_store: StoreClient) -> None:
    events = [
        Span.Event(time_unix_nano=NOW + n, name=f"event {n}", attributes=strategies.attributes_of({"n": n}))
        for n in range(3)
    ]
    links = [
        Span.Link(
            trace_id=TRACE_ID, span_id=SPAN_ID, trace_state="s", attributes=strategies.attributes_of({"why": ["x"]})
        ),
        Span.Link(),
    ]
    found = one(
        either_store,
        "arrayMap(t -> toUnixTimestamp64Nano(t), events.ts), events.name, events.attributes, "
        "arrayMap(i -> lower(hex(i)), links.trace_id), arrayMap(i -> lower(hex(i)), links.span_id), links.trace_state, links.attributes",
        events=events,
        links=links,
    )

    assert found == [
        [NOW, NOW + 1, NOW + 2],
        ["event 0", "event 1", "event 2"],
        ['{"n":0}', '{"n":1}', '{"n":2}'],
        [TRACE_ID.hex(), "00" * 16],
        [SPAN_ID.hex(), "00" * 8],
        ["s", ""],
        ['{"why":["x"]}', "{}"],
    ]


@pytest.mark.parametrize(("number", "kind"), [(0, "unspecified"), (2, "server"), (5, "consumer"), (6, "unspecified"), (-1, "unspecified")])  # fmt: skip
def test_kinds_that_otlp_does_not_know_are_unspecified(store: StoreClient, number: int, kind: str) -> None:
    assert one(store, "kind", kind=number) == kind


@pytest.mark.parametrize(
    ("resource", "service"),
    [({}, "unknown_service"), ({"service.name": ""}, "unknown_service"), ({"service.name": 7}, "unknown_service"), ({"a": "b", "service.name": "shop"}, "shop")],
)  # fmt: skip
def test_a_service_has_a_name(store: StoreClient, resource: dict[str, Any], service: str) -> None:
    assert one(store, "service", resource=resource) == service


class TestTenant:
    """A client cannot choose its tenant by sending our fields itself, wherever it puts them."""

    SPOOFED = varint(1001 << 3 | 2) + varint(7) + b"someone"
    CLOSED = varint(1001 << 3 | 2) + varint(0)

    @pytest.mark.parametrize("where", ["behind", "before", "between", "twice", "with a checksum"])
    def test_not_even_in_a_body_that_no_receiver_checked(self, store: StoreClient, where: str) -> None:
        body = span_body()
        spoofed = {
            "behind": body + self.SPOOFED,
            "before": self.SPOOFED + body,
            "between": body + self.SPOOFED + span_body(name="second"),
            "twice": body + self.SPOOFED + self.CLOSED + self.SPOOFED,
            "with a checksum": framed(body, "someone")[len(varint(len(framed(body, "someone")))) :],
        }[where]
        store.insert_bodies(TRACES, [spoofed], tenant="honest")

        found = {
            tenant
            for table in ("spans", "trace_index", "red_1m", "resources")
            for (tenant,) in store.rows(f"SELECT DISTINCT tenant FROM {table}")
        }
        assert found <= {"honest", ""}  # of two tenants ClickHouse reads none

    @pytest.mark.parametrize("field", [1001, 1002, 1003])
    def test_a_receiver_does_not_even_accept_such_a_body(self, field: int) -> None:
        with pytest.raises(UserError, match=f"no field {field}"):
            check(TRACES, span_body() + varint(field << 3 | 2) + varint(3) + b"abc")

    def test_bodies_of_many_tenants_in_one_segment_stay_apart(self, store: StoreClient) -> None:
        store.insert_bodies(TRACES, [span_body(), span_body()], tenant="red")
        store.insert_bodies(TRACES, [span_body()], tenant="blue")

        assert store.rows("SELECT tenant, count() FROM spans GROUP BY tenant ORDER BY tenant") == [
            ["blue", 1],
            ["red", 2],
        ]
        assert store.rows("SELECT tenant, sum(span_count) FROM trace_index GROUP BY tenant ORDER BY tenant") == [["blue", 1], ["red", 2]]  # fmt: skip


def test_the_root_of_a_trace_is_its_root_span_whenever_it_comes(store: StoreClient) -> None:
    root_sql = "SELECT min(root).has_parent, min(root).name, sum(span_count) FROM trace_index GROUP BY trace_id"
    store.insert_bodies(TRACES, [span_body(name="child", parent_span_id=SPAN_ID, start_time_unix_nano=NOW - 5)])
    orphaned = store.rows(root_sql)
    store.insert_bodies(TRACES, [span_body(name="root")])

    assert orphaned == [[1, "child", 1]]
    assert store.rows(root_sql) == [[0, "root", 2]]


def test_a_quantile_of_the_digest_is_at_most_five_percent_off(store: StoreClient) -> None:
    durations = [int(1.3**n) for n in range(1, 90)]
    spans = [
        Span(trace_id=TRACE_ID, span_id=SPAN_ID, start_time_unix_nano=NOW, end_time_unix_nano=NOW + duration)
        for duration in durations
    ]
    store.insert_bodies(TRACES, [trace_request([ScopeSpans(spans=spans)])])

    buckets = store.value("SELECT mapKeys(sumMap(duration_buckets)) FROM red_1m")
    for duration in durations:
        assert any(2 ** ((b - 1) / 8) <= duration * 1.000001 and duration <= 2 ** (b / 8) * 1.000001 for b in buckets)
