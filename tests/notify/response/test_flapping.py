"""An alert that comes and goes is told once as flapping, then when it is calm. Times are exact."""

from __future__ import annotations

import pytest
from tests.notify.simulation import HOUR, MINUTE, Simulation, Told, name_of, one_receiver

from sonde.notify.group import Delivery
from sonde.notify.notifier import Result

A = "a/webhook/0"
PLAN = "flapping: {changes: 3, window: 30m, calm: 15m}"


def flap(world: Simulation, times: int, *, each: float = 2 * MINUTE) -> None:
    """Fire and end again and again."""
    for _ in range(times):
        world.fire()
        world.run_until(world.second + each)
        world.resolve()
        world.run_until(world.second + each)


def new_world(plan: str = PLAN) -> tuple[Simulation, list[tuple[float, str]]]:
    """A world, and when alerts were told with which annotation ``flapping``."""
    world = Simulation(one_receiver(), plan=plan)
    notes: list[tuple[float, str]] = []

    def answer(delivery: Delivery) -> Result:
        notes.extend((world.second, dict(alert.annotations).get("flapping", "")) for alert in delivery.batch.alerts)
        return Result()

    world.answer = answer
    return world, notes


def test_it_is_told_once_as_flapping_and_then_its_end_when_it_is_calm() -> None:
    world, notes = new_world()
    flap(world, 10)  # the last end is at 38 minutes
    world.run_until(2 * HOUR)

    assert world.told == [
        Told(10, A, "Down"),
        Told(2 * MINUTE + 10, A, "", "Down"),
        Told(4 * MINUTE + 10, A, "Down"),
        Told(6 * MINUTE + 10, A, "Down"),
        Told((38 + 15) * MINUTE, A, "", "Down"),
    ]
    assert [text for _, text in notes] == ["", "", "", "changed its state more than 3 times within 30m", ""]


def test_one_that_still_fires_when_it_is_calm_is_told_as_firing() -> None:
    world, notes = new_world()
    flap(world, 3)
    world.fire()  # at 12 minutes
    world.run_until(28 * MINUTE)

    assert world.told[-2:] == [Told(6 * MINUTE + 10, A, "Down"), Told(27 * MINUTE, A, "Down")]
    assert notes[-1] == (27 * MINUTE, "")


def test_a_slow_change_is_no_flapping() -> None:
    world, notes = new_world()
    flap(world, 4, each=12 * MINUTE)

    # Three changes at most within half an hour.
    assert [told.firing for told in world.told].count("") == 4
    assert not any(text for _, text in notes)


def test_an_end_without_a_word_counts_too() -> None:
    world, notes = new_world()
    for _ in range(3):
        world.fire(ends=world.second + MINUTE)
        world.run_until(world.second + 3 * MINUTE)

    assert [text != "" for _, text in notes] == [False, False, False, True]


@pytest.mark.parametrize("restart_at", [5, 7, 20, 40, 50])
def test_restarts_change_nothing(restart_at: int) -> None:
    def told(*, restarts: bool) -> list[tuple[str, str]]:
        world, _ = new_world()
        for second in range(0, 40 * MINUTE, 2 * MINUTE):
            world.run_until(second)
            (world.resolve if second // 120 % 2 else world.fire)()
            if restarts and second == restart_at // 2 * 2 * MINUTE:
                world.start()
        world.run_until(50 * MINUTE)
        if restarts and restart_at == 50:
            world.start()
        world.run_until(2 * HOUR)
        return [(each.firing, each.resolved) for each in world.told]

    assert told(restarts=True) == told(restarts=False)


def test_others_of_its_group_are_told_as_always() -> None:
    world, _ = new_world()
    flap(world, 4)
    world.fire("Other")
    world.run_until(18 * MINUTE)
    world.resolve("Other")
    world.run_until(20 * MINUTE)

    assert world.told[-2:] == [Told(16 * MINUTE + 10, A, "Down Other"), Told(18 * MINUTE + 10, A, "Down", "Other")]


def test_a_flapping_alert_is_one_incident_for_its_escalation() -> None:
    plan = f"""
{PLAN}
escalations:
  - {{name: all, steps: [{{after: 0m, notify: [receiver a]}}, {{after: 10m, notify: [receiver a]}}]}}
"""
    world, _ = new_world(plan)
    seen: list[tuple[float, str]] = []

    def answer(delivery: Delivery) -> Result:
        if "escalation" in delivery.batch.group_key:
            names = " ".join(map(name_of, delivery.batch.firing))
            seen.append((world.second, names))
        return Result()

    world.answer = answer
    flap(world, 10)
    world.run_until(2 * HOUR)

    # Two short incidents; the end of the second one makes it flap. That is told at the next turn; then comes the
    # second step, ten minutes after it fired, and nothing more until it is calm.
    assert [second for second, names in seen if names] == [0, 4 * MINUTE, 7 * MINUTE, 14 * MINUTE]
    assert seen[-1] == (53 * MINUTE, "")


def test_what_is_over_is_forgotten() -> None:
    world, _ = new_world()
    flap(world, 1)
    assert world.state.load().documents["changes"]
    world.run_until(2 * HOUR)
    assert world.state.load().documents["changes"] == {}
