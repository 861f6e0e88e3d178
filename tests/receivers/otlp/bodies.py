"""Bodies for the tests of the OTLP receiver: one good request per signal, with everything in it that OTLP has."""

from __future__ import annotations

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1 import metrics_pb2 as metrics
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from sonde.telemetry.signal import Signal

NOW = 1_764_000_000_000_000_000
TRACE_ID = bytes.fromhex("5b8efff798038103d269b633813fc60c")
SPAN_ID = bytes.fromhex("eee19b7ec3c1b174")
PARENT_ID = bytes.fromhex("eee19b7ec3c1b173")


def attributes() -> list[KeyValue]:
    values = [
        AnyValue(string_value="grüße"),
        AnyValue(bool_value=True),
        AnyValue(int_value=-5),
        AnyValue(double_value=0.25),
        AnyValue(bytes_value=b"\xff\x00"),
        AnyValue(array_value=ArrayValue(values=[AnyValue(string_value="a"), AnyValue()])),
        AnyValue(kvlist_value=KeyValueList(values=[KeyValue(key="k", value=AnyValue(int_value=1))])),
        AnyValue(),
    ]
    return [KeyValue(key=f"attribute.{index}", value=value) for index, value in enumerate(values)]


def resource() -> Resource:
    return Resource(attributes=[KeyValue(key="service.name", value=AnyValue(string_value="shop"))])


def scope() -> InstrumentationScope:
    return InstrumentationScope(name="shop.cart", version="1.2", attributes=attributes())


def span(index: int = 1, **fields: object) -> Span:
    named: dict[str, object] = {
        "trace_id": TRACE_ID,
        "span_id": index.to_bytes(8, "big"),
        "parent_span_id": PARENT_ID,
        "trace_state": "ot=th:8",
        "flags": 0x101,
        "name": f"GET /cart/{index}",
        "kind": Span.SPAN_KIND_SERVER,
        "start_time_unix_nano": NOW,
        "end_time_unix_nano": NOW + 1_000_000,
        "attributes": attributes(),
        "events": [Span.Event(name="exception", time_unix_nano=NOW, attributes=attributes())],
        "links": [Span.Link(trace_id=TRACE_ID, span_id=SPAN_ID, attributes=attributes())],
        "status": Status(code=Status.STATUS_CODE_ERROR, message="no stock"),
    }
    return Span(**{**named, **fields})


def spans(*each: Span) -> bytes:
    groups = [ScopeSpans(scope=scope(), spans=each, schema_url="https://opentelemetry.io/schemas/1.37.0")]
    return ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(resource=resource(), scope_spans=groups)]
    ).SerializeToString()


def log_record(index: int = 1, **fields: object) -> LogRecord:
    named: dict[str, object] = {
        "time_unix_nano": NOW + index,
        "observed_time_unix_nano": NOW,
        "severity_number": 9,
        "severity_text": "INFO",
        "body": AnyValue(string_value="cart emptied"),
        "attributes": attributes(),
        "flags": 1,
        "trace_id": TRACE_ID,
        "span_id": SPAN_ID,
        "event_name": "cart.emptied",
    }
    return LogRecord(**{**named, **fields})


def logs(*each: LogRecord) -> bytes:
    groups = [ScopeLogs(scope=scope(), log_records=each)]
    return ExportLogsServiceRequest(
        resource_logs=[ResourceLogs(resource=resource(), scope_logs=groups)]
    ).SerializeToString()


def exemplar(**fields: object) -> metrics.Exemplar:
    named: dict[str, object] = {"time_unix_nano": NOW, "as_double": 1.5, "span_id": SPAN_ID, "trace_id": TRACE_ID}
    return metrics.Exemplar(**{**named, **fields})


def all_metrics(*exemplars: metrics.Exemplar) -> list[metrics.Metric]:
    """One metric of every kind; 8 data points in all, the first four kinds with exemplars."""
    number = metrics.NumberDataPoint(time_unix_nano=NOW, as_double=1.5, attributes=attributes(), exemplars=exemplars)
    integer = metrics.NumberDataPoint(time_unix_nano=NOW, as_int=-3, attributes=attributes())
    histogram = metrics.HistogramDataPoint(
        time_unix_nano=NOW, count=3, sum=6, bucket_counts=[1, 2, 0], explicit_bounds=[0.5, 5], exemplars=exemplars
    )
    buckets = metrics.ExponentialHistogramDataPoint.Buckets(offset=-2, bucket_counts=[1, 0, 300, 70_000])
    exponential = metrics.ExponentialHistogramDataPoint(
        time_unix_nano=NOW, count=70_301, scale=3, positive=buckets, negative=buckets, exemplars=exemplars
    )
    quantile = metrics.SummaryDataPoint.ValueAtQuantile(quantile=0.5, value=2)
    summary = metrics.SummaryDataPoint(time_unix_nano=NOW, count=2, sum=4, quantile_values=[quantile, quantile])
    return [
        metrics.Metric(name="queue.length", unit="1", gauge=metrics.Gauge(data_points=[number, integer])),
        metrics.Metric(name="requests", sum=metrics.Sum(data_points=[number, integer], is_monotonic=True)),
        metrics.Metric(name="latency", histogram=metrics.Histogram(data_points=[histogram, histogram])),
        metrics.Metric(name="size", exponential_histogram=metrics.ExponentialHistogram(data_points=[exponential])),
        metrics.Metric(name="old", summary=metrics.Summary(data_points=[summary])),
    ]


def data_points(*each: metrics.Metric) -> bytes:
    groups = [metrics.ScopeMetrics(scope=scope(), metrics=each)]
    return ExportMetricsServiceRequest(
        resource_metrics=[metrics.ResourceMetrics(resource=resource(), scope_metrics=groups)]
    ).SerializeToString()


GOOD: dict[Signal, bytes] = {
    Signal.TRACES: spans(span(1), span(2), span(3)),
    Signal.LOGS: logs(log_record(1), log_record(2)),
    Signal.METRICS: data_points(*all_metrics(exemplar())),
}
ITEMS = {Signal.TRACES: 3, Signal.LOGS: 2, Signal.METRICS: 8}
REQUESTS: dict[Signal, type[Message]] = {
    Signal.TRACES: ExportTraceServiceRequest,
    Signal.LOGS: ExportLogsServiceRequest,
    Signal.METRICS: ExportMetricsServiceRequest,
}


def nested(depth: int) -> AnyValue:
    """An array in an array, this many of them; built as bytes, since no parser takes any depth."""
    raw = b"\x18\x01"
    for _ in range(depth):
        raw = delimited(5, delimited(1, raw))
    value = AnyValue()
    value.MergeFromString(raw)
    return value


def nested_body(depth: int) -> bytes:
    raw = b"\x18\x01"
    for _ in range(depth):
        raw = delimited(5, delimited(1, raw))
    attribute = delimited(9, delimited(1, b"key") + delimited(2, raw))
    one = delimited(1, TRACE_ID) + delimited(2, SPAN_ID) + attribute
    return delimited(1, delimited(2, delimited(2, one)))


def delimited(number: int, payload: bytes) -> bytes:
    """A length-delimited field on the wire."""
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)
