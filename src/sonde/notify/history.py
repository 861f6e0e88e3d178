"""Each attempt to tell somebody, for people who look later; the notification log knows only the last that arrived.

``run`` notes, ``state/notifications`` keeps, ``web/api/notifications`` shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from sonde.telemetry.labels import Labels


@dataclass(frozen=True, slots=True)
class Notification:
    """One attempt. Times are Unix nanoseconds."""

    at: int
    receiver: str
    integration: str
    """``receiver/kind/index``."""
    group_key: str
    group_labels: Labels
    status: Literal["firing", "resolved"]
    alerts: tuple[Labels, ...]
    """Of the alerts that it told of, firing ones first."""
    firing: int
    """How many of them fired."""
    attempt: int
    duration: int
    error: str = ""
    """"" when it arrived."""
    is_retried: bool = False
    """Whether another attempt follows the failed one."""


class History(Protocol):
    """Keeps notifications."""

    def note(self, notifications: Sequence[Notification], *, tenant: str) -> None:
        """Keep them; may block."""
        ...
