"""What the engine computes of windows itself is what Prometheus would say of the samples, or it is not asked.

Rates are divided in another order, so their last binary digit may differ; all else is equal.
"""

from __future__ import annotations

import asyncio
import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.query.promql.metric_rows import (
    NAN,
    NOW,
    STALE,
    Point,
    bits,
    insert_histogram,
    insert_samples,
    insert_series,
)
from tests.query.promql.plain_functions import PLAIN, Points, plain_vector

from sonde.query.promql.clickhouse import grid_functions
from sonde.query.promql.clickhouse.grid_functions import FUNCTIONS
from sonde.query.promql.clickhouse.storage import ClickHouseStorage, PushDown
from sonde.query.promql.series import Grid, Samples, Vector
from sonde.query.promql.storage import Leaf, Window
from sonde.store.pool import AsyncStore
from sonde.telemetry.matcher import Matcher

LAST_DIGITS = 3e-15
_names = (f"grid{number}" for number in itertools.count())

_ODD = st.sampled_from([NAN, STALE, math.inf, -math.inf, -0.0, 1e300])
_WHOLE = st.integers(0, 50).map(float)
_ANY = st.one_of(_WHOLE, st.floats(0, 1e6), st.floats(allow_nan=False), _ODD)
_TIMES = st.one_of(st.integers(-20, 20).map(lambda tick: tick * 5_000), st.integers(-100_000, 100_000))


def _series(values: st.SearchStrategy[float]) -> st.SearchStrategy[Points]:
    points = st.lists(st.tuples(_TIMES, values), min_size=1, max_size=25, unique_by=lambda point: point[0])
    return points.map(lambda found: sorted((NOW + ts, value) for ts, value in found))


_FLEETS = st.one_of(
    st.lists(_series(st.one_of(_WHOLE, st.just(STALE))), min_size=12, max_size=12),
    st.lists(_series(_ANY), min_size=12, max_size=12),
)


@pytest.fixture
def tenant() -> str:
    """A tenant of this test alone."""
    return next(_names)


def leaf_of(function: str, grid: Grid, width: int) -> Leaf:
    last = grid.start + (grid.size - 1) * grid.step
    return Leaf((Matcher("__name__", "=", "m"),), grid.start - width, last, Window(function, width, grid))


async def fetched(store: AsyncStore, tenant: str, leaf: Leaf, push_down: PushDown = "always") -> Vector | Samples:
    return await ClickHouseStorage(store, tenant, push_down=push_down).fetch(leaf)


def rows(vector: Vector) -> dict[int, list[float | None]]:
    return {
        int(dict(labels)["i"]): [value if there else None for value, there in zip(values, present, strict=True)]
        for labels, values, present in zip(vector.labels, vector.values.tolist(), vector.present.tolist(), strict=True)
    }


def same(function: str, found: float | None, expected: float | None) -> bool:
    if found is None or expected is None:
        return found is expected
    if function.startswith("last"):
        return bits(found) == bits(expected)
    if math.isnan(expected):
        return math.isnan(found)
    return found == expected or (
        function.endswith(("rate", "increase", "delta")) and math.isclose(found, expected, rel_tol=LAST_DIGITS)
    )


def test_every_function_of_the_table_has_a_yardstick() -> None:
    assert set(FUNCTIONS) == set(PLAIN)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.data_too_large], max_examples=25)
@given(
    _FLEETS,
    st.integers(-50_000, 50_000) | st.integers(-10, 10).map(lambda tick: tick * 5_000),
    st.sampled_from([0, 5_000, 15_000, 40_000, 1_001]),
    st.sampled_from([5_000, 15_000, 30_000, 100_000, 999]),
)
def test_the_engine_says_what_the_samples_say(
    client: Any, store: AsyncStore, fleet: list[Points], start: int, step: int, width: int
) -> None:
    tenant = next(_names)
    insert_series(client, [({"__name__": "m", "i": str(i)}, points) for i, points in enumerate(fleet)], tenant=tenant)
    grid = Grid(NOW + start, NOW + start + 4 * step, step)
    ends = [grid.start + index * step for index in range(grid.size)]
    for function in FUNCTIONS:
        vector = asyncio.run(fetched(store, tenant, leaf_of(function, grid, width)))
        if isinstance(vector, Samples):
            assert function in {"rate", "increase"} or not len(vector.times), function
            continue
        found = rows(vector)
        for number, points in enumerate(fleet):
            expected = plain_vector(function, points, ends, width)
            gives = found.get(number, [None] * grid.size)
            assert all(map(same, itertools.repeat(function), gives, expected)), (function, points, gives, expected)
            assert number in found or all(value is None for value in expected)


GRID = Grid(NOW, NOW + 120_000, 60_000)


