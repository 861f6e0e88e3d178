"""Automated responses: once for each firing, within their bounds, never what a label wants."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.notify.notifiers.recording import reply, web
from tests.notify.simulation import HOUR, MINUTE, SECOND, START, one_receiver

from sonde.errors import UserError
from sonde.notify.alert import Alert, PostedAlert
from sonde.notify.automation.automate import Automating, audit_to
from sonde.notify.automation.command import LARGEST_OUTPUT_BYTES, run_program
from sonde.notify.automation.runs import Firing, Outcome, Runs
from sonde.notify.configuration import parse_configuration
from sonde.notify.ledger import DatabaseLedger, Ledger, MemoryLedger
from sonde.notify.notifiers import HttpClients
from sonde.notify.pipeline import Pipeline
from sonde.notify.response.arguments import ArgumentTemplate, Refused
from sonde.notify.response.automation import Response, read_allowed_commands, read_responses
from sonde.notify.run import Alerting
from sonde.notify.state import MemoryState
from sonde.notify.template_data import data_of
from sonde.rules.yaml_node import Decoder
from sonde.state.alerting import Kind
from sonde.state.audit_log import newest_entries
from sonde.state.database import open_database
from sonde.telemetry.labels import labels_of

DAY = 24 * HOUR
DOWN = {"alertname": "Down", "instance": "web-1"}


def responses(text: str, directory: Path = Path()) -> tuple[Response, ...]:
    decoder = Decoder()
    programs = ["/bin/sh", "/bin/echo", "/bin/cat", "/bin/sleep", "/usr/bin/env"]
    read = read_responses(yaml.compose(text), decoder, allowed_commands=programs, directory=directory)
    assert decoder.problems == []
    return read


ECHO = responses("[{name: echo, matchers: [alertname=Down], command: [/bin/echo, '{{ .Labels.instance }}']}]")


class World:
    """A responder at seconds, which survives kills by its ledger."""

    def __init__(self, *, at_most: str = "100 per 1h", ledger: Ledger | None = None) -> None:
        self.ledger = ledger or MemoryLedger()
        self.audited: list[str] = []
        self.second = 0.0
        self.firing: dict[str, Firing] = {}
        self.at_most = at_most
        self.began: list[tuple[float, str]] = []
        self.start()

    @property
    def now(self) -> int:
        return START + round(self.second * SECOND)

    def start(self) -> None:
        read = responses(f"[{{name: echo, matchers: [alertname=Down], command: [/bin/echo], at_most: {self.at_most}}}]")
        self.responder = Runs(read, self.ledger, self._audit, self.now)

    def _audit(self, actor: str, action: str, subject: str, at: int) -> None:
        self.audited.append(f"{actor} {action} {subject}")

    def fire(self, instance: str = "web-1", *, is_told: bool = True, since: float | None = None) -> None:
        labels = labels_of({"alertname": "Down", "instance": instance})
        starts_at = START + round((self.second if since is None else since) * SECOND)
        self.firing[instance] = Firing(Alert(labels, starts_at=starts_at), is_told)

    def look(self, second: float, *, settle: bool = True) -> list[str]:
        """Look at a second; what is run is for these instances."""
        self.second = second
        due = self.responder.advance(self.firing.values(), self.now)
        for each in due if settle else ():
            self.responder.settle(each.run, Outcome("ok", "exit status 0"), self.now)
        return [dict(each.alert.labels)["instance"] for each in due]

    def outcomes(self) -> list[str]:
        return [run.outcome for run in self.responder.remembered()]


def test_an_alert_is_answered_once_while_it_fires_and_once_again_when_it_fires_anew() -> None:
    world = World()
    world.second = 10
    world.fire()
    assert world.look(10) == ["web-1"]
    assert world.look(15) == []
    world.fire(since=3)  # another post of the same firing may say that it began earlier
    assert world.look(HOUR) == []

    world.firing.clear()
    assert world.look(2 * HOUR) == []
    world.fire()
    assert world.look(2 * HOUR) == ["web-1"]


def test_what_fired_before_a_response_was_configured_is_not_answered() -> None:
    world = World()
    world.fire("old", since=-1)
    world.fire("new")
    assert world.look(0) == ["new"]
    world.start()
    world.fire("while-away", since=-0.5)
    assert world.look(5) == []


def test_an_alert_that_begins_while_nobody_looks_is_answered_after_the_start() -> None:
    world = World()
    world.second = HOUR
    world.fire(since=MINUTE)
    world.start()
    assert world.look(HOUR) == ["web-1"]


def test_a_silenced_alert_is_answered_when_the_silence_ends() -> None:
    world = World()
    world.fire(is_told=False)
    assert world.look(0) == []
    world.fire(is_told=True, since=0)
    assert world.look(60) == ["web-1"]


def test_a_run_of_which_nobody_knows_how_it_ended_is_in_doubt_and_not_repeated() -> None:
    world = World()
    world.fire()
    assert world.look(0, settle=False) == ["web-1"]
    world.second = 30
    world.start()

    assert world.look(30) == []
    assert world.outcomes() == ["in doubt"]
    assert world.audited[-1].endswith("in doubt after 30.000 s: Sonde ended while it ran")


def test_within_a_window_there_are_only_so_many_runs_and_the_others_are_never_made_up_for() -> None:
    world = World(at_most="2 per 1h")
    for number, instance in enumerate(["a", "b", "c"]):
        world.second = number
        world.fire(instance)
    assert world.look(10) == ["a", "b"]
    world.start()
    assert world.look(2 * HOUR) == []
    assert sorted(world.outcomes()) == ["limited", "ok", "ok"]
    world.fire("d")
    assert world.look(2 * HOUR) == ["d"]


def test_each_run_is_audited_before_it_begins_and_after_its_end() -> None:
    world = World()
    world.fire()
    world.look(0)
    run = world.responder.remembered()[0]
    assert world.audited == [
        f"response echo response.begin {run.alert}: run {run.id}: /bin/echo",
        f"response echo response.end {run.alert}: run {run.id} ok: exit status 0",
    ]


def test_runs_are_forgotten_after_a_week_but_not_that_of_an_alert_that_still_fires() -> None:
    world = World()
    world.fire("short")
    world.fire("long")
    world.look(0)
    del world.firing["short"]
    assert world.look(8 * DAY) == []
    assert [dict(run.labels)["instance"] for run in world.responder.remembered()] == ["long"]
    world.start()
    assert world.look(9 * DAY) == []


def test_when_the_state_cannot_be_written_nothing_begins_that_is_not_noted() -> None:
    world = World()
    world.fire("a")
    world.fire("b")
    change, puts = world.ledger.change, []

    def full(changes: Any) -> None:
        if puts:
            raise sa.exc.OperationalError("INSERT", {}, OSError("disk full"))
        puts.append(changes)
        change(changes)

    world.ledger.change = full  # type: ignore[method-assign]
    assert world.look(0, settle=False) == ["a"]
    world.ledger.change = change  # type: ignore[method-assign]
    assert world.look(5) == ["b"]


STEPS = st.lists(
    st.tuples(st.sampled_from(["fire", "end", "kill", "look", "lose"]), st.sampled_from("ab")), max_size=30
)


@given(STEPS)
def test_no_firing_is_ever_answered_twice(steps: list[tuple[str, str]]) -> None:
    world = World()
    began: list[tuple[str, int]] = []
    for second, (verb, instance) in enumerate(steps):
        world.second = second
        match verb:
            case "fire":
                if instance not in world.firing:
                    world.fire(instance)
            case "end":
                world.firing.pop(instance, None)
            case "kill":
                world.start()
            case _:
                answered_now = world.look(second, settle=verb == "look")
                began.extend((name, world.firing[name].alert.starts_at) for name in answered_now)
    began.extend((name, world.firing[name].alert.starts_at) for name in world.look(len(steps)))
    assert len(began) == len(set(began))
    assert {(name, each.alert.starts_at) for name, each in world.firing.items()} <= set(began)


WRONG = [
    ("{name: a, command: [/bin/echo]}", "matchers are missing: a response answers to certain alerts"),
    ("{name: a, matchers: [x=1]}", "a response is either a command or a webhook"),
    ("{name: a, matchers: [x=1], command: [/bin/rm]}", "/bin/rm does not stand in allowed_commands"),
    ("{name: a, matchers: [x=1], command: ['{{ .Labels.x }}']}", "{{ .Labels.x }} does not stand in allowed_commands"),
    ("{name: a, matchers: [x=1], command: /bin/echo hello}", "cannot unmarshal !!str `/bin/echo ` into []string"),
    ("{name: a, matchers: [x=1], command: []}", "the command is empty"),
    ("{name: a, matchers: [x=1], command: [/bin/echo, '{{ .Nope']}", "unclosed action"),
    ("{name: a, matchers: [x=1], command: [/bin/echo, '-{{ .Labels.x }}']}", "would let a label choose an option"),
    ("{name: a, matchers: [x=1], webhook: {url: http://a/}}", "field url not found in type webhook"),
    ("{name: a, matchers: [x=1], webhook: {}}", "url_file is missing"),
    ("{name: a, matchers: [x=1], command: [/bin/echo], at_most: often}", 'at_most: "often" is not like "3 per 1h"'),
    ("{name: a, matchers: [x=1], command: [/bin/echo], timeout: 2h}", "timeout must be from 1s to 1h"),
    ("{name: a/b, matchers: [x=1], command: [/bin/echo]}", '"a/b" is no name'),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_a_response_that_cannot_be_used_is_refused(text: str, message: str) -> None:
    decoder = Decoder()
    read_responses(yaml.compose(f"[{text}]"), decoder, allowed_commands=["/bin/echo"], directory=Path())
    assert any(message in problem.message and problem.line == 1 for problem in decoder.problems), decoder.problems


def test_an_allowed_command_is_an_absolute_path_of_a_program_that_only_its_owner_can_change(tmp_path: Path) -> None:
    loose, plain = tmp_path / "loose", tmp_path / "plain"
    for file, mode in ((loose, 0o777), (plain, 0o644)):
        file.write_text("#!/bin/sh\n")
        file.chmod(mode)
    decoder = Decoder()
    paths = ["echo", "/bin/../bin/echo", "/nowhere", str(tmp_path), str(plain), str(loose), "/bin/echo"]
    read_allowed_commands(yaml.compose(json.dumps(paths)), decoder)
    assert [problem.message.replace(str(tmp_path), "T") for problem in decoder.problems] == [
        "echo is not an absolute path",
        "/bin/../bin/echo is not an absolute path",
        "/nowhere is not there",
        "T is not a program that we may start",
        "T/plain is not a program that we may start",
        "T/loose can be changed by anybody; take that right away (chmod o-w)",
    ]


def rendered(template: str, **labels: str) -> str:
    alert = Alert(labels_of(labels), starts_at=START)
    view = data_of([alert], receiver="", group_labels=(), external_url="", now=START).alerts[0]
    return ArgumentTemplate(template).rendered(view, now=START)


ARGUMENTS = [
    ("{{ .Labels.x }}", "web-1; rm -rf / $(id) `id`", "web-1; rm -rf / $(id) `id`"),
    ("--host={{ .Labels.x }}", "-rf", "--host=-rf"),
    ("--all", "", "--all"),
    ("{{ .Labels.x }}", "-rf", Refused),
    ("{{ .Labels.x }}", "", Refused),
    ("{{ .Labels.x }}", "a\0b", Refused),
    ("{{ .Labels.x }}", "x" * 5000, Refused),
    ("{{ .Labels.missing }}", "x", Refused),
    ("{{ if true }}-{{ end }}{{ .Labels.x }}", "x", Refused),
]


@pytest.mark.parametrize(("template", "label", "expected"), ARGUMENTS)
def test_a_label_becomes_an_argument_but_never_an_option(template: str, label: str, expected: Any) -> None:
    if expected is Refused:
        with pytest.raises(Refused):
            rendered(template, x=label)
    else:
        assert rendered(template, x=label) == expected


@given(st.text())
def test_whatever_a_label_says_an_argument_is_refused_or_is_the_label(label: str) -> None:
    try:
        assert rendered("{{ .Labels.x }}", x=label) == label
    except UserError:
        assert not label or label.startswith("-") or "\0" in label or len(label.encode("utf-8", "replace")) > 4096
    assert not rendered("name={{ .Labels.x }}", x=label.replace("\0", "")).startswith("-")


def program(script: str, *, timeout: float = 10, stop: threading.Event | None = None, given: bytes = b"") -> Any:
    environment = {"SONDE_RESPONSE_RUN": "1"}
    return run_program(
        ["/bin/sh", "-c", script],
        given=given,
        environment=environment,
        timeout_seconds=timeout,
        stop=stop or threading.Event(),
    )


def test_a_program_gets_a_minimal_environment_the_root_as_directory_and_a_session_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SONDE_API_KEY", "secret")
    finished = program("env; pwd; ps -o sid= -p $$; echo $$; cat", given=b"given")
    lines = finished.output.split("\n")
    assert {line.partition("=")[0] for line in lines if "=" in line} == {
        "PATH",
        "LANG",
        "SONDE_RESPONSE_RUN",
        "PWD",
    } - ({"PWD"} if not any(line.startswith("PWD=") for line in lines) else set())
    assert lines[-4] == "/"
    assert lines[-3].strip() == lines[-2].strip()
    assert lines[-1] == "given"


def test_a_program_inherits_no_open_file() -> None:
    with Path("/dev/null").open() as kept:
        os.set_inheritable(kept.fileno(), True)
        finished = program("ls /proc/self/fd")
    assert finished.output.split() == ["0", "1", "2", "3"]  # 3 is the directory that ls reads


def test_only_the_end_of_a_long_output_is_kept() -> None:
    finished = program("head -c 300000 /dev/zero | tr '\\0' a; echo end")
    assert len(finished.output) == LARGEST_OUTPUT_BYTES
    assert finished.output.endswith("aend\n")


def test_at_its_timeout_a_program_is_killed_with_all_its_children(tmp_path: Path) -> None:
    mark = tmp_path / "alive"
    began = time.monotonic()
    finished = program(f"(trap '' TERM; sleep 0.7; touch {mark}) & trap '' TERM; sleep 30", timeout=0.2)
    assert (finished.is_late, finished.status) == (True, -9)
    assert time.monotonic() - began < 5
    with contextlib.suppress(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    threading.Event().wait(0.8)
    assert not mark.exists()


def test_a_child_that_a_program_leaves_behind_lives_and_is_not_waited_for(tmp_path: Path) -> None:
    mark = tmp_path / "alive"
    began = time.monotonic()
    finished = program(f"(sleep 0.3; touch {mark}) & echo started")
    assert (finished.status, finished.output) == (0, "started\n")
    assert time.monotonic() - began < 0.25
    deadline = time.monotonic() + 5
    while not mark.exists() and time.monotonic() < deadline:
        threading.Event().wait(0.02)
    assert mark.exists()


def test_a_program_is_killed_when_sonde_ends() -> None:
    stop = threading.Event()
    threading.Timer(0.1, stop.set).start()
    finished = program("sleep 30", stop=stop)
    assert (finished.was_stopped, finished.is_late, finished.status) == (True, False, -9)


def test_a_program_that_cannot_be_started_says_why(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("no program")
    broken.chmod(0o755)
    finished = run_program([str(broken)], given=b"", environment={}, timeout_seconds=1, stop=threading.Event())
    assert finished.error == f"{broken} could not be started: Exec format error"


def test_no_handler_of_fork_runs_when_a_program_is_started() -> None:
    """What fork would call in a process with an engine: Python's handlers, and those that C libraries have given."""
    script = textwrap.dedent("""
        import ctypes, os, threading
        called = []
        os.register_at_fork(before=lambda: called.append("python"))
        handler = ctypes.CFUNCTYPE(None)(lambda: called.append("library"))
        getattr(ctypes.CDLL(None), "__register_atfork")(handler, None, None, None)
        from sonde.notify.automation.command import run_program
        finished = run_program(["/bin/echo", "hello"], given=b"", environment={}, timeout_seconds=9,
                               stop=threading.Event())
        print(finished.output.strip(), called)
    """)
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30)
    assert said.stdout == "hello []\n"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    opened = open_database(tmp_path)
    yield opened
    opened.dispose()


