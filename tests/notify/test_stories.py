"""Who is told what, and when: Alertmanager's acceptance stories in a simulated clock. Times are exact."""

from __future__ import annotations

import pytest
from tests.notify.simulation import HOUR, MINUTE, Simulation, Told, one_receiver

from sonde.notify import pipeline
from sonde.notify.alert import MOST_CHARACTERS, PostedAlert
from sonde.notify.notifier import Result

A = "a/webhook/0"
BY_NAME = one_receiver(group_by="[alertname]")


def test_an_alert_is_told_after_group_wait_and_again_after_repeat_interval() -> None:
    world = Simulation(one_receiver())
    world.fire()
    world.run_until(22 * MINUTE)

    # Told at 10 s; turns come each minute after that; the first one more than 10 minutes after telling repeats.
    assert world.told == [Told(10, A, "Down"), Told(10 + 11 * MINUTE, A, "Down")]


def test_alerts_of_a_group_are_told_together_and_later_ones_at_its_next_turn() -> None:
    world = Simulation(BY_NAME)
    world.fire(n="1")
    world.run_until(5)
    world.fire(n="2")
    world.run_until(20)
    world.fire(n="3")
    world.run_until(2 * MINUTE)

    assert world.told == [Told(10, A, "1 2"), Told(70, A, "1 2 3")]


def test_groups_have_clocks_of_their_own() -> None:
    world = Simulation(BY_NAME)
    world.fire("One")
    world.run_until(4)
    world.fire("Two")
    world.run_until(MINUTE)

    assert world.told == [Told(10, A, "One"), Told(14, A, "Two")]


def test_without_group_by_all_alerts_are_one_group_and_with_dots_each_is_its_own() -> None:
    for group_by, expected in (("[]", ["One Two"]), ("['...']", ["One", "Two"])):
        world = Simulation(one_receiver(group_by=group_by))
        world.fire("One")
        world.fire("Two")
        world.run_until(MINUTE)

        assert [told.firing for told in world.told] == expected


def test_an_alert_that_has_waited_elsewhere_is_told_at_once() -> None:
    world = Simulation(one_receiver(), second=HOUR)
    world.fire(starts=HOUR - 11)

    assert world.told == [Told(HOUR, A, "Down")]


def test_the_end_is_told_once_and_then_nothing() -> None:
    world = Simulation(one_receiver())
    world.fire(n="1")
    world.fire(n="2")
    world.run_until(30)
    world.resolve(n="1")
    world.run_until(75)
    world.resolve(n="2")
    world.run_until(HOUR)

    assert world.told == [Told(10, A, "1 2"), Told(70, A, "2", "1"), Told(130, A, "", "2")]


def test_an_alert_that_nobody_posts_any_more_ends_after_resolve_timeout() -> None:
    world = Simulation(one_receiver(rest="global: {resolve_timeout: 2m}"))
    world.fire(ends=None)
    world.run_until(HOUR)

    assert world.told == [Told(10, A, "Down"), Told(130, A, "", "Down")]


def test_an_alert_that_comes_and_goes_before_its_first_turn_is_not_told() -> None:
    world = Simulation(one_receiver())
    world.fire()
    world.run_until(5)
    world.resolve()
    world.run_until(HOUR)

    assert world.told == []


def test_an_alert_that_comes_back_is_told_again() -> None:
    world = Simulation(one_receiver())
    world.fire(n="1")
    world.fire(n="2")
    world.run_until(20)
    world.resolve(n="1")
    world.run_until(80)
    world.fire(n="1")
    world.run_until(140)

    assert world.told == [Told(10, A, "1 2"), Told(70, A, "2", "1"), Told(130, A, "1 2")]


def test_those_who_do_not_want_to_hear_of_ends_hear_of_what_is_left() -> None:
    world = Simulation(one_receiver(receiver="webhook_configs: [{url: 'http://a/', send_resolved: false}]"))
    world.fire(n="1")
    world.fire(n="2")
    world.run_until(20)
    world.resolve(n="1")
    world.run_until(3 * MINUTE)
    world.fire(n="3")
    world.run_until(200)
    world.resolve(n="2")
    world.resolve(n="3")
    world.run_until(300)
    world.fire(n="2")
    world.run_until(400)

    assert world.told == [Told(10, A, "1 2"), Told(190, A, "2 3"), Told(310, A, "2")]


def test_every_integration_of_a_receiver_is_told_and_keeps_a_log_of_its_own() -> None:
    world = Simulation(one_receiver(receiver="webhook_configs: [{url: 'http://a/'}, {url: 'http://b/'}]"))
    world.answer = lambda delivery: Result("no", retry=False) if delivery.key[1] == "a/webhook/1" else Result()
    world.fire()
    world.run_until(80)

    assert world.told == [Told(10, A, "Down")]
    assert world.attempts == [10, 10, 70]
    assert world.pipeline.statuses()["a/webhook/1"].failed == 2


