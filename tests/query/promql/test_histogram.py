"""Native histograms: arithmetic, resets, text. Values of single functions come from Prometheus' scripts, beside this."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sonde.query.promql.histogram.align import MixedBuckets
from sonde.query.promql.histogram.arithmetic import (
    add,
    combined_reset,
    detect_reset,
    detect_resets,
    mean,
    subtract,
    total,
)
from sonde.query.promql.histogram.bounds import exponential_bounds
from sonde.query.promql.histogram.native import CounterReset, Histogram, all_buckets, validate
from sonde.query.promql.histogram.notation import as_stored, parse, parse_series, to_notation
from sonde.query.promql.histogram.quantile import deviation, fraction, quantile
from sonde.query.promql.histogram.text import to_json, to_text
from sonde.query.promql.histogram.trim import trim_lower, trim_upper

counts = st.floats(min_value=0, max_value=1e6, allow_subnormal=False)


@st.composite
def exponential(draw: st.DrawFn, *, is_whole: bool = False) -> Histogram:
    """A histogram with exponential buckets beyond its zero bucket, whose count is that of its buckets."""
    schema = draw(st.integers(-4, 8))
    threshold = draw(st.sampled_from([0.0, 1e-128, 0.001, 0.5, 3.0]))
    number = st.integers(0, 1000).map(float) if is_whole else counts
    positive, negative = (draw(st.dictionaries(st.integers(-40, 40), number, max_size=8)) for _ in range(2))
    sides = []
    for side in (positive, negative):
        index = np.array(sorted(side), dtype=np.int64)
        beyond = index[exponential_bounds(index, schema) > threshold]
        sides.append((beyond, [side[position] for position in beyond.tolist()]))
    zero = draw(number)
    return Histogram.of(
        schema=schema,
        zero_threshold=threshold,
        zero_count=zero,
        count=math.fsum([zero, *sides[0][1], *sides[1][1]]),
        sum=draw(counts),
        positive=sides[0],
        negative=sides[1],
    )


@st.composite
def custom(draw: st.DrawFn) -> Histogram:
    bounds = sorted(draw(st.sets(st.integers(-5, 20).map(float), max_size=6)))
    inside = draw(st.lists(st.integers(0, 1000).map(float), min_size=len(bounds) + 1, max_size=len(bounds) + 1))
    return Histogram.of(
        schema=-53, count=sum(inside), sum=draw(counts), positive=(range(len(inside)), inside), custom_bounds=bounds
    )


histograms = st.one_of(exponential(), custom())
same_kind = st.one_of(st.tuples(exponential(), exponential()), st.tuples(custom(), custom()))


def in_buckets(h: Histogram) -> float:
    return math.fsum([h.zero_count, *h.positive_count, *h.negative_count])


@given(same_kind)
def test_a_sum_does_not_depend_on_the_order(pair: tuple[Histogram, Histogram]) -> None:
    assert to_text(add(*pair).histogram) == to_text(add(pair[1], pair[0]).histogram)


@given(same_kind)
def test_a_sum_loses_no_observation(pair: tuple[Histogram, Histogram]) -> None:
    found = add(*pair).histogram
    assert in_buckets(found) == pytest.approx(in_buckets(pair[0]) + in_buckets(pair[1]))
    assert found.schema == min(h.schema for h in pair)
    assert found.zero_threshold >= max(h.zero_threshold for h in pair)


@given(histograms)
def test_nothing_is_left_of_a_histogram_less_itself(h: Histogram) -> None:
    found = subtract(h, h).histogram
    assert (found.count, found.sum, in_buckets(found), found.positive_index.size) == (0, 0, 0, 0)
    assert found.reset is CounterReset.GAUGE


@given(histograms, st.floats(0, 1), st.floats(0, 1))
def test_quantiles_rise(h: Histogram, one: float, other: float) -> None:
    assume(h.custom_bounds.size or not h.is_custom)
    low, high = quantile(h, min(one, other)).value, quantile(h, max(one, other)).value
    assert h.count == 0 or low <= high or low == pytest.approx(high)


@given(histograms)
def test_all_observations_lie_between_the_infinities(h: Histogram) -> None:
    everything = fraction(h, -math.inf, math.inf).value
    assert math.isnan(everything) if h.count == 0 else everything == pytest.approx(1)


@given(exponential(is_whole=True), st.floats(-100, 100).filter(bool))
def test_what_a_value_divides_adds_up(h: Histogram, value: float) -> None:
    parts = trim_upper(h, value).count + trim_lower(h, value).count
    assert parts == pytest.approx(h.count)
    if h.count:
        assert trim_upper(h, value).count / h.count == pytest.approx(fraction(h, -math.inf, value).value, abs=1e-9)


@given(exponential(is_whole=True), st.integers(-4, 8))
def test_lower_resolution_keeps_observations_within_wider_buckets(h: Histogram, schema: int) -> None:
    if schema > h.schema:
        with pytest.raises(ValueError, match="cannot be brought to schema"):
            h.reduce_resolution(schema)
        return
    found = h.reduce_resolution(schema)
    assert in_buckets(found) == in_buckets(h)
    for limit in all_buckets(found.reduce_resolution(-4)).upper:
        assert (
            fraction(found, -math.inf, limit).value == pytest.approx(fraction(h, -math.inf, limit).value)
            or h.count == 0
        )


@given(exponential(is_whole=True))
def test_a_counter_that_only_grows_is_not_reset(h: Histogram) -> None:
    assert not detect_reset(h, add(h, h).histogram)
    assert detect_reset(add(h, h).histogram, h) == (h.count > 0)


@given(st.one_of(exponential(), custom()))
def test_the_notation_reads_what_it_writes(h: Histogram) -> None:
    assert parse(to_notation(h)).histogram == h


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("{{schema:-1 sum:4 count:1 buckets:[1] offset:1}}", "{{schema:0 sum:4 count:4 buckets:[2 2] offset:1}}", "{{schema:-1 count:5 sum:8 offset:1 buckets:[5]}}"),
        ("{{count:2 z_bucket:1 z_bucket_w:0.5 buckets:[0 1]}}", "{{count:5 z_bucket:1 z_bucket_w:0.001 buckets:[3 1]}}", "{{count:7 z_bucket:5 z_bucket_w:1 buckets:[0 2]}}".replace("z_bucket:5 z_bucket_w:1", "z_bucket:2 z_bucket_w:0.5").replace("[0 2]", "[3 2]")),
        ("{{count:1 z_bucket:1 z_bucket_w:0.75}}", "{{count:4 buckets:[3 1]}}", "{{count:5 z_bucket:4 z_bucket_w:1 buckets:[0 1]}}"),
        ("{{schema:-53 sum:1 count:1 custom_values:[10] buckets:[1]}}", "{{schema:-53 sum:1 count:1 custom_values:[2 10] buckets:[1]}}", "{{schema:-53 count:2 sum:2 custom_values:[10] buckets:[2]}}"),
        ("{{schema:-53 count:3 custom_values:[1 2] buckets:[1 1 1]}}", "{{schema:-53 count:3 custom_values:[3 4] buckets:[1 1 1]}}", "{{schema:-53 count:6 custom_values:[] buckets:[6]}}"),
    ],
)  # fmt: skip
def test_a_sum_has_the_buckets_that_both_have(first: str, second: str, expected: str) -> None:
    assert add(parse(first).histogram, parse(second).histogram).histogram == parse(expected).histogram


def test_exponential_and_custom_buckets_do_not_mix() -> None:
    with pytest.raises(MixedBuckets):
        add(Histogram.of(), Histogram.of(schema=-53))
    with pytest.raises(MixedBuckets):
        total([Histogram.of(), Histogram.of(schema=-53)])


@pytest.mark.parametrize(
    ("before", "after", "is_reset"),
    [
        ("{{count:4 buckets:[1 2 1]}}", "{{count:5 buckets:[1 1 3]}}", True),
        ("{{count:4 buckets:[1 2 1]}}", "{{count:4 buckets:[1 2 1]}}", False),
        ("{{count:4 buckets:[1 2 1]}}", "{{count:3 buckets:[1 2 1]}}", True),
        ("{{count:4 buckets:[1 2 1]}}", "{{schema:1 count:9 buckets:[1 2 1 5]}}", True),
        ("{{schema:1 count:4 buckets:[1 2 1]}}", "{{count:9 buckets:[1 3 5]}}", False),
        ("{{count:1 z_bucket:1 z_bucket_w:0.5}}", "{{count:1 z_bucket:1 z_bucket_w:0.1}}", True),
        ("{{count:1 buckets:[1]}}", "{{count:1 z_bucket:1 z_bucket_w:1}}", False),
        ("{{count:1 buckets:[1]}}", "{{count:1 z_bucket:1 z_bucket_w:0.75}}", True),
        ("{{count:1 buckets:[1]}}", "{{schema:-53 count:1 custom_values:[1] buckets:[1]}}", True),
        ("{{schema:-53 count:1 custom_values:[5] buckets:[1]}}", "{{schema:-53 count:1 custom_values:[5 10] buckets:[1]}}", False),
        ("{{schema:-53 count:15 custom_values:[2 4 6] buckets:[1 2 5 7]}}", "{{schema:-53 count:15 custom_values:[2 3 4 6] buckets:[1 0 1 5 8]}}", True),
        ("{{count:4 buckets:[1 2 1]}}", "{{count:1 counter_reset_hint:not_reset buckets:[1]}}", False),
        ("{{count:4 buckets:[1 2 1]}}", "{{count:9 counter_reset_hint:reset buckets:[9 9 9]}}", True),
    ],
)  # fmt: skip
def test_a_reset_is_a_hint_or_anything_that_became_less(before: str, after: str, *, is_reset: bool) -> None:
    pair = [parse(before).histogram, parse(after).histogram]
    assert detect_reset(*pair) is is_reset
    assert detect_resets(pair).tolist() == [False, is_reset]


@pytest.mark.parametrize(
    ("resets", "expected"),
    [
        ("NOT_RESET NOT_RESET", ("NOT_RESET", False)),
        ("NOT_RESET GAUGE RESET", ("GAUGE", False)),
        ("UNKNOWN NOT_RESET", ("UNKNOWN", False)),
        ("RESET NOT_RESET GAUGE", ("GAUGE", True)),
    ],
)
def test_the_hint_of_a_sum_is_what_its_parts_have_in_common(resets: str, expected: tuple[str, bool]) -> None:
    found, has_collision = combined_reset([CounterReset[name] for name in resets.split()])
    assert (found.name, has_collision) == expected


def test_sums_and_means_are_compensated() -> None:
    sums = [5.3, 1e100, 1, -1e100, 2, 1e50, -1e50]
    found = [Histogram.of(count=1, sum=value) for value in sums]
    assert total(found).histogram.sum == pytest.approx(8.3)
    assert mean(found).histogram.sum == pytest.approx(8.3 / 7)


def test_a_mean_is_finite_where_the_sum_is_not() -> None:
    found = [
        Histogram.of(count=count, sum=value)
        for count, value in [(1.7976931348623157e308, 1), (1e308, 1e100), (1e-6, 1), (1e-6, -1e100)]
    ]
    assert total(found).histogram.count == math.inf
    assert total(found).histogram.sum == 2
    assert mean(found).histogram.count == pytest.approx(6.99423283715579e307)
    assert mean(found).histogram.sum == 0.5


def test_nan_observations_move_quantiles_up() -> None:
    some, only = parse("{{count:15 sum:NaN buckets:[12]}}").histogram, parse("{{count:3 sum:NaN}}").histogram
    assert (quantile(some, 0.4).nan_observations, quantile(some, 0.8).value) == ("skewed higher", 1)
    assert quantile(some, 0.81).nan_observations == quantile(only, 0.1).nan_observations == "NaN"
    assert (fraction(some, -math.inf, math.inf).value, fraction(only, -math.inf, math.inf).value) == (0.8, 0)
    assert fraction(some, -math.inf, 1).has_nan_observations


def test_the_deviation_of_nothing_is_no_number() -> None:
    assert math.isnan(deviation(Histogram.of()))


def test_bounds_are_those_that_prometheus_writes() -> None:
    assert exponential_bounds(np.array([1, 3, 128, 255]), 8).tolist() == [
        1.0027112750502025,
        1.0081558981184175,
        1.414213562373095,
        1.9945921121709396,
    ]
    assert exponential_bounds(np.array([-1, 1, 2, 3]), 1).tolist() == [
        0.7071067811865475,
        1.414213562373095,
        2,
        2.82842712474619,
    ]
    exact = [2 ** (index / 256) for index in range(-600, 600)]
    np.testing.assert_allclose(exponential_bounds(np.arange(-600, 600), 8), exact, rtol=1e-15)


def test_the_last_bucket_of_numbers_ends_at_the_largest_one() -> None:
    for schema, last in ((0, 1024), (-4, 64), (3, 8192)):
        assert exponential_bounds(np.array([last, last + 1]), schema).tolist() == [1.7976931348623157e308, math.inf]


@pytest.mark.parametrize(
    ("notation", "text"),
    [
        ("{{}}", "{count:0, sum:0}"),
        ("{{count:24 sum:100 z_bucket:4 z_bucket_w:0.001 buckets:[2 3] n_buckets:[2 3]}}", "{count:24, sum:100, [-2,-1):3, [-1,-0.5):2, [-0.001,0.001]:4, (0.5,1]:2, (1,2]:3}"),
        ("{{schema:-53 count:4 sum:1e7 custom_values:[5 10] buckets:[1 2 1]}}", "{count:4, sum:1e+07, [-Inf,5]:1, (5,10]:2, (10,+Inf]:1}"),
    ],
)  # fmt: skip
def test_a_histogram_prints_as_in_prometheus(notation: str, text: str) -> None:
    assert to_text(parse(notation).histogram) == text


def test_the_api_names_the_ends_that_belong_to_a_bucket() -> None:
    found = to_json(parse("{{schema:-53 count:3 sum:7 custom_values:[5] buckets:[1 2]}}").histogram)
    assert found == {"count": "3", "sum": "7", "buckets": [[3, "-Inf", "5", "1"], [0, "5", "+Inf", "2"]]}
    found = to_json(parse("{{count:3 sum:7 z_bucket:1 z_bucket_w:0.5 n_buckets:[0 1] buckets:[0 1]}}").histogram)
    assert found["buckets"] == [[1, "-2", "-1", "1"], [3, "-0.5", "0.5", "1"], [0, "1", "2", "1"]]
    assert to_json(parse("{{count:1 z_bucket:1}}").histogram)["buckets"] == [[3, "-0", "0", "1"]]


@pytest.mark.parametrize(
    ("histogram", "message"),
    [
        (Histogram.of(schema=9), "invalid histogram schema 9"),
        (Histogram.of(count=1, positive=([1, 0], [1, 1])), "buckets must ascend"),
        (Histogram.of(count=1, positive=([1], [-1])), "observation count is negative"),
        (Histogram.of(custom_bounds=[1]), "exponential schema must not have custom bounds"),
        (Histogram.of(schema=-53, custom_bounds=[2, 1]), "strictly increasing"),
        (Histogram.of(schema=-53, custom_bounds=[1, math.inf]), r"last \+Inf bound"),
        (Histogram.of(schema=-53, custom_bounds=[math.nan]), "a bound is NaN"),
        (Histogram.of(schema=-53, count=1, custom_bounds=[1], positive=([2], [1])), "too few"),
        (Histogram.of(schema=-53, zero_count=1), "neither a zero bucket"),
        (Histogram.of(count=-1), "negative zero count or count"),
        (Histogram.of(count=1, positive=([1], [2])), "at least the number of observations"),
    ],
)  # fmt: skip
def test_what_is_no_histogram_is_told_why(histogram: Histogram, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        validate(histogram)


def test_equality_is_that_of_bits_and_not_of_hints() -> None:
    one = parse("{{count:1 sum:NaN buckets:[1]}}").histogram
    assert one == parse("{{count:1 sum:NaN buckets:[1] counter_reset_hint:gauge}}").histogram
    assert hash(one) == hash(parse("{{count:1 sum:NaN buckets:[1]}}").histogram)
    assert one != parse("{{count:1 sum:NaN offset:1 buckets:[1]}}").histogram
    assert one != 1


def test_a_series_grows_by_its_step() -> None:
    found = [
        notation.histogram.count
        for notation in parse_series("{{count:4 buckets:[1 2 1]}}+{{count:1 buckets:[1] offset:1}}x2")
    ]
    assert found == [4, 5, 6]
    assert len(parse_series("{{count:4}}x3")) == 4


def test_the_storage_of_the_scripts_knows_what_was_not_reset() -> None:
    given_, lower = parse("{{count:4 buckets:[4]}}").histogram, parse("{{count:1 buckets:[1]}}").histogram
    gauge = given_.with_reset(CounterReset.GAUGE)
    found = as_stored([given_, given_, lower, lower, None, lower, gauge])
    assert [h and h.reset.name for h in found] == [
        "UNKNOWN",
        "NOT_RESET",
        "UNKNOWN",
        "NOT_RESET",
        None,
        "UNKNOWN",
        "GAUGE",
    ]
