"""Each token is counted once, in whatever convention it was reported."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonde.llm.usage import BUCKETS, COMPONENTS, INPUT_BUCKETS, OUTPUT_BUCKETS, PARTS, exclusive, parts, usage_object

counts = st.integers(min_value=0, max_value=10**9)
reports = st.dictionaries(st.sampled_from(COMPONENTS), counts)


def side(buckets: dict[str, int], names: tuple[str, ...]) -> int:
    return sum(buckets.get(name, 0) for name in names)


@given(st.dictionaries(st.sampled_from([name for name in COMPONENTS if name != "total"]), counts))
def test_buckets_add_up_to_the_totals_unless_their_subsets_are_larger(tokens):
    buckets = exclusive(tokens)
    audio = max(0, tokens.get("input_audio", 0) - tokens.get("cache_read_audio", 0))
    subsets = tokens.get("cache_read", 0) + tokens.get("cache_write", 0) + audio
    assert side(buckets, INPUT_BUCKETS) == max(tokens.get("input", 0), subsets)
    of_output = tokens.get("reasoning", 0) + tokens.get("output_audio", 0)
    assert side(buckets, OUTPUT_BUCKETS) == max(tokens.get("output", 0), of_output)


@given(reports)
def test_no_bucket_is_negative_or_unknown(tokens):
    buckets = exclusive(tokens)
    assert all(number >= 0 for number in buckets.values())
    assert set(buckets) <= set(BUCKETS)


@given(reports)
def test_parts_fit_into_their_buckets(tokens):
    buckets = exclusive(tokens)
    inside = dict.fromkeys(BUCKETS, 0)
    for part, number in parts(tokens, buckets).items():
        assert number > 0
        inside[PARTS[part]] += number
    assert all(inside[bucket] <= buckets.get(bucket, 0) for bucket in BUCKETS)


def test_nothing_reported_is_not_zero_reported():
    assert exclusive({}) == {}
    assert exclusive({"input": 0, "output": 0}) == {"input": 0, "output": 0}


@pytest.mark.parametrize(
    ("tokens", "buckets"),
    [
        # the total proves that the cache is beside the input, the reasoning beside the output, or both
        (
            {"input": 10, "cache_read": 5, "output": 3, "total": 18},
            {"input": 10, "input_cache_read": 5, "output": 3},
        ),
        ({"input": 10, "output": 3, "reasoning": 7, "total": 20}, {"input": 10, "output": 3, "output_reasoning": 7}),
        (
            {"input": 10, "cache_read": 5, "output": 3, "reasoning": 7, "total": 25},
            {"input": 10, "input_cache_read": 5, "output": 3, "output_reasoning": 7},
        ),
        # the same numbers, when the total says that they are inside
        ({"input": 10, "cache_read": 5, "output": 3, "total": 13}, {"input": 5, "input_cache_read": 5, "output": 3}),
        # a total that proves nothing changes nothing
        ({"input": 10, "cache_read": 5, "output": 3, "total": 99}, {"input": 5, "input_cache_read": 5, "output": 3}),
        # a side that is missing follows from the total
        ({"input": 10, "total": 13}, {"input": 10, "output": 3}),
        ({"output": 3, "total": 13}, {"input": 10, "output": 3}),
        # a total alone does not say which side it is
        ({"total": 13}, {}),
    ],
)
def test_the_total_is_evidence(tokens, buckets):
    assert exclusive(tokens) == buckets


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}, {"input": 9, "output": 3, "total": 12}),
        ({"input_tokens": 9, "input_tokens_details": {"cached_tokens": 4}}, {"input": 9, "cache_read": 4}),
        ({"input_tokens": 2, "cache_creation_input_tokens": 7}, {"input": 9, "cache_write": 7}),
        # LiteLLM: Anthropic's names beside a total that includes them
        ({"prompt_tokens": 9, "cache_read_input_tokens": 7, "completion_tokens": 1}, {"input": 9, "output": 1, "cache_read": 7}),
        ({"input_tokens": 9, "input_token_details": {"cache_read": 4, "audio": 2}}, {"input": 9, "cache_read": 4, "input_audio": 2}),
        ({"promptTokenCount": 9, "candidatesTokenCount": 3, "thoughtsTokenCount": 5}, {"input": 9, "output": 8, "reasoning": 5}),
        ({"input_tokens": "nine", "output_tokens": -3}, {}),
        ({}, {}),
    ],
)  # fmt: skip
def test_usage_objects_of_providers(usage, tokens):
    assert usage_object(usage) == tokens
