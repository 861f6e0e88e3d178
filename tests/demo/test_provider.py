"""The provider, driven by the genuine ``openai`` SDK over a real socket."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import numpy as np
import openai
import pytest
from tests.demo.serving import served

from sonde.demo.provider.app import EMBEDDING_DIMENSIONS, create_app

CONTEXT = (
    "Passages:\n[delivery-time] Orders leave the warehouse the same day. Delivery takes two to three working days.\n"
    "[care-boots] Brush leather boots clean after each tour.\n\nQuestion: How long does delivery take?"
)
TOOL = {
    "type": "function",
    "function": {
        "name": "save_goal",
        "parameters": {
            "type": "object",
            "properties": {
                "text": {"type": "string"},
                "target": {"type": "number"},
                "days": {"type": "integer"},
                "sport": {"type": "string", "enum": ["cycling", "running"]},
            },
        },
    },
}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with served(create_app(seed=7)) as address:
        yield address


@pytest.fixture
def client(url: str) -> Iterator[openai.OpenAI]:
    turn(url, first_token_seconds=0.001, tokens_per_second=1e6, server_error_rate=0.0)
    with openai.OpenAI(base_url=f"{url}/v1", api_key="demo", max_retries=0) as genuine:
        yield genuine


def turn(url: str, **knobs: object) -> httpx.Response:
    return httpx.put(f"{url}/admin/knobs", json=knobs)


def ask(client: openai.OpenAI, text: str = CONTEXT) -> openai.types.chat.ChatCompletion:
    return client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": text}])


def test_an_answer_is_extracted_from_the_context_and_names_its_passage(client):
    answer = ask(client)
    assert "Delivery takes two to three working days. [delivery-time]" in answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == "gpt-4o-mini-2024-07-18"


def test_usage_adds_up_and_a_prompt_seen_before_is_cached(client):
    text = "Explain the following words once more: " + " ".join(f"word{number}" for number in range(100))
    first, second = ask(client, text).usage, ask(client, text).usage
    assert first.total_tokens == first.prompt_tokens + first.completion_tokens
    assert first.prompt_tokens_details.cached_tokens == 0
    assert 0 < second.prompt_tokens_details.cached_tokens <= second.prompt_tokens
    assert second.prompt_tokens_details.cached_tokens % 64 == 0


def test_a_stream_has_the_same_text_in_pieces_and_ends_with_the_usage(client):
    chunks = list(
        client.chat.completions.create(
            model="gpt-4o-mini",
            messages=[{"role": "user", "content": CONTEXT}],
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == ask(client).choices[0].message.content
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage.completion_tokens == ask(client).usage.completion_tokens


@pytest.mark.parametrize("stream", [False, True])
def test_a_forced_tool_is_called_with_arguments_from_the_users_words(client, stream):
    answer = client.chat.completions.create(
        model="gpt-4.1",
        messages=[{"role": "user", "content": "I want to go running for 25.5 kilometres"}],
        tools=[TOOL],
        tool_choice={"type": "function", "function": {"name": "save_goal"}},
        stream=stream,
    )
    calls = (
        [c.choices[0].delta.tool_calls for c in answer if c.choices]
        if stream
        else [answer.choices[0].message.tool_calls]
    )
    call = next(call for call in calls if call)[0]
    assert call.function.name == "save_goal"
    arguments = json.loads(call.function.arguments)
    assert arguments == {
        "text": "I want to go running for 25.5 kilometres",
        "target": 25.5,
        "days": 25,
        "sport": "running",
    }


def test_the_result_of_a_tool_is_reported_in_words(client):
    call = {"id": "call_1", "type": "function", "function": {"name": "save_goal", "arguments": "{}"}}
    answer = client.chat.completions.create(
        model="gpt-4.1",
        messages=[
            {"role": "user", "content": "save it"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": "saved as number 3"},
        ],
        tools=[TOOL],
    )
    assert answer.choices[0].message.content == "Done: saved as number 3"


@pytest.mark.parametrize("encoding", ["base64", "float"])
def test_embeddings_are_unit_vectors_and_alike_for_like_texts(client, encoding):
    texts = ["How do I wash a down jacket?", "wash down jackets and sleeping bags", "opening hours of the stores"]
    answer = client.embeddings.create(model="text-embedding-3-small", input=texts, encoding_format=encoding)
    if encoding == "base64":
        answer = client.embeddings.create(model="text-embedding-3-small", input=texts)
    vectors = np.array([item.embedding for item in answer.data])
    assert vectors.shape == (3, EMBEDDING_DIMENSIONS)
    assert vectors[0] @ vectors[1] > 0.5
    assert vectors[0] @ vectors[2] < 0.2
    assert answer.usage.prompt_tokens > 10


@pytest.mark.parametrize(
    ("knobs", "error"),
    [
        ({"rate_limit_rate": 1.0}, openai.RateLimitError),
        ({"server_error_rate": 1.0}, openai.InternalServerError),
    ],
)
def test_failures_reach_the_caller_as_the_sdks_own_errors(client, url, knobs, error):
    turn(url, **knobs)
    with pytest.raises(error):
        ask(client)


def test_inflation_multiplies_the_prompt_tokens_only(client, url):
    plain = ask(client).usage
    turn(url, token_inflation=8, first_token_seconds=0.001, tokens_per_second=1e6, server_error_rate=0.0)
    inflated = ask(client).usage
    assert inflated.prompt_tokens == 8 * plain.prompt_tokens
    assert inflated.completion_tokens == plain.completion_tokens


def test_a_model_alias_answers_in_another_models_name(client, url):
    turn(url, model_alias="gpt-9-preview", server_error_rate=0.0, first_token_seconds=0.001, tokens_per_second=1e6)
    assert ask(client).model == "gpt-9-preview"


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"speed": 1}, "there is no knob 'speed'"),
        ({"token_inflation": "much"}, "knob token_inflation cannot be 'much'"),
    ],
)
def test_a_knob_that_does_not_exist_or_fit_is_refused(url, knobs, message):
    answer = turn(url, **knobs)
    assert answer.status_code == 400
    assert message in answer.text


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("chat/completions", b"{", "not JSON"),
        ("chat/completions", b'{"messages": []}', "must provide a model"),
        ("chat/completions", b'{"model": "m", "messages": []}', "at least one message"),
        ("embeddings", b'{"model": "m", "input": [1]}', "'input' must be"),
    ],
)
def test_a_bad_request_is_told_what_is_wrong(client, url, path, body, message):
    answer = httpx.post(f"{url}/v1/{path}", content=body)
    assert answer.status_code == 400
    assert message in answer.json()["error"]["message"]
