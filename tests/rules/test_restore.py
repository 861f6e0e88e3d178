"""Restarts: how long an alert still has to wait."""

from __future__ import annotations

import pytest
from tests.rules.story import MINUTE, Story, series

from sonde.errors import Unavailable
from sonde.rules.alert import State
from sonde.rules.restore import restore, state_matchers

HOUR = 60 * MINUTE


def alert_group(story: Story, for_text: str = "30m"):
    return story.group(
        f"groups: [{{name: a, rules: [{{alert: Down, expr: up == 0, for: {for_text}, labels: {{severity: page}}}}]}}]",
        is_restored=False,
    )


async def after_restart(story: Story, *, back_at: int, for_text: str = "30m") -> int:
    """Since which minute an alert counts as active, where it was pending from minute 0 to minute 15 before."""
    labels = {"alertname": "Down", "severity": "page"}
    for minute in range(16):
        story.storage.put(series("ALERTS_FOR_STATE", **labels), minute * MINUTE // 10**6, 0.0)
    group = alert_group(story, for_text)
    story.put("up", back_at, 0)
    await story.evaluate(group, back_at)
    assert story.written == [], "nothing is written before it is known what was pending"
    (rule,) = group.alerting_rules
    await restore(rule, story.storage, back_at)
    (alert,) = rule.alive
    return alert.active_at // MINUTE


@pytest.mark.parametrize(
    ("back_at", "for_text", "since"),
    [
        (25, "30m", 10),  # 15 of 30 minutes were left, and still are
        (25, "20m", 15),  # 5 of 20 were left: it waits for the grace period
        (25, "15m", 0),  # it was firing
        (25, "9m", 25),  # shorter than the grace period: it begins anew
        (75, "30m", 60),  # an outage of exactly an hour
        (76, "30m", 76),  # an outage of more than an hour
    ],
)
async def test_what_is_left_of_for_is_waited_for(back_at: int, for_text: str, since: int) -> None:
    assert await after_restart(Story(), back_at=back_at * MINUTE, for_text=for_text) == since


async def test_an_alert_that_had_ended_begins_anew() -> None:
    story = Story()
    group = alert_group(story, "1h")
    first = story.group("groups: [{name: a, rules: [{alert: Down, expr: up == 0, for: 1h, labels: {severity: page}}]}]")
    for minute, value in enumerate([0, 0, 1]):
        story.put("up", minute * MINUTE, value)
        await story.evaluate(first, minute * MINUTE)
    story.put("up", 5 * MINUTE, 0)
    await story.evaluate(group, 5 * MINUTE)
    (rule,) = group.alerting_rules
    await restore(rule, story.storage, 5 * MINUTE)
    assert rule.alive[0].active_at == 5 * MINUTE


async def test_the_alert_then_fires_as_if_nothing_had_been() -> None:
    story = Story()
    labels = {"alertname": "Down", "severity": "page"}
    story.storage.put(series("ALERTS_FOR_STATE", **labels), 15 * MINUTE // 10**6, 0.0)
    group = alert_group(story)
    fired = None
    for minute in range(25, 60):
        story.put("up", minute * MINUTE, 0)
        await story.evaluate(group, minute * MINUTE)
        (rule,) = group.alerting_rules
        if minute == 26:
            await restore(rule, story.storage, minute * MINUTE)
        if rule.state is State.FIRING and fired is None:
            fired = minute
    assert fired == 26 + 15


async def test_without_an_answer_a_rule_begins_anew() -> None:
    class Broken:
        async def fetch(self, leaf: object) -> object:
            raise Unavailable("no")

    story = Story()
    group = alert_group(story)
    story.put("up", 0, 0)
    await story.evaluate(group, 0)
    (rule,) = group.alerting_rules
    await restore(rule, Broken(), MINUTE)  # type: ignore[arg-type]
    assert rule.is_restored
    assert rule.alive[0].active_at == 0


def test_labels_that_are_templates_are_not_asked_for() -> None:
    story = Story()
    group = story.group("groups: [{name: a, rules: [{alert: B, expr: up, labels: {a: x, b: '{{ $value }}'}}]}]")
    assert [f"{m.name}{m.operator}{m.value}" for m in state_matchers(group.alerting_rules[0])] == [
        "__name__=ALERTS_FOR_STATE",
        "a=x",
        "alertname=B",
    ]
