"""Messages of the clients people use become the conventions' parts."""

from __future__ import annotations

import json

import pytest

from sonde.sdk.messages import to_json


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        ([{"role": "user", "content": "hi"}], [{"type": "text", "content": "hi"}]),
        ([{"role": "user", "content": [{"type": "text", "text": "hi"}]}], [{"type": "text", "content": "hi"}]),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u"}}]}],
            [{"type": "image_url", "image_url": {"url": "u"}}],
        ),
        (
            [
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}],
                }
            ],
            [{"type": "tool_call", "id": "c", "name": "f", "arguments": "{}"}],
        ),
        (
            [{"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}}]}],
            [{"type": "tool_call", "id": "c", "name": "f", "arguments": {"a": 1}}],
        ),
        (
            [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "42"}]}],
            [{"type": "tool_call_response", "id": "c", "response": "42"}],
        ),
        (
            [{"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}]}],
            [{"type": "reasoning", "content": "hm"}],
        ),
        ([{"role": "user", "parts": [{"type": "text", "content": "hi"}]}], [{"type": "text", "content": "hi"}]),
    ],
)
def test_parts(given, parts):
    (message,) = json.loads(to_json(given, role="user"))
    assert message == {"role": given[0]["role"], "parts": parts}
