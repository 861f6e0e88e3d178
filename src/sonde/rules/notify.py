"""Alerts as they are told to whoever notifies people: what Prometheus sends to Alertmanager."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import quote_plus

from sonde.rules.alert import ActiveAlert
from sonde.telemetry.labels import Labels, labels_of

RESEND_DELAY_NANO: Final = 60 * 10**9
"""How long an alert that fires is not told again."""
_PATIENCE: Final = 4
"""An alert counts as over when it was not told for so many intervals."""


@dataclass(frozen=True, slots=True)
class SentAlert:
    """An alert that fires, or has been resolved if it ends in the past."""

    labels: Labels
    annotations: Labels
    starts_at_unix_nano: int
    ends_at_unix_nano: int
    generator_url: str


class Notifier(Protocol):
    """Who is told of alerts."""

    async def notify(self, alerts: Sequence[SentAlert], *, tenant: str) -> None:
        """Take alerts. Returns soon: an evaluation waits for it.

        Raises:
            SondeError: Nobody was told; the alerts come again with their next turn.
        """
        ...


@dataclass(frozen=True, slots=True)
class Sending:
    """What belongs to all alerts of a rule."""

    interval_nano: int
    resend_delay_nano: int = RESEND_DELAY_NANO
    external_labels: Labels = ()
    generator_url: str = ""


def sent(alert: ActiveAlert, at: int, sending: Sending) -> SentAlert:
    """An alert as it is told at a time.

    >>> firing = ActiveAlert((("alertname", "Down"),), (), 1.0, active_at=0, fired_at=60)
    >>> told = sent(firing, 60, Sending(interval_nano=15, resend_delay_nano=60, external_labels=(("region", "eu"),)))
    >>> told.labels, told.starts_at_unix_nano, told.ends_at_unix_nano
    ((('alertname', 'Down'), ('region', 'eu')), 60, 300)
    """
    ends = at + _PATIENCE * max(sending.interval_nano, sending.resend_delay_nano)
    return SentAlert(
        labels=labels_of({**dict(sending.external_labels), **dict(alert.labels)}),
        annotations=alert.annotations,
        starts_at_unix_nano=alert.active_at if alert.fired_at is None else alert.fired_at,
        ends_at_unix_nano=ends if alert.resolved_at is None else alert.resolved_at,
        generator_url=sending.generator_url,
    )


def generator_url(external_url: str, expression: str) -> str:
    """Where the expression of a rule can be looked at.

    >>> generator_url("http://sonde:3000/prometheus", "up == 0")
    'http://sonde:3000/prometheus/graph?g0.expr=up+%3D%3D+0&g0.tab=1'
    """
    return f"{external_url}/graph?g0.expr={quote_plus(expression, safe='')}&g0.tab=1"


def due(alerts: Mapping[Labels, ActiveAlert], at: int, resend_delay_nano: int) -> list[ActiveAlert]:
    """The alerts of which somebody has to be told."""
    return [alert for alert in alerts.values() if alert.needs_sending(at, resend_delay_nano)]
