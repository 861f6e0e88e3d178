"""Prometheus' protobuf format: metric families one behind the other, each with its length; the only one with native
histograms.

Format: https://github.com/prometheus/client_model/blob/master/io/prometheus/client/metrics.proto, of which MetricFamily
is sent with ``encoding=delimited``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final, Generic, TypeVar

import numpy as np
from google.protobuf.message import DecodeError

from sonde.errors import UserError
from sonde.receivers.prometheus.exposition.numbers import bound_text
from sonde.receivers.prometheus.exposition.reading import (
    NO_TIME,
    Exemplar,
    Metadata,
    Reading,
    Resolve,
    canonical_nans,
    exposed_labels,
)
from sonde.receivers.prometheus.messages import Histogram
from sonde.receivers.prometheus.write_histogram import fault
from sonde.receivers.protobuf import compile_messages
from sonde.telemetry.labels import METRIC_NAME, labels_of

T = TypeVar("T")

_MESSAGES: Final = compile_messages(
    "sonde.prometheus.client",
    """
    message MetricFamily {
      string name = 1; string help = 2; int32 type = 3; repeated Metric metric = 4; string unit = 5;
    }
    message Metric {
      repeated bytes label = 1;
      Gauge gauge = 2;
      Counter counter = 3;
      Summary summary = 4;
      Gauge untyped = 5;
      int64 timestamp_ms = 6;
      Histogram histogram = 7;
    }
    message LabelPair { string name = 1; string value = 2; }
    message Gauge { double value = 1; }
    message Counter { double value = 1; Exemplar exemplar = 2; Timestamp created_timestamp = 3; }
    message Summary {
      uint64 sample_count = 1; double sample_sum = 2; repeated Quantile quantile = 3; Timestamp created_timestamp = 4;
    }
    message Quantile { double quantile = 1; double value = 2; }
    message Histogram {
      uint64 sample_count = 1; double sample_sum = 2; repeated Bucket bucket = 3; double sample_count_float = 4;
      sint32 schema = 5; double zero_threshold = 6; uint64 zero_count = 7; double zero_count_float = 8;
      repeated BucketSpan negative_span = 9; repeated sint64 negative_delta = 10; repeated double negative_count = 11;
      repeated BucketSpan positive_span = 12; repeated sint64 positive_delta = 13; repeated double positive_count = 14;
      Timestamp created_timestamp = 15; repeated Exemplar exemplars = 16;
    }
    message Bucket {
      uint64 cumulative_count = 1; double upper_bound = 2; Exemplar exemplar = 3; double cumulative_count_float = 4;
    }
    message BucketSpan { sint32 offset = 1; uint32 length = 2; }
    message Exemplar { repeated LabelPair label = 1; double value = 2; Timestamp timestamp = 3; }
    message Timestamp { int64 seconds = 1; int32 nanos = 2; }
    """,
)
MetricFamily: Any = _MESSAGES["MetricFamily"]
LabelPair: Any = _MESSAGES["LabelPair"]

COUNTER, GAUGE, SUMMARY, UNTYPED, HISTOGRAM, GAUGE_HISTOGRAM = range(6)
_TYPES: Final = {
    COUNTER: "counter",
    GAUGE: "gauge",
    SUMMARY: "summary",
    UNTYPED: "unknown",
    HISTOGRAM: "histogram",
    GAUGE_HISTOGRAM: "gaugehistogram",
}
_GAUGE_HINT: Final = 3
"""The counter reset hint of histograms that go up and down."""

_Key = tuple[str, str, str, tuple[bytes, ...]]
"""A series: its family, what follows it in the name, the value of ``le`` or ``quantile``, and its labels as sent."""


class ProtobufReader(Generic[T]):
    """Reads one target's bodies in protobuf.

    Args:
        resolve: Asked once for each series.
        native: Give native histograms as such; else only their classic buckets.
        classic: Give the classic buckets also where there is a native histogram.
    """

    def __init__(self, resolve: Resolve[T], *, native: bool = True, classic: bool = False) -> None:
        self._resolve = resolve
        self._native = native
        self._classic = classic
        self._known: dict[_Key, T] = {}
        self._keys: list[_Key] = []
        self._rows: list[T] = []
        self._metadata: dict[str, Metadata] = {}

    def read(self, body: bytes) -> Reading[T]:
        """Read a body.

        Raises:
            UserError: It is not in the format. What was known stays known.
        """
        columns = _Columns()
        metadata: dict[str, Metadata] = {}
        for family in _families(body):
            if not family.name:
                raise _broken("a metric family has no name")
            if family.type not in _TYPES:
                raise _broken(f"the metric family {family.name!r} has the type {family.type}, which does not exist")
            metadata[family.name] = Metadata(_TYPES[family.type], family.help, family.unit)
            for metric in family.metric:
                self._metric(family, metric, columns)
        if columns.keys != self._keys:
            self._keys = columns.keys
            self._known = {key: self._known[key] if key in self._known else self._new(key) for key in columns.keys}
            self._rows = [self._known[key] for key in columns.keys]
        if metadata != self._metadata:
            self._metadata = metadata
        return columns.reading(self._rows, self._metadata)

    def rows_before(self, line: int) -> list[T]:  # noqa: ARG002 - as the Protocol has it
        """None: the format has no lines."""
        return []

    def _new(self, key: _Key) -> T:
        family, suffix, bound, raw = key
        labels = [(pair.name, pair.value) for pair in map(LabelPair.FromString, raw)]
        if bound:
            labels.append(("le" if suffix else "quantile", bound))
        if len({name for name, _ in labels}) != len(labels):
            raise _broken(f"a series of {family!r} has a label twice")
        return self._resolve(exposed_labels({METRIC_NAME: family + suffix, **dict(labels)}))

    def _metric(self, family: Any, metric: Any, columns: _Columns) -> None:
        name, raw, time = family.name, tuple(metric.label), metric.timestamp_ms or NO_TIME
        match family.type:
            case 0:
                counter = metric.counter
                exemplars = _exemplars([counter.exemplar] if counter.HasField("exemplar") else [])
                columns.add((name, "", "", raw), counter.value, time, _start(counter), exemplars)
            case 1:
                columns.add((name, "", "", raw), metric.gauge.value, time)
            case 3:
                columns.add((name, "", "", raw), metric.untyped.value, time)
            case 2:
                summary, start = metric.summary, _start(metric.summary)
                columns.add((name, "_count", "", raw), float(summary.sample_count), time, start)
                columns.add((name, "_sum", "", raw), summary.sample_sum, time, start)
                for quantile in summary.quantile:
                    columns.add((name, "", bound_text(quantile.quantile), raw), quantile.value, time, start)
            case _:
                self._histogram(family, metric, columns, raw, time)

    def _histogram(self, family: Any, metric: Any, columns: _Columns, raw: tuple[bytes, ...], time: int) -> None:
        name, histogram, start = family.name, metric.histogram, _start(metric.histogram)
        if self._native and _is_native(histogram):
            sent = histogram.exemplars or [
                bucket.exemplar for bucket in histogram.bucket if bucket.HasField("exemplar")
            ]
            exemplars = _exemplars(each for each in sent if each.HasField("timestamp"))
            columns.add((name, "", "", raw), math.nan, time, start, exemplars)
            wire = _wire(histogram, is_gauge=family.type == GAUGE_HISTOGRAM)
            if wrong := fault(wire):
                raise _broken(f"a native histogram of {name!r}: {wrong}")
            columns.histograms[len(columns.keys) - 1] = bytes(wire.SerializeToString())
            if not (self._classic and histogram.bucket):
                return
        count = histogram.sample_count_float or float(histogram.sample_count)
        columns.add((name, "_count", "", raw), count, time, start)
        columns.add((name, "_sum", "", raw), histogram.sample_sum, time, start)
        bounds = [bucket.upper_bound for bucket in histogram.bucket]
        for bound, bucket in zip(bounds, histogram.bucket, strict=True):
            value = bucket.cumulative_count_float or float(bucket.cumulative_count)
            exemplars = _exemplars([bucket.exemplar] if bucket.HasField("exemplar") else [])
            columns.add((name, "_bucket", bound_text(bound), raw), value, time, start, exemplars)
        if math.inf not in bounds:
            columns.add((name, "_bucket", "+Inf", raw), count, time, start)


class _Columns:
    """The samples of a body so far."""

    def __init__(self) -> None:
        self.keys: list[_Key] = []
        self.values: list[float] = []
        self.times: list[int] = []
        self.starts: list[int] = []
        self.exemplars: dict[int, tuple[Exemplar, ...]] = {}
        self.histograms: dict[int, bytes] = {}

    def add(self, key: _Key, value: float, time: int, start: int = 0, exemplars: tuple[Exemplar, ...] = ()) -> None:
        if exemplars:
            self.exemplars[len(self.keys)] = exemplars
        self.keys.append(key)
        self.values.append(value)
        self.times.append(time)
        self.starts.append(start)

    def reading(self, rows: list[T], metadata: dict[str, Metadata]) -> Reading[T]:
        times = np.array(self.times, dtype=np.int64)
        starts = np.array(self.starts, dtype=np.int64)
        return Reading(
            rows,
            canonical_nans(np.array(self.values, dtype=np.float64)),
            times if (times != NO_TIME).any() else None,
            starts if starts.any() else None,
            self.exemplars,
            self.histograms,
            metadata,
        )


def _families(body: bytes) -> Iterator[Any]:
    at = 0
    while at < len(body):
        length = shift = 0
        while True:
            if at >= len(body) or shift > 63:
                raise _broken("the length of a metric family is cut short")
            byte = body[at]
            at += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        if at + length > len(body):
            raise _broken(f"a metric family has {length} bytes, of which {len(body) - at} are there")
        try:
            yield MetricFamily.FromString(body[at : at + length])
        except DecodeError as error:
            raise _broken(f"the metric family at byte {at} cannot be read: {error}") from None
        at += length


def _is_native(histogram: Any) -> bool:
    return bool(
        histogram.positive_span
        or histogram.negative_span
        or histogram.zero_threshold > 0
        or histogram.zero_count
        or histogram.zero_count_float > 0
    )


def _wire(histogram: Any, *, is_gauge: bool) -> Any:
    """A native histogram as remote write has it, without its times."""
    wire = Histogram(sum=histogram.sample_sum, schema=histogram.schema, zero_threshold=histogram.zero_threshold)
    if histogram.sample_count_float > 0 or histogram.zero_count_float > 0:
        wire.count_float, wire.zero_count_float = histogram.sample_count_float, histogram.zero_count_float
        wire.positive_counts.extend(histogram.positive_count)
        wire.negative_counts.extend(histogram.negative_count)
    else:
        wire.count_int, wire.zero_count_int = histogram.sample_count, histogram.zero_count
        wire.positive_deltas.extend(histogram.positive_delta)
        wire.negative_deltas.extend(histogram.negative_delta)
    for span in histogram.positive_span:
        wire.positive_spans.add(offset=span.offset, length=span.length)
    for span in histogram.negative_span:
        wire.negative_spans.add(offset=span.offset, length=span.length)
    if is_gauge:
        wire.reset_hint = _GAUGE_HINT
    return wire


def _start(counted: Any) -> int:
    return _milliseconds(counted.created_timestamp) if counted.HasField("created_timestamp") else 0


def _exemplars(sent: Any) -> tuple[Exemplar, ...]:
    return tuple(
        Exemplar(
            labels_of({pair.name: pair.value for pair in each.label}),
            each.value,
            _milliseconds(each.timestamp) if each.HasField("timestamp") else None,
        )
        for each in sent
    )


def _milliseconds(timestamp: Any) -> int:
    return int(timestamp.seconds * 1000 + timestamp.nanos // 1_000_000)


def _broken(what: str) -> UserError:
    return UserError(f"not delimited io.prometheus.client.MetricFamily: {what}", code="exposition.protobuf")
