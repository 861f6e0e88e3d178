"""Groups on the clock, which only the test turns."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace

import pytest
from prometheus_client import REGISTRY
from tests.rules.story import MINUTE, SECOND, Story, series

from sonde.errors import UserError
from sonde.query.promql.series import Samples
from sonde.query.promql.storage import Leaf
from sonde.rules.counts import GroupCounts
from sonde.rules.runner import Runner
from sonde.rules.schedule import Schedule
from sonde.rules.view import View, shown_group

ONE = "groups: [{name: one, interval: 1m, rules: [{record: now, expr: time()}]}]"


def counted(name: str, group: str) -> float:
    return REGISTRY.get_sample_value(name, {"tenant": "default", "rule_group": group}) or 0.0


async def closed(runner: Runner, story: Story) -> None:
    """End, while time goes on: what is being written is waited for."""
    await asyncio.gather(runner.close(), story.clock.turn_to(story.clock.now + 10 * MINUTE))


async def test_a_group_is_evaluated_at_its_place_in_each_interval() -> None:
    story = Story()
    story.clock.now = 1_000 * MINUTE
    runner = Runner(story.surroundings)
    await runner.update(story.definitions(ONE))
    await story.clock.turn_to(1_003 * MINUTE)
    await runner.close()
    offset = Schedule.of("rules.yml", "one", MINUTE).offset_nano
    assert 0 < offset < MINUTE
    times = sorted(story.values("now")[()])
    assert times == [(1_000 * MINUTE + offset) // SECOND + 60 * n for n in (range(3) if offset else range(1, 4))]


async def test_the_time_of_evaluation_is_the_turn_and_not_the_moment() -> None:
    story = Story(delay_nano=7 * SECOND)
    runner = Runner(story.surroundings)
    await runner.update(story.definitions(ONE))
    await story.clock.turn_to(5 * MINUTE)
    await closed(runner, story)
    offset = Schedule.of("rules.yml", "one", MINUTE).offset_nano
    for value in story.values("now")[()].values():
        assert isinstance(value, float)
        assert round(value * 1000) % 60_000 == offset // 10**6


async def test_turns_that_a_slow_group_misses_are_counted() -> None:
    story = Story(delay_nano=150 * SECOND)
    runner = Runner(story.surroundings)
    await runner.update(story.definitions(ONE, file="slow.yml"))
    await story.clock.turn_to(10 * MINUTE)
    await closed(runner, story)
    offset = Schedule.of("slow.yml", "one", MINUTE).offset_nano
    times = [(time * SECOND - offset + SECOND) // MINUTE for time in sorted(story.values("now")[()])]
    steps = [later - sooner for sooner, later in itertools.pairwise(times)]
    assert set(steps) == {2, 3}
    missed = counted("sonde_rules_group_iterations_missed_total", "slow.yml;one")
    assert missed >= sum(step - 1 for step in steps)
    assert counted("sonde_rules_group_iterations_total", "slow.yml;one") == missed + counted(
        "sonde_rules_evaluations_total", "slow.yml;one"
    )


async def test_pending_alerts_are_restored_behind_the_second_evaluation() -> None:
    story = Story()
    labels = {"alertname": "Down"}
    story.storage.put(series("ALERTS_FOR_STATE", **labels), 100 * MINUTE // 10**6, 6000.0 - 1200)
    for minute in range(100, 130):
        story.put("up", minute * MINUTE, 0)
    story.clock.now = 110 * MINUTE
    runner = Runner(story.surroundings)
    await runner.update(story.definitions("groups: [{name: a, rules: [{alert: Down, expr: up == 0, for: 40m}]}]"))
    await story.clock.turn_to(112 * MINUTE)
    (rule,) = runner.groups[0].alerting_rules
    assert rule.is_restored
    assert 91 * MINUTE <= rule.alive[0].active_at <= 92 * MINUTE, "20 minutes of 40 had passed before the outage"
    await runner.close()


async def test_a_bug_in_one_turn_leaves_the_next_ones_alone(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        async def fetch(self, leaf: Leaf) -> Samples:
            raise RuntimeError("the engine is gone")

    story = Story()
    story.put("up", MINUTE, 0)
    broken = iter([Broken()])
    surroundings = replace(story.surroundings, storage=lambda: next(broken, story.storage))
    runner = Runner(surroundings)
    text = "groups: [{name: a, rules: [{record: now, expr: time()}, {alert: Down, expr: up == 0, for: 40m}]}]"
    await runner.update(story.definitions(text))
    await story.clock.turn_to(5 * MINUTE)
    (rule,) = runner.groups[0].alerting_rules
    assert "a turn of rule group ('rules.yml', 'a') failed" in caplog.text
    assert len(story.values("now")[()]) >= 4
    assert rule.is_restored, "what could not be restored at one turn is at the next"
    await runner.close()


async def test_new_rules_take_over_and_old_ones_leave_with_markers() -> None:
    story = Story()
    runner = Runner(story.surroundings)
    two = "groups: [{name: one, rules: [{record: a, expr: '1'}]}, {name: two, rules: [{record: b, expr: '2'}]}]"
    await runner.update(story.definitions(two))
    await story.clock.turn_to(3 * MINUTE)
    kept = runner.groups[0]
    await runner.update(story.definitions("groups: [{name: one, rules: [{record: a, expr: '1'}]}]"))
    assert runner.groups == [kept], "what has not changed goes on"
    await story.clock.turn_to(4 * MINUTE)
    assert "stale" not in story.values("b")[()].values()
    await story.clock.turn_to(6 * MINUTE)
    assert [time for time, value in story.values("b")[()].items() if value == "stale"] == [180]
    await runner.update(story.definitions("groups: [{name: one, rules: [{record: c, expr: '1'}]}]"))
    await story.clock.turn_to(8 * MINUTE)
    await runner.close()
    assert list(story.values("a")[()].values()).count("stale") == 1
    assert set(story.values("c")[()].values()) == {1.0}


async def test_alerts_survive_a_change_of_their_file() -> None:
    story = Story()
    runner = Runner(story.surroundings)
    text = "groups: [{name: a, rules: [{alert: B, expr: '1', for: 5m}]}]"
    await runner.update(story.definitions(text))
    await story.clock.turn_to(4 * MINUTE)
    before = runner.groups[0].alerting_rules[0].alive[0]
    await runner.update(story.definitions(text.replace("'1'", "'2'")))
    await story.clock.turn_to(5 * MINUTE)
    after = runner.groups[0].alerting_rules[0].alive[0]
    assert (after.active_at, after.value) == (before.active_at, 2.0)
    await runner.close()


async def test_the_view_shows_each_tenant_its_own() -> None:
    story = Story()
    runner = Runner(story.surroundings)
    await runner.update(story.definitions(ONE))
    view = View(lambda: {runner.tenant: runner})
    assert [group.name for group in view.groups("default")] == ["one"]
    assert view.groups("other") == []
    await runner.close()


async def test_what_is_counted_goes_with_its_group() -> None:
    story = Story()
    runner = Runner(story.surroundings)
    await runner.update(story.definitions(ONE, file="gone.yml"))
    await story.clock.turn_to(3 * MINUTE)
    labels = {"tenant": "default", "rule_group": "gone.yml;one"}
    assert REGISTRY.get_sample_value("sonde_rules_evaluations_total", labels) is not None
    await runner.update([])
    assert REGISTRY.get_sample_value("sonde_rules_evaluations_total", labels) is None
    await runner.close()


def test_the_offset_is_the_one_that_prometheus_gives() -> None:
    """xxHash64 of the labels file and name, as Prometheus 3 lays them out."""
    assert Schedule.of("rules.yml", "alerts", MINUTE) == Schedule(MINUTE, 15_618_656_361)


async def test_what_is_shown_of_a_group_has_its_turns_and_what_it_wrote() -> None:
    story = Story(delay_nano=70 * SECOND)
    runner = Runner(story.surroundings)
    await runner.update(story.definitions(ONE, file="shown.yml"))
    await story.clock.turn_to(SECOND)
    before = shown_group(runner.groups[0])
    assert (before.iterations, before.samples_written, before.last_evaluation_unix_nano) == (0, 0, 0)
    assert before.next_evaluation_unix_nano == Schedule.of("shown.yml", "one", MINUTE).first_turn(0)
    await story.clock.turn_to(20 * MINUTE)
    await closed(runner, story)
    after = shown_group(runner.groups[0])
    assert after.missed_iterations > 0
    assert after.iterations > after.missed_iterations
    assert (after.samples_written, after.last_error) == (1, "")


async def test_a_group_that_is_there_twice_is_refused_before_anything_changes() -> None:
    story = Story()
    runner = Runner(story.surroundings)
    await runner.update(story.definitions(ONE))
    with pytest.raises(UserError, match=r"the rule group one of rules\.yml is there twice"):
        await runner.update([*story.definitions(ONE), *story.definitions(ONE)])
    assert len(runner.groups) == 1
    await closed(runner, story)


def test_counts_are_told_by_prometheus_names_too() -> None:
    counts = GroupCounts("default", "names.yml", "one")
    counts.configured(3, 60.0)
    counts.scheduled(2)
    counts.rule_evaluated(0.1)
    labels = {"tenant": "default", "rule_group": "names.yml;one"}
    told = {
        name: REGISTRY.get_sample_value(f"prometheus_rule_{name}", labels)
        for name in ("group_iterations_total", "group_iterations_missed_total", "evaluations_total", "group_rules")
    }
    assert told == {
        "group_iterations_total": 3.0,
        "group_iterations_missed_total": 2.0,
        "evaluations_total": 1.0,
        "group_rules": 3.0,
    }
    counts.forget()
    assert REGISTRY.get_sample_value("prometheus_rule_group_rules", labels) is None
