"""Who is asked for rules, their alerts, and who is notified; ``rules`` answers with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sonde.rules.status import RuleGroup


class Rules(Protocol):
    """What evaluates rules. Cheap; never blocks."""

    def groups(self, tenant: str) -> Sequence[RuleGroup]:
        """All groups, in order."""
        ...


class Alertmanagers(Protocol):
    """Who is told of alerts. Cheap; never blocks."""

    def active(self, tenant: str) -> Sequence[str]:
        """Their addresses."""
        ...

    def dropped(self, tenant: str) -> Sequence[str]:
        """Those that relabelling has dropped."""
        ...
