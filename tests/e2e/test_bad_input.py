"""Bad input against the real server: the right status, words that help, nothing stored, and a server that is well."""

from __future__ import annotations

import functools
import gzip
import json
import socket
import sys
import zlib
from collections.abc import Callable

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from tests.e2e import bodies
from tests.e2e.server_process import ServerProcess

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

pytestmark = pytest.mark.e2e

MIB = 1 << 20
GOOD = bodies.spans(1)
JSON = {"Content-Type": "application/json"}
TABLES = ("spans", "trace_index", "red_1m", "resources", "attr_values", "llm_calls", "rag_traces", "logs", "scores")


def span_with(**fields: object) -> bytes:
    request = ExportTraceServiceRequest.FromString(GOOD)
    for span in request.resource_spans[0].scope_spans[0].spans:
        for name, value in fields.items():
            setattr(span, name, value)
    return request.SerializeToString()


def nested(depth: int) -> bytes:
    value = b"\x0a\x01x"
    for _ in range(depth):
        value = b"\x0a" + _length(value)  # ArrayValue.values
        value = b"\x2a" + _length(value)  # AnyValue.array_value
    attribute = b"\x0a\x01k" + b"\x12" + _length(value)
    resource = b"\x0a" + _length(attribute)
    return b"\x0a" + _length(b"\x0a" + _length(resource))


def _length(content: bytes) -> bytes:
    size, out = len(content), bytearray()
    while size > 0x7F:
        out.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes(out) + bytes([size]) + content


@functools.cache
def zip_bomb() -> bytes:
    """A gibibyte in five mebibytes."""
    packer = zlib.compressobj(1, wbits=31)
    return b"".join([*(packer.compress(bytes(16 * MIB)) for _ in range(64)), packer.flush()])


@functools.cache
def zstd_bomb() -> bytes:
    packer = zstd.ZstdCompressor()
    return b"".join([*(packer.compress(bytes(16 * MIB)) for _ in range(64)), packer.flush()])


BAD: list[tuple[str, Callable[[], bytes], dict[str, str], int, str]] = [
    ("truncated", lambda: GOOD[:-7], {}, 400, "cut short"),
    ("truncated in gzip", lambda: gzip.compress(GOOD)[:-9], {"Content-Encoding": "gzip"}, 400, "cut short"),
    ("random bytes", lambda: b"\x07\xff\xfe\x00" * 50, {}, 400, "not an ExportTraceServiceRequest"),
    ("another signal", lambda: bodies.logs(1), {}, 400, "/v1/logs"),
    ("metrics", lambda: bodies.metrics(1), {}, 400, "/v1/metrics"),
    ("JSON called protobuf", lambda: b'{"resourceSpans": []}', {}, 400, "application/json"),
    ("protobuf called JSON", lambda: GOOD, JSON, 400, "JSON"),
    ("broken JSON", lambda: b'{"resourceSpans": [', JSON, 400, "JSON"),
    ("JSON of a wrong type", lambda: b'{"resourceSpans": 7}', JSON, 400, "resourceSpans"),
    ("deep JSON", lambda: b'{"resourceSpans":' + b"[" * 200_000, JSON, 400, "recursion"),
    ("no content type", lambda: GOOD, {"Content-Type": ""}, 415, "content-type"),
    ("text", lambda: GOOD, {"Content-Type": "text/plain"}, 415, "application/x-protobuf"),
    ("unknown encoding", lambda: GOOD, {"Content-Encoding": "br"}, 415, "gzip or zstd"),
    ("not gzip", lambda: GOOD, {"Content-Encoding": "gzip"}, 400, "gzip"),
    ("not zstd", lambda: GOOD, {"Content-Encoding": "zstd"}, 400, "zstd"),
    ("65 MiB", lambda: bytes(65 * MIB), {}, 413, "larger than"),
    ("zip bomb", zip_bomb, {"Content-Encoding": "gzip"}, 413, "after decompression"),
    ("zstd bomb", zstd_bomb, {"Content-Encoding": "zstd"}, 413, "after decompression"),
    ("deep nesting", lambda: nested(20_000), {}, 400, "too deeply"),
    ("invalid UTF-8", lambda: GOOD.replace(b"operation 1", b"operation \xff"), {}, 400, "UTF-8"),
    ("short trace ids", lambda: span_with(trace_id=b"short"), {}, 400, "trace_id has 5 bytes instead of 16"),
    ("long span ids", lambda: span_with(span_id=bytes(9)), {}, 400, "span_id has 9 bytes instead of 8"),
    ("zero trace ids", lambda: span_with(trace_id=bytes(16)), {}, 400, "trace_id is all zero"),
    ("no span ids", lambda: span_with(span_id=b""), {}, 400, "span_id is missing"),
    ("our own fields", lambda: GOOD + b"\xca\x3e\x05other", {}, 400, "no field 1001"),
    ("a bad tenant", lambda: GOOD, {"X-Scope-OrgID": "a/../b"}, 400, "tenant"),
]


