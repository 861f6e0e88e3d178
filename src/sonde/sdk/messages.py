"""Messages of LLM calls in the form of the GenAI conventions; for ``generation``.

    [{"role": "user", "parts": [{"type": "text", "content": "Why is the sky blue?"}]}]

Specification: https://github.com/open-telemetry/semantic-conventions-genai (gen_ai.input.messages,
gen_ai.output.messages)
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

Messages = str | Sequence[Mapping[str, object]]


def to_json(messages: Messages, *, role: str, finish_reason: str = "") -> str:
    """Text, or messages as the OpenAI and Anthropic clients take them, as the conventions' JSON.

    >>> to_json("hello", role="user")
    '[{"role":"user","parts":[{"type":"text","content":"hello"}]}]'
    >>> to_json([{"role": "tool", "tool_call_id": "c1", "content": "42"}], role="user")
    '[{"role":"tool","parts":[{"type":"tool_call_response","id":"c1","response":"42"}]}]'
    """
    given: Sequence[Mapping[str, object]] = [{"content": messages}] if isinstance(messages, str) else messages
    converted = [_message(message, role) for message in given]
    if finish_reason:
        converted = [{**message, "finish_reason": finish_reason} for message in converted]
    return json.dumps(converted, ensure_ascii=False, separators=(",", ":"), default=str)


def to_parts(text: str) -> str:
    """System instructions: parts without a message around them.

    >>> to_parts("Be brief.")
    '[{"type":"text","content":"Be brief."}]'
    """
    return json.dumps([{"type": "text", "content": text}], ensure_ascii=False, separators=(",", ":"))


def _message(message: Mapping[str, object], role: str) -> dict[str, object]:
    spoken = str(message.get("role") or role)
    if "parts" in message:
        return {"role": spoken, **message}
    content = message.get("content")
    if spoken == "tool" or message.get("tool_call_id"):
        return {"role": "tool", "parts": [_result(message.get("tool_call_id"), content)]}
    parts: list[dict[str, object]] = []
    if isinstance(content, str):
        parts = [{"type": "text", "content": content}] if content else []
    elif isinstance(content, Sequence):
        parts = [_part(item) for item in content]
    calls = message.get("tool_calls")
    if isinstance(calls, Sequence):
        parts += [_call(call) for call in calls if isinstance(call, Mapping)]
    return {"role": spoken, "parts": parts}


def _part(item: object) -> dict[str, object]:
    if not isinstance(item, Mapping):
        return {"type": "text", "content": str(item)}
    match item.get("type"):
        case "text" | "input_text" | "output_text":
            return {"type": "text", "content": item.get("text", "")}
        case "tool_use":
            return {"type": "tool_call", "id": item.get("id"), "name": item.get("name"), "arguments": item.get("input")}
        case "tool_result":
            return _result(item.get("tool_use_id"), item.get("content"))
        case "thinking":
            return {"type": "reasoning", "content": item.get("thinking", "")}
    return dict(item)


def _call(call: Mapping[str, object]) -> dict[str, object]:
    function = call.get("function")
    named = function if isinstance(function, Mapping) else call
    return {"type": "tool_call", "id": call.get("id"), "name": named.get("name"), "arguments": named.get("arguments")}


def _result(call_id: object, content: object) -> dict[str, object]:
    return {"type": "tool_call_response", "id": call_id, "response": content}
