"""The store for asyncio: a query nobody waits for any more is killed, or never begun."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from tests.store.conftest import StoreClient

from sonde.errors import LimitExceeded
from sonde.store.client import Limits, Result
from sonde.store.pool import AsyncStore

FOREVER = "SELECT sum(cityHash64(number)) FROM system.numbers"
PATIENT = Limits(execution_seconds=60)


@pytest.fixture
def store(client: StoreClient) -> Iterator[AsyncStore]:
    opened = AsyncStore(client.real, threads=1)
    yield opened
    opened.close()


async def wait_for_queries(client: StoreClient, number: int) -> None:
    sql = "SELECT count() FROM system.processes WHERE query LIKE '%system.numbers%' AND query NOT LIKE '%processes%'"
    async with asyncio.timeout(30):
        while client.value(sql) != number:  # noqa: ASYNC110 - the engine tells nobody
            await asyncio.sleep(0.01)


async def test_it_answers_as_the_client_does(store: AsyncStore) -> None:
    assert (await store.query("SELECT {n:UInt8}", {"n": 7})).rows == [[7]]
    assert await store.query_bytes("SELECT 1", output_format="CSV") == b"1\n"
    blocks = [block async for block in store.stream("SELECT number FROM numbers(3)", output_format="CSV")]
    assert b"".join(blocks) == b"0\n1\n2\n"
    with pytest.raises(LimitExceeded):
        await store.query(FOREVER, limits=Limits(execution_seconds=0.1))


async def test_cancelled_while_it_runs_a_query_is_killed(client: StoreClient, store: AsyncStore) -> None:
    asking = asyncio.create_task(store.query(FOREVER, limits=PATIENT))
    await wait_for_queries(client, 1)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    await wait_for_queries(client, 0)
    assert (await store.query("SELECT 1")).rows == [[1]]


class Counting:
    """A client that notes what it is asked and holds the first question until it is let go."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go = threading.Event()

    def query(self, sql: str, parameters: Any = None, **_: Any) -> Result:
        self.asked.append(sql)
        assert self.go.wait(10)
        return Result((), [])

    def kill(self, query_id: str) -> bool:
        self.go.set()
        return True


async def test_cancelled_while_it_waits_its_turn_a_query_never_begins() -> None:
    fake = Counting()
    store = AsyncStore(fake, threads=1)  # type: ignore[arg-type]
    first = asyncio.create_task(store.query("first"))
    second = asyncio.create_task(store.query("second"))
    third = asyncio.create_task(store.query("third"))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    fake.go.set()
    await asyncio.gather(first, third)
    store.close()

    assert fake.asked == ["first", "third"]


async def test_a_stream_that_is_left_early_ends_its_query(client: StoreClient, store: AsyncStore) -> None:
    endless = Limits(result_rows=None, result_bytes=None)
    blocks = store.stream("SELECT number FROM system.numbers", output_format="TabSeparated", limits=endless)
    assert (await anext(blocks)).startswith(b"0\n")
    await blocks.aclose()

    await wait_for_queries(client, 0)
    assert (await store.query("SELECT 1")).rows == [[1]]


async def test_as_many_run_at_once_as_there_are_threads(client: StoreClient) -> None:
    store = AsyncStore(client.real, threads=3)
    asking = [asyncio.create_task(store.query(FOREVER, limits=PATIENT)) for _ in range(5)]
    await wait_for_queries(client, 3)
    for task in asking:
        task.cancel()
    await asyncio.gather(*asking, return_exceptions=True)
    await wait_for_queries(client, 0)
    store.close()
