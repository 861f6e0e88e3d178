"""The states of an alert: from an expression's answer at one time, and the alerts before it, to the alerts after it.

inactive → pending (the expression gives it) → firing (for as long as ``for``) → resolved (it no longer gives it), which
is kept for a while, to be told again.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from sonde.telemetry.labels import Labels

RESOLVED_RETENTION_NANO: Final = 15 * 60 * 10**9
"""How long a resolved alert is kept, and told again."""


class State(enum.IntEnum):
    """A later state outweighs an earlier one, where one word is said of several alerts."""

    UNKNOWN = 0
    INACTIVE = 1
    PENDING = 2
    FIRING = 3


@dataclass(frozen=True, slots=True)
class ActiveAlert:
    """One alert of a rule. Times are nanoseconds since 1970, None for never."""

    labels: Labels
    annotations: Labels
    value: float
    active_at: int
    state: State = State.PENDING
    fired_at: int | None = None
    resolved_at: int | None = None
    last_sent_at: int | None = None
    keep_firing_since: int | None = None

    def needs_sending(self, at: int, resend_delay: int) -> bool:
        """Whether somebody has to be told, for the first time or again."""
        if self.state is State.PENDING:
            return False
        if self.last_sent_at is None:
            return True
        if self.resolved_at is not None and self.resolved_at > self.last_sent_at:
            return True
        return self.last_sent_at + resend_delay < at


@dataclass(frozen=True, slots=True)
class Holding:
    """How long an alert is pending, and how long it goes on firing, in nanoseconds."""

    for_nano: int = 0
    keep_firing_for_nano: int = 0


def advance(
    before: Mapping[Labels, ActiveAlert], found: Mapping[Labels, ActiveAlert], holding: Holding, at: int
) -> dict[Labels, ActiveAlert]:
    """The alerts after an evaluation that has found these.

    >>> alert = ActiveAlert((("alertname", "Down"),), (), 1.0, active_at=0)
    >>> pending = advance({}, {alert.labels: alert}, Holding(for_nano=60), at=0)
    >>> firing = advance(pending, {alert.labels: alert}, Holding(for_nano=60), at=60)
    >>> resolved = advance(firing, {}, Holding(for_nano=60), at=120)
    >>> [alerts[alert.labels].state.name for alerts in (pending, firing, resolved)]
    ['PENDING', 'FIRING', 'INACTIVE']
    """
    after: dict[Labels, ActiveAlert] = {}
    for labels, alert in before.items():
        new = found.get(labels)
        if new is None:
            kept = _without_condition(alert, holding, at)
        elif alert.state is State.INACTIVE:
            kept = new
        else:
            kept = replace(alert, value=new.value, annotations=new.annotations, keep_firing_since=None)
        if kept is not None:
            after[labels] = kept if kept.state is State.INACTIVE else _held(kept, holding, at)
    for labels, alert in found.items():
        if labels not in before:
            after[labels] = _held(alert, holding, at)
    return after


def is_alive(alert: ActiveAlert) -> bool:
    """Whether it is pending or firing."""
    return alert.state is not State.INACTIVE


def _without_condition(alert: ActiveAlert, holding: Holding, at: int) -> ActiveAlert | None:
    """What becomes of an alert whose condition no longer holds."""
    match alert.state:
        case State.PENDING:
            return None
        case State.FIRING:
            since = alert.keep_firing_since
            if holding.keep_firing_for_nano > 0:
                since = at if since is None else since
                if at - since < holding.keep_firing_for_nano:
                    return replace(alert, keep_firing_since=since)
            return replace(alert, state=State.INACTIVE, resolved_at=at, keep_firing_since=since)
        case _:
            is_old = alert.resolved_at is not None and at - alert.resolved_at > RESOLVED_RETENTION_NANO
            return None if is_old else alert


def _held(alert: ActiveAlert, holding: Holding, at: int) -> ActiveAlert:
    """Pending or firing, by how long it is active; also when ``for`` has just become longer."""
    is_due = at - alert.active_at >= holding.for_nano
    if alert.state is State.PENDING and is_due:
        return replace(alert, state=State.FIRING, fired_at=at)
    if alert.state is State.FIRING and not is_due:
        return replace(alert, state=State.PENDING, fired_at=None, last_sent_at=None, keep_firing_since=None)
    return alert
