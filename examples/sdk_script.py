"""A script whose work becomes a trace, whose logs become JSON lines, and whose counters become metrics.

pip install sonde
SONDE_ENDPOINT=http://127.0.0.1:4318 python examples/sdk_script.py
"""

from __future__ import annotations

from opentelemetry import metrics

import sonde

sonde.configure(service="scraper")
log = sonde.get_logger("scraper")
products = metrics.get_meter("scraper").create_counter("products_scraped", description="Products that were read")


@sonde.observe
def read_page(number: int) -> int:
    """Read one page of a shop; the third is broken."""
    if number == 3:
        raise ValueError("page 3 has no product list")
    log.info("page read", page=number, products=20)
    return 20


@sonde.observe
def run(pages: int) -> None:
    """Read all pages, and go on when one fails."""
    for number in range(1, pages + 1):
        try:
            products.add(read_page(number), {"shop": "example"})
        except ValueError:
            log.exception("page failed", page=number)


if __name__ == "__main__":
    with sonde.context(tenant_id="acme"):
        run(pages=4)
