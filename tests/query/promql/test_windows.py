"""Where windows begin and end among samples: counted for times that are equally far apart, else looked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonde.query.promql.evaluation.windows import Range, both_bounds, bounds
from sonde.query.promql.series import Integers, Samples

_TIMES = st.lists(st.integers(-60, 60), unique=True, max_size=12).map(sorted)
_LINES = st.lists(_TIMES, min_size=1, max_size=4)


def samples_at(lines: list[list[int]]) -> Samples:
    times = np.array([time for line in lines for time in line], np.int64)
    offsets = np.concatenate(([0], np.cumsum([len(line) for line in lines]))).astype(np.int64)
    labels = [(("line", str(number)),) for number in range(len(lines))]
    return Samples(labels, offsets, times, times.astype(np.float64))


def counted(lines: list[list[int]], edges: list[int]) -> list[list[int]]:
    """The same by counting one by one."""
    before = np.cumsum([0, *map(len, lines)]).tolist()
    return [
        [first + sum(time <= edge for time in line) for edge in edges]
        for first, line in zip(before, lines, strict=False)
    ]


def evenly(start: int, step: int, size: int) -> Integers:
    return start + np.arange(size, dtype=np.int64) * step


@given(_LINES, st.integers(-80, 80), st.integers(1, 40), st.integers(1, 9))
def test_bounds_of_even_times_are_those_that_one_counts(
    lines: list[list[int]], start: int, step: int, size: int
) -> None:
    edges = evenly(start, step, size)
    assert bounds(samples_at(lines), edges).tolist() == counted(lines, edges.tolist())


@given(_LINES, st.lists(st.integers(-80, 80), max_size=6))
def test_bounds_of_any_times_are_those_that_one_counts(lines: list[list[int]], edges: list[int]) -> None:
    assert bounds(samples_at(lines), np.array(edges, np.int64)).tolist() == counted(lines, edges)


@given(_LINES, st.integers(-80, 80), st.integers(0, 20), st.integers(1, 6), st.integers(0, 60))
def test_windows_have_the_samples_between_their_ends(
    lines: list[list[int]], start: int, step: int, size: int, width: int
) -> None:
    ends = evenly(start, step, size)
    first, behind = both_bounds(samples_at(lines), ends, width)
    assert first.tolist() == counted(lines, (ends - width).tolist())
    assert behind.tolist() == counted(lines, ends.tolist())


@pytest.mark.parametrize(("extent", "first", "behind"), [("", 3, 5), ("anchored", 1, 5), ("smoothed", 1, 7)])
def test_an_extent_widens_windows_by_the_lookback(extent: str, first: int, behind: int) -> None:
    samples = samples_at([[0, 10, 20, 30, 40, 50, 60, 70]])
    window = Range(samples, np.array([45], np.int64), 20, extent, lookback=20).windows()  # type: ignore[arg-type]
    assert (window.first[0, 0], window.behind[0, 0]) == (first, behind)
