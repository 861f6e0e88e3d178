"""OTLP/JSON: what the specification's examples show, what it leaves open, and errors that say where."""

from __future__ import annotations

import base64
import json
import math

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality
from tests.receivers.otlp.bodies import GOOD, NOW, REQUESTS, SPAN_ID, TRACE_ID

from sonde.errors import TooLarge, UserError
from sonde.receivers.otlp.json import parse_json
from sonde.receivers.otlp.services import SERVICES
from sonde.telemetry.signal import Signal

TRACES = SERVICES[Signal.TRACES]

# The shapes of the specification's own examples: trace.json, logs.json and metrics.json of opentelemetry-proto.

RESOURCE = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
SCOPE = {"name": "shop.cart", "version": "1.0.0", "attributes": [{"key": "part", "value": {"stringValue": "cart"}}]}
ATTRIBUTES = [
    {"key": "string", "value": {"stringValue": "some"}},
    {"key": "boolean", "value": {"boolValue": True}},
    {"key": "int", "value": {"intValue": 10}},
    {"key": "double", "value": {"doubleValue": 637.704}},
    {"key": "array", "value": {"arrayValue": {"values": [{"stringValue": "many"}, {"stringValue": "values"}]}}},
    {"key": "map", "value": {"kvlistValue": {"values": [{"key": "k", "value": {"stringValue": "v"}}]}}},
]
SPAN = {
    "traceId": "5B8EFFF798038103D269B633813FC60C",
    "spanId": "EEE19B7EC3C1B174",
    "parentSpanId": "EEE19B7EC3C1B173",
    "name": "GET /cart",
    "startTimeUnixNano": "1544712660000000000",
    "endTimeUnixNano": 1544712661000000000,
    "kind": 2,
    "attributes": ATTRIBUTES,
}
LOG_RECORD = {
    "timeUnixNano": "1544712660300000000",
    "observedTimeUnixNano": "1544712660300000000",
    "severityNumber": 10,
    "severityText": "Information",
    "traceId": "5B8EFFF798038103D269B633813FC60C",
    "spanId": "EEE19B7EC3C1B174",
    "body": {"stringValue": "cart emptied"},
    "attributes": ATTRIBUTES,
}
NUMBER = {"asDouble": 5, "startTimeUnixNano": NOW, "timeUnixNano": str(NOW), "attributes": ATTRIBUTES}
HISTOGRAM = {
    "startTimeUnixNano": NOW,
    "timeUnixNano": NOW,
    "count": "3",
    "sum": 3,
    "bucketCounts": [1, "1", 1],
    "explicitBounds": [1, 2.5],
    "min": 1,
    "max": 3,
}
EXPONENTIAL = {
    "timeUnixNano": NOW,
    "count": 3,
    "sum": 10,
    "scale": -1,
    "zeroCount": 1,
    "positive": {"offset": -1, "bucketCounts": [0, "200"]},
}
METRICS = [
    {"name": "counter", "unit": "1", "sum": {"aggregationTemporality": 1, "isMonotonic": True, "dataPoints": [NUMBER]}},
    {"name": "gauge", "unit": "1", "description": "a gauge", "gauge": {"dataPoints": [{"asInt": "-7"}]}},
    {"name": "histogram", "histogram": {"aggregationTemporality": 2, "dataPoints": [HISTOGRAM]}},
    {"name": "exponential", "exponentialHistogram": {"aggregationTemporality": 2, "dataPoints": [EXPONENTIAL]}},
]
EXAMPLES = {
    Signal.TRACES: {"resourceSpans": [{"resource": RESOURCE, "scopeSpans": [{"scope": SCOPE, "spans": [SPAN]}]}]},
    Signal.LOGS: {
        "resourceLogs": [{"resource": RESOURCE, "scopeLogs": [{"scope": SCOPE, "logRecords": [LOG_RECORD]}]}]
    },
    Signal.METRICS: {
        "resourceMetrics": [{"resource": RESOURCE, "scopeMetrics": [{"scope": SCOPE, "metrics": METRICS}]}]
    },
}


def parse(signal: Signal, value: object):
    return REQUESTS[signal].FromString(parse_json(SERVICES[signal], json.dumps(value).encode()))


def ids_as_base64(value: object) -> object:
    """OTLP/JSON's hex ids as ProtoJSON has them."""
    if isinstance(value, list):
        return [ids_as_base64(each) for each in value]
    if isinstance(value, dict):
        ids = {"traceId", "spanId", "parentSpanId"}
        return {
            name: base64.b64encode(bytes.fromhex(each)).decode() if name in ids else ids_as_base64(each)
            for name, each in value.items()
        }
    return value


def ids_as_hex(value: object) -> object:
    if isinstance(value, list):
        return [ids_as_hex(each) for each in value]
    if isinstance(value, dict):
        ids = {"traceId", "spanId", "parentSpanId"}
        return {name: base64.b64decode(each).hex() if name in ids else ids_as_hex(each) for name, each in value.items()}
    return value


