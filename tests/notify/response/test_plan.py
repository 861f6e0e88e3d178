"""The response file: what it may say, and how it is told what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sonde.errors import UserError
from sonde.notify.response.plan import ResponsePlan, load_plan, parse_plan

WHOLE = """
people:
  - {name: alice, receivers: [alice-phone]}
  - {name: bob, receivers: [bob-mail, ops]}
rotations:
  - {name: primary, people: [alice, bob], every: 1w, handoff: "Monday 09:00", time_zone: Europe/Berlin, start: 2026-01-05}
escalations:
  - name: critical
    matchers: ['severity="critical"']
    steps:
      - {after: 0m, notify: ["rotation primary"]}
      - {after: 10m, notify: ["person bob", "receiver ops"]}
    repeat: 2
cooldowns:
  - {matchers: ['severity="warning"'], for: 30m}
flapping: {changes: 6, window: 30m, calm: 15m}
digest: {at: "Monday 08:00", time_zone: Europe/Berlin, receivers: [ops]}
"""
RECEIVERS = ["alice-phone", "bob-mail", "ops"]


def test_a_whole_file_is_read() -> None:
    plan = parse_plan(WHOLE, receivers=RECEIVERS)

    assert [person.receivers for person in plan.people] == [("alice-phone",), ("bob-mail", "ops")]
    assert (str(plan.rotations[0].handoff), plan.rotations[0].time_zone) == ("Monday 09:00", "Europe/Berlin")
    assert [(step.after // 10**9, [*map(str, step.notify)]) for step in plan.escalations[0].steps] == [
        (0, ["rotation primary"]),
        (600, ["person bob", "receiver ops"]),
    ]
    assert plan.flapping is not None
    assert plan.digest is not None


@pytest.mark.parametrize("text", ["", "{}", "people:\n", "# nothing yet\n"])
def test_an_empty_file_changes_nothing(text: str) -> None:
    assert parse_plan(text) == ResponsePlan()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("peopel: []", "1:1: field peopel not found in type response file"),
        ("people: [{receivers: [a]}]", "1:10: people: name is missing"),
        ("people: [{name: a, receivers: []}]", '1:31: "a" has no receivers and cannot be told'),
        ("people: [{name: a, receivers: [fax]}]", '1:32: receiver "fax" is not in the alerting configuration'),
        ("people: {name: a}", "1:9: cannot unmarshal !!map into list"),
        ("rotations: [{name: r, people: [x], every: 1d, handoff: '09:00'}]", '1:32: "x" is not among the people'),
        ("rotations: [{name: r, people: [], every: 1d, handoff: '09:00'}]", '1:31: nobody is in the rotation "r"'),
        (
            "rotations: [{name: r, people: [], every: 90m, handoff: '09:00'}]",
            "1:42: a turn of 1h30m; turns last whole hours: 12h, 1d or 2w",
        ),
        (
            "rotations: [{name: r, people: [], every: 1d, handoff: 'Monday 09:00'}]",
            "1:55: a hand-off has a weekday only when turns last whole weeks",
        ),
        (
            "rotations: [{name: r, people: [], every: 1w, handoff: '25:00'}]",
            "1:55: '25:00' is no hand-off; write it like Monday 09:00 or 09:00",
        ),
        (
            "rotations: [{name: r, people: [], every: 1d, handoff: '09:00', time_zone: Mars}]",
            "1:75: unknown time zone Mars",
        ),
        ("escalations: [{name: e, steps: []}]", '1:32: the escalation "e" has no steps'),
        ("escalations: [{name: e, steps: [{after: 0m}]}]", "1:33: steps: notify is missing"),
        (
            "escalations: [{name: e, steps: [{after: 0m, notify: [bob]}]}]",
            "1:54: cannot tell 'bob'; write rotation, person or receiver and a name: rotation primary",
        ),
        (
            "escalations: [{name: e, steps: [{after: 0m, notify: [rotation x]}]}]",
            '1:54: there is no rotation "x"',
        ),
        (
            "escalations: [{name: e, steps: [{after: 5m, notify: [receiver ops]}, {after: 5m, notify: [receiver ops]}]}]",
            "1:70: steps come one after the other: `after` must grow",
        ),
        ("cooldowns: [{for: soon}]", '1:19: not a valid duration string: "soon"'),
        ("cooldowns: [{matchers: ['a=~\"(\"'], for: 1m}]", "1:25: "),
        ("flapping: {changes: 1, window: 1m, calm: 1m}", "1:21: changes must be from 2 to 1000"),
        ("digest: {at: 'Monday 08:00', receivers: [fax]}", 'receiver "fax" is not in the alerting configuration'),
        ("people: [", "yaml"),
        ("a: 1\n---\nb: 2", "there is more than one document"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(UserError) as refused:
        parse_plan(text, source="r.yml", receivers=RECEIVERS)

    assert problem in refused.value.message
    assert "r.yml:" in refused.value.message


def test_a_file_is_read_or_it_is_said_why_not(tmp_path: Path) -> None:
    file = tmp_path / "response.yml"
    with pytest.raises(UserError, match="cannot be read: No such file"):
        load_plan(file)
    file.write_text(WHOLE)
    assert load_plan(file, receivers=RECEIVERS).rotation("primary") is not None
