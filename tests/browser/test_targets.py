"""What is scraped: pools, health, errors, labels, what was dropped; and what to do while nothing is."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.browser.keys import press
from tests.browser.layout import nameless, too_wide

pytestmark = pytest.mark.browser


def target(pool: str, address: str, health: str, *, error: str = "", **labels: str) -> dict[str, Any]:
    """An active target as Prometheus' API tells it."""
    url = f"http://{address}/metrics"
    return {
        "discoveredLabels": {"__address__": address, "__meta_filepath": f"/etc/sd/{pool}.json", "job": pool},
        "labels": {"instance": address, "job": pool, **labels},
        "scrapePool": pool,
        "scrapeUrl": url,
        "globalUrl": url,
        "lastError": error,
        "lastScrape": "0001-01-01T00:00:00Z" if health == "unknown" else "2026-08-01T10:00:00Z",
        "lastScrapeDuration": 0 if health == "unknown" else 0.0123,
        "health": health,
        "scrapeInterval": "15s",
        "scrapeTimeout": "10s",
    }


REFUSED = 'Get "http://10.0.1.1:8000/metrics": dial tcp 10.0.1.1:8000: connect: connection refused'
STATUS = {
    "activeTargets": [
        target("node", "10.0.0.1:9100", "up", zone="eu-1"),
        target("node", "10.0.0.2:9100", "up", zone="eu-2"),
        target("shop", "10.0.1.2:8000", "up"),
        target("shop", "10.0.1.1:8000", "down", error=REFUSED),
        target("shop", "10.0.1.3:8000", "unknown"),
    ],
    "droppedTargets": [{"discoveredLabels": {"__address__": "10.0.9.1:80", "job": "shop"}, "scrapePool": "shop"}],
    "droppedTargetCounts": {"shop": 3, "node": 0},
}


def show(page: Page, path: str = "/targets", status: dict[str, Any] = STATUS) -> None:
    """Open the page with these targets."""
    pools = sorted({each["scrapePool"] for each in status["activeTargets"]})
    page.route("**/api/v1/targets?*", lambda route: route.fulfill(json={"status": "success", "data": status}))
    page.route(
        "**/api/v1/scrape_pools",
        lambda route: route.fulfill(json={"status": "success", "data": {"scrapePools": pools}}),
    )
    page.goto(path)


def test_every_target_stands_in_its_pool_and_what_is_down_comes_first(page: Page) -> None:
    show(page)
    pools = page.locator("section[aria-label^='Scrape pool']")
    expect(pools).to_have_count(2)
    assert [pool.get_attribute("aria-label") for pool in pools.all()] == ["Scrape pool shop", "Scrape pool node"]
    rows = pools.first.locator("tbody tr")
    expect(pools.first).to_contain_text("1 of 3 up")
    assert [row.locator(".health").inner_text() for row in rows.all()] == ["down", "unknown", "up"]
    expect(rows.first).to_contain_text(REFUSED)
    expect(rows.first).to_contain_text("job=shop")
    expect(rows.first).to_contain_text("12.3 ms")
    expect(rows.nth(1)).to_contain_text("not yet")
    assert too_wide(page) == []
    assert nameless(page) == []


def test_targets_are_filtered_by_health_pool_and_words_in_the_address(page: Page) -> None:
    show(page)
    rows = page.locator(".target-table tbody tr")
    expect(rows).to_have_count(5)
    page.get_by_role("button", name="Down 1").click()
    expect(page).to_have_url(re.compile("health=down"))
    expect(rows).to_have_count(1)
    page.get_by_role("button", name="All", exact=True).click()
    page.get_by_label("Scrape pool", exact=True).select_option("node")
    expect(page).to_have_url(re.compile("pool=node"))
    expect(rows).to_have_count(2)
    press(page, "/")
    page.keyboard.type("ZONE eu-2")
    press(page, "Enter")
    expect(rows).to_have_count(1)
    page.reload()
    expect(rows).to_have_count(1)
    page.get_by_role("button", name="Clear").click()
    expect(rows).to_have_count(5)


def test_a_target_tells_how_it_was_discovered_and_leads_to_its_health_over_time(page: Page) -> None:
    show(page)
    page.get_by_role("button", name="Details of http://10.0.1.1:8000/metrics").click()
    expect(page.locator(".target-details")).to_contain_text("__meta_filepath=/etc/sd/shop.json")
    expect(page.locator(".target-details")).to_contain_text("every 15s, given up after 10s")
    page.get_by_role("link", name="Health over time of http://10.0.1.1:8000/metrics").click()
    expect(page).to_have_url(re.compile(r"/metrics-explorer\?expr=up%7Bjob%3D%22shop%22".replace("%3D", "(%3D|=)")))


def test_what_relabelling_dropped_is_told_with_its_labels(page: Page) -> None:
    show(page)
    page.get_by_text("3 targets dropped by relabelling, 1 of them here").click()
    expect(page.locator(".dropped")).to_contain_text("__address__=10.0.9.1:80")


def test_while_nothing_is_scraped_the_page_says_how_to_begin(page: Page) -> None:
    show(page, status={"activeTargets": [], "droppedTargets": [], "droppedTargetCounts": {}})
    expect(page.get_by_role("heading", name="Nothing is scraped yet")).to_be_visible()
    expect(page.get_by_text("scrape_configs:")).to_be_visible()
    expect(page.get_by_text("config_file: prometheus.yml")).to_be_visible()


def test_the_palette_leads_to_the_targets(page: Page) -> None:
    show(page, "/")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    press(page, "Control+k")
    page.keyboard.type("scrape")
    press(page, "Enter")
    expect(page).to_have_url(re.compile("/targets$"))
    expect(page.get_by_role("link", name="Metrics", exact=True)).to_have_attribute("aria-current", "page")