@pytest.mark.parametrize("signal", SERVICES)
def test_the_examples_of_the_specification_mean_what_protobufs_own_json_says(signal):
    expected = json_format.ParseDict(ids_as_base64(EXAMPLES[signal]), REQUESTS[signal]())
    assert parse(signal, EXAMPLES[signal]) == expected


@pytest.mark.parametrize("signal", SERVICES)
@pytest.mark.parametrize("options", [{}, {"preserving_proto_field_name": True}, {"use_integers_for_enums": True}])
def test_everything_otlp_has_survives_json(signal, options):
    """Keys in lowerCamelCase or as in the .proto, enums as numbers or names."""
    message = REQUESTS[signal].FromString(GOOD[signal])
    written = json_format.MessageToDict(message, **options)
    written = ids_as_hex(written) if "preserving_proto_field_name" not in options else snake_ids_as_hex(written)
    assert parse(signal, written) == message


def snake_ids_as_hex(value: object) -> object:
    if isinstance(value, list):
        return [snake_ids_as_hex(each) for each in value]
    if isinstance(value, dict):
        ids = {"trace_id", "span_id", "parent_span_id"}
        return {
            name: base64.b64decode(each).hex() if name in ids else snake_ids_as_hex(each)
            for name, each in value.items()
        }
    return value


def span(**fields: object) -> object:
    return {"resourceSpans": [{"scopeSpans": [{"spans": [fields]}]}]}


def parse_span(**fields: object):
    return parse(Signal.TRACES, span(**fields)).resource_spans[0].scope_spans[0].spans[0]


def value(**fields: object) -> dict[str, object]:
    return {"attributes": [{"key": "k", "value": fields}]}


GOOD_VALUES = [
    ({"traceId": "5b8EFFf798038103d269b633813fc60C"}, "trace_id", TRACE_ID),
    ({"spanId": "eee19b7ec3c1b174"}, "span_id", SPAN_ID),
    ({"spanId": ""}, "span_id", b""),
    ({"parentSpanId": None, "name": None}, "name", ""),
    ({"kind": "SPAN_KIND_CLIENT"}, "kind", 3),
    ({"kind": 77}, "kind", 77),
    ({"flags": "257"}, "flags", 257),
    ({"startTimeUnixNano": 18446744073709551615}, "start_time_unix_nano", 2**64 - 1),
    ({"startTimeUnixNano": 1.5e18}, "start_time_unix_nano", 1_500_000_000_000_000_000),
    ({"name": "gr\u00fc\u00dfe \U0001f600"}, "name", "grüße 😀"),
    ({"unknown": {"deep": [1]}, "name": "x"}, "name", "x"),
]


@pytest.mark.parametrize(("fields", "name", "expected"), GOOD_VALUES)
def test_a_value_may_be_written_in_the_ways_of_json(fields, name, expected):
    assert getattr(parse_span(**fields), name) == expected


ANY_VALUES = [
    ({"intValue": "-9223372036854775808"}, "int_value", -(2**63)),
    ({"intValue": -5.0}, "int_value", -5),
    ({"doubleValue": "Infinity"}, "double_value", float("inf")),
    ({"doubleValue": "-Infinity"}, "double_value", float("-inf")),
    ({"doubleValue": "1.5"}, "double_value", 1.5),
    ({"doubleValue": 3}, "double_value", 3.0),
    ({"boolValue": False}, "bool_value", False),
    ({"bytesValue": "/wA="}, "bytes_value", b"\xff\x00"),
    ({"bytesValue": "_wA"}, "bytes_value", b"\xff\x00"),
]


@pytest.mark.parametrize(("fields", "name", "expected"), ANY_VALUES)
def test_an_attribute_value_may_be_written_in_the_ways_of_json(fields, name, expected):
    found = parse_span(**value(**fields)).attributes[0].value
    assert found.WhichOneof("value") == name
    assert getattr(found, name) == expected


def test_not_a_number_is_a_string():
    found = parse_span(**value(doubleValue="NaN")).attributes[0].value.double_value
    assert math.isnan(found)


