"""Responses, watchdogs and the digest's time over HTTP: what they tell, what they hide, and from whom."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from tests.notify.simulation import HOUR, MINUTE, SECOND, START

from sonde.notify.alert import Alert
from sonde.notify.automation.runs import Firing, Outcome, Runs
from sonde.notify.configuration import parse_configuration
from sonde.notify.digest.post import batch_of, integrations_of
from sonde.notify.digest.text import Digest
from sonde.notify.ledger import MemoryLedger
from sonde.notify.notifier import Result
from sonde.notify.response.plan import parse_plan
from sonde.notify.run import notification
from sonde.notify.watchdog.arrivals import Arrivals
from sonde.notify.watchdog.pings import Pings, Signs
from sonde.state.api_keys import create_key
from sonde.state.database import open_database
from sonde.state.notifications import History
from sonde.telemetry.labels import labels_of
from sonde.telemetry.tenancy import Role
from sonde.web.api import automation, digest_schedule, responses, watchdogs
from sonde.web.api.automation import Automation, Configured
from sonde.web.asking import RunningQueries
from sonde.web.auth import Authenticator
from sonde.web.errors import install_error_handlers
from sonde.web.keyring import Keyring

PATHS = ("/responses", "/watchdogs", "/digest/schedule")
PLAN = """
responses:
  - {name: restart, matchers: [alertname=Down, 'severity=~"critical|page"'], command: [/bin/echo, "{{ .Labels.n }}"],
     timeout: 5s, at_most: 3 per 1h}
  - {name: ticket, matchers: [team=a], webhook: {url_file: hook}}
  - {name: lost, matchers: [team=b], webhook: {url_file: nowhere}}
allowed_commands: [/bin/echo]
watchdogs:
  - {name: outside, ping: {url_file: hook}, every: 1m}
  - {name: backup, expect: {matchers: ['job="backup"'], within: 26h}, receivers: [team]}
  - {name: mail, expect: {within: 10m}}
