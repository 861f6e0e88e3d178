"""OTLP metrics through the real engine: what Prometheus' text format would say of them afterwards.

`tests/golden/store/metrics.golden` has requests (protobuf's text format) and the series that they become. The tables of
names and labels are facts from the tests of prometheus/otlptranslator.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Exemplar,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
    Summary,
    SummaryDataPoint,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from tests.store.metric_rows import TABLES, stored

from sonde.store.dialect import expand
from sonde.store.metric_names import MetricNames
from sonde.telemetry.signal import Signal

GOLDEN = Path(__file__).parents[1] / "golden/store/metrics.golden"


def golden_cases() -> Iterator[tuple[str, int, str, str]]:
    """Title, choice of names, request, expected series."""
    for case in GOLDEN.read_text(encoding="utf-8").split("=== ")[1:]:
        title, _, rest = case.partition("\n")
        given_text, _, expected = rest.partition("---\n")
        names = 0
        if given_text.startswith("metric_names "):
            first, _, given_text = given_text.partition("\n")
            names = int(first.split()[1])
        yield title, names, given_text, expected.strip()


def body(request: ExportMetricsServiceRequest, names: int = 0) -> bytes:
    """The request, and the tail's field that chooses how names are translated."""
    return request.SerializeToString() + (b"\xe0\x3e" + bytes([names]) if names else b"")


def test_requests_become_these_series(client: Any, rewrite_golden: bool) -> None:
    found, rewritten = {}, []
    for title, names, request_text, expected in golden_cases():
        client.empty(*TABLES)
        request = text_format.Parse(request_text, ExportMetricsServiceRequest())
        client.insert_bodies(Signal.METRICS, [body(request, names)])
        series = stored(client)
        found[title] = (series, expected)
        choice = f"metric_names {names}\n" if names else ""
        rewritten.append(f"=== {title}\n{choice}{request_text}---\n{series}\n\n")
    if rewrite_golden:
        GOLDEN.write_text("".join(rewritten).rstrip() + "\n", encoding="utf-8")
        return
    for title, (series, expected) in found.items():
        assert series == expected, title


def gauge(name: str, *points: NumberDataPoint) -> Metric:
    return Metric(name=name, gauge=Gauge(data_points=points))


def request_of(*metrics: Metric, **resource: str) -> ExportMetricsServiceRequest:
    attributes = [
        KeyValue(key=key.replace("_", "."), value=AnyValue(string_value=value)) for key, value in resource.items()
    ]
    return ExportMetricsServiceRequest(
        resource_metrics=[
            ResourceMetrics(resource=Resource(attributes=attributes), scope_metrics=[ScopeMetrics(metrics=metrics)])
        ]
    )


def counts(client: Any) -> dict[str, Any]:
    return {table: client.value(f"SELECT count() FROM {table}") for table in TABLES}


_SECOND = 10**9
_ONE_OF_EACH = request_of(
    gauge("g", NumberDataPoint(time_unix_nano=_SECOND, as_int=1, exemplars=[Exemplar(as_int=1)])),
    Metric(name="h", histogram=Histogram(data_points=[HistogramDataPoint(time_unix_nano=_SECOND, count=1, sum=2)])),
    Metric(
        name="e",
        exponential_histogram=ExponentialHistogram(data_points=[ExponentialHistogramDataPoint(time_unix_nano=_SECOND)]),
    ),
    Metric(name="s", summary=Summary(data_points=[SummaryDataPoint(time_unix_nano=_SECOND)])),
    service_name="shop",
    host_name="h",
)


def test_a_token_inserts_once_and_another_adds(client: Any) -> None:
    client.empty(*TABLES)
    client.insert_bodies(Signal.METRICS, [body(_ONE_OF_EACH)], token="once")
    once = counts(client)
    assert once == {"samples": 7, "series": 8, "histograms": 1, "exemplars": 1, "metadata": 4}
    client.insert_bodies(Signal.METRICS, [body(_ONE_OF_EACH)], token="once")
    assert counts(client) == once
    client.insert_bodies(Signal.METRICS, [body(_ONE_OF_EACH)], token="twice")
    assert counts(client) == {**once, "samples": 14, "histograms": 2, "exemplars": 2}


