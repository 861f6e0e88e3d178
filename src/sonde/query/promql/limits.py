"""What a query may load from the store, and what it is told when that is not enough, in Prometheus' words."""

from __future__ import annotations

from typing import Final

from sonde.errors import LimitExceeded
from sonde.query.promql.query import Limits
from sonde.store import client

_TOO_MANY_ROWS: Final = "clickhouse.396"
_TOO_SLOW: Final = "clickhouse.159"
_TOO_MUCH_MEMORY: Final = "clickhouse.241"


def engine_limits(limits: Limits) -> client.Limits:
    """The limits of each statement. A sample is a row; how long a row is, memory limits.

    >>> engine_limits(Limits(samples=100, seconds=2.0)).settings()["max_result_rows"]
    '100'
    """
    return client.Limits(
        execution_seconds=limits.seconds,
        memory_bytes=limits.memory_bytes,
        result_rows=limits.samples,
        result_bytes=None,
    )


def in_prometheus_words(error: LimitExceeded, limits: Limits) -> LimitExceeded:
    """The engine's refusal as Prometheus would say it; others than for time, samples and memory stay as they are."""
    is_alone = "(total)" not in error.message  # else it is all queries together that took too much memory
    if error.code == _TOO_MANY_ROWS or (error.code == _TOO_MUCH_MEMORY and is_alone):
        return too_many_samples(limits)
    if error.code == _TOO_SLOW:
        return LimitExceeded(
            "query timed out in query execution",
            code="promql.timeout",
            hint=f"it may take {limits.seconds:g} s; narrow the time range or the selectors",
        )
    return error


def too_many_samples(limits: Limits) -> LimitExceeded:
    """More samples than a query may hold.

    >>> too_many_samples(Limits(samples=5)).message
    'query processing would load too many samples into memory in query execution'
    """
    return LimitExceeded(
        "query processing would load too many samples into memory in query execution",
        code="promql.too_many_samples",
        hint=f"at most {limits.samples} at once; narrow the time range or the selectors, take a larger step, "
        "or raise limits.query_memory",
    )


def too_many_series(limits: Limits) -> LimitExceeded:
    """A selector that selects more series than it may.

    >>> too_many_series(Limits(series=5)).message
    'query processing would select more than 5 series in query execution'
    """
    return LimitExceeded(
        f"query processing would select more than {limits.series} series in query execution",
        code="promql.too_many_series",
        hint="add matchers to the selector",
    )
