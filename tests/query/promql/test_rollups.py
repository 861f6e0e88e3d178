"""What is answered from rollups is what the samples would give, whatever has come since they were made."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.query.promql.metric_rows import NAN, STALE, Point, insert_histogram, insert_series

from sonde.query.promql.clickhouse.rollup_functions import FUNCTIONS
from sonde.query.promql.clickhouse.rollup_reader import OUTLIVED
from sonde.query.promql.clickhouse.storage import ClickHouseStorage
from sonde.query.promql.evaluate import evaluate
from sonde.query.promql.parser import parse
from sonde.query.promql.query import Query, Result
from sonde.query.promql.series import Samples, Vector
from sonde.query.promql.storage import Leaf
from sonde.store.client import ClickHouseError, Client
from sonde.store.client import Result as Rows
from sonde.store.deletion import Condition, Deletion
from sonde.store.embedded import EmbeddedClickHouse
from sonde.store.pool import AsyncStore
from sonde.store.rollups import Rolled, Rollups
from sonde.telemetry.labels import Labels

HOUR = 3_600_000
MINUTE = 60_000
NOON = 1_700_049_600_000  # 2023-11-15 12:00:00 UTC
MIDNIGHT = NOON + 12 * HOUR
LAST_DIGITS = 1e-13
EXACT = frozenset(FUNCTIONS) - {"avg_over_time", "rate", "increase", "delta"}

T = TypeVar("T")
_names = (f"rolled{number}" for number in itertools.count())


@pytest.fixture
def tenant() -> str:
    """A tenant of this test alone."""
    return next(_names)


def at(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


class Watched:
    """A storage that counts which of its leaves came as vectors."""

    def __init__(self, store: AsyncStore, tenant: str, *, is_rolled: bool) -> None:
        self._storage = ClickHouseStorage(store, tenant, push_down="never", rollups="always" if is_rolled else "never")
        self.vectors = 0
        self.leaves = 0

    @property
    def rows(self) -> int:
        return self._storage.cost.rows_read

    async def fetch(self, leaf: Leaf) -> Samples | Vector:
        answer = await self._storage.fetch(leaf)
        self.leaves += 1
        self.vectors += isinstance(answer, Vector)
        return answer


def query_of(text: str, start: int, end: int, step: int) -> Query:
    return Query(parse(text), start, end, step, text=text)


async def answered(store: AsyncStore, tenant: str, query: Query, *, is_rolled: bool = True) -> tuple[Result, Watched]:
    storage = Watched(store, tenant, is_rolled=is_rolled)
    return await evaluate(storage, query), storage


def values(result: Result) -> dict[Labels, list[float | None]]:
    assert isinstance(result.value, Vector)
    shown = zip(result.value.labels, result.value.values.tolist(), result.value.present.tolist(), strict=True)
    return {labels: [v if p else None for v, p in zip(row, there, strict=True)] for labels, row, there in shown}


def same(function: str, found: float | None, expected: float | None) -> bool:
    if found is None or expected is None:
        return found is expected
    if math.isnan(expected) or math.isinf(expected):
        return found == expected or (math.isnan(expected) and math.isnan(found))
    return found == expected if function in EXACT else math.isclose(found, expected, rel_tol=LAST_DIGITS)


async def differences(store: AsyncStore, tenant: str, query: Query, function: str) -> list[Any]:
    """Where rollups and samples say something else."""
    rolled, _ = await answered(store, tenant, query)
    plain, _ = await answered(store, tenant, query, is_rolled=False)
    ours, theirs = values(rolled), values(plain)
    assert rolled.annotations == plain.annotations
    assert list(ours) == list(theirs), function
    return [
        (function, labels, place, *pair)
        for labels in ours
        for place, pair in enumerate(zip(ours[labels], theirs[labels], strict=True))
        if not same(function, *pair)
    ]


def counter(start: int, hours: int, step: int = 15_000) -> list[Point]:
    ticks = range(start + 5_000, start + hours * HOUR, step)
    return [(tick, float(number % 700)) for number, tick in enumerate(ticks)]


def on_one_thread(function: Callable[[], T]) -> T:
    """Off the main thread; each thread that asks the engine gets a connection of its own, which is dear."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(function).result()