@pytest.mark.parametrize("lost", ["series", "metadata", "samples"])
def test_a_retry_mends_what_a_crash_left_out(client: Any, lost: str) -> None:
    """A crash leaves some tables written and others not; the same token is then inserted again."""
    client.empty(*TABLES)
    before = request_of(gauge("before", NumberDataPoint(time_unix_nano=_SECOND)))
    client.insert_bodies(Signal.METRICS, [body(before)], token=f"before-{lost}")
    client.command(f"DETACH TABLE {lost}_view")
    try:
        client.insert_bodies(Signal.METRICS, [body(_ONE_OF_EACH)], token=f"crash-{lost}")
    finally:
        client.command(f"ATTACH TABLE {lost}_view")
    client.insert_bodies(Signal.METRICS, [body(_ONE_OF_EACH)], token=f"crash-{lost}")
    assert counts(client) == {"samples": 8, "series": 9, "histograms": 1, "exemplars": 1, "metadata": 5}


def test_a_series_is_written_once_a_day_and_tenant(client: Any) -> None:
    client.empty(*TABLES)
    day = 86_400 * _SECOND
    for at, tenant in ((0, "a"), (_SECOND, "a"), (day, "a"), (day, "b"), (2 * day - 1, "b")):
        client.insert_bodies(Signal.METRICS, [body(request_of(gauge("g", NumberDataPoint(time_unix_nano=at))))], tenant)
    assert client.rows("SELECT tenant, toString(day), count() FROM series GROUP BY ALL ORDER BY ALL") == [
        ["a", "1970-01-01", 1],
        ["a", "1970-01-02", 1],
        ["b", "1970-01-02", 1],
    ]


def test_an_id_is_the_hash_of_the_name_and_the_sorted_labels(client: Any) -> None:
    """Remote write and scrapes come with final labels and must arrive at the same series."""
    client.empty(*TABLES)
    point = HistogramDataPoint(time_unix_nano=_SECOND, count=1, explicit_bounds=[0.5], bucket_counts=[1, 0])
    point.attributes.add(key="zone").value.string_value = "z"
    point.attributes.add(key="area.x").value.int_value = 4
    request = request_of(Metric(name="h", histogram=Histogram(data_points=[point])), service_name="shop")
    client.insert_bodies(Signal.METRICS, [body(request)])
    expected = expand(
        "{series_id 'h_bucket' [('area_x','4'),('job','shop'),('le','0.5'),('zone','z')]}".replace("('", "('")
    )
    assert client.value("SELECT id FROM series WHERE metric = 'h_bucket' AND labels['le'] = '0.5'") == client.value(
        f"SELECT {expected}"
    )
    unsorted = "SELECT count() FROM series WHERE mapKeys(labels) != arraySort(mapKeys(labels))"
    assert client.value(unsorted) == 0


