"""What is shown of the rules that run: ``status``' words from the states of groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, cast

from sonde.rules.alert import ActiveAlert
from sonde.rules.group import Group
from sonde.rules.rule import RunningAlerting, RunningRule
from sonde.rules.runner import Runner
from sonde.rules.status import Alert, AlertingRule, RecordingRule, RuleGroup, State


class View:
    """The rules of all tenants, as they are now."""

    def __init__(self, runners: Callable[[], Mapping[str, Runner]]) -> None:
        self._runners = runners

    def groups(self, tenant: str) -> Sequence[RuleGroup]:
        """All groups of a tenant, in order."""
        runner = self._runners().get(tenant)
        return [] if runner is None else [shown_group(group) for group in runner.groups]


def shown_group(group: Group) -> RuleGroup:
    """A group, as it is shown."""
    return RuleGroup(
        name=group.definition.name,
        file=group.definition.file,
        rules=[_shown_rule(rule) for rule in group.rules],
        interval_seconds=group.interval_nano / 1e9,
        limit=group.definition.limit,
        evaluation_seconds=group.evaluation_seconds,
        last_evaluation_unix_nano=group.last_evaluation_unix_nano,
        query_offset_seconds=group.query_offset_nano / 1e9,
        next_evaluation_unix_nano=group.next_turn,
        iterations=group.iterations,
        missed_iterations=group.missed,
        samples_written=group.samples_written,
        last_error=group.last_error,
    )


def _shown_rule(rule: RunningRule) -> RecordingRule | AlertingRule:
    if not isinstance(rule, RunningAlerting):
        return RecordingRule(
            name=rule.name,
            query=rule.expression.text,
            labels=rule.labels,
            health=rule.health,
            last_error=rule.last_error,
            evaluation_seconds=rule.evaluation_seconds,
            last_evaluation_unix_nano=rule.last_evaluation_unix_nano,
        )
    return AlertingRule(
        name=rule.name,
        query=rule.expression.text,
        labels=rule.labels,
        health=rule.health,
        last_error=rule.last_error,
        evaluation_seconds=rule.evaluation_seconds,
        last_evaluation_unix_nano=rule.last_evaluation_unix_nano,
        state=cast("State", rule.state.name.lower()),
        for_seconds=rule.holding.for_nano / 1e9,
        keep_firing_for_seconds=rule.holding.keep_firing_for_nano / 1e9,
        annotations=rule.annotations,
        alerts=[_shown_alert(alert) for alert in rule.alive],
    )


def _shown_alert(alert: ActiveAlert) -> Alert:
    return Alert(
        labels=alert.labels,
        annotations=alert.annotations,
        state=cast("Literal['inactive', 'pending', 'firing']", alert.state.name.lower()),
        active_at_unix_nano=alert.active_at,
        value=alert.value,
        keep_firing_since_unix_nano=alert.keep_firing_since or 0,
    )
