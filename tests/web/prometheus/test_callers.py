"""Who may ask, for whom, and what happens to a query that nobody waits for."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from tests.query.promql.metric_rows import NOW

from sonde.telemetry.tenancy import Role
from sonde.web.prometheus import form

pytestmark = pytest.mark.usefixtures("metrics")
# Many steps of some work each, between which it can be stopped.
SLOW = {"query": " + ".join(["sum_over_time(vector(time())[10d:1s])"] * 150)}


async def jobs(http: httpx.AsyncClient, **options: Any) -> list[str]:
    answer = await http.get("/prometheus/api/v1/query", params={"query": "requests_total"}, **options)
    return [found["metric"]["job"] for found in answer.json()["data"]["result"]]


async def test_a_query_sees_the_series_of_its_tenant(http: httpx.AsyncClient) -> None:
    assert await jobs(http) == ["api", "web"]
    assert await jobs(http, headers={"x-scope-orgid": "team-a"}) == ["other"]
    assert await jobs(http, headers={"x-scope-orgid": "nobody"}) == []


async def test_a_key_opens_its_tenant(http: httpx.AsyncClient, new_key: Any) -> None:
    secret = new_key(Role.READ, "team-a")

    assert await jobs(http, headers={"authorization": f"Bearer {secret}"}) == ["other"]
    assert await jobs(http, auth=("grafana", secret)) == ["other"]


@pytest.mark.parametrize("path", ["/api/v1/query?query=up", "/api/v1/targets", "/federate", "/api/v1/status/buildinfo"])
async def test_without_a_key_nobody_is_answered(http: httpx.AsyncClient, new_key: Any, path: str) -> None:
    new_key()
    answer = await http.get(f"/prometheus{path}")

    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="sonde"')
    assert answer.json()["status"] == "error"
    assert answer.json()["errorType"] == "unauthorized"


@pytest.mark.parametrize("path", ["/-/healthy", "/-/ready"])
async def test_health_needs_no_key(http: httpx.AsyncClient, new_key: Any, path: str) -> None:
    new_key()

    assert (await http.get(f"/prometheus{path}")).status_code == 200
    assert (await http.head(f"/prometheus{path}")).status_code == 200


@pytest.mark.parametrize("path", ["delete_series?match[]=up", "clean_tombstones", "snapshot"])
async def test_only_administrators_change_the_store(http: httpx.AsyncClient, new_key: Any, path: str) -> None:
    headers = {"authorization": f"Bearer {new_key(Role.WRITE)}"}
    answer = await http.post(f"/prometheus/api/v1/admin/tsdb/{path}", headers=headers)

    assert answer.status_code == 403
    assert answer.json() == {
        "status": "error",
        "errorType": "forbidden",
        "error": "admin APIs disabled for the role write; use a key with the role admin",
    }


async def test_a_role_that_only_sends_may_not_ask(http: httpx.AsyncClient, new_key: Any) -> None:
    headers = {"authorization": f"Bearer {new_key(Role.INGEST)}"}
    answer = await http.get("/prometheus/api/v1/query", params={"query": "up"}, headers=headers)

    assert (answer.status_code, answer.json()["errorType"]) == (403, "forbidden")


async def test_not_ready_says_whether_it_is_stopping(http: httpx.AsyncClient, server: Any) -> None:
    server.obstacles, server.stopping = ["starting"], True
    answer = await http.get("/prometheus/-/ready")

    assert (answer.status_code, answer.text) == (503, "Service Unavailable")
    assert answer.headers["x-prometheus-stopping"] == "true"


async def test_a_form_of_another_type_is_refused(http: httpx.AsyncClient) -> None:
    answer = await http.post("/prometheus/api/v1/query", json={"query": "up"})

    assert answer.status_code == 415
    assert answer.json()["error"].startswith("a body of type application/json is no form")


async def test_a_form_has_an_end(http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(form, "MAX_BODY_BYTES", 100)
    answer = await http.post("/prometheus/api/v1/query", data={"query": "1" * 200})

    assert (answer.status_code, answer.json()["errorType"]) == (413, "too_large")


async def test_a_query_can_be_stopped(http: httpx.AsyncClient, app: FastAPI) -> None:
    headers = {"x-sonde-query-id": "slow"}
    running = asyncio.create_task(http.post("/prometheus/api/v1/query", data=SLOW, headers=headers))
    for _ in range(500):
        if app.state.queries._tasks or running.done():
            break
        await asyncio.sleep(0.01)
    assert (await http.delete("/api/v1/queries/slow")).status_code == 204
    answer = await running

    assert answer.status_code == 499
    assert answer.json() == {
        "status": "error",
        "errorType": "canceled",
        "error": "query was canceled in expression evaluation",
    }


async def test_a_query_ends_when_its_client_goes_away(app: FastAPI, listening: Any) -> None:
    async with httpx.AsyncClient(base_url=listening(app)) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.post("/prometheus/api/v1/query", data=SLOW, timeout=0.3)
    for _ in range(500):
        if not app.state.queries._tasks:
            break
        await asyncio.sleep(0.01)
    assert not app.state.queries._tasks


async def test_a_long_answer_comes_in_pieces_and_compressed(http: httpx.AsyncClient) -> None:
    steps = 10_000
    parameters = {"query": "vector(time())", "start": NOW / 1000 - steps, "end": NOW / 1000, "step": 1}
    answer = await http.get("/prometheus/api/v1/query_range", params=parameters)

    assert answer.headers["content-encoding"] == "gzip"
    [found] = answer.json()["data"]["result"]
    assert found["values"][-1] == [1_700_000_000, "1700000000"]
    assert len(found["values"]) == steps + 1


@pytest.mark.parametrize("value", ["true", "all"])
async def test_stats_tell_times_and_samples(http: httpx.AsyncClient, value: str) -> None:
    answer = await http.get("/prometheus/api/v1/query", params={"query": "requests_total[2m]", "stats": value})
    stats = answer.json()["data"]["stats"]

    assert set(stats["timings"]) == {
        *("evalTotalTime", "resultSortTime", "queryPreparationTime", "innerEvalTime", "execQueueTime", "execTotalTime")
    }
    assert stats["samples"]["totalQueryableSamples"] == stats["samples"]["samplesRead"] == 4
    assert "warnings" not in answer.json()


async def test_other_stats_are_answered_with_a_warning(http: httpx.AsyncClient) -> None:
    answer = (await http.get("/prometheus/api/v1/query", params={"query": "1", "stats": "some"})).json()

    assert "timings" in answer["data"]["stats"]
    [warning] = answer["warnings"]
    assert warning.startswith('value "some" for parameter "stats" is deprecated')
