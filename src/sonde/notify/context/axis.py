"""Axes that people read easily: round numbers, round times, and how they are written."""

from __future__ import annotations

import math
from datetime import UTC, datetime, tzinfo
from typing import Final

_PREFIXES: Final = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_TIME_STEPS: Final = (60, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)


def number_ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Round numbers that enclose a range.

    >>> number_ticks(0, 0.18)
    [0.0, 0.05, 0.1, 0.15, 0.2]
    >>> number_ticks(3, 3)
    [2.5, 3.0, 3.5]
    """
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        margin = abs(low) * 0.1 or 1.0
        low, high = low - margin, high + margin
        about = 2
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    digits = 2 - math.floor(math.log10(step))
    return [round(place * step, digits) for place in range(first, last + 1)]


def number_text(value: float, *, digits: int = 3) -> str:
    """A number without its unit, short.

    >>> [number_text(value) for value in (0, 0.05, 1234, 2.5e6, -0.000004, 12)]
    ['0', '0.05', '1.23k', '2.5M', '-4e-6', '12']
    """
    size = abs(value)
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    if size and (size < 1e-3 or size >= 1e15):
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return f"{_trimmed(mantissa)}e{int(exponent)}"
    for scale, prefix in _PREFIXES:
        if size >= scale:
            return f"{_trimmed(f'{value / scale:.{digits}g}')}{prefix}"
    return _trimmed(f"{value:.{digits}g}")


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def time_ticks(start: float, end: float, zone: tzinfo = UTC, about: int = 6) -> list[tuple[float, str]]:
    """Round times between two, seconds since 1970, as the clocks of a zone show them.

    >>> time_ticks(1_700_000_000, 1_700_003_600)[:2]
    [(1700000400.0, '22:20'), (1700001000.0, '22:30')]
    """
    rough = (end - start) / about
    step = next((step for step in _TIME_STEPS if step >= rough * 0.999), _TIME_STEPS[-1])
    shift = _offset(start, zone)
    first = math.ceil((start + shift) / step) * step - shift
    count = int((end - first) // step) + 1
    return [(at, clock(at, zone)) for at in (float(first + place * step) for place in range(max(count, 0)))]


def _offset(at: float, zone: tzinfo) -> int:
    offset = datetime.fromtimestamp(at, zone).utcoffset()
    return int(offset.total_seconds()) if offset else 0


def clock(at: float, zone: tzinfo = UTC) -> str:
    """Hours and minutes of a time.

    >>> clock(1_700_000_000)
    '22:13'
    """
    return datetime.fromtimestamp(at, zone).strftime("%H:%M")


def zone_name(at: float, zone: tzinfo = UTC) -> str:
    """What a zone is called at a time: ``UTC``, ``CET``.

    >>> zone_name(0)
    'UTC'
    """
    return datetime.fromtimestamp(at, zone).tzname() or ""
