"""PromQL's leaves from the real engine: which series a selector selects, and what samples come out."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.query.promql.metric_rows import NAN, NOW, STALE, Point, insert_histogram, insert_samples, same_bits

from sonde.errors import LimitExceeded, UserError
from sonde.query.promql.clickhouse.selection import MAX_LISTED_IDS
from sonde.query.promql.clickhouse.storage import ClickHouseStorage
from sonde.query.promql.histogram.native import CounterReset, Histogram
from sonde.query.promql.query import Limits
from sonde.query.promql.series import Grid, Samples
from sonde.query.promql.storage import Leaf, Window
from sonde.store.pool import AsyncStore
from sonde.telemetry.labels import Labels, labels_of
from sonde.telemetry.matcher import Matcher, Operator

DAY = 86_400_000

NODES = [
    {"__name__": "up", "job": "api", "zone": "a"},
    {"__name__": "up", "job": "api", "zone": "b"},
    {"__name__": "up", "job": "web"},
    {"__name__": "down", "job": "api", "zone": "a", "Zone": "A"},
    {"__name__": "node.cpu", "job": "line\nbreak", "it's": "\\ \" {p0:String} '; --"},
]


@pytest.fixture(scope="module", autouse=True)
def _nodes(client: Any) -> None:
    for labels in NODES:
        insert_samples(client, labels, [(NOW, 1.0)], tenant="nodes")
    insert_samples(client, {"__name__": "up", "job": "api", "tenant": "another"}, [(NOW, 9.0)], tenant="neighbour")


_names = (f"test{number}" for number in itertools.count())


@pytest.fixture
def tenant() -> str:
    """A tenant of this test alone."""
    return next(_names)


def matchers(*triples: tuple[str, Operator, str]) -> tuple[Matcher, ...]:
    return tuple(Matcher(*triple) for triple in triples)


async def samples(
    store: AsyncStore,
    tenant: str,
    *wanted: tuple[str, Operator, str],
    after: int = NOW - DAY,
    until: int = NOW + DAY,
    limits: Limits = Limits(),
) -> Samples:
    found = await ClickHouseStorage(store, tenant, limits).fetch(Leaf(matchers(*wanted), after, until))
    assert isinstance(found, Samples)
    return found


def points(found: Samples) -> dict[Labels, list[tuple[int, float]]]:
    ranges = itertools.pairwise(found.offsets.tolist())
    return {
        labels: list(zip(found.times[first:behind].tolist(), found.values[first:behind].tolist(), strict=True))
        for labels, (first, behind) in zip(found.labels, ranges, strict=True)
    }


SELECTORS: list[tuple[list[tuple[str, Operator, str]], list[int]]] = [
    ([("__name__", "=", "up")], [0, 1, 2]),
    ([("__name__", "!=", "up")], [3, 4]),
    ([("__name__", "=~", "up|down")], [0, 1, 2, 3]),
    ([("__name__", "=~", "u.|x")], [0, 1, 2]),
    ([("__name__", "=~", "u")], []),
    ([("__name__", "!~", "u.*")], [3, 4]),
    ([("__name__", "=", "node.cpu")], [4]),
    ([("__name__", "=~", "node_cpu")], []),
    ([("__name__", "=", "up"), ("zone", "=", "")], [2]),
    ([("__name__", "=", "up"), ("zone", "!=", "")], [0, 1]),
    ([("__name__", "=", "up"), ("zone", "=~", "a|")], [0, 2]),
    ([("__name__", "=", "up"), ("zone", "!~", "a|b")], [2]),
    ([("__name__", "=", "up"), ("zone", "=~", ".+")], [0, 1]),
    ([("__name__", "=", "up"), ("zone", "=~", ".*")], [0, 1, 2]),
    ([("job", "=", "api")], [0, 1, 3]),
    ([("job", "=~", "a.+"), ("job", "!=", "web")], [0, 1, 3]),
    ([("job", "=~", "line.break")], [4]),
    ([("job", "=", "line\nbreak")], [4]),
    ([("it's", "=", "\\ \" {p0:String} '; --")], [4]),
    ([("it's", "=~", ".*--")], [4]),
    ([("Zone", "=", "A")], [3]),
    ([("tenant", "=", "another")], []),
    ([("__name__", "=", "up"), ("__name__", "!~", "d.*"), ("job", "=", "web")], [2]),
]


@pytest.mark.parametrize(("wanted", "selected"), SELECTORS)
async def test_matchers_select_what_prometheus_selects(
    store: AsyncStore, wanted: list[tuple[str, Operator, str]], selected: list[int]
) -> None:
    found = await samples(store, "nodes", *wanted)
    assert list(found.labels) == sorted(labels_of(NODES[number]) for number in selected)
    assert all(values == [(NOW, 1.0)] for values in points(found).values())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    st.sampled_from(["__name__", "job", "zone", "it's"]), st.sampled_from(["=", "!=", "=~", "!~"]), st.text(max_size=6)
)
def test_any_matcher_selects_as_it_says(store: AsyncStore, name: str, operator: Operator, value: str) -> None:
    matcher = Matcher(name, operator, value)
    try:
        expected = [labels_of(labels) for labels in NODES if matcher.matches(labels.get(name, ""))]
    except UserError:
        with pytest.raises(UserError, match="invalid regular expression"):
            asyncio.run(samples(store, "nodes", (name, operator, value)))
        return
    found = asyncio.run(samples(store, "nodes", (name, operator, value)))
    assert list(found.labels) == sorted(expected)


async def test_a_selection_of_nothing_is_empty(store: AsyncStore) -> None:
    found = await samples(store, "nodes", ("__name__", "=", "nobody"))
    assert (list(found.labels), found.offsets.tolist(), found.times.size, found.values.size) == ([], [0], 0, 0)


async def test_the_time_range_is_open_to_the_left(client: Any, store: AsyncStore, tenant: str) -> None:
    insert_samples(
        client, {"__name__": "m"}, [(NOW + offset, float(offset)) for offset in range(0, 50, 10)], tenant=tenant
    )
    found = await samples(store, tenant, ("__name__", "=", "m"), after=NOW + 10, until=NOW + 30)
    assert found.times.tolist() == [NOW + 20, NOW + 30]


async def test_a_range_over_days_has_each_series_once(client: Any, store: AsyncStore, tenant: str) -> None:
    for job in ("b", "a"):
        for day in (2, 0, 1):
            insert_samples(client, {"__name__": "m", "job": job}, [(NOW + day * DAY, float(day))], tenant=tenant)
    found = await samples(store, tenant, ("__name__", "=", "m"), after=NOW - 1, until=NOW + 2 * DAY)
    expected = [(NOW, 0.0), (NOW + DAY, 1.0), (NOW + 2 * DAY, 2.0)]
    assert points(found) == {(("__name__", "m"), ("job", job)): expected for job in "ab"}


@pytest.mark.parametrize(("after", "until"), [(-(2**63), 2**63 - 1), (NOW + DAY, NOW), (-5_000, -1)])
async def test_any_range_is_answered(store: AsyncStore, after: int, until: int) -> None:
    found = await samples(store, "nodes", ("__name__", "=", "up"), after=after, until=until)
    assert len(found.labels) == (3 if after < -DAY else 0)


async def test_a_series_without_samples_in_the_range_is_left_out(store: AsyncStore) -> None:
    found = await samples(store, "nodes", ("__name__", "=", "up"), after=NOW, until=NOW + 1)
    assert list(found.labels) == []


async def test_every_nan_keeps_its_bits(client: Any, store: AsyncStore, tenant: str) -> None:
    values = [1.5, NAN, STALE, float("inf"), -0.0, 5e-324]
    insert_samples(client, {"__name__": "m"}, [(NOW + at, value) for at, value in enumerate(values)], tenant=tenant)
    found = await samples(store, tenant, ("__name__", "=", "m"))
    assert same_bits(found.values, values)


DUPLICATES: list[tuple[list[float], float]] = [
    ([2.0, 2.0], 2.0),
    ([1.0, 3.0, 2.0], 3.0),
    ([NAN, -float("inf")], -float("inf")),
    ([STALE, 0.0], 0.0),
    ([STALE, NAN], NAN),
    ([STALE, STALE], STALE),
]


@pytest.mark.parametrize(("written", "counts"), DUPLICATES)
async def test_of_samples_of_one_time_one_counts_whatever_their_order(
    client: Any, store: AsyncStore, tenant: str, written: list[float], counts: float
) -> None:
    orders: list[Point] = []
    for at, order in enumerate(itertools.permutations(written)):
        orders += [(NOW + 10 * at, value) for value in order]
    insert_samples(client, {"__name__": "m"}, orders[::2], tenant=tenant)
    insert_samples(client, {"__name__": "m"}, orders[1::2], tenant=tenant)
    insert_samples(client, {"__name__": "n"}, [(NOW, 7.0)], tenant=tenant)
    found = await samples(store, tenant, ("__name__", "=~", "m|n"))
    times = len(list(itertools.permutations(written)))
    assert found.offsets.tolist() == [0, times, times + 1]
    assert found.times.tolist() == [*(NOW + 10 * at for at in range(times)), NOW]
    assert same_bits(found.values, [*([counts] * times), 7.0])


async def test_start_timestamps_come_along_where_one_is_known(client: Any, store: AsyncStore, tenant: str) -> None:
    insert_samples(client, {"__name__": "gauge"}, [(NOW, 1.0)], tenant=tenant)
    assert (await samples(store, tenant, ("__name__", "=", "gauge"))).starts is None
    deltas: list[Point] = [(NOW + 1000, 5.0, NOW), (NOW + 2000, 6.0, NOW + 1000)]
    insert_samples(client, {"__name__": "delta"}, deltas, tenant=tenant, temporality="delta")
    starts = (await samples(store, tenant, ("__name__", "=~", "delta|gauge"))).starts
    assert starts is not None
    assert starts.tolist() == [NOW, NOW + 1000, 0]


async def test_histograms_stand_among_numbers_by_time(client: Any, store: AsyncStore, tenant: str) -> None:
    labels = {"__name__": "latency", "job": "api"}
    insert_samples(client, labels, [(NOW + 1, 1.0), (NOW + 3, 3.0, NOW)], tenant=tenant)
    insert_samples(client, {"__name__": "latency", "job": "aaa"}, [(NOW, 0.5)], tenant=tenant)
    insert_histogram(
        client, labels, NOW + 2, tenant=tenant, start=NOW - 5, schema=3, zero_threshold=0.001, zero_count=2.0, count=9.0,
        sum=18.4, positive=([-2, 4], [3.0, 4.0]), negative=([1], [2.0]), reset=CounterReset.RESET,
    )  # fmt: skip
    insert_histogram(client, labels, NOW + 4, tenant=tenant, count=STALE, sum=STALE)
    insert_histogram(
        client, {"__name__": "sizes"}, NOW, tenant=tenant, schema=-53, count=1.0, sum=NAN, positive=([1], [1.0]),
        custom_bounds=[5.0, 10.0], reset=CounterReset.GAUGE,
    )  # fmt: skip
    found = await samples(store, tenant, ("__name__", "=~", "latency|sizes"))
    assert [dict(labels).get("job", "") for labels in found.labels] == ["aaa", "api", ""]
    assert found.offsets.tolist() == [0, 1, 5, 6]
    assert (found.times - NOW).tolist() == [0, 1, 2, 3, 4, 0]
    assert same_bits(found.values, [0.5, 1.0, NAN, 3.0, STALE, NAN])
    assert found.starts is not None
    assert found.starts.tolist() == [0, 0, NOW - 5, NOW, 0, 0]
    assert found.histograms is not None
    native, custom = found.histograms[2], found.histograms[5]
    assert [row for row, histogram in enumerate(found.histograms) if histogram is not None] == [2, 5]
    assert native == Histogram.of(
        schema=3, zero_threshold=0.001, zero_count=2, count=9, sum=18.4, positive=([-2, 4], [3, 4]), negative=([1], [2])
    )
    assert native.reset is CounterReset.RESET
    assert custom.is_custom
    assert (custom.custom_bounds.tolist(), custom.reset) == ([5.0, 10.0], CounterReset.GAUGE)


async def test_series_of_histograms_only_have_no_numbers(client: Any, store: AsyncStore, tenant: str) -> None:
    insert_histogram(client, {"__name__": "h"}, NOW, tenant=tenant, count=1.0, start=NOW - 1)
    found = await samples(store, tenant, ("__name__", "=", "h"))
    assert found.histograms is not None
    assert found.histograms[0].count == 1
    assert found.starts is not None
    assert found.starts.tolist() == [NOW - 1]


async def test_a_histogram_counts_before_a_number_of_its_time(client: Any, store: AsyncStore, tenant: str) -> None:
    insert_samples(client, {"__name__": "h"}, [(NOW, 5.0)], tenant=tenant)
    insert_histogram(client, {"__name__": "h"}, NOW, tenant=tenant, count=1.0)
    found = await samples(store, tenant, ("__name__", "=", "h"))
    assert found.histograms is not None
    assert [h.count for h in found.histograms] == [1.0]


async def test_more_series_than_ids_that_are_listed(client: Any, store: AsyncStore, tenant: str) -> None:
    count = MAX_LISTED_IDS + 5
    fill(client, tenant, "many", series=count, samples=2)
    found = await samples(store, tenant, ("job", "=", "j"))
    assert len(found.labels) == count
    assert list(found.labels) == sorted(found.labels)
    by_instance = {int(dict(labels)["instance"]): row for row, labels in enumerate(found.labels)}
    assert all(found.values[2 * by_instance[number]] == number for number in range(count))


def fill(client: Any, tenant: str, metric: str, *, series: int, samples: int, step: int = 15_000) -> None:
    """Many samples, made by the engine: the value is the series' number plus the sample's."""
    client.command(
        f"""
        INSERT INTO sample_rows SELECT '{tenant}' AS tenant, '{metric}' AS metric, cityHash64(metric, labels) AS id,
          fromUnixTimestamp64Milli(toInt64({NOW} + intDiv(number, {series}) * {step})) AS ts,
          fromUnixTimestamp64Milli(toInt64(0)) AS start_ts, toFloat64(number % {series} + intDiv(number, {series})) AS value,
          'cumulative' AS temporality, map('instance', toString(number % {series}), 'job', 'j') AS labels
        FROM numbers({series * samples})
        """
    )


async def test_too_many_samples_are_refused_as_prometheus_does(client: Any, store: AsyncStore, tenant: str) -> None:
    fill(client, tenant, "m", series=10, samples=20)
    with pytest.raises(LimitExceeded, match="would load too many samples into memory in query execution"):
        await samples(store, tenant, ("__name__", "=", "m"), limits=Limits(samples=199))
    assert len((await samples(store, tenant, ("__name__", "=", "m"), limits=Limits(samples=200))).times) == 200


async def test_the_limit_holds_for_all_leaves_of_a_query(client: Any, store: AsyncStore, tenant: str) -> None:
    fill(client, tenant, "m", series=10, samples=20)
    storage = ClickHouseStorage(store, tenant, Limits(samples=300))
    leaf = Leaf(matchers(("__name__", "=", "m")), NOW - 1, NOW + DAY)
    await storage.fetch(leaf)
    with pytest.raises(LimitExceeded, match="too many samples"):
        await storage.fetch(leaf)


async def test_too_many_series_are_refused(client: Any, store: AsyncStore, tenant: str) -> None:
    fill(client, tenant, "m", series=10, samples=1)
    with pytest.raises(LimitExceeded, match="select more than 9 series"):
        await samples(store, tenant, ("__name__", "=", "m"), limits=Limits(series=9))
    assert len((await samples(store, tenant, ("__name__", "=", "m"), limits=Limits(series=10))).labels) == 10


async def test_a_query_that_takes_too_long_is_stopped(client: Any, store: AsyncStore, tenant: str) -> None:
    fill(client, tenant, "m", series=1000, samples=1000)
    with pytest.raises(LimitExceeded, match="query timed out in query execution"):
        await samples(store, tenant, ("__name__", "=", "m"), limits=Limits(seconds=0.001))


async def test_what_a_query_cost_is_counted(store: AsyncStore) -> None:
    storage = ClickHouseStorage(store, "nodes")
    await storage.fetch(Leaf(matchers(("__name__", "=", "up")), NOW - 1, NOW))
    assert storage.cost.rows_read >= 6
    assert storage.cost.bytes_read > 0


async def test_no_more_is_read_than_far_apart_windows_hold(client: Any, store: AsyncStore, tenant: str) -> None:
    fill(client, tenant, "m", series=1, samples=100, step=1000)
    window = Window("sum_over_time", 3_000, Grid(NOW + 10_000, NOW + 90_000, 40_000))
    leaf = Leaf(matchers(("__name__", "=", "m")), NOW + 7_000, NOW + 90_000, window)
    found = await ClickHouseStorage(store, tenant).fetch(leaf)
    assert isinstance(found, Samples)
    assert ((found.times - NOW) // 1000).tolist() == [8, 9, 10, 48, 49, 50, 88, 89, 90]
