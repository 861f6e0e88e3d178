"""Killed in the middle: nobody is told twice within repeat_interval without a change, and nobody is forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from tests.notify.simulation import HOUR, MINUTE, Simulation, Told, one_receiver

from sonde.notify.alert import Alert
from sonde.notify.database_state import DatabaseState
from sonde.notify.notification_log import new_entry
from sonde.notify.notifier import Result
from sonde.notify.silence import Silence
from sonde.notify.state import Attempt, MemoryState, State
from sonde.state.database import open_database
from sonde.telemetry.matcher import Matcher

A = "a/webhook/0"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    opened = open_database(tmp_path)
    yield opened
    opened.dispose()


@pytest.fixture(params=["memory", "database"])
def state(request: pytest.FixtureRequest, engine: sa.Engine) -> State:
    return MemoryState() if request.param == "memory" else DatabaseState(engine)


def test_what_was_told_is_not_told_again_after_a_restart_and_repeats_in_time(state: State) -> None:
    world = Simulation(one_receiver(), state=state)
    world.fire()
    world.run_until(100)
    world.start()
    world.run_until(12 * MINUTE)

    assert [told.second for told in world.told] == [10, 640]
    assert world.told[1].firing == "Down"


def test_what_was_not_told_yet_is_told_after_a_restart(state: State) -> None:
    world = Simulation(one_receiver(), state=state)
    world.fire()
    world.run_until(5)
    world.start()
    world.run_until(MINUTE)

    assert world.told == [Told(15, A, "Down")]


def test_killed_while_sending_it_is_sent_again_and_says_so(state: State) -> None:
    world = Simulation(one_receiver(), state=state)
    world.fire()
    world.second = 10
    (lost,) = world.pipeline.advance(world.now)
    world.second = 11
    world.start()
    (again,) = world.pipeline.advance(world.now)

    assert (lost.batch.in_doubt, again.batch.in_doubt) == (False, True)
    assert (again.batch.alerts, again.batch.key_hash) == (lost.batch.alerts, lost.batch.key_hash)
    world.pipeline.settle(again, Result(), world.now)
    assert state.load().attempts == ()


def test_an_end_that_came_before_the_kill_is_told_after_it(state: State) -> None:
    world = Simulation(one_receiver(), state=state)
    world.fire()
    world.run_until(20)
    world.resolve()
    world.run_until(30)
    world.start()
    world.run_until(100)

    assert world.told[1:] == [Told(30, A, "", "Down")]


def test_an_alert_is_not_over_because_we_were_away(state: State) -> None:
    world = Simulation(one_receiver(), state=state)
    world.fire(ends=5 * MINUTE)
    world.run_until(MINUTE)
    world.second = HOUR
    world.start()
    world.run_until(HOUR + 2 * MINUTE)
    world.fire(starts=0, ends=HOUR + 6 * MINUTE)
    assert world.told[1:] == [Told(HOUR, A, "Down")]  # a repeat, and no end

    world.run_until(HOUR + 10 * MINUTE)
    assert world.told[2:] == [Told(HOUR + 6 * MINUTE, A, "", "Down")]


def test_silences_survive(state: State) -> None:
    world = Simulation(one_receiver(), state=state)
    world.silence(alertname="Down", starts=0, ends=300)
    world.fire()
    world.run_until(100)
    world.start()
    world.run_until(200)

    assert world.told == []


def test_the_database_gives_back_what_it_was_given(engine: sa.Engine) -> None:
    state, other = DatabaseState(engine), DatabaseState(engine, "other")
    alert = Alert((("a", 'x"\n'), ("b", "é")), (("c", ""),), 1, 2, 3, timeout=True, generator_url="http://g/")
    silence = Silence((Matcher("a", "!~", "b"),), 1, 2, "me", "why", "id", 3)
    entry = new_entry("{}:{}", A, [2**64 - 1, 1], [], now=5, repeat_interval=6)
    attempt = Attempt("{}:{}", "b", 1, frozenset({1}), frozenset({2}))
    state.put_alerts([alert])
    state.put_silences([silence])
    state.about_to_send(attempt)
    state.about_to_send(Attempt(*entry.key, 1, frozenset(), frozenset()))
    state.sent(entry)

    found = state.load()
    assert (found.alerts, found.silences, found.entries) == ((alert,), (silence,), (entry,))
    assert (found.attempts, found.alive_at) == ((attempt,), 5)
    assert other.load().alerts == ()

    state.drop_alerts([alert.fingerprint])
    state.drop_silences(["id"])
    state.drop_entries([entry.key])
    state.not_sent(attempt.key)
    state.note_alive(9)
    found = state.load()
    assert (found.alerts, found.silences, found.entries, found.attempts, found.alive_at) == ((), (), (), (), 9)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("fire"), st.sampled_from("123")),
        st.tuples(st.just("resolve"), st.sampled_from("123")),
        st.tuples(st.just("silence"), st.sampled_from("123")),
        st.tuples(st.just("kill"), st.just("")),
        st.tuples(st.just("fail"), st.just("")),
        st.tuples(st.just("pass"), st.sampled_from(["1", "9", "30", "61", "200", "700"])),
    ),
    max_size=25,
)


@given(STEPS)
def test_nobody_is_told_the_same_twice_within_repeat_interval(steps: list[tuple[str, str]]) -> None:
    world = Simulation(one_receiver())
    failing = False

    def answer(_: object) -> Result:
        return Result("busy", retry=True) if failing else Result()

    world.answer = answer
    for verb, what in [*steps, ("heal", ""), ("pass", "200")]:
        match verb:
            case "fire":
                world.fire(n=what)
            case "resolve":
                world.resolve(n=what)
            case "silence":
                world.silence(n=what, starts=world.second, ends=world.second + 100)
            case "kill":
                world.start()
            case "fail" | "heal":
                failing = verb == "fail" and not failing
            case _:
                world.run_until(world.second + float(what))

    for before, after in zip(world.told, world.told[1:], strict=False):
        assert (before.firing, before.resolved) != (after.firing, after.resolved) or after.second - before.second > 600
    # And nobody is forgotten: after time enough, what fires unsilenced was told last.
    now = world.now
    firing = {
        dict(alert.labels)["n"]
        for alert in world.pipeline.alerts(now)
        if alert.ends_at > now and world.pipeline.status_of(alert, now).state == "active"
    }
    entry = world.pipeline._log.get("{}:{}", A)
    told = entry.firing if entry else frozenset()
    assert {alert.fingerprint for alert in world.pipeline.alerts(now) if dict(alert.labels)["n"] in firing} <= told