digest: {at: "Monday 08:00", time_zone: Europe/Berlin, receivers: [team]}
"""
SECRETS = ("s3cr3t", "T0K3N", "/services")


class World:
    """What is done by itself for the tenant ``default``, with hands to make it happen."""

    def __init__(self, directory: Path, state: sa.Engine) -> None:
        (directory / "hook").write_text("https://me:s3cr3t@hooks.example.org:8443/services/T0K3N?sig=T0K3N\n")
        self.second = 0.0
        self.state = state
        self.obstacle = ""
        self.plan = parse_plan(PLAN, directory=directory)
        self.runs = Runs(self.plan.responses, MemoryLedger(), lambda *_: None, self.now)
        self.pings = Pings(self.plan.watchdogs.pings, Signs({"rules": lambda _now: self.obstacle}), self.now)
        self.arrivals = Arrivals(self.plan.watchdogs.expectations, MemoryLedger(), self.now)
        self.whose = {
            "default": Automation(
                self.plan, self.runs.remembered, lambda: (self.pings.statuses(), self.arrivals.arrivals())
            )
        }

    @property
    def now(self) -> int:
        return START + round(self.second * SECOND)

    def fire(self, name: str, outcome: Outcome | None) -> None:
        """An alert fires and is answered; without an outcome, that goes on."""
        labels = labels_of({"alertname": "Down", "severity": "critical", "n": name})
        for due in self.runs.advance([Firing(Alert(labels, starts_at=self.now))], self.now):
            if outcome is not None:
                self.second += 1
                self.runs.settle(due.run, outcome, self.now)

    def ping(self, error: str | None) -> None:
        """A ping is due; None is no answer yet."""
        for due in self.pings.advance(self.now):
            if error is not None:
                self.pings.settle(due, error, self.now)

    def send_digest(self, occasion: int, integration: int, error: str = "", attempt: int = 1) -> None:
        configuration = parse_configuration(
            "{route: {receiver: team}, receivers: [{name: team, webhook_configs: [{url: 'http://a'}, {url: 'http://b'}]}]}"
        )
        to = integrations_of(configuration, ["team"])[integration]
        batch = batch_of(Digest("Week in review", ()), to, at=occasion, attempt=attempt)
        told = notification(batch, Result(error, retry=bool(error)), began=occasion + attempt * SECOND, ended=self.now)
        History(self.state).note([told], tenant="default")


@pytest.fixture
def state(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = open_database(tmp_path)
    yield engine
    engine.dispose()


@pytest.fixture
def world(tmp_path: Path, state: sa.Engine) -> World:
    return World(tmp_path, state)


@pytest.fixture
def app(world: World) -> FastAPI:
    app = FastAPI()
    keyring = Keyring(world.state, now=lambda: world.now / 1e9)
    app.state.queries = RunningQueries()
    app.state.automation = Configured(world.whose.get)
    app.state.surroundings = SimpleNamespace(
        state=world.state,
        keyring=keyring,
        authenticator=Authenticator(keyring, on_loopback=True, now=lambda: world.now / 1e9),
        now_nano=lambda: world.now,
    )
    for noun in (responses, watchdogs, digest_schedule):
        app.include_router(noun.routes, prefix="/api/v1")
    install_error_handlers(app)
    return app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/api/v1") as client:
        yield client


async def told(client: httpx.AsyncClient, path: str, **parameters: Any) -> Any:
    answer = await client.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    assert not [secret for secret in SECRETS if secret in answer.text]
    return answer.json()


async def test_a_response_is_told_as_the_file_has_it(client: httpx.AsyncClient, world: World) -> None:
    restart, ticket, lost = (await told(client, "/responses"))["responses"]
    assert restart == {
        "name": "restart",
        "matchers": ['alertname="Down"', 'severity=~"critical|page"'],
        "command": ["/bin/echo", "{{ .Labels.n }}"],
        "webhook": None,
        "timeout_seconds": 5.0,
        "at_most": {"runs": 3, "window_seconds": 3600.0},
        "run_count": 0,
        "runs": [],
    }
    assert (ticket["command"], ticket["webhook"]) == (None, {"host": "hooks.example.org:8443", "problem": ""})
    assert lost["webhook"]["host"] is None
    assert lost["webhook"]["problem"].endswith("/nowhere: No such file or directory")


async def test_its_runs_are_told_newest_first_with_what_became_of_them(client: httpx.AsyncClient, world: World) -> None:
    world.fire("one", Outcome("failed", "/bin/echo one: exit status 3", "no such pod"))
    world.fire("two", None)
    restart = (await told(client, "/responses"))["responses"][0]
    running, failed = restart["runs"]
    assert failed | {"id": "", "fingerprint": ""} == {
        "id": "",
        "fingerprint": "",
        "labels": {"alertname": "Down", "severity": "critical", "n": "one"},
        "fires_since": "2026-01-01T10:00:00.000Z",
        "begun_at": "2026-01-01T10:00:00.000Z",
        "ended_at": "2026-01-01T10:00:01.000Z",
        "outcome": "failed",
        "detail": "/bin/echo one: exit status 3",
        "output": "no such pod",
        "output_is_cut": False,
    }
    assert (running["outcome"], running["ended_at"], running["labels"]["n"]) == ("begun", None, "two")
    assert len(failed["fingerprint"]) == 16


async def test_of_many_runs_the_newest_are_told_and_of_a_long_output_the_end(
    client: httpx.AsyncClient, world: World
) -> None:
    for number in range(5):
        world.second += 1
        world.fire(str(number), Outcome("ok", "", "x" * 5000 + "the end"))
    restart = (await told(client, "/responses", limit=2))["responses"][0]
    assert (restart["run_count"], [run["labels"]["n"] for run in restart["runs"]]) == (5, ["4", "3"])
    assert [run["outcome"] for run in restart["runs"]] == ["limited", "limited"]
    first = (await told(client, "/responses"))["responses"][0]["runs"][-1]
    assert (len(first["output"]), first["output"][-7:], first["output_is_cut"]) == (2000, "the end", True)


@pytest.mark.parametrize("limit", [0, 101, "all"])
async def test_a_limit_that_is_none_is_refused(client: httpx.AsyncClient, limit: Any) -> None:
    assert (await client.get("/responses", params={"limit": limit})).status_code in {400, 422}


@pytest.mark.parametrize(
    ("obstacle", "answers", "seen", "error"),
    [
        ("", [], "waiting", ""),
        ("", [None], "waiting", ""),
        ("", [""], "fine", ""),
        ("", ["https://hooks.example.org:8443 answered 500"], "failing", "https://hooks.example.org:8443 answered 500"),
        ("no evaluation for 5m", [""], "held", "rules: no evaluation for 5m"),
    ],
)
async def test_how_a_ping_goes(
    client: httpx.AsyncClient, world: World, obstacle: str, answers: list[str | None], seen: str, error: str
) -> None:
    world.obstacle = obstacle
    for answer in answers:
        world.ping(answer)
    (ping,) = (await told(client, "/watchdogs"))["pings"]
    assert (ping["state"], ping["error"], ping["host"]) == (seen, error, "hooks.example.org:8443")
    assert (ping["every_seconds"], ping["method"], ping["problem"]) == (60.0, "GET", "")
    has_called = bool(answers) and not obstacle
    assert ping["last_attempt_at"] == ("2026-01-01T10:00:00.000Z" if has_called else None)
    assert ping["last_arrival_at"] == ("2026-01-01T10:00:00.000Z" if seen == "fine" else None)


async def test_a_ping_that_has_not_arrived_again_is_late(client: httpx.AsyncClient, world: World) -> None:
    world.ping("")
    world.second = 3 * MINUTE
    (ping,) = (await told(client, "/watchdogs"))["pings"]
    assert (ping["state"], ping["last_arrival_at"]) == ("late", "2026-01-01T10:00:00.000Z")


async def test_what_must_come_is_told_as_it_waits_comes_and_is_missing(client: httpx.AsyncClient, world: World) -> None:
    backup, mail = (await told(client, "/watchdogs"))["expectations"]
    assert backup == {
        "name": "backup",
        "matchers": ['job="backup"'],
        "within_seconds": 26.0 * HOUR,
        "receivers": ["team"],
        "alert_labels": {"alertname": "MissingBackup", "severity": "critical", "watchdog": "backup"},
        "state": "waiting",
        "last_came_at": None,
        "missing_since": None,
        "due_at": "2026-01-02T12:00:00.000Z",
    }
    world.second = 5 * MINUTE
    world.arrivals.heartbeat("mail", world.now)
    mail = (await told(client, "/watchdogs"))["expectations"][1]
    assert (mail["state"], mail["last_came_at"], mail["due_at"]) == (
        "fine", "2026-01-01T10:05:00.000Z", "2026-01-01T10:15:00.000Z",
    )  # fmt: skip
    world.second = 16 * MINUTE
    world.arrivals.advance([], world.now)
    mail = (await told(client, "/watchdogs"))["expectations"][1]
    assert (mail["state"], mail["missing_since"], mail["due_at"]) == ("missing", "2026-01-01T10:15:00.000Z", None)


MONDAY = START - 10 * 86_400 * SECOND - 3 * HOUR * SECOND  # 22 December 2025, 08:00 in Berlin


async def test_the_digest_tells_its_next_time_and_whom_it_goes_to(client: httpx.AsyncClient) -> None:
    assert await told(client, "/digest/schedule") == {
        "digest": {
            "at": "Monday 08:00",
            "time_zone": "Europe/Berlin",
            "next_at": "2026-01-05T07:00:00.000Z",
            "receivers": ["team"],
            "last": None,
        }
    }


async def test_the_digest_tells_how_each_way_went_the_last_time(client: httpx.AsyncClient, world: World) -> None:
    world.send_digest(MONDAY - 7 * 86_400 * SECOND, 0)
    world.send_digest(MONDAY, 0, "500", attempt=1)
    world.send_digest(MONDAY, 0, attempt=2)
    world.send_digest(MONDAY, 1, "404")
    assert (await told(client, "/digest/schedule"))["digest"]["last"] == {
        "occasion_at": "2025-12-22T07:00:00.000Z",
        "sent": [
            {
                "receiver": "team", "integration": "team/webhook/0", "at": "2025-12-22T07:00:02.000Z",
                "error": "", "is_retried": False,
            },
            {
                "receiver": "team", "integration": "team/webhook/1", "at": "2025-12-22T07:00:01.000Z",
                "error": "404", "is_retried": True,
            },
        ],
    }  # fmt: skip


async def test_an_alert_of_that_name_is_no_digest(client: httpx.AsyncClient, world: World) -> None:
    labels = (labels_of({"alertname": "WeeklyDigest"}),)
    given = {"receiver": "team", "integration": "team/webhook/0", "group_labels": labels[0], "status": "firing"}
    about = {"alerts": labels, "firing": 1, "attempt": 1, "duration": 1, "error": "", "is_retried": False}
    entry = SimpleNamespace(at=START - 3 * 86_400 * SECOND, group_key="{}:{}", **given, **about)
    History(world.state).note([cast("Any", entry)], tenant="default")
    assert (await told(client, "/digest/schedule"))["digest"]["last"] is None


EMPTY = {
    "/responses": {"responses": []},
    "/watchdogs": {"pings": [], "expectations": []},
    "/digest/schedule": {"digest": None},
}


@pytest.mark.parametrize("path", PATHS)
async def test_other_tenants_see_nothing_and_without_a_key_nobody_sees_any(
    client: httpx.AsyncClient, app: FastAPI, world: World, path: str
) -> None:
    world.fire("one", Outcome("ok", "done"))
    world.ping("")
    secrets = {
        (tenant, role): create_key(world.state, name="k", tenant=tenant, role=role, now=world.now / 1e9)[0]
        for tenant, role in (("default", Role.READ), ("other", Role.ADMIN), ("default", Role.INGEST))
    }
    cast("Keyring", app.state.surroundings.keyring).reload()

    async def seen_by(tenant: str, role: Role, **headers: str) -> httpx.Response:
        return await client.get(path, headers={"authorization": f"Bearer {secrets[tenant, role]}", **headers})

    assert json.dumps((await seen_by("default", Role.READ)).json()) != json.dumps(EMPTY[path])
    assert (await seen_by("other", Role.ADMIN)).json() == EMPTY[path]
    as_default = await seen_by("other", Role.ADMIN, **{"X-Scope-OrgID": "default"})
    assert as_default.status_code in {401, 403} or as_default.json() == EMPTY[path]
    assert (await seen_by("default", Role.INGEST)).status_code == 403
    assert (await client.get(path)).status_code == 401


@pytest.mark.parametrize("path", PATHS)
async def test_where_nothing_is_wired_that_is_said(client: httpx.AsyncClient, app: FastAPI, path: str) -> None:
    del app.state.automation
    answer = await client.get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "automation_not_configured")


async def test_who_has_no_response_file_sees_what_an_empty_one_gives(client: httpx.AsyncClient, world: World) -> None:
    world.whose.clear()
    assert {path: await told(client, path) for path in PATHS} == EMPTY
    world.whose["default"] = automation.Automation(parse_plan(""))
    assert {path: await told(client, path) for path in PATHS} == EMPTY
