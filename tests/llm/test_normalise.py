"""What a span says becomes one generation, or nothing when it is no call; whatever the attributes are."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.llm.corpus import SECOND, START, span_of

from sonde.llm.calls import COLUMNS, llm_call_rows
from sonde.llm.families import FAMILIES
from sonde.llm.messages import messages
from sonde.llm.normalise import CANDIDATE_KEYS, normalise
from sonde.llm.prices import Prices
from sonde.llm.span import Event
from sonde.llm.usage import BUCKETS

CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o-mini"}
PRICES = Prices()

known_keys = sorted(
    CANDIDATE_KEYS.union(
        *(keys for family in FAMILIES for keys in (*family.fields.values(), *family.tokens.values())),
        *(family.usage for family in FAMILIES),
        (
            "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions", "gen_ai.prompt", "events",
            "gen_ai.completion", "gen_ai.prompt.0.content", "gen_ai.completion.0.tool_calls.0.arguments", "input.value",
            "llm.input_messages.0.message.content", "llm.output_messages.1.message.contents.0.message_content.type",
            "llm.prompts.0.prompt.text", "embedding.embeddings.0.embedding.text", "langfuse.observation.input",
            "langfuse.observation.output", "ai.prompt.messages", "ai.response.text", "ai.response.toolCalls",
            "ai.response.reasoning", "gen_ai.usage.novel_tokens", "gen_ai.request.temperature", "logfire.span_type",
        ),
    )
)  # fmt: skip
words = st.sampled_from(
    [
        "chat",
        "LLM",
        "generation",
        "llm",
        "ai.generateText.doGenerate",
        "embedding",
        "user",
        "text",
        "tool_call",
        "15",
        "-1",
    ]
)
scalars = words | st.text() | st.integers() | st.floats() | st.booleans()
json_keys = st.sampled_from(
    ["role", "content", "parts", "type", "text", "messages", "message", "tool_calls", "function", "choices", "kwargs", "id",
     "input", "output", "total", "prompt_tokens", "input_tokens_details", "anthropic", "usage", "image_url", "result"]
) | st.text(max_size=5)  # fmt: skip
trees = st.recursive(
    scalars | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(json_keys, inner, max_size=5),
    max_leaves=12,
)
values = scalars | trees | trees.map(json.dumps)
attributes = st.dictionaries(st.sampled_from(known_keys) | st.text(string.printable, max_size=20), values, max_size=25)
events = st.lists(
    st.builds(
        Event,
        st.sampled_from(["gen_ai.user.message", "gen_ai.choice", "exception", "First Token Stream Event", "x"])
        | st.just("gen_ai.client.inference.operation.details"),
        st.integers(min_value=0, max_value=2**63),
        st.dictionaries(st.sampled_from(["body", "content", "exception.type", "gen_ai.input.messages"]), values),
    ),
    max_size=3,
)


@given(attributes, events, st.integers(min_value=0, max_value=2**63), st.integers(min_value=0, max_value=2**63))
def test_any_attributes_give_rows_that_can_be_stored_or_none(attributes, events, start, duration):
    span = span_of(attributes, events=events, start_unix_nano=start, duration_nano=duration)
    for row in llm_call_rows([span], PRICES):
        call = dict(zip(COLUMNS, row, strict=True))
        assert set(call["usage"]) <= set(BUCKETS)
        assert call["input_tokens"] + call["output_tokens"] == sum(call["usage"].values())
        assert all(0 <= tokens < 2**63 for tokens in call["usage"].values())
        assert call["cost_usd"] is None or call["cost_usd"] >= 0
        assert all(usd >= 0 for usd in call["cost"].values())
        assert call["time_to_first_token_nano"] is None or 0 <= call["time_to_first_token_nano"] < 2**64
        assert len(call["prompt_preview"]) <= 200
        assert len(call["completion_preview"]) <= 200
        assert isinstance(json.loads(call["parameters"]), dict)
        assert all(isinstance(tag, str) for tag in call["tags"])
        for value in row:
            if isinstance(value, str):
                value.encode()
    json.dumps(messages(span).as_json(), allow_nan=False).encode()


@given(attributes)
def test_spans_without_a_candidate_key_are_no_calls(attributes):
    assert normalise(span_of({key: value for key, value in attributes.items() if key not in CANDIDATE_KEYS})) is None


@pytest.mark.parametrize(
    ("attributes", "model", "requested"),
    [
        ({"gen_ai.request.model": "asked", "gen_ai.response.model": "answered"}, "answered", "asked"),
        ({"gen_ai.request.model": "asked"}, "asked", "asked"),
        ({"gen_ai.response.model": "answered", "langfuse.observation.model.name": "named"}, "named", "named"),
        ({"gen_ai.request.model": "asked", "ai.model.id": "vercel", "ai.response.model": "there"}, "there", "vercel"),
        ({"llm.model_name": "arize", "gen_ai.response.model": "answered"}, "answered", "answered"),
        ({"llm.invocation_parameters": '{"model": "asked"}'}, "asked", "asked"),
    ],
)
def test_the_model_that_answered_goes_before_the_one_that_was_asked(attributes, model, requested):
    call = normalise(span_of({"gen_ai.operation.name": "chat", **attributes}))
    assert call is not None
    assert (call.model, call.model_requested) == (model, requested)


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ({"langfuse.observation.type": "generation", "openinference.span.kind": "CHAIN"}, "chat"),
        ({"langfuse.observation.type": "span", "gen_ai.operation.name": "chat"}, None),
        ({"openinference.span.kind": "EMBEDDING", "gen_ai.operation.name": "chat"}, "embeddings"),
        ({"openinference.span.kind": "UNKNOWN", "gen_ai.operation.name": "text_completion"}, "text_completion"),
        ({"langsmith.span.kind": "retriever", "gen_ai.operation.name": "embeddings"}, None),
        ({"ai.operationId": "ai.generateText", "gen_ai.operation.name": "chat"}, None),
        ({"gen_ai.operation.name": "rerank", "traceloop.span.kind": "task"}, "rerank"),
        ({"traceloop.span.kind": "task", "gen_ai.request.model": "m", "gen_ai.system": "openai"}, None),
        ({"gen_ai.operation.name": "summon", "gen_ai.request.model": "m", "gen_ai.system": "openai"}, "chat"),
        ({"gen_ai.operation.name": "summon"}, None),
    ],
)
def test_the_family_that_marks_every_span_says_what_it_is(attributes, kind):
    call = normalise(span_of(attributes))
    assert (call and call.type) == kind


@pytest.mark.parametrize(
    ("attributes", "session"),
    [
        ({"langfuse.session.id": "a", "session.id": "b", "gen_ai.conversation.id": "c"}, "a"),
        ({"session.id": "b", "gen_ai.conversation.id": "c"}, "b"),
        ({"gen_ai.conversation.id": "c"}, "c"),
        ({"session.id": 7}, "7"),
        ({"session.id": "", "gen_ai.conversation.id": "c"}, "c"),
    ],
)
def test_the_session_by_the_more_special_name(attributes, session):
    call = normalise(span_of(CHAT | attributes))
    assert call is not None
    assert call.session_id == session


@pytest.mark.parametrize(
    ("attributes", "events", "nanoseconds"),
    [
        ({"gen_ai.response.time_to_first_chunk": 0.25}, (), 250_000_000),
        ({"gen_ai.response.time_to_first_chunk": "0.25"}, (), 250_000_000),
        ({"ai.response.msToFirstChunk": 12.5}, (), 12_500_000),
        ({}, ("First Token Stream Event",), 300_000_000),
        ({}, ("gen_ai.content.completion.chunk", "gen_ai.content.completion.chunk"), 300_000_000),
        ({}, ("something else",), None),
        ({"langfuse.observation.completion_start_time": "2026-11-01T12:00:00.125Z"}, (), 125_000_000),
        ({"langfuse.observation.completion_start_time": '"2026-11-01T12:00:00.125000+00:00"'}, (), 125_000_000),
        ({"langfuse.observation.completion_start_time": "soon"}, (), None),
        ({"langfuse.observation.completion_start_time": "2026-11-01T11:59:59Z"}, (), None),
        ({"gen_ai.response.time_to_first_chunk": -1.0}, (), None),
        ({}, (), None),
    ],
)
def test_time_to_first_token_in_each_family(attributes, events, nanoseconds):
    fired = [Event(name, START + 300_000_000 + at * SECOND, {}) for at, name in enumerate(events)]
    call = normalise(span_of(CHAT | attributes, events=fired))
    assert call is not None
    assert call.time_to_first_token_nano == nanoseconds
    assert call.streamed == (nanoseconds is not None)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"status_code": "ok"}, ("", "")),
        ({"status_code": "error", "status_message": "boom"}, ("error", "boom")),
        ({"attributes": {"error.type": "timeout"}}, ("timeout", "")),
        (
            {"status_code": "error", "events": [Event("exception", START, {"exception.type": "E", "exception.message": "no"})]},
            ("E", "no"),
        ),
        # an exception that was handled does not make a call fail
        ({"events": [Event("exception", START, {"exception.type": "E", "exception.message": "no"})]}, ("", "")),
    ],
)  # fmt: skip
def test_failures_say_their_type_and_message(fields, error):
    call = normalise(span_of(CHAT | fields.pop("attributes", {}), **fields))
    assert call is not None
    assert (call.error_type, call.error_message) == error
    assert call.success == (error[0] == "")


def test_parameters_are_short_and_hold_neither_the_conversation_nor_secrets():
    given_parameters = {
        "temperature": 0.5,
        "messages": [{"role": "user"}],
        "tools": [{}],
        "api_key": "sk-1",
        "stop": ["a", "b"],
    }
    attributes = {
        "llm.invocation_parameters": json.dumps(given_parameters),
        "gen_ai.request.max_tokens": 7,
        "gen_ai.request.seed": float("inf"),
        "gen_ai.request.temperature": 0.25,
    }
    call = normalise(span_of(CHAT | attributes))
    assert call is not None
    assert json.loads(call.parameters) == {"max_tokens": 7, "seed": "inf", "stop": ["a", "b"], "temperature": 0.25}


def test_environment_and_release_come_from_the_resource_when_the_span_says_nothing():
    resource = {"deployment.environment.name": "production", "service.version": "1.4.0"}
    call = normalise(span_of(CHAT, resource=resource))
    assert call is not None
    assert (call.environment, call.release) == ("production", "1.4.0")


@pytest.mark.parametrize(
    ("tags", "expected"),
    [(["a", "b"], ("a", "b")), ('["a", "b"]', ("a", "b")), ("a, b", ("a", "b")), (7, ()), ({"a": 1}, ())],
)
def test_tags_as_a_list_as_json_and_with_commas(tags, expected):
    call = normalise(span_of(CHAT | {"langsmith.span.tags": tags}))
    assert call is not None
    assert call.tags == expected
