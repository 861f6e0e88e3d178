"""Rules that run: what they are made of, and what an evaluation leaves behind in them.

``recording`` and ``alerting`` evaluate them, ``group`` has them in sequence.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sonde.rules.alert import ActiveAlert, Holding, State, is_alive
from sonde.rules.expression import Expression
from sonde.rules.rule_file import GroupDefinition, RuleDefinition
from sonde.rules.status import Health
from sonde.telemetry.labels import Labels


@dataclass(slots=True)
class RunningRule:
    """What both kinds of rule have, and how the last evaluation went."""

    name: str
    expression: Expression
    labels: Labels
    health: Health = "unknown"
    last_error: str = ""
    evaluation_seconds: float = 0.0
    last_evaluation_unix_nano: int = 0
    series: dict[Labels, None] = field(default_factory=dict)
    """What it has written at its last evaluation."""

    def succeed(self) -> None:
        """Note that all is well."""
        self.health, self.last_error = "ok", ""

    def fail(self, message: str) -> None:
        """Note what is wrong."""
        self.health, self.last_error = "err", message

    @property
    def identity(self) -> tuple[str, Labels]:
        """By what a rule is known again after its file was changed."""
        return self.name, self.labels

    def take_over(self, other: RunningRule) -> None:
        """Go on where another version of this rule has ended."""
        self.series = other.series


@dataclass(slots=True)
class RunningRecording(RunningRule):
    """A rule that records what its expression gives."""


@dataclass(slots=True)
class RunningAlerting(RunningRule):
    """A rule whose expression gives alerts."""

    holding: Holding = field(default_factory=Holding)
    annotations: Labels = ()
    is_restored: bool = True
    """Whether it is known what was pending before a restart. Until then it writes nothing."""
    active: dict[Labels, ActiveAlert] = field(default_factory=dict)

    @property
    def state(self) -> State:
        """The most advanced of its alerts."""
        if not self.last_evaluation_unix_nano and self.health == "unknown":
            return State.UNKNOWN
        return max((alert.state for alert in self.active.values()), default=State.INACTIVE)

    @property
    def alive(self) -> list[ActiveAlert]:
        """The alerts that are pending or firing."""
        return [alert for alert in self.active.values() if is_alive(alert)]

    def take_over(self, other: RunningRule) -> None:
        """Go on where another version of this rule has ended."""
        self.series = other.series
        if isinstance(other, RunningAlerting):
            self.active = dict(other.active)
            self.is_restored = self.is_restored or other.is_restored


def running(definition: RuleDefinition, group: GroupDefinition, *, is_restored: bool = True) -> RunningRule:
    """A rule as it runs: labels of its group are put on, its own win."""
    labels = tuple(sorted({**group.labels, **definition.labels}.items()))
    if definition.record:
        return RunningRecording(definition.record, definition.expression, labels)
    return RunningAlerting(
        definition.alert,
        definition.expression,
        labels,
        holding=Holding(definition.for_nano, definition.keep_firing_for_nano),
        annotations=tuple(sorted(definition.annotations.items())),
        is_restored=is_restored,
    )
