"""The prices in force as rows for people: what ``sonde llm prices`` prints."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from sonde.errors import NotFound
from sonde.llm.price_table import PriceCard
from sonde.llm.prices import Prices
from sonde.llm.providers import canonical_provider
from sonde.llm.usage import BUCKETS


@dataclass(frozen=True, slots=True)
class ListedPrice:
    """One line of the list: what a million tokens of one kind cost."""

    provider: str
    model: str
    service_tier: str
    """"" for the standard one; else batch, priority, flex…"""
    bucket: str
    above_input_tokens: int
    """The price holds for calls with more input than this."""
    usd_per_million: float
    source: str


def describe_prices(
    prices: Prices, model: str | None = None, *, provider: str | None = None, at: datetime | None = None
) -> list[ListedPrice]:
    """The prices of a model at a time (default: now), or of all models (of a provider); NotFound names similar ones."""
    moment = at or datetime.now(UTC)
    asked = canonical_provider(provider or "")
    if model is None:
        own = [row.card("") for row in prices.rows if row.valid_from <= moment.date()]
        cards = [card for card in (*own, *prices.table.listed(moment)) if not asked or card.provider == asked]
        return [line for card in cards for line in _lines(card, "")]
    nanoseconds = int(moment.timestamp()) * 10**9
    card = prices.card(asked, model, model, "", "", nanoseconds)
    if card is None:
        known = {listed.model for listed in prices.table.listed(moment) if not asked or listed.provider == asked}
        similar = difflib.get_close_matches(model.lower(), known, n=3)
        hint = f"did you mean {' or '.join(similar)}?" if similar else "give its price in the configuration"
        raise NotFound(f"no price for model {model!r}", code="llm.unknown_model", hint=hint)
    found = list(_lines(card, ""))
    for context in prices.table.service_tiers(card.provider, model):
        tier = next(iter(context.values()))
        special = prices.card(card.provider, model, model, "", tier, nanoseconds)
        if special is not None and special.rates != card.rates:
            found += _lines(special, tier)
    return found


def _lines(card: PriceCard, service_tier: str) -> Iterator[ListedPrice]:
    for bucket in BUCKETS:
        rate = card.rates.get(bucket)
        if rate is None:
            continue
        for above, usd in ((0, rate.base), *rate.tiers):
            yield ListedPrice(card.provider, card.model, service_tier, bucket, above, usd, card.source)
