"""Prices of the configuration, as ``llm`` takes them."""

from __future__ import annotations

from sonde.config.settings import Settings
from sonde.llm.prices import PriceRow, Prices


def prices(settings: Settings) -> Prices:
    """The prices in force: those of the configuration before the price list.

    Raises:
        UserError: a price is for something that is not counted.
    """
    own = [
        PriceRow(row.model, row.usd_per_million, provider=row.provider, valid_from=row.valid_from)
        for row in settings.llm.prices
    ]
    return Prices(own, trust_provided=settings.llm.trust_provided_cost)
