"""One run of the scraper: fetch, parse, compare, write to the shop; a trace, a log line and metrics for each run."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict

import httpx
from opentelemetry import metrics, trace
from opentelemetry.trace import StatusCode

from sonde.demo.buckets import SECONDS
from sonde.demo.scraper.page import Changes, Listing, Page, compare, parse_page
from sonde.sdk.logs.logger import get_logger

_meter = metrics.get_meter("scraper")
_runs = _meter.create_counter("scraper_runs_total", description="Runs, by how they ended")
_products = _meter.create_counter("scraper_products_total", description="Products that were new, updated or delisted")
_errors = _meter.create_counter("scraper_errors_total", description="Pages or rows that could not be read")
_duration = _meter.create_histogram(
    "scraper_run_duration_seconds",
    unit="s",
    description="How long a run took",
    explicit_bucket_boundaries_advisory=SECONDS,
)
_last_success = _meter.create_gauge(
    "scraper_last_success_timestamp_seconds", description="Unix time of the last run that succeeded"
)
_tracer = trace.get_tracer("scraper")
_log = get_logger("scraper")


def shelf(shop: httpx.Client) -> Mapping[str, Listing]:
    """What the shop lists already: what the first run compares with."""
    response = shop.get("/products")
    response.raise_for_status()
    return {product["id"]: Listing(**product) for product in response.json()}


def scrape(shop: httpx.Client, before: Mapping[str, Listing]) -> Mapping[str, Listing]:
    """Run once; returns what the shop lists now, which is ``before`` if the supplier or the shop did not answer."""
    started = time.perf_counter()
    with _tracer.start_as_current_span("scrape supplier") as span:
        try:
            page = _fetch(shop)
            changes = compare(before, page)
            _write(shop, changes)
        except httpx.HTTPError as error:
            span.set_status(StatusCode.ERROR, str(error))
            span.record_exception(error)
            _runs.add(1, {"status": "failed"})
            _errors.add(1, {"kind": "http"})
            _log.error("Scrape failed", error=str(error))
            return before
        finally:
            _duration.record(time.perf_counter() - started)
        counts = {"new": len(changes.new), "updated": len(changes.updated), "delisted": len(changes.delisted)}
        for change, count in counts.items():
            _products.add(count, {"change": change})
            span.set_attribute(f"scraper.products.{change}", count)
        for product_id, why in page.errors.items():
            _errors.add(1, {"kind": "row"})
            _log.warning("Row could not be read", product_id=product_id, error=why)
        _runs.add(1, {"status": "succeeded"})
        _last_success.set(time.time())
        _log.info(
            "Scrape finished",
            **counts,
            errors=len(page.errors),
            products=len(page.listings),
            duration_seconds=round(time.perf_counter() - started, 4),
        )
    kept = {key: before[key] for key in before if key not in page.listings and key not in changes.delisted}
    return {**kept, **page.listings}


def _fetch(shop: httpx.Client) -> Page:
    response = shop.get("/supplier/catalogue")
    response.raise_for_status()
    with _tracer.start_as_current_span("parse page", attributes={"page.bytes": len(response.content)}):
        return parse_page(response.text)


def _write(shop: httpx.Client, changes: Changes) -> None:
    for listing in (*changes.new, *changes.updated):
        body = {key: value for key, value in asdict(listing).items() if key != "id"}
        shop.put(f"/products/{listing.id}", json=body).raise_for_status()
    for product_id in changes.delisted:
        shop.delete(f"/products/{product_id}").raise_for_status()
