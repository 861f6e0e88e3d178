"""Who is told next while nobody acknowledges. Times are exact."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from tests.notify.simulation import HOUR, MINUTE, SECOND, START, Simulation, Told, fingerprint

from sonde.errors import UserError
from sonde.notify.database_state import DatabaseState
from sonde.notify.group import Delivery
from sonde.notify.notifier import Result
from sonde.notify.response.on_call import Override
from sonde.notify.state import MemoryState, State
from sonde.state.database import open_database

CONFIGURATION = """
route: {receiver: team, group_by: [alertname], group_wait: 30s, group_interval: 1m, repeat_interval: 4h}
receivers:
  - {name: team, webhook_configs: [{url: 'http://a/'}]}
  - {name: alice-phone, webhook_configs: [{url: 'http://a/'}]}
  - {name: bob-mail, webhook_configs: [{url: 'http://a/'}]}
  - {name: ops, webhook_configs: [{url: 'http://a/'}]}
inhibit_rules: [{source_matchers: [alertname=Network], target_matchers: [alertname=Down]}]
"""
PLAN = """
people: [{name: alice, receivers: [alice-phone]}, {name: bob, receivers: [bob-mail]}]
rotations: [{name: primary, people: [alice, bob], every: 1d, handoff: '10:15', start: 2025-12-31}]
escalations:
  - name: critical
    matchers: [severity=critical]
    steps:
      - {after: 0m, notify: [rotation primary]}
      - {after: 10m, notify: [person bob, receiver ops]}
