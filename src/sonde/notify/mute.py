"""Which alerts of a group may be told now: not inhibited, within active times, outside of mute times, not silenced.

The stages have Alertmanager's order; those that are held back by a cooldown go last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sonde.notify.alert import Alert
from sonde.notify.group import Group
from sonde.notify.inhibition import Inhibitor
from sonde.notify.response.responder import Responder
from sonde.notify.silence import Silences
from sonde.notify.time_interval import TimeInterval, intervals_containing


@dataclass(frozen=True, slots=True)
class Mutes:
    """All that keeps alerts from being told."""

    inhibitor: Inhibitor
    silences: Silences
    responder: Responder
    time_intervals: Mapping[str, tuple[TimeInterval, ...]]

    def unmuted(self, group: Group, alerts: list[Alert], now: int) -> tuple[Alert, ...]:
        """The alerts of a turn that may be told; those that fire have no end."""
        options = group.route.options
        alerts = [alert for alert in alerts if self.inhibitor.inhibited_by(dict(alert.labels), now) is None]
        if alerts and options.active_time_intervals:
            active = intervals_containing(options.active_time_intervals, self.time_intervals, now)
            group.muted_by = () if active else options.active_time_intervals
            alerts = alerts if active else []
        if alerts and options.mute_time_intervals:
            group.muted_by = intervals_containing(options.mute_time_intervals, self.time_intervals, now)
            alerts = [] if group.muted_by else alerts
        if not self.responder.is_idle:
            alerts = [alert for alert in alerts if not self.responder.holds_back(alert, now)]
        return tuple(
            alert if alert.resolved_at(now) else replace(alert, ends_at=0)
            for alert in alerts
            if not self.silences.silencing(alert.fingerprint, dict(alert.labels), now)
        )

    def silenced_until(self, alert: Alert, now: int) -> int | None:
        """When the first of the silences ends that silence an alert."""
        found = self.silences.silencing(alert.fingerprint, dict(alert.labels), now)
        return min((self.silences.get(silence_id).ends_at for silence_id in found), default=None)
