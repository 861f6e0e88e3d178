"""Times written by example, as Go does: the layout shows how 2006-01-02 15:04:05 in the zone MST would look.

Specification: https://pkg.go.dev/time#pkg-constants
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Final

MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
WEEKDAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")

_ELEMENT: Final = re.compile(
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|002|0[1-6]|15|1|2006|2|_2006|__2|_2|3|4|5|PM|pm"
    r"|[-Z]07(?:0000|:00:00|00|:00)?|[.,](?:0+|9+)(?![0-9])"
)
_FIELDS: Final[Mapping[str, Callable[[datetime], str]]] = {
    "January": lambda time: MONTHS[time.month - 1],
    "Jan": lambda time: MONTHS[time.month - 1][:3],
    "1": lambda time: str(time.month),
    "01": lambda time: f"{time.month:02d}",
    "Monday": lambda time: WEEKDAYS[time.isoweekday() % 7],
    "Mon": lambda time: WEEKDAYS[time.isoweekday() % 7][:3],
    "2": lambda time: str(time.day),
    "_2": lambda time: f"{time.day:2d}",
    "02": lambda time: f"{time.day:02d}",
    "__2": lambda time: f"{time.timetuple().tm_yday:3d}",
    "002": lambda time: f"{time.timetuple().tm_yday:03d}",
    "15": lambda time: f"{time.hour:02d}",
    "3": lambda time: str(time.hour % 12 or 12),
    "03": lambda time: f"{time.hour % 12 or 12:02d}",
    "4": lambda time: str(time.minute),
    "04": lambda time: f"{time.minute:02d}",
    "5": lambda time: str(time.second),
    "05": lambda time: f"{time.second:02d}",
    "2006": lambda time: f"{time.year:04d}",
    "_2006": lambda time: f"_{time.year:04d}",
    "06": lambda time: f"{time.year % 100:02d}",
    "PM": lambda time: "PM" if time.hour >= 12 else "AM",
    "pm": lambda time: "pm" if time.hour >= 12 else "am",
    "MST": lambda time: f"{zone_name(time)}",
}


def formatted(time: datetime, nanosecond: int, layout: str) -> str:
    """A time as the layout shows it.

    >>> formatted(datetime(2026, 3, 1, 14, 5, 9), 120_000_000, "Mon Jan _2 3:04:05.000PM 06")
    'Sun Mar  1 2:05:09.120PM 26'
    """

    def shown(element: re.Match[str]) -> str:
        text = element.group()
        field = _FIELDS.get(text)
        if field is not None:
            return field(time)
        if text[0] in ".,":
            return _fraction(text, nanosecond)
        return _offset(text, time.utcoffset() or timedelta())

    return _ELEMENT.sub(shown, layout)


def zone_name(time: datetime) -> str:
    """The abbreviation of a time's zone; of one that has no name, its offset."""
    name = time.tzname() or "UTC"
    if isinstance(time.tzinfo, timezone) and name != "UTC":
        return _offset(
            "-0700" if (time.utcoffset() or timedelta()).seconds // 60 % 60 else "-07", time.utcoffset() or timedelta()
        )
    return name


def _fraction(element: str, nanosecond: int) -> str:
    digits = f"{nanosecond:09d}".ljust(len(element) - 1, "0")[: len(element) - 1]
    if element[1] == "9":
        digits = digits.rstrip("0")
    return element[0] + digits if digits else ""


def _offset(element: str, offset: timedelta) -> str:
    seconds = int(offset.total_seconds())
    if element[0] == "Z" and seconds == 0:
        return "Z"
    hours, rest = divmod(abs(seconds), 3600)
    minutes, rest = divmod(rest, 60)
    parts = {
        "07": f"{hours:02d}",
        "0700": f"{hours:02d}{minutes:02d}",
        "07:00": f"{hours:02d}:{minutes:02d}",
        "070000": f"{hours:02d}{minutes:02d}{rest:02d}",
        "07:00:00": f"{hours:02d}:{minutes:02d}:{rest:02d}",
    }
    return ("-" if seconds < 0 else "+") + parts[element[1:]]