async def answered(engine: sa.Engine, text: str, directory: Path, *, seconds: float = 10) -> list[Any]:
    """One alert that fires, through a real pipeline; the runs that it led to."""
    alerting = Alerting(Pipeline(parse_configuration(one_receiver()), MemoryState(), time.time_ns()), {}, time.time_ns)
    ledger = DatabaseLedger(engine, Kind.RUN)
    responder = Runs(responses(text, directory), ledger, audit_to(engine, "default"), time.time_ns())
    clients = HttpClients(time.time_ns, environment={})
    automating = Automating(responder, alerting, clients, time.time_ns, external_url="http://sonde.example")
    await alerting.post([PostedAlert(DOWN, {"summary": "it is down"})])
    task = asyncio.create_task(automating.run())
    try:
        async with asyncio.timeout(seconds):
            while not (runs := responder.remembered()) or any(run.outcome == "begun" for run in runs):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await clients.aclose()
    return responder.remembered()


def test_a_command_is_run_and_audited(engine: sa.Engine, tmp_path: Path) -> None:
    text = "[{name: say, matchers: [alertname=Down], command: [/bin/echo, restart, '{{ .Labels.instance }}']}]"
    (run,) = asyncio.run(answered(engine, text, tmp_path))
    assert (run.outcome, run.detail, run.output) == ("ok", "/bin/echo restart web-1: exit status 0", "restart web-1\n")
    end, begin = newest_entries(engine)
    assert (begin.actor, begin.action, end.action) == ("response say", "response.begin", "response.end")
    assert begin.subject == f"{run.alert}: run {run.id}: /bin/echo restart {{{{ .Labels.instance }}}}"
    assert end.subject.startswith(f"{run.alert}: run {run.id} ok after 0.")
    assert end.subject.endswith("s: /bin/echo restart web-1: exit status 0")