async def test_vectors_come_in_the_order_of_label_sets(client: Any, store: AsyncStore, tenant: str) -> None:
    insert_series(
        client, [({"__name__": "m", "i": str(i)}, [(NOW - 1, 1.0), (NOW, float(i))]) for i in (3, 1, 2)], tenant=tenant
    )
    vector = await fetched(store, tenant, leaf_of("last", GRID, 60_000))
    assert isinstance(vector, Vector)
    assert list(vector.labels) == sorted(vector.labels)
    assert vector.values[:, 0].tolist() == [1, 2, 3]
    assert vector.present.tolist() == [[True, False, False]] * 3


BEGINNINGS: list[tuple[str, list[Point], bool]] = [
    ("no start is known", [(NOW, 1.0), (NOW + 30_000, 2.0)], True),
    ("all starts lie before the first window", [(NOW, 1.0, NOW - 90_000), (NOW + 30_000, 2.0, NOW - 90_000)], True),
    ("a start lies in a window", [(NOW, 1.0, NOW - 10), (NOW + 30_000, 2.0, NOW - 10)], False),
    ("a series has two starts", [(NOW, 1.0, NOW - 95_000), (NOW + 30_000, 2.0, NOW - 90_000)], False),
    ("deltas", [(NOW, 1.0, NOW - 30_000), (NOW + 30_000, 2.0, NOW)], False),
]


@pytest.mark.parametrize(
    ("points", "is_computed"), [case[1:] for case in BEGINNINGS], ids=[case[0] for case in BEGINNINGS]
)
async def test_start_timestamps_that_change_a_rate_are_not_left_to_the_engine(
    client: Any, store: AsyncStore, tenant: str, points: list[Point], is_computed: bool
) -> None:
    insert_samples(client, {"__name__": "m", "i": "1"}, points, tenant=tenant)
    for function in ("rate", "increase", "irate", "resets"):
        answer = await fetched(store, tenant, leaf_of(function, GRID, 60_000))
        assert isinstance(answer, Vector) == is_computed, function
        assert is_computed or (isinstance(answer, Samples) and answer.starts is not None)
    assert isinstance(await fetched(store, tenant, leaf_of("max_over_time", GRID, 60_000)), Vector)


async def test_a_histogram_among_the_samples_is_not_left_to_the_engine(
    client: Any, store: AsyncStore, tenant: str
) -> None:
    insert_samples(client, {"__name__": "m", "i": "1"}, [(NOW, 1.0)], tenant=tenant)
    insert_histogram(client, {"__name__": "m", "i": "2"}, NOW + 200_000, tenant=tenant, count=1.0)
    assert isinstance(await fetched(store, tenant, leaf_of("last", GRID, 60_000)), Vector)
    insert_histogram(client, {"__name__": "m", "i": "2"}, NOW + 1, tenant=tenant, count=1.0)
    answer = await fetched(store, tenant, leaf_of("last", GRID, 60_000))
    assert isinstance(answer, Samples)
    assert answer.histograms is not None


async def test_duplicates_count_the_same_either_way(client: Any, store: AsyncStore, tenant: str) -> None:
    for values in ([1.0, STALE, 5.0], [2.0, 3.0, NAN]):
        insert_samples(
            client, {"__name__": "m", "i": "1"}, [(NOW + at, value) for at, value in enumerate(values)], tenant=tenant
        )
    grid = Grid(NOW, NOW + 3, 1)
    samples = await fetched(store, tenant, leaf_of("last", grid, 10), "never")
    vector = await fetched(store, tenant, leaf_of("last", grid, 10))
    assert isinstance(samples, Samples)
    assert isinstance(vector, Vector)
    assert samples.values.tolist() == [2, 3, 5]
    assert vector.values.tolist() == [[2, 3, 5, 5]]


@pytest.mark.parametrize(
    ("step", "least_samples", "least_per_step", "is_computed"),
    [
        (60_000, 50, 4, True),
        (30_000, 50, 4, False),  # steps so short have few samples, mostly
        (60_000, 50, 100, False),
        (60_000, 2000, 4, False),
    ],
)
async def test_few_samples_are_fetched_and_many_computed(
    client: Any,
    store: AsyncStore,
    tenant: str,
    monkeypatch: pytest.MonkeyPatch,
    step: int,
    least_samples: int,
    least_per_step: int,
    is_computed: bool,
) -> None:
    points: list[Point] = [(NOW + second * 1000, 1.0) for second in range(1200)]
    insert_samples(client, {"__name__": "m", "i": "1"}, points, tenant=tenant)
    monkeypatch.setattr(grid_functions, "LEAST_SAMPLES", least_samples)
    monkeypatch.setattr(grid_functions, "LEAST_PER_STEP", least_per_step)
    leaf = leaf_of("max_over_time", Grid(NOW, NOW + 1_200_000, step), step)
    assert isinstance(await fetched(store, tenant, leaf, "cheaper"), Vector) == is_computed


async def test_a_vector_of_no_samples_is_empty(store: AsyncStore) -> None:
    answer = await fetched(store, "nobody", leaf_of("rate", GRID, 60_000))
    assert len(answer.labels) == 0
    assert np.size(answer.values) == 0
