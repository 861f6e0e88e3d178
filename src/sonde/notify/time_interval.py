"""Stretches of the calendar during which a route is muted, or active: times of day, weekdays, days, months, years.

Specification: https://prometheus.io/docs/alerting/latest/configuration/#time_interval
"""

from __future__ import annotations

import calendar
import re
import zoneinfo
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final

from sonde.errors import UserError

Range = tuple[int, int]
"""First and last, both within."""

_TIME: Final = re.compile(r"(?:([01]\d|2[0-3]):([0-5]\d)|24:00)", re.ASCII)
_WHOLE: Final = re.compile(r"[+-]?\d+", re.ASCII)
_WEEKDAYS: Final = {
    name: number
    for number, name in enumerate(("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"))
}
_MONTHS: Final = {name.lower(): number for number, name in enumerate(calendar.month_name) if name}
_MONTH_NAMES: Final = {number: name for name, number in _MONTHS.items()}
_SHORTEST_MONTH: Final = 28


@dataclass(frozen=True, slots=True)
class TimeInterval:
    """All that is given must hold; of each kind, one range. None: that kind says nothing."""

    times: tuple[Range, ...] | None = None
    """Minutes of the day; the last one is not within."""
    weekdays: tuple[Range, ...] | None = None
    """0 is Sunday."""
    days_of_month: tuple[Range, ...] | None = None
    """Negative days count from the end of the month."""
    months: tuple[Range, ...] | None = None
    years: tuple[Range, ...] | None = None
    location: tzinfo = UTC

    def contains(self, at: datetime) -> bool:
        """Whether a moment lies within.

        >>> office = TimeInterval(times=((540, 1020),), weekdays=((1, 5),), location=parse_location("Europe/Berlin"))
        >>> friday = datetime(2026, 7, 17, 14, 59, tzinfo=UTC)
        >>> office.contains(friday), office.contains(friday.replace(hour=15)), office.contains(friday.replace(day=18))
        (True, False, False)
        """
        at = at.astimezone(self.location)
        minute = at.hour * 60 + at.minute
        return (
            (self.times is None or any(first <= minute < last for first, last in self.times))
            and (self.days_of_month is None or any(_on_day(at, days) for days in self.days_of_month))
            and _within(self.months, at.month)
            and _within(self.weekdays, at.isoweekday() % 7)
            and _within(self.years, at.year)
        )


def intervals_containing(
    names: Iterable[str], intervals: Mapping[str, Sequence[TimeInterval]], now: int
) -> tuple[str, ...]:
    """The names of those intervals that a moment lies in."""
    at = datetime.fromtimestamp(now // 10**9, UTC)
    return tuple(name for name in names for interval in intervals[name] if interval.contains(at))


def _within(ranges: tuple[Range, ...] | None, value: int) -> bool:
    return ranges is None or any(first <= value <= last for first, last in ranges)


def _on_day(at: datetime, days: Range) -> bool:
    in_month = calendar.monthrange(at.year, at.month)[1]
    first, last = (day if day > 0 else in_month + day + 1 for day in days)
    return first <= in_month and max(first, -in_month) <= at.day <= min(last, in_month)


def parse_time_range(start: str, end: str) -> Range:
    """Two times of day as minutes. Raises ``UserError`` in Alertmanager's words, as all that follows.

    >>> parse_time_range("09:00", "24:00")
    (540, 1440)
    >>> parse_time_range("9:00", "10:00")
    Traceback (most recent call last):
    sonde.errors.UserError: couldn't parse timestamp 9:00, invalid format [time_interval]
    """
    if not start or not end:
        raise _bad("both start and end times must be provided")
    first, last = _minute(start), _minute(end)
    if first >= last:
        raise _bad("start time cannot be equal or greater than end time")
    return first, last


def _minute(text: str) -> int:
    found = _TIME.fullmatch(text)
    if found is None:
        raise _bad(f"couldn't parse timestamp {text}, invalid format")
    return int(found[1]) * 60 + int(found[2]) if found[1] else 24 * 60


def parse_weekdays(text: str) -> Range:
    """A weekday or a range of them.

    >>> parse_weekdays("monday:Friday"), parse_weekdays("sunday")
    ((1, 5), (0, 0))
    """
    first, last = (_named(part, _WEEKDAYS, "weekday") for part in _ends(text))
    if first > last:
        raise _bad("start day cannot be before end day")
    return first, last


def parse_days_of_month(text: str) -> Range:
    """A day or a range of days; negative ones count from the end.

    >>> parse_days_of_month("1:5"), parse_days_of_month("-3:-1")
    ((1, 5), (-3, -1))
    """
    first, last = map(_whole, _ends(text))
    for day in (first, last):
        if day == 0 or not -31 <= day <= 31:
            raise _bad(f"{day} is not a valid day of the month: out of range")
    if first < 0 < last:
        raise _bad("end day must be negative if start day is negative")
    if (first if first > 0 else _SHORTEST_MONTH + first) > (last if last > 0 else _SHORTEST_MONTH + last):
        raise _bad(f"end day {last} is always before start day {first}")
    return first, last


def parse_months(text: str) -> Range:
    """A month or a range of months, by name or number.

    >>> parse_months("may:8"), parse_months("december")
    ((5, 8), (12, 12))
    """
    first, last = (_named(part, _MONTHS, "month", numbers=True) for part in _ends(text))
    if first > last:
        raise _bad(f"end month {_MONTH_NAMES.get(last, '')} is before start month {_MONTH_NAMES.get(first, '')}")
    return first, last


def parse_years(text: str) -> Range:
    """A year or a range of years.

    >>> parse_years("2026:2028")
    (2026, 2028)
    """
    first, last = map(_whole, _ends(text))
    if first > last:
        raise _bad(f"end year {last} is before start year {first}")
    return first, last


def parse_location(text: str) -> tzinfo:
    """A time zone by its name.

    >>> parse_location("Mars/Olympus")
    Traceback (most recent call last):
    sonde.errors.UserError: unknown time zone Mars/Olympus [time_interval]
    """
    if text in {"", "UTC"}:
        return UTC
    if text == "Local":
        return datetime.now(UTC).astimezone().tzinfo or UTC
    try:
        return zoneinfo.ZoneInfo(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise _bad(f"unknown time zone {text}") from None


def _ends(text: str) -> tuple[str, str]:
    parts = text.lower().split(":")
    if len(parts) > 2:
        raise _bad(f"couldn't parse range {text.lower()}, invalid format")
    return parts[0], parts[-1]


def _named(text: str, numbers_by_name: Mapping[str, int], kind: str, *, numbers: bool = False) -> int:
    number = numbers_by_name.get(text)
    if number is None and numbers and _WHOLE.fullmatch(text):
        return int(text)
    if number is None:
        raise _bad(f"{text} is not a valid {kind}")
    return number


def _whole(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise _bad(f'strconv.Atoi: parsing "{text}": invalid syntax')
    return int(text)


def _bad(what: str) -> UserError:
    return UserError(what, code="time_interval")
