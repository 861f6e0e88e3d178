"""One conversation in one shape, from the shapes in which instrumentations and providers write it.

Read here: OpenTelemetry's ``parts``, OpenAI (chat and responses), Anthropic's and Gemini's content blocks, LangChain's
serialized messages, the Vercel AI SDK, OpenInference's and Traceloop's flattened keys once ``attribute.unflatten``
has put them together, and plain text. Whatever has none of these shapes is shown as the JSON that it is.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sonde.llm.attribute import decode, encodable, safe_items, text

_DEPTH_LIMIT = 8
"""Envelopes inside envelopes that are opened."""
_ELEMENT_LIMIT = 1000
"""Messages, and parts of a message, that are read."""
_JSON_LIMIT = 100_000
"""Characters kept of a value that is only shown as JSON."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a message; ``type`` is text, reasoning, tool_call, tool_result, or a kind of media such as image."""

    type: str
    content: str = ""
    name: str = ""
    arguments: object = None
    id: str = ""
    mime_type: str = ""
    uri: str = ""

    def as_json(self) -> dict[str, object]:
        """The part for the API, without what it does not have."""
        fields: dict[str, object] = {
            "content": self.content, "name": self.name, "arguments": self.arguments, "id": self.id,
            "mime_type": self.mime_type, "uri": self.uri,
        }  # fmt: skip
        return {"type": self.type} | {key: value for key, value in fields.items() if value not in ("", None)}


@dataclass(frozen=True, slots=True)
class Message:
    """What one role said: system, user, assistant or tool."""

    role: str
    parts: tuple[Part, ...]
    finish_reason: str = ""
    name: str = ""

    def text(self) -> str:
        """The text of the message, without reasoning, tools and media."""
        return "\n".join(part.content for part in self.parts if part.type == "text")

    def as_json(self) -> dict[str, object]:
        """The message for the API."""
        message: dict[str, object] = {"role": self.role, "parts": [part.as_json() for part in self.parts]}
        if self.finish_reason:
            message["finish_reason"] = self.finish_reason
        if self.name:
            message["name"] = self.name
        return message


_SPEAKERS = frozenset({"system", "user", "assistant", "tool"})
_ROLES = {
    "system": "system", "developer": "system", "systemmessage": "system",
    "user": "user", "human": "user", "humanmessage": "user", "humanmessagechunk": "user",
    "assistant": "assistant", "ai": "assistant", "model": "assistant", "aimessage": "assistant",
    "aimessagechunk": "assistant",
    "tool": "tool", "function": "tool", "toolmessage": "tool", "functionmessage": "tool",
}  # fmt: skip
"""Who speaks, by the words for it in the wild."""

_PART_TYPES = {
    "text": "text", "input_text": "text", "output_text": "text", "refusal": "text", "summary_text": "text",
    "reasoning": "reasoning", "thinking": "reasoning", "thought": "reasoning",
    "tool_call": "tool_call", "tool-call": "tool_call", "tool_use": "tool_call", "function_call": "tool_call",
    "server_tool_use": "tool_call",
    "tool_result": "tool_result", "tool-result": "tool_result", "tool_call_response": "tool_result",
    "function_call_output": "tool_result", "tool_response": "tool_result",
    "image": "image", "image_url": "image", "input_image": "image", "audio": "audio", "input_audio": "audio",
    "video": "video", "file": "file", "input_file": "file", "document": "file", "blob": "blob", "uri": "uri",
}  # fmt: skip
"""Name of a part in the wild to its name here."""

_WRAPPERS = {
    "tool_call": "tool_call", "message_content": "", "functionCall": "tool_call", "function_call": "tool_call",
    "functionResponse": "tool_result",
}  # fmt: skip
"""Keys inside of which the part is, to the type that they mean."""
_SAID = frozenset({"role", "parts", "tool_calls"})
"""Keys that only a message has."""
_BESIDE = frozenset({"reasoning_content", "tool_calls", "function_call"})
_ENVELOPES = {
    "messages": "", "choices": "assistant", "output": "assistant", "candidates": "assistant", "contents": "",
    "generations": "assistant", "input": "", "prompt": "",
}  # fmt: skip
"""Keys of requests and responses under which their messages are, to who speaks there if nobody says so."""


