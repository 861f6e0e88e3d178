"""Token counts: what a span reports, in whatever convention, to buckets in which every token stands exactly once.

Families report in ``Tokens`` terms: ``input`` and ``output`` are totals that *include* their subsets (cached, audio,
reasoning…), as OpenTelemetry has it. ``exclusive`` subtracts the subsets, so that the buckets add up to the totals and
each can be priced on its own.
"""

from __future__ import annotations

from collections.abc import Mapping

from sonde.llm.attribute import count, mapping

INPUT_BUCKETS = ("input", "input_cache_read", "input_cache_write", "input_audio")
OUTPUT_BUCKETS = ("output", "output_reasoning", "output_audio")
BUCKETS = (*INPUT_BUCKETS, *OUTPUT_BUCKETS)

Tokens = dict[str, int]
"""Reported counts by ``COMPONENTS``; absent means not reported, which is not the same as 0."""

COMPONENTS = (
    "input",  # all input tokens, cached and audio ones included
    "output",  # all output tokens, reasoning and audio ones included
    "total",
    "cache_read",
    "cache_write",
    "reasoning",
    "input_audio",
    "output_audio",
    # Parts of a bucket with a price of their own, where a provider says so
    "cache_write_1h",
    "cache_read_audio",
    "cache_read_image",
    "input_image",
    "input_video",
    "output_image",
    "output_video",
)

PARTS = {
    "cache_write_1h": "input_cache_write",
    "cache_read_audio": "input_cache_read",
    "cache_read_image": "input_cache_read",
    "input_image": "input",
    "input_video": "input",
    "output_image": "output",
    "output_video": "output",
}
"""Component to the bucket that it is counted in."""


def exclusive(tokens: Tokens) -> dict[str, int]:
    """The reported counts as buckets that do not overlap; empty when nothing was reported.

    A subset larger than its total leaves 0 for the rest, never less, and is itself believed.

    >>> exclusive({"input": 10_000, "cache_read": 5_000, "cache_write": 2_000, "output": 1_000, "reasoning": 200})
    {'input': 3000, 'input_cache_read': 5000, 'input_cache_write': 2000, 'output': 800, 'output_reasoning': 200}
    """
    tokens = _complete(tokens)
    buckets: dict[str, int] = {}
    cache_read, cache_write = tokens.get("cache_read", 0), tokens.get("cache_write", 0)
    audio = max(0, tokens.get("input_audio", 0) - tokens.get("cache_read_audio", 0))
    if "input" in tokens:
        buckets["input"] = max(0, tokens["input"] - cache_read - cache_write - audio)
    if cache_read:
        buckets["input_cache_read"] = cache_read
    if cache_write:
        buckets["input_cache_write"] = cache_write
    if audio:
        buckets["input_audio"] = audio
    reasoning, output_audio = tokens.get("reasoning", 0), tokens.get("output_audio", 0)
    if "output" in tokens:
        buckets["output"] = max(0, tokens["output"] - reasoning - output_audio)
    if reasoning:
        buckets["output_reasoning"] = reasoning
    if output_audio:
        buckets["output_audio"] = output_audio
    return buckets


def parts(tokens: Tokens, buckets: Mapping[str, int]) -> dict[str, int]:
    """The counts that are priced apart inside their bucket, each at most what its bucket has left.

    Image tokens that came from the cache are part of the cached bucket only.
    """
    found: dict[str, int] = {}
    if PARTS.keys().isdisjoint(tokens):
        return found
    left = dict(buckets)
    for part, bucket in PARTS.items():
        number = tokens.get(part, 0)
        if part == "input_image":
            number -= tokens.get("cache_read_image", 0)
        number = min(number, left.get(bucket, 0))
        if number > 0:
            found[part] = number
            left[bucket] -= number
    return found


