"""One log event, whatever library it came from, and its JSON line. Made by the capturing modules, written by
``journal``.

{"timestamp": "2026-01-02T03:04:05.678901Z", "level": "info", "service": "shop", "message": "paid",
 "trace_id": "…", "span_id": "…", "tenant_id": "acme", "logger": "shop.cart", "amount": 12}
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from sonde.sdk.guard import guard

_MAX_DEPTH = 8
_MAX_ITEMS = 256
_MAX_REPR = 4096

# Least number of a Python level → its name on the line, and OpenTelemetry's severity number.
LEVELS: tuple[tuple[int, str, int], ...] = (
    (50, "critical", 21),
    (40, "error", 17),
    (30, "warning", 13),
    (20, "info", 9),
    (10, "debug", 5),
    (0, "trace", 1),
)


@dataclass(frozen=True, slots=True)
class LogEvent:
    """What was said, when, how severely and by which logger. ``fields`` are the caller's own."""

    time_unix_nano: int
    level: int
    level_name: str
    message: str
    logger: str
    fields: Mapping[str, object] = field(default_factory=dict)
    error: BaseException | None = None


def severity(level: int) -> tuple[str, int]:
    """The name and severity number of a numeric Python level.

    >>> severity(25), severity(40), severity(7)
    (('info', 9), ('error', 17), ('trace', 1))
    """
    return next((name, number) for least, name, number in LEVELS if level >= least or least == 0)


def plain(value: object, depth: int = 0) -> object:
    """The value as JSON and OTLP can carry it: objects as text, depth and length bounded.

    >>> plain({"when": date(2026, 1, 2), 3: {1}})
    {'when': '2026-01-02', '3': [1]}
    """
    if value is None or isinstance(value, str | bool | int):
        return value if type(value) in _EXACT else _shrink(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if depth < _MAX_DEPTH:
        if isinstance(value, Mapping):
            pairs = list(value.items())[:_MAX_ITEMS]
            return {key if type(key) is str else str(key): plain(item, depth + 1) for key, item in pairs}
        if isinstance(value, set | frozenset) or (
            isinstance(value, Sequence) and not isinstance(value, bytes | bytearray)
        ):
            return [plain(item, depth + 1) for item in list(value)[:_MAX_ITEMS]]
    return _text_of(value)


_EXACT = frozenset({type(None), str, bool, int})


def _shrink(value: object) -> object:
    """Enum members and other subclasses as what they are underneath."""
    return str.__str__(value) if isinstance(value, str) else int(value)  # type: ignore[call-overload]


def _text_of(value: object) -> str:
    text = "(has no text form)"
    with guard("sdk.log_value"):
        text = repr(value) if isinstance(value, bytes | bytearray) else str(value)
    return text if len(text) <= _MAX_REPR else f"{text[:_MAX_REPR]}…"


def to_line(
    event: LogEvent,
    *,
    service: str,
    ids: tuple[str, str] | None,
    fields: Mapping[str, object],
    message: str,
    error: str,
) -> str:
    """The event as one line of JSON, its well-known fields first; a caller's field never replaces one of those."""
    line: dict[str, object] = {
        "timestamp": _iso(event.time_unix_nano),
        "level": severity(event.level)[0],
        "service": service,
        "message": message,
        "trace_id": ids[0] if ids else None,
        "span_id": ids[1] if ids else None,
    }
    for key, value in fields.items():
        line[key if key not in line else f"{key}_"] = value
    if event.logger:
        line.setdefault("logger", event.logger)
    if error:
        line["exception"] = error
    return _encode(line)


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode


def _iso(time_unix_nano: int) -> str:
    """UTC, to the microsecond, without a float in between.

    >>> _iso(1767323045678901234)
    '2026-01-02T03:04:05.678901Z'
    """
    seconds, nanoseconds = divmod(time_unix_nano, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds // 1000:06d}Z"
