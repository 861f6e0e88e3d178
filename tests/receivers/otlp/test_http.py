"""OTLP over HTTP, with a real server and a real client: statuses, messages and what is kept."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import sys

import httpx
import pytest
from google.rpc.status_pb2 import Status
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from tests.receivers.otlp.bodies import GOOD, delimited, log_record, logs, nested_body, span, spans
from tests.receivers.otlp.conftest import Recorder, authenticate, call

from sonde.errors import Unavailable
from sonde.receivers.in_flight import InFlight
from sonde.receivers.otlp import http as otlp_http
from sonde.receivers.receiver import LEAST_BYTES_PER_SECOND, LIMIT_BYTES, Receiver, extend, read_timeout
from sonde.telemetry.signal import Signal

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PROTOBUF, JSON = "application/x-protobuf", "application/json"
JSON_SPAN = {"traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "eee19b7ec3c1b174", "name": "GET /"}
GOOD_JSON = {"resourceSpans": [{"scopeSpans": [{"spans": [JSON_SPAN]}]}]}
COMPRESS = {"": bytes, "identity": bytes, "gzip": gzip.compress, "zstd": zstd.compress}
RESPONSES = {
    Signal.TRACES: ExportTraceServiceResponse,
    Signal.LOGS: ExportLogsServiceResponse,
    Signal.METRICS: ExportMetricsServiceResponse,
}


def headers(media_type: str = PROTOBUF, encoding: str = "") -> dict[str, str]:
    return {"content-type": media_type} | ({"content-encoding": encoding} if encoding else {})


def message(response: httpx.Response) -> str:
    """The message of an error, after checking that its body is a Status in the right form."""
    if response.headers["content-type"] == JSON:
        status = json.loads(response.content)
        assert set(status) == {"code", "message"}
        return status["message"]
    assert response.headers["content-type"] == PROTOBUF
    return Status.FromString(response.content).message


# Good bodies


@pytest.mark.parametrize("encoding", COMPRESS)
@pytest.mark.parametrize("signal", GOOD)
def test_a_good_body_is_kept_byte_for_byte(signal, encoding, http_client, recorder):
    body = COMPRESS[encoding](GOOD[signal])
    response = http_client.post(f"/v1/{signal}", content=body, headers=headers(PROTOBUF, encoding))
    assert (response.status_code, response.headers["content-type"]) == (200, PROTOBUF)
    assert RESPONSES[signal].FromString(response.content) == RESPONSES[signal]()
    assert recorder.kept == [(signal, GOOD[signal], "default")]


@pytest.mark.parametrize("encoding", COMPRESS)
@pytest.mark.parametrize("media_type", [JSON, "application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"'])
def test_otlp_json_is_kept_as_protobuf_and_answered_in_json(media_type, encoding, http_client, recorder):
    body = COMPRESS[encoding](json.dumps(GOOD_JSON).encode())
    response = http_client.post("/v1/traces", content=body, headers=headers(media_type, encoding))
    assert (response.status_code, response.headers["content-type"], response.text) == (200, JSON, "{}")
    assert recorder.bodies == [spans_without_scope()]


def spans_without_scope() -> bytes:
    one = b"\x0a\x10" + bytes.fromhex(JSON_SPAN["traceId"]) + b"\x12\x08" + bytes.fromhex(JSON_SPAN["spanId"])
    return delimited(1, delimited(2, delimited(2, one + delimited(5, b"GET /"))))


@pytest.mark.parametrize("encoding", ["", "gzip", "zstd"])
@pytest.mark.parametrize(("media_type", "answer"), [(PROTOBUF, b""), (JSON, b"{}")])
def test_an_empty_request_succeeds_and_keeps_nothing(media_type, answer, encoding, http_client, recorder):
    empty = b"{}" if media_type == JSON else b""
    response = http_client.post("/v1/logs", content=COMPRESS[encoding](empty), headers=headers(media_type, encoding))
    assert (response.status_code, response.content) == (200, answer)
    assert recorder.kept == []


def test_an_empty_body_of_json_is_an_empty_request(http_client):
    assert http_client.post("/v1/logs", content=b"", headers=headers(JSON)).content == b"{}"


def test_the_tenant_comes_from_who_is_calling(http_client, recorder):
    http_client.post("/v1/logs", content=GOOD[Signal.LOGS], headers=headers() | {"x-scope-orgid": "team-a"})
    assert recorder.kept == [(Signal.LOGS, GOOD[Signal.LOGS], "team-a")]


async def test_it_can_be_mounted_below_a_path(receiver, recorder):
    app = otlp_http.application(receiver)
    good = GOOD[Signal.LOGS]
    mounted = await call(app, "/otlp/v1/logs", good, root_path="/otlp", headers=headers())
    assert mounted.status == 200
    assert (await call(app, "/otlp/v1/logs", good, headers=headers())).status == 404
    assert recorder.bodies == [good]


# Partial success

PARTIAL = spans(span(1), span(2, span_id=b"short"), span(3))
REASON = "1 of 3 spans rejected for bad ids; in the first, span_id has 5 bytes instead of 8"


def test_partial_success_in_protobuf(http_client, recorder):
    response = http_client.post("/v1/traces", content=PARTIAL, headers=headers())
    answer = ExportTraceServiceResponse.FromString(response.content)
    assert response.status_code == 200
    assert (answer.partial_success.rejected_spans, answer.partial_success.error_message) == (1, REASON)
    assert recorder.bodies == [spans(span(1), span(3))]


def test_partial_success_in_json(http_client, recorder):
    both = [JSON_SPAN, JSON_SPAN | {"traceId": "00" * 16}]
    body = {"resourceSpans": [{"scopeSpans": [{"spans": both}]}]}
    response = http_client.post("/v1/traces", json=body)
    assert response.status_code == 200
    assert response.json() == {
        "partialSuccess": {
            "rejectedSpans": "1",
            "errorMessage": "1 of 2 spans rejected for bad ids; in the first, trace_id is all zero",
        }
    }
    assert recorder.bodies == [spans_without_scope()]


def test_partial_success_of_logs_counts_log_records(http_client):
    body = logs(log_record(1), log_record(2, trace_id=b"short"))
    response = http_client.post("/v1/logs", content=body, headers=headers())
    assert ExportLogsServiceResponse.FromString(response.content).partial_success.rejected_log_records == 1


# Bad requests

BAD_PROTOBUF = {
    "truncated": (GOOD[Signal.TRACES][:-3], "is not an ExportTraceServiceRequest in protobuf; it may have been cut"),
    "text": (b"hello, world", "the body of 12 bytes is not an ExportTraceServiceRequest in protobuf"),
    "json": (b'{"resourceSpans":[]}', "it looks like JSON: send it with content-type application/json"),
    "logs": (
        GOOD[Signal.LOGS],
        "not an ExportTraceServiceRequest; it reads as an ExportLogsServiceRequest: send that to /v1/logs",
    ),
    "metrics": (GOOD[Signal.METRICS], "it reads as an ExportMetricsServiceRequest: send that to /v1/metrics"),
    "deep": (nested_body(5_000), "is nested too deeply; arrays and maps may nest 45 times"),
    "not utf-8": (GOOD[Signal.TRACES].replace(b"GET", b"G\xffT"), "has text that is not UTF-8"),
    "bad ids": (spans(span(trace_id=b"short")), "all 1 spans have bad ids; in the first, trace_id has 5 bytes"),
    "wrong type": (delimited(1, delimited(2, delimited(2, b"\x28\x01"))), "Span.name has wire type 0"),
}
BAD_JSON = {
    "truncated": (json.dumps(GOOD_JSON)[:-3].encode(), "the body is not JSON: EOF while parsing an object at line 1"),
    "text": (b"hello, world", "the body is not JSON: expected value at line 1 column 1"),
    "protobuf": (GOOD[Signal.TRACES], "send protobuf with content-type application/x-protobuf"),
    "logs": (
        b'{"resourceLogs": []}',
        "the body has no resourceSpans, but 'resourceLogs'; send log records to /v1/logs",
    ),
    "deep": (b'{"resourceSpans":' + b"[" * 5_000, "recursion limit exceeded at line 1"),
    "not utf-8": (b'{"resourceSpans": "\xff"}', "invalid unicode code point at line 1"),
    "wrong type": (b'{"resourceSpans": 1}', "resourceSpans must be an array, and is 1"),
    "bad ids": (json.dumps(GOOD_JSON).replace("eee1", "").encode(), "span_id has 6 bytes instead of 8"),
    "not hex": (json.dumps(GOOD_JSON).replace("eee1", "egg1").encode(), "spans[0].spanId must be an id in hex, and is"),
}


@pytest.mark.parametrize("encoding", ["", "gzip", "zstd"])
@pytest.mark.parametrize(
    ("media_type", "body", "words"),
    [pytest.param(PROTOBUF, *case, id=f"protobuf {name}") for name, case in BAD_PROTOBUF.items()]
    + [pytest.param(JSON, *case, id=f"json {name}") for name, case in BAD_JSON.items()],
)
def test_a_bad_body_is_400_with_a_message_and_nothing_is_kept(media_type, body, words, encoding, http_client, recorder):
    response = http_client.post("/v1/traces", content=COMPRESS[encoding](body), headers=headers(media_type, encoding))
    assert (response.status_code, response.headers["content-type"]) == (400, media_type)
    assert words in message(response)
    assert recorder.kept == []
    assert http_client.post("/v1/traces", content=GOOD[Signal.TRACES], headers=headers()).status_code == 200


BAD_COMPRESSION = [
    ("gzip", GOOD[Signal.TRACES], "cannot be decompressed as gzip: Error -3 while decompressing data"),
    ("gzip", gzip.compress(GOOD[Signal.TRACES])[:-1], "cannot be decompressed as gzip: it is cut short"),
    ("gzip", gzip.compress(GOOD[Signal.TRACES]) + b"garbage", "as gzip (member 2): Error -3"),
    ("gzip", b"", "cannot be decompressed as gzip: it is cut short"),
    ("gzip", zstd.compress(GOOD[Signal.TRACES]), "cannot be decompressed as gzip"),
    ("zstd", GOOD[Signal.TRACES], "cannot be decompressed as zstd"),
    ("zstd", zstd.compress(GOOD[Signal.TRACES])[:-1], "cannot be decompressed as zstd: it is cut short"),
    ("zstd", zstd.compress(GOOD[Signal.TRACES]) + b"garbage", "as zstd (member 2)"),
]


@pytest.mark.parametrize(("encoding", "body", "words"), BAD_COMPRESSION)
def test_damaged_compression_is_400(encoding, body, words, http_client, recorder):
    response = http_client.post("/v1/traces", content=body, headers=headers(PROTOBUF, encoding))
    assert response.status_code == 400
    assert words in message(response)
    assert recorder.kept == []


UNREADABLE = [
    ({"content-type": "text/plain"}, "content-type 'text/plain' is not read here; send application/x-protobuf or"),
    ({"content-type": "application/json; charset=latin-1"}, "is not read here"),
    ({}, "the request has no content-type; send application/x-protobuf or application/json"),
    (headers(PROTOBUF, "br"), "content-encoding 'br' is not read here; send it plain, or with gzip or zstd"),
    (headers(JSON, "gzip, gzip"), "content-encoding 'gzip, gzip' is not read here"),
]


@pytest.mark.parametrize(("named", "words"), UNREADABLE)
def test_a_content_type_or_encoding_nobody_reads_is_415(named, words, http_client, recorder):
    response = http_client.post("/v1/traces", content=GOOD[Signal.TRACES], headers=named)
    assert response.status_code == 415
    assert words in message(response)
    assert recorder.kept == []


def test_another_path_is_404_and_says_which_there_are(http_client):
    response = http_client.post("/v1/profiles", content=b"", headers=headers())
    assert response.status_code == 404
    assert message(response) == "nothing is at /v1/profiles; OTLP is at /v1/traces, /v1/logs, /v1/metrics"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
def test_another_method_is_405_and_names_post(method, http_client):
    response = http_client.request(method, "/v1/traces")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert message(response) == f"/v1/traces does not take {method}; send POST"


# Who is calling


@pytest.mark.parametrize(
    ("named", "status", "words"),
    [
        ({"authorization": "Bearer nobody"}, 401, "this key was not issued here; make one with `sonde keys create`"),
        ({"authorization": "Bearer reader"}, 403, "the key 'reader' may not send telemetry"),
        ({"x-scope-orgid": "a/b"}, 400, "tenant id 'a/b' has characters that are not allowed"),
    ],
)
def test_a_stranger_is_refused(named, status, words, http_client, recorder):
    response = http_client.post("/v1/traces", content=GOOD[Signal.TRACES], headers=headers() | named)
    assert response.status_code == status
    assert words in message(response)
    assert ("www-authenticate" in response.headers) == (status == 401)
    assert recorder.kept == []


async def test_a_stranger_is_refused_before_the_body_is_read(receiver):
    """The body never comes; the answer does."""
    named = headers() | {"authorization": "Bearer nobody", "content-length": "1000000"}
    assert (await call(otlp_http.application(receiver), "/v1/traces", ends="never", headers=named)).status == 401


# Too much, too slow


def test_65_mib_are_413_whether_announced_or_not(http_client, recorder):
    def pieces():
        for _ in range(65):
            yield bytes(1024 * 1024)

    announced = http_client.post("/v1/traces", content=bytes(65 * 1024 * 1024), headers=headers())
    chunked = http_client.post("/v1/traces", content=pieces(), headers=headers())
    for response in (announced, chunked):
        assert response.status_code == 413
        assert message(response) == "the body is larger than 67108864 bytes on the wire; send smaller batches"
    assert recorder.kept == []
    assert http_client.post("/v1/traces", content=GOOD[Signal.TRACES], headers=headers()).status_code == 200


async def test_an_announced_length_beyond_the_limit_is_413_before_anything_is_read(receiver):
    named = headers() | {"content-length": str(LIMIT_BYTES + 1)}
    assert (await call(otlp_http.application(receiver), "/v1/traces", ends="never", headers=named)).status == 413


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
@pytest.mark.parametrize("media_type", [PROTOBUF, JSON])
def test_a_zip_bomb_is_413(media_type, encoding, http_client, recorder):
    bomb = COMPRESS[encoding](bytes(65 * 1024 * 1024))
    response = http_client.post("/v1/traces", content=bomb, headers=headers(media_type, encoding))
    assert response.status_code == 413
    assert message(response) == "the body is larger than 67108864 bytes after decompression; send smaller batches"
    assert recorder.kept == []


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_a_body_of_just_under_the_limit_is_kept(encoding, http_client, recorder):
    padding = delimited(5, b"n" * (LIMIT_BYTES - 1024))
    one = span().SerializeToString().replace(delimited(5, b"GET /cart/1"), padding)
    body = delimited(1, delimited(2, delimited(2, one)))
    response = http_client.post("/v1/traces", content=COMPRESS[encoding](body), headers=headers(PROTOBUF, encoding))
    assert response.status_code == 200
    assert recorder.bodies == [body]


def test_who_asks_before_sending_is_told_that_it_is_too_much(listening, recorder):
    """As curl does with large bodies: `Expect: 100-continue`, and the body only after "100 Continue"."""
    head = "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\nexpect: 100-continue\r\n"
    with socket.create_connection(("127.0.0.1", listening.http_port)) as plain:
        plain.sendall(f"{head}content-length: {LIMIT_BYTES + 1}\r\n\r\n".encode())
        assert plain.recv(1000).startswith(b"HTTP/1.1 413 ")
    with socket.create_connection(("127.0.0.1", listening.http_port)) as plain:
        plain.sendall(f"{head}content-length: 0\r\n\r\n".encode())
        assert plain.recv(1000).startswith(b"HTTP/1.1 100 Continue")


async def test_a_body_that_does_not_come_is_408(recorder):
    receiver = Receiver(recorder, authenticate, InFlight(1000), read_timeout_seconds=0.01)
    response = await call(otlp_http.application(receiver), "/v1/traces", b"\x0a", ends="never", headers=headers())
    assert (response.status, response.headers["connection"]) == (408, "close")
    assert receiver.in_flight.held_bytes == 0


async def test_a_body_that_keeps_coming_gets_more_time(receiver):
    async with read_timeout(receiver) as deadline:
        before = deadline.when()
        extend(deadline, LEAST_BYTES_PER_SECOND * 2)
        assert deadline.when() == before + 2


async def test_a_sender_that_goes_away_is_not_answered(receiver, recorder):
    app = otlp_http.application(receiver)
    assert await call(app, "/v1/traces", b"\x0a", ends="http.disconnect", headers=headers()) is None
    assert receiver.in_flight.held_bytes == 0
    assert recorder.kept == []


# Overload


def test_an_overloaded_store_is_503_with_retry_after(http_client, recorder):
    recorder.error = Unavailable("the disk is full", hint="free some space", retry_after_seconds=12.2)
    response = http_client.post("/v1/traces", content=GOOD[Signal.TRACES], headers=headers())
    assert (response.status_code, response.headers["retry-after"]) == (503, "13")
    assert message(response) == "the disk is full; free some space"


def test_an_error_of_our_own_is_500_and_does_not_tell_how(http_client, recorder, caplog):
    recorder.error = RuntimeError("a bug with a secret")
    response = http_client.post("/v1/traces", content=GOOD[Signal.TRACES], headers=headers())
    assert response.status_code == 500
    assert message(response) == "Sonde failed to keep this body; its log says why"
    assert "a bug with a secret" in caplog.text


async def test_bodies_beyond_what_may_be_in_flight_are_503_until_others_are_stored(recorder):
    good = GOOD[Signal.TRACES]
    receiver = Receiver(recorder, authenticate, InFlight(limit_bytes=len(good) * 2 - 1))
    app = otlp_http.application(receiver)
    arrived, stored = asyncio.Event(), asyncio.Event()

    async def gate():
        arrived.set()
        await stored.wait()

    recorder.gate = gate
    first = asyncio.create_task(call(app, "/v1/traces", good, headers=headers()))
    await arrived.wait()
    second = await call(app, "/v1/traces", good, headers=headers())
    assert (second.status, second.headers["retry-after"]) == (503, "1")
    stored.set()
    assert (await first).status == 200
    assert (await call(app, "/v1/traces", good, headers=headers())).status == 200
    assert receiver.in_flight.held_bytes == 0


async def test_decompressed_bytes_count_as_in_flight_too(recorder):
    body = gzip.compress(spans(*(span(index) for index in range(1, 100))))
    receiver = Receiver(recorder, authenticate, InFlight(limit_bytes=len(body) * 2))
    named = headers(PROTOBUF, "gzip")
    assert (await call(otlp_http.application(receiver), "/v1/traces", body, headers=named)).status == 503
    assert receiver.in_flight.held_bytes == 0


# Anything at all


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    signal=st.sampled_from(sorted(GOOD)),
    changes=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 4), st.binary(max_size=4)), max_size=4
    ),
    encoding=st.sampled_from(["", "gzip", "zstd"]),
    before_compression=st.booleans(),
)
def test_whatever_happens_to_a_body_it_is_kept_as_it_is_or_refused(signal, changes, encoding, before_compression):
    def mutate(raw: bytes) -> bytes:
        mutated = bytearray(raw)
        for place, removed, put in changes:
            at = int(place * len(mutated))
            mutated[at : at + removed] = put
        return bytes(mutated)

    plain = mutate(GOOD[signal]) if before_compression else GOOD[signal]
    wire = COMPRESS[encoding](plain)
    wire = wire if before_compression else mutate(wire)
    recorder = Recorder()
    app = otlp_http.application(Receiver(recorder, authenticate, InFlight(1 << 28)))
    answer = asyncio.run(call(app, f"/v1/{signal}", wire, headers=headers(PROTOBUF, encoding)))
    response = RESPONSES[signal]()
    if answer.status == 200:
        response.ParseFromString(answer.body)
    if answer.status == 200 and not response.HasField("partial_success"):
        sent = plain if before_compression or encoding else wire
        assert recorder.bodies in ([sent], [])
    elif answer.status == 200:
        assert len(recorder.kept) == 1
    else:
        assert answer.status == 400
        assert Status.FromString(answer.body).message
        assert recorder.kept == []
