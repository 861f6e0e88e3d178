"""The page of the shop's supplier, which the scraper reads: HTML that changes with the hour, and is sometimes broken.

What it shows depends on the seed and the epoch (a number that grows by one every thirty seconds) alone.
"""

from __future__ import annotations

import html
import random

from sonde.demo.catalog import CATEGORIES, PRODUCTS, Product

EPOCH_SECONDS = 30
_LIMITED_POOL = 12
_LIMITED_EPOCHS = 6
_PRICE_CHANGE_RATE = 0.06
_BROKEN_ROW_RATE = 0.01
_OUTAGE_RATE = 0.04


def in_outage(seed: int, epoch: int) -> bool:
    """Whether the supplier's site is down in this epoch."""
    return random.Random(f"outage:{seed}:{epoch}").random() < _OUTAGE_RATE  # noqa: S311  (not a secret)


def offer(seed: int, epoch: int) -> list[Product]:
    """What the supplier offers: the catalogue at the day's prices, and a few articles that come and go."""
    regular = [
        Product(p.id, p.name, p.category, _price(p.price, f"{seed}:{p.id}", epoch), p.description) for p in PRODUCTS
    ]
    limited = [_limited(number) for number in range(_LIMITED_POOL) if _is_offered(seed, number, epoch)]
    return regular + limited


def page(seed: int, epoch: int) -> str:
    """The offer as an HTML table; now and then a row has a price that is no number."""
    rng = random.Random(f"page:{seed}:{epoch}")  # noqa: S311  (not a secret)
    rows = "\n".join(
        f'<tr data-id="{article.id}" data-category="{article.category}" '
        f'data-price="{"on request" if rng.random() < _BROKEN_ROW_RATE else f"{article.price:.2f}"}">'
        f"<td>{html.escape(article.name)}</td><td>{html.escape(article.description)}</td></tr>"
        for article in offer(seed, epoch)
    )
    return f"<!doctype html><title>Supplier</title><table>\n{rows}\n</table>\n"


def _price(price: float, key: str, epoch: int) -> float:
    """The price after the last of the random changes that happened within the last twenty epochs."""
    for past in range(epoch, epoch - 20, -1):
        rng = random.Random(f"price:{key}:{past}")  # noqa: S311  (not a secret)
        if rng.random() < _PRICE_CHANGE_RATE:
            return round(price * rng.uniform(0.9, 1.1), 2)
    return price


def _is_offered(seed: int, number: int, epoch: int) -> bool:
    shift = number * _LIMITED_EPOCHS // _LIMITED_POOL
    rng = random.Random(f"limited:{seed}:{number}:{(epoch + shift) // _LIMITED_EPOCHS}")  # noqa: S311  (not a secret)
    return rng.random() < 0.4


def _limited(number: int) -> Product:
    category = CATEGORIES[number % len(CATEGORIES)]
    return Product(
        f"limited-{number:02d}",
        f"Limited edition {category} set {number}",
        category,
        49.0 + 10 * number,
        f"A limited set of {category} articles, while stocks last.",
    )
