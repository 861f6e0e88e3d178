"""OTLP over gRPC, with a real server and a real channel: codes, details and what is kept."""

from __future__ import annotations

import socket
import struct

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from tests.receivers.otlp.bodies import GOOD, delimited, nested_body, span, spans
from tests.receivers.otlp.conftest import Recorder, authenticate

from sonde.errors import Conflict, Unavailable
from sonde.receivers.in_flight import InFlight
from sonde.receivers.otlp import grpc as otlp_grpc
from sonde.receivers.receiver import LIMIT_BYTES, Receiver
from sonde.telemetry.signal import Signal

SERVICES = {
    Signal.TRACES: "opentelemetry.proto.collector.trace.v1.TraceService",
    Signal.LOGS: "opentelemetry.proto.collector.logs.v1.LogsService",
    Signal.METRICS: "opentelemetry.proto.collector.metrics.v1.MetricsService",
}


@pytest.fixture
def export(grpc_address):
    """Calls Export with raw bytes; gives the raw answer or raises grpc.RpcError."""
    options = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(grpc_address, options=options) as channel:

        def call(signal, body, **named):
            return channel.unary_unary(f"/{SERVICES[signal]}/Export")(body, timeout=20, **named)

        yield call


def status(error: grpc.RpcError) -> Status:
    """The google.rpc.Status in the trailers, after checking that it says what gRPC's own status says."""
    details = Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
    assert (details.code, details.message) == (error.code().value[0], error.details())
    return details


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
@pytest.mark.parametrize("signal", GOOD)
def test_a_good_body_is_kept_byte_for_byte(signal, compression, export, recorder):
    assert export(signal, GOOD[signal], compression=compression) == b""
    assert recorder.kept == [(signal, GOOD[signal], "default")]


def test_an_empty_request_succeeds_and_keeps_nothing(export, recorder):
    assert export(Signal.TRACES, b"") == b""
    assert recorder.kept == []


def test_the_tenant_comes_from_who_is_calling(export, recorder):
    export(Signal.LOGS, GOOD[Signal.LOGS], metadata=[("x-scope-orgid", "team-a")])
    assert recorder.kept == [(Signal.LOGS, GOOD[Signal.LOGS], "team-a")]


def test_partial_success(export, recorder):
    answer = ExportTraceServiceResponse.FromString(export(Signal.TRACES, spans(span(1), span(2, trace_id=b"short"))))
    assert answer.partial_success.rejected_spans == 1
    assert answer.partial_success.error_message.startswith("1 of 2 spans rejected for bad ids; in the first, trace_id")
    assert recorder.bodies == [spans(span(1))]


BAD = [
    (GOOD[Signal.TRACES][:-3], "it may have been cut short"),
    (b"hello, world", "the body of 12 bytes is not an ExportTraceServiceRequest in protobuf"),
    (GOOD[Signal.LOGS], "it reads as an ExportLogsServiceRequest: send that to /v1/logs"),
    (nested_body(5_000), "is nested too deeply"),
    (GOOD[Signal.TRACES].replace(b"GET", b"G\xffT"), "has text that is not UTF-8"),
    (spans(span(trace_id=b"short")), "all 1 spans have bad ids; in the first, trace_id has 5 bytes instead of 16"),
]


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
@pytest.mark.parametrize(("body", "words"), BAD)
def test_a_bad_body_is_an_invalid_argument(body, words, compression, export, recorder):
    with pytest.raises(grpc.RpcError) as caught:
        export(Signal.TRACES, body, compression=compression)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert words in status(caught.value).message
    assert recorder.kept == []


@pytest.mark.parametrize(
    ("metadata", "code", "words"),
    [
        (("authorization", "Bearer nobody"), grpc.StatusCode.UNAUTHENTICATED, "this key was not issued here"),
        (("authorization", "Bearer reader"), grpc.StatusCode.PERMISSION_DENIED, "the key 'reader' may not send"),
        (("x-scope-orgid", "a/b"), grpc.StatusCode.INVALID_ARGUMENT, "tenant id 'a/b' has characters"),
    ],
)
def test_a_stranger_is_refused(metadata, code, words, export, recorder):
    with pytest.raises(grpc.RpcError) as caught:
        export(Signal.TRACES, GOOD[Signal.TRACES], metadata=[metadata])
    assert caught.value.code() is code
    assert words in status(caught.value).message
    assert recorder.kept == []


