"""An alert as Prometheus posts it to Alertmanager, byte by byte.

Specification: https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml, postableAlerts
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from sonde.rules.notify import SentAlert

_NO_TIME: Final = "0001-01-01T00:00:00.000Z"
_LAST: Final = 253_402_300_799_999_999_999
_ESCAPED: Final = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}
"""What Go escapes in JSON, so that it may stand in HTML."""
_TO_ESCAPE: Final = re.compile("[<>&\u2028\u2029]")
_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def alert_text(alert: SentAlert, labels: Mapping[str, str]) -> str:
    r"""An alert with the labels that relabelling has left it.

    >>> alert = SentAlert((), (("summary", "a < b"),), 1782900000500000000, 1782900240000000000, "http://p/graph")
    >>> print(alert_text(alert, {"alertname": "Down"}).replace(',"', ',\n"'))
    {"annotations":{"summary":"a \u003c b"},
    "endsAt":"2026-07-01T10:04:00.000Z",
    "startsAt":"2026-07-01T10:00:00.500Z",
    "generatorURL":"http://p/graph",
    "labels":{"alertname":"Down"}}
    """
    document: dict[str, Any] = {
        **({"annotations": dict(sorted(alert.annotations))} if alert.annotations else {}),
        "endsAt": _time(alert.ends_at_unix_nano),
        "startsAt": _time(alert.starts_at_unix_nano),
        **({"generatorURL": alert.generator_url} if alert.generator_url else {}),
        "labels": dict(sorted(labels.items())),
    }
    text = _encode(document)
    return text.translate(_ESCAPED) if _TO_ESCAPE.search(text) else text


def body(texts: Iterable[str]) -> bytes:
    """What is posted.

    >>> body(["{}", "{}"])
    b'[{},{}]'
    """
    return f"[{','.join(texts)}]".encode("utf-8", "replace")


@functools.lru_cache(maxsize=4096)  # alerts of a rule have the same
def _time(at: int) -> str:
    if not at:
        return _NO_TIME
    seconds, rest = divmod(min(at, _LAST), 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 10**6:03d}Z"
