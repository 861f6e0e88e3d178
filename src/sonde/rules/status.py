"""What is told of rules and their alerts: the words that those who evaluate them share with those who show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sonde.telemetry.labels import Labels

Health = Literal["unknown", "ok", "err"]
State = Literal["unknown", "inactive", "pending", "firing"]
"""Of a rule; "unknown" before its first evaluation."""


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

    state: State = "inactive"
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
    query_offset_seconds: float = 0.0
    next_evaluation_unix_nano: int = 0
    """Its next turn; 0 before it waits for one."""
    iterations: int = 0
    """Turns since it runs as it is, evaluated or missed."""
    missed_iterations: int = 0
    samples_written: int = 0
    """At its last evaluation."""
    last_error: str = ""
    """Why what it gave was not kept the last time; "" if it was. What is wrong with a rule, the rule says."""
