"""``GET /api/v1/notifications``: its form, its filters, its pages, and that tenants see only their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from sonde.notify.history import Notification
from sonde.state.api_keys import create_key
from sonde.state.database import open_database
from sonde.state.notifications import History
from sonde.telemetry.tenancy import Role
from sonde.web.api import notifications
from sonde.web.asking import RunningQueries
from sonde.web.auth import Authenticator
from sonde.web.errors import install_error_handlers
from sonde.web.keyring import Keyring

NOW = 1_700_000_000


@pytest.fixture
def state(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = open_database(tmp_path)
    yield engine
    engine.dispose()


@pytest.fixture
def app(state: sa.Engine) -> FastAPI:
    app = FastAPI()
    keyring = Keyring(state, now=lambda: float(NOW))
    app.state.queries = RunningQueries()
    app.state.surroundings = SimpleNamespace(
        state=state,
        keyring=keyring,
        authenticator=Authenticator(keyring, on_loopback=True, now=lambda: float(NOW)),
        now_nano=lambda: NOW * 10**9,
    )
    app.include_router(notifications.routes, prefix="/api/v1")
    install_error_handlers(app)
    return app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


def told(seconds_ago: int, service: str = "shop", **changes: Any) -> Notification:
    fields: dict[str, Any] = {
        "at": (NOW - seconds_ago) * 10**9 + 5,
        "receiver": "team",
        "integration": "team/slack/0",
        "group_key": "{}:{}",
        "group_labels": (("alertname", "HighErrorRate"),),
        "status": "firing",
        "alerts": ((("alertname", "HighErrorRate"), ("service", service)),),
        "firing": 1,
        "attempt": 1,
        "duration": 250_000_000,
    }
    return Notification(**{**fields, **changes})


async def ago(client: httpx.AsyncClient, **asked: Any) -> list[int]:
    answer = await client.get("/api/v1/notifications", params=asked)
    assert answer.status_code == 200, answer.text
    return [NOW - int(each["time_unix_nano"]) // 10**9 for each in answer.json()["notifications"]]


async def test_a_notification_is_told_whole(client: httpx.AsyncClient, state: sa.Engine) -> None:
    History(state).note([told(60, error="500", attempt=3, is_retried=True)], tenant="default")
    answer = (await client.get("/api/v1/notifications")).json()
    (told_of,) = answer["notifications"]
    assert told_of | {"id": ""} == {
        "id": "",
        "time_unix_nano": f"{NOW - 60}000000005",
        "receiver": "team",
        "integration": "team/slack/0",
        "group_key": "{}:{}",
        "group_labels": {"alertname": "HighErrorRate"},
        "status": "firing",
        "alerts": [{"alertname": "HighErrorRate", "service": "shop"}],
        "alert_count": 1,
        "firing_count": 1,
        "attempt": 3,
        "duration_nano": 250_000_000,
        "error": "500",
        "is_retried": True,
    }
    assert answer["next_cursor"] is None
    assert answer["stats"]["rows_read"] == 1


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, [10, 20, 30, 40]),
        ({"receiver": "ops"}, [40]),
        ({"status": "resolved"}, [30]),
        ({"outcome": "failed"}, [20]),
        ({"outcome": "arrived"}, [10, 30, 40]),
        ({"matcher": 'service="cart"'}, [10]),
        ({"matcher": ["service!=cart", 'alertname=~"High.*"']}, [20, 30, 40]),
        ({"since": "now-25s"}, [10, 20]),
        ({"since": "now-35s", "until": str(NOW - 15)}, [20, 30]),
    ],
)
async def test_filters(client: httpx.AsyncClient, state: sa.Engine, asked: dict[str, Any], found: list[int]) -> None:
    every = [told(10, "cart"), told(20, error="x"), told(30, status="resolved"), told(40, receiver="ops")]
    History(state).note(every, tenant="default")
    assert await ago(client, **asked) == found


async def test_pages_follow_their_cursor(client: httpx.AsyncClient, state: sa.Engine) -> None:
    History(state).note([told(number) for number in range(1, 6)], tenant="default")
    pages, cursor = [], ""
    while cursor is not None:
        answer = (await client.get("/api/v1/notifications", params={"limit": 2, "cursor": cursor})).json()
        pages.append([NOW - int(each["time_unix_nano"]) // 10**9 for each in answer["notifications"]])
        cursor = answer["next_cursor"]
    assert pages == [[1, 2], [3, 4], [5]]


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"cursor": "bogus"}, 400, "bad_cursor"),
        ({"matcher": "{a=b}"}, 400, "matcher.syntax"),
        ({"matcher": ["a=b"] * 21}, 400, "too_many_matchers"),
        ({"since": "yesterday"}, 400, "bad_time"),
    ],
)
async def test_what_cannot_be_read_is_refused(
    client: httpx.AsyncClient, asked: dict[str, Any], status: int, code: str
) -> None:
    answer = await client.get("/api/v1/notifications", params=asked)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_a_tenant_sees_its_own_and_without_a_key_nobody_sees_any(
    client: httpx.AsyncClient, app: FastAPI, state: sa.Engine
) -> None:
    History(state).note([told(1)], tenant="a")
    History(state).note([told(2)], tenant="b")
    secrets = {
        (tenant, role): create_key(state, name="k", tenant=tenant, role=role, now=NOW)[0]
        for tenant, role in (("a", Role.READ), ("b", Role.READ), ("a", Role.INGEST))
    }
    cast("Keyring", app.state.surroundings.keyring).reload()

    async def seen_by(key: str) -> httpx.Response:
        return await client.get("/api/v1/notifications", headers={"authorization": f"Bearer {key}"})

    assert len((await seen_by(secrets["a", Role.READ])).json()["notifications"]) == 1
    told_b = (await seen_by(secrets["b", Role.READ])).json()["notifications"]
    assert [each["time_unix_nano"] for each in told_b] == [f"{NOW - 2}000000005"]
    assert (await client.get("/api/v1/notifications")).status_code == 401
    assert (await seen_by(secrets["a", Role.INGEST])).status_code == 403
