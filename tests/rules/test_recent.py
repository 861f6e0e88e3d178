"""Samples that the store does not show yet are there all the same."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sonde.query.promql.memory_storage import MemoryStorage
from sonde.query.promql.storage import Leaf
from sonde.rules.batch import Sample
from sonde.rules.recent import Recent
from sonde.telemetry.labels import Labels, labels_of
from sonde.telemetry.matcher import Matcher

POINTS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30), st.floats(0, 9)), max_size=30)
ALL = (Matcher("__name__", "=", "m"), Matcher("n", "!=", "c"))


def labels(name: str) -> Labels:
    return labels_of({"__name__": "m", "n": name})


@given(old=POINTS, new=POINTS, after=st.integers(-1, 20), until=st.integers(0, 31))
async def test_both_together_are_what_a_store_with_all_of_them_would_say(
    old: list[tuple[str, int, float]], new: list[tuple[str, int, float]], after: int, until: int
) -> None:
    stored, whole, recent = MemoryStorage(), MemoryStorage(), Recent()
    for name, time, value in old:
        stored.put(labels(name), time, value)
        whole.put(labels(name), time, value)
    recent.put([Sample(labels(name), time, value) for name, time, value in new], 0)
    for name, time, value in new:
        whole.put(labels(name), time, value)
    leaf = Leaf(ALL, after, until)
    found = await recent.over(lambda: stored)().fetch(leaf)
    expected = await whole.fetch(leaf)
    assert list(found.labels) == list(expected.labels)
    assert np.array_equal(found.offsets, expected.offsets)
    assert np.array_equal(found.times, expected.times)
    assert np.array_equal(found.values, expected.values)


async def test_they_are_forgotten_behind_a_minute_and_when_they_were_not_written() -> None:
    recent = Recent()
    first, second = [Sample(labels("a"), 1, 1.0)], [Sample(labels("a"), 2, 2.0), Sample(labels("b"), 2, 2.0)]
    recent.put(first, 0)
    recent.put(second, 30_000)
    recent.drop(second)
    assert recent.select(Leaf(ALL, 0, 9)) == {labels("a"): {1: 1.0}}
    recent.put([], 60_000)
    assert recent.select(Leaf(ALL, 0, 9)) == {}
