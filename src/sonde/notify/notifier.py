"""What notifiers are given and what they answer: the Protocol between the pipeline and those who speak to the world.

A notifier sends one ``Batch`` once; when to try again is the pipeline's business.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from sonde.notify.alert import Alert
from sonde.notify.message_context import MessageContext
from sonde.telemetry.labels import Labels


@dataclass(frozen=True, slots=True)
class Batch:
    """One notification: the alerts of a group, for one integration of a receiver.

    Alerts are in Alertmanager's order. One that fires has no end (``ends_at`` is 0); whether one has ended is a matter
    of the moment of the flush, not of the moment of sending.
    """

    receiver: str
    integration: str
    """``receiver/kind/index``, as in the configuration."""
    group_key: str
    group_labels: Labels
    alerts: tuple[Alert, ...]
    at: int
    """When the group was flushed."""
    attempt: int = 1
    in_doubt: bool = False
    """An earlier process may have sent this very notification and then died; ``key_hash`` is the same."""
    context: MessageContext = field(default_factory=MessageContext)
    """What the message says beside its alerts."""

    @property
    def status(self) -> Literal["firing", "resolved"]:
        """``firing`` while any alert fires."""
        return "resolved" if all(alert.ends_at for alert in self.alerts) else "firing"

    @property
    def firing(self) -> tuple[Alert, ...]:
        """The alerts that fire."""
        return tuple(alert for alert in self.alerts if not alert.ends_at)

    @property
    def resolved(self) -> tuple[Alert, ...]:
        """The alerts that have ended."""
        return tuple(alert for alert in self.alerts if alert.ends_at)

    @property
    def key_hash(self) -> str:
        """The group's key as other systems take it for a deduplication key (PagerDuty, Opsgenie).

        >>> Batch("a", "a/webhook/0", '{}:{alertname="Down"}', (), (), 0).key_hash[:16]
        'af94c9e8f6a30436'
        """
        return hashlib.sha256(self.group_key.encode("utf-8", "surrogateescape")).hexdigest()

    def truncated(self, max_alerts: int) -> tuple[tuple[Alert, ...], int]:
        """The first ``max_alerts`` alerts, 0 for all, and how many were left out.

        >>> Batch("a", "a/webhook/0", "", (), (Alert(()), Alert(())), 0).truncated(1)[1]
        1
        """
        if not max_alerts or len(self.alerts) <= max_alerts:
            return self.alerts, 0
        return self.alerts[:max_alerts], len(self.alerts) - max_alerts


@dataclass(frozen=True, slots=True)
class Result:
    """How it went. Without an ``error`` the batch has arrived."""

    error: str = ""
    """What went wrong, in one line and without secrets."""
    retry: bool = False
    """Whether it is worth trying again."""
    retry_after: int = 0
    """How long the other side asks to be left alone, in nanoseconds."""
    reason: Literal[
        "clientError", "serverError", "rateLimited", "contextCanceled", "contextDeadlineExceeded", "other"
    ] = "other"

    @property
    def delivered(self) -> bool:
        """Whether it has arrived."""
        return not self.error


class Notifier(Protocol):
    """Somebody who can be told."""

    async def notify(self, batch: Batch) -> Result:
        """Send a batch once. Never raises for what the other side does; is cancelled when its time is over."""
        ...


Describe = Callable[[Batch], Awaitable[MessageContext]]
"""Makes what a message says beside its alerts. Never raises for what it cannot find, and ends within seconds."""
