"""What is told of rules, their alerts, and who is notified; ``rules`` answers with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from sonde.telemetry.labels import Labels

Health = Literal["unknown", "ok", "err"]


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert that is pending or firing. ``keep_firing_since_unix_nano`` is 0 while its condition holds."""

    labels: Labels
    annotations: Labels
    state: Literal["inactive", "pending", "firing"]
    active_at_unix_nano: int
    value: float
    keep_firing_since_unix_nano: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What both kinds of rule have. ``last_evaluation_unix_nano`` is 0 before the first evaluation."""

    name: str
    query: str
    labels: Labels = ()
    health: Health = "unknown"
    last_error: str = ""
    evaluation_seconds: float = 0.0
    last_evaluation_unix_nano: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingRule(Rule):
    """A rule that keeps what its query gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertingRule(Rule):
    """A rule whose query gives alerts."""

    state: Literal["inactive", "pending", "firing"] = "inactive"
    for_seconds: float = 0.0
    keep_firing_for_seconds: float = 0.0
    annotations: Labels = ()
    alerts: Sequence[Alert] = ()


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """Rules that are evaluated together, one after the other."""

    name: str
    file: str
    rules: Sequence[RecordingRule | AlertingRule]
    interval_seconds: float
    limit: int = 0
    evaluation_seconds: float = 0.0
    last_evaluation_unix_nano: int = 0


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
