"""Acknowledging with a key and with a link, and who is on call, through HTTP: what is said, and who may."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from tests.notify.simulation import MINUTE, SECOND, Simulation, fingerprint

from sonde.notify.alert import fingerprint_text
from sonde.notify.notifier import Batch
from sonde.notify.response.acknowledge_link import (
    LASTS,
    SECRET_NAME,
    BadLink,
    Claim,
    acknowledge_url,
    claim_for,
    new_token,
    read_token,
)
from sonde.notify.run import Alerting
from sonde.state.alerting import known_tenants, signing_secret
from sonde.state.api_keys import create_key
from sonde.state.audit_log import newest_entries
from sonde.state.database import open_database
from sonde.telemetry.tenancy import Role
from sonde.web.alertmanager.configured import Configured
from sonde.web.api import acknowledge, acknowledge_page, on_call
from sonde.web.app import NO_TELEMETRY
from sonde.web.auth import Authenticator
from sonde.web.errors import install_error_handlers
from sonde.web.keyring import Keyring
from sonde.web.security import Security
from sonde.web.surroundings import Surroundings

CONFIGURATION = """
route: {receiver: team, group_by: [alertname], group_wait: 10s, group_interval: 1m, repeat_interval: 10m}
receivers: [{name: team, webhook_configs: [{url: 'http://a/'}]}]
"""
PLAN = """
people: [{name: alice, receivers: [team]}, {name: bob, receivers: [team]}]
rotations:
  - {name: primary, people: [alice, bob], every: 1w, handoff: Monday 09:00, time_zone: Europe/Berlin, start: 2025-12-29}
escalations:
  - name: critical
    matchers: [severity=critical]
    steps: [{after: 10m, notify: [rotation primary, person bob, receiver team]}]
    repeat: 2