ROUTES = """
route:
  receiver: rest
  group_wait: 1s
  routes:
    - {matchers: [team=db], receiver: db, continue: true}
    - {matchers: ['team=~"db|web"'], receiver: web, routes: [{matchers: [severity=page], receiver: pager}]}
receivers:
  - {name: rest, webhook_configs: [{url: 'http://a/'}]}
  - {name: db, webhook_configs: [{url: 'http://a/'}]}
  - {name: web, webhook_configs: [{url: 'http://a/'}]}
  - {name: pager, webhook_configs: [{url: 'http://a/'}]}
"""


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ({}, ["rest"]),
        ({"team": "web"}, ["web"]),
        ({"team": "db"}, ["db", "web"]),
        ({"team": "db", "severity": "page"}, ["db", "pager"]),
        ({"team": "ops", "severity": "page"}, ["rest"]),
    ],
)
def test_an_alert_goes_to_the_routes_that_fit(labels: dict[str, str], receivers: list[str]) -> None:
    world = Simulation(ROUTES)
    world.fire(**labels)
    world.run_until(10)

    assert [told.to.split("/")[0] for told in world.told] == receivers


INHIBITED = one_receiver(
    group_by="[alertname]",
    rest="inhibit_rules: [{source_matchers: [severity=critical], target_matchers: ['severity=~\"warning|critical\"'], "
    "equal: [service]}]",
)


def test_an_alert_is_not_told_while_another_one_inhibits_it() -> None:
    world = Simulation(INHIBITED)
    world.fire("Slow", severity="warning", service="shop", n="shop")
    world.fire("Slow", severity="warning", service="cart", n="other")
    world.fire("Gone", severity="critical", service="shop")
    world.run_until(30)

    assert world.told == [Told(10, A, "other"), Told(10, A, "Gone")]

    world.resolve("Gone", severity="critical", service="shop")
    world.run_until(80)
    assert world.told[2:] == [Told(70, A, "other shop"), Told(70, A, "", "Gone")]


def test_alerts_that_fit_both_sides_do_not_inhibit_each_other() -> None:
    world = Simulation(INHIBITED)
    world.fire("One", severity="critical", service="shop")
    world.fire("Two", severity="critical", service="shop")
    world.run_until(30)

    assert [told.firing for told in world.told] == ["One", "Two"]


def test_labels_that_are_missing_on_both_sides_are_equal() -> None:
    world = Simulation(INHIBITED)
    world.fire("Slow", severity="warning")
    world.fire("Gone", severity="critical")
    world.run_until(30)

    assert [told.firing for told in world.told] == ["Gone"]


def test_a_silence_begins_and_ends_at_its_times() -> None:
    world = Simulation(one_receiver(group_by="[alertname]"))
    world.silence(alertname="Down", starts=0, ends=100)
    world.fire()
    world.fire("Up")
    world.run_until(HOUR / 10)

    assert world.told == [Told(10, A, "Up"), Told(130, A, "Down")]


def test_a_silence_does_not_hide_that_an_alert_ended_when_it_is_over() -> None:
    world = Simulation(one_receiver())
    world.fire()
    world.run_until(20)
    silence = world.silence(alertname="Down", starts=20, ends=HOUR)
    world.run_until(100)
    world.pipeline.expire_silence(silence, world.now)
    world.resolve()
    world.run_until(200)

    assert world.told == [Told(10, A, "Down"), Told(130, A, "", "Down")]


MUTED = """
route:
  receiver: a
  routes: [{{matchers: [alertname=Down], group_wait: 10s, group_interval: 1m, {key}: [office]}}]
receivers: [{{name: a, webhook_configs: [{{url: 'http://a/'}}]}}]
time_intervals: [{{name: office, time_intervals: [{{times: [{{start_time: '09:00', end_time: '10:05'}}]}}]}}]
"""


def test_within_a_mute_time_nobody_is_told_until_it_is_over() -> None:
    world = Simulation(MUTED.format(key="mute_time_intervals"))
    world.fire()
    world.run_until(200)
    (group,) = world.pipeline.groups()
    assert (world.told, group.muted_by) == ([], ("office",))

    world.run_until(HOUR)
    assert world.told == [Told(310, A, "Down")]
    assert group.muted_by == ()


def test_outside_of_an_active_time_nobody_is_told() -> None:
    world = Simulation(MUTED.format(key="active_time_intervals"))
    world.fire()
    world.run_until(20)
    assert world.told == [Told(10, A, "Down")]

    world.run_until(290)
    world.resolve()
    world.run_until(HOUR)
    assert world.told[1:] == []  # its end fell out of the active time, and out of the group


def test_what_fails_is_tried_again_later_and_later_until_the_next_turn() -> None:
    world = Simulation(one_receiver())
    answers = iter([Result("busy", retry=True)] * 3 + [Result()])
    world.answer = lambda _: next(answers)
    world.fire()
    world.run_until(20)

    assert world.attempts == [10, 10.5, 11.25, 12.375]
    assert world.told == [Told(12.375, A, "Down")]