@pytest.mark.parametrize(("make", "headers", "status", "words"), [pytest.param(*case[1:], id=case[0]) for case in BAD])
def test_bad_input_is_refused_in_words(
    server: ServerProcess, tenant: str, make: Callable[[], bytes], headers: dict[str, str], status: int, words: str
) -> None:
    answer = server.send("traces", make(), tenant=tenant, headers=headers)

    assert answer.status == status, answer.text
    assert words in answer.text
    assert server.get("/readyz")[0] == 200


def test_nothing_of_bad_input_is_stored_and_the_server_stays_small(server: ServerProcess) -> None:
    """All of it again and at once, between two counts."""

    def counts() -> list[list[str]]:
        return server.sql("SELECT " + ", ".join(f"(SELECT count() FROM {table})" for table in TABLES), tenant="*")

    server.wait_until_inserted()
    before = counts()
    accepted = server.api("/status")["ingest"]["traces"]["accepted_bodies"]
    for _, make, headers, _, _ in BAD:
        server.send("traces", make(), headers=headers)

    assert server.api("/status")["ingest"]["traces"]["accepted_bodies"] == accepted
    assert counts() == before
    assert list((server.data / "segments" / "traces").iterdir()) == []
    assert not (server.data / "quarantine" / "traces").exists()
    assert server.memory_bytes < 900 * MIB
    assert server.send("traces", GOOD).status == 200


def test_good_spans_beside_bad_ones_are_stored_and_the_rest_is_said(server: ServerProcess, tenant: str) -> None:
    request = ExportTraceServiceRequest.FromString(GOOD)
    request.resource_spans[0].scope_spans[0].spans[3].trace_id = b"short"

    answer = server.send("traces", request.SerializeToString(), tenant=tenant)

    assert answer.status == 200
    assert b"1 of 40 spans rejected" in answer.body
    server.wait_until_inserted()
    assert server.count_of("spans", tenant) == 39


def test_a_json_error_is_json_with_a_code(server: ServerProcess) -> None:
    answer = server.send("logs", b"{", headers=JSON)

    assert (answer.status, answer.headers["content-type"]) == (400, "application/json")
    assert json.loads(answer.body)["code"] == 3


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/v1/traces", 405), ("POST", "/v1/nothing", 404), ("POST", "/", 404)]
)
def test_other_doors_are_closed_in_words(server: ServerProcess, method: str, path: str, status: int) -> None:
    answer = server.ask(method, path, GOOD, {"Content-Type": "application/x-protobuf"}, port=server.otlp)
    assert answer.status == status


@pytest.mark.parametrize("raw", [b"\x00" * 100, b"GET\r\n\r\n", b"POST /v1/traces HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"\x16\x03\x01\x02\x00"])  # fmt: skip
def test_what_is_no_http_does_no_harm(server: ServerProcess, raw: bytes) -> None:
    for port in (server.otlp, server.grpc, server.ui):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(10)
            while connection.recv(65536):
                pass
    assert server.send("traces", GOOD).status == 200
