"""Somebody takes care: no repeats and no escalation, but everything new is told. Times are exact."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.notify.simulation import HOUR, MINUTE, SECOND, START, Simulation, Told, fingerprint, one_receiver

from sonde.errors import NotFound
from sonde.notify.database_state import DatabaseState
from sonde.notify.state import MemoryState, State
from sonde.state.database import open_database

A = "a/webhook/0"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    opened = open_database(tmp_path)
    yield opened
    opened.dispose()


@pytest.fixture(params=["memory", "database"])
def state(request: pytest.FixtureRequest, engine: sa.Engine) -> State:
    return MemoryState() if request.param == "memory" else DatabaseState(engine)


def test_a_group_whose_alerts_are_all_acknowledged_is_not_repeated_and_its_end_is_told() -> None:
    world = Simulation(one_receiver())
    world.fire()
    world.run_until(MINUTE)
    world.acknowledge()
    world.run_until(5 * HOUR)
    world.resolve()
    world.run_until(6 * HOUR)

    assert world.told == [Told(10, A, "Down"), Told(5 * HOUR + 10, A, "", "Down")]


def test_it_is_repeated_while_one_alert_of_it_is_not_acknowledged() -> None:
    world = Simulation(one_receiver())
    world.fire(n="1")
    world.fire(n="2")
    world.run_until(MINUTE)
    world.acknowledge(n="1")
    world.run_until(12 * MINUTE)

    assert world.told == [Told(10, A, "1 2"), Told(670, A, "1 2")]


def test_a_new_alert_of_an_acknowledged_group_is_told() -> None:
    world = Simulation(one_receiver())
    world.fire(n="1")
    world.run_until(MINUTE)
    world.acknowledge(n="1")
    world.run_until(HOUR)
    world.fire(n="2")
    world.run_until(HOUR + 12 * MINUTE)

    assert world.told[1:] == [Told(HOUR + 10, A, "1 2"), Told(HOUR + 670, A, "1 2")]


def test_the_next_firing_of_the_same_alert_is_not_acknowledged() -> None:
    world = Simulation(one_receiver())
    world.fire()
    world.run_until(MINUTE)
    world.acknowledge()
    world.resolve()
    world.run_until(3 * MINUTE)
    world.fire()
    world.run_until(15 * MINUTE)

    assert [told.firing for told in world.told] == ["Down", "", "Down", "Down"]
    assert world.pipeline.acknowledged(world.now) == []


def test_an_acknowledgement_with_an_end_is_over_then_and_repeats_go_on() -> None:
    world = Simulation(one_receiver())
    world.fire()
    world.run_until(MINUTE)
    world.acknowledge(lasts=HOUR)
    world.run_until(75 * MINUTE)

    # Turns come ten seconds past each minute.
    assert world.told == [Told(10, A, "Down"), Told(61 * MINUTE + 10, A, "Down"), Told(72 * MINUTE + 10, A, "Down")]


def test_one_that_is_withdrawn_lets_repeats_go_on() -> None:
    world = Simulation(one_receiver())
    world.fire()
    world.run_until(MINUTE)
    world.acknowledge()
    world.run_until(HOUR)
    world.pipeline.withdraw_acknowledgement(fingerprint(), world.now)
    world.run_until(HOUR + MINUTE)

    assert world.told[1:] == [Told(HOUR + 10, A, "Down")]
    with pytest.raises(NotFound, match="is not acknowledged"):
        world.pipeline.withdraw_acknowledgement(fingerprint(), world.now)


def test_it_survives_a_restart(state: State) -> None:
    world = Simulation(one_receiver(), state=state)
    world.fire()
    world.run_until(MINUTE)
    world.acknowledge()
    world.start()
    world.run_until(5 * HOUR)

    assert world.told == [Told(10, A, "Down")]
    ((alert, given),) = world.pipeline.acknowledged(world.now)
    assert (alert.name, given.by, given.comment, given.at) == ("Down", "alice", "mine", START + 60 * SECOND)


def test_what_does_not_fire_cannot_be_acknowledged() -> None:
    world = Simulation(one_receiver())
    with pytest.raises(NotFound, match="does not fire"):
        world.acknowledge()
    world.fire()
    world.resolve()
    with pytest.raises(NotFound, match="does not fire"):
        world.acknowledge()


def test_a_second_sender_that_knows_of_an_earlier_beginning_changes_nothing() -> None:
    world = Simulation(one_receiver(), second=HOUR)
    world.fire(starts=HOUR - 1)
    world.run_until(HOUR + 20)
    world.acknowledge()
    world.fire(starts=HOUR - 30)
    world.run_until(2 * HOUR)

    assert len(world.told) == 1
