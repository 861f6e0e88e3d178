"""The rules page: state, health and timing of every rule, its alerts, and the filters in the address."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect
from tests.browser.keys import press
from tests.browser.layout import nameless, too_wide
from tests.browser.rules_data import FAILED, Fake

pytestmark = pytest.mark.browser


def test_every_rule_stands_in_its_group_and_file_with_state_and_timing(page: Page) -> None:
    Fake(page)
    page.goto("/rules")
    files = page.locator(".rule-file")
    expect(files).to_have_count(2)
    assert [each.get_attribute("aria-label") for each in files.all()] == [
        "Rules of rules/web.yml",
        "Rules of rules/host.yml",
    ]
    web = page.get_by_role("region", name="Group web")
    expect(web.locator(".group-timing")).to_contain_text("every 30s")
    expect(web.locator(".group-timing")).to_contain_text("took 12.1 ms")
    assert [mark.inner_text() for mark in web.locator("td:first-child .state").all()] == [
        "firing",
        "pending",
        "inactive",
        "recording",
    ]
    host = page.get_by_role("region", name="Group capacity")
    expect(host).to_contain_text("3 turns missed in the last hour")
    expect(host).to_contain_text("needs 90.0% of its interval")
    expect(host).to_contain_text(FAILED)
    expect(host).to_contain_text("not yet")
    assert too_wide(page) == []
    assert nameless(page) == []


def test_rules_are_filtered_by_state_health_and_words_and_the_address_keeps_it(page: Page) -> None:
    Fake(page)
    page.goto("/rules")
    names = page.locator(".rule-name")
    expect(names).to_have_count(6)
    page.get_by_role("button", name="Pending 1").click()
    expect(page).to_have_url(re.compile("state=pending"))
    expect(names).to_have_text(["HighLatencyP95"])
    page.get_by_role("group", name="State").get_by_role("button", name="All").click()
    page.get_by_label("Health", exact=True).select_option("err")
    expect(names).to_have_text(["DiskFull"])
    page.get_by_role("button", name="Clear").click()
    press(page, "/")
    page.keyboard.type("RATIO5M errors_total")
    press(page, "Enter")
    expect(names).to_have_text(["job:errors:ratio5m"])
    page.reload()
    expect(names).to_have_text(["job:errors:ratio5m"])


def test_a_rule_opens_to_its_annotations_and_alerts_and_leads_to_the_explorer(page: Page) -> None:
    Fake(page)
    page.goto("/rules")
    page.get_by_role("button", name="Details of ServiceDown").click()
    details = page.locator(".rule-details")
    expect(details).to_contain_text("after 5m")
    expect(details.get_by_role("link", name="https://runbooks.example.org/ServiceDown")).to_be_visible()
    expect(details.locator("tbody tr")).to_have_count(2)
    expect(details.locator("tbody tr").first).to_contain_text("1.25")
    assert too_wide(page) == []
    page.get_by_role("link", name="Expression of ServiceDown in the metrics explorer").click()
    expect(page).to_have_url(re.compile(r"/metrics-explorer\?expr=up"))


def test_while_no_rule_is_evaluated_the_page_says_how_to_begin(page: Page) -> None:
    Fake(page, groups=[])
    page.goto("/rules")
    expect(page.get_by_role("heading", name="No rule is evaluated yet")).to_be_visible()
    expect(page.get_by_text("packs: [service, host]")).to_be_visible()
