"""Metrics that are brought up to date together are those of the tables, whatever was written in between."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.query.promql.metric_rows import NAN, NOW, STALE, insert_histogram, insert_samples

from sonde.query.promql.clickhouse.resident import LATELY, ResidentSamples
from sonde.query.promql.clickhouse.resident_steady import SteadyResident
from sonde.query.promql.clickhouse.storage import ClickHouseStorage
from sonde.query.promql.series import Samples
from sonde.query.promql.storage import Leaf
from sonde.store.pool import AsyncStore
from sonde.telemetry.matcher import Matcher

HOUR = 3_600_000
METRICS = ("a", "b", "c", "nobody")
_names = (f"together{number}" for number in itertools.count())


class Rules:
    """Ask for all metrics again and again, each time a little later."""

    def __init__(self, store: AsyncStore, *, most_bytes: int = 128 << 20) -> None:
        self.now = NOW + HOUR
        self.tenant = next(_names)
        self.store = Counted(store)
        self.resident = SteadyResident(ResidentSamples(lambda: self.now, most_bytes=most_bytes), age_milli=1_000)

    async def ask(
        self, metric: str, resident: SteadyResident | None, *, after: int = NOW - HOUR, until: int = NOW + HOUR
    ) -> Samples:
        leaf = Leaf((Matcher("__name__", "=", metric),), after, until)
        storage = ClickHouseStorage(self.store, self.tenant, push_down="never", resident=resident)  # type: ignore[arg-type]
        found = await storage.fetch(leaf)
        assert isinstance(found, Samples)
        return found

    async def turn(self, metrics: tuple[str, ...] = METRICS) -> int:
        """Ask for metrics at once, compare with the tables, and say how many statements it took."""
        self.now += 1_000
        began = self.store.statements
        found = await asyncio.gather(*(self.ask(metric, self.resident) for metric in metrics))
        took = self.store.statements - began
        for metric, memory in zip(metrics, found, strict=True):
            tables = await self.ask(metric, None)
            assert list(memory.labels) == list(tables.labels)
            assert memory.offsets.tolist() == tables.offsets.tolist()
            assert memory.times.tolist() == tables.times.tolist()
            assert memory.values.view(np.int64).tolist() == tables.values.view(np.int64).tolist()
            assert (memory.histograms is None) == (tables.histograms is None)
        return took


class Counted:
    """A store that counts its statements."""

    def __init__(self, store: AsyncStore) -> None:
        self._store = store
        self.statements = 0

    async def query(self, *args: Any, **kwargs: Any) -> Any:
        self.statements += 1
        return await self._store.query(*args, **kwargs)

    async def query_bytes(self, *args: Any, **kwargs: Any) -> Any:
        self.statements += 1
        return await self._store.query_bytes(*args, **kwargs)


def write(client: Any, rules: Rules, metric: str, *points: Any, **labels: str) -> None:
    insert_samples(client, {"__name__": metric, **labels}, list(points), tenant=rules.tenant)


async def settled(client: Any, store: AsyncStore) -> Rules:
    """Rules that have asked often enough for all to be in memory."""
    rules = Rules(store)
    for metric in METRICS[:-1]:
        write(client, rules, metric, (NOW, 1.0), job="a")
    for _ in range(3):
        await rules.turn()
    return rules


async def test_many_metrics_take_one_statement_and_the_listing_of_parts(client: Any, store: AsyncStore) -> None:
    rules = await settled(client, store)
    took: dict[str, list[int]] = {"nothing": [], "samples": [], "series": [], "the first of a metric": []}
    for turn in range(4):  # the engine merges when it likes, which may take more
        took["nothing"].append(await rules.turn())
        write(client, rules, "a", (NOW + turn, 2.0), job="a")
        took["samples"].append(await rules.turn())
        write(client, rules, "a", (NOW + turn, 2.0), job=f"new{turn}")
        write(client, rules, "b", (NOW + turn, 2.0), job=f"newer{turn}")
        took["series"].append(await rules.turn())  # and the labels of all that are new
        write(client, rules, "nobody", (NOW + turn, 1.0), job=f"a{turn}")
        took["the first of a metric"].append(await rules.turn())
    assert {what: min(each) for what, each in took.items()} == {
        "nothing": 1,
        "samples": 2,
        "series": 3,
        "the first of a metric": 3,
    }


async def test_who_was_not_asked_for_a_while_joins_again(client: Any, store: AsyncStore) -> None:
    rules = await settled(client, store)
    rules.now += LATELY
    write(client, rules, "b", (NOW + 1, 2.0), job="a")
    await rules.turn(("a", "nobody"))
    took: list[int] = []
    for turn in range(4):
        write(client, rules, "c", (NOW + 2 + turn, 2.0), job="a")
        took.append(await rules.turn())
    assert min(took) == 2


CHANGES: list[tuple[str, Callable[[Any, Rules], object]]] = [
    ("late samples", lambda client, rules: write(client, rules, "a", (NOW - 60_000, 5.0), job="a")),
    ("other samples at the same time", lambda client, rules: write(client, rules, "b", (NOW, 7.0), (NOW, STALE), job="a")),
    ("odd numbers", lambda client, rules: write(client, rules, "c", (NOW + 1, NAN), (NOW + 2, -0.0), job="a")),
    ("merged parts", lambda client, _: client.command("OPTIMIZE TABLE samples FINAL")),
    ("a delete", lambda client, rules: client.command(f"DELETE FROM samples WHERE tenant = '{rules.tenant}' AND metric = 'a'")),
    ("nothing left", lambda client, _: client.command("TRUNCATE TABLE samples")),
    ("a native histogram", lambda client, rules: insert_histogram(
        client, {"__name__": "b", "job": "h"}, NOW + 1, tenant=rules.tenant, count=1.0)),
]  # fmt: skip


@pytest.mark.parametrize("change", [case[1] for case in CHANGES], ids=[case[0] for case in CHANGES])
async def test_memory_says_what_the_tables_say_after(
    client: Any, store: AsyncStore, change: Callable[[Any, Rules], object]
) -> None:
    rules = await settled(client, store)
    change(client, rules)
    await rules.turn()
    for later in (10_000, 11_000):
        write(client, rules, "a", (NOW + later, 5.0), job="a")
        write(client, rules, "nobody", (NOW + later, 5.0), job="a")
        client.command("OPTIMIZE TABLE samples FINAL")
        await rules.turn()


_WRITE = st.tuples(
    st.sampled_from(METRICS), st.sampled_from("xy"), st.integers(-20, 20), st.sampled_from([1.0, 2.0, STALE])
)
_ROUND = st.tuples(
    st.lists(_WRITE, max_size=4),
    st.booleans(),
    st.lists(st.sampled_from(METRICS), min_size=1, max_size=4, unique=True).map(tuple),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=10, deadline=None)
@given(st.lists(_ROUND, min_size=3, max_size=7))
def test_memory_follows_whatever_is_written(client: Any, store: AsyncStore, rounds: list[Any]) -> None:
    async def story() -> None:
        rules = Rules(store)
        for writes, is_merged, asked in rounds:
            for metric, job, tick, value in writes:
                write(client, rules, metric, (NOW + tick * 5_000, value), job=job)
            if is_merged:
                client.command("OPTIMIZE TABLE samples FINAL")
            await rules.turn(asked)

    asyncio.run(story())


DAY = 86_400_000
FAR = [
    ("weeks ago", NOW - 30 * DAY, NOW - 29 * DAY),
    ("weeks to come", NOW + 29 * DAY, NOW + 30 * DAY),
    ("before all time", -(10**16), -(10**15)),
    ("behind all time", 10**15, 10**16),
]


@pytest.mark.parametrize(("after", "until"), [case[1:] for case in FAR], ids=[case[0] for case in FAR])
async def test_days_that_nobody_has_are_not_asked_for(client: Any, store: AsyncStore, after: int, until: int) -> None:
    rules = await settled(client, store)
    for _ in range(2):
        began = rules.store.statements
        for metric in METRICS:
            assert len((await rules.ask(metric, rules.resident, after=after, until=until)).times) == 0
    assert rules.store.statements - began <= 1  # the listing of parts, if nobody has asked for that day lately


async def test_days_that_there_are_are_asked_for(client: Any, store: AsyncStore) -> None:
    rules = await settled(client, store)
    for days in (1, 6, 20):
        time = NOW - days * DAY
        write(client, rules, "a", (time, 3.0), job="old")
        for after, until in [(time - 1, time), (time - DAY, time + DAY)]:
            rules.now += 1_000
            found = await rules.ask("a", rules.resident, after=after, until=until)
            assert 3.0 in found.values.tolist()
