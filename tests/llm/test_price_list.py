"""What `sonde llm prices` prints."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sonde.errors import NotFound
from sonde.llm.price_list import describe_prices
from sonde.llm.prices import PriceRow, Prices

PRICES = Prices([PriceRow("my-own", {"input": 1.0, "output": 2.0})])
AT = datetime(2026, 11, 1, tzinfo=UTC)


def lines(model: str, **options):
    listed = describe_prices(PRICES, model, at=options.pop("at", AT), **options)
    return [(line.service_tier, line.bucket, line.above_input_tokens, line.usd_per_million) for line in listed]


def test_tiers_stand_with_the_input_above_which_they_hold():
    standard = [line for line in lines("claude-sonnet-4-5") if line[0] == "" and line[1] in {"input", "output"}]
    assert standard == [
        ("", "input", 0, 3.0),
        ("", "input", 200_000, 6.0),
        ("", "output", 0, 15.0),
        ("", "output", 200_000, 22.5),
    ]


def test_service_tiers_have_lines_of_their_own():
    assert {line[0] for line in lines("gpt-5")} == {"", "batch", "flex", "priority", "fast"}
    assert ("batch", "input", 0, 0.625) in lines("gpt-5")


def test_prices_are_those_of_the_day():
    assert ("", "input", 0, 10.0) in lines("o3", at=datetime(2025, 5, 1, tzinfo=UTC))
    assert ("", "input", 0, 2.0) in lines("o3")


def test_own_prices_are_shown_as_such():
    [line, *_] = describe_prices(PRICES, "my-own", at=AT)
    assert (line.usd_per_million, line.source) == (1.0, "configuration")


def test_the_whole_list_starts_with_own_prices():
    everything = describe_prices(PRICES, at=AT)
    assert everything[0].model == "my-own"
    assert len({(line.provider, line.model) for line in everything}) > 2000
    assert {line.provider for line in describe_prices(PRICES, provider="google", at=AT)} == {"gcp.gemini"}


def test_an_unknown_model_is_not_found_and_similar_names_are_offered():
    with pytest.raises(NotFound) as unknown:
        describe_prices(PRICES, "gpt-4o-minni", at=AT)
    assert "did you mean" in str(unknown.value)
    assert "gpt-4o-mini" in str(unknown.value)