def test_a_command_finds_the_alert_at_its_input(engine: sa.Engine, tmp_path: Path) -> None:
    (run,) = asyncio.run(answered(engine, "[{name: read, matchers: [alertname=Down], command: [/bin/cat]}]", tmp_path))
    given = json.loads(run.output)
    assert (given["response"], given["run"], given["alert"]["labels"]) == ("read", run.id, DOWN)


FAILURES = [
    ("command: [/bin/sh, -c, 'exit 3']", "failed", "/bin/sh -c 'exit 3': exit status 3"),
    ("command: [/bin/sh, -c, 'kill -15 $$']", "failed", "/bin/sh -c 'kill -15 $$': ended by signal 15"),
    ("command: [/bin/sleep, '30'], timeout: 1s", "timed out", "/bin/sleep 30: killed after 1 s"),
    ("command: [/bin/echo, '{{ .Labels.nope }}']", "refused", "{{ .Labels.nope }} is empty for this alert"),
    ("webhook: {url_file: missing}", "failed", "read url_file: T/missing: No such file or directory"),
    ("webhook: {url_file: ftp}", "failed", 'T/ftp has no URL: unsupported scheme "ftp" for URL'),
]


@pytest.mark.parametrize(("what", "outcome", "detail"), FAILURES)
def test_how_a_response_fails_is_said(engine: sa.Engine, tmp_path: Path, what: str, outcome: str, detail: str) -> None:
    (tmp_path / "ftp").write_text("ftp://example.org/secret\n")
    (run,) = asyncio.run(answered(engine, f"[{{name: a, matchers: [alertname=Down], {what}}}]", tmp_path))
    assert (run.outcome, run.detail.replace(str(tmp_path), "T")) == (outcome, detail)