# name, unit, counter or ratio (a gauge of unit 1) or neither, choice of names, expected
U, S, N = MetricNames.UNDERSCORES, MetricNames.UTF8_WITH_SUFFIXES, MetricNames.UNTOUCHED
METRIC_NAMES = [
    ("requests", "", "counter", U, "requests_total"),
    ("cpu_usage", "1", "ratio", U, "cpu_usage_ratio"),
    ("items", "1", "counter", U, "items_total"),
    ("response_time", "ms", "", U, "response_time_milliseconds"),
    ("memory_usage", "By", "", U, "memory_usage_bytes"),
    ("requests", "1/s", "", U, "requests_per_second"),
    ("throughput", "By/s", "", U, "throughput_bytes_per_second"),
    ("custom_metric", "custom_unit", "", U, "custom_metric_custom_unit"),
    ("custom_metric", "{custom}", "", U, "custom_metric"),
    ("custom_metric", "By/{custom}", "", U, "custom_metric_bytes"),
    ("custom_metric", "{custom}/s", "", U, "custom_metric_per_second"),
    ("requests_total", "", "counter", U, "requests_total"),
    ("total_requests", "", "counter", U, "requests_total"),
    ("cpu_usage_ratio", "1", "ratio", U, "cpu_usage_ratio"),
    ("response_time_seconds", "s", "", U, "response_time_seconds"),
    ("requests", "1/s", "counter", U, "requests_per_second_total"),
    ("123_requests", "", "counter", U, "_123_requests_total"),
    ("metric__with__multiple__underscores", "unit__multiple__underscores", "", U, "metric_with_multiple_underscores_unit_multiple_underscores"),
    ("custom_metric", "unit@with#special/chars", "", U, "custom_metric_unit_with_special_per_chars"),
    ("metric", "By/", "", U, "metric_bytes"),
    ("metric", " By / s ", "", U, "metric_bytes_per_second"),
    ("metric", "/", "", U, "metric"),
    ("metric", "s/@", "", U, "metric_seconds"),
    ("metric", "unit_/s", "", U, "metric_unit_per_second"),
    ("metric", "unit_", "", U, "metric_unit_"),
    ("metric:colon", "a/b/c", "", U, "metric:colon_a_per_b_c"),
    ("http.request.duration", "ms", "", U, "http_request_duration_milliseconds"),
    ("capacity", "TiBy", "", U, "capacity_tibibytes"),
    ("timeout", "min", "", U, "timeout_minutes"),
    ("temperature", "Cel", "", U, "temperature_celsius"),
    ("invoices", "1/mo", "", U, "invoices_per_month"),
    ("@#$%", "", "", U, "_"),
    ("@#$%", "", "counter", S, "@#$%_total"),
    ("requests_total", "", "counter", S, "requests_total"),
    ("cpu_usage_ratio", "1", "ratio", S, "cpu_usage_ratio"),
    ("response_time_seconds", "s", "", S, "response_time_seconds"),
    ("cpu_seconds_total", "s", "counter", S, "cpu_seconds_total"),
    ("requêsts", "1/s", "counter", S, "requêsts_per_second_total"),
    ("cpu_usagé", "1", "ratio", S, "cpu_usagé_ratio"),
    ("respønse_time", "ms", "", S, "respønse_time_milliseconds"),
    ("http.request.duration", "ms", "", N, "http.request.duration"),
    ("http.requests", "1", "counter", N, "http.requests"),
    ("", "", "", N, "_"),
]  # fmt: skip


def test_metric_names_are_those_of_prometheus(client: Any) -> None:
    sql = expand(
        "SELECT {metric_name name names unit_words per_unit_words is_counter is_ratio} FROM ("
        "SELECT {name:String} AS name, {names:UInt8} AS names, {counter:Bool} AS is_counter, {ratio:Bool} AS is_ratio, "
        "{unit unit} AS unit_words, {per_unit unit} AS per_unit_words FROM (SELECT {u:String} AS unit))"
    )
    found = [
        client.value(sql, name=name, u=unit, names=names.value, counter=kind == "counter", ratio=kind == "ratio")
        for name, unit, kind, names, _ in METRIC_NAMES
    ]
    assert found == [expected for *_, expected in METRIC_NAMES]


LABEL_NAMES = {
    "label:with:colons": "label_with_colons",
    "LabelWithCapitalLetters": "LabelWithCapitalLetters",
    "label!with&special$chars)": "label_with_special_chars_",
    "label_with_foreign_characters_字符": "label_with_foreign_characters___",
    "label.with.dots": "label_with_dots",
    "123label": "key_123label",
    "_label_starting_with_underscore": "key_label_starting_with_underscore",
    "__label_starting_with_2underscores": "__label_starting_with_2underscores",
    "label__with__double__underscores": "label__with__double__underscores",
    "__reserved__label__name__": "__reserved__label__name__",
    "a\nb": "a_b",
    "": "key_",
}


