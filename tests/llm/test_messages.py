"""Conversations of every dialect in one shape; the golden corpus has whole spans, here are the odd corners."""

from __future__ import annotations

import json

import pytest
from tests.llm.corpus import span_of

from sonde.llm.attribute import unflatten
from sonde.llm.message import parse_messages
from sonde.llm.messages import Messages, completion_preview, messages, prompt_preview


def said(value: object, role: str = "user") -> list[tuple[str, str]]:
    """Each message as (role, its parts in a few words)."""
    found = []
    for message in parse_messages(value, role):
        parts = [
            f"{part.type}:{part.content or part.uri or part.name or ''}{part.arguments if part.arguments is not None else ''}"
            for part in message.parts
        ]
        found.append((message.role, " ".join(parts)))
    return found


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", [("user", "text:plain")]),
        ("", []),
        (None, []),
        ([], []),
        ({}, []),
        ('"quoted"', [("user", "text:quoted")]),
        ('{"broken', [("user", 'text:{"broken')]),
        (["one", "two"], [("user", "text:one"), ("user", "text:two")]),
        ({"unknown": 1}, [("user", 'text:{"unknown": 1}')]),
        # OpenAI
        ({"role": "developer", "content": "Be brief."}, [("system", "text:Be brief.")]),
        (
            {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": '{"a": 1}'}},
            [("assistant", "tool_call:f{'a': 1}")],
        ),
        ({"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "x"}]}, [("tool", "tool_result:x")]),
        ({"role": "assistant", "reasoning_content": "Hm", "content": "Yes"}, [("assistant", "reasoning:Hm text:Yes")]),
        ({"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}, [("assistant", "text:Hi")]),
        (
            {"instructions": "Be brief.", "input": [{"type": "function_call_output", "call_id": "c", "output": "7"}]},
            [("system", "text:Be brief."), ("user", "tool_result:7")],
        ),
        (
            {"output": [
                {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm"}]},
                {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "c"},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Yes"}]},
            ]},
            [("assistant", "reasoning:Hm"), ("assistant", "tool_call:f{}"), ("assistant", "text:Yes")],
        ),
        # JSON that somebody said is not taken for content blocks
        ({"role": "user", "content": '[{"id": 1}]'}, [("user", 'text:[{"id": 1}]')]),
        ({"role": "user", "content": [{"id": 1}]}, [("user", 'text:{"id": 1}')]),
        # Anthropic
        (
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm"}, {"type": "tool_use", "name": "f", "input": {}}]},
            [("assistant", "reasoning:Hm tool_call:f{}")],
        ),
        (
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": [{"type": "text", "text": "7"}]}]},
            [("user", "tool_result:7")],
        ),
        (
            {"role": "user", "content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}}]},
            [("user", "image:")],
        ),
        # Gemini
        ({"contents": [{"role": "model", "parts": [{"text": "Yes"}]}]}, [("assistant", "text:Yes")]),
        ({"candidates": [{"content": {"role": "model", "parts": [{"text": "Yes"}]}}]}, [("assistant", "text:Yes")]),
        (
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"a": 1}}}]},
            [("assistant", "tool_call:f{'a': 1}")],
        ),
        (
            {"role": "model", "parts": [{"text": "Hm", "thought": True}, {"text": "Yes"}]},
            [("assistant", "reasoning:Hm text:Yes")],
        ),
        # LangChain
        ({"type": "human", "content": "Hi"}, [("user", "text:Hi")]),
        ({"lc": 1, "id": ["langchain", "AIMessage"], "kwargs": {"content": "Yes"}}, [("assistant", "text:Yes")]),
    ],
)  # fmt: skip
def test_each_dialect_says_the_same(value, expected):
    assert said(value) == expected
    if not isinstance(value, str | None):
        assert said(json.dumps(value)) == expected


def test_inline_media_stay_in_the_span():
    value = {
        "role": "user",
        "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 10_000}}],
    }
    [message] = parse_messages(value, "user")
    assert message.as_json()["parts"] == [{"type": "image", "mime_type": "image/png"}]


def test_deep_nesting_ends():
    value: object = "deep"
    for _ in range(5_000):
        value = [value]
    assert parse_messages(value, "user") == ()
    text = "[" * 100_000
    assert said(text) == [("user", f"text:{text}")]


def test_lone_surrogates_and_poisoned_keys_do_not_get_through():
    [message] = parse_messages('{"role": "user", "content": "\\ud800", "__proto__": {"x": 1}}', "user")
    assert message.text() == "?"
    [call] = parse_messages(
        {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": '{"__proto__": 1, "a": 2}'}}]},
        "user",
    )
    assert call.parts[0].arguments == {"a": 2}


def test_flattened_arrays_are_capped_and_in_order():
    attributes = {f"m.{index}.role": index for index in (10, 2, 0, 999, 1000, 99_999)} | {
        "m.0.a.b.c": 1,
        "mm.0.role": 5,
    }
    assert unflatten(attributes, "m") == [
        {"role": 0, "a": {"b": {"c": 1}}},
        {"role": 2},
        {"role": 10},
        {"role": 999},
    ]


@pytest.mark.parametrize(
    ("conversation", "preview"),
    [
        ([{"role": "user", "content": "first"}, {"role": "user", "content": " a  b\n\tc "}], "a b c"),
        ([{"role": "user", "content": "asked"}, {"role": "assistant", "content": "said"}], "asked"),
        ([{"role": "user", "content": "asked"}, {"role": "user", "content": [{"type": "image_url"}]}], "asked"),
        ([{"role": "system", "content": "only this"}], "only this"),
        ([{"role": "user", "content": "x" * 500}], "x" * 200),
        ([], ""),
    ],
)
def test_the_prompt_preview_is_the_last_thing_the_user_said(conversation, preview):
    assert prompt_preview(Messages(parse_messages(conversation, "user"), ())) == preview


@pytest.mark.parametrize(
    ("conversation", "preview"),
    [
        ([{"content": "first"}, {"content": "second"}], "first"),
        ([{"tool_calls": [{"function": {"name": "f", "arguments": '{"a": "é"}'}}]}], 'f({"a": "é"})'),
        ([{"content": [{"type": "reasoning", "content": "Hm"}]}], ""),
    ],
)
def test_the_completion_preview_is_the_first_answer(conversation, preview):
    assert completion_preview(Messages((), parse_messages(conversation, "assistant"))) == preview


def test_each_side_comes_from_the_first_family_that_has_it():
    span = span_of(
        {
            "langfuse.observation.output": "langfuse",
            "gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text", "content": "genai"}]}],
            "llm.input_messages.0.message.content": "openinference",
            "input.value": "the rest",
        }
    )
    conversation = messages(span)
    assert [message.text() for message in (*conversation.input, *conversation.output)] == ["openinference", "langfuse"]
