"""One span in, one generation out: what was asked of which model, what it used, how it went. No price yet.

``None`` for every span that is no call to a model: agents, chains, tools and retrievers contain calls and report their
tokens again; only the leaves count. The families say which attribute says what, here stands who is believed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sonde.llm.attribute import amount, count, decode, encodable, first, flag, mapping, safe_items, text
from sonde.llm.families import FAMILIES, KIND_ORDER
from sonde.llm.families.family import CHAT, EMBEDDINGS, NOT_A_CALL, RERANK, Field, unquoted
from sonde.llm.providers import canonical_provider
from sonde.llm.span import Attributes, LlmSpan
from sonde.llm.usage import Tokens, exclusive, parts

CANDIDATE_KEYS = frozenset({
    "gen_ai.operation.name", "gen_ai.request.model", "gen_ai.response.model", "openinference.span.kind",
    "langfuse.observation.type", "langsmith.span.kind", "ai.operationId", "llm.request.type", "llm.model_name",
})  # fmt: skip
"""Every call has at least one of these, as a string; so a store need not decode any other span."""

_PARAMETER_LIMIT = 40
_COUNT_PREFIX = "gen_ai.usage."
_OPEN_PREFIXES = ("gen_ai.request.", "ai.settings.", _COUNT_PREFIX)
_TAG_LIMIT = 50


@dataclass(frozen=True, slots=True)
class Generation:
    """One call to a model. Texts are "" and counts absent where the span does not say."""

    type: str
    operation: str
    provider: str
    host: str
    model: str
    model_requested: str
    service_tier: str
    usage: Mapping[str, int]
    """Tokens by ``usage.BUCKETS``, each counted once; empty when the span reports none."""
    usage_parts: Mapping[str, int]
    """Tokens inside of a bucket that have a price of their own."""
    usage_aside: Mapping[str, int]
    """Counts under ``gen_ai.usage.`` names that nobody knows: kept, never added to anything."""
    provided_cost: Mapping[str, float] | None
    """US dollars as the sender computed them, with the key ``total``."""
    start_unix_nano: int
    duration_nano: int
    time_to_first_token_nano: int | None
    streamed: bool
    success: bool
    error_type: str
    error_message: str
    finish_reason: str
    session_id: str
    user_id: str
    function: str
    prompt_name: str
    prompt_version: str
    parameters: str
    """A JSON object."""
    environment: str
    release: str
    tags: tuple[str, ...]


_KINDS = tuple(family.kind for family in KIND_ORDER if family.kind is not None)
_FIRST_TOKEN_EVENTS = frozenset(name for family in FAMILIES for name in family.first_token_events)
_NO_WORDS: frozenset[Field] = frozenset({
    "streamed", "cost", "tags", "parameters", "error_message", "finish_reason", "first_token_time",
    "seconds_to_first_token", "milliseconds_to_first_token",
})  # fmt: skip
"""Fields that are more than a word, or another kind of it."""


def _word(value: object) -> str | None:
    return text(value) or None


def _any(value: object) -> object:
    return None if value == "" else value


_WORD, _SAID, _COUNT, _USAGE = range(4)
_Slot = tuple[int, str, int, Callable[[object], object]]
"""What an attribute tells: the kind of thing, its name, the rank among the attributes that tell it (the smallest is
believed), and how to read it; None says nothing."""


def _slots() -> dict[str, _Slot]:
    slots: dict[str, _Slot] = {}
    for family in FAMILIES:
        for key, read in family.usage.items():
            slots[key] = (_USAGE, key, len(slots), read)
        for name, keys in family.fields.items():
            kind, how = (_SAID, _any) if name in _NO_WORDS else (_WORD, _word)
            for key in keys:
                slots.setdefault(key, (kind, name, len(slots), how))
        for component, keys in family.tokens.items():
            for key in keys:
                slots.setdefault(key, (_COUNT, component, len(slots), count))
    return slots


_SLOTS = _slots()

_PART_OF_A_COUNT = frozenset({
    "gen_ai.usage.text.input_tokens", "gen_ai.usage.text.output_tokens", "gen_ai.usage.text.cache_read.input_tokens",
})  # fmt: skip
"""Counts that say which kind of token is inside of others that are counted."""
_NOT_CALL_KEYS = frozenset({
    "gen_ai.tool.name", "gen_ai.tool.call.id", "tool.name", "ai.toolCall.name", "db.system",
    "pydantic_ai.all_messages", "all_messages_events", "final_result",
})  # fmt: skip
"""Tools, vector stores and agents that name a model and do not say what they are."""
_JSON = json.JSONEncoder(ensure_ascii=False)
_ENVIRONMENT = ("deployment.environment.name", "deployment.environment")
_CONVERSATION = frozenset({
    "messages", "input", "prompt", "instructions", "system", "contents", "tools", "functions",
    "headers", "extra_headers", "extra_body", "api_key",
})  # fmt: skip
"""What some instrumentations put among the parameters, and is none; or a secret."""


def normalise(span: LlmSpan) -> Generation | None:
    """The call that this span records, or None when it records something else."""
    attributes = span.attributes
    if CANDIDATE_KEYS.isdisjoint(attributes):
        return None
    kind = next((kind for read in _KINDS if (kind := read(span)) is not None), None)
    if kind == NOT_A_CALL:
        return None
    reported = _read(attributes)
    said, words, tokens, parameters = reported.said, reported.words, reported.tokens, _parameters(reported)
    streamed = said.get("streamed", parameters.pop("stream", None))
    model = words.get("model", "")
    requested = words.get("model_requested", "") or text(parameters.pop("model", "")) or model
    provider = words.get("provider", "")
    if kind is None:
        # A span of no known kind that names a model and counts tokens, or says which provider has it, is a call
        if not (model or requested) or not (tokens or provider) or not _NOT_CALL_KEYS.isdisjoint(attributes):
            return None
        kind = CHAT
    if kind in {EMBEDDINGS, RERANK} and "input" not in tokens and "total" in tokens:
        tokens["input"] = tokens["total"]
    usage = exclusive(tokens)
    error_type, error_message = _failure(span, reported)
    time_to_first_token = _time_to_first_token(span, said)
    return Generation(
        type=kind,
        operation=words.get("operation", "") or kind,
        provider=canonical_provider(provider),
        host=words.get("host", ""),
        model=model or requested,
        model_requested=requested,
        service_tier=words.get("service_tier", "") or text(parameters.get("service_tier")),
        usage=usage,
        usage_parts=parts(tokens, usage),
        usage_aside=reported.aside,
        provided_cost=_provided_cost(attributes, said.get("cost")),
        start_unix_nano=span.start_unix_nano,
        duration_nano=_duration(span),
        time_to_first_token_nano=time_to_first_token,
        streamed=time_to_first_token is not None if streamed is None else flag(streamed),
        success=not error_type,
        error_type=error_type,
        error_message=error_message,
        finish_reason=unquoted(said.get("finish_reason")),
        session_id=words.get("session_id", ""),
        user_id=words.get("user_id", ""),
        function=words.get("function", ""),
        prompt_name=words.get("prompt_name", ""),
        prompt_version=words.get("prompt_version", ""),
        parameters=_as_json(parameters),
        environment=words.get("environment", "") or text(first(span.resource, _ENVIRONMENT)),
        release=words.get("release", "") or text(span.resource.get("service.version")),
        tags=_tags(said.get("tags")),
    )


@dataclass(slots=True)
class _Reported:
    """What the attributes say, sorted by what it is about."""

    words: dict[Field, str] = field(default_factory=dict)
    said: dict[Field, object] = field(default_factory=dict)
    """The fields that are more than a word."""
    tokens: Tokens = field(default_factory=dict)
    parameters: dict[str, object] = field(default_factory=dict)
    aside: dict[str, int] = field(default_factory=dict)


def _read(attributes: Attributes) -> _Reported:
    """One pass over the attributes; of several names for one thing the one of the smallest rank wins."""
    reported = _Reported()
    usages: dict[str, Tokens] = {}
    kept: tuple[dict[Any, Any], ...] = (reported.words, reported.said, reported.tokens, usages)
    ranks: dict[str, int] = {}
    for key in attributes:
        slot = _SLOTS.get(key)
        if slot is not None:
            kind, name, rank, read = slot
            if rank < ranks.get(name, len(_SLOTS)) and (value := read(attributes[key])) is not None:
                ranks[name], kept[kind][name] = rank, value
        elif key.startswith(_OPEN_PREFIXES):
            _read_unknown(reported, key, attributes[key])
    for key in sorted(usages, key=ranks.__getitem__, reverse=True):  # whole usage objects go before single counts
        reported.tokens |= usages[key]
    return reported


def _read_unknown(reported: _Reported, key: str, value: object) -> None:
    """An attribute under a prefix that holds any names: request parameters, or counts that nobody knows."""
    prefix = next(prefix for prefix in _OPEN_PREFIXES if key.startswith(prefix))
    name = key.removeprefix(prefix)
    if prefix != _COUNT_PREFIX:
        reported.parameters[name] = value
    elif key not in _PART_OF_A_COUNT and (number := count(value)) is not None:
        reported.aside[name] = number


def _provided_cost(attributes: Attributes, reported: object) -> dict[str, float] | None:
    if reported is None:
        return None
    if (total := amount(reported)) is not None:
        sides: Mapping[str, object] = {
            "total": total,
            "input": attributes.get("llm.cost.prompt"),
            "output": attributes.get("llm.cost.completion"),
        }
    else:
        sides = mapping(reported)
    found = {text(key): usd for key, value in safe_items(sides) if (usd := amount(value)) is not None}
    return {"total": math.fsum(found.values())} | found if found else None


def _duration(span: LlmSpan) -> int:
    """The span's own, but for Logfire's log of a stream that ended, which has the seconds in an attribute."""
    if span.duration_nano == 0 and span.attributes.get("logfire.span_type") == "log":
        return _nanoseconds(span.attributes.get("duration"), 10**9) or 0
    return span.duration_nano


def _nanoseconds(value: object, per_unit: int) -> int | None:
    number = amount(value)
    return round(number * per_unit) if number is not None and number < 10**7 else None


def _time_to_first_token(span: LlmSpan, said: Mapping[Field, object]) -> int | None:
    reported = _nanoseconds(said.get("seconds_to_first_token"), 10**9)
    if reported is None:
        reported = _nanoseconds(said.get("milliseconds_to_first_token"), 10**6)
    if reported is not None:
        return reported
    times = [event.time_unix_nano for event in span.events if event.name in _FIRST_TOKEN_EVENTS]
    at = min(times, default=None)
    if at is None:
        at = _unix_nano(unquoted(said.get("first_token_time")))
    if at is None or at < span.start_unix_nano:
        return None
    return at - span.start_unix_nano


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _unix_nano(timestamp: str) -> int | None:
    if not timestamp:
        return None
    try:
        moment = datetime.fromisoformat(timestamp)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def _failure(span: LlmSpan, reported: _Reported) -> tuple[str, str]:
    """The type and the message of the error; type "" when the call went well."""
    kind = reported.words.get("error_type", "")
    if not kind and span.status_code != "error" and reported.words.get("level", "").upper() != "ERROR":
        return "", ""
    message = span.status_message or text(reported.said.get("error_message"), 1000)
    for event in span.events:
        if event.name == "exception":
            kind = kind or text(event.attributes.get("exception.type"))
            message = message or text(event.attributes.get("exception.message"), 1000)
    return kind or "error", encodable(message.partition("\n\nTraceback ")[0][:1000])


def _parameters(reported: _Reported) -> dict[str, object]:
    """Temperature and the like: those with an attribute of their own before those inside of a JSON object."""
    found = dict(safe_items(mapping(reported.said["parameters"]))) if "parameters" in reported.said else {}
    found |= reported.parameters
    return {key: value for key, value in found.items() if key not in _CONVERSATION}


def _as_json(parameters: Mapping[str, object]) -> str:
    if not parameters:
        return "{}"
    kept = [(text(key), _parameter(value)) for key, value in sorted(parameters.items())]
    return _JSON.encode({key: value for key, value in kept[:_PARAMETER_LIMIT] if value is not None})


def _parameter(value: object) -> object:
    """A parameter as it can stand in a JSON column: numbers, short texts, and short lists of them."""
    if isinstance(value, str):
        return encodable(value[:500])
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, (bool, int)):
        return value if abs(value) < 2**63 else str(value)[:64]
    if isinstance(value, (list, tuple)):
        elements = [_parameter(element) for element in value[:20] if isinstance(element, (str, int, float))]
        return elements or None
    return None


def _tags(reported: object) -> tuple[str, ...]:
    value = decode(reported)
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, (list, tuple)):
        return ()
    tags = (text(tag).strip() for tag in value[:_TAG_LIMIT] if isinstance(tag, (str, int, float)))
    return tuple(tag for tag in tags if tag)
