"""OTLP's metric points, as SQL: the words of the schema files for their column types, their values and their buckets.

Beside ``metric_names``, whose words say what a point's series is called; ``dialect`` puts both into the schema files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sonde.store.metric_names import float_text

STALE_NAN_BITS = 0x7FF0000000000002  # Prometheus' staleness marker: a NaN that no computation gives
LATEST_NANO = 9_200_000_000_000_000_000  # the year 2261: the last that Int64 holds
ZERO_THRESHOLD = "1e-128"  # Prometheus' width of the zero bucket of histograms that do not say theirs
SCHEMAS = (-4, 8)  # Prometheus' native histograms have 2^(2^schema) as base, with these limits

_ATTRIBUTES = "Array(Tuple(key String, value String))"
_EXEMPLARS = (
    "Array(Tuple(time_unix_nano UInt64, as_double Float64, as_int Int64, span_id String, trace_id String, "
    f"filtered_attributes {_ATTRIBUTES}))"
)
_TIMES = "start_time_unix_nano UInt64, time_unix_nano UInt64"
_BUCKETS = "Tuple(offset Int32, bucket_counts Array(UInt64))"
_NATIVE = (
    "schema Int8, zero_threshold Float64, zero_count Float64, count Float64, sum Float64, min Float64, max Float64, "
    "positive Array(Tuple(index Int32, count Float64)), negative Array(Tuple(index Int32, count Float64))"
)
_CLASSIC = "suffix String, label String, text String, value Float64"
_TAGS = f"attributes {_ATTRIBUTES}, exemplars {_EXEMPLARS}, flags UInt32"
_TYPES: Mapping[str, str] = {
    "number_points": f"{_TIMES}, as_double Float64, as_int Int64, {_TAGS}",
    "histogram_points": f"{_TIMES}, count UInt64, sum Nullable(Float64), bucket_counts Array(UInt64), "
    f"explicit_bounds Array(Float64), {_TAGS}",
    "exponential_points": f"{_TIMES}, count UInt64, sum Nullable(Float64), min Nullable(Float64), "
    f"max Nullable(Float64), scale Int32, zero_count UInt64, zero_threshold Float64, "
    f"positive {_BUCKETS}, negative {_BUCKETS}, {_TAGS}",
    "summary_points": f"{_TIMES}, count UInt64, sum Float64, "
    f"quantile_values Array(Tuple(quantile Float64, value Float64)), attributes {_ATTRIBUTES}, flags UInt32",
    "classic": _CLASSIC,
    "native": _NATIVE,
    # all points that are more than a number, as the words classic_of_… and native_of_… make them
    "composite_points": f"attributes {_ATTRIBUTES}, {_TIMES}, flags UInt32, classic Array(Tuple({_CLASSIC})), "
    f"native Array(Tuple({_NATIVE})), bounds Array(Float64), exemplars {_EXEMPLARS}",
}


def classic_of_histogram(point: str) -> str:
    """``{classic_of_histogram p}``: (suffix, label, text, value) of its cumulative buckets, count and sum."""
    size = f"toUInt32(least(length({point}.explicit_bounds), length({point}.bucket_counts)))"
    bounds, counts = f"arraySlice({point}.explicit_bounds, 1, {size})", f"arraySlice({point}.bucket_counts, 1, {size})"
    bucket = f"('_bucket', 'le', {float_text('bound')}, toFloat64(number))"
    total = f"toFloat64({point}.count)"
    return (
        f"arrayConcat(arrayMap((bound, number) -> {bucket}, {bounds}, arrayCumSum({counts})), "
        f"[('_bucket', 'le', '+Inf', {total}), ('_count', '', '', {total})], "
        f"if(isNull({point}.sum), [], [('_sum', '', '', ifNull({point}.sum, 0))]))"
    )


def classic_of_summary(point: str) -> str:
    """``{classic_of_summary p}``: (suffix, label, text, value) of the quantiles, the sum and the count."""
    quantile = f"('', 'quantile', {float_text('q.quantile')}, q.value)"
    others = f"[('_sum', '', '', {point}.sum), ('_count', '', '', toFloat64({point}.count))]"
    return f"arrayConcat(arrayMap(q -> {quantile}, {point}.quantile_values), {others})"


def native_of_exponential(point: str) -> str:
    """``{native_of_exponential p}``: an exponential histogram's point as a native histogram."""
    low, high = SCHEMAS
    schema = f"toInt8(greatest({low}, least({high}, {point}.scale)))"
    threshold = f"if({point}.zero_threshold > 0, {point}.zero_threshold, {ZERO_THRESHOLD})"
    counts = ", ".join(f"toFloat64({number})" for number in (f"{point}.zero_count", f"{point}.count"))
    extremes = f"ifNull({point}.min, nan), ifNull({point}.max, nan)"
    sides = ", ".join(_native_buckets(f"{point}.{side}", f"{point}.scale") for side in ("positive", "negative"))
    return f"({schema}, {threshold}, {counts}, ifNull({point}.sum, 0), {extremes}, {sides})"


