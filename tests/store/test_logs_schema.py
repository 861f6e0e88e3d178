"""Log records through the real engine: whatever receivers accept is stored, exactly, in every table that the views feed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from tests.store import strategies
from tests.store.conftest import RECEIVED, StoreClient
from tests.store.strategies import LOGS, NOW, SPAN_ID, TRACE_ID, log_body

from sonde.errors import UserError
from sonde.receivers.otlp.body import check
from sonde.store.frame import varint

TABLES = ("logs", "scores", "resources", "attr_values")
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
    store.insert_bodies(LOGS, [log_body(**fields)])
    [row] = store.rows(f"SELECT {columns} FROM logs")
    return row[0] if len(row) == 1 else row


@settings(suppress_health_check=list(HealthCheck), max_examples=12)
@given(requests=st.lists(strategies.log_requests, min_size=1, max_size=8))
def test_whatever_is_accepted_is_stored_and_counted_once_everywhere(
    client: StoreClient, requests: list[ExportLogsServiceRequest]
) -> None:
    client.empty(*TABLES)
    records = [
        r
        for request in requests
        for each in request.resource_logs
        for scope in each.scope_logs
        for r in scope.log_records
    ]
    checked = [check(LOGS, request.SerializeToString()) for request in requests]
    rated = [r for r in records if r.event_name in {"sonde.feedback", "gen_ai.evaluation.result"}]
    assert sum(each.items for each in checked) == len(records)

    client.insert_bodies(LOGS, [each.body for each in checked])

    assert client.rows(
        "SELECT (SELECT count() FROM logs), (SELECT count() FROM scores), "
        "(SELECT count() FROM logs WHERE resource_id NOT IN (SELECT resource_id FROM resources))"
    ) == [[len(records), len(rated), 0]]
    stored = client.rows("SELECT lower(hex(trace_id)), lower(hex(span_id)), severity_text, event_name, flags FROM logs")
    sent = [
        [r.trace_id.hex() or "00" * 16, r.span_id.hex() or "00" * 8, r.severity_text, r.event_name, r.flags]
        for r in records
    ]
    assert sorted(stored, key=repr) == sorted(sent, key=repr)
    kept = client.value(
        "SELECT sum(length(attr_str) + length(attr_int) + length(attr_float) + length(attr_bool) + length(attr_json)) FROM logs"
    )
    assert kept == sum(len(record.attributes) for record in records)


@pytest.mark.parametrize(
    ("time", "observed", "stored", "stored_observed"),
    [
        (NOW, NOW + 1, NOW, NOW + 1),
        (NOW, 0, NOW, RECEIVED),
        (0, NOW, NOW, NOW),
        (0, 0, RECEIVED, RECEIVED),
        (1, 1, 1, 1),
        (2**64 - 1, 2**63, LATEST, LATEST),
    ],
)
def test_a_record_has_its_own_time_or_that_of_who_saw_it_first(
    store: StoreClient, time: int, observed: int, stored: int, stored_observed: int
) -> None:
    found = one(
        store,
        "toUnixTimestamp64Nano(ts), toUnixTimestamp64Nano(observed_ts)",
        time_unix_nano=time,
        observed_time_unix_nano=observed,
    )

    assert found == [stored, stored_observed]
    assert store.value("SELECT toString(toDate32(ts)) = (SELECT toString(any(day)) FROM resources) FROM logs")


@pytest.mark.parametrize(
    ("body", "stored"),
    [
        ("cart emptied", "cart emptied"),
        ("", ""),
        (None, ""),
        (7, "7"),
        (True, "true"),
        (0.5, "0.5"),
        (b"\xff\x00", '"/wA="'),
        (["a", 1], '["a",1]'),
        ({"event": {"n": 1}}, '{"event":{"n":1}}'),
        ("line one\nline two\t\0", "line one\nline two\t\0"),
    ],
    ids=repr,
)
def test_a_body_is_text_or_json(either_store: StoreClient, body: Any, stored: str) -> None:
    assert one(either_store, "body", body=body) == stored


def test_a_deep_body_is_json_that_can_be_read(store: StoreClient) -> None:
    body: Any = "innermost"
    for _ in range(30):
        body = {"k": body}

    assert set(json.loads(one(store, "body", body=body))["k"]["k"]) == {"$pb6"}


@pytest.mark.parametrize(
    ("fields", "level"),
    [
        ({"severity_number": 1}, "trace"),
        ({"severity_number": 9}, "info"),
        ({"severity_number": 17, "severity_text": "INFO"}, "error"),
        ({"severity_number": 24}, "fatal"),
        ({"severity_number": 25, "severity_text": "WARN"}, "warn"),
        ({"severity_number": -1}, "unknown"),
        ({"severity_text": "Warning"}, "warn"),
        ({"severity_text": "CRITICAL"}, "fatal"),
        ({"severity_text": "loud"}, "unknown"),
        ({"attributes": {"level": "ERROR"}}, "error"),
        ({"attributes": {"level": 3}}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_levels_are_ours_whatever_they_were_called(store: StoreClient, fields: dict[str, Any], level: str) -> None:
    assert one(store, "level", **fields) == level


def test_an_unknown_severity_number_is_none(store: StoreClient) -> None:
    assert one(store, "severity_number", severity_number=2**31 - 1) == 0


def test_a_client_cannot_choose_its_tenant(store: StoreClient) -> None:
    spoofed = varint(1001 << 3 | 2) + varint(7) + b"someone"
    store.insert_bodies(LOGS, [spoofed + log_body() + spoofed], tenant="honest")

    assert store.rows("SELECT DISTINCT tenant FROM logs") == [[""]]  # of two tenants ClickHouse reads none
    with pytest.raises(UserError, match="no field 1001"):
        check(LOGS, log_body() + spoofed)


def test_feedback_becomes_a_score_of_its_trace(store: StoreClient) -> None:
    rated = {
        "sonde.feedback.name": "helpful",
        "sonde.feedback.rating": 4,
        "sonde.feedback.user_id": "u1",
        "sonde.feedback.comment": "good",
        "sonde.feedback.session_id": "s1",
    }
    store.insert_bodies(
        LOGS, [log_body(event_name="sonde.feedback", trace_id=TRACE_ID, span_id=SPAN_ID, attributes=rated)]
    )

    assert store.rows(
        "SELECT name, data_type, value, string_value, user_id, comment, session_id, source, lower(hex(trace_id)), service FROM scores"
    ) == [["helpful", "numeric", 4, "", "u1", "good", "s1", "feedback", TRACE_ID.hex(), "shop"]]


@pytest.mark.parametrize(
    ("rating", "data_type", "value", "text"),
    [
        ({"sonde.feedback.rating": 0.5}, "numeric", 0.5, ""),
        ({"sonde.feedback.rating": True}, "boolean", 1, ""),
        ({"sonde.feedback.value": "thumbs_up"}, "categorical", None, "thumbs_up"),
        ({}, "categorical", None, ""),
    ],
)
def test_ratings_are_numbers_booleans_or_words(
    store: StoreClient, rating: dict[str, Any], data_type: str, value: Any, text: str
) -> None:
    store.insert_bodies(LOGS, [log_body(event_name="sonde.feedback", attributes=rating)])

    assert store.rows("SELECT data_type, value, string_value FROM scores") == [[data_type, value, text]]
