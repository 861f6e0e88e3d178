"""Langfuse's SDKs from 3 on, which send OTLP: everything under ``langfuse.*``, most of it as JSON text.

``usage_details`` holds either Langfuse's own buckets, which do not overlap, or the usage object of the provider, whose
totals include their details.

Specification: https://langfuse.com/integrations/native/opentelemetry
"""

from __future__ import annotations

from sonde.llm.attribute import mapping
from sonde.llm.families.family import CHAT, EMBEDDINGS, NOT_A_CALL, Family, kind_by, messages_at
from sonde.llm.usage import Tokens, pick, usage_object

_KINDS = {
    "generation": CHAT,
    "embedding": EMBEDDINGS,
    **dict.fromkeys(
        ("span", "event", "agent", "tool", "chain", "retriever", "evaluator", "guardrail"),
        NOT_A_CALL,
    ),
}

_BUCKETS = {
    "cache_read": ("input_cached_tokens", "input_cache_read", "cache_read_input_tokens"),
    "cache_write": ("input_cache_creation", "cache_creation_input_tokens", "input_cache_write"),
    "cache_write_1h": ("input_cache_creation_1h",),
    "input_audio": ("input_audio_tokens", "input_audio"),
    "reasoning": ("output_reasoning_tokens", "output_reasoning"),
    "output_audio": ("output_audio_tokens", "output_audio"),
}


def _usage(details: object) -> Tokens:
    usage = mapping(details)
    sides = pick(usage, {"input": ("input",), "output": ("output",), "total": ("total",)})
    if not sides:
        return usage_object(usage)
    tokens = pick(usage, _BUCKETS)
    five_minutes = pick(usage, {"cache_write": ("input_cache_creation_5m",)}).get("cache_write", 0)
    if split := five_minutes + tokens.get("cache_write_1h", 0):
        tokens["cache_write"] = tokens.get("cache_write", 0) + split
    if "input" in sides:
        beside = ("cache_read", "cache_write", "input_audio")
        tokens["input"] = sides["input"] + sum(tokens.get(component, 0) for component in beside)
    if "output" in sides:
        tokens["output"] = sides["output"] + tokens.get("reasoning", 0) + tokens.get("output_audio", 0)
    if len(sides) == 1 and "total" in sides:
        tokens["total"] = sides["total"]
    return tokens


FAMILY = Family(
    name="langfuse",
    namespaces=frozenset({"langfuse"}),
    kind=kind_by("langfuse.observation.type", _KINDS),
    fields={
        "model": ("langfuse.observation.model.name",),
        "level": ("langfuse.observation.level",),
        "error_message": ("langfuse.observation.status_message",),
        "finish_reason": ("langfuse.observation.metadata.finish_reason",),
        "session_id": ("langfuse.session.id",),
        "user_id": ("langfuse.user.id",),
        "function": ("langfuse.trace.name",),
        "prompt_name": ("langfuse.observation.prompt.name",),
        "prompt_version": ("langfuse.observation.prompt.version",),
        "environment": ("langfuse.environment",),
        "release": ("langfuse.release",),
        "tags": ("langfuse.trace.tags",),
        "cost": ("langfuse.observation.cost_details",),
        "parameters": ("langfuse.observation.model.parameters",),
        "first_token_time": ("langfuse.observation.completion_start_time",),
    },
    usage={"langfuse.observation.usage_details": _usage},
    input=messages_at("langfuse.observation.input", role="user"),
    output=messages_at("langfuse.observation.output", role="assistant"),
)
