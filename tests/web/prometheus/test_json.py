"""What a query answers, byte for byte as Prometheus writes it."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sonde.query.promql.histogram.native import Histogram
from sonde.query.promql.histogram.text import json_float
from sonde.query.promql.series import STALE_NAN_BITS, Samples, Vector
from sonde.web.prometheus.json import (
    histogram,
    labels,
    matrix_rows,
    moments_of,
    numbers_of,
    samples_rows,
    seconds,
    text,
    vector_rows,
    written,
)

STALE = np.array([STALE_NAN_BITS]).view(np.float64)[0]
UP = (("__name__", "up"),)
SAMPLES_OF_EVERY_SIZE = (
    st.floats() | st.integers(-(2**70), 2**70).map(float) | st.sampled_from([-0.0, 1e16, 1e21, 1e-5])
)


def holding(*histograms: Histogram | None) -> np.ndarray:
    column = np.empty((1, len(histograms)), dtype=object)
    column[0, :] = histograms
    return column


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"), (-0.0, "-0"), (1.0, "1"), (10.0, "10"), (100.05, "100.05"), (0.1, "0.1"), (1e-5, "0.00001"),
        (1e-6, "0.000001"), (1.5e-6, "0.0000015"), (9.9e-7, "9.9e-07"), (1e-9, "1e-09"), (1e-10, "1e-10"),
        (5e-324, "5e-324"), (1e15, "1000000000000000"), (1e16, "10000000000000000"), (2.0**60, "1152921504606847000"),
        (1e20, "100000000000000000000"), (1e21, "1e+21"), (1.7976931348623157e308, "1.7976931348623157e+308"),
        (math.inf, "+Inf"), (-math.inf, "-Inf"), (math.nan, "NaN"), (123456789.123, "123456789.123"),
    ],
)  # fmt: skip
def test_a_number_is_the_shortest_that_is_this_float(value: float, shown: str) -> None:
    assert numbers_of(np.array([value])) == [shown]
    assert numbers_of(np.array([1.5, value, 2.0])) == ["1.5", shown, "2"]


@given(arrays(np.float64, st.integers(0, 20), elements=SAMPLES_OF_EVERY_SIZE))
def test_many_numbers_are_written_as_each_would_be(values: np.ndarray) -> None:
    found = numbers_of(values)
    assert found == [json_float(value) for value in values.tolist()]
    assert np.array_equal(np.array([float(number) for number in found]), values, equal_nan=True)


@given(arrays(np.int64, st.integers(0, 10), elements=st.integers(-(2**50), 2**50)))
def test_many_times_are_written_as_each_would_be(times: np.ndarray) -> None:
    found = moments_of(times)
    assert found == [seconds(moment) for moment in times.tolist()]
    assert all(re.fullmatch(r"-?\d+(\.\d{3})?", moment) for moment in found)


@given(st.text())
def test_text_in_labels_is_json_and_is_not_escaped_for_html(value: str) -> None:
    assert json.loads(text(value)) == value
    assert ("<" in value) == ("<" in text(value))


@given(st.text())
def test_other_text_is_json_that_may_stand_in_html(value: str) -> None:
    assert json.loads(written(value)) == value
    assert not set("<>&\u2028\u2029") & set(written(value))


@pytest.mark.parametrize(
    ("value", "shown"), [('a"b', r'"a\"b"'), ("\\", r'"\\"'), ("\b\f\n\r\t\x01", r'"\u0008\u000c\n\r\t\u0001"'), ("\\b", r'"\\b"'), ("é<&>", '"é<&>"')]
)  # fmt: skip
def test_control_characters_are_escaped_as_go_escapes_them(value: str, shown: str) -> None:
    assert text(value) == shown


def test_labels_keep_their_order() -> None:
    assert labels((("__name__", "up"), ("instance", 'a"b'))) == '{"__name__":"up","instance":"a\\"b"}'
    assert labels(()) == "{}"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Histogram.of(), '{"count":"0","sum":"0"}'),
        (
            Histogram.of(count=3, sum=-1.5, zero_count=1, positive=([0], [2])),
            '{"count":"3","sum":"-1.5","buckets":[[3,"-0","0","1"],[0,"0.5","1","2"]]}',
        ),
        (
            Histogram.of(schema=-53, count=6, sum=math.nan, positive=([0, 1, 2], [1, 2, 3]), custom_bounds=[-1, 2.5]),
            '{"count":"6","sum":"NaN","buckets":[[3,"-Inf","-1","1"],[0,"-1","2.5","2"],[0,"2.5","+Inf","3"]]}',
        ),
        (
            Histogram.of(schema=1, count=4, sum=1, negative=([1, 3], [1, 3])),
            '{"count":"4","sum":"1","buckets":[[1,"-2.82842712474619","-2","3"],[1,"-1.414213562373095","-1","1"]]}',
        ),
    ],
)
def test_a_histogram_lists_the_buckets_that_hold_something(value: Histogram, shown: str) -> None:
    assert histogram(value) == shown


def test_an_instant_vector_has_what_is_present() -> None:
    values = np.array([[1.0], [2.0], [np.nan]])
    held = np.array([[None], [None], [Histogram.of(count=1, sum=2)]], dtype=object)
    vector = Vector([UP, (("a", "b"),), ()], values, np.array([[True], [False], [True]]), held)

    assert list(vector_rows(vector, 1_435_781_430_781)) == [
        '{"metric":{"__name__":"up"},"value":[1435781430.781,"1"]}',
        '{"metric":{},"histogram":[1435781430.781,{"count":"1","sum":"2"}]}',
    ]


def test_a_range_vector_leaves_out_gaps_and_series_without_values() -> None:
    values = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [0.0, 0.0, 0.0]])
    present = np.array([[True, True, True], [True, False, True], [False, False, False]])
    vector = Vector([UP, (("a", "b"),), ()], values, present)

    assert list(matrix_rows(vector, np.array([1000, 1500, 2000]))) == [
        '{"metric":{"__name__":"up"},"values":[[1,"1"],[1.500,"2"],[2,"3"]]}',
        '{"metric":{"a":"b"},"values":[[1,"4"],[2,"6"]]}',
    ]


def test_numbers_and_histograms_of_one_series_stand_apart() -> None:
    held = holding(None, Histogram.of(count=1, sum=2), None)
    both = Vector([UP], np.array([[1.0, np.nan, 3.0]]), np.array([[True, True, True]]), held)
    alone = Vector([UP], np.full((1, 1), np.nan), np.array([[True]]), holding(Histogram.of(count=1, sum=2)))

    assert list(matrix_rows(both, np.array([1000, 2000, 3000]))) == [
        '{"metric":{"__name__":"up"},"values":[[1,"1"],[3,"3"]],"histograms":[[2,{"count":"1","sum":"2"}]]}'
    ]
    assert list(matrix_rows(alone, np.array([0]))) == [
        '{"metric":{"__name__":"up"},"histograms":[[0,{"count":"1","sum":"2"}]]}'
    ]


def test_stored_samples_are_shown_without_stale_markers() -> None:
    held = np.array([None, None, None, Histogram.of(count=1, sum=2), None], dtype=object)
    samples = Samples(
        labels=[UP, (("gone", "1"),), ()],
        offsets=np.array([0, 2, 3, 5]),
        times=np.array([1000, 2000, 1000, 1500, 2500]),
        values=np.array([1.0, STALE, STALE, np.nan, np.nan]),
        histograms=held,
    )

    assert list(samples_rows(samples)) == [
        '{"metric":{"__name__":"up"},"values":[[1,"1"]]}',
        '{"metric":{},"values":[[2.500,"NaN"]],"histograms":[[1.500,{"count":"1","sum":"2"}]]}',
    ]


WHOLE = st.integers(-(10**16), 10**16).map(float) | st.sampled_from([0.0, -0.0, 1.5, 1e15, 1e16, math.nan, math.inf])


@given(arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 6)), elements=WHOLE))
def test_rows_of_whole_numbers_are_written_as_each_would_be(values: np.ndarray) -> None:
    times = 1000 * np.arange(values.shape[1], dtype=np.int64)
    rows = matrix_rows(Vector([UP] * len(values), values, np.ones(values.shape, np.bool_)), times)
    shown = [[value for _, value in json.loads(row)["values"]] for row in rows]
    assert shown == [[json_float(value) for value in row] for row in values.tolist()]
