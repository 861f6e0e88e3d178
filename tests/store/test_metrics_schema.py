"""OTLP metrics through the real engine: what Prometheus' text format would say of them afterwards.

`tests/golden/store/metrics.golden` has requests (protobuf's text format) and the series that they become. The tables of
names and labels are facts from the tests of prometheus/otlptranslator.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
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

from sonde.store.dialect import expand
from sonde.store.metric_names import MetricNames
from sonde.telemetry.signal import Signal

GOLDEN = Path(__file__).parents[1] / "golden/store/metrics.golden"
TABLES = ("samples", "series", "histograms", "exemplars", "metadata")
STALE = "0x7FF0000000000002"


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


def labels_text(labels: dict[str, str]) -> str:
    inner = ", ".join(f'{name}="{value}"' if name.isidentifier() else f'"{name}"="{value}"' for name, value in labels.items())
    return "{" + inner + "}" if labels else ""


def float_text(bits: str) -> str:
    (number,) = struct.unpack(">d", bytes.fromhex(bits.zfill(16)))
    return "stale" if bits == STALE[2:] else f"{number:.17g}" if number != number else repr(number).removesuffix(".0")


def stored(client: Any) -> str:
    """All metric tables as lines: samples, native histograms, exemplars, metadata."""
    lines = []
    bits = "hex(reinterpretAsUInt64({}))"
    series = "(SELECT * FROM series LIMIT 1 BY tenant, metric, id)"
    for metric, labels, value, ts, start, temporality in client.rows(
        f"SELECT metric, labels, {bits.format('value')}, toUnixTimestamp64Milli(ts), toUnixTimestamp64Milli(start_ts), temporality "
        f"FROM samples JOIN {series} AS s USING (tenant, metric, id) ORDER BY metric, labels::String, ts, value"
    ):
        origin = f" from {start}" if start else ""
        kind = " delta" if temporality == "delta" else ""
        lines.append(f"{metric}{labels_text(labels)} {float_text(value)} @{ts}{origin}{kind}")
    for metric, labels, ts, start, hint, schema, threshold, zero, count, total, least, most, positive, negative, temporality in client.rows(
        "SELECT metric, labels, toUnixTimestamp64Milli(ts), toUnixTimestamp64Milli(start_ts), counter_reset, schema, zero_threshold, "
        f"zero_count, {bits.format('count')}, {bits.format('sum')}, {bits.format('min')}, {bits.format('max')}, "
        "arrayZip(positive.index, positive.count), arrayZip(negative.index, negative.count), temporality "
        f"FROM histograms JOIN {series} AS s USING (tenant, metric, id) ORDER BY metric, labels::String, ts"
    ):
        origin = f" from {start}" if start else ""
        kind = " delta" if temporality == "delta" else ""
        extremes = "" if float_text(least) == "nan" else f" min:{float_text(least)} max:{float_text(most)}"
        buckets = "".join(
            f" {side}:[{' '.join(f'{index}:{number}' for index, number in pairs)}]"
            for side, pairs in (("positive", positive), ("negative", negative))
            if pairs
        )
        lines.append(
            f"{metric}{labels_text(labels)} {{{{schema:{schema} count:{float_text(count)} sum:{float_text(total)}{extremes} "
            f"zero:{zero}@{threshold} reset:{hint}{buckets}}}}} @{ts}{origin}{kind}"
        )
    for metric, labels, value, ts, trace, span, extra in client.rows(
        f"SELECT metric, s.labels, {bits.format('value')}, toUnixTimestamp64Milli(ts), lower(hex(trace_id)), lower(hex(span_id)), e.labels "
        f"FROM exemplars AS e JOIN {series} AS s USING (tenant, metric, id) ORDER BY metric, s.labels::String, ts"
    ):
        lines.append(f"# exemplar {metric}{labels_text(labels)} {float_text(value)} @{ts} trace={trace} span={span} {labels_text(extra)}".rstrip())
    for metric, kind, unit, help_text, temporality in client.rows(
        "SELECT metric, type, unit, help, temporality FROM metadata ORDER BY ALL"
    ):
        lines.append(f"# {metric} {kind} unit={unit!r} help={help_text!r} {temporality}")
    return "\n".join(lines)


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
