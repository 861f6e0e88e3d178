"""``python -m sonde.demo.scraper``: the scraper's process, a run every half minute."""

from __future__ import annotations

import threading

import httpx

from sonde.demo.process import begin
from sonde.demo.scraper.job import scrape, shelf
from sonde.sdk.configure import configure
from sonde.sdk.instrument import instrument

_PERIOD_SECONDS = 30.0
_PATIENCE_SECONDS = 60.0  # the shop may still be starting


def _main() -> None:
    settings = begin()
    configure(service="scraper", endpoint=settings.sonde)
    instrument()
    with httpx.Client(
        base_url=settings.backend, headers={"x-api-key": "demo-supplier"}, timeout=_PATIENCE_SECONDS
    ) as shop:
        listed = shelf(shop)
        while True:
            listed = scrape(shop, listed)
            threading.Event().wait(_PERIOD_SECONDS)


if __name__ == "__main__":
    _main()
