"""How it goes: why an alert is not told, and how notifications to an integration went."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AlertStatus:
    """Why an alert is not told, if it is not."""

    silenced_by: tuple[str, ...] = ()
    inhibited_by: tuple[int, ...] = ()

    @property
    def state(self) -> str:
        """As the API names it."""
        return "suppressed" if self.silenced_by or self.inhibited_by else "active"


@dataclass(slots=True)
class IntegrationStatus:
    """How notifications to one integration have gone."""

    sent: int = 0
    attempts: int = 0
    failed: int = 0
    """Notifications that were given up until the group's next turn."""
    last_attempt_at: int = 0
    last_duration: int = 0
    last_error: str = ""
    """Of the last attempt; "" when it arrived."""
