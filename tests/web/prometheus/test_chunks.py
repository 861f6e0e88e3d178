"""Chunks that are written hold what a reader of the specification finds in them."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.web.prometheus.chunk_reading import floats, histograms, slow_crc32c

from sonde.query.promql.histogram.native import CounterReset, Histogram
from sonde.web.prometheus.chunks import CHUNK_SAMPLES, float_chunks, histogram_chunks
from sonde.web.prometheus.crc32c import crc32c

numbers = st.one_of(st.sampled_from([0.0, -0.0, 1.0, 1.5, float("nan"), float("inf")]), st.floats(width=64))
steps = st.one_of(st.sampled_from([1, 1000, 15_000]), st.integers(1, 2**45))
series = st.lists(st.tuples(steps, numbers), max_size=30)


def bits(values: list[float]) -> list[int]:
    return [int(each) for each in np.array(values, np.float64).view(np.int64)]


@given(st.lists(series, min_size=1, max_size=4), st.integers(-(2**40), 2**42))
def test_what_is_written_is_read(described: list[list[tuple[int, float]]], start: int) -> None:
    times = [start + np.cumsum([0, *(step for step, _ in one)])[1:] for one in described]
    values = [[value for _, value in one] for one in described]
    offsets = np.cumsum([0, *map(len, described)])
    written = float_chunks(
        np.concatenate(times).astype(np.int64), np.concatenate(values).astype(np.float64), offsets, 12
    )
    for chunks, one_times, one_values in zip(written, times, values, strict=True):
        found = [sample for chunk in chunks for sample in floats(chunk.data)]
        assert [time for time, _ in found] == one_times.tolist()
        assert bits([value for _, value in found]) == bits(one_values)
        assert all(
            (chunk.first, chunk.last) == (floats(chunk.data)[0][0], floats(chunk.data)[-1][0]) for chunk in chunks
        )


def test_a_chunk_has_at_most_120_samples() -> None:
    times = np.arange(1000, dtype=np.int64) * 15_000
    [chunks] = float_chunks(times, np.ones(1000), np.array([0, 1000]))
    assert [len(floats(chunk.data)) for chunk in chunks] == [CHUNK_SAMPLES] * 8 + [40]


counts = st.lists(st.integers(1, 9), min_size=2, max_size=2)


@given(
    st.lists(counts, min_size=1, max_size=20), st.sampled_from([0.0, 0.001, 2.0**-128]), st.booleans(), st.booleans()
)
def test_histograms_that_are_written_are_read(
    buckets: list[list[int]], threshold: float, is_custom: bool, is_gauge: bool
) -> None:
    kind = {"schema": -53, "custom_bounds": [0.5, 1 / 3, 1e9][: 2 + is_gauge]} if is_custom else {"schema": 3}
    reset = CounterReset.GAUGE if is_gauge else CounterReset.UNKNOWN
    given_ones = [
        Histogram.of(
            count=sum(one), sum=sum(one) / 3, zero_threshold=threshold, positive=([0, 2], one), reset=reset, **kind
        )
        for one in buckets
    ]
    times = np.arange(len(buckets), dtype=np.int64) * 15_000 + 1_700_000_000_000
    chunks = list(histogram_chunks(times, given_ones))
    found = [sample for chunk in chunks for sample in histograms(chunk.data)]
    assert [time for time, _ in found] == times.tolist()
    assert [sample["positive"] for _, sample in found] == buckets
    assert [sample["sum"] for _, sample in found] == [one.sum for one in given_ones]
    assert {(sample["zero_threshold"], sample["schema"]) for _, sample in found} == {(threshold, kind["schema"])}
    if is_custom:
        assert all(sample["bounds"] == kind["custom_bounds"] for _, sample in found)
    if is_gauge:
        assert len(chunks) == 1
    else:
        # a reset begins a chunk, and the chunk says so
        lost = sum(any(a > b for a, b in zip(*pair, strict=True)) for pair in itertools.pairwise(buckets))
        assert [histograms(chunk.data)[0][1]["reset"] for chunk in chunks] == [0] + [2] * lost


@given(st.binary(max_size=3000))
def test_checksums_are_those_of_castagnoli(data: bytes) -> None:
    assert crc32c(data) == slow_crc32c(data)