"""
TEAM, ALICE, BOB, OPS = "team/webhook/0", "alice-phone/webhook/0", "bob-mail/webhook/0", "ops/webhook/0"
CRITICAL = {"severity": "critical"}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    opened = open_database(tmp_path)
    yield opened
    opened.dispose()


@pytest.fixture(params=["memory", "database"])
def state(request: pytest.FixtureRequest, engine: sa.Engine) -> State:
    return MemoryState() if request.param == "memory" else DatabaseState(engine)


def new_world(state: State | None = None, plan: str = PLAN) -> Simulation:
    return Simulation(CONFIGURATION, plan=plan, state=state or MemoryState())


def beside_the_team(world: Simulation) -> list[Told]:
    return [told for told in world.told if told.to != TEAM]


def test_whoever_is_on_call_is_told_at_once_and_the_next_after_exactly_ten_minutes() -> None:
    world = new_world()
    world.fire(**CRITICAL)
    world.run_until(3 * HOUR)

    assert world.told == [
        Told(0, ALICE, "Down"),
        Told(30, TEAM, "Down"),
        Told(600, BOB, "Down"),
        Told(600, OPS, "Down"),
    ]


def test_on_call_is_who_is_at_that_moment() -> None:
    world = new_world()
    world.run_until(14 * MINUTE)
    world.fire("One", **CRITICAL)
    world.run_until(15 * MINUTE)
    world.fire("Two", **CRITICAL)
    world.run_until(16 * MINUTE)

    assert beside_the_team(world) == [Told(840, ALICE, "One"), Told(900, BOB, "Two")]


def test_an_override_is_told_instead() -> None:
    world = new_world()
    world.pipeline.responder.put_override(Override("1", "primary", "bob", START, START + 60 * SECOND), world.now)
    world.start()  # an override outlives a restart
    world.fire(**CRITICAL)
    world.run_until(MINUTE)

    assert beside_the_team(world) == [Told(0, BOB, "Down")]


def test_others_do_not_escalate() -> None:
    world = new_world()
    world.fire(severity="warning")
    world.run_until(HOUR)

    assert world.told == [Told(30, TEAM, "Down")]


def test_an_acknowledgement_stops_it_and_all_who_were_told_hear_of_the_end() -> None:
    world = new_world()
    world.fire(**CRITICAL)
    world.run_until(599)
    world.acknowledge(**CRITICAL)
    world.run_until(HOUR)
    world.resolve(**CRITICAL)
    world.run_until(2 * HOUR)

    assert world.told == [
        Told(0, ALICE, "Down"),
        Told(30, TEAM, "Down"),
        Told(HOUR + 30, TEAM, "", "Down"),
        Told(HOUR + 60, ALICE, "", "Down"),
    ]


def test_an_end_before_the_next_step_stops_it() -> None:
    world = new_world()
    world.fire(**CRITICAL)
    world.run_until(599)
    world.resolve(**CRITICAL)
    world.run_until(HOUR)

    assert beside_the_team(world) == [Told(0, ALICE, "Down"), Told(600, ALICE, "", "Down")]


def test_after_the_end_of_an_acknowledgement_it_goes_on() -> None:
    world = new_world()
    world.fire(**CRITICAL)
    world.run_until(MINUTE)
    world.acknowledge(lasts=HOUR, **CRITICAL)
    world.run_until(2 * HOUR)

    at = HOUR + MINUTE
    assert beside_the_team(world) == [Told(0, ALICE, "Down"), Told(at, BOB, "Down"), Told(at, OPS, "Down")]


def test_a_silence_holds_it_back_and_later_steps_keep_their_distance() -> None:
    world = new_world()
    world.silence(starts=0, ends=HOUR + 7, severity="critical")
    world.fire(**CRITICAL)
    world.run_until(2 * HOUR)

    # By then bob is on call.
    assert beside_the_team(world) == [
        Told(HOUR + 7, BOB, "Down"),
        Told(HOUR + 607, BOB, "Down"),
        Told(HOUR + 607, OPS, "Down"),
    ]


def test_an_inhibited_alert_does_not_escalate() -> None:
    world = new_world()
    world.fire("Network", ends=30 * MINUTE + 5)
    world.fire(**CRITICAL)
    world.run_until(30 * MINUTE)
    assert beside_the_team(world) == []

    world.run_until(32 * MINUTE)
    assert [(told.to, told.firing) for told in beside_the_team(world)] == [(BOB, "Down")]


def test_all_steps_are_repeated_as_often_as_the_policy_says() -> None:
    world = new_world(plan=f"{PLAN}    repeat: 2\n")
    world.fire(**CRITICAL)
    world.run_until(3 * HOUR)

    # By then bob is on call.
    assert [(told.second, told.to) for told in beside_the_team(world)] == [
        (0, ALICE),
        (600, BOB),
        (600, OPS),
        (1200, BOB),
        (1800, BOB),
        (1800, OPS),
    ]


def test_a_later_alert_of_the_group_is_told_to_all_who_were_told_at_their_next_turn() -> None:
    world = new_world()
    world.fire(n="1", **CRITICAL)
    world.run_until(605)
    world.fire(n="2", **CRITICAL)
    world.run_until(HOUR)

    assert beside_the_team(world)[3:] == [Told(660, ALICE, "1 2"), Told(660, BOB, "1 2"), Told(660, OPS, "1 2")]


def test_once_the_older_alert_is_acknowledged_steps_count_from_the_younger_one() -> None:
    world = new_world()
    world.fire(n="1", **CRITICAL)
    world.run_until(5 * MINUTE)
    world.fire(n="2", **CRITICAL)
    world.run_until(6 * MINUTE)
    world.acknowledge(n="1", **CRITICAL)
    world.run_until(HOUR)

    assert beside_the_team(world) == [
        Told(0, ALICE, "1"),
        Told(360, ALICE, "1 2"),
        Told(900, BOB, "2"),
        Told(900, OPS, "2"),
    ]


def test_a_new_alert_of_an_acknowledged_group_begins_at_the_first_step() -> None:
    world = new_world()
    world.fire(n="1", **CRITICAL)
    world.run_until(MINUTE)
    world.acknowledge(n="1", **CRITICAL)
    world.run_until(HOUR)
    world.fire(n="2", **CRITICAL)
    world.run_until(2 * HOUR)

    # Bob is on call by then; alice, who knows of the group, hears of it too.
    assert beside_the_team(world)[1:] == [
        Told(HOUR, BOB, "2"),
        Told(HOUR + 60, ALICE, "1 2"),
        Told(HOUR + 600, BOB, "2"),
        Told(HOUR + 600, OPS, "2"),
    ]


def test_the_next_incident_knows_nothing_of_the_last_one() -> None:
    world = new_world()
    world.fire(**CRITICAL)
    world.run_until(700)
    world.resolve(**CRITICAL)
    world.run_until(HOUR)
    assert world.state.load().documents.get("ladder", {}) == {}
    del world.told[:]

    world.fire(**CRITICAL)
    world.run_until(HOUR + 599)
    assert beside_the_team(world) == [Told(HOUR, BOB, "Down")]


def test_restarts_neither_forget_nor_repeat(state: State) -> None:
    world = new_world(state)
    for second in (0, 1, 45, 599, 605, 700):
        world.run_until(second)
        if second == 0:
            world.fire(**CRITICAL)
        world.start()
    world.run_until(HOUR)
    world.start()
    world.resolve(**CRITICAL)
    world.run_until(2 * HOUR)

    firing = [(told.second, told.to) for told in beside_the_team(world) if told.firing]
    assert firing == [(0, ALICE), (600, BOB), (600, OPS)]
    assert {told.to for told in beside_the_team(world) if told.resolved} == {ALICE, BOB, OPS}


def test_killed_between_a_step_and_its_message_the_message_is_sent_after_the_restart(state: State) -> None:
    world = new_world(state)
    world.fire(**CRITICAL)
    world.run_until(599)
    world.second = 600
    assert {delivery.batch.receiver for delivery in world.pipeline.advance(world.now)} == {"bob-mail", "ops"}
    world.second = 20 * MINUTE  # bob has meanwhile come on call
    world.start()
    world.run_until(HOUR)

    assert beside_the_team(world)[1:] == [Told(1200, BOB, "Down"), Told(1200, OPS, "Down")]


def test_an_alert_that_is_posted_each_minute_and_then_no_more_ends_for_all_who_were_told() -> None:
    world = new_world()
    for minute in range(25):
        world.run_until(minute * MINUTE)
        world.fire(starts=0, ends=(minute + 4) * MINUTE, **CRITICAL)
    world.run_until(HOUR)

    ends = 28 * MINUTE
    assert beside_the_team(world) == [
        Told(0, ALICE, "Down"),
        Told(600, BOB, "Down"),
        Told(600, OPS, "Down"),
        *(Told(ends, to, "", "Down") for to in (ALICE, BOB, OPS)),
    ]


def test_an_alert_that_is_posted_late_escalates_by_the_time_at_which_it_fired() -> None:
    world = new_world()
    world.run_until(4)
    world.fire(starts=1.5, **CRITICAL)
    world.run_until(700)

    assert [(told.second, told.to) for told in beside_the_team(world)] == [(4, ALICE), (601.5, BOB), (601.5, OPS)]


def test_a_message_that_fails_is_tried_again() -> None:
    world = new_world()

    def answer(delivery: Delivery) -> Result:
        fails = delivery.batch.receiver == "alice-phone" and world.second < 3 * MINUTE
        return Result("busy", retry=True) if fails else Result()

    world.answer = answer
    world.fire(**CRITICAL)
    world.run_until(9 * MINUTE)

    assert [told.to for told in world.told] == [TEAM, ALICE]
    assert 180 <= world.told[1].second <= 300


def test_an_alert_that_was_acknowledged_before_a_receiver_could_hear_of_it_is_not_told_there() -> None:
    world = new_world()
    world.answer = lambda delivery: Result("gone") if delivery.batch.receiver == "alice-phone" else Result()
    world.fire(**CRITICAL)
    world.run_until(20)
    world.acknowledge(**CRITICAL)
    world.answer = lambda _: Result()
    world.run_until(HOUR)
    world.resolve(**CRITICAL)
    world.run_until(2 * HOUR)

    assert beside_the_team(world) == []


def test_a_reload_keeps_what_was_done() -> None:
    world = new_world()
    world.fire(**CRITICAL)
    world.run_until(5 * MINUTE)
    world.reload(CONFIGURATION)
    world.run_until(HOUR)

    assert [(told.second, told.to) for told in beside_the_team(world)] == [(0, ALICE), (600, BOB), (600, OPS)]


def test_a_plan_that_tells_somebody_unknown_is_refused_and_nothing_changes() -> None:
    world = new_world()
    world.plan = "people: [{name: carol, receivers: [carol-pager]}]"
    with pytest.raises(UserError, match='tells "carol-pager", which the alerting configuration does not have'):
        world.reload(CONFIGURATION)
    world.fire(**CRITICAL)
    world.run_until(5)

    assert beside_the_team(world) == [Told(0, ALICE, "Down")]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["fire", "resolve", "acknowledge"]), st.sampled_from("12")),
        st.tuples(st.just("kill"), st.just("")),
        st.tuples(st.just("pass"), st.sampled_from(["1", "30", "61", "299", "600", "1800"])),
    ),
    max_size=20,
)


@given(STEPS)
def test_whatever_happens_all_who_were_told_of_a_firing_are_told_of_its_end(steps: list[tuple[str, str]]) -> None:
    world = new_world()
    for verb, what in [*steps, ("resolve", "1"), ("resolve", "2"), ("pass", "3600")]:
        match verb:
            case "fire":
                world.fire(n=what, **CRITICAL)
            case "resolve":
                world.resolve(n=what, **CRITICAL)
            case "acknowledge":
                known = {alert.fingerprint for alert in world.pipeline.alerts(world.now + 1)}
                if fingerprint(n=what, **CRITICAL) in known:
                    world.acknowledge(n=what, **CRITICAL)
            case "kill":
                world.start()
            case _:
                world.run_until(world.second + float(what))

    believed: dict[str, set[str]] = {}
    for told in world.told:
        fires, ended = set(told.firing.split()), set(told.resolved.split())
        believed[told.to] = (believed.get(told.to, set()) | fires) - ended
    assert not any(believed.values())
    assert world.pipeline.responder._ladders == {}