def roll_up(client: Any, now: int) -> list[Rolled]:
    return on_one_thread(lambda: Rollups(client.client).run_once(at(now)))


# -- the same as samples ----------------------------------------------------------------------------------------------

_TIMES = st.one_of(
    st.integers(-40, 40).map(lambda tick: MIDNIGHT + tick * 5 * MINUTE),
    st.integers(-3 * HOUR, 3 * HOUR).map(lambda offset: MIDNIGHT + offset),
    st.integers(-360, 360).map(lambda tick: MIDNIGHT + tick * 30_000),
)
_ODD = st.sampled_from([NAN, STALE, STALE, math.inf, -math.inf, -0.0, 1e300, 0.1, -0.1])
_COUNTS = st.integers(0, 50).map(float) | st.just(STALE)
_NUMBERS = st.one_of(_COUNTS, st.floats(-1e6, 1e6), st.floats(allow_nan=False), _ODD)
_WIDE = st.sampled_from([1e16, 1.0, -1e16, 0.1, 0.2, 3.0])
_STARTS = st.sampled_from([0, 0, 0, -HOUR, -MINUTE, MINUTE])


def _line(numbers: st.SearchStrategy[float], starts: st.SearchStrategy[int]) -> st.SearchStrategy[list[Point]]:
    one = st.tuples(_TIMES, numbers, starts).map(lambda p: (p[0], p[1], p[0] + p[2] if p[2] else 0))
    return st.lists(one, min_size=1, max_size=60, unique_by=lambda point: point[0])


_LINES = st.one_of(
    _line(_COUNTS, st.just(0)), _line(_NUMBERS, st.just(0)), _line(_WIDE, st.just(0)), _line(_COUNTS, _STARTS)
)
_GRIDS = st.sampled_from(
    [(5 * MINUTE, 5 * MINUTE), (HOUR, 5 * MINUTE), (HOUR, HOUR), (15 * MINUTE, 30 * MINUTE), (HOUR, 3 * HOUR)]
)


TABLES = ("samples", "series", "histograms", "rollups_5m", "rollups_1h", "rollup_pieces", "rollup_days")


def emptied(client: Any) -> None:
    def truncate() -> None:
        for table in TABLES:
            client.client.command(f"TRUNCATE TABLE {table}")

    on_one_thread(truncate)


@pytest.fixture(autouse=True)
def _empty(client: Any) -> None:
    emptied(client)


def text_of(function: str, width: int) -> str:
    return "m" if function == "last" else f"{function}(m[{width // MINUTE}m])"


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.data_too_large, HealthCheck.too_slow],
    max_examples=5,
)
@given(
    first=st.lists(_LINES, min_size=4, max_size=4),
    late=st.lists(_LINES, min_size=4, max_size=4),
    grid=_GRIDS,
    passes=st.lists(st.integers(-3, 4), min_size=1, max_size=3).map(sorted),
    functions=st.permutations(sorted(FUNCTIONS)).map(lambda names: names[:5]),
)
def test_rollups_say_what_samples_say(
    client: Any,
    store: AsyncStore,
    first: list[list[Point]],
    late: list[list[Point]],
    grid: tuple[int, int],
    passes: list[int],
    functions: list[str],
) -> None:
    """Late and repeated samples come between the passes, and after the last one."""
    emptied(client)
    tenant = next(_names)
    step, width = grid
    insert_series(client, [({"__name__": "m", "i": str(i)}, line) for i, line in enumerate(first)], tenant=tenant)
    insert_series(client, [({"__name__": "m", "i": "0"}, first[1])], tenant="neighbour")
    for number, hour in enumerate(passes):
        roll_up(client, MIDNIGHT + hour * HOUR + 6 * MINUTE)
        again = late[number] + first[number]
        insert_series(client, [({"__name__": "m", "i": str(number)}, again)], tenant=tenant)
    start, end = MIDNIGHT - 3 * HOUR, MIDNIGHT + 4 * HOUR
    for function in functions:
        query = query_of(text_of(function, width), start, end, step)
        assert not asyncio.run(differences(store, tenant, query, function))


