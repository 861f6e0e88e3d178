"""OTLP requests of every shape that receivers accept, for hypothesis; and small ones by hand."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from sonde.telemetry.signal import Signal

TRACES, LOGS = Signal.TRACES, Signal.LOGS
NOW = 1_764_000_000_000_000_000
TRACE_ID, SPAN_ID = bytes(range(1, 17)), bytes(range(1, 9))
EXTREME_TIMES = (0, 1, 2**31 * 10**9, 2**32 * 10**9, 9_200_000_000_000_000_001, 2**63 - 1, 2**63, 2**64 - 1)
SERVICE = "service.name"


def value_of(value: Any) -> AnyValue:
    """A Python value as an AnyValue."""
    match value:
        case None:
            return AnyValue()
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case str():
            return AnyValue(string_value=value)
        case bytes():
            return AnyValue(bytes_value=value)
        case list():
            return AnyValue(array_value=ArrayValue(values=[value_of(item) for item in value]))
        case dict():
            return AnyValue(kvlist_value=KeyValueList(values=attributes_of(value)))
    raise TypeError(value)


def attributes_of(attributes: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=value_of(value)) for key, value in attributes.items()]


def span_body(resource: dict[str, Any] | None = None, **fields: Any) -> bytes:
    """A request with one span."""
    named: dict[str, Any] = {
        "trace_id": TRACE_ID,
        "span_id": SPAN_ID,
        "name": "GET /cart",
        "start_time_unix_nano": NOW,
        "end_time_unix_nano": NOW + 10**6,
        **fields,
    }
    if isinstance(named.get("attributes"), dict):
        named["attributes"] = attributes_of(named["attributes"])
    return trace_request([ScopeSpans(spans=[Span(**named)])], resource)


def trace_request(scopes: list[ScopeSpans], resource: dict[str, Any] | None = None) -> bytes:
    about = Resource(attributes=attributes_of({SERVICE: "shop"} if resource is None else resource))
    return ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(resource=about, scope_spans=scopes)]
    ).SerializeToString()


def log_body(resource: dict[str, Any] | None = None, **fields: Any) -> bytes:
    """A request with one log record."""
    named: dict[str, Any] = {"time_unix_nano": NOW, "observed_time_unix_nano": NOW, "body": "cart emptied", **fields}
    named["body"] = value_of(named["body"])
    if isinstance(named.get("attributes"), dict):
        named["attributes"] = attributes_of(named["attributes"])
    about = Resource(attributes=attributes_of({SERVICE: "shop"} if resource is None else resource))
    scopes = [ScopeLogs(log_records=[LogRecord(**named)])]
    return ExportLogsServiceRequest(resource_logs=[ResourceLogs(resource=about, scope_logs=scopes)]).SerializeToString()


texts = st.one_of(
    st.text(max_size=12), st.sampled_from(["", "\0", "'; DROP TABLE spans; --", "a.b", "grüße", "\U0001f600"])
)
keys = st.one_of(st.sampled_from([SERVICE, "level", "gen_ai.system", "sonde.rag.query", "session.id", ""]), texts)
times = st.one_of(st.sampled_from(EXTREME_TIMES), st.integers(NOW, NOW + 10**13))
numbers = st.integers(-(2**31), 2**31 - 1)
flags = st.integers(0, 2**32 - 1)
trace_ids = st.binary(min_size=16, max_size=16).filter(any)
span_ids = st.binary(min_size=8, max_size=8).filter(any)
any_values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(width=64), texts, st.binary(max_size=8)
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
).map(value_of)
attributes = st.lists(st.builds(KeyValue, key=keys, value=any_values), max_size=5)  # a key may come twice
scopes = st.builds(InstrumentationScope, name=texts, version=texts, attributes=attributes)
resources = st.builds(Resource, attributes=attributes)
events = st.lists(st.builds(Span.Event, time_unix_nano=times, name=texts, attributes=attributes), max_size=2)
links = st.lists(
    st.builds(
        Span.Link,
        trace_id=st.one_of(st.just(b""), trace_ids),
        span_id=st.one_of(st.just(b""), span_ids),
        trace_state=texts,
        attributes=attributes,
    ),
    max_size=2,
)
spans = st.builds(
    Span,
    trace_id=trace_ids,
    span_id=span_ids,
    parent_span_id=st.one_of(st.just(b""), st.just(bytes(8)), span_ids),
    trace_state=texts,
    name=texts,
    kind=numbers,
    start_time_unix_nano=times,
    end_time_unix_nano=times,
    attributes=attributes,
    events=events,
    links=links,
    status=st.builds(Status, code=numbers, message=texts),
    flags=flags,
)
log_records = st.builds(
    LogRecord,
    time_unix_nano=times,
    observed_time_unix_nano=times,
    severity_number=numbers,
    severity_text=texts,
    body=any_values,
    attributes=attributes,
    flags=flags,
    trace_id=st.one_of(st.just(b""), st.just(bytes(16)), trace_ids),
    span_id=st.one_of(st.just(b""), st.just(bytes(8)), span_ids),
    event_name=st.one_of(texts, st.just("sonde.feedback"), st.just("gen_ai.evaluation.result")),
)
trace_requests = st.builds(
    ExportTraceServiceRequest,
    resource_spans=st.lists(
        st.builds(
            ResourceSpans,
            resource=resources,
            scope_spans=st.lists(st.builds(ScopeSpans, scope=scopes, spans=st.lists(spans, max_size=3)), max_size=2),
        ),
        max_size=2,
    ),
)
log_requests = st.builds(
    ExportLogsServiceRequest,
    resource_logs=st.lists(
        st.builds(
            ResourceLogs,
            resource=resources,
            scope_logs=st.lists(
                st.builds(ScopeLogs, scope=scopes, log_records=st.lists(log_records, max_size=3)), max_size=2
            ),
        ),
        max_size=2,
    ),
)
