"""Remote write requests of both versions, from the same description of series; and such descriptions for hypothesis."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from sonde.receivers.prometheus.messages import Histogram, Request, SymbolSeries, TimeSeries, WriteRequest

NOW = 1_795_000_000_000
(STALE,) = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))
TYPES = ("unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset")

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Series:
    """One series of a request: samples are (value, milliseconds), exemplars (labels, value, milliseconds)."""

    labels: Pairs
    samples: Sequence[tuple[float, int]] = ()
    histograms: Sequence[Any] = ()
    exemplars: Sequence[tuple[Pairs, float, int]] = ()
    type: int = 0
    help: str = ""
    unit: str = ""
    start: int = 0


def series(name: str, *samples: tuple[float, int], labels: Mapping[str, str] | None = None, **more: Any) -> Series:
    """A series with its labels in order; one sample now unless others are given."""
    pairs = sorted({"__name__": name, **(labels or {})}.items())
    without_samples = more.get("histograms") or more.get("exemplars")
    return Series(pairs, samples or (() if without_samples else ((1.0, NOW),)), **more)


def histogram(
    positive: Mapping[int, float] | None = None, negative: Mapping[int, float] | None = None, **more: Any
) -> Any:
    """A native histogram of these filled buckets; floats if any count is one."""
    sides = {"positive": dict(positive or {}), "negative": dict(negative or {})}
    is_float = any(isinstance(count, float) for side in sides.values() for count in side.values())
    zero = more.pop("zero", 0)
    made = Histogram(**{"timestamp": NOW, "zero_threshold": 0.001, "sum": 0.0, **more})
    total = sum(sum(side.values()) for side in sides.values()) + zero
    if is_float:
        made.count_float, made.zero_count_float = total, zero
    else:
        made.count_int, made.zero_count_int = total, zero
    for name, side in sides.items():
        last = 0
        for position, (index, count) in enumerate(sorted(side.items())):
            spans = getattr(made, f"{name}_spans")
            if position and index == last:
                spans[-1].length += 1
            else:
                spans.add(offset=index - last, length=1)
            last = index + 1
            if is_float:
                getattr(made, f"{name}_counts").append(count)
            else:
                getattr(made, f"{name}_deltas").append(int(count - sum(getattr(made, f"{name}_deltas"))))
    return made


def version_1(*described: Series, metadata: Sequence[tuple[int, str, str, str]] = ()) -> bytes:
    """A `prometheus.WriteRequest`; metadata are (type, family, help, unit)."""
    request = WriteRequest()
    for each in described:
        one = request.timeseries.add()
        fill_labels(one, each.labels)
        for value, timestamp in each.samples:
            one.samples.add(value=value, timestamp=timestamp)
        for labels, value, timestamp in each.exemplars:
            exemplar = one.exemplars.add(value=value, timestamp=timestamp)
            fill_labels(exemplar, labels)
        one.histograms.extend(each.histograms)
    for kind, family, text, unit in metadata:
        request.metadata.add(type=kind, metric_family_name=family, help=text, unit=unit)
    return bytes(request.SerializeToString())


def fill_labels(message: Any, labels: Pairs) -> None:
    for name, value in labels:
        message.labels.add(name=name, value=value)


def version_2(*described: Series, created: bool = False) -> bytes:
    """An `io.prometheus.write.v2.Request`; starts stand at the samples, or at the series, as until 2.0-rc.3."""
    request = Request()
    symbols: dict[str, int] = {"": 0}

    def references(labels: Pairs) -> list[int]:
        return [symbols.setdefault(text, len(symbols)) for pair in labels for text in pair]

    for each in described:
        one = request.timeseries.add(labels_refs=references(each.labels))
        start = 0 if created else each.start
        for value, timestamp in each.samples:
            one.samples.add(value=value, timestamp=timestamp, start_timestamp=start)
        for labels, value, timestamp in each.exemplars:
            one.exemplars.add(labels_refs=references(labels), value=value, timestamp=timestamp)
        for native in each.histograms:
            one.histograms.add().CopyFrom(SymbolSeries().histograms.add().FromString(native.SerializeToString()))
            one.histograms[-1].start_timestamp = start
        one.created_timestamp = each.start if created else 0
        if each.type or each.help or each.unit:
            one.metadata.type = each.type
            one.metadata.help_ref = symbols.setdefault(each.help, len(symbols))
            one.metadata.unit_ref = symbols.setdefault(each.unit, len(symbols))
    request.symbols.extend(symbols)
    return bytes(request.SerializeToString())


def series_bytes(described: Series) -> bytes:
    """One series of version 1, without its request."""
    return bytes(
        TimeSeries.FromString(
            WriteRequest.FromString(version_1(described)).timeseries[0].SerializeToString()
        ).SerializeToString()
    )


# For hypothesis: what a sender may send

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)
names = st.one_of(st.sampled_from(["A", "_", "job", "le", "zone", "größe", "a.b", "\0", "\U0001f600"]), texts)
label_sets = st.dictionaries(names.filter(lambda name: name != "__name__"), texts, max_size=4).flatmap(
    lambda labels: st.one_of(st.sampled_from(["up", "http_requests_total", "größe", "a b"]), texts).map(
        lambda name: sorted({**labels, "__name__": name}.items())
    )
)
moments = st.one_of(
    st.sampled_from([0, 1, -1, NOW, NOW + 86_400_000, -(2**63), 2**63 - 1, -62_135_596_800_000]),
    st.integers(NOW, NOW + 10**9),
)
values = st.one_of(st.floats(width=64, allow_nan=False), st.sampled_from([STALE, float("nan"), 0.0, -0.0]))
samples = st.lists(st.tuples(values, moments), max_size=3)
exemplars = st.lists(
    st.tuples(
        st.dictionaries(
            st.sampled_from(["trace_id", "span_id", "user"]),
            st.one_of(
                texts, st.just("0af7651916cd43dd8448eb211c80319c"), st.just("b7ad6b7169203331"), st.just("0" * 32)
            ),
            max_size=3,
        ).map(lambda labels: sorted(labels.items())),
        values,
        moments,
    ),
    max_size=2,
)
buckets = st.dictionaries(st.integers(-20, 20), st.integers(0, 9), max_size=6)
float_buckets = st.dictionaries(st.integers(-20, 20), st.floats(0, 1e6), max_size=6)
histograms = st.one_of(
    st.builds(
        histogram, buckets, buckets, schema=st.integers(-4, 8), zero=st.integers(0, 5), timestamp=moments, sum=values.filter(lambda value: not math.isnan(value)),
        reset_hint=st.integers(0, 3),
    ),
    st.builds(histogram, float_buckets, float_buckets, schema=st.integers(-4, 8), timestamp=moments, sum=values, reset_hint=st.integers(0, 3)),
    st.builds(
        lambda bounds, counts, **more: histogram(
            dict(zip(range(len(bounds) + 1), counts, strict=False)), schema=-53, custom_values=sorted(bounds), zero_threshold=0.0, **more
        ),
        st.sets(st.floats(-1e9, 1e9), max_size=4),
        st.lists(st.integers(0, 9), max_size=6),
        timestamp=moments,
    ),
)  # fmt: skip
any_series = st.builds(
    Series,
    label_sets,
    samples=samples,
    histograms=st.lists(histograms, max_size=2),
    exemplars=exemplars,
    type=st.integers(0, 8),
    help=st.text(max_size=5),
    unit=st.sampled_from(["", "seconds"]),
    start=st.one_of(st.just(0), moments),
)