def milliseconds(nanoseconds: str) -> str:
    """``{milliseconds x}``: nanoseconds of a point as milliseconds; those beyond 2261 are moved there."""
    return f"toInt64(intDiv(least({nanoseconds}, {LATEST_NANO}), 1000000))"


def point_value(argument: str) -> str:
    """``{point_value p x}``: the value x of the point p, or a stale marker if p says that nothing was recorded."""
    point, value = argument.split(maxsplit=1)
    return f"if(bitAnd({point}.flags, 1) = 1, reinterpretAsFloat64({STALE_NAN_BITS}::UInt64), toFloat64({value}))"


def number_of(point: str) -> str:
    """``{number_of p}``: the integer or the float of a point or exemplar; the one that was not sent reads as zero."""
    return f"if({point}.as_int != 0, toFloat64({point}.as_int), {point}.as_double)"


def _native_buckets(buckets: str, scale: str) -> str:
    """(index, count) of each filled bucket, as Prometheus numbers them.

    OTLP's bucket i ends where Prometheus' bucket i + 1 ends. Buckets finer than Prometheus knows are added up; coarser
    ones, which Prometheus refuses, go to the bucket with their upper bound, so counts up to any bound stay right.
    """
    low, high = SCHEMAS
    finer = f"least(greatest({scale} - {high}, 0), 62)"
    coarser = f"least(greatest({low} - {scale}, 0), 7)"  # from scale -11 on, one bucket holds all numbers above 1
    index = f"bitShiftRight(toInt64({buckets}.offset) + i - 1, {finer})"
    indices = f"arrayMap(i -> {index}, arrayEnumerate({buckets}.bucket_counts))"
    runs = (
        f"arraySplit((bucket, first) -> first, arrayZip(indices, {buckets}.bucket_counts), "
        "arrayMap((index, before) -> index != before, indices, arrayPopBack(arrayPushFront(indices, 0))))"
    )
    merged = f"arrayMap(run -> (bitShiftLeft(run[1].1 + 1, {coarser}), toFloat64(arraySum(run.2))), {runs})"
    clamped = "toInt32(greatest(-2147483648, least(2147483647, bucket.1)))"
    return (
        f"arrayMap(indices -> arrayMap(bucket -> ({clamped}, bucket.2), "
        f"arrayFilter(bucket -> bucket.2 > 0, {merged})), [{indices}])[1]"
    )


WORDS: Mapping[str, Callable[[str], str]] = {
    **{word: lambda _, members=members: f"Array(Tuple({members}))" for word, members in _TYPES.items()},  # type: ignore[misc]
    "metric_data": lambda _: (
        "Enum8('none' = 0, 'gauge' = 5, 'sum' = 7, 'histogram' = 9, 'exponential_histogram' = 10, 'summary' = 11)"
    ),
    "exemplars": lambda _: _EXEMPLARS,
    "milliseconds": milliseconds,
    "point_value": point_value,
    "number_of": number_of,
    "classic_of_histogram": classic_of_histogram,
    "classic_of_summary": classic_of_summary,
    "native_of_exponential": native_of_exponential,
}