def _complete(tokens: Tokens) -> Tokens:
    """Fill a missing side from the total, and add subsets that the total proves to be outside of their side."""
    total = tokens.get("total")
    if total is None:
        return tokens
    if "input" in tokens and "output" in tokens:
        cached, reasoning = tokens.get("cache_read", 0) + tokens.get("cache_write", 0), tokens.get("reasoning", 0)
        beyond = total - tokens["input"] - tokens["output"]
        if beyond in (cached, cached + reasoning):
            tokens = {**tokens, "input": tokens["input"] + cached}
        if beyond == cached + reasoning or (beyond == reasoning and beyond != cached):
            tokens = {**tokens, "output": tokens["output"] + reasoning}
    elif "input" in tokens and total > tokens["input"]:
        tokens = {**tokens, "output": total - tokens["input"]}
    elif "output" in tokens and total > tokens["output"]:
        tokens = {**tokens, "input": total - tokens["output"]}
    return tokens


# The usage objects of providers and frameworks, as some families carry them whole ----------------------------------

_INCLUSIVE: Mapping[str, tuple[str, ...]] = {
    "input": ("prompt_tokens", "input_tokens", "promptTokens", "inputTokens", "prompt_token_count", "promptTokenCount"),
    "output": ("completion_tokens", "output_tokens", "completionTokens", "outputTokens"),
    "total": ("total_tokens", "totalTokens", "total_token_count", "totalTokenCount"),
    "cache_read": ("cached_content_token_count", "cachedContentTokenCount", "cachedInputTokens"),
    "reasoning": ("thoughts_token_count", "thoughtsTokenCount", "reasoningTokens"),
}
_INPUT_DETAILS = ("prompt_tokens_details", "input_tokens_details", "input_token_details", "inputTokenDetails")
_OUTPUT_DETAILS = ("completion_tokens_details", "output_tokens_details", "output_token_details", "outputTokenDetails")
_INPUT_DETAIL: Mapping[str, tuple[str, ...]] = {
    "cache_read": ("cached_tokens", "cache_read", "cacheReadTokens"),
    "cache_write": ("cache_write_tokens", "cache_creation", "cacheWriteTokens"),
    "input_audio": ("audio_tokens", "audio"),
    "input_image": ("image_tokens",),
}
_OUTPUT_DETAIL: Mapping[str, tuple[str, ...]] = {
    "reasoning": ("reasoning_tokens", "reasoning", "reasoningTokens"),
    "output_audio": ("audio_tokens", "audio"),
    "output_image": ("image_tokens",),
}


_ANTHROPIC_CACHE = frozenset({"cache_read_input_tokens", "cache_creation_input_tokens"})


def usage_object(usage: Mapping[str, object]) -> Tokens:
    """The usage object of a response: OpenAI (both APIs), Anthropic, Gemini, LangChain, the AI SDK.

    >>> usage_object({"prompt_tokens": 9, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}})
    {'input': 9, 'output': 3, 'cache_read': 4}
    >>> usage_object({"input_tokens": 2, "cache_read_input_tokens": 7, "output_tokens": 1})
    {'input': 9, 'output': 1, 'cache_read': 7}
    """
    tokens = pick(usage, _INCLUSIVE)
    for names, details in ((_INPUT_DETAILS, _INPUT_DETAIL), (_OUTPUT_DETAILS, _OUTPUT_DETAIL)):
        for name in names:
            tokens |= pick(mapping(usage.get(name)), details)
    tokens |= pick(usage, {"cache_read": ("cache_read_input_tokens",), "cache_write": ("cache_creation_input_tokens",)})
    tokens |= pick(mapping(usage.get("cache_creation")), {"cache_write_1h": ("ephemeral_1h_input_tokens",)})
    if "prompt_tokens" not in usage and not _ANTHROPIC_CACHE.isdisjoint(usage):
        # Anthropic's input_tokens are those that the cache had no part in
        tokens["input"] = tokens.get("input", 0) + tokens.get("cache_read", 0) + tokens.get("cache_write", 0)
    candidates = pick(usage, {"output": ("candidates_token_count", "candidatesTokenCount")})
    if candidates:  # Gemini's candidates do not include its thoughts
        tokens["output"] = candidates["output"] + tokens.get("reasoning", 0)
    return tokens


def pick(values: Mapping[str, object], names: Mapping[str, tuple[str, ...]]) -> Tokens:
    """For each component the first of its names that holds a count."""
    tokens: Tokens = {}
    for component, spellings in names.items():
        for name in spellings:
            if name in values and (number := count(values[name])) is not None:
                tokens[component] = number
                break
    return tokens
