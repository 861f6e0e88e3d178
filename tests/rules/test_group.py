"""Stories of one group: what it writes and whom it tells, minute by minute."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from tests.rules.story import MINUTE, SECOND, Answers, Story

from sonde.errors import Unavailable, UserError
from sonde.query.promql.histogram.native import Histogram
from sonde.query.promql.memory_storage import is_marker
from sonde.rules.alert import State
from sonde.rules.expression import Answer
from sonde.rules.group import Group
from sonde.rules.rule_file import GroupDefinition, RuleDefinition
from sonde.rules.view import shown_group
from sonde.telemetry.labels import labels_of

DOWN = """
groups:
  - name: availability
    labels: {team: web}
    rules:
      - alert: Down
        expr: up == 0
        for: 2m
        labels: {severity: page}
        annotations: {summary: "{{ $labels.job }} is down: {{ $value }}"}
"""


async def test_an_alert_is_pending_fires_and_is_resolved() -> None:
    story = Story(options={"external_labels": (("region", "eu"),), "external_url": "http://sonde"})
    group = story.group(DOWN)
    for minute, value in enumerate([1, 0, 0, 0, 0, 1, 1]):
        story.put("up", minute * MINUTE, value, job="api")
        await story.evaluate(group, minute * MINUTE)
    key = labels_of({"alertname": "Down", "job": "api", "severity": "page", "team": "web"})
    pending = labels_of({**dict(key), "alertstate": "pending"})
    firing = labels_of({**dict(key), "alertstate": "firing"})
    assert story.values("ALERTS") == {
        pending: {60: 1.0, 120: 1.0, 180: "stale"},
        firing: {180: 1.0, 240: 1.0, 300: "stale"},
    }
    assert story.values("ALERTS_FOR_STATE") == {key: {60: 60.0, 120: 60.0, 180: 60.0, 240: 60.0, 300: "stale"}}
    shown = [(at // MINUTE, a.starts_at_unix_nano // MINUTE, a.ends_at_unix_nano // MINUTE) for at, a in story.told]
    assert shown == [(3, 3, 7), (5, 3, 5)]
    _, first = story.told[0]
    assert first.labels == labels_of({**dict(key), "region": "eu"})
    assert first.annotations == (("summary", "api is down: 0"),)
    assert first.generator_url == "http://sonde/graph?g0.expr=up+%3D%3D+0&g0.tab=1"


async def test_a_firing_alert_is_told_again_behind_the_resend_delay_and_a_resolved_one_for_fifteen_minutes() -> None:
    story = Story()
    group = story.group("groups: [{name: a, interval: 30s, rules: [{alert: Down, expr: up == 0}]}]")
    for half in range(60):
        at = half * 30 * SECOND
        story.put("up", at, 0 if half < 8 else 1)
        await story.evaluate(group, at)
    fired = [at // SECOND for at, alert in story.told if alert.ends_at_unix_nano > at]
    over = [
        (at // SECOND, alert.ends_at_unix_nano // SECOND) for at, alert in story.told if alert.ends_at_unix_nano <= at
    ]
    assert fired == [0, 90, 180]
    assert {end for _, end in over} == {240}
    assert [at for at, _ in over] == list(range(240, 240 + 15 * 60 + 1, 90))
    assert story.told[0][1].ends_at_unix_nano == 4 * MINUTE


async def test_keep_firing_for_bridges_a_gap() -> None:
    story = Story()
    group = story.group("groups: [{name: a, rules: [{alert: Down, expr: up == 0, keep_firing_for: 3m}]}]")
    states, since = [], []
    for minute, value in enumerate([0, 1, 1, 0, 1, 1, 1, 1]):
        story.put("up", minute * MINUTE, value)
        await story.evaluate(group, minute * MINUTE)
        (rule,) = group.alerting_rules
        states.append(rule.state.name)
        since.append(
            shown_group(group).rules[0].alerts[0].keep_firing_since_unix_nano // MINUTE if rule.alive else None
        )
    assert states == ["FIRING"] * 7 + ["INACTIVE"]
    assert since == [0, 1, 1, 0, 4, 4, 4, None]


async def test_a_rule_reads_what_the_one_before_it_has_written_at_the_same_time() -> None:
    story = Story()
    group = story.group(
        "groups: [{name: a, rules: [{record: b, expr: a * 2}, {record: c, expr: b + 1}, {record: d, expr: c + b}]}]"
    )
    for minute in range(3):
        story.put("a", minute * MINUTE, minute)
        await story.evaluate(group, minute * MINUTE)
    assert story.values("c") == {(): {0: 1.0, 60: 3.0, 120: 5.0}}
    assert story.values("d") == {(): {0: 1.0, 60: 5.0, 120: 9.0}}


@pytest.mark.parametrize("is_concurrent", [True, False])
async def test_side_by_side_gives_the_same_as_one_after_the_other(is_concurrent: bool) -> None:
    story = Story(options={"is_concurrent": is_concurrent})
    rules = """
      - {record: b, expr: a}
      - {record: c, expr: a * 3}
      - {record: d, expr: b + c}
      - {alert: High, expr: d > 4}
      - {record: e, expr: count(ALERTS)}
      - {record: f, expr: "count({__name__=~'b|c'})"}
