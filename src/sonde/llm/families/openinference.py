"""OpenInference, as Arize's instrumentations write it; token totals include their details.

Specification: https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md
"""

from __future__ import annotations

from sonde.llm.attribute import unflatten
from sonde.llm.families.family import (
    CHAT,
    DECISION,
    EMBEDDINGS,
    NOT_A_CALL,
    RERANK,
    Family,
    flattened_messages_at,
    kind_by,
    messages_at,
)
from sonde.llm.message import Message, Part, parse_messages
from sonde.llm.span import LlmSpan

_KINDS = {
    "llm": CHAT,
    "embedding": EMBEDDINGS,
    "reranker": RERANK,
    "decision": DECISION,
    **dict.fromkeys(("chain", "retriever", "tool", "agent", "guardrail", "evaluator", "prompt"), NOT_A_CALL),
}

_messages_in = flattened_messages_at("llm.input_messages", role="user")
_value_in = messages_at("reranker.query", "input.value", role="user")
_messages_out = flattened_messages_at("llm.output_messages", role="assistant")
_value_out = messages_at("output.value", role="assistant")


def _input(span: LlmSpan) -> tuple[Message, ...]:
    return (
        _messages_in(span)
        or _texts(span, "llm.prompts", "prompt.text", "user")
        or _texts(span, "embedding.embeddings", "embedding.text", "user")
        or _value_in(span)
    )


def _output(span: LlmSpan) -> tuple[Message, ...]:
    found = _messages_out(span) or _texts(span, "llm.choices", "completion.text", "assistant")
    if found or span.attributes.get("openinference.span.kind") == "EMBEDDING":
        return found  # the output value of an embedding is its vector
    return _value_out(span)


def _texts(span: LlmSpan, prefix: str, path: str, role: str) -> tuple[Message, ...]:
    """One message for each text at ``<prefix>.<index>.<path>``; the older form holds all of them in one value."""
    if prefix in span.attributes:
        return parse_messages(span.attributes[prefix], role)
    outer, inner = path.split(".")
    found: list[Message] = []
    for element in unflatten(span.attributes, prefix):
        holder = element.get(outer) if isinstance(element, dict) else None
        value = holder.get(inner) if isinstance(holder, dict) else None
        if isinstance(value, str) and value:
            found.append(Message(role, (Part("text", value),)))
    return tuple(found)


FAMILY = Family(
    name="openinference",
    namespaces=frozenset({"openinference", "llm", "embedding", "reranker", "decision", "input", "output"}),
    kind=kind_by("openinference.span.kind", _KINDS),
    fields={
        "model": (
            "llm.response.model_name", "llm.model_name", "embedding.model_name", "reranker.model_name",
            "decision.response.model_name", "decision.model_name",
        ),
        "model_requested": ("llm.request.model_name", "decision.request.model_name"),
        "provider": ("llm.provider", "llm.system", "decision.provider", "decision.system"),
        "finish_reason": ("llm.finish_reason",),
        "session_id": ("session.id",),
        "user_id": ("user.id",),
        "function": ("agent.name",),
        "prompt_name": ("prompt.id",),
        "prompt_version": ("llm.prompt_template.version",),
        "tags": ("tag.tags",),
        "cost": ("llm.cost.total",),
        "parameters": ("llm.invocation_parameters", "embedding.invocation_parameters"),
    },
    tokens={
        "input": ("llm.token_count.prompt", "decision.token_count.input"),
        "output": ("llm.token_count.completion", "decision.token_count.output"),
        "total": ("llm.token_count.total",),
        "cache_read": (
            "llm.token_count.prompt_details.cache_read", "llm.token_count.prompt_details.cache_input",
        ),
        "cache_write": ("llm.token_count.prompt_details.cache_write",),
        "reasoning": (
            "llm.token_count.completion_details.reasoning", "llm.token_count.reasoning_tokens",
        ),
        "input_audio": ("llm.token_count.prompt_details.audio",),
        "output_audio": ("llm.token_count.completion_details.audio",),
    },
    input=_input,
    output=_output,
    first_token_events=("First Token Stream Event",),
)  # fmt: skip
