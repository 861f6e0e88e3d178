"""What scraping counts about itself, for ``/metrics``."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter

from sonde.receivers.prometheus.scrape.cycle import Batch

PROTOCOL: Final = "scrape"

_SCRAPES = Counter("sonde_receivers_scrapes", "Scrapes, by how they went", ["outcome"])
_NOT_KEPT = Counter("sonde_receivers_scraped_samples_not_kept", "Samples of scrapes that are not kept", ["reason"])


def scraped(outcome: str) -> None:
    """Count a scrape."""
    _SCRAPES.labels(outcome).inc()


def lost(samples: int) -> None:
    """Count samples that the store did not take."""
    _NOT_KEPT.labels("not_stored").inc(samples)


def not_kept(batch: Batch) -> None:
    """Count samples of a batch that were left out."""
    for reason, count in (
        ("duplicate", batch.duplicates),
        ("out_of_order", batch.out_of_order),
        ("out_of_bounds", batch.out_of_bounds),
    ):
        if count:
            _NOT_KEPT.labels(reason).inc(count)