def test_a_notification_is_given_up_at_the_next_turn_which_tries_anew() -> None:
    world = Simulation(one_receiver(group_interval="10s"))
    world.answer = lambda _: Result("busy", retry=True) if world.second < 20 else Result()
    world.fire()
    world.run_until(40)

    waits = [0, 0.5, 0.75, 1.125, 1.6875, 2.53125]
    assert world.attempts == [*(10 + sum(waits[: place + 1]) for place in range(6)), 20]
    assert world.told == [Told(20, A, "Down")]
    assert world.pipeline.statuses()[A].failed == 1


def test_what_can_never_arrive_is_not_tried_again_in_this_turn() -> None:
    world = Simulation(one_receiver())
    world.answer = lambda _: Result("no such channel", retry=False)
    world.fire()
    world.run_until(100)

    assert world.attempts == [10, 70]
    assert world.pipeline.statuses()[A].last_error == "no such channel"


def test_who_asks_to_be_left_alone_is_left_alone() -> None:
    world = Simulation(one_receiver(group_by="[alertname]"))
    answers = iter([Result("slow down", retry=True, retry_after=20 * 10**9)])
    world.answer = lambda _: next(answers, Result())
    world.fire("One")
    world.run_until(11)
    world.fire("Two", starts=-100)
    world.run_until(60)

    assert world.told == [Told(30, A, "One"), Told(30, A, "Two")]


def test_the_end_is_told_at_the_next_turn_when_it_could_not_be_told_at_once() -> None:
    world = Simulation(one_receiver())
    world.fire()
    world.run_until(20)
    world.answer = lambda _: Result("down", retry=False)
    world.resolve()
    world.run_until(80)
    world.answer = lambda _: Result()
    world.run_until(HOUR)

    assert world.told == [Told(10, A, "Down"), Told(130, A, "", "Down")]


def test_a_slow_receiver_holds_up_only_its_group() -> None:
    world = Simulation(one_receiver(group_by="[alertname]", group_interval="10s"))
    world.fire("Slow")
    world.fire("Quick")
    world.second = 10
    slow, quick = world.pipeline.advance(world.now)
    world.pipeline.settle(quick, Result(), world.now)
    world.fire("Quick", n="2")
    world.fire("Slow", n="2")
    world.run_until(24)
    assert world.told == [Told(20, A, "Quick 2")]

    world.pipeline.settle(slow, Result(), world.now)
    world.run_until(24)
    assert world.told[1:] == [Told(24, A, "Slow 2")]


def test_a_reload_tells_nobody_again() -> None:
    world = Simulation(one_receiver())
    world.fire()
    world.run_until(20)
    world.reload(one_receiver(group_wait="5s"))
    world.run_until(5 * MINUTE)

    assert world.told == [Told(10, A, "Down")]


def test_what_was_under_way_at_a_reload_is_not_told_twice() -> None:
    world = Simulation(one_receiver())
    world.fire()
    world.second = 10
    (delivery,) = world.pipeline.advance(world.now)
    world.second = 21
    world.reload(one_receiver())
    world.run_until(23)
    assert world.attempts == []

    world.pipeline.settle(delivery, Result(), world.now)
    world.run_until(5 * MINUTE)
    assert world.attempts == []


def test_a_group_without_alerts_is_forgotten_and_begins_anew() -> None:
    world = Simulation(one_receiver())
    world.fire()
    world.run_until(15)
    world.resolve()
    world.run_until(200)
    assert world.pipeline.groups() == []

    world.fire()
    world.run_until(215)
    assert world.told[-1] == Told(210, A, "Down")


@pytest.mark.parametrize("field", ["labels", "annotations"])
def test_an_alert_that_fits_into_no_message_is_refused(field: str) -> None:
    texts = {"labels": {"alertname": "Down"}, "annotations": {}} | {field: {"alertname": "x" * MOST_CHARACTERS}}
    simulation = Simulation(one_receiver())
    faults = simulation.pipeline.post([PostedAlert(**texts)], simulation.now)
    assert faults == [f"invalid {'label set' if field == 'labels' else field}: it has more than 65536 characters"]
    assert list(simulation.pipeline.alerts(simulation.now)) == []


def test_there_is_a_bound_on_alerts_and_those_that_are_known_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "MOST_ALERTS", 2)
    simulation = Simulation(one_receiver())
    alerts = [PostedAlert({"alertname": "Down", "n": str(n)}, {}) for n in range(3)]
    assert simulation.pipeline.post(alerts, simulation.now) == ["there are 2 alerts already"]
    assert simulation.pipeline.post(alerts[:2], simulation.now) == []
    assert len(list(simulation.pipeline.alerts(simulation.now))) == 2
