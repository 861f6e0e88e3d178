"""Hostile and unlucky queries: each is answered quickly, in Prometheus' words and shape, and the server goes on."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from tests.query.promql.metric_rows import NOW, insert_series

from sonde.query.promql.limits import engine_limits
from sonde.query.promql.query import Limits
from sonde.store.pool import AsyncStore

AT = NOW / 1000
SERIES, SAMPLES = 3_000, 4


@pytest.fixture(scope="module", autouse=True)
def _many(client: Any) -> Iterator[None]:
    """3,000 series of 4 samples."""
    points = [(NOW - 15_000 * place, float(place)) for place in range(SAMPLES)]
    insert_series(client, [({"__name__": f"m{n % 50}", "n": str(n)}, points) for n in range(SERIES)])
    yield
    for table in ("samples", "series"):
        client.command(f"TRUNCATE TABLE {table}")


async def ask(
    http: httpx.AsyncClient, query: str, path: str = "query", **parameters: Any
) -> tuple[int, dict[str, Any]]:
    answer = await http.post(f"/prometheus/api/v1/{path}", data={"query": query, **parameters}, timeout=60)
    return answer.status_code, answer.json()


# What is asked, and how Prometheus' answer begins.
BAD = {
    "nothing": ("", "unknown position: parse error: no expression found in input"),
    "half a selector": ("up{", "1:4: parse error: unexpected end of input inside braces"),
    "a matcher without an operator": ('up{job"api"}', "1:7: parse error: unexpected string"),
    "everything": ('{__name__=~".*"}', "1:1: parse error: vector selector must contain at least one non-empty matcher"),
    "an open regular expression": (
        'up{job=~"("}',
        "1:4: parse error: error parsing regexp: missing closing ): `(`",
    ),
    "a look-ahead": ('up{job=~"(?=a)"}', "1:4: parse error: error parsing regexp: invalid or unsupported Perl syntax"),
    "an unknown function": ("ratee(up[5m])", '1:1: parse error: unknown function with name "ratee"'),
    "a range in an aggregation": ("sum(up[5m])", "1:5: parse error: expected type instant vector"),
    "NUL": ("up\0", "1:3: parse error: "),
}
NESTED = {
    "parentheses": "(" * 10_000 + "1" + ")" * 10_000,
    "calls": "abs(" * 10_000 + "up" + ")" * 10_000,
    "minus": "-" * 10_000 + "up",
    "open parentheses": "(" * 100_000,
    "powers": "^".join(["2"] * 20_000),
    "sums": "+".join(["up"] * 20_000),
    "braces": "{" * 10_000,
}
REGULAR_EXPRESSIONS = {
    "repeats of repeats": "((a{0,1000}){0,1000}){0,1000}",
    "a huge repeat": "a{100000}",
    "stars of stars": "(((a*)*)*)*" * 1000,
    "a long list": "|".join(f"value-{n}" for n in range(20_000)),
    "many groups": "(" * 1_500 + "a" + ")" * 1_500,
}


@pytest.mark.parametrize(("query", "said"), BAD.values(), ids=BAD)
async def test_a_bad_query_is_bad_data_and_says_where(http: httpx.AsyncClient, query: str, said: str) -> None:
    status, answer = await ask(http, query)

    assert (status, answer["status"], answer["errorType"]) == (400, "error", "bad_data")
    assert answer["error"].startswith(f'invalid parameter "query": {said}'), answer["error"]


@pytest.mark.parametrize("path", ["query", "format_query", "parse_query"])
@pytest.mark.parametrize("query", NESTED.values(), ids=NESTED)
async def test_however_deep_a_query_is_nested_the_answer_is_one(http: httpx.AsyncClient, path: str, query: str) -> None:
    status, answer = await ask(http, query, path)

    assert (status, answer["status"]) in {(200, "success"), (400, "error"), (422, "error")}, answer
    assert answer.get("errorType") in {None, "bad_data", "execution"}
    assert (await ask(http, "1"))[0] == 200


@pytest.mark.parametrize("expression", REGULAR_EXPRESSIONS.values(), ids=REGULAR_EXPRESSIONS)
async def test_no_regular_expression_takes_the_server_along(http: httpx.AsyncClient, expression: str) -> None:
    status, answer = await ask(http, f'm1{{n=~"{expression}"}}', time=AT)

    assert (status, answer["status"]) in {(200, "success"), (400, "error"), (422, "error")}, answer
    assert answer.get("errorType") in {None, "bad_data", "execution"}
    assert len(answer.get("error", "")) < 10_000


async def test_a_gigantic_text_is_refused_before_it_is_read(http: httpx.AsyncClient) -> None:
    assert (await ask(http, " + ".join(["up"] * 300_000)))[1]["errorType"] == "bad_data"
    status, answer = await ask(http, "1" * (5 << 20))
    assert (status, answer["errorType"]) == (413, "too_large")


@pytest.mark.parametrize(("start", "end", "step"), [(0, 11_001, 1), (0, 4e9, 1), (-9e12, 9e12, "1h"), (0, 1e15, "1ms")])
async def test_too_many_points_are_refused_in_prometheus_words(
    http: httpx.AsyncClient, start: float, end: float, step: str
) -> None:
    status, answer = await ask(http, "up", "query_range", start=start, end=end, step=step)

    assert (status, answer["errorType"]) == (400, "bad_data")
    assert answer["error"] == (
        "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)"
    )


EVERYTHING = '{__name__=~".+"}'
TOO_MANY = "query processing would load too many samples into memory in query execution"


def with_memory(app: FastAPI, memory_bytes: int) -> None:
    around = app.state.surroundings
    app.state.surroundings = replace(around, limits=replace(around.limits, memory_bytes=memory_bytes))


@pytest.mark.parametrize(
    ("memory_bytes", "query", "said"),
    [
        (SERIES * 2_500 - 2_500, EVERYTHING, "query processing would select more than 2999 series in query execution"),
        (64 << 20, f"sum_over_time({EVERYTHING}[1d:1s])", TOO_MANY),
        (64 << 20, "vector(1) + on() group_left() sum_over_time(vector(1)[90d:1s])", TOO_MANY),
    ],
)
async def test_a_query_that_would_take_more_memory_than_it_may_is_refused(
    app: FastAPI, http: httpx.AsyncClient, memory_bytes: int, query: str, said: str
) -> None:
    with_memory(app, memory_bytes)
    tracemalloc.start()
    try:
        status, answer = await ask(http, query, time=AT)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert (status, answer["errorType"]) == (422, "execution"), answer
    assert answer["error"].startswith(said)
    assert peak < 4 * memory_bytes


async def test_the_engine_is_told_how_much_memory_a_query_may_take(app: FastAPI, http: httpx.AsyncClient) -> None:
    with_memory(app, 123 << 20)
    told = engine_limits(Limits.within(app.state.surroundings.limits.memory_bytes, 1.0)).settings()
    assert told["max_memory_usage"] == str(123 << 20)

    with_memory(app, 100_000)  # nothing can be answered with so little
    status, answer = await ask(http, "m1", time=AT)
    assert (status, answer["errorType"]) == (422, "execution")


async def test_all_series_can_be_asked_for_where_there_is_room(http: httpx.AsyncClient) -> None:
    status, answer = await ask(http, f"count({EVERYTHING})", time=AT)

    assert (status, answer["data"]["result"][0]["value"][1]) == (200, str(SERIES))


async def test_many_hostile_queries_at_once_leave_room_for_a_good_one(http: httpx.AsyncClient) -> None:
    hostile = [ask(http, query) for query in (*NESTED.values(), *(query for query, _ in BAD.values()))]
    *_, (status, answer) = await asyncio.gather(*hostile, ask(http, "count(m1)", time=AT))

    assert (status, answer["data"]["result"][0]["value"][1]) == (200, str(SERIES // 50))


class SlowEngine:
    """The real store, whose questions take as long as they may: they count beyond all bounds."""

    def __init__(self, store: AsyncStore) -> None:
        self._store = store

    async def query(self, sql: str, parameters: Any = None, **options: Any) -> Any:
        endless = "SELECT sum(cityHash64(number, 'endless')) FROM numbers(1000000000000000)"
        return await self._store.query(endless, {}, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


async def test_the_engine_stops_when_the_client_hangs_up(
    app: FastAPI, listening: Any, store: AsyncStore, client: Any
) -> None:
    app.state.surroundings = replace(app.state.surroundings, store=SlowEngine(store))
    host, _, port = listening(app).removeprefix("http://").partition(":")

    def running() -> int:
        look = "SELECT count() FROM system.processes WHERE query LIKE '%endless%' AND query NOT LIKE '%processes%'"
        return int(client.query(look).rows[0][0])

    async def until(count: int) -> bool:
        for _ in range(500):
            if await asyncio.to_thread(running) == count:
                return True
            await asyncio.sleep(0.01)
        return False

    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /prometheus/api/v1/query?query=m1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await writer.drain()
    assert await until(1), "the engine was not asked"
    writer.close()
    await writer.wait_closed()

    assert await until(0), "the engine goes on for nobody"
    assert not app.state.queries._tasks
    assert await reader.read() == b""
