"""OpenLLMetry (Traceloop), which now mostly writes OpenTelemetry's names: its own ones, and those still in fleets.

Specification: https://github.com/traceloop/openllmetry (semantic-conventions-ai)
"""

from __future__ import annotations

from sonde.llm.families.family import (
    CHAT,
    EMBEDDINGS,
    NOT_A_CALL,
    RERANK,
    TEXT_COMPLETION,
    Family,
    flattened_messages_at,
    kind_by,
)
from sonde.llm.span import LlmSpan

_request_type = kind_by(
    "llm.request.type", {"chat": CHAT, "completion": TEXT_COMPLETION, "embedding": EMBEDDINGS, "rerank": RERANK}
)
_span_kind = kind_by("traceloop.span.kind", dict.fromkeys(("workflow", "task", "agent", "tool"), NOT_A_CALL))


def _kind(span: LlmSpan) -> str | None:
    kind = _request_type(span)
    return _span_kind(span) if kind is None else kind


FAMILY = Family(
    name="traceloop",
    namespaces=frozenset({"traceloop", "llm", "gen_ai"}),
    kind=_kind,
    fields={
        "operation": ("llm.request.type",),
        "host": ("gen_ai.openai.api_base",),
        "finish_reason": (
            "gen_ai.completion.0.finish_reason", "llm.response.finish_reason", "llm.response.stop_reason",
        ),
        "session_id": (
            "traceloop.association.properties.session_id", "traceloop.association.properties.conversation_id",
            "traceloop.association.properties.chat_id",
        ),
        "user_id": ("traceloop.association.properties.user_id", "llm.user"),
        "function": ("traceloop.entity.name", "traceloop.workflow.name"),
        "prompt_name": ("traceloop.prompt.key",),
        "prompt_version": ("traceloop.prompt.version", "traceloop.prompt.version_name"),
        "streamed": ("gen_ai.is_streaming", "llm.is_streaming"),
    },
    tokens={
        "input": ("llm.usage.prompt_tokens",),
        "output": ("llm.usage.completion_tokens",),
        "total": ("llm.usage.total_tokens",),
        "reasoning": ("llm.usage.reasoning_tokens",),
    },
    input=flattened_messages_at("gen_ai.prompt", role="user"),
    output=flattened_messages_at("gen_ai.completion", role="assistant"),
    first_token_events=("gen_ai.content.completion.chunk", "llm.content.completion.chunk"),
)  # fmt: skip
