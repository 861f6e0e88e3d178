"""Addresses of ours that a message carries, and who can reach them."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import SplitResult, parse_qs, quote, urlsplit

from sonde.notify.alert import Alert
from sonde.notify.matchers import matcher_text
from sonde.notify.notifier import Batch
from sonde.telemetry.labels import Labels, value_of
from sonde.telemetry.matcher import Matcher

MAX_URL: Final = 2000
"""Longer addresses are cut or refused by some of the services that show them."""


def is_public(external_url: str) -> bool:
    """Whether somebody on another machine can follow an address.

    >>> is_public("https://sonde.example.org"), is_public("http://127.0.0.1:3000"), is_public("http://localhost:3000")
    (True, False, False)
    """
    parts = urlsplit(external_url)
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme not in ("http", "https") or not host or host == "localhost" or host.endswith(".localhost"):
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return True
    return not (address.is_loopback or address.is_unspecified)


def silence_url(external_url: str, batch: Batch) -> str:
    """Our page with a silence for the group's labels filled in; "" without labels, or with too many of them.

    A group without labels is silenced by what all its alerts share. No matcher is ever left out to save room: the
    silence would be for more than the group.

    >>> batch = Batch("a", "a/webhook/0", "", (("alertname", "Down"), ("job", "a b")), (Alert(()),), 0)
    >>> silence_url("http://sonde", batch)
    'http://sonde/alerts/silences/new?matcher=alertname%3D%22Down%22&matcher=job%3D%22a%20b%22'
    """
    labels = batch.group_labels or common_labels(batch.firing or batch.alerts)
    query = "&".join(f"matcher={quote(matcher_text(Matcher(name, '=', value)), safe='')}" for name, value in labels)
    url = f"{_base(external_url)}/alerts/silences/new?{query}"
    return url if labels and len(url) <= MAX_URL else ""


def runbook_url(external_url: str, alerts: Sequence[Alert], has_runbook: Callable[[str], bool]) -> str:
    """The page that says what to do: the alerts' own, else one that comes with us.

    >>> runbook_url("http://sonde", [Alert((("alertname", "Down"),))], {"Down"}.__contains__)
    'http://sonde/runbooks/Down'
    >>> runbook_url("http://sonde", [Alert((), (("runbook_url", "https://wiki/down"),))], {"Down"}.__contains__)
    'https://wiki/down'
    """
    base = _base(external_url)
    for alert in alerts:
        own = value_of(alert.annotations, "runbook_url").strip()
        if own.startswith("/") and not own.startswith("//"):
            # our packs', where nobody has said under which address we are known
            own = base + own
        parts = _split(own)
        if parts is not None and parts.scheme in ("http", "https") and parts.netloc:
            return own
    names = dict.fromkeys(alert.name for alert in alerts)
    return next((f"{base}/runbooks/{quote(name, safe='')}" for name in names if has_runbook(name)), "")


def expression_of(generator_url: str) -> str:
    """The expression in an alert's link to its source, as Prometheus writes it; "" if there is none.

    >>> expression_of("http://prometheus:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1")
    'up == 0'
    """
    parts = _split(generator_url)
    if parts is None:
        return ""
    try:
        return parse_qs(parts.query, max_num_fields=100).get("g0.expr", [""])[0]
    except ValueError:
        return ""


def common_labels(alerts: Sequence[Alert]) -> Labels:
    """The labels that all alerts have.

    >>> common_labels([Alert((("a", "1"), ("b", "2"))), Alert((("a", "1"), ("b", "3")))])
    (('a', '1'),)
    """
    if not alerts:
        return ()
    shared = set(alerts[0].labels).intersection(*(alert.labels for alert in alerts))
    return tuple(sorted(shared))


def _base(external_url: str) -> str:
    return external_url.rstrip("/")


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:
        return None
