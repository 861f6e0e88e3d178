"""Classic histograms: quantiles and fractions of cumulative buckets, for many columns at once."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonde.query.promql.histogram.classic_buckets import bucket_fraction, bucket_quantile, custom_buckets
from sonde.query.promql.histogram.quantile import fraction, quantile

INF = math.inf
NAN = math.nan


def column(*counts: float) -> np.ndarray:
    return np.array(counts, dtype=np.float64)[:, None]


@pytest.mark.parametrize(
    ("bounds", "counts", "q", "expected"),
    [
        ([0.1, 0.2, 1, INF], [50, 70, 110, 110], 0.25, 0.055),
        ([0.1, 0.2, 1, INF], [50, 70, 110, 110], 1, 1),
        ([-0.25, -0.2, -0.1, INF], [0, 10, 20, 20], 0, -0.25),
        ([-0.2, -0.1, 0.3, INF], [3, 6, 8, 8], 0.2, -0.2),
        ([0, 2, 4, 6, INF], [0, 1, 2, 3, 3], 0.5, 3),
        ([1, INF], [0, 4], 0.5, 1),
        ([INF], [4], 0.5, NAN),
        ([1, 2], [1, 2], 0.5, NAN),
        ([1, INF], [0, 0], 0.5, NAN),
        ([1, INF], [1, 1], 2, INF),
        ([1, INF], [1, 1], -1, -INF),
        ([1, INF], [1, 1], NAN, NAN),
        ([0.2, 0.1, 0.2, 0.2, INF], [1, 1, 1, 1, 4], 0.5, 0.15),
    ],
)  # fmt: skip
def test_a_quantile_lies_evenly_within_its_bucket(
    bounds: list[float], counts: list[float], q: float, expected: float
) -> None:
    found = bucket_quantile(np.array(bounds), column(*counts), q)
    np.testing.assert_allclose(found.values, [expected])
    assert not found.is_forced.any()


@pytest.mark.parametrize(("q", "expected"), [(0.01, 0.0045), (0.5, 8.5), (0.99, 979.75)])
def test_buckets_that_count_less_than_smaller_ones_are_raised_and_told(q: float, expected: float) -> None:
    bounds = np.array([0.1, 1, 10, 100, 1000, INF])
    found = bucket_quantile(bounds, 10 * column(2, 1, 5, 4, 9, 8), q)
    np.testing.assert_allclose(found.values, [expected])
    assert (found.is_forced.all(), found.lowest[0], found.highest[0], found.difference[0]) == (True, 1, INF, 10)


def test_differences_of_rounding_are_passed_over() -> None:
    found = bucket_quantile(np.array([1, 2, 3, INF]), column(10, 10 - 1e-13, 10 + 1e-13, 10), 0.5)
    assert (found.values.tolist(), found.is_forced.tolist()) == ([0.5], [False])


def test_each_column_has_its_own_buckets_and_quantile() -> None:
    counts = np.array([[1.0, 1, 1], [3, 3, 3], [4, 4, 4]])
    present = np.array([[True, True, True], [True, False, True], [True, True, False]])
    found = bucket_quantile(np.array([1.0, 2, INF]), counts, [0.5, 0.5, 0.5], present)
    np.testing.assert_allclose(found.values, [1.5, 1, NAN])
    np.testing.assert_allclose(bucket_quantile(np.array([1.0, 2, INF]), counts, [0.25, 0.5, 1]).values, [1, 1.5, 2])


@pytest.mark.parametrize(
    ("bounds", "counts", "lower", "upper", "expected"),
    [
        ([1, 2, 3, INF], [1, 3, 6, 100], 0, 1.5, 0.02),
        ([-3, -2, -1, INF], [10, 12, 15, 100], -4, -2, 0.02),
        ([-3, -2, -1, INF], [10, 12, 15, 100], -INF, -1.5, 0.135),
        ([1, 2, 3, INF], [1, 3, 6, 100], -INF, INF, 1),
        ([1, 2, 3, INF], [1, 3, 6, 100], 4, 5, 0),
        ([-3, -2, -1, INF], [10, 12, 15, 100], 0, 1, 0),
        ([1, 2, 3, INF], [1, 3, 6, 100], 2, 5, 0.03),
        ([1, 2, 3, INF], [1, 3, 6, 100], 2, 2, 0),
        ([1, 2, 3, INF], [1, 3, 6, 100], 3, 2, 0),
        ([1, INF], [0, 0], 0, 5, NAN),
        ([-2, -1, 0, 1, INF], [5, 10, 15, 20, 100], -1, 1, 0.1),
        ([1, INF], [1, 2], NAN, 1, NAN),
        ([1, 2], [1, 2], 0, 1, NAN),
        ([1, 2, INF], [1, 2, 2], -10, -5, 0),
    ],
)  # fmt: skip
def test_a_fraction_leaves_out_buckets_without_end(
    bounds: list[float], counts: list[float], lower: float, upper: float, expected: float
) -> None:
    np.testing.assert_allclose(bucket_fraction(np.array(bounds), column(*counts), lower, upper), [expected])
    if math.inf in bounds:
        native = custom_buckets(np.array(bounds), np.array(counts, dtype=np.float64))
        np.testing.assert_allclose(fraction(native, lower, upper).value, expected)


@given(st.lists(st.integers(0, 100), min_size=2, max_size=8), st.floats(0, 1))
def test_custom_buckets_answer_as_classic_ones_do(increments: list[int], q: float) -> None:
    bounds = np.append(np.arange(1, len(increments), dtype=np.float64), INF)
    counts = np.cumsum(np.array(increments, dtype=np.float64))
    native = custom_buckets(bounds, counts)
    if native.positive_index.size and 0 < q < 1:
        classic = bucket_quantile(bounds, counts[:, None], q).values[0]
        assert abs(quantile(native, q).value - classic) < 1e-6 or 0 in increments


def test_a_classic_histogram_becomes_one_with_custom_buckets() -> None:
    found = custom_buckets(np.array([0.2, 0.1]), np.array([3.0, 1.0]), count=4, total=0.9)
    assert (found.count, found.sum, found.custom_bounds.tolist(), found.positive_count.tolist()) == (
        4,
        0.9,
        [0.1, 0.2],
        [1, 2, 1],
    )
    with pytest.raises(ValueError, match="counts less than the one before"):
        custom_buckets(np.array([0.1, 0.2, INF]), np.array([3.0, 1.0, 4.0]))
    with pytest.raises(ValueError, match="bound NaN"):
        custom_buckets(np.array([NAN]), np.array([1.0]))
