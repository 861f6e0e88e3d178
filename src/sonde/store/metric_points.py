"""OTLP's metric points, as SQL: the words of the schema files for their column types, their values and their buckets.

Beside ``metric_names``, whose words say what a point's series is called; ``dialect`` puts both into ``schema/0004_metrics.sql``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

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
_TYPES: Mapping[str, str] = {
    "number_points": f"{_TIMES}, as_double Float64, as_int Int64, attributes {_ATTRIBUTES}, exemplars {_EXEMPLARS}, flags UInt32",
    "histogram_points": f"{_TIMES}, count UInt64, sum Nullable(Float64), bucket_counts Array(UInt64), "
    f"explicit_bounds Array(Float64), attributes {_ATTRIBUTES}, exemplars {_EXEMPLARS}, flags UInt32",
    "exponential_points": f"{_TIMES}, count UInt64, sum Nullable(Float64), min Nullable(Float64), max Nullable(Float64), "
    f"scale Int32, zero_count UInt64, zero_threshold Float64, positive {_BUCKETS}, negative {_BUCKETS}, "
    f"attributes {_ATTRIBUTES}, exemplars {_EXEMPLARS}, flags UInt32",
    "summary_points": f"{_TIMES}, count UInt64, sum Float64, quantile_values Array(Tuple(quantile Float64, value Float64)), "
    f"attributes {_ATTRIBUTES}, flags UInt32",
    "exemplar_points": f"attributes {_ATTRIBUTES}, bounds Array(Float64), exemplars {_EXEMPLARS}",
}


def milliseconds(nanoseconds: str) -> str:
    """``{milliseconds x}``: nanoseconds of a point as milliseconds; those beyond 2261 are moved there."""
    return f"toInt64(intDiv(least({nanoseconds}, {LATEST_NANO}), 1000000))"


def point_value(argument: str) -> str:
    """``{point_value p x}``: the value x of the point p, or the staleness marker where p says that nothing was recorded."""
    point, value = argument.split(maxsplit=1)
    return f"if(bitAnd({point}.flags, 1) = 1, reinterpretAsFloat64({STALE_NAN_BITS}::UInt64), toFloat64({value}))"


def number_of(point: str) -> str:
    """``{number_of p}``: the integer or the float of a point or exemplar; the one that was not sent reads as zero."""
    return f"if({point}.as_int != 0, toFloat64({point}.as_int), {point}.as_double)"


def native_schema(scale: str) -> str:
    """``{native_schema scale}``: the native histogram schema that an OTLP scale is stored as."""
    low, high = SCHEMAS
    return f"toInt8(greatest({low}, least({high}, {scale})))"


def native_buckets(argument: str) -> str:
    """``{native_buckets buckets scale}``: (indices, counts) of the filled buckets, as Prometheus numbers them.

    OTLP's bucket i ends where Prometheus' bucket i + 1 ends. Buckets finer than Prometheus knows are added up; coarser ones,
    which Prometheus refuses, go to the bucket with their upper bound, so counts up to any bound stay right.
    """
    buckets, scale = argument.split()
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
    "zero_threshold": lambda _: ZERO_THRESHOLD,
    "milliseconds": milliseconds,
    "point_value": point_value,
    "number_of": number_of,
    "native_schema": native_schema,
    "native_buckets": native_buckets,
}
