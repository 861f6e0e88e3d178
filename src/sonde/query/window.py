"""Time ranges: read from a request, cut into steps for charts, and walked newest first for searches.

A range is half open: ``start`` belongs to it, ``end`` does not. All times are nanoseconds since 1970, as OTLP has them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sonde.errors import UserError
from sonde.query.sql.ast import And, Call, Column, Comparison, Expr, call, moment
from sonde.telemetry.duration import parse_nanoseconds

SECOND: Final = 10**9
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

# What DateTime64(9) holds: the years 1900 to 2262.
_EARLIEST: Final = -2_208_988_800 * SECOND
_LATEST: Final = 2**63 - 1
_SLOTS_END: Final = 2**32 * SECOND

_NOW = re.compile(r"now\s*(?:([-+])\s*(\S+))?\Z")
# "2026-11-20T10:00:00.123456789+01:00": Python reads six decimals, we keep nine.
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|z|[-+]\d\d:\d\d)\Z")

# How far back each window of a newest-first walk reaches from the range's end.
_REACHES: Final = (10 * SECOND, MINUTE, 5 * MINUTE, 30 * MINUTE, 3 * HOUR, DAY, 7 * DAY, 30 * DAY)
_COARSE_REACHES: Final = (5 * MINUTE, 2 * HOUR, DAY, 30 * DAY)

# Steps that people read easily on a time axis, in seconds.
_STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


@dataclass(frozen=True, slots=True)
class TimeRange:
    """From ``start_nano`` up to, but without, ``end_nano``."""

    start_nano: int
    end_nano: int

    def __post_init__(self) -> None:
        if self.start_nano >= self.end_nano:
            raise UserError("the time range is empty: start is not before end", code="bad_time_range")

    @property
    def start_seconds(self) -> float:
        """The start, in seconds since 1970."""
        return self.start_nano / SECOND

    @property
    def end_seconds(self) -> float:
        """The end, in seconds since 1970."""
        return self.end_nano / SECOND

    def step_seconds(self, points: int, *, least: int = 1) -> int:
        """The smallest readable step that needs no more than ``points`` steps (one more where it is not aligned).

        >>> TimeRange(0, HOUR).step_seconds(60)
        60
        >>> TimeRange(0, HOUR).step_seconds(60, least=120)
        120
        """
        wanted = max((self.end_nano - self.start_nano) / SECOND / max(points, 1), least)
        for step in _STEPS:
            if step >= wanted:
                return step
        return math.ceil(wanted / 86_400) * 86_400

    def grid(self, step_seconds: int) -> list[int]:
        """The starts of all steps that touch the range, aligned to the step.

        >>> TimeRange(90 * SECOND, 180 * SECOND).grid(60)
        [60, 120]
        """
        first = self.start_nano // SECOND // step_seconds * step_seconds
        last = (self.end_nano - 1) // SECOND
        return list(range(first, last + 1, step_seconds))

    def newest_first(self, *, coarse: bool = False) -> Iterator[TimeRange]:
        """The range in slices that grow towards the past: a search for the newest N stops at the first that fills it.

        ``coarse``: fewer and larger ones, for searches that find little and pay for each slice they look at.

        >>> [(w.start_nano // MINUTE, w.end_nano // MINUTE) for w in TimeRange(0, 40 * MINUTE).newest_first()][1:]
        [(39, 39), (35, 39), (10, 35), (0, 10)]
        """
        end = self.end_nano
        for reach in _COARSE_REACHES if coarse else _REACHES:
            start = max(self.end_nano - reach, self.start_nano)
            if start < end:
                yield TimeRange(start, end)
                end = start
        if self.start_nano < end:
            yield TimeRange(self.start_nano, end)


def within(window: TimeRange, column: str = "ts") -> Expr:
    """The condition that a DateTime64 column lies in the window.

    Said twice, as exact times and as five-minute starts: the latter is what the sort keys are made of. They are 32-bit
    times, which wrap before 1970 and after 2106: a range beyond those years is said once.
    """
    start, end = moment(window.start_nano), moment(window.end_nano)
    ts = Column(column)
    exact = (Comparison(ts, ">=", start), Comparison(ts, "<", end))
    if window.start_nano < 0 or window.end_nano >= _SLOTS_END:
        return And(exact)

    def slot(at: Expr) -> Call:
        return call("toStartOfFiveMinutes", at)

    return And((*exact, Comparison(slot(ts), ">=", slot(start)), Comparison(slot(ts), "<=", slot(end))))


def parse_time(text: str, *, now_nano: int) -> int:
    """Read a point in time: Unix seconds, RFC 3339, ``now`` or ``now-1h``; returns nanoseconds since 1970.

    >>> parse_time("1.5", now_nano=0)
    1500000000
    >>> parse_time("now-1m", now_nano=90 * SECOND)
    30000000000
    >>> parse_time("1970-01-01T01:00:00.000000001+01:00", now_nano=0)
    1
    >>> parse_time("yesterday", now_nano=0)
    Traceback (most recent call last):
    sonde.errors.UserError: 'yesterday' is not a time; write Unix seconds, RFC 3339, or now-1h [bad_time]
    """
    stripped = text.strip()
    if match := _NOW.match(stripped):
        offset = parse_nanoseconds(match[2]) if match[2] else 0
        return _bounded(now_nano + (offset if match[1] == "+" else -offset))
    if match := _RFC3339.match(stripped):
        zone = "+00:00" if match[3] in "Zz" else match[3]
        try:
            whole = datetime.fromisoformat(f"{match[1]}{zone}").astimezone(UTC)
        except (ValueError, OverflowError):
            raise _not_a_time(text) from None
        seconds = (whole - datetime(1970, 1, 1, tzinfo=UTC)) // _ONE_SECOND
        return _bounded(seconds * SECOND + int((match[2] or "0").ljust(9, "0")))
    try:
        number = float(stripped)
    except ValueError:
        raise _not_a_time(text) from None
    if not math.isfinite(number):
        raise _not_a_time(text)
    if re.fullmatch(r"-?\d+", stripped):
        return _bounded(int(stripped) * SECOND)
    return _bounded(round(number * 1e6) * 1000)


def parse_range(start: str | None, end: str | None, *, now_nano: int) -> TimeRange:
    """Read the ``start`` and ``end`` of a request; without them, the last hour.

    >>> parse_range(None, None, now_nano=2 * HOUR) == TimeRange(HOUR, 2 * HOUR)
    True
    """
    end_nano = parse_time(end, now_nano=now_nano) if end else now_nano
    start_nano = parse_time(start, now_nano=now_nano) if start else end_nano - HOUR
    return TimeRange(start_nano, end_nano)


_ONE_SECOND = datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)


def _bounded(nano: int) -> int:
    return min(max(nano, _EARLIEST), _LATEST)


def _not_a_time(text: str) -> UserError:
    return UserError(f"{text!r} is not a time", code="bad_time", hint="write Unix seconds, RFC 3339, or now-1h")
