"""Times, durations and whole numbers of a request, read as Prometheus' API reads them; all times are milliseconds.

Specification: https://prometheus.io/docs/prometheus/latest/querying/api/#format-overview
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Final

from sonde.errors import UserError
from sonde.query.promql.number import parse_float
from sonde.telemetry.quoting import quote

# The ends of time in Prometheus' API: what is asked for when nothing is.
MIN_TIME: Final = (-9_223_372_036_854_775 + 62_135_596_801) * 1000
MAX_TIME: Final = (9_223_372_036_854_775 - 62_135_596_801) * 1000 + 999
_NAMED: Final = {"-292273086-05-16T16:47:06Z": MIN_TIME, "292277025-08-18T07:12:54.999999999Z": MAX_TIME}
_MAX_DURATION_SECONDS: Final = (2**63 - 1) / 1e9
_DURATION: Final = re.compile(
    r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?", re.ASCII
)
_UNIT_SECONDS: Final = (365 * 86_400, 7 * 86_400, 86_400, 3_600, 60, 1)
_RFC3339: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)", re.ASCII)
_WHOLE: Final = re.compile(r"[+-]?\d+", re.ASCII)


def parse_time(text: str) -> int:
    """Read Unix seconds or RFC 3339; seconds are rounded to milliseconds, finer parts of RFC 3339 are cut off.

    >>> parse_time("1543578564.705"), parse_time("2015-06-03T14:21:58.555+01:00")
    (1543578564705, 1433337718555)
    >>> parse_time("now")
    Traceback (most recent call last):
    sonde.errors.UserError: cannot parse "now" to a valid timestamp [bad_data]
    """
    seconds = _finite(text)
    if seconds is not None and abs(seconds) < MAX_TIME / 1000:
        fraction, whole = math.modf(seconds)
        return int(whole) * 1000 + _rounded(fraction * 1000)
    if found := _RFC3339.fullmatch(text):
        try:
            at = datetime.fromisoformat(found[1] + found[3].replace("Z", "+00:00")).astimezone(UTC)
        except (ValueError, OverflowError):
            raise _bad(text, "timestamp") from None
        since = at - datetime(1970, 1, 1, tzinfo=UTC)
        return (since.days * 86_400 + since.seconds) * 1000 + int(f"{found[2] or 0:0<3}"[:3])
    if text in _NAMED:
        return _NAMED[text]
    raise _bad(text, "timestamp")


def parse_duration(text: str) -> float:
    """Read seconds, or a duration like ``1h30m``; returns seconds.

    >>> parse_duration("15"), parse_duration("1h30m"), parse_duration("15000ms"), parse_duration("-1.5")
    (15.0, 5400.0, 15.0, -1.5)
    >>> parse_duration("1m1h")
    Traceback (most recent call last):
    sonde.errors.UserError: cannot parse "1m1h" to a valid duration [bad_data]
    """
    seconds = _finite(text)
    if seconds is not None:
        if abs(seconds) > _MAX_DURATION_SECONDS:
            raise UserError(f"cannot parse {quote(text)} to a valid duration. It overflows int64", code="bad_data")
        return seconds
    found = _DURATION.fullmatch(text)
    if not text or found is None:
        raise _bad(text, "duration")
    *units, milliseconds = (int(number or 0) for number in found.groups())
    total = sum(number * seconds for number, seconds in zip(units, _UNIT_SECONDS, strict=True)) + milliseconds / 1000
    if total > _MAX_DURATION_SECONDS:
        raise _bad(text, "duration")
    return total


def parse_whole(text: str) -> int:
    """Read a whole number, in the words of Go when it is none.

    >>> parse_whole("10")
    10
    >>> parse_whole("ten")
    Traceback (most recent call last):
    sonde.errors.UserError: strconv.Atoi: parsing "ten": invalid syntax [bad_data]
    """
    if not _WHOLE.fullmatch(text):
        raise UserError(f"strconv.Atoi: parsing {quote(text)}: invalid syntax", code="bad_data")
    number = int(text) if len(text) <= 20 else 2**64
    if not -(2**63) <= number < 2**63:
        raise UserError(f"strconv.Atoi: parsing {quote(text)}: value out of range", code="bad_data")
    return number


def parse_limit(text: str) -> int:
    """Read a limit; 0, or nothing, is none."""
    limit = parse_whole(text) if text else 0
    if limit < 0:
        raise UserError("limit must be non-negative", code="bad_data")
    return limit


def _finite(text: str) -> float | None:
    """A number, as far as Go and we both know one; None for anything else, and for what is no finite number."""
    number = parse_float(text) if text.isascii() else None
    return number if number is not None and math.isfinite(number) else None


def _rounded(number: float) -> int:
    """The nearest integer, halves away from zero, as Go rounds."""
    return int(math.copysign(math.floor(abs(number) + 0.5), number))


def _bad(text: str, what: str) -> UserError:
    return UserError(f"cannot parse {quote(text)} to a valid {what}", code="bad_data")


def go_time(unix_nano: int) -> str:
    """A time as Go's JSON has it: RFC 3339 without zeros at its end; 0 is Go's own zero.

    >>> go_time(1_433_337_718_555_000_000), go_time(0)
    ('2015-06-03T13:21:58.555Z', '0001-01-01T00:00:00Z')
    """
    if unix_nano == 0:
        return "0001-01-01T00:00:00Z"
    seconds, nano = divmod(unix_nano, 10**9)
    fraction = f".{nano:09d}".rstrip("0").rstrip(".")
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}{fraction}Z"
