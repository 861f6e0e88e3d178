"""OpenTelemetry's GenAI conventions: the current names, the former ones, and the spellings that others derived.

Specification: https://github.com/open-telemetry/semantic-conventions-genai
Written by opentelemetry-instrumentation-genai-*, OpenLLMetry since 0.5, pydantic-ai, Logfire, Spring AI, vLLM, OpenLIT,
and by ``sonde.llm_call``.
"""

from __future__ import annotations

from collections.abc import Iterator

from sonde.llm.attribute import decode, text
from sonde.llm.families.family import (
    AUDIO,
    CHAT,
    EMBEDDINGS,
    IMAGE,
    NOT_A_CALL,
    RERANK,
    TEXT_COMPLETION,
    Family,
    kind_by,
    messages_at,
)
from sonde.llm.message import Message, parse_messages
from sonde.llm.span import Attributes, LlmSpan

_OPERATIONS = {
    "chat": CHAT,
    "generate_content": CHAT,
    "generate": CHAT,
    "text_completion": TEXT_COMPLETION,
    "completion": TEXT_COMPLETION,
    "embeddings": EMBEDDINGS,
    "embedding": EMBEDDINGS,
    "rerank": RERANK,
    "image": IMAGE,
    "image_generation": IMAGE,
    "generate_image": IMAGE,
    "audio": AUDIO,
    "speech": AUDIO,
    "transcription": AUDIO,
    "text_to_speech": AUDIO,
    "speech_to_text": AUDIO,
    **dict.fromkeys(
        (
            "execute_tool", "invoke_agent", "create_agent", "invoke_workflow", "plan", "retrieval", "fetch_response",
            "create_memory", "search_memory", "update_memory", "upsert_memory", "delete_memory",
            "create_memory_store", "delete_memory_store", "agent", "framework", "vectordb",
        ),
        NOT_A_CALL,
    ),
}  # fmt: skip

_ROLE_OF_EVENT = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
_DETAILS_EVENT = "gen_ai.client.inference.operation.details"

_attribute_input = messages_at("gen_ai.input.messages", "gcp.vertex.agent.llm_request", role="user")
_attribute_output = messages_at("gen_ai.output.messages", "gcp.vertex.agent.llm_response", role="assistant")


def _input(span: LlmSpan) -> tuple[Message, ...]:
    said = _attribute_input(span)
    if said:
        return _instructions(span.attributes) + said
    return tuple(_input_events(span))


def _input_events(span: LlmSpan) -> Iterator[Message]:
    for name, attributes in _events(span):
        if name in _ROLE_OF_EVENT:
            yield from parse_messages(_body(attributes), _ROLE_OF_EVENT[name])
        elif name == _DETAILS_EVENT:
            yield from _instructions(attributes)
            yield from parse_messages(attributes.get("gen_ai.input.messages"), "user")
        elif name == "gen_ai.content.prompt":
            yield from parse_messages(attributes.get("gen_ai.prompt"), "user")


def _output(span: LlmSpan) -> tuple[Message, ...]:
    return _attribute_output(span) or tuple(_output_events(span))


def _output_events(span: LlmSpan) -> Iterator[Message]:
    for name, attributes in _events(span):
        if name == "gen_ai.choice":
            yield from parse_messages(_body(attributes), "assistant")
        elif name == _DETAILS_EVENT:
            yield from parse_messages(attributes.get("gen_ai.output.messages"), "assistant")
        elif name == "gen_ai.content.completion":
            yield from parse_messages(attributes.get("gen_ai.completion"), "assistant")


def _instructions(attributes: Attributes) -> tuple[Message, ...]:
    return parse_messages(attributes.get("gen_ai.system_instructions"), "system")


def _events(span: LlmSpan) -> Iterator[tuple[str, Attributes]]:
    """The span's events, then those that pydantic-ai keeps as a JSON array in an attribute."""
    for event in span.events:
        yield event.name, event.attributes
    inline = decode(span.attributes.get("events"))
    if isinstance(inline, list):
        for element in inline[:1000]:
            if isinstance(element, dict):
                yield text(element.get("event.name")), element


def _body(attributes: Attributes) -> object:
    """A message event: its body where it was a log record, else its attributes; content may be JSON text."""
    body = attributes.get("body")
    fields = body if isinstance(body, dict) else attributes
    content = fields.get("content", fields.get("gen_ai.event.content"))
    return {key: decode(value) for key, value in fields.items()} | ({} if content is None else {"content": content})


