"""`sonde llm prices`."""

from __future__ import annotations

import json

from tests.cli.conftest import Sonde


def test_prices_are_those_of_the_day(sonde: Sonde):
    def price(day: str) -> float:
        listed = json.loads(
            sonde("llm", "prices", "o3", "--provider", "openai", "--at", day, "--format", "json").stdout
        )
        return next(
            line["usd_per_million"] for line in listed if (line["service_tier"], line["bucket"]) == ("", "input")
        )

    assert price("2025-05-01") > price("2025-09-01")


def test_your_own_price_goes_before_the_list(sonde: Sonde):
    own = json.dumps([{"model": "o3", "usd_per_million": {"input": 99}}])
    listed = json.loads(sonde("llm", "prices", "o3", "--format", "json", SONDE_LLM_PRICES=own).stdout)
    assert (listed[0]["bucket"], listed[0]["usd_per_million"], listed[0]["source"]) == ("input", 99.0, "configuration")


def test_an_unknown_model_names_similar_ones(sonde: Sonde):
    result = sonde("llm", "prices", "gpt-4o-minj")
    assert result.returncode == 2
    assert "no price for model 'gpt-4o-minj'\n  did you mean gpt-4o-mini" in result.stderr
