"""One span in, one generation out: what was asked of which model, what it used, how it went. No price yet.

``None`` for every span that is no call to a model: agents, chains, tools and retrievers contain calls and report their
tokens again; only the leaves count. The families say which attribute says what, here stands who is believed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sonde.llm.attribute import amount, count, decode, encodable, first, flag, mapping, safe_items, text
from sonde.llm.families import FAMILIES
from sonde.llm.families.dialect import Dialect, dialect_of
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


_KNOWN_USAGE = frozenset(key for family in FAMILIES for keys in family.tokens.values() for key in keys) | frozenset({
    "gen_ai.usage.text.input_tokens", "gen_ai.usage.text.output_tokens", "gen_ai.usage.text.cache_read.input_tokens",
    "gen_ai.usage.cost", "gen_ai.usage.total_cost",
})  # fmt: skip
_NOT_CALL_KEYS = frozenset({
    "gen_ai.tool.name", "gen_ai.tool.call.id", "tool.name", "ai.toolCall.name", "db.system",
    "pydantic_ai.all_messages", "all_messages_events", "final_result",
})  # fmt: skip
"""Tools, vector stores and agents that name a model and do not say what they are."""
_ENVIRONMENT = ("deployment.environment.name", "deployment.environment")
_CONVERSATION = frozenset({
    "messages", "input", "prompt", "instructions", "system", "contents", "tools", "functions", "extra_headers",
    "api_key",
})  # fmt: skip
"""What some instrumentations put among the parameters, and is none; or a secret."""


def normalise(span: LlmSpan) -> Generation | None:
    """The call that this span records, or None when it records something else."""
    attributes = span.attributes
    if CANDIDATE_KEYS.isdisjoint(attributes):
        return None
    dialect = dialect_of(attributes)
    kind = next((kind for read in dialect.kinds if (kind := read(span)) is not None), None)
    if kind == NOT_A_CALL:
        return None

    def said(name: Field) -> object:
        return first(attributes, dialect.fields[name])

    parameters = _parameters(attributes, dialect)
    streamed = flag(said("streamed")) or flag(parameters.pop("stream", None))
    model = text(said("model"))
    requested = text(said("model_requested")) or text(parameters.pop("model", "")) or model
    provider = text(said("provider"))
    tokens = _tokens(attributes, dialect)
    if kind is None:
        # A span of no known kind that names a model and counts tokens, or says which provider has it, is a call
        if not (model or requested) or not (tokens or provider) or not _NOT_CALL_KEYS.isdisjoint(attributes):
            return None
        kind = CHAT
    if kind in {EMBEDDINGS, RERANK} and "input" not in tokens and "total" in tokens:
        tokens["input"] = tokens["total"]
    usage = exclusive(tokens)
    error_type, error_message = _failure(span, text(said("error_type")), text(said("level")), said("error_message"))
    time_to_first_token = _time_to_first_token(span, dialect)
    return Generation(
        type=kind,
        operation=text(said("operation")) or kind,
        provider=canonical_provider(provider),
        host=text(said("host")),
        model=model or requested,
        model_requested=requested,
        service_tier=text(said("service_tier")) or text(parameters.get("service_tier", "")),
        usage=usage,
        usage_parts=parts(tokens, usage),
        usage_aside=_aside(attributes),
        provided_cost=_provided_cost(attributes, said("cost")),
        start_unix_nano=span.start_unix_nano,
        duration_nano=_duration(span),
        time_to_first_token_nano=time_to_first_token,
        streamed=streamed or time_to_first_token is not None,
        success=not error_type,
        error_type=error_type,
        error_message=error_message,
        finish_reason=unquoted(said("finish_reason")),
        session_id=text(said("session_id")),
        user_id=text(said("user_id")),
        function=text(said("function")),
        prompt_name=text(said("prompt_name")),
        prompt_version=text(said("prompt_version")),
        parameters=_as_json(parameters),
        environment=text(said("environment")) or text(first(span.resource, _ENVIRONMENT)),
        release=text(said("release")) or text(span.resource.get("service.version")),
        tags=_tags(said("tags")),
    )


def _tokens(attributes: Attributes, dialect: Dialect) -> Tokens:
    """Each component from the first that reports it: whole usage objects, then single attributes."""
    tokens: Tokens = {}
    for read in dialect.usages:
        for component, number in read(attributes).items():
            tokens.setdefault(component, number)
    for component, keys in dialect.tokens:
        if component not in tokens:
            for key in keys:
                if key in attributes and (reported := count(attributes[key])) is not None:
                    tokens[component] = reported
                    break
    return tokens


def _aside(attributes: Attributes) -> dict[str, int]:
    return {
        key.removeprefix("gen_ai.usage."): number
        for key in attributes
        if key.startswith("gen_ai.usage.")
        and key not in _KNOWN_USAGE
        and (number := count(attributes[key])) is not None
    }


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


def _time_to_first_token(span: LlmSpan, dialect: Dialect) -> int | None:
    attributes, fields = span.attributes, dialect.fields
    reported = _nanoseconds(first(attributes, fields["seconds_to_first_token"]), 10**9)
    if reported is None:
        reported = _nanoseconds(first(attributes, fields["milliseconds_to_first_token"]), 10**6)
    if reported is not None:
        return reported
    times = [event.time_unix_nano for event in span.events if event.name in dialect.first_token_events]
    at = min(times, default=None)
    if at is None:
        at = _unix_nano(unquoted(first(attributes, fields["first_token_time"])))
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


def _failure(span: LlmSpan, kind: str, level: str, reported: object) -> tuple[str, str]:
    """The type and the message of the error; type "" when the call went well."""
    if not kind and span.status_code != "error" and level.upper() != "ERROR":
        return "", ""
    message = span.status_message or text(reported, 1000)
    for event in span.events:
        if event.name == "exception":
            kind = kind or text(event.attributes.get("exception.type"))
            message = message or text(event.attributes.get("exception.message"), 1000)
    return kind or "error", encodable(message.partition("\n\nTraceback ")[0][:1000])


def _parameters(attributes: Attributes, dialect: Dialect) -> dict[str, object]:
    """Temperature and the like: from ``gen_ai.request.*`` and ``ai.settings.*``, then from JSON objects."""
    found: dict[str, object] = {}
    for key in attributes:
        if key.startswith("gen_ai.request."):
            found[key[15:]] = attributes[key]
        elif key.startswith("ai.settings."):
            found[key[12:]] = attributes[key]
    found.pop("model", None)
    for key in dialect.fields["parameters"]:
        if key in attributes:
            found = {**dict(safe_items(mapping(attributes[key]))), **found}
    return {key: value for key, value in found.items() if key not in _CONVERSATION}


def _as_json(parameters: Mapping[str, object]) -> str:
    kept = [(text(key), _parameter(value)) for key, value in sorted(parameters.items())]
    items = {key: value for key, value in kept[:_PARAMETER_LIMIT] if value is not None}
    return json.dumps(items, ensure_ascii=False) if items else "{}"


def _parameter(value: object) -> object:
    """A parameter as it can stand in a JSON column: numbers, short texts, and short lists of them."""
    if isinstance(value, str):
        return encodable(value[:500])
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, bool | int):
        return value if abs(value) < 2**63 else str(value)[:64]
    if isinstance(value, list | tuple):
        elements = [_parameter(element) for element in value[:20] if isinstance(element, str | int | float)]
        return elements or None
    return None


def _tags(reported: object) -> tuple[str, ...]:
    value = decode(reported)
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list | tuple):
        return ()
    tags = (text(tag).strip() for tag in value[:_TAG_LIMIT] if isinstance(tag, str | int | float))
    return tuple(tag for tag in tags if tag)
