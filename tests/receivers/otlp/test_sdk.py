"""Genuine clients: the exporters of OpenTelemetry's Python SDK, unchanged, over HTTP and gRPC."""

from __future__ import annotations

from collections.abc import Callable

import grpc
import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpanExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Link, SpanKind
from tests.receivers.otlp.bodies import REQUESTS
from tests.receivers.otlp.conftest import Listening, Recorder

from sonde.errors import Unavailable
from sonde.telemetry.signal import Signal

RESOURCE = Resource({"service.name": "shop"})
Exporter = Callable[..., object]


def http(kind: Exporter, path: str, **named: object) -> Callable[[Listening], object]:
    return lambda listening: kind(endpoint=f"http://127.0.0.1:{listening.http_port}{path}", **named)


def over_grpc(kind: Exporter, **named: object) -> Callable[[Listening], object]:
    return lambda listening: kind(endpoint=f"http://127.0.0.1:{listening.grpc_port}", insecure=True, **named)


@pytest.mark.parametrize(
    "exporter",
    [
        pytest.param(http(HttpSpanExporter, "/v1/traces"), id="http"),
        pytest.param(http(HttpSpanExporter, "/v1/traces", compression=Compression.Gzip), id="http gzip"),
        pytest.param(over_grpc(GrpcSpanExporter), id="grpc"),
        pytest.param(over_grpc(GrpcSpanExporter, compression=grpc.Compression.Gzip), id="grpc gzip"),
    ],
)
def test_spans_arrive(exporter, listening, recorder):
    provider = TracerProvider(resource=RESOURCE)
    provider.add_span_processor(SimpleSpanProcessor(exporter(listening)))
    tracer = provider.get_tracer("shop.cart", "1.2")
    with (
        tracer.start_as_current_span("GET /cart", kind=SpanKind.SERVER, attributes={"items": 3}) as parent,
        tracer.start_as_current_span("query", links=[Link(parent.get_span_context())]) as child,
    ):
        child.record_exception(ValueError("no stock"))
    provider.shutdown()
    signals = [signal for signal, _, _ in recorder.kept]
    requests = [REQUESTS[Signal.TRACES].FromString(body) for body in recorder.bodies]
    spans = [span for each in requests for span in each.resource_spans[0].scope_spans[0].spans]
    assert signals == [Signal.TRACES, Signal.TRACES]
    assert [span.name for span in spans] == ["query", "GET /cart"]
    assert spans[0].parent_span_id == spans[1].span_id
    assert int.from_bytes(spans[0].trace_id) == parent.get_span_context().trace_id


@pytest.mark.parametrize(
    "exporter",
    [
        pytest.param(http(HttpLogExporter, "/v1/logs", compression=Compression.Gzip), id="http"),
        pytest.param(over_grpc(GrpcLogExporter), id="grpc"),
    ],
)
def test_log_records_arrive(exporter, listening, recorder):
    provider = LoggerProvider(resource=RESOURCE)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter(listening)))
    provider.get_logger("shop").emit(
        LogRecord(timestamp=1, severity_number=SeverityNumber.WARN, body="cart emptied", attributes={"user": "u1"})
    )
    provider.shutdown()
    [(signal, body, _)] = recorder.kept
    record = REQUESTS[Signal.LOGS].FromString(body).resource_logs[0].scope_logs[0].log_records[0]
    assert signal is Signal.LOGS
    assert record.body.string_value == "cart emptied"


@pytest.mark.parametrize(
    "exporter",
    [
        pytest.param(http(HttpMetricExporter, "/v1/metrics", compression=Compression.Gzip), id="http"),
        pytest.param(over_grpc(GrpcMetricExporter), id="grpc"),
    ],
)
def test_data_points_arrive(exporter, listening, recorder):
    reader = PeriodicExportingMetricReader(exporter(listening), export_interval_millis=60_000)
    views = [View(instrument_name="size", aggregation=ExponentialBucketHistogramAggregation())]
    provider = MeterProvider([reader], resource=RESOURCE, views=views)
    meter = provider.get_meter("shop")
    meter.create_counter("requests").add(2, {"route": "/cart"})
    meter.create_histogram("latency").record(0.2)
    meter.create_histogram("size").record(300)
    provider.shutdown()
    [(signal, body, _)] = recorder.kept
    request = REQUESTS[Signal.METRICS].FromString(body)
    metrics = request.resource_metrics[0].scope_metrics[0].metrics
    assert signal is Signal.METRICS
    assert {metric.name: metric.WhichOneof("data") for metric in metrics} == {
        "requests": "sum",
        "latency": "histogram",
        "size": "exponential_histogram",
    }


def test_an_exporter_tries_again_after_the_delay_it_is_given(listening: Listening, recorder: Recorder):
    async def free_some_space() -> None:
        recorder.error = None if recorder.error is overload else overload

    overload = Unavailable("the disk is full", retry_after_seconds=0.01)
    recorder.gate = free_some_space
    provider = TracerProvider(resource=RESOURCE)
    provider.add_span_processor(SimpleSpanProcessor(over_grpc(GrpcSpanExporter)(listening)))
    provider.get_tracer("shop").start_span("GET /cart").end()
    provider.shutdown()
    assert len(recorder.kept) == 1
