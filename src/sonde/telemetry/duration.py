"""Durations as Prometheus writes them, used by configuration, rules, queries and the API.

Specification: https://prometheus.io/docs/prometheus/latest/configuration/configuration/ (``<duration>``)
"""

from __future__ import annotations

import re
from datetime import timedelta
from fractions import Fraction

from sonde.errors import UserError

_UNIT_NANOSECONDS = {
    "y": 365 * 86_400 * 10**9,
    "w": 7 * 86_400 * 10**9,
    "d": 86_400 * 10**9,
    "h": 3_600 * 10**9,
    "m": 60 * 10**9,
    "s": 10**9,
    "ms": 10**6,
    "us": 10**3,
    "µs": 10**3,
    "ns": 1,
}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|[ywdhms])")


def parse_nanoseconds(text: str) -> int:
    """Read a Prometheus or Go duration (``1h30m``, ``1.5s``, ``250us``) or a plain ``0``; returns nanoseconds.

    >>> parse_nanoseconds("1h30m")
    5400000000000
    >>> parse_nanoseconds("1.5ms")
    1500000
    >>> parse_nanoseconds("soon")
    Traceback (most recent call last):
    sonde.errors.UserError: 'soon' is not a duration; write it like 1h30m, 15s or 250ms [bad_duration]
    """
    stripped = text.strip()
    if stripped == "0":
        return 0
    position, total = 0, Fraction(0)
    for part in _PART.finditer(stripped):
        if part.start() != position:
            break
        total += Fraction(part[1]) * _UNIT_NANOSECONDS[part[2]]
        position = part.end()
    if position == 0 or position != len(stripped):
        raise UserError(f"{text!r} is not a duration", code="bad_duration", hint="write it like 1h30m, 15s or 250ms")
    return int(total)


def parse_duration(text: str) -> timedelta:
    """Read a Prometheus duration, to microseconds.

    >>> parse_duration("90d")
    datetime.timedelta(days=90)
    """
    return timedelta(microseconds=parse_nanoseconds(text) // 1000)
