"""What a call cost: its tokens, bucket by bucket, at the prices of the day on which it was made.

    Generation ──► Prices.cost ──► Cost(total_usd | None, by bucket, source)
                      │ own price rows (configuration) ─ first
                      │ price_table (genai-prices)     ─ else
                      └ what the sender computed       ─ else, or first if configured so

A model that nobody knows has no cost: ``None``, which is not 0. Cards are looked up once for each model, service tier
and quarter of an hour; after that, pricing a call is a few multiplications.
"""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from sonde.errors import UserError
from sonde.llm.normalise import Generation
from sonde.llm.price_table import PriceCard, PriceTable, Rate
from sonde.llm.providers import canonical_provider
from sonde.llm.usage import BUCKETS, INPUT_BUCKETS, PARTS

PROVIDED, CONFIGURATION = "provided", "configuration"
_SLOT_NANOSECONDS = 15 * 60 * 10**9
"""Prices that change with the hour do so on quarters of an hour; a test holds the price list to it."""
_LAST_SLOT = int(datetime(9000, 1, 1, tzinfo=UTC).timestamp() * 10**9) // _SLOT_NANOSECONDS
_MEMO_LIMIT = 20_000
_FALLBACK = {
    "input_cache_read": "input", "input_cache_write": "input", "input_audio": "input",
    "output_reasoning": "output", "output_audio": "output",
}  # fmt: skip
"""Bucket of an own price row to the one whose price it takes when it has none."""


