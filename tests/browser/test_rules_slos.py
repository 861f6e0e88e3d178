"""Objectives with their budgets; what was not recorded is never shown as good."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect
from tests.browser.layout import nameless, too_wide
from tests.browser.rules_data import Fake

pytestmark = pytest.mark.browser


def test_objectives_come_in_the_order_in_which_they_need_somebody(page: Page) -> None:
    Fake(page)
    page.goto("/slos")
    rows = page.locator(".slo-table tbody tr")
    expect(rows).to_have_count(4)
    assert [row.locator(".slo-name").inner_text() for row in rows.all()] == [
        "latency",
        "availability",
        "availability",
        "freshness",
    ]
    expect(rows.nth(0)).to_contain_text("warning: budget used up")
    expect(rows.nth(1)).to_contain_text("critical: burns more than 6× over 6h")
    expect(rows.nth(1).get_by_role("img", name="Error budget of backend-api availability: 18% left")).to_be_visible()
    expect(rows.nth(2)).to_contain_text("99.972%")
    assert too_wide(page) == []
    assert nameless(page) == []


def test_an_objective_without_data_says_so_everywhere(page: Page) -> None:
    Fake(page)
    page.goto("/slos")
    row = page.locator(".slo-table tbody tr").last
    expect(row.get_by_text("no data")).to_have_count(4)
    expect(row).not_to_contain_text("100%")
    row.get_by_role("link", name="freshness").click()
    expect(page.get_by_role("heading", name="No data")).to_be_visible()
    expect(page.locator(".tile-value").filter(has_text="no data")).to_have_count(4)
    expect(page.locator("main")).not_to_contain_text("100%")
    page.get_by_role("link", name="See its rules").click()
    expect(page).to_have_url(re.compile(r"/rules\?search=freshness"))


def test_the_page_of_an_objective_shows_burn_down_burn_rates_and_policy(page: Page) -> None:
    Fake(page)
    page.goto("/slos/backend-api/availability")
    expect(page.get_by_role("img", name="Error budget of backend-api availability over time")).to_be_visible()
    expect(page.get_by_text("216 more may fail")).to_be_visible()
    expect(page.get_by_text("lasts another 13h 38m")).to_be_visible()
    rates = page.get_by_role("region", name="Burn rates").locator("tbody tr")
    expect(rates).to_have_count(4)
    expect(rates.nth(1)).to_contain_text("9.5× 6h")
    expect(rates.nth(1)).to_contain_text("firing")
    policy = page.get_by_role("region", name="Budget policy")
    expect(policy.locator("li").first).to_contain_text("holds now")
    expect(policy.locator("li").first).to_contain_text("Less than 25% left: only fixes are released")
    expect(policy.locator("li").last).to_contain_text("not yet")
    assert too_wide(page) == []
    with page.expect_request(re.compile(r"/api/v1/slos/availability\?.*days=1$")):
        page.get_by_role("button", name="24 h").click()
    expect(page).to_have_url(re.compile("days=1"))


def test_objectives_are_searched(page: Page) -> None:
    Fake(page)
    page.goto("/slos?search=backend+lat")
    expect(page.locator(".slo-name")).to_have_text(["latency"])


def test_while_nothing_is_promised_the_page_says_how_to_begin(page: Page) -> None:
    Fake(page, slos=[])
    page.goto("/slos")
    expect(page.get_by_role("heading", name="Nothing is promised yet")).to_be_visible()
    expect(page.get_by_text("slos: [slos/*.yml]")).to_be_visible()
