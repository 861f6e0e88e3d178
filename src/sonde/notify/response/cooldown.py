"""Cooldowns: an alert whose end was told is not told again for a while; if it fires at the end of it, it is told then.

A cooldown begins when an alert's end is told, and counts from that end. What fires and ends again meanwhile is told to
nobody, and does not prolong it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace

from sonde.notify.alert import Alert
from sonde.notify.matchers import Matchers, all_match
from sonde.notify.response.node import Node


@dataclass(frozen=True, slots=True)
class CooldownPolicy:
    """Which alerts are left alone after their end, and for how long."""

    matchers: Matchers
    lasts: int
    """Nanoseconds."""


@dataclass(frozen=True, slots=True)
class Cooldown:
    """An alert that is not told again for now."""

    fingerprint: int
    since: int
    """When the alert ended."""
    until: int
    has_fired: bool = False
    """Whether the alert has fired again since then."""

    def holds_back(self, alert: Alert, now: int) -> bool:
        """Whether this firing of the alert is told to nobody, as of now.

        >>> cooldown = Cooldown(1, since=100, until=200)
        >>> cooldown.holds_back(Alert((), ends_at=100), 150)  # the one whose end was told; others may not know yet
        False
        >>> again = replace(cooldown, has_fired=True)
        >>> again.holds_back(Alert((), starts_at=120), 199), again.holds_back(Alert((), starts_at=120), 200)
        (True, False)
        >>> again.holds_back(Alert((), starts_at=120, ends_at=150), 250)  # came and went
        True
        """
        if not self.has_fired:
            return False
        return alert.ends_at <= self.until if alert.resolved_at(now) else now < self.until

    def fired(self, now: int) -> Cooldown:
        """The cooldown when the alert fires again."""
        return self if self.has_fired or self.until <= now else replace(self, has_fired=True)

    def document(self) -> str:
        """As it is kept."""
        return json.dumps(asdict(self), separators=(",", ":"))


def cooldown_of(document: str) -> Cooldown:
    """What ``document`` wrote.

    >>> cooldown_of(Cooldown(1, 2, 3).document())
    Cooldown(fingerprint=1, since=2, until=3, has_fired=False)
    """
    return Cooldown(**json.loads(document))


def cooldown_for(policies: Iterable[CooldownPolicy], labels: Mapping[str, str]) -> int:
    """How long an alert is left alone after its end; 0: not at all. The first policy that fits decides."""
    return next((policy.lasts for policy in policies if all_match(policy.matchers, labels)), 0)


def read_cooldowns(node: Node) -> tuple[CooldownPolicy, ...]:
    """The section ``cooldowns``."""
    return tuple(_policy(item) for item in node.items())


def _policy(item: Node) -> CooldownPolicy:
    fields = item.fields("matchers", "for", needed=("for",))
    lasts = fields["for"].duration()
    if fields["for"].is_given and not lasts:
        fields["for"].refuse("a cooldown lasts longer than nothing; write it like 30m")
    return CooldownPolicy(fields["matchers"].matchers(), lasts)
