"""Dead-man's switches: we call while alerts would come, and tell when something does not come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.notify.notifiers.recording import reply, web
from tests.notify.simulation import HOUR, MINUTE, SECOND, START, one_receiver

from sonde.errors import NotFound
from sonde.notify.alert import PostedAlert
from sonde.notify.configuration import parse_configuration
from sonde.notify.ledger import DatabaseLedger, Ledger, MemoryLedger
from sonde.notify.notifier import Result
from sonde.notify.notifiers import HttpClients
from sonde.notify.pipeline import Pipeline
from sonde.notify.response.watchdog import Ping, Watchdogs, read_watchdogs
from sonde.notify.routes import build_route
from sonde.notify.run import Alerting
from sonde.notify.state import MemoryState
from sonde.notify.watchdog.arrivals import Arrivals, present
from sonde.notify.watchdog.pings import Pings, Signs, recent
from sonde.notify.watchdog.watch import Watching, routed
from sonde.rules.yaml_node import Decoder
from sonde.state.alerting import Kind
from sonde.state.database import open_database

DAY = 24 * HOUR


def watchdogs(text: str, directory: Path = Path()) -> Watchdogs:
    decoder = Decoder()
    read = read_watchdogs(yaml.compose(text), decoder, directory=directory)
    assert decoder.problems == []
    return read


BACKUP = "{name: nightly-backup, expect: {matchers: ['job=\"backup\"'], within: 26h}, receivers: [a]}"
MAIL = "{name: mail, expect: {within: 10m}}"


class World:
    """Expectations and a genuine pipeline at seconds; the pipeline outlives kills, as its state does."""

    def __init__(self, text: str, ledger: Ledger | None = None) -> None:
        self.text = text
        self.ledger = ledger or MemoryLedger()
        self.second = 0.0
        self.state = MemoryState()
        self.told: list[str] = []
        self.start()

    @property
    def now(self) -> int:
        return START + round(self.second * SECOND)

    def start(self) -> None:
        expectations = watchdogs(self.text).expectations
        configuration = routed(parse_configuration(one_receiver(group_wait="0s", group_interval="1s")), expectations)
        self.pipeline = Pipeline(configuration, self.state, self.now)
        self.arrivals = Arrivals(expectations, self.ledger, self.now)

    def run_until(self, second: float) -> None:
        end = START + round(second * SECOND)
        while (at := min(self.arrivals.next_at(), self.pipeline.next_at())) <= end:
            self.second = max((at - START) / SECOND, self.second)
            if self.arrivals.next_at() <= self.now:
                self.look()
            self.turn()
        self.second = second

    def look(self) -> None:
        alerts = present(self.pipeline, self.now, list(self.arrivals.expectations.values()))
        assert self.pipeline.post(self.arrivals.advance(alerts, self.now), self.now) == []

    def turn(self) -> None:
        for delivery in self.pipeline.advance(self.now):
            for kind, alerts in (("missing", delivery.batch.firing), ("here", delivery.batch.resolved)):
                for alert in alerts:
                    if "watchdog" in dict(alert.labels):
                        self.told.append(f"{self.second:g} {dict(alert.labels)['watchdog']} {kind}")
            self.pipeline.settle(delivery, Result(), self.now)

    def beat(self, name: str = "mail") -> None:
        self.arrivals.heartbeat(name, self.now)

    def first(self) -> list[str]:
        """What was told without what was only repeated."""
        told: list[str] = []
        for line in self.told:
            if not told or told[-1].partition(" ")[2] != line.partition(" ")[2]:
                told.append(line)
        return told


def test_a_heartbeat_that_stays_away_is_told_at_its_time_and_that_it_is_back_at_once() -> None:
    world = World(f"[{MAIL}]")
    world.run_until(300)
    world.beat()
    world.run_until(1000)
    assert world.first() == ["900 mail missing"]
    world.beat()
    world.run_until(1100)
    assert world.first() == ["900 mail missing", "1001 mail here"]


def test_a_heartbeat_that_never_came_is_missing_after_its_time() -> None:
    world = World(f"[{MAIL}]")
    world.run_until(1000)
    assert world.first() == ["600 mail missing"]
    (alert,) = world.pipeline.alerts(world.now)
    assert dict(alert.labels) == {"alertname": "HeartbeatMissing", "severity": "critical", "watchdog": "mail"}
    assert dict(alert.annotations) == {
        "summary": "mail is missing",
        "description": "No heartbeat has come within 10m. It never came.",
    }


def test_an_alert_that_must_come_and_does_not_is_told() -> None:
    world = World(f"[{BACKUP}]")
    world.run_until(2 * HOUR)
    world.pipeline.post([PostedAlert({"alertname": "Done", "job": "backup"}, {})], world.now)
    world.pipeline.post([PostedAlert({"alertname": "Other", "job": "restore"}, {})], world.now)
    world.run_until(27 * HOUR)
    assert world.first() == []
    world.run_until(29 * HOUR)
    assert world.first() == [f"{28 * HOUR} nightly-backup missing"]
    world.pipeline.post([PostedAlert({"alertname": "Done", "job": "backup"}, {})], world.now)
    world.run_until(29 * HOUR + 60)
    assert [line.partition(" ")[2] for line in world.first()] == ["nightly-backup missing", "nightly-backup here"]


def test_an_expected_alert_can_be_replaced_by_a_heartbeat_of_its_name() -> None:
    world = World(f"[{BACKUP}]")
    world.run_until(HOUR)
    world.beat("nightly-backup")
    world.run_until(26.5 * HOUR)
    assert world.first() == []


def test_the_alert_about_what_is_missing_is_not_taken_for_what_is_missing() -> None:
    world = World("[{name: any, expect: {matchers: ['severity=\"critical\"'], within: 1m}}]")
    world.run_until(20 * MINUTE)
    assert world.first() == ["60 any missing"]


def test_last_times_survive_a_kill() -> None:
    world = World(f"[{MAIL}]")
    world.run_until(300)
    world.beat()
    world.run_until(330)
    world.start()
    world.run_until(1000)
    assert world.first() == ["900 mail missing"]
    world.start()
    world.run_until(1100)
    world.beat()
    world.run_until(1200)
    assert world.first() == ["900 mail missing", "1101 mail here"]


def test_time_in_which_nobody_was_there_to_take_it_does_not_count() -> None:
    world = World(f"[{MAIL}]")
    world.run_until(300)
    world.beat()
    world.run_until(360)
    world.second = 2 * HOUR
    world.start()
    world.run_until(2 * HOUR + 500)
    assert world.first() == []
    world.run_until(2 * HOUR + 700)
    assert world.first() == [f"{2 * HOUR + 540} mail missing"]


def test_what_was_missing_before_a_kill_is_missing_after_it_whatever_the_absence() -> None:
    world = World(f"[{MAIL}]")
    world.run_until(1000)
    world.told.clear()
    world.second = 2 * HOUR
    world.start()
    world.run_until(2 * HOUR + 10)
    assert [line.split()[1:] for line in world.told] == [["mail", "missing"]]


def test_a_watchdog_that_is_taken_out_of_the_file_is_over() -> None:
    world = World(f"[{MAIL}]")
    world.run_until(700)
    world.arrivals.reload([], world.now)
    world.run_until(720)
    assert world.first() == ["600 mail missing", "701 mail here"]


def test_a_heartbeat_nobody_waits_for_is_refused() -> None:
    world = World(f"[{MAIL}]")
    with pytest.raises(NotFound, match="no watchdog named backup expects a heartbeat"):
        world.beat("backup")


def test_heartbeats_within_a_second_cost_one_write() -> None:
    world = World(f"[{MAIL}]")
    world.run_until(100)
    writes: list[Any] = []
    change = world.ledger.change
    world.ledger.change = lambda changes: (writes.append(changes), change(changes))[1]  # type: ignore[method-assign]
    for _ in range(50):
        world.beat()
    assert len(writes) == 1


@settings(max_examples=20)
@given(st.lists(st.tuples(st.sampled_from(["beat", "wait", "kill"]), st.integers(0, 900)), max_size=10))
def test_it_is_missing_exactly_while_nothing_has_come_for_so_long(steps: list[tuple[str, int]]) -> None:
    world, last = World(f"[{MAIL}]"), 0.0
    for verb, seconds in steps:
        if verb == "kill":
            world.start()  # at once: nobody was away
        elif verb == "beat":
            world.beat()
            last = world.second
        world.run_until(world.second + seconds)
        world.look()  # what came just now is seen at the next look, which is due at once
        is_missing = any(not alert.resolved_at(world.now) for alert in world.pipeline.alerts(world.now))
        assert is_missing == (world.second - last >= 600)


def test_a_database_remembers_as_memory_does(tmp_path: Path) -> None:
    engine = open_database(tmp_path)
    world = World(f"[{MAIL}]", DatabaseLedger(engine, Kind.WATCHDOG))
    world.run_until(300)
    world.beat()
    world.start()
    assert world.arrivals.arrivals()["mail"].last_at == START + 300 * SECOND
    engine.dispose()


def test_watchdogs_go_to_their_own_receivers_before_all_routes() -> None:
    text = """
    route: {receiver: a, routes: [{receiver: b, matchers: [severity=critical]}]}
    receivers: [{name: a}, {name: b}, {name: ops}, {name: boss}]
    """
    expectations = watchdogs(
        "[{name: x, expect: {within: 1h}, receivers: [ops, boss]}, {name: y, expect: {within: 1h}}]"
    ).expectations
    route = build_route(routed(parse_configuration(text), expectations).route)

    def goes_to(labels: Any) -> list[str]:
        return [found.options.receiver for found in route.match(dict(labels))]

    assert goes_to(expectations[0].alert_labels) == ["ops", "boss"]
    assert goes_to(expectations[1].alert_labels) == ["b"]
    assert goes_to({"alertname": "Down"}.items()) == ["a"]


WRONG = [
    ("{name: a}", "a watchdog either has ping or expect"),
    ("{name: a, ping: {url_file: u}, expect: {within: 1m}}", "a watchdog either has ping or expect"),
    ("{name: a, ping: {url_file: u}, receivers: [x]}", "receivers says nothing here"),
    ("{name: a, ping: {url_file: u, method: PUT}}", 'method is GET or POST, not "PUT"'),
    ("{name: a, ping: {}}", "url_file is missing"),
    ("{name: a, ping: {url_file: u}, every: 1ms}", "every must be from 1s to 1d"),
    ("{name: a, expect: {}}", "within is missing"),
    ("{name: a, expect: {within: 1s}}", "within must be from 10s to 400d"),
    ("{name: a, expect: {within: 1h, matchers: []}}", "matchers are empty; leave them out to expect a heartbeat"),
    ("{name: a, expect: {within: 1h}, labels: {alertname: b}}", '"alertname" cannot be a label here'),
    ("{name: 'a b', expect: {within: 1h}}", '"a b" is no name'),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_a_watchdog_that_cannot_be_used_is_refused(text: str, message: str) -> None:
    decoder = Decoder()
    read_watchdogs(yaml.compose(f"[{text}]"), decoder, directory=Path())
    assert any(message in problem.message and problem.line == 1 for problem in decoder.problems), decoder.problems


def test_two_watchdogs_of_one_name_are_refused() -> None:
    decoder = Decoder()
    read_watchdogs(yaml.compose(f"[{MAIL}, {MAIL}]"), decoder, directory=Path())
    assert [problem.message for problem in decoder.problems] == ['the name "mail" is taken']


class Beats:
    """Calls at seconds; ``wrong`` is what keeps us from calling."""

    def __init__(self, *pings: Ping) -> None:
        self.wrong = ""
        self.pings = Pings(pings, Signs({"rules": lambda now: self.wrong}), START)

    def calls(self, until: int, *, error: str = "", settle: bool = True) -> list[int]:
        made: list[int] = []
        while (at := self.pings.next_at()) is not None and at <= START + until * SECOND:
            for ping in self.pings.advance(at):
                made.append((at - START) // SECOND)
                if settle:
                    self.pings.settle(ping, error, at)
        return made


EVERY_MINUTE = Ping("outside", Path("url"), 60 * SECOND)


def test_we_call_at_once_and_then_on_the_beat() -> None:
    assert Beats(EVERY_MINUTE).calls(200) == [0, 60, 120, 180]


def test_we_do_not_call_while_alerts_would_not_come() -> None:
    beats = Beats(EVERY_MINUTE)
    beats.calls(60)
    beats.wrong = "no evaluation for 5m"
    assert beats.calls(200) == []
    assert beats.pings.statuses()["outside"].error == "not called: rules: no evaluation for 5m"
    beats.wrong = ""
    assert beats.calls(300) == [240, 300]
    assert beats.pings.statuses()["outside"].error == ""


def test_a_call_that_has_no_answer_yet_is_not_made_twice() -> None:
    beats = Beats(EVERY_MINUTE)
    assert beats.calls(200, settle=False) == [0]


def test_after_a_pause_we_call_once_and_not_for_each_call_that_was_missed() -> None:
    beats = Beats(EVERY_MINUTE)
    assert len(beats.pings.advance(START + 10_000 * SECOND)) == 1
    assert beats.pings.next_at() == START + 10_020 * SECOND


def test_nothing_that_has_to_be_done_is_a_sign_of_life_too() -> None:
    assert recent("evaluation", lambda: None, SECOND)(START) == ""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    opened = open_database(tmp_path)
    yield opened
    opened.dispose()


def test_a_genuine_server_is_called_while_we_live_and_hears_nothing_when_we_do_not(
    engine: sa.Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> tuple[list[str], str]:
        wrong: list[str] = []
        async with web(lambda sent: reply(500 if len(server.sent) == 2 else 200)) as server:
            (tmp_path / "url").write_text(f"{server.base}/ping/0123456789abcdef0123")
            read = watchdogs("[{name: out, ping: {url_file: url, method: POST}, every: 1s}]", tmp_path)
            now = time.time_ns
            alerting = Alerting(Pipeline(parse_configuration(one_receiver()), MemoryState(), now()), {}, now)
            clients = HttpClients(now, environment={})
            pings = Pings(read.pings, Signs({"rules": lambda _: wrong[0] if wrong else ""}), now())
            arrivals = Arrivals(read.expectations, DatabaseLedger(engine, Kind.WATCHDOG), now())
            watching = Watching(pings, arrivals, alerting, clients, now)
            task = asyncio.create_task(watching.run())
            async with asyncio.timeout(10):
                while len(server.sent) < 3:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            wrong.append("no evaluation")
            count = len(server.sent)
            async with asyncio.timeout(10):
                while "not called" not in (said := watching.statuses()[0]["out"].error):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            assert len(server.sent) == count
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await clients.aclose()
            return [f"{sent.method} {sent.target}" for sent in server.sent], said

    calls, said = asyncio.run(story())
    assert set(calls) == {"POST /ping/0123456789abcdef0123"}
    assert said == "not called: rules: no evaluation"
    assert "unexpected status code 500" in caplog.text
    assert "0123456789abcdef" not in caplog.text


def test_a_heartbeat_is_waited_for_in_real_time_and_its_absence_reaches_the_pipeline(engine: sa.Engine) -> None:
    async def story() -> tuple[list[str], list[str]]:
        later = 0

        def now() -> int:
            return time.time_ns() + later

        alerting = Alerting(Pipeline(parse_configuration(one_receiver()), MemoryState(), now()), {}, now)
        read = watchdogs("[{name: mail, expect: {within: 20s}}]")
        arrivals = Arrivals(read.expectations, DatabaseLedger(engine, Kind.WATCHDOG), now())
        watching = Watching(Pings([], Signs({}), now()), arrivals, alerting, HttpClients(now), now)
        later = 21 * SECOND
        task = asyncio.create_task(watching.run())

        async def firing() -> list[str]:
            found = await alerting.ask(lambda pipeline: list(pipeline.alerts(now())))
            return [alert.name for alert in found if not alert.resolved_at(now())]

        async with asyncio.timeout(10):
            while not (missing := await firing()):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            await watching.heartbeat("mail")
            while back := await firing():  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return missing, back

    assert asyncio.run(story()) == (["HeartbeatMissing"], [])
