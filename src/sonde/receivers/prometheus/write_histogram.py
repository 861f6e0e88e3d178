"""Is a native histogram one? The rules are those of Prometheus, which refuses what breaks them.

https://prometheus.io/docs/specs/native_histograms/
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any, Final

CUSTOM_SCHEMA: Final = -53
SCHEMAS: Final = range(-4, 9)
_INT32: Final = 2**31 - 1


def fault(histogram: Any) -> str:
    """Say what is wrong with a ``messages.Histogram``, or nothing (an empty string)."""
    is_float = histogram.WhichOneof("count") == "count_float"
    custom = histogram.schema == CUSTOM_SCHEMA
    if not custom and histogram.schema not in SCHEMAS:
        low, high = SCHEMAS[0], SCHEMAS[-1]
        return f"schema {histogram.schema} is neither in {low}…{high} nor {CUSTOM_SCHEMA}"
    counted: float = 0
    for side in ("positive", "negative"):
        counts = _counts(histogram, side, is_float=is_float)
        wrong = _fault_of_side(side, getattr(histogram, f"{side}_spans"), counts)
        if wrong:
            return wrong
        counted += sum(counts)
    if custom:
        wrong = _fault_of_custom(histogram)
    else:
        wrong = "it has custom bounds, but not their schema" if histogram.custom_values else ""
    return wrong or _fault_of_count(histogram, counted, is_float=is_float)


def _counts(histogram: Any, side: str, *, is_float: bool) -> Sequence[float]:
    if is_float:
        return list(getattr(histogram, f"{side}_counts"))
    return list(accumulate(getattr(histogram, f"{side}_deltas")))


def _fault_of_side(side: str, spans: Any, counts: Sequence[float]) -> str:
    buckets = index = 0
    for number, span in enumerate(spans):
        if number and span.offset < 0:
            return f"{side} span {number + 1} has the offset {span.offset}"
        buckets += span.length
        index += span.offset + span.length
        if abs(index) > _INT32:
            return f"{side} span {number + 1} ends at {index}"
    if buckets != len(counts):
        return f"its {side} spans have {buckets} buckets, but there are {len(counts)} counts"
    if any(count < 0 for count in counts):
        return f"it has a {side} bucket with a negative count"
    return ""


def _fault_of_count(histogram: Any, counted: float, *, is_float: bool) -> str:
    if is_float:
        is_negative = histogram.count_float < 0 or histogram.zero_count_float < 0
        return "its count is negative" if is_negative else ""
    counted += histogram.zero_count_int
    # observations that are NaN are in no bucket, and make the sum NaN
    fits = counted <= histogram.count_int if math.isnan(histogram.sum) else counted == histogram.count_int
    return "" if fits else f"its buckets have {counted} observations, its count is {histogram.count_int}"


def _fault_of_custom(histogram: Any) -> str:
    bounds = list(histogram.custom_values)
    if any(not before < bound for before, bound in pairwise(bounds)) or any(math.isnan(bound) for bound in bounds):
        return "its custom bounds do not increase"
    if bounds and bounds[-1] == math.inf:
        return "+Inf is one of its custom bounds; the last bucket ends there anyway"
    if histogram.negative_spans or histogram.zero_threshold or histogram.zero_count_int or histogram.zero_count_float:
        return "it has custom bounds, and beside them a zero bucket or negative ones"
    spans = histogram.positive_spans
    if spans and spans[0].offset < 0:
        return f"positive span 1 has the offset {spans[0].offset}"
    needed = sum(span.offset + span.length for span in spans)
    if needed > len(bounds) + 1:
        return f"it has {len(bounds)} custom bounds, too few for {needed} buckets"
    return ""
