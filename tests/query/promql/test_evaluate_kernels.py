"""The kernels over windows say what plain Python says of each window by itself, for any samples."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.query.promql.plain_functions import PLAIN, in_window, without_stale

from sonde.query.promql.evaluate import evaluate
from sonde.query.promql.evaluation.summation import BLOCK, compensated
from sonde.query.promql.memory_storage import STALE, Line, MemoryStorage
from sonde.query.promql.parser import parse
from sonde.query.promql.query import Query
from sonde.query.promql.series import Vector
from sonde.telemetry.labels import labels_of

Values = Sequence[float]
SECOND = 1_000
WIDTH = 60


def mean_distance(values: Values) -> float:
    middle = statistics.median(values)
    return statistics.median([abs(value - middle) for value in values])


OF_VALUES: dict[str, Callable[[Values], float]] = {
    "avg_over_time": statistics.fmean,
    "mad_over_time": mean_distance,
    "stddev_over_time": statistics.pstdev,
    "stdvar_over_time": statistics.pvariance,
    "sum_over_time": math.fsum,
}
points = st.dictionaries(
    st.integers(0, 400), st.one_of(st.integers(-5, 50).map(float), st.just(STALE)), min_size=1, max_size=60
)


async def column(function: str, samples: Sequence[dict[int, float]], ends: range) -> list[list[float | None]]:
    lines = {
        labels_of({"__name__": "m_total", "n": f"{n:02}"}): Line({t * SECOND: v for t, v in each.items()})
        for n, each in enumerate(samples)
    }
    expr = parse(f"{function}(m_total[{WIDTH}s])")
    query = Query(expr, ends.start * SECOND, (ends.stop - 1) * SECOND, ends.step * SECOND)
    value = (await evaluate(MemoryStorage(lines), query)).value
    assert isinstance(value, Vector)
    rows: list[list[float | None]] = [[None] * len(ends) for _ in samples]
    for row, labels in enumerate(value.labels):
        found = zip(value.values[row].tolist(), value.present[row].tolist(), strict=True)
        rows[int(labels[-1][1])] = [number if there else None for number, there in found]
    return rows


@pytest.mark.parametrize("function", sorted(set(PLAIN) - {"last"}))
@settings(max_examples=25, deadline=None)
@given(samples=st.lists(points, min_size=1, max_size=3), step=st.integers(1, 90))
async def test_windows_are_what_they_are_one_by_one(function: str, samples: list[dict[int, float]], step: int) -> None:
    ends = range(0, 500, step)
    found = await column(function, samples, ends)
    for row, each in enumerate(samples):
        whole = without_stale(sorted((t * SECOND, v) for t, v in each.items()))
        for place, end in enumerate(ends):
            window = in_window(whole, end * SECOND, WIDTH * SECOND)
            begin = (end - WIDTH) * SECOND
            wanted = PLAIN[function](window, begin, end * SECOND) if window else None
            assert found[row][place] == pytest.approx(wanted, nan_ok=True), (end, window)


@pytest.mark.parametrize("function", OF_VALUES)
@settings(max_examples=25, deadline=None)
@given(samples=st.lists(points, min_size=1, max_size=3), step=st.integers(1, 90))
async def test_statistics_are_those_of_each_window(function: str, samples: list[dict[int, float]], step: int) -> None:
    ends = range(0, 500, step)
    found = await column(function, samples, ends)
    for row, each in enumerate(samples):
        whole = without_stale(sorted((t * SECOND, v) for t, v in each.items()))
        for place, end in enumerate(ends):
            window = [value for _, value in in_window(whole, end * SECOND, WIDTH * SECOND)]
            wanted = OF_VALUES[function](window) if window else None
            assert found[row][place] == pytest.approx(wanted, abs=1e-9), (end, window)


@pytest.mark.parametrize("count", [1, 2, BLOCK, BLOCK + 1, 5 * BLOCK, BLOCK * BLOCK + 7])
def test_sums_lose_nothing_however_many_there_are(count: int) -> None:
    generator = np.random.default_rng(count)
    values = generator.normal(size=(count, 3)) * 10.0 ** generator.integers(-8, 8, size=(count, 3))
    total, rest = compensated(values)
    assert (total + rest).tolist() == pytest.approx([math.fsum(row) for row in values.T], rel=1e-15)


def test_what_is_big_does_not_swallow_what_is_small() -> None:
    total, rest = compensated(np.array([1.0, 1e100, 1.0, -1e100] * BLOCK))
    assert total + rest == 2 * BLOCK