def test_a_webhook_gets_the_alert_once_and_its_url_is_not_told(engine: sa.Engine, tmp_path: Path) -> None:
    async def story() -> tuple[Any, Any]:
        async with web(reply(body="done")) as server:
            (tmp_path / "url").write_text(f"{server.base}/hook/0123456789abcdef\n")
            runs = await answered(
                engine, "[{name: call, matchers: [alertname=Down], webhook: {url_file: url}}]", tmp_path
            )
            return runs, server.sent

    (run,), (sent,) = asyncio.run(story())
    body = sent.json
    assert (sent.method, sent.target, sent.headers["idempotency-key"]) == ("POST", "/hook/0123456789abcdef", run.id)
    assert body["alert"]["labels"] == DOWN
    assert body["alert"]["annotations"] == {"summary": "it is down"}
    assert (body["alert"]["status"], body["response"], body["externalURL"]) == (
        "firing",
        "call",
        "http://sonde.example",
    )
    assert run.outcome == "ok"
    assert not any("0123456789abcdef" in entry.subject for entry in newest_entries(engine))


def test_a_webhook_follows_no_redirect(engine: sa.Engine, tmp_path: Path) -> None:
    async def story() -> tuple[Any, Any, Any]:
        async with web() as inner, web(reply(307, location=f"{inner.base}/metadata")) as server:
            (tmp_path / "url").write_text(server.base)
            runs = await answered(
                engine, "[{name: call, matchers: [alertname=Down], webhook: {url_file: url}}]", tmp_path
            )
            return runs, server.sent, inner.sent

    (run,), sent, elsewhere = asyncio.run(story())
    assert (len(sent), elsewhere, run.outcome) == (1, [], "failed")
    assert run.detail.endswith("answered 307; redirects are not followed")


def test_when_sonde_ends_what_runs_is_killed_and_noted(engine: sa.Engine, tmp_path: Path) -> None:
    text = "[{name: long, matchers: [alertname=Down], command: [/bin/sleep, '30']}]"
    with pytest.raises(TimeoutError):
        asyncio.run(answered(engine, text, tmp_path, seconds=0.5))
    responder = Runs(responses(text), DatabaseLedger(engine, Kind.RUN), audit_to(engine, "default"), 0)
    assert [(run.outcome, run.detail) for run in responder.remembered()] == [
        ("stopped", "/bin/sleep 30: killed because Sonde ends")
    ]