@dataclass(frozen=True, slots=True)
class PriceRow:
    """A price from the configuration, in US dollars for a million tokens; it goes before the price list.

    ``model`` is a name, or a pattern with ``*``, ``?`` and ``[...]``, matched in lower case. Among the rows that fit a
    call and are valid at its time, the latest ``valid_from`` wins, and among equals the last row.
    """

    model: str
    prices: Mapping[str, float]
    """By bucket: input, output, input_cache_read, …; a bucket without one costs what input or output costs."""
    provider: str = ""
    valid_from: date = date.min

    def __post_init__(self) -> None:
        """Say at start-up what would otherwise be a wrong sum later."""
        unknown = sorted(set(self.prices) - set(BUCKETS))
        if unknown:
            raise UserError(
                f"price of {self.model!r} has unknown buckets {', '.join(unknown)}",
                code="llm.bad_price",
                hint=f"use {', '.join(BUCKETS)}",
            )
        for bucket, price in self.prices.items():
            if not (math.isfinite(price) and price >= 0):
                message = f"price of {self.model!r} for {bucket} is {price}"
                raise UserError(message, code="llm.bad_price", hint="use 0 or more")

    def fits(self, provider: str, models: Sequence[str], on: date) -> bool:
        """Whether this row prices one of these models on that day."""
        if self.valid_from > on or (self.provider and canonical_provider(self.provider) != provider):
            return False
        return any(fnmatch.fnmatchcase(model.lower(), self.model.lower()) for model in models)

    def card(self, provider: str) -> PriceCard:
        """The row as a card."""
        rates = {bucket: Rate(float(price)) for bucket, price in self.prices.items()}
        for bucket, instead in _FALLBACK.items():
            if bucket not in rates and instead in rates:
                rates[bucket] = rates[instead]
        return PriceCard(canonical_provider(self.provider) or provider, self.model, rates, source=CONFIGURATION)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a call cost. ``total_usd`` None: unpriced, and then ``source`` is ""."""

    total_usd: float | None = None
    by_bucket: Mapping[str, float] = field(default_factory=dict)
    source: str = ""
    provider: str = ""
    """Whose price it is, for spans that do not name their provider."""


UNPRICED = Cost()


class Prices:
    """The prices in force: own ``rows`` before the price list in ``table``. Make one and keep it: it remembers.

    ``trust_provided`` lets what the sender computed go before both.
    """

    def __init__(
        self, rows: Sequence[PriceRow] = (), *, table: PriceTable | None = None, trust_provided: bool = False
    ) -> None:
        self.rows = sorted(rows, key=lambda row: row.valid_from)  # stable: among equals the last one stays last
        self._trust_provided = trust_provided
        self._memo: dict[tuple[str, str, str, str, str, int], PriceCard | None] = {}
        self.table = table or PriceTable()

    def cost(self, generation: Generation) -> Cost:
        """The price of one call at its time."""
        provided = _provided(generation)
        if provided is not None and self._trust_provided:
            return provided
        if generation.usage:
            card = self.card(
                generation.provider, generation.model, generation.model_requested, generation.host,
                generation.service_tier, generation.start_unix_nano,
            )  # fmt: skip
            cost = UNPRICED if card is None else price(card, generation.usage, generation.usage_parts)
            if cost.total_usd is not None:
                return cost
        # A sender that knows no price writes 0; where tokens were used, that is not a price
        return provided if provided is not None and provided.total_usd else UNPRICED

    def card(
        self, provider: str, model: str, requested: str, host: str, service_tier: str, at_unix_nano: int
    ) -> PriceCard | None:
        """The prices of a model at a time, remembered; None when neither an own row nor the list has it."""
        slot = min(max(at_unix_nano, 0) // _SLOT_NANOSECONDS, _LAST_SLOT)
        key = (provider, model, requested, host, service_tier, slot)
        try:
            return self._memo[key]
        except KeyError:
            pass
        if len(self._memo) >= _MEMO_LIMIT:
            self._memo.clear()
        models = tuple(dict.fromkeys(name for name in (model, requested) if name))
        card = self._find(provider, models, host, service_tier, datetime.fromtimestamp(slot * 900, UTC))
        self._memo[key] = card
        return card

    def _find(
        self, provider: str, models: tuple[str, ...], host: str, service_tier: str, at: datetime
    ) -> PriceCard | None:
        for row in reversed(self.rows):
            if row.fits(provider, models, at.date()):
                return row.card(provider)
        return self.table.card(provider, models, host, price_context(service_tier), at)


def price_context(service_tier: str) -> dict[str, str]:
    """The price list's word for a service tier: batch is a way of processing, "auto" and "standard" are no tier.

    >>> price_context("batch"), price_context("Priority"), price_context("auto")
    ({'processing': 'batch'}, {'service_tier': 'priority'}, {})
    """
    tier = service_tier.lower()
    if tier == "batch":
        return {"processing": "batch"}
    return {} if tier in {"", "auto", "default", "standard", "none"} else {"service_tier": tier}


def price(card: PriceCard, usage: Mapping[str, int], usage_parts: Mapping[str, int]) -> Cost:
    """The price of these tokens; unpriced when the card has no price for tokens at all (audio by the hour, pages)."""
    if card.is_free:
        return Cost(0.0, {}, card.source, card.provider)
    rates = card.rates
    if not rates and not card.per_request:
        return UNPRICED
    input_tokens = sum(usage.get(bucket, 0) for bucket in INPUT_BUCKETS)
    by_bucket: dict[str, float] = {}
    for bucket, tokens in usage.items():
        rate = rates.get(bucket)
        if rate is not None and tokens:
            by_bucket[bucket] = tokens * rate.at(input_tokens) / 1e6
    for part, tokens in usage_parts.items():
        rate, bucket = rates.get(part), PARTS[part]
        if rate is not None:
            instead_of = rates[bucket].at(input_tokens) if bucket in rates else 0.0
            by_bucket[bucket] = by_bucket.get(bucket, 0.0) + tokens * (rate.at(input_tokens) - instead_of) / 1e6
    if card.per_request:
        by_bucket["request"] = card.per_request
    total = math.fsum(by_bucket.values())
    rounded = {bucket: _dollars(usd) for bucket, usd in by_bucket.items()}
    return Cost(_dollars(total), rounded, card.source, card.provider)


def _dollars(usd: float) -> float:
    """Without the noise of binary fractions, to a millionth of a millionth."""
    return max(0.0, round(usd, 12))


def _provided(generation: Generation) -> Cost | None:
    if generation.provided_cost is None:
        return None
    by_bucket = {bucket: usd for bucket, usd in generation.provided_cost.items() if bucket != "total"}
    return Cost(generation.provided_cost["total"], by_bucket, PROVIDED, generation.provider)