"""


class World:
    """A pipeline in a simulated clock behind the real endpoints."""

    def __init__(self, directory: Path) -> None:
        self.engine = open_database(directory)
        self.batches: list[Batch] = []
        self.story = Simulation(CONFIGURATION, plan=PLAN)
        story_note = self.story.note
        self.story.note = lambda delivery: (self.batches.append(delivery.batch), story_note(delivery))[1]  # type: ignore[method-assign]
        self.keyring = Keyring(self.engine, now=lambda: self.story.now / 1e9)
        self.alertings = {"default": Alerting(self.story.pipeline, {}, lambda: self.story.now)}
        self.app = FastAPI(telemetry=NO_TELEMETRY)
        self.app.state.surroundings = Surroundings(
            store=None,  # type: ignore[arg-type]  # nothing here asks the store
            state=self.engine,
            keyring=self.keyring,
            authenticator=Authenticator(self.keyring, on_loopback=True, now=lambda: self.story.now / 1e9),
            consumer=None,  # type: ignore[arg-type]
            health=None,  # type: ignore[arg-type]
            version="1",
            now_nano=lambda: self.story.now,
        )
        self.app.state.alertmanager = Configured(self, lambda: self.story.now, 0, "1")
        self.app.include_router(acknowledge.routes, prefix="/api/v1")
        self.app.include_router(on_call.routes, prefix="/api/v1")
        self.app.include_router(acknowledge_page.pages)
        install_error_handlers(self.app)
        self.app.add_middleware(Security, is_open=lambda: self.app.state.surroundings.authenticator.is_open)
        transport = httpx.ASGITransport(app=self.app, client=("127.0.0.1", 50000))
        self.http = httpx.AsyncClient(transport=transport, base_url="http://localhost:3000")

    def of(self, tenant: str) -> Alerting:
        return self.alertings[tenant]

    def key(self, role: Role) -> dict[str, str]:
        secret, _ = create_key(self.engine, name="jane", tenant="default", role=role, now=self.story.now / 1e9)
        self.keyring.reload()
        return {"authorization": f"Bearer {secret}"}

    @property
    def secret(self) -> bytes:
        return signing_secret(self.engine, SECRET_NAME)

    def link(self) -> str:
        """The link in the last message."""
        return acknowledge_url("http://localhost:3000/", self.batches[-1], "default", self.secret)

    def is_acknowledged(self) -> bool:
        return bool(self.story.pipeline.acknowledged(self.story.now))

    def audit(self) -> list[tuple[str, str, str]]:
        return [(entry.actor, entry.action, entry.subject) for entry in newest_entries(self.engine)]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    opened = World(tmp_path)
    opened.story.fire(severity="critical", summary="<b>down</b>")
    opened.story.run_until(MINUTE)
    async with opened.http:
        yield opened
    opened.engine.dispose()


NUMBER = fingerprint(severity="critical", summary="<b>down</b>")
DOWN = f"/api/v1/alerts/{fingerprint_text(NUMBER)}/acknowledge"


async def test_a_key_acknowledges_and_takes_it_back(world: World) -> None:
    writer = world.key(Role.WRITE)
    answer = await world.http.post(DOWN, json={"comment": "on it", "for": "2h"}, headers=writer)

    assert (answer.status_code, answer.json()) == (
        201,
        {
            "fingerprint": fingerprint_text(NUMBER),
            "starts_at": "2026-01-01T10:00:00.000Z",
            "by": "jane",
            "comment": "on it",
            "at": "2026-01-01T10:01:00.000Z",
            "until": "2026-01-01T12:01:00.000Z",
        },
    )
    listed = (await world.http.get("/api/v1/acknowledgements", headers=writer)).json()["acknowledgements"]
    assert [(each["by"], each["labels"]["alertname"]) for each in listed] == [("jane", "Down")]

    assert (await world.http.delete(DOWN, headers=writer)).status_code == 204
    assert not world.is_acknowledged()
    assert (await world.http.delete(DOWN, headers=writer)).status_code == 404
    subject = fingerprint_text(NUMBER)
    assert sorted(world.audit()) == [
        ("jane", "alert.acknowledge", subject),
        ("jane", "alert.unacknowledge", subject),
    ]


async def test_readers_see_and_do_not_touch(world: World) -> None:
    reader = world.key(Role.READ)

    assert (await world.http.get("/api/v1/acknowledgements", headers=reader)).status_code == 200
    assert (await world.http.get("/api/v1/on-call", headers=reader)).status_code == 200
    for method, path in (("POST", DOWN), ("DELETE", DOWN), ("DELETE", "/api/v1/on-call/overrides/1")):
        body: dict[str, Any] = {"json": {"comment": ""}} if method == "POST" else {}
        assert (await world.http.request(method, path, headers=reader, **body)).status_code == 403
    for path in ("/api/v1/acknowledgements", "/api/v1/on-call"):
        assert (await world.http.get(path)).status_code == 401
    assert not world.is_acknowledged()


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/api/v1/alerts/nonsense/acknowledge", {}, 400, "alert.fingerprint"),
        (f"/api/v1/alerts/{'0' * 16}/acknowledge", {}, 404, "alert.not_found"),
        (DOWN, {"for": "soon"}, 400, "bad_duration"),
        (DOWN, {"for": "2y"}, 400, "bad_duration"),
        (DOWN, {"comment": "x" * 1001}, 400, "bad_parameter"),
        (DOWN, {"colour": "red"}, 400, "bad_parameter"),
    ],
)
async def test_what_cannot_be_acknowledged_is_refused(
    world: World, path: str, body: dict[str, str], status: int, code: str
) -> None:
    answer = await world.http.post(path, json=body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_a_link_shows_the_alerts_and_only_its_button_acknowledges(world: World) -> None:
    world.key(Role.ADMIN)  # Sonde is closed: the link alone opens the page
    page = await world.http.get(world.link())

    assert page.status_code == 200
    assert "Acknowledge this alert?" in page.text
    assert "&lt;b&gt;down&lt;/b&gt;" in page.text
    assert "<script" not in page.text
    assert (page.headers["cache-control"], page.headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert not world.is_acknowledged()

    done = await world.http.post(world.link(), data={"name": "Zoë <i>", "comment": "restarting"})
    assert (done.status_code, "<h1>Acknowledged</h1>" in done.text) == (200, True)
    assert "acknowledged by Zoë &lt;i&gt;: restarting" in done.text
    ((_, kept),) = world.story.pipeline.acknowledged(world.story.now)
    assert (kept.by, kept.comment) == ("Zoë <i>", "restarting")
    assert world.audit() == [("Zoë <i> (by link)", "alert.acknowledge", fingerprint_text(NUMBER))]

    await world.http.post(world.link(), data={"name": "second"})
    assert len(world.audit()) == 1


async def test_name_and_comment_may_be_left_out(world: World) -> None:
    assert (await world.http.post(world.link())).status_code == 200
    assert world.is_acknowledged()


async def test_every_input_of_the_page_has_a_label(world: World) -> None:
    text = (await world.http.get(world.link())).text

    assert set(re.findall(r'<input id="(\w+)"', text)) == set(re.findall(r'<label for="(\w+)"', text))
    assert '<html lang="en">' in text
    assert text.count("<h1>") == 1


async def test_links_that_are_forged_or_too_old_say_so(world: World) -> None:
    link = world.link()
    for forged in (link[:-2], f"{link}x", link.replace("/acknowledge/", "/acknowledge/x"), f"{link[:40]}.x"):
        for method in ("GET", "POST"):
            refused = await world.http.request(method, forged)
            assert (refused.status_code, "This link is not valid" in refused.text) == (403, True)

    world.story.second = LASTS / SECOND + 10
    refused = await world.http.post(link)
    assert (refused.status_code, "This link has expired" in refused.text) == (410, True)
    assert not world.is_acknowledged()


async def test_a_link_is_not_for_a_later_firing(world: World) -> None:
    link = world.link()
    world.story.resolve(severity="critical", summary="<b>down</b>")
    world.story.run_until(5 * MINUTE)
    ended = await world.http.get(link)
    assert "have ended" in ended.text

    world.story.fire(severity="critical", summary="<b>down</b>")
    await world.http.post(link)
    assert not world.is_acknowledged()


async def test_a_body_that_is_too_large_is_refused(world: World) -> None:
    refused = await world.http.post(world.link(), content=b"x" * 20_000)

    assert refused.status_code == 413
    assert not world.is_acknowledged()


async def test_a_link_for_many_alerts_is_for_those_of_its_group_at_the_time(world: World) -> None:
    for number in range(40):
        world.story.fire("Many", n=str(number))
    world.story.run_until(2 * MINUTE)
    link = world.link()
    assert claim_for(world.batches[-1], "default").fingerprints == ()  # type: ignore[union-attr]
    assert len(link) < 400
    world.story.fire("Many", n="late")
    await world.http.post(link)

    names = {dict(alert.labels).get("n") for alert, _ in world.story.pipeline.acknowledged(world.story.now)}
    assert names == {str(number) for number in range(40)}


def test_an_end_has_no_link_and_neither_has_who_cannot_be_reached(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.story.fire()
    world.story.run_until(MINUTE)
    assert acknowledge_url("", world.batches[-1], "default", b"secret") == ""
    world.story.resolve()
    world.story.run_until(2 * MINUTE)
    assert world.link() == ""
    world.engine.dispose()


def test_the_secret_belongs_to_nobodys_tenant_and_outlives_the_process(tmp_path: Path) -> None:
    engine = open_database(tmp_path)
    secret = signing_secret(engine, SECRET_NAME)
    assert known_tenants(engine) == []
    engine.dispose()
    engine = open_database(tmp_path)
    assert signing_secret(engine, SECRET_NAME) == secret
    engine.dispose()


@given(st.text(max_size=300), st.integers(0, 300), st.characters(codec="ascii"))
def test_no_other_text_is_a_token(text: str, place: int, other: str) -> None:
    claim = Claim("default", '{}:{alertname="Down"}', (1, 2), 10, 20)
    token = new_token(claim, b"secret")
    changed = token[:place] + other + token[place + 1 :]
    for forged in (text, changed):
        if forged != token:
            with pytest.raises(BadLink):
                read_token(forged, b"secret", 15)
    with pytest.raises(BadLink):
        read_token(new_token(replace(claim, tenant="other"), b"other"), b"secret", 15)


async def test_on_call_says_who_is_and_who_will_be(world: World) -> None:
    document = (await world.http.get("/api/v1/on-call")).json()

    (rotation,) = document["rotations"]
    assert rotation["now"] == {
        "person": "alice",
        "since": "2025-12-29T08:00:00.000Z",
        "until": "2026-01-05T08:00:00.000Z",
        "is_override": False,
    }
    assert [turn["person"] for turn in rotation["upcoming"]] == ["bob", "alice", "bob", "alice", "bob"]
    assert (rotation["name"], rotation["time_zone"]) == ("primary", "Europe/Berlin")
    assert document["escalations"] == [
        {
            "name": "critical",
            "matchers": ['severity="critical"'],
            "steps": [{"after": "10m", "notify": ["rotation primary", "person bob", "receiver team"]}],
            "repeat": 2,
        }
    ]
    assert document["people"][0] == {"name": "alice", "receivers": ["team"]}


async def test_somebody_stands_in_and_does_not_any_more(world: World) -> None:
    writer = world.key(Role.WRITE)
    wanted = {"rotation": "primary", "person": "bob", "since": "now", "until": "2026-01-01T12:00:00+01:00"}
    made = await world.http.post("/api/v1/on-call/overrides", json=wanted, headers=writer)
    assert (made.status_code, made.json()["until"]) == (201, "2026-01-01T11:00:00.000Z")

    document = (await world.http.get("/api/v1/on-call", headers=writer)).json()
    now = document["rotations"][0]["now"]
    assert (now["person"], now["is_override"], now["until"]) == ("bob", True, "2026-01-01T11:00:00.000Z")
    assert [each["by"] for each in document["overrides"]] == ["jane"]

    path = f"/api/v1/on-call/overrides/{made.json()['id']}"
    assert (await world.http.delete(path, headers=writer)).status_code == 204
    assert (await world.http.delete(path, headers=writer)).status_code == 404
    document = (await world.http.get("/api/v1/on-call", headers=writer)).json()
    assert document["rotations"][0]["now"]["person"] == "alice"
    assert sorted(action for _, action, _ in world.audit()) == ["on_call.override", "on_call.override_end"]


@pytest.mark.parametrize(
    ("change", "status"),
    [({"rotation": "x"}, 404), ({"person": "x"}, 400), ({"until": "now-1h"}, 400), ({"since": "soon"}, 400)],
)
async def test_an_override_that_makes_no_sense_is_refused(world: World, change: dict[str, str], status: int) -> None:
    wanted = {"rotation": "primary", "person": "bob", "since": "now", "until": "2026-01-01T12:00:00Z"}

    assert (await world.http.post("/api/v1/on-call/overrides", json={**wanted, **change})).status_code == status


async def test_where_nobody_is_told_of_alerts_that_is_said(world: World) -> None:
    world.app.state.alertmanager = None

    assert (await world.http.get("/api/v1/on-call")).json()["error"]["code"] == "alerting.not_configured"
    assert (await world.http.get(world.link())).status_code == 404
