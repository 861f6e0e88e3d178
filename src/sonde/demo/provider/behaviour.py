"""How the provider behaves just now: its latency, its failures, its token counts. Set by incidents over ``/admin``.

Everything random is drawn from the seed, the request and how often that request has come, not from a shared generator:
the same requests get the same fates in any order, and a retry gets a new one.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections import Counter, OrderedDict
from dataclasses import dataclass, replace
from typing import Any

from sonde.errors import UserError

_TOKEN = re.compile(r"\w{1,6}|[^\w\s]")
_CACHE_BLOCK_TOKENS = 64
_CACHE_BLOCKS_KEPT = 4096

MODEL_ALIASES = {
    "gpt-4o-mini": "gpt-4o-mini-2024-07-18",
    "gpt-4.1": "gpt-4.1-2025-04-14",
}


@dataclass(frozen=True, slots=True)
class Knobs:
    """What can be turned: ``first_token_seconds`` is a median, ``latency_spread`` the sigma of its logarithm.

    ``server_error_rate`` and ``rate_limit_rate`` are shares of requests; ``token_inflation`` multiplies the reported
    prompt tokens; ``nonsense_rate`` is the share of answers that have nothing to do with the question; ``model_alias``
    answers every chat request with another model's name.
    """

    first_token_seconds: float = 0.25
    latency_spread: float = 0.35
    tokens_per_second: float = 160.0
    server_error_rate: float = 0.002
    rate_limit_rate: float = 0.0
    token_inflation: float = 1.0
    nonsense_rate: float = 0.0
    model_alias: str = ""

    def turned(self, changes: dict[str, Any]) -> Knobs:
        """These knobs with ``changes``; an unknown name or a value of the wrong type is refused."""
        for name, value in changes.items():
            if name not in Knobs.__slots__:
                raise UserError(f"there is no knob {name!r}", hint=f"turn one of {', '.join(Knobs.__slots__)}")
            wanted: tuple[type, ...] = (str,) if name == "model_alias" else (int, float)
            if isinstance(value, bool) or not isinstance(value, wanted):
                raise UserError(f"knob {name} cannot be {value!r}")
        return replace(self, **changes)


@dataclass(frozen=True, slots=True)
class Fate:
    """What happens to one request: an error status or 0, how long it takes, and whether its answer makes sense."""

    status: int
    first_token_seconds: float
    nonsense: bool


class Fates:
    """Draws a fate for each request; see the module for what it depends on."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._times_seen: Counter[bytes] = Counter()

    def draw(self, request_body: bytes, knobs: Knobs) -> Fate:
        """The fate of this body under these knobs."""
        digest = hashlib.blake2b(request_body, digest_size=8).digest()
        self._times_seen[digest] += 1
        rng = random.Random(f"{self._seed}:{digest.hex()}:{self._times_seen[digest]}")  # noqa: S311  (not a secret)
        draw = rng.random()
        if draw < knobs.rate_limit_rate:
            status = 429
        elif draw < knobs.rate_limit_rate + knobs.server_error_rate:
            status = 500
        else:
            status = 0
        latency = knobs.first_token_seconds * rng.lognormvariate(0, knobs.latency_spread)
        return Fate(status, latency, rng.random() < knobs.nonsense_rate)


def count_tokens(text: str) -> int:
    """About as many tokens as a byte pair encoder finds: pieces of words of up to six letters, and punctuation.

    >>> count_tokens("How long does delivery take?")
    7
    """
    return sum(1 for _ in _TOKEN.finditer(text))


class PromptCache:
    """Which prompt prefixes have been seen, in blocks, as providers bill them: a known prefix is cheaper."""

    def __init__(self) -> None:
        self._blocks: OrderedDict[bytes, None] = OrderedDict()

    def cached_tokens(self, prompt: str) -> int:
        """How many tokens of ``prompt``, from its start, were seen before; from now on all of its blocks are known."""
        tokens = _TOKEN.findall(prompt)
        digest, cached, unbroken = hashlib.blake2b(digest_size=16), 0, True
        for end in range(_CACHE_BLOCK_TOKENS, len(tokens) + 1, _CACHE_BLOCK_TOKENS):
            digest.update("\0".join(tokens[end - _CACHE_BLOCK_TOKENS : end]).encode())
            block = digest.digest()
            unbroken = unbroken and block in self._blocks
            cached = end if unbroken else cached
            self._blocks[block] = None
            self._blocks.move_to_end(block)
        while len(self._blocks) > _CACHE_BLOCKS_KEPT:
            self._blocks.popitem(last=False)
        return cached
