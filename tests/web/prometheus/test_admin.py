"""``admin/tsdb/…`` on a real store with a real write path before it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from tests.receivers.prometheus.write_requests import series, version_1

from sonde.store.ingest import Ingest
from sonde.store.maintenance import Maintenance
from sonde.telemetry.signal import Signal
from sonde.telemetry.tenancy import Role
from sonde.web.prometheus import Configured

T0 = 1_700_000_000_000
ADMIN = "/prometheus/api/v1/admin/tsdb"


@pytest.fixture
def ingest(client: Any, tmp_path: Path) -> Iterator[Ingest]:
    opened = Ingest(tmp_path / "write-path", client.client, derivations={}, segment_age_seconds=0.1)
    opened.start()
    yield opened
    opened.close()


@pytest.fixture
def data(client: Any, tmp_path: Path) -> Path:
    """A data directory with the open engine in it."""
    directory = tmp_path / "data"
    directory.mkdir()
    (directory / "engine").symlink_to(client.client._directory)
    return directory


@pytest.fixture
async def admin(
    app: FastAPI, client: Any, ingest: Ingest, http: httpx.AsyncClient, data: Path
) -> AsyncIterator[httpx.AsyncClient]:
    app.state.prometheus = Configured(maintenance=Maintenance(client.client, ingest, data=data))
    yield http
    await http.post(f"{ADMIN}/delete_series", params={"match[]": '{__name__=~".+"}'})


async def write(ingest: Ingest, *names: str, tenant: str = "default") -> None:
    body = version_1(*(series(name, (1.0, T0), (2.0, T0 + 60_000)) for name in names))
    await ingest.consume(Signal.PROMETHEUS, body, tenant=tenant)


async def found(http: httpx.AsyncClient, tenant: str = "default") -> dict[str, int]:
    """Samples by metric, as a query sees them."""
    asked = {"query": '{__name__=~".+"}[1h]', "time": str(T0 / 1000 + 600)}
    answer = await http.get("/prometheus/api/v1/query", params=asked, headers={"x-scope-orgid": tenant})
    return {row["metric"]["__name__"]: len(row["values"]) for row in answer.json()["data"]["result"]}


async def test_a_delete_is_seen_at_once_and_takes_what_was_acknowledged_before(
    admin: httpx.AsyncClient, ingest: Ingest
) -> None:
    await write(ingest, "a", "b")  # not in the store yet
    await write(ingest, "a", tenant="team")

    answer = await admin.post(f"{ADMIN}/delete_series", params={"match[]": "a", "end": str(T0 / 1000)})
    assert (answer.status_code, answer.content) == (204, b"")
    assert await found(admin) == {"a": 1, "b": 2}

    answer = await admin.put(f"{ADMIN}/delete_series", params={"match[]": ["a", '{__name__="none"}']})
    assert (answer.status_code, answer.content) == (204, b"")
    assert await found(admin) == {"b": 2}
    await asyncio.to_thread(ingest.settle, Signal)
    assert await found(admin, "team") == {"a": 2}


async def test_deleted_series_come_back_when_they_are_written_again(admin: httpx.AsyncClient, ingest: Ingest) -> None:
    await write(ingest, "a")
    await admin.post(f"{ADMIN}/delete_series", params={"match[]": "a"})
    await write(ingest, "a")
    await asyncio.to_thread(ingest.settle, Signal)

    assert await found(admin) == {"a": 2}


async def test_a_delete_while_bodies_come_in_leaves_no_sample_without_its_series(
    admin: httpx.AsyncClient, ingest: Ingest, client: Any
) -> None:
    orphans = """
        SELECT count() FROM samples
        WHERE (tenant, metric, id, toDate32(ts)) NOT IN (SELECT tenant, metric, id, day FROM series)
    """
    for _ in range(5):
        await asyncio.gather(
            write(ingest, "a"), admin.post(f"{ADMIN}/delete_series", params={"match[]": "a"}), write(ingest, "a")
        )
        await asyncio.to_thread(ingest.settle, Signal)
        assert client.query(orphans).rows == [[0]]


async def test_a_snapshot_is_named_and_holds_what_was_acknowledged(
    admin: httpx.AsyncClient, ingest: Ingest, data: Path
) -> None:
    await write(ingest, "a")
    answer = await admin.post(f"{ADMIN}/snapshot")

    name = answer.json()["data"]["name"]
    assert (answer.status_code, answer.json()) == (200, {"status": "success", "data": {"name": name}})
    taken = data / "snapshots" / name
    assert list((taken / "engine" / "store").glob("*/*/20231114_*")), "no part of that day is in the copy"
    assert (await admin.post(f"{ADMIN}/clean_tombstones")).status_code == 204


async def test_a_tenants_administrator_deletes_its_own_and_no_more(
    admin: httpx.AsyncClient, ingest: Ingest, new_key: Any
) -> None:
    await write(ingest, "a")
    await write(ingest, "a", tenant="team")
    root = {"authorization": f"Bearer {new_key(Role.ADMIN, '*')}"}
    mine = {"authorization": f"Bearer {new_key(Role.ADMIN, 'team')}"}

    assert (await admin.post(f"{ADMIN}/delete_series?match[]=a", headers=mine)).status_code == 204
    for path in ("snapshot", "clean_tombstones"):
        answer = await admin.post(f"{ADMIN}/{path}", headers=mine)
        assert (answer.status_code, answer.json()["errorType"]) == (403, "forbidden")

    admin.headers.update(root)
    assert (await found(admin), await found(admin, "team")) == ({"a": 2}, {})


async def test_a_server_engine_says_that_it_makes_no_snapshots(
    app: FastAPI, ingest: Ingest, client: Any, admin: httpx.AsyncClient
) -> None:
    app.state.prometheus = Configured(maintenance=Maintenance(client.client, ingest, data=None))
    answer = await admin.post(f"{ADMIN}/snapshot")

    assert (answer.status_code, answer.json()["errorType"]) == (501, "unsupported")
    assert "BACKUP DATABASE" in answer.json()["error"]
