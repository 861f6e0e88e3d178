"""Prometheus' samples and native histograms as they travel, as SQL: words of ``schema/0006_prometheus.sql``.

Beside ``metric_points``, which has those of OTLP; ``dialect`` puts both into the schema files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sonde.store.metric_points import STALE_NAN_BITS

FIRST_MILLI, LAST_MILLI = -2_208_988_800_000, 9_200_000_000_000  # 1900 and 2261: what days and partitions can hold

_SPANS = "Array(Tuple(offset Int32, length UInt32))"
_SIDES = ", ".join(
    f"{side}_spans {_SPANS}, {side}_deltas Array(Int64), {side}_counts Array(Float64)"
    for side in ("negative", "positive")
)
_HISTOGRAM = (
    "count Enum8('none' = 0, 'count_int' = 1, 'count_float' = 2), count_int UInt64, count_float Float64, sum Float64, "
    "schema Int32, zero_threshold Float64, zero_count_int UInt64, zero_count_float Float64, "
    f"{_SIDES}, reset_hint UInt32, timestamp Int64, custom_values Array(Float64), start_timestamp Int64"
)
_LABELS = "Array(Tuple(name String, value String))"
_TYPES: Mapping[str, str] = {
    "wire_labels": _LABELS,
    "wire_samples": "Array(Tuple(value Float64, timestamp Int64, start_timestamp Int64))",
    "wire_histograms": f"Array(Tuple({_HISTOGRAM}))",
    "wire_exemplars": f"Array(Tuple(labels {_LABELS}, value Float64, timestamp Int64))",
}


def moment(milliseconds: str) -> str:
    """``{moment x}``: milliseconds since 1970 as a time; those before 1900 or after 2261 are moved there."""
    return f"fromUnixTimestamp64Milli(greatest({FIRST_MILLI}, least({LAST_MILLI}, {milliseconds})))"


def day(milliseconds: str) -> str:
    """``{day x}``: the day of the moment x."""
    return f"toDate32({moment(milliseconds)})"


def symbol_at(reference: str) -> str:
    """``{symbol_at ref}``: a symbol of the frame whose ``size`` symbols begin at ``start``; never one of another's."""
    return f"all_symbols[if({reference} < size, start + {reference}, 0)]"


def symbols_at(argument: str) -> str:
    """``{symbols_at refs 1}``: what every second reference leads to, from the first (names) or second (values) on."""
    references, first = argument.split()
    chosen = f"arrayFilter((ref, i) -> i % 2 = {int(first) % 2}, {references}, arrayEnumerate({references}))"
    return f"arrayMap(ref -> {symbol_at('ref')}, {chosen})"


def filled_buckets(argument: str) -> str:
    """``{filled_buckets h.positive}``: (index, count) of each filled bucket on one side of the histogram h.

    A span is so many buckets in a row, and how far it begins behind the end of the span before it. Counts come as
    differences from bucket to bucket, or, in float histograms, as they are.
    """
    histogram = argument.split(".", maxsplit=1)[0]
    offsets, lengths = f"{argument}_spans.offset", f"{argument}_spans.length"
    ends = f"arrayMap((offset, length) -> offset + length, arrayCumSum({offsets}), arrayCumSum({lengths}))"
    indices = f"arrayFlatten(arrayMap((end, length) -> range(end - length, end), {ends}, {lengths}))"
    integers = f"arrayMap(count -> toFloat64(count), arrayCumSum({argument}_deltas))"
    counts = f"if({histogram}.count = 'count_float', {argument}_counts, {integers})"
    # sizes that differ cannot pass the receiver's check, and would end the insert
    pairs = f"arrayMap(index -> arrayZip(index, arrayResize({counts}, length(index))), [{indices}])[1]"
    return f"arrayFilter(bucket -> bucket.2 != 0, {pairs})"


def total_count(histogram: str) -> str:
    """``{total_count h}``: how much the histogram h counted; a stale marker if its sum is one."""
    is_stale = f"reinterpretAsUInt64({histogram}.sum) = {STALE_NAN_BITS}"
    return f"if({is_stale}, {histogram}.sum, {histogram}.count_int + {histogram}.count_float)"


def metric_type(number: str) -> str:
    """``{metric_type x}``: Prometheus' word for the number of a type, the same in both versions."""
    words = ["unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset"]
    return f"transform({number}, {list(range(len(words)))}, {words}, 'unknown')"


def id_among(argument: str) -> str:
    """``{id_among labels name 32}``: the label's value if it is that many hexadecimal digits, not all zero; else ''."""
    labels, name, digits = argument.split()
    value = f"{labels}.2[indexOf({labels}.1, '{name}')]"
    is_id = f"match({value}, '^[0-9a-f]*$') AND length({value}) = {digits} AND match({value}, '[1-9a-f]')"
    return f"if({is_id}, {value}, '')"


WORDS: Mapping[str, Callable[[str], str]] = {
    **{word: lambda _, type_=type_: type_ for word, type_ in _TYPES.items()},  # type: ignore[misc]
    "moment": moment,
    "day": day,
    "symbol_at": symbol_at,
    "symbols_at": symbols_at,
    "filled_buckets": filled_buckets,
    "total_count": total_count,
    "metric_type": metric_type,
    "id_among": id_among,
}
