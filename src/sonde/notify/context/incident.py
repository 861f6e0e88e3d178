"""What the alerts of a message are about: which service, since when, and who is asked about it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Final

from sonde.notify.alert import Alert
from sonde.notify.context.axis import clock, zone_name
from sonde.notify.context.links import common_labels
from sonde.query.promql.ast import Expr, VectorSelector
from sonde.query.promql.walk import walk
from sonde.telemetry.labels import Labels, value_of
from sonde.telemetry.matcher import Matcher

HOUR_MILLI: Final = 3_600_000
_SERVICE_LABELS: Final = ("service", "service_name")


@dataclass(frozen=True, slots=True)
class Incident:
    """The alerts of a group that fire. Times are milliseconds since 1970."""

    tenant: str
    alerts: tuple[Alert, ...]
    at: int
    expr: Expr | None = None
    """The expression of the first alert, if that is known and PromQL."""
    zone: tzinfo = UTC

    @property
    def began(self) -> int:
        """When the first alert began to fire."""
        return min((alert.starts_at for alert in self.alerts if alert.starts_at), default=self.at * 10**6) // 10**6

    @property
    def labels(self) -> Labels:
        """What all alerts share."""
        return common_labels(self.alerts)

    @property
    def service(self) -> str:
        """The name of the service, as spans know it; "" if alerts and expression do not tell."""
        for name in _SERVICE_LABELS:
            if found := self._told(name):
                return found
        return self._told("job").rpartition("/")[2]

    @property
    def matchers(self) -> tuple[Matcher, ...]:
        """What selects the service's metrics; nothing if alerts and expression do not tell.

        >>> Incident("default", (Alert((("service", "shop"),)),), 0).matchers
        (Matcher(name='job', operator='=~', value='(.+/)?shop'),)
        """
        if job := self._told("job"):
            return (Matcher("job", "=", job),)
        # OpenTelemetry's namespace, where there is one, stands before the service's name
        return (Matcher("job", "=~", f"(.+/)?{re.escape(self.service)}"),) if self.service else ()

    def _told(self, name: str) -> str:
        """A label's value: what all alerts say, else the only one that the expression selects."""
        own = value_of(self.labels, name)
        if own or any(value_of(alert.labels, name) for alert in self.alerts):
            return own or value_of(self.alerts[0].labels, name)
        selected = {
            matcher.value
            for node, _ in (walk(self.expr) if self.expr is not None else ())
            if isinstance(node, VectorSelector)
            for matcher in node.matchers
            if matcher.name == name and matcher.operator == "=" and matcher.value
        }
        return selected.pop() if len(selected) == 1 else ""

    def when(self, milli: float) -> str:
        """A time in words, beside when the alert began.

        >>> incident = Incident("default", (Alert((), starts_at=1_700_000_480 * 10**9),), 1_700_000_500_000)
        >>> incident.when(1_700_000_000_000), incident.when(1_700_000_480_000)
        ('22:13 UTC, 8 min before', '22:21 UTC, as it began')
        """
        minutes = round((self.began - milli) / 60_000)
        beside = "as it began" if not minutes else f"{abs(minutes)} min {'before' if minutes > 0 else 'after'}"
        return f"{clock(milli / 1000, self.zone)} {zone_name(milli / 1000, self.zone)}, {beside}"


@dataclass(frozen=True, slots=True)
class Change:
    """Something that changed, as a line of plain text. The smallest ``rank`` is the most useful."""

    rank: float
    text: str
    topic: str = ""
    """What it is about, where several may tell of the same."""


def best(changes: Sequence[Change], most: int) -> tuple[str, ...]:
    """The most useful lines, each topic once.

    >>> best([Change(2, "b"), Change(1, "a at 9:00", "a"), Change(3, "a at 9:01", "a")], 5)
    ('a at 9:00', 'b')
    """
    told: dict[str, str] = {}
    for change in sorted(changes, key=lambda change: change.rank):
        told.setdefault(change.topic or change.text, change.text)
    return tuple(told.values())[:most]


def shown(value: str, most: int = 60) -> str:
    """A value from outside, short and on one line.

    >>> shown("a" + chr(10) + "b")
    'a b'
    """
    line = " ".join(value.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
