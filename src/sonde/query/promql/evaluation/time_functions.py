"""Functions of dates, all in UTC, on all numbers at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sonde.query.promql.ast import Call
from sonde.query.promql.evaluation.frame import Frame, vector_of
from sonde.query.promql.evaluation.instant_functions import all_drop, is_float
from sonde.query.promql.series import Floats, Vector

Days = NDArray[Any]
DAY: Final = 86_400
FARTHEST: Final = 2.0**55
"""Seconds; numpy's dates do not reach further."""


def _month_start(days: Days) -> Days:
    return days.astype("datetime64[M]").astype("datetime64[D]")


def _next_month(days: Days) -> Days:
    return (days.astype("datetime64[M]") + 1).astype("datetime64[D]")


PARTS: Final[Mapping[str, Callable[[NDArray[np.int64], Days], Any]]] = {
    "day_of_month": lambda _seconds, days: (days - _month_start(days)).astype(np.int64) + 1,
    "day_of_week": lambda seconds, _days: (seconds // DAY + 4) % 7,
    "day_of_year": lambda _seconds, days: (
        (days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64) + 1
    ),
    "days_in_month": lambda _seconds, days: (_next_month(days) - _month_start(days)).astype(np.int64),
    "hour": lambda seconds, _days: seconds % DAY // 3600,
    "minute": lambda seconds, _days: seconds % 3600 // 60,
    "month": lambda _seconds, days: days.astype("datetime64[M]").astype(np.int64) % 12 + 1,
    "year": lambda _seconds, days: days.astype("datetime64[Y]").astype(np.int64) + 1970,
}


def part_of(name: str, times: Floats) -> Floats:
    """A part of the dates of some times, in seconds since 1970.

    >>> part_of("month", np.array([1136239445.0])), part_of("days_in_month", np.array([1454284800.0]))
    (array([1.]), array([29.]))
    """
    sane = np.isfinite(times) & (np.abs(times) < FARTHEST)
    seconds = np.where(sane, times, 0.0).astype(np.int64)
    days = (seconds // DAY).astype("datetime64[D]")
    return np.where(sane, np.asarray(PARTS[name](seconds, days), dtype=np.float64), np.nan)


def call_time_function(call: Call, frame: Frame) -> Vector:
    """A part of the dates that a vector's numbers are, or of the time of evaluation."""
    if not call.arguments:
        values = part_of(call.function, np.floor(frame.times / 1000))[None, :]
        return Vector([()], values, np.ones(values.shape, dtype=np.bool_))
    vector = frame.vector(call.arguments[0])
    return vector_of(
        list(vector.labels), part_of(call.function, vector.values), is_float(vector), None, all_drop(vector)
    )
