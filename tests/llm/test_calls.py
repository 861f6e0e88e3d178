"""Rows of llm_calls: one for each call, none for what only contains calls."""

from __future__ import annotations

import pytest
from tests.llm.corpus import START, span_of

from sonde.llm.calls import COLUMNS, llm_call_rows
from sonde.llm.prices import Prices

CALL = {
    "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.usage.input_tokens": 1200, "gen_ai.usage.output_tokens": 50,
}  # fmt: skip


@pytest.fixture(scope="module")
def prices() -> Prices:
    return Prices()


def rows(spans, prices):
    return [dict(zip(COLUMNS, row, strict=True)) for row in llm_call_rows(spans, prices)]


def test_a_call_is_a_row_in_the_order_of_the_columns(prices):
    messages = '[{"role": "user", "parts": [{"type": "text", "content": "Hello"}]}]'
    attributes = CALL | {"gen_ai.input.messages": messages, "session.id": "s-1", "sonde.function": "greet"}
    [row] = rows([span_of(attributes)], prices)
    assert row == {
        "tenant": "default", "ts": START, "trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331",
        "parent_span_id": "00f067aa0ba902b7", "service": "shop", "name": "chat", "type": "chat", "operation": "chat",
        "provider": "openai", "model": "gpt-4o-mini", "model_requested": "gpt-4o-mini", "input_tokens": 1200,
        "output_tokens": 50, "usage": {"input": 1200, "output": 50}, "cost_usd": 0.00021,
        "cost": {"input": 0.00018, "output": 3e-05}, "price_source": prices.table.source, "duration_nano": 10**9,
        "time_to_first_token_nano": None, "success": True, "error_type": "", "error_message": "", "finish_reason": "",
        "streamed": False, "prompt_preview": "Hello", "completion_preview": "", "session_id": "s-1", "user_id": "",
        "function": "greet", "prompt_name": "", "prompt_version": "", "parameters": "{}", "environment": "",
        "release": "", "tags": [],
    }  # fmt: skip


def test_spans_that_are_no_calls_give_no_row(prices):
    assert (
        rows([span_of({"http.request.method": "GET"}), span_of({"gen_ai.operation.name": "invoke_agent"})], prices)
        == []
    )


def test_an_unknown_model_has_no_cost_which_is_not_0(prices):
    [row] = rows([span_of(CALL | {"gen_ai.request.model": "my-own"})], prices)
    assert (row["cost_usd"], row["cost"], row["price_source"], row["input_tokens"]) == (None, {}, "", 1200)


def test_the_provider_of_the_price_stands_where_the_span_names_none(prices):
    attributes = {key: value for key, value in CALL.items() if key != "gen_ai.provider.name"}
    [row] = rows([span_of(attributes)], prices)
    assert row["provider"] == "openai"


@pytest.mark.parametrize(
    ("above", "below", "counted"),
    [
        ({}, {}, ["below"]),
        ({"gen_ai.usage.input_tokens": None, "gen_ai.usage.output_tokens": None}, {}, ["below"]),
        ({"gen_ai.usage.input_tokens": 2400}, {}, ["above", "below"]),
        ({}, {"gen_ai.operation.name": "execute_tool"}, ["above"]),
        ({}, {"gen_ai.operation.name": "embeddings"}, ["above", "below"]),
    ],
    ids=["the same tokens", "no tokens above", "other tokens", "a tool below", "another kind of call below"],
)
def test_a_call_around_a_call_that_counts_the_same_tokens_is_its_wrapper(above, below, counted, prices):
    spans = [
        span_of(CALL | above, span_id="aaaaaaaaaaaaaaaa", parent_span_id="", name="above"),
        span_of(CALL | below, span_id="bbbbbbbbbbbbbbbb", parent_span_id="aaaaaaaaaaaaaaaa", name="below"),
    ]
    assert [row["name"] for row in rows(spans, prices)] == counted
    assert [row["name"] for row in rows(spans[::-1], prices)] == counted[::-1]


def test_the_same_ids_in_another_tenant_are_another_span(prices):
    spans = [
        span_of(CALL, span_id="aaaaaaaaaaaaaaaa"),
        span_of(CALL, tenant="other", span_id="bbbbbbbbbbbbbbbb", parent_span_id="aaaaaaaaaaaaaaaa"),
    ]
    assert len(rows(spans, prices)) == 2


def test_the_finish_reason_may_stand_in_the_answer_alone(prices):
    answer = [{"role": "assistant", "parts": [{"type": "text", "content": "Hi"}], "finish_reason": "length"}]
    [row] = rows([span_of(CALL | {"gen_ai.output.messages": answer})], prices)
    assert row["finish_reason"] == "length"