COUNTERS: list[tuple[dict[str, str], list[Point]]] = [
    ({"__name__": "m", "i": "1"}, counter(NOON, 18)),
    ({"__name__": "m", "i": "2"}, counter(NOON - HOUR, 10, 60_000)),
    (
        {"__name__": "m", "i": "3"},
        [(ts, value / 10, NOON + 3 * HOUR) for ts, value, *_ in counter(NOON + 3 * HOUR, 12)],
    ),
    (
        {"__name__": "m", "i": "4"},
        [(MIDNIGHT - HOUR, 5.0), (MIDNIGHT, 6.0), (MIDNIGHT + 1, STALE), (MIDNIGHT + HOUR, 1.0)],
    ),
    # only its start times tell that it began anew, each time where a bucket begins
    (
        {"__name__": "m", "i": "5"},
        [(NOON + k * MINUTE, float(k), NOON + (k - 1) // 60 * HOUR + 1) for k in range(1, 500)],
    ),
    ({"__name__": "m", "i": "6"}, [(MIDNIGHT + 2 * HOUR - MINUTE, 5.0), (MIDNIGHT + 2 * HOUR - 1, STALE)]),
    (
        {"__name__": "m", "i": "7"},
        [(NOON + (k // 5 + 1) * MINUTE, value) for k, value in enumerate([1.0, 5.0, NAN, STALE, 2.0] * 60)],
    ),
]
LONG = query_of("m", NOON, MIDNIGHT + 6 * HOUR, HOUR)
WHOLE = MIDNIGHT + 7 * HOUR


def long_query(function: str, width: int = HOUR) -> Query:
    return query_of(text_of(function, width), LONG.start, LONG.end, LONG.step)


async def test_each_function_reads_few_rows_and_says_the_same(client: Any, store: AsyncStore, tenant: str) -> None:
    insert_series(client, COUNTERS, tenant=tenant)
    roll_up(client, WHOLE)
    for function, width in itertools.product(FUNCTIONS, (5 * MINUTE, HOUR, 2 * HOUR)):
        query = long_query(function, width)
        assert not await differences(store, tenant, query, function)
        rolled, storage = await answered(store, tenant, query)
        assert values(rolled), function
        assert storage.vectors == 1, function
        assert storage.rows < 600, function  # of 9,000


async def test_an_hour_that_is_not_over_is_answered_too(client: Any, store: AsyncStore, tenant: str) -> None:
    insert_series(client, COUNTERS, tenant=tenant)
    roll_up(client, MIDNIGHT + 90 * MINUTE)
    for function in ("last", "sum_over_time", "increase"):
        assert not await differences(store, tenant, long_query(function), function)


async def test_what_comes_late_counts_at_once_and_is_rolled_up_an_hour_later(
    client: Any, store: AsyncStore, tenant: str
) -> None:
    insert_series(client, COUNTERS, tenant=tenant)
    assert sum(rolled.pieces for rolled in roll_up(client, WHOLE)) == 20
    assert roll_up(client, WHOLE) == []
    insert_series(client, [({"__name__": "m", "i": "1"}, [(NOON + 90 * MINUTE, 1e9)])], tenant=tenant)
    query = long_query("max_over_time")
    result, before = await answered(store, tenant, query)
    assert values(result)[(("i", "1"),)][2] == 1e9
    assert not await differences(store, tenant, query, "max_over_time")
    assert roll_up(client, WHOLE) == []
    assert [rolled.pieces for rolled in roll_up(client, WHOLE + HOUR)] == [1]
    assert not await differences(store, tenant, query, "max_over_time")
    _, after = await answered(store, tenant, query)
    assert after.rows < before.rows


class Cut(EmbeddedClickHouse):
    """A client whose connection breaks at the so manyth statement."""

    def __init__(self, client: Client, left: int) -> None:
        self._client = client
        self._left = left

    def query(self, *arguments: Any, **options: Any) -> Rows:
        return self._client.query(*arguments, **options)

    def command(self, *arguments: Any) -> None:
        if self._left == 0:
            raise ClickHouseError("broken off", 210)
        self._left -= 1
        self._client.command(*arguments)


@pytest.mark.parametrize("statements", range(5))
async def test_a_pass_that_is_broken_off_leaves_nothing_wrong(
    client: Any, store: AsyncStore, tenant: str, statements: int
) -> None:
    insert_series(client, COUNTERS, tenant=tenant)
    roll_up(client, MIDNIGHT - HOUR)
    insert_series(client, [({"__name__": "m", "i": "1"}, [(NOON + 90 * MINUTE, 1e9)])], tenant=tenant)
    with pytest.raises(ClickHouseError):
        on_one_thread(lambda: Rollups(Cut(client.client, statements)).run_once(at(WHOLE)))
    for function in ("last", "sum_over_time"):
        assert not await differences(store, tenant, long_query(function), function)
    roll_up(client, WHOLE)
    for function in ("last", "sum_over_time", "increase"):
        assert not await differences(store, tenant, long_query(function), function)
    assert client.query("SELECT count() FROM rollup_ledger WHERE NOT is_done").rows == [[0]]


async def test_rows_that_were_computed_anew_are_cleaned_up(client: Any, store: AsyncStore, tenant: str) -> None:
    insert_series(client, COUNTERS, tenant=tenant)
    for number in range(4):
        roll_up(client, WHOLE + number * HOUR)
        late = [(NOON + hour * HOUR + MINUTE, 3.0) for hour in range(11)]
        insert_series(client, [({"__name__": "m", "i": f"late{number}"}, late)], tenant=tenant)
    roll_up(client, WHOLE + 5 * HOUR)
    assert client.query("SELECT min(generation) FROM rollups_1h WHERE bucket = '2023-11-15 15:00:00'").rows[0][0] > 1
    assert not await differences(store, tenant, long_query("count_over_time"), "count_over_time")


async def test_tenants_do_not_see_each_other(client: Any, store: AsyncStore, tenant: str) -> None:
    insert_series(client, COUNTERS, tenant=tenant)
    insert_series(client, [(labels, [(ts, 1e6) for ts, *_ in points]) for labels, points in COUNTERS], tenant="loud")
    roll_up(client, WHOLE)
    assert not await differences(store, tenant, long_query("sum_over_time"), "sum_over_time")
    assert not await differences(store, "loud", long_query("sum_over_time"), "sum_over_time")


async def test_several_metrics_of_one_selector(client: Any, store: AsyncStore, tenant: str) -> None:
    insert_series(client, COUNTERS, tenant=tenant)
    insert_series(client, [({"__name__": "n", "i": "9"}, counter(NOON, 8))], tenant=tenant)
    roll_up(client, WHOLE)
    insert_series(client, [({"__name__": "n", "i": "9"}, [(NOON + MINUTE, 1e9)])], tenant=tenant)
    roll_up(client, WHOLE + HOUR)
    query = query_of('max_over_time({__name__=~"m|n"}[1h])', LONG.start, LONG.end, LONG.step)
    assert not await differences(store, tenant, query, "max_over_time")


async def test_histograms_among_the_samples_are_left_to_the_samples(
    client: Any, store: AsyncStore, tenant: str
) -> None:
    insert_series(client, COUNTERS, tenant=tenant)
    insert_histogram(client, {"__name__": "m", "i": "1"}, NOON + HOUR, tenant=tenant, count=1.0)
    roll_up(client, WHOLE)
    result, storage = await answered(store, tenant, long_query("count_over_time"))
    assert storage.vectors == 0
    assert values(result)


def deletion_of(tenant: str, series: str, start: int, end: int) -> Deletion:
    sql = (
        "tenant = {t:String} AND metric IN {m:Array(String)} AND ts > fromUnixTimestamp64Milli({a:Int64}) "
        "AND ts <= fromUnixTimestamp64Milli({u:Int64}) AND id IN (SELECT id FROM series WHERE labels['i'] = {i:String})"
    )
    points = Condition(sql, {"t": tenant, "m": ["m"], "a": start - 1, "u": end, "i": series})
    return Deletion(tenant, ("m",), start, end, points, left=points, series=points, ended=points)


async def test_what_was_deleted_is_gone_at_once_and_after_the_next_pass(
    client: Any, store: AsyncStore, tenant: str
) -> None:
    insert_series(client, COUNTERS, tenant=tenant)
    roll_up(client, WHOLE)
    nothing = deletion_of(tenant, "none", NOON + HOUR, MIDNIGHT + HOUR)
    on_one_thread(lambda: Rollups(client.client).forget(nothing))
    assert not await differences(store, tenant, long_query("sum_over_time"), "sum_over_time")
    deletion = deletion_of(tenant, "1", NOON + HOUR, MIDNIGHT + HOUR)
    client.command(f"DELETE FROM samples WHERE {deletion.points.sql}", deletion.points.parameters)
    assert not await differences(store, tenant, long_query("sum_over_time"), "sum_over_time")
    insert_series(
        client, [({"__name__": "m", "i": "2"}, [(NOON + 90 * MINUTE + k, 1e9) for k in range(240)])], tenant=tenant
    )
    on_one_thread(lambda: Rollups(client.client).forget(deletion))
    for now in (WHOLE, WHOLE + HOUR):
        for function in ("sum_over_time", "last"):
            assert not await differences(store, tenant, long_query(function), function)
        roll_up(client, now + HOUR)
    assert client.query("SELECT count() FROM rollup_ledger WHERE NOT is_done").rows == [[0]]


async def test_rollups_outlive_samples_and_say_so(client: Any, store: AsyncStore, tenant: str) -> None:
    insert_series(client, COUNTERS, tenant=tenant)
    roll_up(client, WHOLE)
    query = long_query("sum_over_time")
    before, _ = await answered(store, tenant, query, is_rolled=False)
    client.command("ALTER TABLE samples DROP PARTITION ID '20231115'")
    roll_up(client, WHOLE + HOUR)
    storage = ClickHouseStorage(store, tenant)  # few samples, so only because there is no other way
    after = await evaluate(storage, query)
    assert values(after) == values(before)
    assert list(after.annotations.infos) == [f"PromQL info: {OUTLIVED}"]
    for hour in (2, 3):  # one that is too late does not make them worthless
        insert_series(client, [({"__name__": "m", "i": "1"}, [(NOON + MINUTE + hour, 7.0)])], tenant=tenant)
        assert values(await evaluate(storage, query)) == values(before)
        roll_up(client, WHOLE + hour * HOUR)
        assert values(await evaluate(storage, query)) == values(before)
    deletion = deletion_of(tenant, "1", NOON + HOUR + 1, NOON + 2 * HOUR + MINUTE)
    on_one_thread(lambda: Rollups(client.client).forget(deletion))
    left = values(await evaluate(storage, query))
    one, two = ((("i", name),) for name in "12")
    assert [left[one][hour] for hour in (1, 2, 3)] == [values(before)[one][1], None, None]
    assert left[two] == values(before)[two]


async def test_short_and_small_queries_look_at_samples(client: Any, store: AsyncStore, tenant: str) -> None:
    insert_series(client, COUNTERS, tenant=tenant)
    roll_up(client, WHOLE)
    storage = ClickHouseStorage(store, tenant, push_down="never")
    leaf = Watched(store, tenant, is_rolled=False)
    leaf._storage = storage
    await evaluate(leaf, long_query("sum_over_time"))
    assert (leaf.leaves, leaf.vectors) == (1, 0)
