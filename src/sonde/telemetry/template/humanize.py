"""Numbers for people, as Prometheus' template functions write them; alerts and notifications share them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final

from sonde.telemetry.quoting import quote
from sonde.telemetry.template.float_text import float_text
from sonde.telemetry.template.instant import Duration, Time
from sonde.telemetry.template.source import FunctionError
from sonde.telemetry.template.values import go_type, kind_of

_LARGE: Final = ("k", "M", "G", "T", "P", "E", "Z", "Y")
_LARGE_1024: Final = ("ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi")
_SMALL: Final = ("m", "u", "n", "p", "f", "a", "z", "y")
_UNDERSCORE: Final = re.compile(r"(?<=[0-9])_(?=[0-9])")
_FLOAT: Final = re.compile(
    r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|inf(?:inity)?|0x[0-9a-f]*\.?[0-9a-f]*p[+-]?[0-9]+)|nan",
    re.IGNORECASE,
)


def to_float(value: object) -> float:
    """A number, the text of one, or a duration in seconds.

    >>> to_float("1.5"), to_float(3), to_float(Duration(2_000_000_000))
    (1.5, 3.0, 2.0)

    Raises:
        FunctionError: It is none of these.
    """
    if isinstance(value, Duration):
        return value.seconds()
    match kind_of(value):
        case "float":
            return float(value)  # type: ignore[arg-type] # kind_of says so
        case "int" if not hasattr(type(value), "GO_TYPE"):
            return float(value)  # type: ignore[arg-type] # kind_of says so
        case "string":
            return _parsed(str(value))
        case _:
            raise FunctionError(f"can't convert {go_type(value)} to float")


def _parsed(text: str) -> float:
    plain = _UNDERSCORE.sub("", text)
    if not _FLOAT.fullmatch(plain):
        raise FunctionError(f"strconv.ParseFloat: parsing {quote(text)}: invalid syntax")
    value = float.fromhex(plain) if "x" in plain.lower() else float(plain)
    if math.isinf(value) and "inf" not in text.lower():
        raise FunctionError(f"strconv.ParseFloat: parsing {quote(text)}: value out of range")
    return value


def four_digits(value: float) -> str:
    """A number to four digits, as ``%.4g`` of Go.

    >>> four_digits(1234567.0), four_digits(math.inf), four_digits(0.5)
    ('1.235e+06', '+Inf', '0.5')
    """
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    return f"{value:.4g}"


def humanize(value: object) -> str:
    """With the prefixes of the metric system.

    >>> humanize(1234567.0), humanize(0.00012), humanize(0.0)
    ('1.235M', '120u', '0')
    """
    number = to_float(value)
    if number == 0 or not math.isfinite(number):
        return four_digits(number)
    if abs(number) >= 1:
        return _divided(number, 1000.0, _LARGE)
    number, prefix = _small(number)
    return four_digits(number) + prefix


def humanize_1024(value: object) -> str:
    """With the prefixes of the binary system.

    >>> humanize_1024(1048576.0), humanize_1024(0.5)
    ('1Mi', '0.5')
    """
    number = to_float(value)
    if abs(number) <= 1 or not math.isfinite(number):
        return four_digits(number)
    return _divided(number, 1024.0, _LARGE_1024)


def humanize_percentage(value: object) -> str:
    """A ratio as a percentage.

    >>> humanize_percentage(0.1234)
    '12.34%'
    """
    return f"{four_digits(to_float(value) * 100)}%"


def humanize_duration(value: object) -> str:
    """Seconds as days, hours, minutes and seconds, or as parts of a second.

    >>> humanize_duration(93784.0), humanize_duration(0.25), humanize_duration(1.5)
    ('1d 2h 3m 4s', '250ms', '1.5s')
    """
    number = to_float(value)
    if not math.isfinite(number):
        return four_digits(number)
    if number == 0:
        return f"{four_digits(number)}s"
    if abs(number) < 1:
        small, prefix = _small(number)
        return f"{four_digits(small)}{prefix}s"
    sign, number = ("-" if number < 0 else ""), abs(number)
    whole = int(number) if number < 2**63 else -(2**63)
    minutes, seconds = divmod(whole, 60) if whole >= 0 else (0, 0)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{sign}{days}d {hours}h {minutes}m {seconds}s"
    if hours:
        return f"{sign}{hours}h {minutes}m {seconds}s"
    if minutes:
        return f"{sign}{minutes}m {seconds}s"
    return f"{sign}{four_digits(number)}s"


def to_time(value: object) -> Time:
    """Seconds since 1970 as an instant, to the millisecond.

    Raises:
        FunctionError: No such instant can be told.
    """
    number = to_float(value)
    if not math.isfinite(number):
        raise FunctionError("value is NaN or Inf")
    nanoseconds = number * 1e9
    if abs(nanoseconds) > 2**63:
        shown = float_text(number)
        raise FunctionError(f"{shown} cannot be represented as a nanoseconds timestamp since it overflows int64")
    milliseconds = abs(int(nanoseconds)) // 10**6 * (1 if nanoseconds >= 0 else -1)
    return Time.of_nanoseconds(milliseconds * 10**6)


def humanize_timestamp(value: object) -> str:
    """Seconds since 1970 as a date.

    >>> humanize_timestamp(1435065584.128)
    '2015-06-23 13:19:44.128 +0000 UTC'
    """
    number = to_float(value)
    return to_time(number).text() if math.isfinite(number) else four_digits(number)


def to_duration(value: object) -> Duration:
    """Seconds as a duration."""
    number = to_float(value) * 1e9
    return Duration(int(number) if abs(number) < 2**63 else -(2**63))


def _divided(number: float, base: float, prefixes: Sequence[str]) -> str:
    shown = ""
    for prefix in prefixes:
        if abs(number) < base:
            break
        shown, number = prefix, number / base
    return four_digits(number) + shown


def _small(number: float) -> tuple[float, str]:
    shown = ""
    for prefix in _SMALL:
        if abs(number) >= 1:
            break
        shown, number = prefix, number * 1000
    return number, shown


_WORD: Final = re.compile(r"\w+(?:(?:(?<=[^\W\d_])[.:'’·](?=[^\W\d_])|(?<=\d)[.,;'’](?=\d))\w+)*")


def title(text: str, *, lower: bool = False) -> str:
    """Each word with a capital; the rest as it is, or in small letters.

    >>> title("it's a foo_bar-baz HTTP"), title("HTTP errors", lower=True)
    ("It's A Foo_bar-Baz HTTP", 'Http Errors')
    """

    def shown(word: re.Match[str]) -> str:
        letters = word.group()
        first = next((place for place, one in enumerate(letters) if one.isalpha()), None)
        if first is None:
            return letters
        rest = letters[first + 1 :]
        return letters[:first] + letters[first].title() + (rest.lower() if lower else rest)

    return _WORD.sub(shown, text)