SPANS = "resourceSpans[0].scopeSpans[0].spans[0]"
VALUE = f"{SPANS}.attributes[0].value"
BAD_VALUES = [
    (span(startTimeUnixNano="-5.0"), f"{SPANS}.startTimeUnixNano must be an integer, and is '-5.0'"),
    (span(startTimeUnixNano=-5), f"{SPANS}.startTimeUnixNano must be an integer from 0 to {2**64 - 1}, and is -5"),
    (span(startTimeUnixNano="9" * 5000), f"{SPANS}.startTimeUnixNano must be an integer from 0 to {2**64 - 1}, and is"),
    (span(startTimeUnixNano=True), f"{SPANS}.startTimeUnixNano must be an integer, and is True"),
    (span(startTimeUnixNano="١٢"), f"{SPANS}.startTimeUnixNano must be an integer, and is"),
    (span(startTimeUnixNano=1.5), f"{SPANS}.startTimeUnixNano must be an integer, and is 1.5"),
    (span(flags=2**32), f"{SPANS}.flags must be an integer from 0 to {2**32 - 1}"),
    (span(traceId="5b8efff7980381 3d269b633813fc60c"), f"{SPANS}.traceId must be an id in hex, and is"),
    (span(traceId="5b8"), f"{SPANS}.traceId must be an id in hex, and is '5b8'"),
    (span(traceId=7), f"{SPANS}.traceId must be an id in hex, and is 7"),
    (span(name=7), f"{SPANS}.name must be a string, and is 7"),
    (span(name=["x"]), f"{SPANS}.name must be a string, and is an array"),
    (span(kind="CLIENT"), f"{SPANS}.kind must be a number or name of SpanKind, and is 'CLIENT'"),
    (span(attributes={}), f"{SPANS}.attributes must be an array, and is an object"),
    (span(attributes=[None]), f"{SPANS}.attributes[0] must be an object, and is None"),
    (span(events=[{}, {"name": 1}]), f"{SPANS}.events[1].name must be a string, and is 1"),
    (span(**value(intValue="-5.0")), f"{VALUE}.intValue must be an integer, and is '-5.0'"),
    (span(**value(intValue=2**63)), f"{VALUE}.intValue must be an integer from -{2**63} to {2**63 - 1}"),
    (span(**value(doubleValue="many")), f"{VALUE}.doubleValue must be a number, and is 'many'"),
    (span(**value(doubleValue="1_0")), f"{VALUE}.doubleValue must be a number, and is '1_0'"),
    (span(**value(doubleValue=10**400)), f"{VALUE}.doubleValue must be a number that fits 64 bits"),
    (span(**value(boolValue=1)), f"{VALUE}.boolValue must be true or false, and is 1"),
    (span(**value(bytesValue="!!")), f"{VALUE}.bytesValue must be bytes in base64, and is '!!'"),
    (span(**value(bytesValue=1)), f"{VALUE}.bytesValue must be bytes in base64, and is 1"),
    ([], "the body must be an object, and is an array"),
    (5, "the body must be an object, and is 5"),
    ({"resourceLogs": []}, "the body has no resourceSpans, but 'resourceLogs'"),
    ({"resource_logs": []}, "the body has no resourceSpans, but 'resource_logs'"),
    ({"x" * 100: 1}, f"the body has no resourceSpans, but '{'x' * 56}..."),
]


@pytest.mark.parametrize(("written", "words"), BAD_VALUES)
def test_a_value_that_does_not_fit_is_refused_with_its_place(written, words):
    with pytest.raises(UserError) as caught:
        parse_json(TRACES, json.dumps(written).encode())
    assert caught.value.message.startswith(words)
    assert len(caught.value.message) < 300


NOT_JSON = [
    (b"", "EOF while parsing a value at line 1 column 0"),
    (b'{"resourceSpans": [}', "expected value at line 1 column 20"),
    (b'{\n"resourceSpans": [\n{]}', "line 3 column"),
    (b'{"resourceSpans": NaN}', "expected value at line 1 column 19"),
    (b'{"resourceSpans": "\\ud800"}', "at line 1 column"),
    (b'{"resourceSpans": []} x', "trailing characters at line 1 column 23"),
    (b"[" * 100_000, "recursion limit exceeded at line 1 column"),
    (b'{"a":' * 100_000, "recursion limit exceeded at line 1 column"),
]


@pytest.mark.parametrize(("raw", "words"), NOT_JSON)
def test_what_is_not_json_is_refused_with_line_and_column(raw, words):
    with pytest.raises(UserError, match="the body is not JSON: ") as caught:
        parse_json(TRACES, raw)
    assert words in caught.value.message


def test_json_of_nothing_but_brackets_is_refused_before_it_is_read():
    with pytest.raises(TooLarge, match="the JSON has more than 4000000 objects and arrays"):
        parse_json(TRACES, b'{"resourceSpans":[' + b"{}," * 4_000_000 + b"{}]}")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(sorted({*SPAN, "value", "key", "arrayValue", "values", "events"})), inner, max_size=3
        )
    ),
    max_leaves=15,
)


@given(json_values)
def test_any_json_is_read_or_refused_and_what_is_read_is_protobuf(inner):
    raw = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [inner]}]}]}).encode()
    try:
        written = parse_json(TRACES, raw)
    except UserError:
        return
    ExportTraceServiceRequest.FromString(written)


def test_names_of_enums_are_those_of_the_field():
    metric = {"name": "c", "sum": {"aggregationTemporality": "AGGREGATION_TEMPORALITY_DELTA", "dataPoints": [{}]}}
    request = parse(Signal.METRICS, {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]})
    found = request.resource_metrics[0].scope_metrics[0].metrics[0].sum.aggregation_temporality
    assert found == AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