"""
    group = story.group(f"groups:\n  - name: a\n    rules:{rules}")
    for minute in range(3):
        story.put("a", minute * MINUTE, minute)
        await story.evaluate(group, minute * MINUTE)
    assert story.values("d") == {(): {0: 0.0, 60: 4.0, 120: 8.0}}
    assert story.values("e") == {(): {120: 1.0}}
    assert story.values("f") == {(): {0: 2.0, 60: 2.0, 120: 2.0}}


async def test_series_that_a_rule_no_longer_gives_get_a_marker_once() -> None:
    story = Story()
    group = story.group("groups: [{name: a, rules: [{record: high, expr: load > 5, labels: {kind: x}}]}]")
    for minute, (one, other) in enumerate([(9, 9), (9, 1), (1, 1), (9, 1)]):
        story.put("load", minute * MINUTE, one, host="a")
        story.put("load", minute * MINUTE, other, host="b")
        await story.evaluate(group, minute * MINUTE)
    assert story.values("high") == {
        (("host", "a"), ("kind", "x")): {0: 9.0, 60: 9.0, 120: "stale", 180: 9.0},
        (("host", "b"), ("kind", "x")): {0: 9.0, 60: "stale"},
    }


async def test_query_offset_moves_query_and_samples() -> None:
    story = Story()
    group = story.group("groups: [{name: a, query_offset: 1m, rules: [{record: b, expr: a}, {alert: C, expr: a > 1}]}]")
    for minute in range(4):
        story.put("a", minute * MINUTE, minute)
        await story.evaluate(group, minute * MINUTE)
    assert story.values("b") == {(): {0: 0.0, 60: 1.0, 120: 2.0}}
    assert story.values("ALERTS_FOR_STATE") == {(("alertname", "C"),): {120: 180.0}}


async def test_a_limit_stops_a_rule_and_clears_its_alerts() -> None:
    story = Story()
    group = story.group("groups: [{name: a, limit: 1, rules: [{record: b, expr: a}, {alert: C, expr: a > 0}]}]")
    story.put("a", 0, 1, n="1")
    await story.evaluate(group, 0)
    assert [rule.health for rule in group.rules] == ["ok", "ok"]
    story.put("a", MINUTE, 1, n="1")
    story.put("a", MINUTE, 1, n="2")
    await story.evaluate(group, MINUTE)
    assert [rule.last_error for rule in group.rules] == [
        "exceeded limit of 1 with 2 series",
        "exceeded limit of 1 with 2 alerts",
    ]
    assert group.alerting_rules[0].active == {}
    assert list(story.values("b")[(("n", "1"),)]) == [0], "what failed writes nothing, not even markers"


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("{record: b, expr: a, labels: {n: x}}", "vector contains metrics with the same labelset after applying rule labels"),
        ("{alert: B, expr: a, labels: {n: x}}", "vector contains metrics with the same labelset after applying alert labels"),
        ("{record: b, expr: '\"text\"'}", "rule result is not a vector or scalar"),
        ("{record: b, expr: 'a[5m]'}", "rule result is not a vector or scalar"),
    ],
)  # fmt: skip
async def test_what_cannot_be_recorded_is_said(rule: str, message: str) -> None:
    story = Story()
    group = story.group(f"groups: [{{name: a, rules: [{rule}]}}]")
    story.put("a", 0, 1, n="1")
    story.put("a", 0, 1, n="2")
    await story.evaluate(group, 0)
    assert (group.rules[0].health, group.rules[0].last_error) == ("err", message)
    assert story.written == []


async def test_two_rules_that_give_one_series_keep_the_first_value() -> None:
    story = Story()
    group = story.group(
        "groups: [{name: a, rules: [{record: b, expr: '1'}, {record: b, expr: '1'}, {record: b, expr: '2'}]}]"
    )
    await story.evaluate(group, 0)
    assert story.values("b") == {(): {0: 1.0}}
    assert [rule.last_error for rule in group.rules] == ["", "", "duplicate sample for timestamp"]


async def test_a_series_that_moves_to_another_rule_gets_no_marker() -> None:
    story = Story()
    group = story.group("groups: [{name: a, rules: [{record: b, expr: a < 5}, {record: b, expr: a >= 5}]}]")
    for minute, value in enumerate([1, 9, 1]):
        story.put("a", minute * MINUTE, value)
        await story.evaluate(group, minute * MINUTE)
    assert story.values("b") == {(): {0: 1.0, 60: 9.0, 120: 1.0}}


async def test_scalars_nan_and_histograms_are_recorded() -> None:
    story = Story()
    histogram = Histogram.of(count=3, sum=6, positive=([0, 1], [1, 2]))
    table = {
        0: Answer(
            [(("n", "1"),), (("n", "2"),)], Answer.of({(): math.nan, (("a", "b"),): 0.0}).values, [None, histogram]
        )
    }
    rule = RuleDefinition("b", "", "answers", Answers(table))
    scalar = RuleDefinition("c", "", "time()", story.languages["promql"].parse("time()"))
    group = Group(GroupDefinition("a", "f", (rule, scalar)), story.surroundings, MINUTE)
    await story.evaluate(group, 0)
    values = {dict(sample.labels).get("n"): sample.value for sample in story.written}
    assert values["2"] == histogram
    assert isinstance(values["1"], float)
    assert math.isnan(values["1"])
    assert not is_marker(values["1"])
    assert values[None] == 0.0


async def test_an_alert_on_nan_fires_and_says_so() -> None:
    story = Story()
    group = story.group("groups: [{name: a, rules: [{alert: B, expr: a != 1, annotations: {v: '{{ $value }}'}}]}]")
    story.put("a", 0, math.nan)
    await story.evaluate(group, 0)
    assert story.told[0][1].annotations == (("v", "NaN"),)


async def test_labels_of_templates_and_empty_labels() -> None:
    story = Story(options={})
    group = story.group(
        "groups: [{name: a, rules: [{alert: B, expr: a, labels: {to: '{{ $labels.team }}', none: '{{ $labels.x }}'}}]}]"
    )
    story.put("a", 0, 1, team="web")
    await story.evaluate(group, 0)
    assert story.told[0][1].labels == labels_of({"alertname": "B", "team": "web", "to": "web"})


async def test_a_template_that_cannot_be_filled_in_says_why_in_its_place() -> None:
    story = Story()
    group = story.group("groups: [{name: a, rules: [{alert: B, expr: a, annotations: {v: '{{ $labels.a.b }}'}}]}]")
    story.put("a", 0, 1, a="x")
    await story.evaluate(group, 0)
    ((_, text),) = story.told[0][1].annotations
    assert text.startswith("<error expanding template: error executing template __alert_B: template: __alert_B:1:")
    assert group.rules[0].health == "ok"


async def test_a_failing_rule_leaves_the_others_alone_and_its_series_without_markers() -> None:
    story = Story()
    table = {
        0: Answer.of({(): 1.0}),
        60_000: UserError("no", code="x", hint="try again"),
        120_000: Answer.of({(): 3.0}),
    }
    failing = RuleDefinition("b", "", "answers", Answers(table))
    good = RuleDefinition("c", "", "1", story.languages["promql"].parse("1"))
    group = Group(GroupDefinition("a", "f", (failing, good)), story.surroundings, MINUTE)
    errors = []
    for minute in range(3):
        await story.evaluate(group, minute * MINUTE)
        errors.append(group.rules[0].last_error)
    assert errors == ["", "no; try again", ""]
    assert story.values("b") == {(): {0: 1.0, 120: 3.0}}
    assert story.values("c") == {(): {0: 1.0, 60: 1.0, 120: 1.0}}


async def test_what_was_not_stored_is_said_and_does_not_count_as_written() -> None:
    story = Story()
    group = story.group("groups: [{name: a, rules: [{record: b, expr: a > 0}, {record: c, expr: b}]}]")
    story.put("a", 0, 1)
    story.error = Unavailable("the disk is full")
    await story.evaluate(group, 0)
    assert {rule.health for rule in group.rules} == {"err"}
    story.error = None
    story.put("a", MINUTE, 0)
    await story.evaluate(group, MINUTE)
    assert story.written == [], "nothing was there that could end, and b was never readable"


async def test_alerts_that_nobody_took_are_told_with_the_next_turn() -> None:
    story = Story()
    group = story.group("groups: [{name: a, rules: [{alert: B, expr: '1'}]}]")
    story.error = Unavailable("no")
    await story.evaluate(group, 0)
    assert group.rules[0].health == "err"  # the samples were not taken either
    story.error = None
    await story.evaluate(group, MINUTE // 2)
    assert [at for at, _ in story.told] == [MINUTE // 2]


async def test_a_changed_group_goes_on_with_rules_that_are_the_same() -> None:
    story = Story()
    old = story.group(DOWN)
    for minute in range(4):
        story.put("up", minute * MINUTE, 0, job="api")
        await story.evaluate(old, minute * MINUTE)
    changed = DOWN.replace("for: 2m", "for: 3m") + "      - {record: b, expr: up}\n"
    new = story.group(changed)
    new.take_over(old)
    story.put("up", 4 * MINUTE, 0, job="api")
    await story.evaluate(new, 4 * MINUTE)
    (alert,) = new.alerting_rules[0].alive
    assert (alert.state, alert.active_at) == (State.FIRING, 0)


async def test_series_of_rules_that_are_gone_get_markers() -> None:
    story = Story()
    old = story.group("groups: [{name: a, rules: [{record: b, expr: '1'}, {record: c, expr: '2'}]}]")
    await story.evaluate(old, 0)
    new = story.group("groups: [{name: a, rules: [{record: b, expr: '1'}]}]")
    new.take_over(old)
    await story.evaluate(new, MINUTE)
    await story.evaluate(new, 2 * MINUTE)
    assert story.values("c") == {(): {0: 2.0, 60: "stale"}}
    await new.mark_stale(3 * MINUTE)
    assert story.values("b") == {(): {0: 1.0, 60: 1.0, 120: 1.0, 180: "stale"}}


async def test_the_view_says_what_prometheus_would() -> None:
    story = Story()
    group = story.group(DOWN)
    assert [rule.state for rule in shown_group(group).rules] == ["unknown"]
    story.put("up", MINUTE, 0, job="api")
    await story.evaluate(group, MINUTE)
    shown = shown_group(group)
    (rule,) = shown.rules
    assert (shown.name, shown.file, shown.interval_seconds, shown.last_evaluation_unix_nano) == (
        "availability", "rules.yml", 60.0, MINUTE,
    )  # fmt: skip
    assert (rule.name, rule.query, rule.state, rule.health, rule.for_seconds) == (
        "Down",
        "up == 0",
        "pending",
        "ok",
        120.0,
    )
    assert rule.labels == (("severity", "page"), ("team", "web"))
    (alert,) = rule.alerts
    assert (alert.state, alert.active_at_unix_nano, alert.value) == ("pending", MINUTE, 0.0)


async def test_a_label_value_that_no_series_may_have_is_said() -> None:
    story = Story()
    answer = Answer.of({(("n", "x" * 20_000),): 1.0, (("n", "y"),): 2.0})
    rule = RuleDefinition("b", "", "answers", Answers({0: answer}))
    group = Group(GroupDefinition("a", "f", (rule,)), replace(story.surroundings), MINUTE)
    await story.evaluate(group, 0)
    assert group.rules[0].health == "err"
    assert story.values("b") == {(("n", "y"),): {0: 2.0}}
