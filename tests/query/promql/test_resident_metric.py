"""A metric that got its samples in many small runs has the same ones as one that got them at once."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sonde.query.promql.clickhouse.resident_metric import ResidentMetric, Rows
from sonde.telemetry.labels import Labels

SERIES: dict[int, Labels] = {number: (("n", str(number)),) for number in (7, 3, 11)}
POINT = st.tuples(
    st.sampled_from([*SERIES, 99]),
    st.integers(1, 40),
    st.sampled_from([1.0, 2.0, float("nan")]),
    st.sampled_from([0, 0, 5]),
)


def rows(points: list[tuple[int, int, float, int]]) -> Rows:
    ids, times, values, starts = zip(*points, strict=True) if points else ((), (), (), ())
    return Rows(
        np.array(ids, np.uint64), np.array(times, np.int64), np.array(values, np.float64), np.array(starts, np.int64)
    )


def filler(first: int, count: int) -> list[tuple[int, int, float, int]]:
    """So many that they are a run of their own."""
    return [(7, 1_000 + first + number, 1.0, 0) for number in range(count)]


def said(metric: ResidentMetric, after: int, until: int) -> list[Any]:
    found = metric.find(np.array([2, 0, 1]), after, until)
    starts = np.zeros(len(found.times), np.int64) if found.starts is None else found.starts
    return [
        found.places.tolist(),
        found.offsets.tolist(),
        found.times.tolist(),
        str(found.values.tolist()),
        starts.tolist(),
    ]


@given(st.lists(st.lists(POINT, max_size=6), max_size=8), st.integers(0, 40), st.integers(0, 1_100))
def test_the_samples_are_the_same(batches: list[list[tuple[int, int, float, int]]], after: int, until: int) -> None:
    large = filler(0, 3_000)
    metric = ResidentMetric.empty(0).with_rows(rows(large), SERIES, 0)
    for batch in batches:
        metric = metric.with_rows(rows(batch), {}, 0)
    at_once = ResidentMetric.empty(0).with_rows(
        rows(large + [point for batch in batches for point in batch]), SERIES, 0
    )
    assert len(metric.runs) <= 2
    assert len(at_once.runs) == 1
    # a start is of the sample that counts: equal values at one time may differ in it
    assert said(metric, after, until)[:4] == said(at_once, after, until)[:4]


def test_runs_are_few_and_each_much_larger_than_the_next() -> None:
    metric = ResidentMetric.empty(0)
    for turn in range(200):
        metric = metric.with_rows(rows(filler(turn * 400, 400)), SERIES, 0)
    sizes = [len(run.keys) for run in metric.runs]
    assert sum(sizes) == 200 * 400
    assert len(sizes) <= 4
    assert all(size >= 8 * less for size, less in itertools.pairwise(sizes))


def test_what_is_too_old_goes_when_all_runs_join() -> None:
    metric = ResidentMetric.empty(0).with_rows(rows(filler(0, 100)), SERIES, 0)
    later = metric.with_rows(rows(filler(100, 1)), {}, 1_050)
    assert later.after == 1_050
    assert said(later, 1_050, 2_000)[2] == list(range(1_051, 1_101))
