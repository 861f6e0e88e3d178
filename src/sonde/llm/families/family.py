"""What a family of attributes is: tables of names, and functions for what no table can say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from sonde.llm.attribute import decode, text, unflatten
from sonde.llm.message import Message, parse_messages
from sonde.llm.span import LlmSpan
from sonde.llm.usage import Tokens

CHAT, TEXT_COMPLETION, EMBEDDINGS, RERANK = "chat", "text_completion", "embeddings", "rerank"
IMAGE, AUDIO, DECISION = "image", "audio", "decision"
NOT_A_CALL = ""
"""The kind of agents, chains, tools, retrievers: spans that contain calls. They report the tokens of the calls inside
them once more, so that counting them would count every token twice."""

Field = Literal[
    "model", "model_requested", "provider", "host", "operation", "finish_reason", "error_type", "error_message",
    "level", "session_id", "user_id", "function", "prompt_name", "prompt_version", "environment", "release", "tags",
    "service_tier", "streamed", "cost", "parameters", "seconds_to_first_token", "milliseconds_to_first_token",
    "first_token_time",
]  # fmt: skip
"""What one attribute can say by itself; ``parameters`` and ``tags`` may be JSON."""

Reader = Callable[[LlmSpan], tuple[Message, ...]]


@dataclass(frozen=True, slots=True)
class Family:
    """Where one family of instrumentations writes what. The first name that is present wins."""

    name: str
    namespaces: frozenset[str]
    """First words of the names under which the messages are; a span with none of them is not asked for messages."""
    fields: Mapping[Field, tuple[str, ...]]
    tokens: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Component of ``usage.COMPONENTS`` to attribute names."""
    kind: Callable[[LlmSpan], str | None] | None = None
    """The type of generation, ``NOT_A_CALL``, or None when this family says nothing of this span."""
    usage: Mapping[str, Callable[[object], Tokens]] = field(default_factory=dict)
    """Attributes that hold a whole usage object, with its reader; they are believed before single counts."""
    input: Reader | None = None
    output: Reader | None = None
    first_token_events: tuple[str, ...] = ()
    """Names of span events whose time is that of the first token."""


def kind_by(key: str, kinds: Mapping[str, str]) -> Callable[[LlmSpan], str | None]:
    """Read the kind from one attribute; a value that is not in the table says nothing."""

    def kind(span: LlmSpan) -> str | None:
        value = span.attributes.get(key)
        return kinds.get(value.lower()) if isinstance(value, str) else None

    return kind


def messages_at(*keys: str, role: str) -> Reader:
    """Read the messages from the first of these attributes that has any."""

    def read(span: LlmSpan) -> tuple[Message, ...]:
        attributes = span.attributes
        for key in keys:
            if key in attributes and (found := parse_messages(attributes[key], role)):
                return found
        return ()

    return read


def flattened_messages_at(key: str, role: str) -> Reader:
    """Read the messages under a key, as one value or flattened into ``<key>.<index>.<path>``."""

    def read(span: LlmSpan) -> tuple[Message, ...]:
        attributes = span.attributes
        return parse_messages(attributes[key] if key in attributes else unflatten(attributes, key), role)

    return read


def unquoted(value: object) -> str:
    """Text that may have been encoded as JSON, and then has quotes of its own."""
    return text(decode(value))
