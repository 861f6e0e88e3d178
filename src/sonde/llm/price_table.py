"""What a model costs: genai-prices' table, read through one small shape, the ``PriceCard``.

genai-prices knows 2,330 models with their history, context tiers and service tiers, works offline, and agrees with the
vendors' pages. It takes tens of microseconds a call, raises where usage is odd and fills a missing unit with silence;
so only its table is used, once for each model and quarter of an hour, and the arithmetic is ours (``prices``).

Source: https://github.com/pydantic/genai-prices
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from sonde.llm.providers import price_list_id, provider_of_price_list

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, Provider

FIRST_PARTIES = ("openai", "anthropic", "google", "mistral", "cohere", "x-ai", "voyageai")
"""Vendors whose models are served by few others, so that a name alone tells the price."""


@dataclass(frozen=True, slots=True)
class Rate:
    """US dollars for a million tokens, and for all of a call's tokens once its input is beyond a threshold."""

    base: float
    tiers: tuple[tuple[int, float], ...] = ()
    """(input tokens that must be exceeded, price), ascending."""

    def at(self, input_tokens: int) -> float:
        """The price for a call with this much input.

        >>> Rate(3.0, ((200_000, 6.0),)).at(200_001)
        6.0
        """
        price = self.base
        for start, dearer in self.tiers:
            if input_tokens > start:
                price = dearer
        return price


@dataclass(frozen=True, slots=True)
class PriceCard:
    """The prices of one model at one moment in one service tier."""

    provider: str
    """Canonical name, as in ``gen_ai.provider.name``."""
    model: str
    """The model's id in the price list."""
    rates: Mapping[str, Rate]
    """By bucket of ``usage.BUCKETS`` and part of ``usage.PARTS``; buckets that are not billed are absent."""
    per_request: float = 0.0
    source: str = ""
    is_free: bool = False
    """Listed without any price: 0 is what it costs, not what we do not know."""


_PRICE_KEYS: dict[str, tuple[str, ...]] = {
    "input": ("input_mtok",),
    "input_cache_read": ("cache_read_mtok", "input_mtok"),
    "input_cache_write": ("cache_write_mtok", "input_mtok"),
    "input_audio": ("input_audio_mtok", "input_mtok"),
    "output": ("output_mtok", "output_image_mtok", "output_video_mtok"),
    "output_reasoning": ("output_reasoning_mtok", "output_mtok"),
    "output_audio": ("output_audio_mtok", "output_mtok"),
    "cache_write_1h": ("cache_write_1h_mtok",),
    "cache_read_audio": ("cache_audio_read_mtok",),
    "cache_read_image": ("cache_image_read_mtok",),
    "input_image": ("input_image_mtok",),
    "input_video": ("input_video_mtok",),
    "output_image": ("output_image_mtok",),
    "output_video": ("output_video_mtok",),
}
"""Bucket or part to its prices in the list, the more special first: what has no price of its own costs what its kind
costs."""


class PriceTable:
    """genai-prices as installed. Loading it takes about half a second, so make one and keep it."""

    def __init__(self) -> None:
        from genai_prices.data_snapshot import get_snapshot

        self._providers = get_snapshot().providers
        self._by_id = {provider.id: provider for provider in self._providers}
        self.source = f"genai-prices {version('genai-prices')}"

    def card(
        self, provider: str, models: tuple[str, ...], host: str, context: Mapping[str, str], at: datetime
    ) -> PriceCard | None:
        """The prices of the first of ``models`` that is listed, or None: then nobody knows what it costs.

        Asked for are, in this order: who listens at ``host``, the ``provider`` by name, and, unless the provider is one
        whose models the list leaves out, the vendor that the model's name belongs to.
        """
        for candidate, is_guess in self._candidates(provider, host):
            for model in models:
                if is_guess and ":" in model:  # an Ollama tag: deepseek-r1:8b runs on somebody's own machine
                    continue
                info = candidate.find_model(model, all_providers=self._providers) if model else None
                if info is None:
                    continue
                own = any(info is listed for listed in candidate.models)
                card = self._card(candidate, info, info.get_prices(at, context if own else None))
                if not (is_guess and card.is_free):
                    return card
        return None

    def _candidates(self, provider: str, host: str) -> Iterator[tuple[Provider, bool]]:
        url = host if "://" in host else f"https://{host}"
        if host:
            yield from ((p, False) for p in self._providers if re.match(p.api_pattern, url))
        identity = price_list_id(provider)
        named = self._named(identity)
        if named is not None:
            yield named, False
        if identity or not provider:
            yield from ((self._by_id[vendor], True) for vendor in FIRST_PARTIES if vendor in self._by_id)

    def _named(self, identity: str) -> Provider | None:
        from genai_prices.data_snapshot import find_provider_by_id

        if not identity:
            return None
        return self._by_id.get(identity) or find_provider_by_id(self._providers, identity)

    def _card(self, provider: Provider, info: ModelInfo, prices: ModelPrice) -> PriceCard:
        listed = {key: value for key, value in vars(prices).items() if value is not None}
        rates: dict[str, Rate] = {}
        for name, keys in _PRICE_KEYS.items():
            key = next((key for key in keys if key in listed), None)
            if key is not None:
                rates[name] = _rate(listed[key])
        return PriceCard(
            provider=provider_of_price_list(provider.id),
            model=info.id,
            rates=rates,
            per_request=_rate(listed["requests_kcount"]).base / 1000 if "requests_kcount" in listed else 0.0,
            source=self.source,
            is_free=not listed,
        )

    def listed(self, at: datetime) -> Iterator[PriceCard]:
        """Every model of the list with its standard prices."""
        for provider in self._providers:
            for info in provider.models:
                yield self._card(provider, info, info.get_prices(at))

    def service_tiers(self, provider: str, model: str) -> tuple[Mapping[str, str], ...]:
        """The contexts in which a listed model has prices of its own: batch processing, priority and flex tiers."""
        named = self._named(price_list_id(provider))
        info = named.find_model(model, all_providers=self._providers) if named else None
        variants = (info.price_variants if info else None) or []
        priced = dict.fromkeys(tuple(variant.when.items()) for variant in variants if vars(variant.prices))
        return tuple(dict(when) for when in priced)


def _rate(price: object) -> Rate:
    from genai_prices.types import TieredPrices

    if isinstance(price, TieredPrices):
        return Rate(float(price.base), tuple((tier.start, float(tier.price)) for tier in price.tiers))
    return Rate(float(str(price)))