async def test_a_stranger_is_refused_before_the_body_is_read(grpc_address):
    """The message never comes; the answer does."""
    async with grpc.aio.insecure_channel(grpc_address) as channel:
        method = channel.stream_unary(f"/{SERVICES[Signal.TRACES]}/Export")
        with pytest.raises(grpc.RpcError) as caught:
            await method(timeout=20, metadata=[("authorization", "Bearer nobody")])
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_overload_is_unavailable_with_a_delay_to_retry_after(export, recorder):
    recorder.error = Unavailable("the disk is full", hint="free some space", retry_after_seconds=1.5)
    with pytest.raises(grpc.RpcError) as caught:
        export(Signal.TRACES, GOOD[Signal.TRACES])
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert caught.value.details() == "the disk is full; free some space"
    retry = RetryInfo()
    assert status(caught.value).details[0].Unpack(retry)
    assert (retry.retry_delay.seconds, retry.retry_delay.nanos) == (1, 500_000_000)


def test_an_error_of_our_own_is_internal_and_does_not_tell_how(export, recorder, caplog):
    recorder.error = RuntimeError("a bug with a secret")
    with pytest.raises(grpc.RpcError) as caught:
        export(Signal.TRACES, GOOD[Signal.TRACES])
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert caught.value.details() == "Sonde failed to keep this body; its log says why"
    assert "a bug with a secret" in caplog.text


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_65_mib_exhaust_the_resource_before_or_after_decompression(compression, export, recorder):
    with pytest.raises(grpc.RpcError) as caught:
        export(Signal.TRACES, bytes(65 * 1024 * 1024), compression=compression)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "larger than max" in caught.value.details()
    assert recorder.kept == []
    assert export(Signal.TRACES, GOOD[Signal.TRACES]) == b""


def test_a_body_of_just_under_the_limit_is_kept(export, recorder):
    one = span().SerializeToString().replace(delimited(5, b"GET /cart/1"), delimited(5, b"n" * (LIMIT_BYTES - 1024)))
    body = delimited(1, delimited(2, delimited(2, one)))
    assert export(Signal.TRACES, body) == b""
    assert recorder.bodies == [body]


def test_a_call_without_a_message_is_an_invalid_argument(grpc_address):
    with grpc.insecure_channel(grpc_address) as channel, pytest.raises(grpc.RpcError) as caught:
        channel.stream_unary(f"/{SERVICES[Signal.TRACES]}/Export")(iter(()), timeout=20)
    assert (caught.value.code(), caught.value.details()) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "the call has no message",
    )


@pytest.mark.parametrize(
    "method", ["/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export", "/a/b"]
)
def test_other_services_are_unimplemented(method, grpc_address):
    with grpc.insecure_channel(grpc_address) as channel, pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(method)(b"", timeout=20)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_body_that_does_not_come_exceeds_its_deadline():
    receiver = Receiver(Recorder(), authenticate, InFlight(1000), limit_bytes=1000, read_timeout_seconds=0.05)
    server = await otlp_grpc.start(receiver, "127.0.0.1", 0)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        call = channel.stream_unary(f"/{SERVICES[Signal.TRACES]}/Export")(timeout=20)
        with pytest.raises(grpc.RpcError) as caught:
            await call
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert caught.value.details().startswith("the body came too slowly: 0.05 seconds")
    await server.stop(0)


async def test_bodies_beyond_what_may_be_in_flight_are_unavailable():
    receiver = Receiver(Recorder(), authenticate, InFlight(limit_bytes=100))
    server = await otlp_grpc.start(receiver, "127.0.0.1", 0)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        with pytest.raises(grpc.RpcError) as caught:
            await channel.unary_unary(f"/{SERVICES[Signal.TRACES]}/Export")(GOOD[Signal.TRACES], timeout=20)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert receiver.in_flight.held_bytes == 0
    await server.stop(0)


async def test_a_port_that_is_taken_is_said_so(receiver):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Conflict, match=f"cannot listen on 127.0.0.1:{port} for OTLP/gRPC"):
            await otlp_grpc.start(receiver, "127.0.0.1", port)


def test_text_on_the_port_does_no_harm(grpc_address, export):
    host, port = grpc_address.split(":")
    with socket.create_connection((host, int(port))) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n" + struct.pack(">I", 1))
        plain.recv(1000)
    assert export(Signal.TRACES, GOOD[Signal.TRACES]) == b""
