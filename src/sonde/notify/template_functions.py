"""Functions that notification templates have beside Go's own: Alertmanager's.

Language: https://prometheus.io/docs/alerting/latest/notifications/#functions
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import UTC
from typing import Any, Final
from urllib.parse import unquote_plus

from sonde.telemetry.quoting import quote
from sonde.telemetry.template import HTML, FunctionError, Strings
from sonde.telemetry.template.escapers import json_text
from sonde.telemetry.template.humanize import humanize_duration, title
from sonde.telemetry.template.instant import Duration, Time
from sonde.telemetry.template.regexp import matches, replace_all
from sonde.telemetry.template.values import URL

NOW: Final[ContextVar[Time]] = ContextVar("now")
"""When the notification is rendered; who renders sets it."""

_BAD_ESCAPE: Final = re.compile(r"%(?![0-9a-fA-F]{2}).{0,2}", re.DOTALL)


def upper(text: str) -> str:
    """``toUpper``."""
    return text.upper()


def lower(text: str) -> str:
    """``toLower``."""
    return text.lower()


def capitalized(text: str) -> str:
    """``title``: each word with a capital, all else in small letters."""
    return title(text, lower=True)


def trimmed(text: str) -> str:
    """``trimSpace``."""
    return text.strip()


def joined(separator: str, texts: Strings) -> str:
    """``join``: with the separator first, so that a list can be piped in."""
    return separator.join(texts or ())


def safe_html(text: str) -> HTML:
    """``safeHtml``: not to be escaped."""
    return HTML(text)


def safe_url(text: str) -> URL:
    """``safeUrl``: a URL that is trusted, whatever its scheme."""
    return URL(text)


def url_unescaped(text: str) -> str:
    """``urlUnescape``: what ``urlquery`` has made, undone.

    >>> url_unescaped("a+b%26c")
    'a b&c'
    """
    bad = _BAD_ESCAPE.search(text)
    if bad is not None:
        raise FunctionError(f"invalid URL escape {quote(bad.group())}")
    return unquote_plus(text, errors="surrogateescape")


def string_slice(*texts: str) -> Strings:
    """``stringSlice``: its arguments as a list."""
    return Strings(texts)


def date(layout: str, time: Time) -> str:
    """``date``: a time as Go's reference time is written in the layout."""
    return time.format(layout)


def in_zone(name: str, time: Time) -> Time:
    """``tz``: a time in another zone."""
    if name in {"", "UTC", "Local"}:
        return time.within(UTC)
    try:
        return time.within(zoneinfo.ZoneInfo(name))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise FunctionError(f"unknown time zone {name}") from None


def now() -> Time:
    """``now``."""
    return NOW.get()


def since(time: Time) -> Duration:
    """``since``: how long ago."""
    return NOW.get().minus(time)


def as_json(value: object) -> str:
    """``toJson``."""
    return json_text(value)


def as_list(*values: object) -> list[object]:
    """``list``: its arguments as a list."""
    return list(values)


def appended(values: list, *more: object) -> list[object]:  # type: ignore[type-arg] # read at run time
    """``append``: a list with more at its end."""
    return [*(values or ()), *more]


def as_dict(*pairs: object) -> dict[str, object]:
    """``dict``: a map of keys and values in turn.

    >>> as_dict("a", 1, "b", 2)
    {'a': 1, 'b': 2}
    """
    if len(pairs) % 2:
        raise FunctionError("dict requires an even number of arguments")
    keys = pairs[::2]
    if not all(isinstance(key, str) for key in keys):
        raise FunctionError("dict keys must be strings")
    return dict(zip(map(str, keys), pairs[1::2], strict=True))


FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "append": appended,
    "date": date,
    "dict": as_dict,
    "humanizeDuration": humanize_duration,
    "join": joined,
    "list": as_list,
    "match": matches,
    "now": now,
    "reReplaceAll": replace_all,
    "safeHtml": safe_html,
    "safeUrl": safe_url,
    "since": since,
    "stringSlice": string_slice,
    "title": capitalized,
    "toJson": as_json,
    "toLower": lower,
    "toUpper": upper,
    "trimSpace": trimmed,
    "tz": in_zone,
    "urlUnescape": url_unescaped,
}
