"""Log search, histogram and live tail on the real engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from store_rows import NOW, insert_logs

from sonde.query.attribute_filter import parse_filter
from sonde.query.engine import Inquiry
from sonde.query.log_tail import Delivery, tail_logs
from sonde.query.logs import LogSearch, log_histogram, search_logs
from sonde.query.window import HOUR, MINUTE, SECOND, TimeRange

WINDOW = TimeRange(NOW - 2 * HOUR, NOW)
TRACE = "ab" * 16


@pytest.fixture(scope="module")
def records(client: Any) -> None:
    rows: list[dict[str, Any]] = [
        {
            "time": NOW - (index + 1) * MINUTE,
            "body": f"request {index}",
            "service": "api" if index % 2 else "web",
            "attributes": {"n": index},
        }
        for index in range(40)
    ]
    rows += [
        {"time": NOW - 90 * MINUTE, "body": f"same instant {index % 4}", "service": "burst"} for index in range(10)
    ]
    rows += [
        {
            "time": NOW - 100 * MINUTE,
            "body": "Payment FAILED: 100% of card_1\\x",
            "level": "error",
            "severity_number": 17,
            "service": "pay",
        },
        {
            "time": NOW - 100 * MINUTE + 1,
            "body": "ünïcode ÜBER",
            "level": "warn",
            "service": "pay",
            "trace_id": TRACE,
            "span_id": "cd" * 8,
        },
        {"time": NOW - 10 * MINUTE, "body": "not yours", "tenant": "other"},
    ]
    insert_logs(client, rows)


async def bodies(store: Any, **conditions: Any) -> list[str]:
    answer = await search_logs(Inquiry(store), replace(LogSearch("default", WINDOW, limit=1000), **conditions))
    return [record["body"] for record in answer["records"]]


async def test_the_newest_come_first(store: Any, records: None) -> None:
    assert await bodies(store, limit=3) == ["request 0", "request 1", "request 2"]
    assert len(await bodies(store)) == 52


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"service": "api", "limit": 2}, ["request 1", "request 3"]),
        ({"levels": ("error",)}, ["Payment FAILED: 100% of card_1\\x"]),
        ({"levels": ("error", "warn")}, ["ünïcode ÜBER", "Payment FAILED: 100% of card_1\\x"]),
        ({"text": "payment failed"}, ["Payment FAILED: 100% of card_1\\x"]),
        ({"text": "100%"}, ["Payment FAILED: 100% of card_1\\x"]),
        ({"text": "d_1\\X"}, ["Payment FAILED: 100% of card_1\\x"]),
        ({"text": "card1"}, []),
        ({"text": "%request%"}, []),
        ({"text": "ÜNÏ"}, ["ünïcode ÜBER"]),
        ({"trace_id": TRACE}, ["ünïcode ÜBER"]),
        ({"span_id": "cd" * 8}, ["ünïcode ÜBER"]),
        ({"attributes": (parse_filter("n>=38"),)}, ["request 38", "request 39"]),
        ({"window": TimeRange(NOW - 3 * MINUTE, NOW - MINUTE)}, ["request 1", "request 2"]),
        ({"tenant": "other"}, ["not yours"]),
    ],
)
async def test_all_conditions_hold(store: Any, records: None, conditions: dict[str, Any], expected: list[str]) -> None:
    assert await bodies(store, **conditions) == expected


@pytest.mark.parametrize(("conditions", "limit"), [({}, 17), ({"service": "burst"}, 3), ({"service": "burst"}, 10)])
async def test_pages_neither_skip_nor_repeat_also_within_one_nanosecond(
    store: Any, records: None, conditions: dict[str, Any], limit: int
) -> None:
    search = replace(LogSearch("default", WINDOW, limit=limit), **conditions)
    pages: list[Any] = []
    while True:
        page = await search_logs(Inquiry(store), search)
        pages += page["records"]
        if page["next_cursor"] is None:
            break
        search = replace(search, cursor=page["next_cursor"])

    everything = await search_logs(Inquiry(store), replace(search, cursor=None, limit=1000))
    assert pages == everything["records"]


async def test_the_histogram_counts_each_record_once(store: Any, records: None) -> None:
    answer = await log_histogram(Inquiry(store), LogSearch("default", WINDOW), buckets=24)

    assert answer["step_seconds"] == 300
    assert len(answer["times"]) == 25
    assert list(answer["levels"]) == ["info", "warn", "error"]
    assert {level: sum(counts) for level, counts in answer["levels"].items()} == {"info": 50, "warn": 1, "error": 1}
    burst_at = next(at for at, count in zip(answer["times"], answer["levels"]["info"], strict=True) if count >= 10)
    assert burst_at <= (NOW - 90 * MINUTE) / SECOND < burst_at + 300


async def test_a_histogram_of_nothing_has_its_times(store: Any, records: None) -> None:
    answer = await log_histogram(Inquiry(store), LogSearch("default", WINDOW, service="nobody"))

    assert answer["levels"] == {}
    assert answer["times"][0] <= WINDOW.start_seconds < answer["times"][0] + answer["step_seconds"]


class Reader:
    """Reads a tail poll by poll; between two polls the test does something and time goes on."""

    def __init__(self, store: Any, search: LogSearch, start: int) -> None:
        self.now = start
        self._between: list[Callable[[], None]] = []
        self._tail = tail_logs(store, search, now_nano=lambda: self.now, pause=self._pause)

    async def _pause(self) -> bool:
        if not self._between:
            return False
        self._between.pop(0)()
        self.now += SECOND
        return True

    async def read(self, *between: Callable[[], None]) -> list[Delivery]:
        self._between = list(between)
        return [delivery async for delivery in self._tail]


LATER = NOW + 10 * HOUR


async def test_a_tail_shows_what_comes_in_once_and_in_order(client: Any, store: Any) -> None:
    insert_logs(client, [{"time": LATER - SECOND, "body": "before", "service": "tail"}])
    reader = Reader(store, LogSearch("default", WINDOW, service="tail"), LATER)

    def arrive(*records: tuple[int, str]) -> Callable[[], None]:
        return lambda: insert_logs(
            client, [{"time": LATER + at, "body": body, "service": "tail"} for at, body in records]
        )

    deliveries = await reader.read(
        arrive((2, "second"), (1, "first")),
        lambda: None,
        arrive((SECOND, "third"), (-5 * SECOND, "late by five seconds"), (3 * MINUTE, "from the future")),
        arrive((1, "first")),
    )

    assert [[record["body"] for record in delivery.records] for delivery in deliveries] == [
        ["first", "second"],
        [],
        ["late by five seconds", "third", "from the future"],
        [],
    ]
    assert {delivery.dropped for delivery in deliveries} == {0}


async def test_a_tail_that_is_too_fast_shows_the_newest_and_counts_the_rest(client: Any, store: Any) -> None:
    start = LATER + HOUR
    reader = Reader(store, LogSearch("default", WINDOW, service="flood"), start)

    def flood(first: int, count: int) -> Callable[[], None]:
        rows = [
            {"time": start + at * 1000, "body": f"line {at}", "service": "flood"} for at in range(first, first + count)
        ]
        return lambda: insert_logs(client, rows)

    deliveries = await reader.read(flood(0, 700), flood(700, 20), lambda: None)

    assert [(len(delivery.records), delivery.dropped) for delivery in deliveries] == [(500, 200), (20, 0), (0, 0)]
    assert deliveries[0].records[0]["body"] == "line 200"
    assert deliveries[1].records[-1]["body"] == "line 719"
