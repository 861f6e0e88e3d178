"""Series in memory are found by their labels, whatever was indexed before."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sonde.query.promql.clickhouse.resident_directory import Directory
from sonde.telemetry.labels import labels_of, value_of
from sonde.telemetry.matcher import Matcher

VALUES = st.sampled_from(["", "a", "b", "ab"])
SERIES = st.builds(
    lambda job, zone, number: labels_of({"__name__": "up", "job": job, "zone": zone, "n": number}),
    VALUES,
    VALUES,
    st.sampled_from(["1", "2", "3"]),
)
MATCHERS = st.builds(
    Matcher,
    st.sampled_from(["job", "zone", "n", "missing"]),
    st.sampled_from(["=", "!=", "=~", "!~"]),
    st.sampled_from(["", "a", "b", "a.*", "a|b", "1"]),
)


@given(
    st.lists(st.lists(SERIES, max_size=6, unique=True), min_size=1, max_size=4),
    st.lists(st.lists(MATCHERS, max_size=4), min_size=1, max_size=4),
)
def test_selected_is_what_all_matchers_fit(batches: list[list[object]], selectors: list[list[Matcher]]) -> None:
    directory, number = Directory(), 0
    for batch in batches:
        directory = directory.with_series({number + place: labels for place, labels in enumerate(batch)})  # type: ignore[misc]
        number += len(batch)
        for matchers in selectors:
            places = directory.select(matchers).tolist()
            expected = [
                place
                for place, labels in enumerate(directory.labels)
                if all(matcher.matches(value_of(labels, matcher.name)) for matcher in matchers)
            ]
            assert sorted(places) == expected
            assert [directory.labels[place] for place in places] == sorted(directory.labels[place] for place in places)
            assert directory.remembers(matchers)