def parse_messages(value: object, role: str) -> tuple[Message, ...]:
    """The messages in a value: an array of them, one of them, an envelope, JSON text of any of these, or plain text.

    ``role`` is for what does not say who speaks.

    >>> [(m.role, m.text()) for m in parse_messages('[{"role": "human", "content": "hi"}]', "user")]
    [('user', 'hi')]
    >>> parse_messages("hello", "assistant")[0].as_json()
    {'role': 'assistant', 'parts': [{'type': 'text', 'content': 'hello'}]}
    """
    return _messages(value, role, _DEPTH_LIMIT)


def _messages(value: object, role: str, depth: int) -> tuple[Message, ...]:
    value = decode(value)
    if value is None or value == "" or depth == 0:
        return ()
    if isinstance(value, (str, int, float)):
        return (Message(role, (Part("text", encodable(str(value))),)),)
    if isinstance(value, dict):
        return _from_mapping(value, role, depth)
    if isinstance(value, (list, tuple)):
        elements = value[:_ELEMENT_LIMIT]
        if elements and _are_parts(elements):
            return _message(role, _parts(elements, depth))
        return tuple(message for element in elements for message in _messages(element, role, depth - 1))
    return ()


def _are_parts(elements: Sequence[object]) -> bool:
    """Whether these are the parts of one message: content blocks, which have a type and nobody who says them."""
    return all(
        isinstance(element, dict) and element.get("type") in _PART_TYPES and "role" not in element
        for element in elements
    )


def _from_mapping(value: Mapping[str, object], role: str, depth: int) -> tuple[Message, ...]:
    if "role" in value and "message" not in value and "kwargs" not in value:
        return _one(value, role, depth)
    inner = value.get("message", value.get("content"))
    if isinstance(inner, dict) and ("message" in value or not _SAID.isdisjoint(inner)):
        # an OpenAI choice, an OpenInference element, a LangChain generation, a Gemini candidate
        finish = text(_any(value, "finish_reason", "finishReason"))
        return tuple(_finished(message, finish) for message in _messages(inner, role, depth - 1))
    kwargs = value.get("kwargs")
    identity = value.get("id")
    if isinstance(kwargs, dict) and isinstance(identity, list):  # LangChain's constructor form
        return _messages({"type": text(identity[-1:]), **kwargs}, role, depth - 1)
    kind = value.get("type")
    is_part = isinstance(kind, str) and kind in _PART_TYPES
    if not _SAID.isdisjoint(value) or ("content" in value and not is_part):
        return _one(value, role, depth)
    if is_part:
        part = _part(value, depth)
        return _message("tool" if part.type == "tool_result" else role, (part,))
    for key, spoken_by in _ENVELOPES.items():
        if value.get(key):
            before = _messages(_any(value, "instructions", "system"), "system", depth - 1)
            return before + _messages(value[key], spoken_by or role, depth - 1)
    if not _ENVELOPES.keys().isdisjoint(value):
        return ()
    if "text" in value:
        return _message(role, (_part(value, depth),))
    return _message(role, (Part("text", _as_json(value)),)) if value else ()


def _one(value: Mapping[str, object], role: str, depth: int) -> tuple[Message, ...]:
    said_by = value.get("role") or value.get("type")
    if not isinstance(said_by, str) or said_by not in _SPEAKERS:
        said_by = _ROLES.get(text(said_by).lower(), role)
    parts = _parts(_any(value, "parts", "contents", "content"), depth)
    if said_by == "tool" and all(part.type == "text" for part in parts):
        result = "\n".join(part.content for part in parts)
        parts = [Part("tool_result", result, text(value.get("name")), id=text(_any(value, "tool_call_id", "id")))]
    if not _BESIDE.isdisjoint(value):
        _add_beside(parts, value, depth)
    finish = value.get("finish_reason") or value.get("finishReason")
    return _message(str(said_by), parts, text(finish), text(value.get("name")))


def _add_beside(parts: list[Part], value: Mapping[str, object], depth: int) -> None:
    """What stands beside the content of a message: reasoning before it, tool calls after it."""
    if reasoning := value.get("reasoning_content"):
        parts.insert(0, Part("reasoning", _content(reasoning)))
    calls = decode(value.get("tool_calls"))
    if isinstance(calls, list):
        parts += [_call(_mapping(call), depth) for call in calls[:_ELEMENT_LIMIT]]
    if isinstance(call := value.get("function_call"), dict):
        parts.append(_call(call, depth))


def _call(value: Mapping[str, object], depth: int) -> Part:
    return _part({**(_mapping(value.get("tool_call")) or value), "type": "tool_call"}, depth)


