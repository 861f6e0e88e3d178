"""What else began just before? Often the cause fires first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from sonde.notify.alert import Alert
from sonde.notify.context.incident import Change, Incident, shown

WINDOW_MILLI: Final = 600_000
_MAX_NAMES: Final = 3
_RANK: Final = 30.0


class CurrentAlerts(Protocol):
    """Who knows the alerts of a tenant that have not ended."""

    async def __call__(self, tenant: str) -> Sequence[Alert]:
        """All of them."""
        ...


async def earlier_alerts(incident: Incident, current: CurrentAlerts) -> list[Change]:
    """The alerts of other names that began within ten minutes before, in one line."""
    own = {alert.name for alert in incident.alerts}
    until = incident.began
    began: dict[str, int] = {}
    for alert in await current(incident.tenant):
        milli = alert.starts_at // 10**6
        if alert.name and alert.name not in own and until - WINDOW_MILLI <= milli <= until:
            began[alert.name] = min(began.get(alert.name, milli), milli)
    if not began:
        return []
    names = sorted(began, key=lambda name: (began[name], name))
    listed = [f"{shown(name)} ({_ago(incident, began[name])})" for name in names[:_MAX_NAMES]]
    more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    return [Change(_RANK, f"also fired: {', '.join(listed)}{more}")]


def _ago(incident: Incident, milli: int) -> str:
    minutes = round((incident.began - milli) / 60_000)
    return f"{minutes} min before" if minutes else "at the same time"
