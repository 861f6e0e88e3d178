"""What both front doors share: large bodies leave the event loop, everything is counted."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from prometheus_client import REGISTRY
from tests.receivers.otlp.bodies import GOOD, TRACE_ID, span, spans
from tests.receivers.otlp.conftest import Recorder, authenticate, call

from sonde.errors import Unavailable
from sonde.receivers.in_flight import InFlight
from sonde.receivers.otlp import http as otlp_http
from sonde.receivers.receiver import Receiver
from sonde.telemetry.signal import Signal

PROTOBUF = {"content-type": "application/x-protobuf"}


def small_spans(count: int, *more: Span) -> bytes:
    return spans(*(Span(trace_id=TRACE_ID, span_id=index.to_bytes(8, "big")) for index in range(1, count + 1)), *more)


LARGE = small_spans(12_000)
LARGE_JSON = {"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "a" * 32, "spanId": "b" * 16}] * 800}]}]}


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        pytest.param(LARGE, PROTOBUF, id="a large body"),
        pytest.param(gzip.compress(LARGE), PROTOBUF | {"content-encoding": "gzip"}, id="a small body that grows"),
        pytest.param(json.dumps(LARGE_JSON).encode(), {"content-type": "application/json"}, id="much JSON"),
        pytest.param(small_spans(3_000, Span()), PROTOBUF, id="many items and a bad id"),
    ],
)
async def test_a_body_that_takes_long_is_decoded_beside_the_event_loop(body, headers, recorder):
    receiver = Receiver(recorder, authenticate, InFlight(1 << 28))
    answer = await call(otlp_http.application(receiver), "/v1/traces", body, headers=headers)
    assert answer.status == 200
    assert len(recorder.kept) == 1
    assert [thread.name for thread in threading.enumerate() if thread in receiver.threads._threads]


async def test_a_small_body_is_not(recorder):
    receiver = Receiver(recorder, authenticate, InFlight(1 << 28))
    assert (
        await call(otlp_http.application(receiver), "/v1/traces", GOOD[Signal.TRACES], headers=PROTOBUF)
    ).status == 200
    assert not receiver.threads._threads


async def test_partial_success_counts_among_many(recorder):
    receiver = Receiver(recorder, authenticate, InFlight(1 << 28))
    body = small_spans(5_000, Span(span_id=b"12345678"), span(trace_id=b"short"))
    answer = await call(otlp_http.application(receiver), "/v1/traces", body, headers=PROTOBUF)
    response = ExportTraceServiceResponse.FromString(answer.body)
    assert response.partial_success.error_message == (
        "2 of 5002 spans rejected for bad ids; in the first, trace_id is missing"
    )
    assert recorder.bodies == [small_spans(5_000)]


async def test_every_body_is_counted_by_what_became_of_it():
    recorder = Recorder()
    app = otlp_http.application(Receiver(recorder, authenticate, InFlight(1 << 28)))

    def counted(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(name, {"protocol": "otlp_http", "signal": "traces"} | labels) or 0.0

    outcomes = [
        "accepted",
        "bad_request",
        "too_large",
        "unauthorized",
        "method_not_allowed",
        "unavailable",
        "disconnected",
    ]
    bodies = "sonde_receivers_bodies_total"
    before = {outcome: counted(bodies, outcome=outcome) for outcome in outcomes}
    items = {outcome: counted("sonde_receivers_items_total", outcome=outcome) for outcome in ("accepted", "rejected")}
    size_bytes = counted("sonde_receivers_bytes_total")

    good = GOOD[Signal.TRACES]
    await call(app, "/v1/traces", good, headers=PROTOBUF)
    partial = spans(span(1), span(2, trace_id=b""))
    await call(app, "/v1/traces", partial, headers=PROTOBUF)
    await call(app, "/v1/traces", b"text", headers=PROTOBUF)
    await call(app, "/v1/traces", headers=PROTOBUF | {"content-length": str(1 << 40)})
    await call(app, "/v1/traces", good, headers=PROTOBUF | {"authorization": "Bearer nobody"})
    await call(app, "/v1/traces", method="GET")
    await call(app, "/v1/traces", good, ends="http.disconnect", headers=PROTOBUF)
    recorder.error = Unavailable("the disk is full")
    await call(app, "/v1/traces", good, headers=PROTOBUF)

    after = {outcome: counted(bodies, outcome=outcome) - before[outcome] for outcome in outcomes}
    assert after == dict.fromkeys(outcomes, 1) | {"accepted": 2}
    assert counted("sonde_receivers_items_total", outcome="accepted") - items["accepted"] == 4
    assert counted("sonde_receivers_items_total", outcome="rejected") - items["rejected"] == 1
    assert counted("sonde_receivers_bytes_total") - size_bytes == len(good) + len(spans(span(1)))


async def test_the_gauge_of_bytes_in_flight_returns_to_where_it_was(recorder):
    receiver = Receiver(recorder, authenticate, InFlight(1 << 28))
    held = REGISTRY.get_sample_value("sonde_receivers_in_flight_bytes")
    app = otlp_http.application(receiver)
    await asyncio.gather(*(call(app, "/v1/traces", b"bad", headers=PROTOBUF) for _ in range(20)))
    assert receiver.in_flight.held_bytes == 0
    assert REGISTRY.get_sample_value("sonde_receivers_in_flight_bytes") in {0, held}