def _message(role: str, parts: Sequence[Part], finish: str = "", name: str = "") -> tuple[Message, ...]:
    return (Message(role, tuple(parts), finish, name),) if parts or finish else ()


def _finished(message: Message, finish: str) -> Message:
    return Message(message.role, message.parts, message.finish_reason or finish, message.name)


def _mapping(value: object) -> Mapping[str, object]:
    value = decode(value)
    return dict(safe_items(value)) if isinstance(value, dict) else {}


def _parts(content: object, depth: int) -> list[Part]:
    if isinstance(content, str) and content.startswith("[{"):  # Traceloop's way, unless it is what somebody said
        decoded = decode(content)
        content = decoded if isinstance(decoded, list) and _are_parts(decoded) else content
    if isinstance(content, dict):
        return [_part(content, depth)]
    if isinstance(content, (list, tuple)):
        found = (_part(element, depth) for element in content[:_ELEMENT_LIMIT])
        return [part for part in found if part.type != "text" or part.content]
    return [Part("text", _content(content))] if content not in ("", None) else []


def _part(value: object, depth: int) -> Part:
    """One part, whichever dialect names its fields."""
    if not isinstance(value, dict):
        return Part("text", _content(value))
    named = value.get("type")
    kind = _PART_TYPES.get(named) if isinstance(named, str) else None
    if kind is None:
        for wrapper, meant in _WRAPPERS.items():
            if isinstance(inner := value.get(wrapper), dict) and depth:
                return _part({"type": meant, **inner} if meant else inner, depth - 1)
        kind = text(named) if named and "text" not in value else "reasoning" if value.get("thought") is True else "text"
    if kind in {"text", "reasoning"}:
        said = _any(value, "content", "text", "thinking", "refusal", "reasoning", "summary")
        return Part(kind, _as_json(value) if said is None and named is None else _content(said))
    name = text(_any(value, "name", "toolName", "tool_name"))
    identity = text(_any(value, "id", "call_id", "toolCallId", "tool_call_id", "tool_use_id"))
    if kind == "tool_call":
        function = _mapping(value.get("function")) or value
        arguments = decode(_any(function, "arguments", "input", "args"))
        return Part(kind, "", text(function.get("name")) or name, _jsonable(arguments), identity)
    if kind == "tool_result":
        result = _any(value, "result", "response", "output", "content")
        if isinstance(result, dict) and result.keys() == {"type", "value"}:  # the AI SDK's way to say which it is
            result = result["value"]
        return Part(kind, _content(result), name, id=identity)
    return _media(kind, value)


def _media(kind: str, value: Mapping[str, object]) -> Part:
    """Media by reference: what is inline (base64) stays in the span."""
    source = _mapping(_any(value, kind, "image_url", "input_audio", "source", "file"))
    source = _mapping(source.get(kind)) or source
    uri = text(_any(value, "uri", "url", "file_id", "image_url"), 2000)
    uri = uri or text(_any(source, "uri", "url", "file_id"), 2000)
    mime_type = text(_any(value, "mime_type", "mimeType", "media_type", "mediaType"))
    mime_type = mime_type or text(_any(source, "mime_type", "media_type", "format"))
    if uri.startswith("data:"):
        mime_type, uri = mime_type or uri[5:].partition(";")[0], ""
    modality = text(value.get("modality"))
    return Part(modality or kind, mime_type=mime_type, uri=uri, name=text(_any(value, "filename", "name")))


def _any(value: Mapping[str, object], *keys: str) -> object:
    for key in keys:
        found = value.get(key)
        if found is not None and found != "":
            return found
    return None


def _content(value: object, depth: int = _DEPTH_LIMIT) -> str:
    """A value as the text that a person reads: text itself, the text in content blocks, else JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, list) and value and depth and _are_parts(value):
        return "\n".join(_content(_any(block, "text", "content"), depth - 1) for block in value[:_ELEMENT_LIMIT])
    return _as_json(value)


def _as_json(value: object) -> str:
    return encodable(json.dumps(_jsonable(value), ensure_ascii=False, default=str)[:_JSON_LIMIT])


def _jsonable(value: object, depth: int = 20) -> object:
    """The value as JSON can hold it: no unsafe keys, no lone surrogates, no NaN, bounded depth."""
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {encodable(key): _jsonable(item, depth - 1) for key, item in safe_items(value)} if depth else {}
    if isinstance(value, (list, tuple)):
        return [_jsonable(item, depth - 1) for item in value] if depth else []
    return value
