"""What calls cost: verified figures, our arithmetic against genai-prices' own, and prices of one's own."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest
from genai_prices import Usage, calc_price
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelInfo, ModelPrice, TimeOfDateConstraint
from hypothesis import given
from hypothesis import strategies as st
from tests.llm.corpus import SECOND, START, span_of

from sonde.errors import UserError
from sonde.llm.normalise import normalise
from sonde.llm.price_table import FIRST_PARTIES
from sonde.llm.prices import PROVIDED, PriceRow, Prices
from sonde.llm.providers import canonical_provider, price_list_id, provider_of_price_list

PRICES = Prices()
AT = datetime.fromtimestamp(START / SECOND, UTC)
LISTED = [(provider, model) for provider in get_snapshot().providers for model in provider.models]


def call(model: str, provider: str = "openai", *, at: int = START, tier: str = "", **tokens: object):
    spelled = {
        "input": "input_tokens", "output": "output_tokens", "cache_read": "cache_read.input_tokens",
        "cache_write": "cache_write.input_tokens", "reasoning": "reasoning.output_tokens",
        "input_audio": "audio.input_tokens", "output_audio": "audio.output_tokens", "cost": "cost",
        "cache_read_audio": "audio.cache_read.input_tokens",
    }  # fmt: skip
    attributes = {f"gen_ai.usage.{spelled[name]}": count for name, count in tokens.items()}
    attributes |= {"gen_ai.operation.name": "chat", "gen_ai.provider.name": provider, "gen_ai.request.model": model}
    generation = normalise(span_of(attributes | {"openai.response.service_tier": tier}, start_unix_nano=at))
    assert generation is not None
    return generation


def nanoseconds(year: int, month: int, day: int, hour: int = 12, minute: int = 0) -> int:
    return int(datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp()) * SECOND


@pytest.mark.parametrize(
    ("generation", "usd"),
    [
        (call("gpt-4o-mini-2024-07-18", input=1200, cache_read=1024, output=50), 0.0001332),
        (call("claude-sonnet-4-5", "anthropic", input=10_000, cache_read=5_000, cache_write=2_000, output=1_000), 0.0330),
        (call("claude-sonnet-4-5", "anthropic", input=300_000, output=1_000), 1.8225),
        (call("claude-sonnet-4-5", "anthropic", input=200_000, output=0), 0.6),
        (call("claude-sonnet-4-5", "anthropic", input=200_001, output=0), 1.200006),
        (call("gemini-2.5-pro", "gcp.gemini", input=300_000, output=1_000), 0.765),
        (call("o3", input=1_000, output=100, at=nanoseconds(2025, 5, 1)), 0.014),
        (call("o3", input=1_000, output=100), 0.0028),
        (call("o3", input=1_000, output=100, at=0), 0.014),
        (call("gpt-5", input=1_000_000, output=0), 1.25),
        (call("gpt-5", input=1_000_000, output=0, tier="batch"), 0.625),
        (call("gpt-5", input=1_000_000, output=0, tier="flex"), 0.625),
        (call("gpt-5", input=1_000_000, output=0, tier="priority"), 2.5),
        (call("gpt-5", input=1_000_000, output=0, tier="auto"), 1.25),
        (call("gpt-5", input=1_000_000, output=0, tier="unheard of"), 1.25),
        (call("text-embedding-3-small", input=1_000_000), 0.02),
        (call("text-embedding-3-small", "", input=1_000_000), 0.02),
        (call("anthropic.claude-3-5-sonnet-20241022-v2:0", "aws.bedrock", input=1_000_000, output=0), 3.0),
        # cheaper at night
        (call("deepseek-chat", "deepseek", input=1_000_000, output=0, at=nanoseconds(2026, 11, 1, 12, 0)), 0.27),
        (call("deepseek-chat", "deepseek", input=1_000_000, output=0, at=nanoseconds(2026, 11, 1, 0, 29)), 0.135),
        (call("deepseek-chat", "deepseek", input=1_000_000, output=0, at=nanoseconds(2026, 11, 1, 0, 30)), 0.27),
        # in the list, and free
        (call("omni-moderation-latest", input=10, output=0), 0.0),
        # not in the list, or not priced by the token: unknown, which is not 0
        (call("no-such-model", input=10, output=1), None),
        (call("no-such-model", "no-such-provider", input=10, output=1), None),
        (call("llama3.2", "ollama", input=10, output=1), None),
        (call("gemma-3", "", input=10, output=1), None),
        (call("ibm/granite-3-8b", "ibm.watsonx.ai", input=10, output=1), None),
        (call("whisper-1", input=10, output=1), None),
        (call("gpt-4o-mini"), None),
    ],
)  # fmt: skip
def test_verified_figures(generation, usd):
    cost = PRICES.cost(generation)
    assert cost.total_usd == usd
    assert cost.source == (PRICES.table.source if usd is not None else "")


def test_the_price_of_a_call_of_no_model_is_unknown():
    generation = normalise(span_of({"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 5}))
    assert generation is not None
    assert PRICES.cost(generation).total_usd is None


def as_the_list_has_it(provider: str, model: str, tokens: dict[str, int], at: int, tier: str) -> float:
    usage = Usage(
        input_tokens=tokens["input"], cache_read_tokens=tokens["cache_read"], cache_write_tokens=tokens["cache_write"],
        output_tokens=tokens["output"], output_reasoning_tokens=tokens["reasoning"],
    )  # fmt: skip
    context = {"processing": "batch"} if tier == "batch" else {"service_tier": tier} if tier else None
    moment = datetime.fromtimestamp(at / SECOND, UTC)
    price = calc_price(usage, model, provider_id=provider, price_context=context, genai_request_timestamp=moment)
    return float(price.total_price)


def bills_tokens(model: ModelInfo) -> bool:
    """Whether the list has prices for text tokens in and out, always: then its sum leaves nothing out."""
    prices = [model.prices] if isinstance(model.prices, ModelPrice) else [price.prices for price in model.prices]
    return all(price.input_mtok is not None and price.output_mtok is not None for price in prices)


BILLED = [
    (provider.id, model.id) for provider, model in LISTED if bills_tokens(model) and provider.find_model(model.id)
]
counts = st.integers(min_value=0, max_value=150_000)


@given(
    st.sampled_from(BILLED),
    st.fixed_dictionaries(dict.fromkeys(("input", "cache_read", "cache_write", "output", "reasoning"), counts)),
    st.integers(min_value=nanoseconds(2024, 1, 1), max_value=nanoseconds(2026, 12, 31)),
    st.sampled_from(["", "batch", "flex", "priority"]),
)
def test_our_arithmetic_is_that_of_the_price_list(listed, tokens, at, tier):
    provider, model = listed
    tokens = tokens | {
        "input": tokens["input"] + tokens["cache_read"] + tokens["cache_write"],
        "output": tokens["output"] + tokens["reasoning"],
    }
    cost = PRICES.cost(call(model, provider_of_price_list(provider), at=at, tier=tier, **tokens))
    quarter = at - at % (15 * 60 * SECOND)
    assert cost.total_usd == pytest.approx(as_the_list_has_it(provider, model, tokens, quarter, tier), abs=1e-11)
    assert cost.total_usd == pytest.approx(sum(cost.by_bucket.values()), abs=1e-11)


def test_every_model_of_the_list_costs_what_it_says():
    tokens = {"input": 3000, "cache_read": 1000, "cache_write": 500, "output": 700, "reasoning": 200}
    differing = []
    for provider, model in BILLED:
        ours = PRICES.cost(call(model, provider_of_price_list(provider), **tokens)).total_usd
        theirs = as_the_list_has_it(provider, model, tokens, START, "")
        if ours != pytest.approx(theirs, abs=1e-11):
            differing.append((provider, model, ours, theirs))
    assert len(BILLED) > 1500
    assert differing == []


def test_audio_has_its_own_price_and_cached_audio_another():
    generation = call(
        "gpt-4o-realtime-preview", input=1000, input_audio=600, cache_read=300, cache_read_audio=200, output=500, output_audio=400
    )  # fmt: skip
    theirs = calc_price(
        Usage(
            input_tokens=1000, input_audio_tokens=600, cache_read_tokens=300, cache_audio_read_tokens=200,
            output_tokens=500, output_audio_tokens=400,
        ),
        "gpt-4o-realtime-preview", provider_id="openai", genai_request_timestamp=AT,
    )  # fmt: skip
    assert PRICES.cost(generation).total_usd == pytest.approx(float(theirs.total_price))


def test_prices_change_only_on_quarters_of_an_hour():
    constraints = [
        price.constraint
        for _, model in LISTED
        if isinstance(model.prices, list)
        for price in model.prices
        if isinstance(price.constraint, TimeOfDateConstraint)
    ]
    edges = {edge for constraint in constraints for edge in (constraint.start_time, constraint.end_time)}
    assert edges
    assert all(edge.minute % 15 == 0 and edge.second == 0 for edge in edges if isinstance(edge, time))


@pytest.mark.parametrize(
    ("generation", "usd", "source"),
    [
        (call("my-own", input=10, output=1, cost=0.5), 0.5, PROVIDED),
        (call("my-own", input=10, output=1, cost="0.5"), 0.5, PROVIDED),
        (call("my-own", input=10, output=1, cost=0), None, ""),
        (call("my-own", input=10, output=1, cost="free"), None, ""),
        (call("my-own", input=10, output=1, cost=-1.0), None, ""),
        (call("gpt-4o-mini", input=1_000_000, output=0, cost=0.5), 0.15, PRICES.table.source),
        (call("gpt-4o-mini", cost=0.5), 0.5, PROVIDED),
    ],
)
def test_what_the_sender_computed_counts_where_nobody_else_knows(generation, usd, source):
    cost = PRICES.cost(generation)
    assert (cost.total_usd, cost.source) == (usd, source)


def test_what_the_sender_computed_goes_first_when_it_is_trusted():
    trusting = Prices(trust_provided=True, table=PRICES.table)
    cost = trusting.cost(call("gpt-4o-mini", input=1_000_000, output=0, cost=0.5))
    assert (cost.total_usd, cost.source) == (0.5, PROVIDED)
    assert trusting.cost(call("gpt-4o-mini", input=1_000_000, output=0)).total_usd == 0.15


OWN = (
    PriceRow("my-own", {"input": 1.0, "output": 2.0}),
    PriceRow("my-own", {"input": 10.0, "output": 20.0}, valid_from=date(2026, 1, 1)),
    PriceRow("gpt-4o*", {"input": 7.0}, provider="azure"),
    PriceRow("llama*", {"input": 0.0, "output": 0.0}),
    PriceRow("cached", {"input": 4.0, "input_cache_read": 1.0, "output": 8.0}),
)


@pytest.mark.parametrize(
    ("generation", "usd"),
    [
        (call("my-own", "acme", input=1_000_000, output=1_000_000), 30.0),
        (call("MY-OWN", "acme", input=1_000_000, output=1_000_000), 30.0),
        (call("my-own", "acme", input=1_000_000, output=1_000_000, at=nanoseconds(2025, 12, 31)), 3.0),
        (call("gpt-4o-mini", "azure.ai.openai", input=1_000_000, output=5), 7.0),
        (call("gpt-4o-mini", "openai", input=1_000_000, output=0), 0.15),
        (call("llama3.2:1b", "ollama", input=1_000_000, output=5), 0.0),
        (call("cached", "", input=1_000_000, cache_read=500_000, cache_write=100_000, output=0, reasoning=100_000), 3.3),
        (call("my-own-2", "acme", input=1_000_000, output=1_000_000), None),
    ],
)  # fmt: skip
def test_own_prices_go_before_the_list(generation, usd):
    cost = Prices(OWN, table=PRICES.table).cost(generation)
    assert cost.total_usd == usd
    assert (cost.source == "configuration") == (usd not in (None, 0.15))


@pytest.mark.parametrize(
    ("prices", "message"),
    [
        ({"input_tokens": 1.0}, "price of 'm' has unknown buckets input_tokens; use input, input_cache_read, "),
        ({"input": -1.0}, "price of 'm' for input is -1.0; use 0 or more"),
        ({"input": float("nan")}, "price of 'm' for input is nan; use 0 or more"),
    ],
)
def test_a_wrong_price_row_is_refused(prices, message):
    with pytest.raises(UserError) as refused:
        PriceRow("m", prices)
    assert str(refused.value).startswith(message)


def test_the_memory_for_prices_is_bounded(monkeypatch):
    monkeypatch.setattr("sonde.llm.prices._MEMO_LIMIT", 10)
    prices = Prices(table=PRICES.table)
    for number in range(35):
        assert prices.card("acme", f"model-{number}", "", "", "", START) is None
    assert len(prices._memo) <= 10


@pytest.mark.parametrize("identity", sorted({provider.id for provider, _ in LISTED}))
def test_each_provider_of_the_list_is_found_by_its_canonical_name(identity):
    name = provider_of_price_list(identity)
    assert canonical_provider(name) in {name, ""}
    assert price_list_id(name) == identity


def test_the_vendors_that_a_name_may_tell_are_listed():
    assert set(FIRST_PARTIES) <= {provider.id for provider, _ in LISTED}