def test_label_names_are_those_of_prometheus(client: Any) -> None:
    sql = expand("SELECT {label_names keys names} FROM (SELECT {keys:Array(String)} AS keys, {names:UInt8} AS names)")
    assert client.value(sql, keys=list(LABEL_NAMES), names=U.value) == list(LABEL_NAMES.values())
    assert client.value(sql, keys=list(LABEL_NAMES), names=N.value) == list(LABEL_NAMES)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=10)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=30))
def test_bounds_are_written_as_go_writes_them(client: Any, bounds: list[float]) -> None:
    sql = expand("SELECT arrayMap(bound -> {float_text bound}, {bounds:Array(Float64)})")
    expected = [f"{Decimal(repr(bound)):f}".removesuffix(".0") for bound in bounds]
    assert client.value(sql, bounds=bounds) == expected


any_scalars = (
    st.builds(AnyValue, string_value=st.text())
    | st.builds(
        AnyValue, string_value=st.sampled_from([126, 127, 128, 16383, 16384, 70000]).map(lambda size: "x" * size)
    )
    | st.builds(AnyValue, int_value=st.integers(-(2**63), 2**63 - 1))
    | st.builds(AnyValue, bool_value=st.booleans())
    | st.builds(AnyValue, bytes_value=st.binary())
    | st.just(AnyValue())
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(st.lists(any_scalars, min_size=30))
def test_attribute_values_are_read_from_their_bytes(client: Any, values: list[AnyValue]) -> None:
    sql = expand("SELECT {label_values wire} FROM (SELECT arrayMap(h -> unhex(h), {hexes:Array(String)}) AS wire)")
    texts: dict[str | None, Callable[[AnyValue], str]] = {
        "string_value": lambda value: value.string_value,
        "int_value": lambda value: str(value.int_value),
        "bool_value": lambda value: str(value.bool_value).lower(),
        "bytes_value": lambda value: base64.b64encode(value.bytes_value).decode(),
        None: lambda _: "",
    }
    expected = [texts[value.WhichOneof("value")](value) for value in values]
    assert client.value(sql, hexes=[value.SerializeToString().hex() for value in values]) == expected


# Any request that the protobuf parser accepts, however odd.
uint64s = st.integers(0, 2**64 - 1) | st.sampled_from([0, 1_700_000_000 * _SECOND])
int64s = st.integers(-(2**63), 2**63 - 1)
int32s = st.integers(-(2**31), 2**31 - 1)
any_values = st.recursive(
    any_scalars | st.builds(AnyValue, double_value=st.floats()),
    lambda values: (
        st.builds(AnyValue, array_value=st.builds(ArrayValue, values=st.lists(values, max_size=3)))
        | st.builds(
            AnyValue,
            kvlist_value=st.builds(
                KeyValueList, values=st.lists(st.builds(KeyValue, key=st.text(), value=values), max_size=3)
            ),
        )
    ),
    max_leaves=5,
)
keys = st.text() | st.sampled_from(
    ["a", "a.b", "a_b", "__name__", "job", "le", "quantile", "service.name", "service.instance.id"]
)
attributes = st.lists(st.builds(KeyValue, key=keys, value=any_values), max_size=5)
exemplars = st.lists(
    st.builds(
        Exemplar,
        time_unix_nano=uint64s,
        as_int=int64s,
        trace_id=st.binary(),
        span_id=st.binary(),
        filtered_attributes=attributes,
    )
    | st.builds(Exemplar, as_double=st.floats()),
    max_size=3,
)
times = {
    "start_time_unix_nano": uint64s,
    "time_unix_nano": uint64s,
    "attributes": attributes,
    "flags": st.integers(0, 2**32 - 1),
}
bucket_counts = st.lists(st.integers(0, 2**64 - 1), max_size=6)
buckets = st.builds(ExponentialHistogramDataPoint.Buckets, offset=int32s, bucket_counts=bucket_counts)
numbers = st.lists(
    st.builds(NumberDataPoint, as_int=int64s, exemplars=exemplars, **times)
    | st.builds(NumberDataPoint, as_double=st.floats(), exemplars=exemplars, **times),
    max_size=3,
)
sums = st.none() | st.floats()
data = st.one_of(
    st.fixed_dictionaries({"gauge": st.builds(Gauge, data_points=numbers)}),
    st.fixed_dictionaries(
        {"sum": st.builds(Sum, data_points=numbers, aggregation_temporality=st.integers(0, 2), is_monotonic=st.booleans())}
    ),
    st.fixed_dictionaries({
        "histogram": st.builds(Histogram, aggregation_temporality=st.integers(0, 2), data_points=st.lists(
            st.builds(HistogramDataPoint, count=uint64s, sum=sums, bucket_counts=bucket_counts,
                      explicit_bounds=st.lists(st.floats(), max_size=6), exemplars=exemplars, **times), max_size=3))
    }),
    st.fixed_dictionaries({
        "exponential_histogram": st.builds(ExponentialHistogram, aggregation_temporality=st.integers(0, 2), data_points=st.lists(
            st.builds(ExponentialHistogramDataPoint, count=uint64s, sum=sums, min=sums, max=sums, scale=int32s, zero_count=uint64s,
                      zero_threshold=st.floats(), positive=buckets, negative=buckets, exemplars=exemplars, **times), max_size=3))
    }),
    st.fixed_dictionaries({
        "summary": st.builds(Summary, data_points=st.lists(
            st.builds(SummaryDataPoint, count=uint64s, sum=st.floats(), quantile_values=st.lists(
                st.builds(SummaryDataPoint.ValueAtQuantile, quantile=st.floats(), value=st.floats()), max_size=3), **times), max_size=3))
    }),
    st.just({}),
)  # fmt: skip
metrics = st.builds(
    lambda name, unit, kind: Metric(name=name, unit=unit, **kind),
    keys,
    st.text() | st.sampled_from(["1", "By/s"]),
    data,
)
requests = st.builds(
    ExportMetricsServiceRequest,
    resource_metrics=st.lists(
        st.builds(
            ResourceMetrics,
            resource=st.builds(Resource, attributes=attributes),
            scope_metrics=st.lists(st.builds(ScopeMetrics, metrics=st.lists(metrics, max_size=4)), max_size=2),
        ),
        max_size=3,
    ),
)


def sample_count(request: ExportMetricsServiceRequest) -> int:
    """How many samples a request gives, target_info aside."""
    count = 0
    for metric in (m for r in request.resource_metrics for s in r.scope_metrics for m in s.metrics):
        count += len(metric.gauge.data_points) + len(metric.sum.data_points)
        for point in metric.histogram.data_points:
            count += min(len(point.explicit_bounds), len(point.bucket_counts)) + 2 + point.HasField("sum")
        count += sum(len(point.quantile_values) + 2 for point in metric.summary.data_points)
    return count


@settings(suppress_health_check=list(HealthCheck), max_examples=5)
@given(st.lists(st.tuples(requests, st.integers(0, 3)), min_size=5, max_size=12))
def test_whatever_protobuf_accepts_is_stored(
    client: Any, chosen: list[tuple[ExportMetricsServiceRequest, int]]
) -> None:
    client.empty(*TABLES)
    client.insert_bodies(Signal.METRICS, [body(request, names) for request, names in chosen])
    expected = sum(sample_count(request) for request, _ in chosen)
    assert client.value("SELECT countIf(metric != 'target_info') FROM samples") == expected
    lost = "SELECT count() FROM samples WHERE (metric, id) NOT IN (SELECT metric, id FROM series)"
    assert client.value(lost) == 0