FAMILY = Family(
    name="genai",
    namespaces=frozenset({"gen_ai"}),
    kind=kind_by("gen_ai.operation.name", _OPERATIONS),
    fields={
        "model": ("gen_ai.response.model",),
        "model_requested": ("gen_ai.request.model",),
        "provider": ("gen_ai.provider.name", "gen_ai.system"),
        "host": ("server.address",),
        "operation": ("gen_ai.operation.name",),
        "finish_reason": (
            "gen_ai.response.finish_reasons", "gen_ai.response.finish_reason", "gen_ai.response.stop_reason",
        ),
        "error_type": ("error.type",),
        "session_id": ("session.id", "gen_ai.conversation.id"),
        "user_id": ("user.id", "enduser.id", "gen_ai.user"),
        "function": (
            "sonde.function", "gen_ai.workflow.name", "gen_ai.agent.name", "code.function.name", "code.function",
        ),
        "prompt_name": ("gen_ai.prompt.name",),
        "prompt_version": ("gen_ai.prompt.version",),
        "service_tier": (
            "openai.response.service_tier", "gen_ai.openai.response.service_tier", "gen_ai.response.service_tier",
            "openai.request.service_tier", "gen_ai.openai.request.service_tier", "gen_ai.request.service_tier",
        ),
        "streamed": ("gen_ai.request.stream", "gen_ai.request.is_stream", "gen_ai.request.streaming"),
        "cost": ("gen_ai.usage.cost", "gen_ai.usage.total_cost", "gen_ai.cost.total_cost", "operation.cost"),
        "seconds_to_first_token": (
            "gen_ai.response.time_to_first_chunk", "gen_ai.server.time_to_first_token",
            "gen_ai.latency.time_to_first_token",
        ),
    },
    tokens={
        "input": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
        "output": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
        "total": ("gen_ai.usage.total_tokens",),
        "cache_read": (
            "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens",
            "gen_ai.usage.input_tokens.cached", "gen_ai.usage.cached_input_tokens", "gen_ai.usage.cached_tokens",
            "gen_ai.usage.details.cache_read_tokens", "gen_ai.usage.details.cached_tokens",
            "gen_ai.usage.details.cache_read_input_tokens", "gen_ai.usage.input_tokens_details.cached",
            "gen_ai.usage.prompt_tokens_details.cached_tokens", "gen_ai.usage.input_tokens_details.cached_tokens",
        ),
        "cache_write": (
            "gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.cache_creation.input_tokens",
            "gen_ai.usage.cache_creation_input_tokens", "gen_ai.usage.cache_write_input_tokens",
            "gen_ai.usage.input_tokens.cache_write", "gen_ai.usage.details.cache_write_tokens",
            "gen_ai.usage.details.cache_creation_input_tokens",
        ),
        "reasoning": (
            "gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_output_tokens",
            "gen_ai.usage.reasoning_tokens", "gen_ai.usage.output_tokens.reasoning",
            "gen_ai.usage.details.reasoning_tokens", "gen_ai.usage.thoughts_tokens",
            "gen_ai.usage.thoughts_token_count", "gen_ai.usage.details.thoughts_tokens",
            "gen_ai.usage.completion_tokens_details.reasoning_tokens",
            "gen_ai.usage.output_tokens_details.reasoning_tokens",
        ),
        "input_audio": ("gen_ai.usage.audio.input_tokens", "gen_ai.usage.details.input_audio_tokens"),
        "output_audio": ("gen_ai.usage.audio.output_tokens", "gen_ai.usage.details.output_audio_tokens"),
        "cache_read_audio": (
            "gen_ai.usage.audio.cache_read.input_tokens", "gen_ai.usage.details.cache_audio_read_tokens",
        ),
        "cache_read_image": ("gen_ai.usage.image.cache_read.input_tokens",),
        "input_image": ("gen_ai.usage.image.input_tokens",),
        "input_video": ("gen_ai.usage.video.input_tokens",),
        "output_image": ("gen_ai.usage.image.output_tokens",),
        "output_video": ("gen_ai.usage.video.output_tokens",),
    },
    input=_input,
    output=_output,
)  # fmt: skip
