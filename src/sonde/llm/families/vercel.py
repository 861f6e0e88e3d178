"""The Vercel AI SDK (scope ``ai``): one span for what the caller asked, and a child for each request to the model.

``ai.generateText`` contains ``ai.generateText.doGenerate`` and repeats its tokens: only the child is a call. Up to
version 5, Anthropic's input tokens come without the cached ones; the provider's own numbers settle it.

Specification: https://ai-sdk.dev/docs/ai-sdk-core/telemetry
"""

from __future__ import annotations

from sonde.llm.attribute import decode, mapping
from sonde.llm.families.family import CHAT, EMBEDDINGS, NOT_A_CALL, RERANK, Family, messages_at
from sonde.llm.message import Message, Part, parse_messages
from sonde.llm.span import LlmSpan
from sonde.llm.usage import Tokens, usage_object

_REQUESTS = {
    "ai.generateText.doGenerate": CHAT,
    "ai.streamText.doStream": CHAT,
    "ai.generateObject.doGenerate": CHAT,
    "ai.streamObject.doStream": CHAT,
    "ai.embed.doEmbed": EMBEDDINGS,
    "ai.embedMany.doEmbed": EMBEDDINGS,
    "ai.rerank.doRerank": RERANK,
}


def _kind(span: LlmSpan) -> str | None:
    operation = span.attributes.get("ai.operationId") or span.attributes.get("operation.name")
    if not isinstance(operation, str) or not operation.startswith("ai."):
        return None
    return _REQUESTS.get(operation.partition(" ")[0], NOT_A_CALL)  # a function id may follow the operation


def _usage(metadata: object) -> Tokens:
    return usage_object(mapping(mapping(mapping(metadata).get("anthropic")).get("usage")))


def _output(span: LlmSpan) -> tuple[Message, ...]:
    attributes = span.attributes
    thoughts = parse_messages(attributes.get("ai.response.reasoning"), "assistant")
    parts = [Part("reasoning", thought.text()) for thought in thoughts]
    for key in ("ai.response.text", "ai.result.text", "ai.response.object", "ai.result.object"):
        if isinstance(value := attributes.get(key), str) and value:
            parts.append(Part("text", value))
            break
    calls = decode(attributes.get("ai.response.toolCalls", attributes.get("ai.result.toolCalls")))
    if isinstance(calls, list):
        blocks = [{"type": "tool-call", **call} for call in calls if isinstance(call, dict)]
        parts += [part for message in parse_messages(blocks, "assistant") for part in message.parts]
    return (Message("assistant", tuple(parts)),) if parts else ()


FAMILY = Family(
    name="vercel",
    namespaces=frozenset({"ai", "operation"}),
    kind=_kind,
    fields={
        "model": ("ai.response.model",),
        "model_requested": ("ai.model.id",),
        "provider": ("ai.model.provider",),
        "finish_reason": ("ai.response.finishReason", "ai.finishReason"),
        "session_id": ("ai.telemetry.metadata.sessionId",),
        "user_id": ("ai.telemetry.metadata.userId",),
        "function": ("ai.telemetry.functionId",),
        "tags": ("ai.telemetry.metadata.tags",),
        "milliseconds_to_first_token": ("ai.response.msToFirstChunk", "ai.stream.msToFirstChunk"),
    },
    tokens={
        "input": ("ai.usage.inputTokens", "ai.usage.promptTokens", "ai.usage.tokens"),
        "output": ("ai.usage.outputTokens", "ai.usage.completionTokens"),
        "total": ("ai.usage.totalTokens",),
        "cache_read": ("ai.usage.inputTokenDetails.cacheReadTokens", "ai.usage.cachedInputTokens"),
        "cache_write": ("ai.usage.inputTokenDetails.cacheWriteTokens",),
        "reasoning": ("ai.usage.outputTokenDetails.reasoningTokens", "ai.usage.reasoningTokens"),
    },
    usage={"ai.response.providerMetadata": _usage},
    input=messages_at("ai.prompt.messages", "ai.prompt", "ai.values", "ai.value", role="user"),
    output=_output,
    first_token_events=("ai.stream.firstChunk",),
)
