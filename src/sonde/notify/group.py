"""Groups of alerts that are told together, and the notifications of a group that are under way.

A group belongs to a route and has its labels in common. ``pipeline`` gives it alerts and turns its clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sonde.notify.alert import Alert, labels_text
from sonde.notify.notifier import Batch
from sonde.notify.routes import Route
from sonde.notify.state import EntryKey
from sonde.telemetry.labels import Labels


@dataclass(slots=True, eq=False)
class Flush:
    """One turn of a group: what was to be told, and to how many integrations it is being told."""

    started_at: int
    deadline: int
    resolved: tuple[Alert, ...]
    waiting: int = 0
    failed: bool = False


@dataclass(slots=True, eq=False)
class Group:
    """Alerts of one route with the same group labels."""

    route: Route
    labels: Labels
    next_at: int
    """When it has its next turn."""
    alerts: dict[int, Alert] = field(default_factory=dict)
    has_flushed: bool = False
    flush: Flush | None = None
    """Its turn that is not over."""
    is_late: bool = False
    """Its next turn has come before this one was over."""
    muted_by: tuple[str, ...] = ()
    """Time intervals that muted its last turn."""
    is_gone: bool = False
    due_since: int | None = None
    """Of a receiver that is told by an escalation: when its last step was. None: the group belongs to a route."""
    nudges: set[int] | None = None
    """Alerts for which it is to have a turn out of turn."""

    @property
    def key(self) -> str:
        """What the notification log and other systems know it by.

        >>> from sonde.notify.routes import RouteOptions
        >>> route = Route(RouteOptions(), (), False, (), "{}", "{}")
        >>> Group(route, (("alertname", "Down"),), 0).key
        '{}:{alertname="Down"}'
        """
        return f"{self.route.key}:{labels_text(self.labels)}"

    def insert(self, alert: Alert, now: int) -> bool:
        """Take an alert in; whether its first turn comes now, because the alert has waited long enough elsewhere."""
        self.alerts[alert.fingerprint] = alert
        return not self.has_flushed and alert.starts_at + self.route.options.group_wait < now

    def forget(self, resolved: tuple[Alert, ...]) -> None:
        """Alerts whose end was told are gone, unless they were posted again meanwhile."""
        for alert in resolved:
            known = self.alerts.get(alert.fingerprint)
            if known is not None and (known.updated_at, known.ends_at) == (alert.updated_at, alert.ends_at):
                del self.alerts[alert.fingerprint]


@dataclass(frozen=True, slots=True)
class Nudge:
    """A turn out of turn, because there may be something to tell of an alert that was held back."""

    group: Group
    fingerprint: int


@dataclass(slots=True, eq=False)
class Delivery:
    """A notification on its way to one integration; ``Pipeline.settle`` is told how each attempt went."""

    group: Group
    flush: Flush
    batch: Batch
    firing: frozenset[int]
    resolved: frozenset[int]
    """Of the whole turn, for the log; the batch may have only those that fire."""
    attempt: int = 0
    attempted_at: int = 0
    try_at: int = 0
    last_error: str = ""
    is_under_way: bool = False

    @property
    def deadline(self) -> int:
        """When it has failed, if it has not arrived."""
        return self.flush.deadline

    @property
    def key(self) -> EntryKey:
        """What the notification log has it under."""
        return self.batch.group_key, self.batch.integration
