"""Times of the API: RFC 3339 to Unix nanoseconds and back, to milliseconds, as Alertmanager writes them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d(?::\d\d)?)(?:\.(\d+))?(Z|z|[+-]\d\d:?\d\d)?", re.ASCII)
_LAST: Final = 253_402_300_799_999_999_999


def parse_time(text: str) -> int | None:
    """Nanoseconds of a time; 0 for "no time" (the year 1), None if it is no time.

    >>> parse_time("2026-07-01T12:00:00.5+02:00"), parse_time("0001-01-01T00:00:00.000Z"), parse_time("soon")
    (1782900000500000000, 0, None)
    """
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    date, clock, fraction, zone = found.groups()
    try:
        at = datetime.fromisoformat(f"{date}T{clock}{(zone or 'Z').upper().replace('Z', '+00:00')}")
        since = at - _EPOCH
    except (ValueError, OverflowError):
        return None
    nanoseconds = (since.days * 86_400 + since.seconds) * 10**9 + int(f"{fraction or '0':0<9}"[:9])
    return max(nanoseconds, 0)


def time_text(at: int) -> str:
    """A time as the API writes it.

    >>> time_text(1782900000500000000), time_text(0)
    ('2026-07-01T10:00:00.500Z', '0001-01-01T00:00:00.000Z')
    """
    if not at:
        return "0001-01-01T00:00:00.000Z"
    seconds, rest = divmod(min(at, _LAST), 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 10**6:03d}Z"
