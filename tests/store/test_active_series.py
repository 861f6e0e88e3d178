"""What a limit on series goes by, on the real tables, fed with real requests."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from tests.receivers.prometheus.write_requests import series, version_1

from sonde.store.active_series import ActiveSeries
from sonde.store.pool import AsyncStore
from sonde.telemetry.signal import Signal

NOON = 1_795_003_200_000
DAY = 86_400_000
LABELS = [
    [("__name__", "up"), ("job", "api")],
    [("__name__", "up"), ("job", "é \\ \"'\n\t{}")],
    [("A", "upper"), ("__name__", "up"), ("zone", "😀")],
]


@pytest.fixture
def store(client: Any) -> Iterator[AsyncStore]:
    opened = AsyncStore(client.real, threads=1)
    yield opened
    opened.close()


def insert(client: Any, labels: list[tuple[str, str]], at: int, tenant: str = "team") -> None:
    named = dict(labels)
    body = version_1(series(named.pop("__name__"), (1.0, at), labels=named))
    client.insert_bodies(Signal.PROMETHEUS, [body], tenant)


def test_the_series_of_today_are_counted_by_tenant(client: Any, store: AsyncStore) -> None:
    client.empty("series")
    for labels in LABELS:
        insert(client, labels, NOON)
    insert(client, LABELS[0], NOON)
    insert(client, LABELS[0], NOON - DAY, "late")
    insert(client, LABELS[0], NOON, "small")
    active = ActiveSeries(store, 3, now=lambda: NOON / 1000)

    assert active.reached("team") == ""  # nothing is counted yet
    asyncio.run(active.count())
    assert active.reached("team") == (
        "it is new, and tenant team has 3 series today of 3 that it may have (limits.metrics.series); "
        "series that it has go on"
    )
    assert [active.reached(tenant) for tenant in ("late", "small", "nobody")] == ["", "", ""]
    [message] = active.messages()
    assert message.startswith("tenant team has 3 series today; 3 are the most, so new ones are refused")


def test_a_new_day_begins_with_room(client: Any, store: AsyncStore) -> None:
    client.empty("series")
    insert(client, LABELS[0], NOON)
    now = NOON / 1000
    active = ActiveSeries(store, 1, now=lambda: now)
    asyncio.run(active.count())
    assert active.reached("team")

    now += 86_400
    assert active.reached("team") == ""


def test_series_of_today_and_yesterday_are_known_whatever_their_labels(client: Any, store: AsyncStore) -> None:
    client.empty("series")
    for labels in LABELS[:2]:
        insert(client, labels, NOON - DAY)
    insert(client, LABELS[2], NOON)
    insert(client, [("__name__", "up"), ("job", "older")], NOON - 2 * DAY)
    insert(client, [("__name__", "up"), ("job", "theirs")], NOON, "others")
    active = ActiveSeries(store, 1, now=lambda: NOON / 1000)

    strangers = [
        [("__name__", "up")],
        [("__name__", "up"), ("job", "older")],
        [("__name__", "up"), ("job", "theirs")],
        [("__name__", "down"), ("job", "api")],
    ]
    assert asyncio.run(active.known("team", [*LABELS, *strangers])) == [True] * 3 + [False] * 4
    many = [LABELS[0], strangers[0]] * 700  # more than are asked at once
    assert asyncio.run(active.known("team", many)) == [True, False] * 700
