"""The notation of histograms in Prometheus' test scripts: ``{{schema:0 count:3 sum:2 buckets:[1 2]}}+{{...}}x3``.

Format: https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/#series
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from sonde.query.promql.histogram.arithmetic import add, detect_reset, subtract
from sonde.query.promql.histogram.bounds import CUSTOM_SCHEMA
from sonde.query.promql.histogram.native import CounterReset, Histogram
from sonde.query.promql.number import go_float

_FIELD = re.compile(r"\s*([a-z_]+):(\[[^\]]*\]|[^\s\]]+)")
_SERIES = re.compile(r"(\{\{[^}]*\}\})(?:([+-])(\{\{[^}]*\}\}))?(?:x(\d+))?")
_HINTS = {
    "unknown": CounterReset.UNKNOWN,
    "reset": CounterReset.RESET,
    "not_reset": CounterReset.NOT_RESET,
    "gauge": CounterReset.GAUGE,
}
_NUMBERS = {"schema", "sum", "count", "z_bucket", "z_bucket_w", "offset", "n_offset"}
_LISTS = {"buckets", "n_buckets", "custom_values"}


@dataclass(frozen=True, slots=True)
class Notation:
    """A histogram, and whether its hint was written (one that was not is not compared)."""

    histogram: Histogram
    has_reset: bool


def parse(text: str) -> Notation:
    """Read ``{{…}}``."""
    if not (text.startswith("{{") and text.endswith("}}")):
        raise ValueError(f"not a histogram: {text!r}")
    body = text[2:-2]
    fields: dict[str, str] = {}
    end = 0
    for found in _FIELD.finditer(body):
        if body[end : found.start()].strip() or found[1] in fields:
            raise ValueError(f"bad histogram {text!r} at {body[end:]!r}")
        fields[found[1]], end = found[2], found.end()
    unknown = fields.keys() - _NUMBERS - _LISTS - {"counter_reset_hint"}
    if body[end:].strip() or unknown:
        raise ValueError(f"bad histogram {text!r}: {body[end:].strip() or unknown}")
    number = {name: float(fields.get(name, "0")) for name in _NUMBERS}
    numbers = {name: [float(item) for item in fields.get(name, "[]")[1:-1].split()] for name in _LISTS}
    hint = fields.get("counter_reset_hint")
    return Notation(
        Histogram.of(
            schema=int(number["schema"]),
            count=number["count"],
            sum=number["sum"],
            zero_count=number["z_bucket"],
            zero_threshold=number["z_bucket_w"],
            positive=(int(number["offset"]) + np.arange(len(numbers["buckets"])), numbers["buckets"]),
            negative=(int(number["n_offset"]) + np.arange(len(numbers["n_buckets"])), numbers["n_buckets"]),
            custom_bounds=numbers["custom_values"],
            reset=_HINTS[hint] if hint else CounterReset.UNKNOWN,
        ),
        hint is not None,
    )


def parse_series(text: str) -> list[Notation]:
    """Read one item of a series: ``{{…}}``, ``{{…}}x3`` (four times the same) or ``{{…}}+{{…}}x3`` (ever more)."""
    found = _SERIES.fullmatch(text)
    if not found or (found[2] and found[4] is None):
        raise ValueError(f"not a series of histograms: {text!r}")
    first = parse(found[1])
    values = [first]
    combine: Callable[[Histogram, Histogram], Histogram] = lambda one, _: one  # noqa: E731
    step = first
    if found[2]:
        step = parse(found[3])
        function = add if found[2] == "+" else subtract
        combine = lambda one, other: function(one, other).histogram  # noqa: E731
    for _ in range(int(found[4] or 0)):
        values.append(Notation(combine(values[-1].histogram, step.histogram), first.has_reset))
    return values


def to_notation(histogram: Histogram) -> str:
    """Write ``{{…}}``."""
    h = histogram
    fields = [
        ("schema", h.schema),
        ("count", h.count),
        ("sum", h.sum),
        ("z_bucket", h.zero_count),
        ("z_bucket_w", h.zero_threshold),
    ]
    parts = [f"{name}:{go_float(value)}" for name, value in fields if value != 0]
    if h.reset is not CounterReset.UNKNOWN:
        parts.append(f"counter_reset_hint:{h.reset.name.lower()}")
    if h.schema == CUSTOM_SCHEMA:
        parts.append(f"custom_values:{_list(h.custom_bounds)}")
    for offset, buckets, index, count in (
        ("offset", "buckets", h.positive_index, h.positive_count),
        ("n_offset", "n_buckets", h.negative_index, h.negative_count),
    ):
        if index.size:
            dense = np.zeros(int(index[-1] - index[0]) + 1)
            dense[index - index[0]] = count
            if index[0]:
                parts.append(f"{offset}:{index[0]}")
            parts.append(f"{buckets}:{_list(dense)}")
    return "{{" + " ".join(parts) + "}}"


def as_stored(histograms: Sequence[Histogram | None]) -> list[Histogram | None]:
    """The hints that Prometheus' storage gives these samples: none after a gap in kind or a reset, else "not reset".

    None stands for a number between them, which ends a chunk.
    """
    stored: list[Histogram | None] = []
    before: Histogram | None = None
    for histogram in histograms:
        if histogram is None or histogram.is_stale:
            stored.append(histogram)
            before = None if histogram is None else before
            continue
        stored.append(histogram.with_reset(stored_hint(before, histogram)))
        before = histogram
    return stored


def stored_hint(before: Histogram | None, histogram: Histogram) -> CounterReset:
    """The hint of a histogram behind another, or behind none."""
    if histogram.reset is CounterReset.GAUGE:
        return CounterReset.GAUGE
    if before is None or before.reset is CounterReset.GAUGE or starts_chunk(before, histogram):
        return CounterReset.UNKNOWN
    return CounterReset.NOT_RESET


def starts_chunk(before: Histogram, histogram: Histogram) -> bool:
    """Whether a sample cannot follow another in one chunk."""
    return (
        histogram.reset is CounterReset.RESET
        or histogram.schema != before.schema
        or histogram.zero_threshold != before.zero_threshold
        or not np.array_equal(histogram.custom_bounds, before.custom_bounds)
        or detect_reset(before, histogram.with_reset(CounterReset.UNKNOWN))
    )


def _list(values: Iterable[float]) -> str:
    return "[" + " ".join(go_float(float(value)) for value in values) + "]"
