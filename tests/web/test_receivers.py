"""Receivers as they are shown, and notifications to try them out."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from tests.notify.simulation import SECOND, START
from tests.web.alerting import Story

from sonde.notify.notifier import Result
from sonde.notify.pipeline import Pipeline
from sonde.state.audit_log import newest_entries
from sonde.telemetry.tenancy import Role
from sonde.web.api import receivers
from sonde.web.api.receivers import Sending

TEXT = """
route: {receiver: team/a}
receivers:
  - name: team/a
    email_configs: [{to: ann@example.org, from: sonde@example.org, smarthost: "mail.example.org:25"}]
    webhook_configs: [{url: "https://x.example.org/SECRET"}, {url: "https://y.example.org/SECRET"}]
  - {name: nobody}
"""


async def post(story: Story, path: str, body: Any = None) -> httpx.Response:
    sending = Sending(lambda _tenant: story.notifiers, history=story)
    async with story.client(receivers.routes, receivers=sending) as client:
        return await client.request("GET" if body is None else "POST", path, json=body)


async def test_receivers_are_told_with_their_ways_and_how_these_have_gone() -> None:
    story = Story(TEXT)
    story.fire(alertname="Down")
    (first, second, third) = story.pipeline.advance(START + 30 * SECOND)
    story.pipeline.settle(first, Result(), START + 31 * SECOND)
    story.pipeline.settle(second, Result("no such host"), START + 32 * SECOND)
    answer = await post(story, "/receivers")
    team, nobody = answer.json()["receivers"]
    assert nobody == {"name": "nobody", "integrations": []}
    assert [
        (each["key"], each["where"], each["sent"], each["failed"], each["last_error"], each["last_attempt_at"])
        for each in team["integrations"]
    ] == [
        ("team/a/webhook/0", "", 1, 0, "", "2026-01-01T10:00:30.000Z"),
        ("team/a/webhook/1", "", 0, 1, "no such host", "2026-01-01T10:00:30.000Z"),
        ("team/a/email/0", "ann@example.org", 0, 0, "", None),
    ]
    assert "SECRET" not in answer.text
    assert third.batch.integration == "team/a/email/0"


@pytest.mark.parametrize(("status", "ends_at"), [("firing", 0), ("resolved", START)])
async def test_a_test_goes_through_every_integration_and_is_noted(status: str, ends_at: int, state: sa.Engine) -> None:
    answers = {"team/a/webhook/1": Result("HTTP 410"), "team/a/email/0": ValueError("a bug")}
    story = Story(TEXT, answers=answers, database=state)
    answer = await post(story, "/receivers/team%2Fa/test", {"status": status})
    told = answer.json()
    assert [(each["key"], each["delivered"], each["error"]) for each in told["results"]] == [
        ("team/a/webhook/0", True, ""),
        ("team/a/webhook/1", False, "HTTP 410"),
        ("team/a/email/0", False, "ValueError: a bug"),
    ]
    (batch, *_others) = story.notified
    assert (batch.status, batch.alerts[0].ends_at, len({each.key_hash for each in story.notified})) == (
        status,
        ends_at,
        1,
    )
    assert dict(batch.alerts[0].annotations)["description"].startswith("Nothing is wrong. ann wants to know")
    assert [(each.integration, each.error) for each in story.noted] == [
        ("team/a/webhook/0", ""),
        ("team/a/webhook/1", "HTTP 410"),
        ("team/a/email/0", "ValueError: a bug"),
    ]
    assert await story.alerting.ask(Pipeline.statuses) == {}
    assert [(each.actor, each.action, each.subject) for each in newest_entries(state)] == [
        ("ann", "receiver.test", "team/a")
    ]


@pytest.mark.parametrize(
    ("path", "body", "role", "status", "code"),
    [
        ("/receivers/none/test", {}, Role.WRITE, 404, "receiver.unknown"),
        ("/receivers/nobody/test", {}, Role.WRITE, 400, "receiver.has_no_integration"),
        ("/receivers/team%2Fa/test", {}, Role.READ, 403, "role_too_small"),
        ("/receivers/team%2Fa/test", {"status": "broken"}, Role.WRITE, 400, None),
    ],
)
async def test_a_test_that_cannot_be_sent_says_why(path: str, body: Any, role: Role, status: int, code: str) -> None:
    story = Story(TEXT, role=role)
    answer = await post(story, path, body)
    assert answer.status_code == status, answer.text
    assert code is None or answer.json()["error"]["code"] == code
    assert story.notified == []


async def test_a_receiver_is_tested_once_at_a_time() -> None:
    story = Story(TEXT)
    sending = Sending(lambda _tenant: story.notifiers, testing={("default", "team/a")})
    async with story.client(receivers.routes, receivers=sending) as client:
        answer = await client.post("/receivers/team%2Fa/test", json={})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "receiver.busy")
