"""What ended is not told again for a while. Times are exact."""

from __future__ import annotations

from tests.notify.simulation import HOUR, MINUTE, Simulation, Told, one_receiver

from sonde.notify.notifier import Result

A = "a/webhook/0"
PLAN = "cooldowns: [{matchers: [severity=warning], for: 30m}]"
WARNING = {"severity": "warning"}


def new_world(**options: str) -> Simulation:
    """An alert that fired, and whose end at 60 s was told at 70 s."""
    world = Simulation(one_receiver(**options), plan=PLAN)
    world.fire(**WARNING)
    world.run_until(60)
    world.resolve(**WARNING)
    world.run_until(80)
    assert world.told == [Told(10, A, "Down"), Told(70, A, "", "Down")]
    return world


def test_an_alert_that_fires_again_is_told_at_the_end_of_its_cooldown() -> None:
    world = new_world()
    world.run_until(5 * MINUTE)
    world.fire(**WARNING)
    world.run_until(HOUR)

    # Thirty minutes after its end, and repeats from there.
    assert world.told[2:4] == [Told(60 + 30 * MINUTE, A, "Down"), Told(60 + 41 * MINUTE, A, "Down")]


def test_what_came_and_went_within_it_is_told_to_nobody_and_does_not_prolong_it() -> None:
    world = new_world()
    for minute in (5, 10, 15, 25):
        world.run_until(minute * MINUTE)
        world.fire(**WARNING)
        world.run_until((minute + 2) * MINUTE)
        world.resolve(**WARNING)
    world.run_until(40 * MINUTE)
    assert len(world.told) == 2

    world.fire(**WARNING)
    world.run_until(41 * MINUTE)
    assert world.told[2:] == [Told(40 * MINUTE + 10, A, "Down")]


def test_others_of_its_group_are_told_and_say_nothing_of_it() -> None:
    world = new_world()
    world.fire(n="1", **WARNING)
    world.run_until(5 * MINUTE)
    world.fire(**WARNING)
    world.run_until(6 * MINUTE)
    world.resolve(**WARNING)
    world.run_until(7 * MINUTE)
    world.resolve(n="1", **WARNING)
    world.run_until(20 * MINUTE)

    assert world.told[2:] == [Told(130, A, "1"), Told(7 * MINUTE + 10, A, "", "1")]


def test_an_alert_whose_end_nobody_heard_of_goes_on() -> None:
    world = Simulation(one_receiver(), plan=PLAN)
    world.fire(**WARNING)
    world.run_until(30)
    world.resolve(**WARNING)
    world.run_until(40)
    world.fire(**WARNING)
    world.run_until(12 * MINUTE)

    assert world.told == [Told(10, A, "Down"), Told(670, A, "Down")]


def test_an_alert_without_a_cooldown_is_told_again() -> None:
    world = Simulation(one_receiver(), plan=PLAN)
    world.fire(severity="critical")
    world.run_until(60)
    world.resolve(severity="critical")
    world.run_until(100)
    world.fire(severity="critical")
    world.run_until(200)

    assert [told.firing for told in world.told] == ["Down", "", "Down"]


def test_an_alert_that_fires_again_while_its_end_is_being_told_is_held_back_too() -> None:
    world = Simulation(one_receiver(), plan=PLAN)
    world.fire(**WARNING)
    world.run_until(60)
    world.resolve(**WARNING)
    world.answer = lambda _: Result("busy", retry=True)
    world.run_until(75)
    world.fire(**WARNING)
    world.answer = lambda _: Result()
    world.run_until(35 * MINUTE)

    assert [(told.firing, told.resolved) for told in world.told] == [("Down", ""), ("", "Down"), ("Down", "")]
    assert world.told[-1].second == 60 + 30 * MINUTE


def test_it_survives_a_restart() -> None:
    world = new_world()
    world.start()
    world.run_until(5 * MINUTE)
    world.fire(**WARNING)
    world.run_until(6 * MINUTE)
    world.start()
    world.run_until(32 * MINUTE)

    assert world.told[2:] == [Told(60 + 30 * MINUTE, A, "Down")]


def test_receivers_that_do_not_hear_of_ends_are_left_alone_too() -> None:
    quiet = "webhook_configs: [{url: 'http://a/', send_resolved: false}]"
    world = Simulation(one_receiver(receiver=quiet), plan=PLAN)
    world.fire(**WARNING)
    world.run_until(60)
    world.resolve(**WARNING)
    world.run_until(5 * MINUTE)
    world.fire(**WARNING)
    world.run_until(35 * MINUTE)

    assert world.told == [Told(10, A, "Down"), Told(60 + 30 * MINUTE, A, "Down")]


def test_what_is_over_is_forgotten() -> None:
    world = new_world()
    assert world.state.load().documents["cooldown"]
    world.run_until(2 * HOUR)
    assert world.state.load().documents["cooldown"] == {}
