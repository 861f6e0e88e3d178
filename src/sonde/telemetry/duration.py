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
_STRICT_UNITS = {unit: _UNIT_NANOSECONDS[unit] for unit in ("y", "w", "d", "h", "m", "s", "ms")}
_STRICT_PART = re.compile(r"([0-9]+)([^0-9]+)")
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


def parse_strict_nanoseconds(text: str) -> int:
    """Read a duration of PromQL: whole numbers, units from years to milliseconds, larger before smaller.

    Raises ``UserError`` with Prometheus' words.

    >>> parse_strict_nanoseconds("1h30m"), parse_strict_nanoseconds("1y"), parse_strict_nanoseconds("5ms")
    (5400000000000, 31536000000000000, 5000000)
    >>> parse_strict_nanoseconds("1m1h")
    Traceback (most recent call last):
    sonde.errors.UserError: not a valid duration string: "1m1h" [bad_duration]
    """
    position, total, smallest = 0, 0, 10**18
    for part in _STRICT_PART.finditer(text):
        if part.start() != position:
            break
        unit = _STRICT_UNITS.get(part[2])
        if unit is None:
            raise UserError(f'unknown unit "{part[2]}" in duration "{text}"', code="bad_duration")
        if unit >= smallest:
            break
        total += int(part[1]) * unit
        if total >= 2**63:
            raise UserError("duration out of range", code="bad_duration")
        position, smallest = part.end(), unit
    if position != len(text) or not text:
        raise UserError(f'not a valid duration string: "{text}"', code="bad_duration")
    return total


def duration_text(milliseconds: int) -> str:
    """A duration as Prometheus writes it: years and weeks only where nothing is left over.

    >>> duration_text(5_400_000), duration_text(90 * 86_400_000), duration_text(14 * 86_400_000), duration_text(-1500)
    ('1h30m', '90d', '2w', '-1s500ms')
    >>> duration_text(0)
    '0s'
    """
    if milliseconds == 0:
        return "0s"
    rest, text = abs(milliseconds), ""
    for unit, nanoseconds in _STRICT_UNITS.items():
        size = nanoseconds // 10**6
        if unit in {"y", "w"} and rest % size:
            continue
        count, rest = divmod(rest, size)
        text += f"{count}{unit}" if count else ""
    return text if milliseconds > 0 else f"-{text}"


def parse_duration(text: str) -> timedelta:
    """Read a Prometheus duration, to microseconds.

    >>> parse_duration("90d")
    datetime.timedelta(days=90)
    """
    return timedelta(microseconds=parse_nanoseconds(text) // 1000)
