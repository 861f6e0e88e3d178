"""Native histograms as text: as Prometheus prints them, and as its HTTP API writes them.

API: https://prometheus.io/docs/prometheus/latest/querying/api/#native-histograms
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import numpy as np

from sonde.query.promql.histogram.bounds import edges
from sonde.query.promql.histogram.native import NO_COUNT, Histogram, all_buckets
from sonde.query.promql.number import go_float
from sonde.query.promql.series import Floats

LEFT_OPEN: Final = 0
RIGHT_OPEN: Final = 1
BOTH_CLOSED: Final = 3
"""Which ends belong to a bucket, the API's boundary rules; of rule 2, which is open on both sides, there are none."""

_BRACKETS: Final = {LEFT_OPEN: ("(", "]"), RIGHT_OPEN: ("[", ")"), BOTH_CLOSED: ("[", "]")}


def to_text(histogram: Histogram) -> str:
    """A histogram as Prometheus prints it, also where it becomes a label's value.

    >>> to_text(Histogram.of(count=4, sum=5, zero_count=1, zero_threshold=0.001, positive=([0, 1], [1, 2])))
    '{count:4, sum:5, [-0.001,0.001]:1, (0.5,1]:1, (1,2]:2}'
    >>> to_text(Histogram.of(schema=-53, count=3, sum=7, positive=([0, 1], [1, 2]), custom_bounds=[5]))
    '{count:3, sum:7, [-Inf,5]:1, (5,+Inf]:2}'
    """
    parts = [f"count:{go_float(histogram.count)}, sum:{go_float(histogram.sum)}"]
    for lower, upper, count, rule in _printed(histogram):
        opening, closing = _BRACKETS[rule]
        parts.append(f"{opening}{go_float(lower)},{go_float(upper)}{closing}:{go_float(count)}")
    return "{" + ", ".join(parts) + "}"


def buckets_json(histogram: Histogram) -> list[tuple[int, float, float, float]]:
    """The buckets as the API lists them: boundary rule, lower end, upper end, count.

    >>> buckets_json(Histogram.of(count=4, zero_count=1, zero_threshold=0.5, positive=([1], [1]), negative=([1], [2])))
    [(1, -2.0, -1.0, 2.0), (3, -0.5, 0.5, 1.0), (0, 1.0, 2.0, 1.0)]
    """
    buckets = all_buckets(histogram)
    rules = _rules(histogram, buckets.lower, buckets.upper)
    return list(
        zip(rules, buckets.lower.tolist(), buckets.upper.tolist(), buckets.count.tolist(), strict=True),
    )


def to_json(histogram: Histogram) -> dict[str, object]:
    """The histogram as the API writes it: all numbers are strings, and without buckets there is no list of them.

    >>> to_json(Histogram.of(count=1, sum=0.5, positive=([0], [1])))
    {'count': '1', 'sum': '0.5', 'buckets': [[0, '0.5', '1', '1']]}
    >>> to_json(Histogram.of())
    {'count': '0', 'sum': '0'}
    """
    written: dict[str, object] = {"count": json_float(histogram.count), "sum": json_float(histogram.sum)}
    buckets = buckets_json(histogram)
    if buckets:
        written["buckets"] = [
            [rule, json_float(lower), json_float(upper), json_float(count)] for rule, lower, upper, count in buckets
        ]
    return written


def json_float(value: float) -> str:
    """A number as the API writes it: with an exponent only below a millionth and from 1e21 on.

    >>> [json_float(value) for value in (1.0, 1e20, 1e21, 1e-7, math.inf, math.nan, 0.1)]
    ['1', '100000000000000000000', '1e+21', '1e-07', '+Inf', 'NaN', '0.1']
    """
    size = abs(value)
    if value == 0 or not math.isfinite(value):
        return "-0" if value == 0 and math.copysign(1, value) < 0 else go_float(value)
    if size < 1e-6 or size >= 1e21:
        return go_float(value)
    return np.format_float_positional(value, trim="-")


def _rules(histogram: Histogram, lower: Floats, upper: Floats) -> list[int]:
    if histogram.is_custom:
        rules = np.where(lower == -math.inf, BOTH_CLOSED, LEFT_OPEN)
    else:
        rules = np.where(lower == -upper, BOTH_CLOSED, np.where(lower < 0, RIGHT_OPEN, LEFT_OPEN))
    return [int(rule) for rule in rules]


def _printed(histogram: Histogram) -> Iterator[tuple[float, float, float, int]]:
    """The buckets, ascending, none cut by the zero bucket; that one also with a negative count."""
    inner, outer = edges(histogram.negative_index[::-1], 0 if histogram.is_custom else histogram.schema, NO_COUNT)
    for near, far, count in _rows(inner, outer, histogram.negative_count[::-1]):
        yield -far, -near, count, RIGHT_OPEN
    if histogram.zero_count:
        yield -histogram.zero_threshold, histogram.zero_threshold, histogram.zero_count, BOTH_CLOSED
    lower, upper = edges(histogram.positive_index, histogram.schema, histogram.custom_bounds)
    for near, far, count in _rows(lower, upper, histogram.positive_count):
        yield near, far, count, BOTH_CLOSED if near == -math.inf else LEFT_OPEN


def _rows(*columns: Floats) -> Iterator[tuple[float, float, float]]:
    return zip(*(column.tolist() for column in columns), strict=True)
