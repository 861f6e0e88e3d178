"""Functions over one window of one series, in plain Python: the yardstick for what the engine computes.

A window is open to the left. ``points`` are its samples by time, stale markers taken out (kept for ``last``).
Rules: https://prometheus.io/docs/prometheus/latest/querying/functions/#rate
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

from tests.query.promql.metric_rows import STALE, bits

Points = Sequence[tuple[int, float]]


def in_window(points: Points, end: int, width: int) -> Points:
    return [(ts, value) for ts, value in points if end - width < ts <= end]


def is_stale(value: float) -> bool:
    return bits(value) == bits(STALE)


def without_stale(points: Points) -> Points:
    return [(ts, value) for ts, value in points if not is_stale(value)]


def last(points: Points, start: int, end: int) -> float | None:
    return None if not points or is_stale(points[-1][1]) else points[-1][1]


def extrapolated(points: Points, start: int, end: int, *, counter: bool, per_second: bool) -> float | None:
    if len(points) < 2:
        return None
    values = [value for _, value in points]
    result = values[-1] - values[0]
    if counter:
        for before, value in itertools.pairwise(values):
            if value < before:
                result += before
    sampled = (points[-1][0] - points[0][0]) / 1000
    mean = sampled / (len(points) - 1)
    to_start, to_end = (points[0][0] - start) / 1000, (end - points[-1][0]) / 1000
    if to_start >= mean * 1.1:
        to_start = mean / 2
    if counter and result > 0 and values[0] >= 0:
        to_start = min(to_start, sampled * (values[0] / result))
    if to_end >= mean * 1.1:
        to_end = mean / 2
    factor = (sampled + to_start + to_end) / sampled
    if per_second:
        factor /= (end - start) / 1000
    return result * factor


def rate(points: Points, start: int, end: int) -> float | None:
    return extrapolated(points, start, end, counter=True, per_second=True)


def increase(points: Points, start: int, end: int) -> float | None:
    return extrapolated(points, start, end, counter=True, per_second=False)


def delta(points: Points, start: int, end: int) -> float | None:
    return extrapolated(points, start, end, counter=False, per_second=False)


def irate(points: Points, start: int, end: int) -> float | None:
    if len(points) < 2:
        return None
    (earlier, before), (later, value) = points[-2:]
    return (value if value < before else value - before) / ((later - earlier) / 1000)


def idelta(points: Points, start: int, end: int) -> float | None:
    return points[-1][1] - points[-2][1] if len(points) >= 2 else None


def changes(points: Points, start: int, end: int) -> float | None:
    pairs = itertools.pairwise(points)
    differ = [a != b and not (math.isnan(a) and math.isnan(b)) for (_, a), (_, b) in pairs]
    return float(sum(differ)) if points else None


def resets(points: Points, start: int, end: int) -> float | None:
    return float(sum(b < a for (_, a), (_, b) in itertools.pairwise(points))) if points else None


def lowest(points: Points, start: int, end: int) -> float | None:
    return min((v for _, v in points if not math.isnan(v)), default=math.nan) if points else None


def highest(points: Points, start: int, end: int) -> float | None:
    return max((v for _, v in points if not math.isnan(v)), default=math.nan) if points else None


def count(points: Points, start: int, end: int) -> float | None:
    return float(len(points)) if points else None


def present(points: Points, start: int, end: int) -> float | None:
    return 1.0 if points else None


PLAIN: dict[str, Callable[[Points, int, int], float | None]] = {
    "last": last,
    "last_over_time": last,
    "rate": rate,
    "increase": increase,
    "delta": delta,
    "irate": irate,
    "idelta": idelta,
    "changes": changes,
    "resets": resets,
    "min_over_time": lowest,
    "max_over_time": highest,
    "count_over_time": count,
    "present_over_time": present,
}


def plain_vector(function: str, points: Points, ends: Sequence[int], width: int) -> list[float | None]:
    """What a function gives at each time."""
    kept = points if function == "last" else without_stale(points)
    return [PLAIN[function](in_window(kept, end, width), end - width, end) for end in ends]
