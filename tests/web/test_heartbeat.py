"""Heartbeats over HTTP: with a key, for one's own tenant, and for those only that somebody waits for."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from sonde.errors import NotFound
from sonde.telemetry.tenancy import Role
from sonde.web.api import heartbeat
from sonde.web.api.heartbeat import Configured


class Waiting:
    def __init__(self) -> None:
        self.came: list[str] = []

    async def heartbeat(self, name: str) -> None:
        if name != "backup":
            raise NotFound(f"no watchdog named {name} expects a heartbeat", code="watchdog_not_found")
        self.came.append(name)


@pytest.fixture
def waiting(app: FastAPI) -> Waiting:
    known = list(app.router.routes)
    if not any(getattr(route, "path", "") == "/api/v1/heartbeat/{name}" for route in known):
        app.include_router(heartbeat.routes, prefix="/api/v1")
        app.router.routes[:] = [*app.router.routes[len(known) :], *known]  # before the page that answers all else
    one = Waiting()
    app.state.heartbeats = Configured({"default": one}.get)
    return one


async def test_a_heartbeat_that_somebody_waits_for_is_taken(http: httpx.AsyncClient, waiting: Waiting) -> None:
    answer = await http.post("/api/v1/heartbeat/backup", content=b"anything at all")
    assert (answer.status_code, answer.content, waiting.came) == (204, b"", ["backup"])


@pytest.mark.parametrize("headers", [{}, {"X-Scope-OrgID": "other"}])
async def test_one_that_nobody_waits_for_is_refused_alike_in_every_tenant(
    http: httpx.AsyncClient, waiting: Waiting, headers: Any
) -> None:
    name = "backup" if headers else "unknown"
    answer = await http.post(f"/api/v1/heartbeat/{name}", headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "watchdog_not_found")
    assert waiting.came == []


async def test_once_there_are_keys_a_heartbeat_needs_one_and_the_smallest_will_do(
    http: httpx.AsyncClient, waiting: Waiting, new_key: Any
) -> None:
    secret = new_key(Role.INGEST)
    assert (await http.post("/api/v1/heartbeat/backup")).status_code == 401
    answer = await http.post("/api/v1/heartbeat/backup", headers={"Authorization": f"Bearer {secret}"})
    assert (answer.status_code, waiting.came) == (204, ["backup"])
