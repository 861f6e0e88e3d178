"""Chat messages in, an assistant message out: extractive, so that an answer is as good as its context.

The answer consists of the sentences of the context that are nearest to the question, each with the id of its passage in
brackets. When tools are offered it calls one, with arguments taken from the user's words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sonde.demo.embedding import Embedder, terms
from sonde.errors import UserError

_PASSAGE = re.compile(r"^\[(?P<id>[\w-]+)\] (?P<text>.+)$", re.MULTILINE)
_SENTENCE = re.compile(r"(?<=[.!?:;]) (?=[A-Z0-9])")
_SENTENCES_IN_ANSWER = 2
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function that the model wants called; ``arguments`` is JSON text, as on the wire."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Completion:
    """What the model says: text, or a call of a tool."""

    text: str
    tool_call: ToolCall | None = None

    @property
    def finish_reason(self) -> str:
        """OpenAI's word for why it stopped."""
        return "tool_calls" if self.tool_call else "stop"


def complete(request: dict[str, Any], embedder: Embedder, *, nonsense: bool = False) -> Completion:
    """Answer a request of ``/v1/chat/completions``. Raises ``UserError`` if it has no messages."""
    messages = request.get("messages")
    if not isinstance(messages, list) or not messages:
        raise UserError("'messages' must be a list of at least one message")
    question = _last(messages, "user")
    if request.get("tools") and request.get("tool_choice") != "none" and messages[-1].get("role") != "tool":
        return Completion("", _call_tool(request, question))
    if messages[-1].get("role") == "tool":
        return Completion(f"Done: {_text(messages[-1])}")
    passages = [(match["id"], match["text"]) for match in _PASSAGE.finditer("\n".join(map(_text, messages)))]
    if not passages:
        return Completion(_echo(question))
    asked = question.rsplit("Question:", 1)[-1].strip()
    return Completion(_extract(asked, passages, embedder, nonsense=nonsense))


def prompt_text(request: dict[str, Any]) -> str:
    """All that the model reads, as one text: what the prompt's tokens and its cached prefix are counted on."""
    tools = json.dumps(request["tools"]) if request.get("tools") else ""
    return "\n".join([tools, *(_text(message) for message in request.get("messages", []))])


def _extract(asked: str, passages: Sequence[tuple[str, str]], embedder: Embedder, *, nonsense: bool) -> str:
    sentences = [(passage_id, sentence.strip()) for passage_id, text in passages for sentence in _SENTENCE.split(text)]
    vectors = embedder.embed([asked, *(sentence for _, sentence in sentences)])
    of_passage = dict(
        zip((i for i, _ in passages), embedder.embed([text for _, text in passages]) @ vectors[0], strict=True)
    )
    score = {row: float(vectors[row + 1] @ vectors[0]) + of_passage[i] for row, (i, _) in enumerate(sentences)}
    best = sorted(score, key=lambda row: score[row], reverse=not nonsense)[:_SENTENCES_IN_ANSWER]
    return " ".join(f"{sentences[row][1]} [{sentences[row][0]}]" for row in sorted(best))


def _echo(question: str) -> str:
    words = " ".join(question.split()[:40])
    return f"In short: {words}" if words else "How can I help?"


def _call_tool(request: dict[str, Any], question: str) -> ToolCall:
    offered = {
        tool["function"]["name"]: tool["function"] for tool in request["tools"] if tool.get("type") == "function"
    }
    if not offered:
        raise UserError("'tools' has no tool of type 'function'")
    choice = request.get("tool_choice")
    name = choice["function"]["name"] if isinstance(choice, dict) else next(iter(offered))
    if name not in offered:
        raise UserError(f"'tool_choice' names {name!r}, which is not among 'tools'")
    properties = offered[name].get("parameters", {}).get("properties", {})
    arguments = {key: _argument(schema, question) for key, schema in properties.items()}
    return ToolCall(name, json.dumps(arguments))


def _argument(schema: dict[str, Any], question: str) -> Any:
    """A value of the schema's type, read out of the user's words where they have one."""
    if "enum" in schema:
        said = set(terms(question))
        return next((value for value in schema["enum"] if set(terms(str(value))) & said), schema["enum"][0])
    numbers = _NUMBER.findall(question)
    match schema.get("type"):
        case "integer":
            return int(float(numbers[0])) if numbers else 1
        case "number":
            return float(numbers[0]) if numbers else 1.0
        case "boolean":
            return True
        case "array":
            return [_argument(schema.get("items", {}), question)]
        case "object":
            return {key: _argument(inner, question) for key, inner in schema.get("properties", {}).items()}
        case _:
            return " ".join(question.split()[:24])


def _last(messages: Sequence[dict[str, Any]], role: str) -> str:
    return next((_text(message) for message in reversed(messages) if message.get("role") == role), "")


def _text(message: dict[str, Any]) -> str:
    """The text of a message, whose content is a string or a list of parts."""
    content = message.get("content")
    if isinstance(content, list):
        return "\n".join(part.get("text", "") for part in content if part.get("type") == "text")
    return content or ""
