"""Samples in memory are those of the tables at every moment: whatever is written, late or deleted between two queries."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.query.promql.metric_rows import NAN, NOW, STALE, Point, insert_histogram, insert_samples, insert_series

from sonde.errors import LimitExceeded
from sonde.query.engine import Inquiry
from sonde.query.promql.clickhouse.parts import TABLES, Listing, listing_of
from sonde.query.promql.clickhouse.resident import LONGEST, ResidentSamples
from sonde.query.promql.clickhouse.selection import Selection
from sonde.query.promql.clickhouse.storage import ClickHouseStorage
from sonde.query.promql.query import Limits
from sonde.query.promql.series import Samples
from sonde.query.promql.storage import Leaf
from sonde.store.pool import AsyncStore
from sonde.telemetry.matcher import Matcher, Operator

_names = (f"resident{number}" for number in itertools.count())
HOUR = 3_600_000
Triple = tuple[str, Operator, str]
METRIC: Triple = ("__name__", "=", "m")


@pytest.fixture
def tenant() -> str:
    """A tenant of this test alone."""
    return next(_names)


@pytest.fixture
def resident() -> ResidentSamples:
    """Nothing in memory yet; it is an hour after the first samples."""
    return ResidentSamples(lambda: NOW + HOUR)


def leaf(*triples: Triple, after: int = NOW - 1, until: int = NOW + HOUR) -> Leaf:
    return Leaf(tuple(Matcher(*triple) for triple in triples), after, until)


async def from_memory(
    resident: ResidentSamples, store: AsyncStore, tenant: str, asked: Leaf, limits: Limits = Limits()
) -> Samples | None:
    selection = Selection(tenant, asked.matchers, asked.after, asked.until)
    return await resident.samples(resident.look(Inquiry(store), selection), selection, limits)


async def from_tables(store: AsyncStore, tenant: str, asked: Leaf) -> Samples:
    found = await ClickHouseStorage(store, tenant, push_down="never").fetch(asked)
    assert isinstance(found, Samples)
    return found


def assert_same(found: Samples | None, expected: Samples) -> None:
    assert found is not None, "the engine was left to answer"
    assert list(found.labels) == list(expected.labels)
    assert found.offsets.tolist() == expected.offsets.tolist()
    assert found.times.tolist() == expected.times.tolist()
    assert found.values.view(np.int64).tolist() == expected.values.view(np.int64).tolist()
    assert (found.starts is None) == (expected.starts is None)
    assert found.starts is None or found.starts.tolist() == expected.starts.tolist()  # type: ignore[union-attr]


async def assert_memory_is_true(
    resident: ResidentSamples, store: AsyncStore, tenant: str, asked: Leaf = leaf(METRIC)
) -> None:
    assert_same(await from_memory(resident, store, tenant, asked), await from_tables(store, tenant, asked))


def some(client: Any, tenant: str, *points: Point, metric: str = "m", **labels: str) -> None:
    insert_samples(client, {"__name__": metric, **labels}, list(points), tenant=tenant)


async def warm(resident: ResidentSamples, store: AsyncStore, tenant: str, asked: Leaf = leaf(METRIC)) -> None:
    """Ask often enough."""
    await from_memory(resident, store, tenant, asked)
    assert await from_memory(resident, store, tenant, asked) is not None


async def test_what_is_asked_once_is_left_to_the_engine_and_then_kept(
    client: Any, store: AsyncStore, resident: ResidentSamples, tenant: str
) -> None:
    some(client, tenant, (NOW, 1.0))
    assert await from_memory(resident, store, tenant, leaf(METRIC)) is None
    assert resident.size_bytes == 0
    await assert_memory_is_true(resident, store, tenant)
    assert resident.size_bytes > 0


LATER: list[tuple[str, Callable[[Any, str], None]]] = [
    ("a newer sample", lambda client, tenant: some(client, tenant, (NOW + 60_000, 5.0), job="a")),
    ("a late sample", lambda client, tenant: some(client, tenant, (NOW + 1, 5.0), job="a")),
    ("a sample at a time that has one", lambda client, tenant: some(client, tenant, (NOW, 7.0), job="a")),
    ("a lesser one at a time that has one", lambda client, tenant: some(client, tenant, (NOW, -7.0), job="a")),
    ("a stale marker at a time that has a sample", lambda client, tenant: some(client, tenant, (NOW, STALE), job="a")),
    ("a new series", lambda client, tenant: some(client, tenant, (NOW, 5.0), job="0")),
    ("a series of another metric", lambda client, tenant: some(client, tenant, (NOW, 5.0), metric="n")),
    ("a start", lambda client, tenant: some(client, tenant, (NOW + 2, 5.0, NOW), job="b")),
    ("a sample of another day", lambda client, tenant: some(client, tenant, (NOW - 86_400_000, 5.0), job="a")),
    ("odd numbers", lambda client, tenant: some(client, tenant, (NOW + 2, NAN), (NOW + 3, -0.0), job="a")),
    ("merged parts", lambda client, _: client.command("OPTIMIZE TABLE samples FINAL")),
    ("merged parts of series", lambda client, _: client.command("OPTIMIZE TABLE series FINAL")),
    (
        "deleted samples",
        lambda client, tenant: client.command(f"DELETE FROM samples WHERE tenant = '{tenant}' AND value = 1"),
    ),
    (
        "samples that the engine changed",
        lambda client, tenant: client.command(
            f"ALTER TABLE samples UPDATE value = 9 WHERE tenant = '{tenant}' SETTINGS mutations_sync = 2"
        ),
    ),
]


@pytest.mark.parametrize("change", [case[1] for case in LATER], ids=[case[0] for case in LATER])
async def test_memory_says_what_the_tables_say_after(
    client: Any, store: AsyncStore, resident: ResidentSamples, tenant: str, change: Callable[[Any, str], None]
) -> None:
    some(client, tenant, (NOW, 1.0), (NOW + 15_000, 2.0), job="b")
    some(client, tenant, (NOW, 3.0), (NOW + 15_000, 4.0), job="a")
    await warm(resident, store, tenant)
    change(client, tenant)
    await assert_memory_is_true(resident, store, tenant)
    some(client, tenant, (NOW + 30_000, 6.0), job="a")
    client.command("OPTIMIZE TABLE samples FINAL")  # new blocks and old ones in one part
    await assert_memory_is_true(resident, store, tenant)


async def test_a_dropped_day_is_gone_from_memory(
    client: Any, store: AsyncStore, resident: ResidentSamples, tenant: str
) -> None:
    some(client, tenant, (NOW, 1.0))
    await warm(resident, store, tenant)
    client.command("TRUNCATE TABLE samples")
    found = await from_memory(resident, store, tenant, leaf(METRIC))
    assert found is not None
    assert len(found.times) == 0


async def test_a_sample_whose_series_comes_after_it_is_found_then(
    client: Any, store: AsyncStore, resident: ResidentSamples, tenant: str
) -> None:
    some(client, tenant, (NOW, 1.0), job="a")
    await warm(resident, store, tenant)
    client.command(
        f"INSERT INTO samples SELECT '{tenant}', 'm', cityHash64('m', map('job', 'late')), "
        f"fromUnixTimestamp64Milli(toInt64({NOW})), fromUnixTimestamp64Milli(toInt64(0)), 5"
    )
    before = await from_memory(resident, store, tenant, leaf(METRIC))
    assert before is not None
    assert len(before.labels) == 1
    client.command(
        f"INSERT INTO series SELECT tenant, metric, id, toDate32(ts), map('job', 'late'), 'unspecified' FROM samples "
        f"WHERE tenant = '{tenant}' AND value = 5"
    )
    await assert_memory_is_true(resident, store, tenant)
    after = await from_memory(resident, store, tenant, leaf(METRIC))
    assert after is not None
    assert [dict(labels)["job"] for labels in after.labels] == ["a", "late"]


SELECTORS: list[tuple[Triple, ...]] = [
    (METRIC,),
    (("__name__", "=~", "m|n"),),
    (("__name__", "!=", "m"), ("job", "=", "a")),
    (("job", "=~", "a|"),),
    (("job", "!=", ""),),
    (METRIC, ("job", "!~", "a.*")),
    (METRIC, ("__name__", "!~", "m")),
    (("__name__", "=", "nobody"),),
    (METRIC, ("zone", "=", ""), ("job", "=~", ".+")),
]


@pytest.mark.parametrize("asked", SELECTORS)
async def test_matchers_select_the_same(
    client: Any, store: AsyncStore, resident: ResidentSamples, tenant: str, asked: tuple[Triple, ...]
) -> None:
    some(client, tenant, (NOW + 3, 1.0), job="b")
    some(client, tenant, (NOW + 2, 2.0), job="a", zone="z")
    some(client, tenant, (NOW + 1, 3.0))
    some(client, tenant, (NOW, 4.0, NOW - 5), metric="n", job="a")
    some(client, f"{tenant}-neighbour", (NOW, 9.0), job="a")
    await warm(resident, store, tenant, leaf(*asked))
    await assert_memory_is_true(resident, store, tenant, leaf(*asked))


_BODIES = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.lists(
            st.tuples(
                st.integers(-20, 20).map(lambda tick: NOW + tick * 5_000), st.sampled_from([1.0, 2.0, STALE, NAN])
            ),
            min_size=1,
            max_size=6,
        ),
    ),
    min_size=1,
    max_size=5,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=12)
@given(st.lists(st.tuples(_BODIES, st.booleans(), st.integers(-22, 22), st.integers(-22, 22)), min_size=2, max_size=5))
def test_memory_follows_whatever_is_written(client: Any, store: AsyncStore, rounds: list[Any]) -> None:
    tenant, resident = next(_names), ResidentSamples(lambda: NOW + HOUR)
    for bodies, is_merged, after, until in rounds:
        for job, points in bodies:
            insert_series(client, [({"__name__": "m", "job": job}, points)], tenant=tenant)
        if is_merged:
            client.command("OPTIMIZE TABLE samples FINAL")
        asked = leaf(METRIC, after=NOW + after * 5_000, until=NOW + max(after + 1, until) * 5_000)
        asyncio.run(warm(resident, store, tenant, asked))
        asyncio.run(assert_memory_is_true(resident, store, tenant, asked))


async def test_native_histograms_are_left_to_the_engine(
    client: Any, store: AsyncStore, resident: ResidentSamples, tenant: str
) -> None:
    some(client, tenant, (NOW, 1.0))
    await warm(resident, store, tenant)
    insert_histogram(client, {"__name__": "m", "job": "h"}, NOW + 1, tenant=tenant, count=1.0)
    assert await from_memory(resident, store, tenant, leaf(METRIC)) is None
    storage = ClickHouseStorage(store, tenant, resident=resident)
    answer = await storage.fetch(leaf(METRIC))
    assert isinstance(answer, Samples)
    assert answer.histograms is not None


async def test_long_ranges_are_left_to_the_engine(
    client: Any, store: AsyncStore, resident: ResidentSamples, tenant: str
) -> None:
    some(client, tenant, (NOW, 1.0))
    await warm(resident, store, tenant)
    assert await from_memory(resident, store, tenant, leaf(METRIC, after=NOW + HOUR - LONGEST - 1)) is None


async def test_an_earlier_time_is_read_too(
    client: Any, store: AsyncStore, resident: ResidentSamples, tenant: str
) -> None:
    some(client, tenant, (NOW - 2 * HOUR, 1.0), (NOW, 2.0))
    await warm(resident, store, tenant)
    await assert_memory_is_true(resident, store, tenant, leaf(METRIC, after=NOW - 3 * HOUR))


async def test_what_does_not_fit_is_left_to_the_engine_and_not_tried_again(
    client: Any, store: AsyncStore, tenant: str
) -> None:
    resident = ResidentSamples(lambda: NOW + HOUR, most_bytes=24 * 100)
    some(client, tenant, *((NOW + at, 1.0) for at in range(200)))
    for _ in range(3):
        assert await from_memory(resident, store, tenant, leaf(METRIC)) is None
    assert resident.size_bytes == 0


async def test_what_was_asked_last_stays_when_room_is_scarce(client: Any, store: AsyncStore, tenant: str) -> None:
    resident = ResidentSamples(lambda: NOW + HOUR, most_bytes=5_000)
    for metric in "abc":
        some(client, tenant, *((NOW + at, 1.0) for at in range(50)), metric=metric)
        await warm(resident, store, tenant, leaf(("__name__", "=", metric)))
    assert 0 < resident.size_bytes <= 5_000
    assert await from_memory(resident, store, tenant, leaf(("__name__", "=", "c"))) is not None
    assert await from_memory(resident, store, tenant, leaf(("__name__", "=", "a"))) is None


async def test_limits_hold_in_memory_too(
    client: Any, store: AsyncStore, resident: ResidentSamples, tenant: str
) -> None:
    some(client, tenant, (NOW, 1.0), (NOW + 1, 2.0), job="a")
    some(client, tenant, (NOW, 1.0), job="b")
    await warm(resident, store, tenant)
    with pytest.raises(LimitExceeded, match="would load too many samples"):
        await from_memory(resident, store, tenant, leaf(METRIC), Limits(samples=2))
    with pytest.raises(LimitExceeded, match="select more than 1 series"):
        await from_memory(resident, store, tenant, leaf(METRIC), Limits(series=1))


async def test_panels_that_come_at_once_read_a_metric_once(client: Any, store: AsyncStore, tenant: str) -> None:
    resident = ResidentSamples(lambda: NOW + HOUR)
    some(client, tenant, (NOW, 1.0))
    await from_memory(resident, store, tenant, leaf(METRIC))
    inquiries = [Inquiry(store) for _ in range(6)]
    asked = leaf(METRIC)
    selection = Selection(tenant, asked.matchers, asked.after, asked.until)
    found = await asyncio.gather(
        *(resident.samples(resident.look(inquiry, selection), selection, Limits()) for inquiry in inquiries)
    )
    assert all(each is not None and len(each.times) == 1 for each in found)
    assert sum(inquiry.cost.rows_read > 0 for inquiry in inquiries) == 1


async def test_the_engine_is_not_asked_while_nothing_was_written(client: Any, store: AsyncStore, tenant: str) -> None:
    resident = ResidentSamples(lambda: NOW + HOUR, revision=client.client.revision)
    some(client, tenant, (NOW, 1.0))
    await warm(resident, store, tenant)
    inquiry, asked = Inquiry(store), leaf(METRIC)
    selection = Selection(tenant, asked.matchers, asked.after, asked.until)
    assert await resident.samples(resident.look(inquiry, selection), selection, Limits()) is not None
    assert inquiry.cost.elapsed_seconds == 0
    some(client, tenant, (NOW + 1, 1.0))
    await assert_memory_is_true(resident, store, tenant)


def listing(*names: str) -> Listing:
    found = listing_of([("samples", name) for name in names])
    assert found is not None
    return found


KNOWN: list[tuple[str, list[str], list[str], list[str] | None]] = [
    ("nothing happened", ["20261121_1_1_0"], ["20261121_1_1_0"], ["20261121_1_1_0"]),
    ("an insert", ["20261121_1_1_0"], ["20261121_1_1_0", "20261121_2_2_0"], ["20261121_1_1_0"]),
    ("a merge", ["20261121_1_1_0", "20261121_2_2_0"], ["20261121_1_2_1"], ["20261121_1_2_1"]),
    ("a merge with what is new", ["20261121_1_1_0"], ["20261121_1_2_1"], []),
    ("a merge over a gap", ["20261121_1_1_0", "20261121_3_3_0"], ["20261121_1_3_1"], []),
    ("a dropped day", ["20261121_1_1_0", "20261120_2_2_0"], ["20261121_1_1_0"], None),
    ("a delete", ["20261121_1_1_0"], ["20261121_1_1_0_2"], None),
    ("a merge after a delete", ["20261121_1_1_0_3", "20261121_2_2_0_3"], ["20261121_1_2_1_3"], ["20261121_1_2_1_3"]),
]


@pytest.mark.parametrize(("before", "now", "known"), [case[1:] for case in KNOWN], ids=[case[0] for case in KNOWN])
def test_parts_tell_what_was_read_before(before: list[str], now: list[str], known: list[str] | None) -> None:
    found = listing(*now).known_of(listing(*before))
    assert (found if found is None else [part.name for part in found]) == known


async def test_the_engine_names_its_parts_as_they_are_read_here(client: Any, store: AsyncStore, tenant: str) -> None:
    some(client, tenant, (NOW, 1.0))
    names = client.query(
        "SELECT table, name FROM system.parts WHERE active AND database = 'sonde' AND table IN {tables:Array(String)}",
        {"tables": list(TABLES)},
    ).rows
    assert listing_of((str(table), str(name)) for table, name in names) is not None


LONG = leaf(METRIC, ("job", "=~", "a|b|new"), after=NOW - 3 * 86_400_000)


@pytest.mark.parametrize("change", [case[1] for case in LATER], ids=[case[0] for case in LATER])
async def test_a_long_range_has_the_same_series_with_those_that_memory_knows(
    client: Any, store: AsyncStore, resident: ResidentSamples, tenant: str, change: Callable[[Any, str], None]
) -> None:
    async def answer() -> Samples:
        found = await ClickHouseStorage(store, tenant, push_down="never", resident=resident).fetch(LONG)
        assert isinstance(found, Samples)
        return found

    some(client, tenant, (NOW - 86_400_000, 1.0), (NOW, 2.0), job="b")
    some(client, tenant, (NOW - 2 * 86_400_000, 1.0), job="a")
    some(client, tenant, (NOW, 1.0), job="c")
    assert_same(await answer(), await from_tables(store, tenant, LONG))
    change(client, tenant)
    some(client, tenant, (NOW, 6.0), job="new")
    assert_same(await answer(), await from_tables(store, tenant, LONG))


async def test_series_are_looked_up_in_memory(
    client: Any, store: AsyncStore, resident: ResidentSamples, tenant: str
) -> None:
    some(client, tenant, (NOW, 1.0), job="b")
    some(client, tenant, (NOW, 1.0), job="a")
    selection = Selection(tenant, LONG.matchers, LONG.after, LONG.until)
    look = resident.look(Inquiry(store), selection)
    found = await resident.series(look, selection, Limits())
    assert found is not None
    assert [dict(labels)["job"] for labels in found.labels] == ["a", "b"]
    with pytest.raises(LimitExceeded, match="select more than 1 series"):
        await resident.series(look, selection, Limits(series=1))


async def test_series_of_long_ago_are_left_to_the_engine(
    store: AsyncStore, resident: ResidentSamples, tenant: str
) -> None:
    for after, until in [(NOW - 30 * 86_400_000, NOW), (NOW - 3 * 86_400_000, NOW - 2 * 86_400_000)]:
        selection = Selection(tenant, LONG.matchers, after, until)
        assert await resident.series(resident.look(Inquiry(store), selection), selection, Limits()) is None
