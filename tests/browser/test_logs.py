"""Searching logs, reading one record, and watching them arrive."""

from __future__ import annotations

import re
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.browser.conftest import Api
from tests.browser.keys import press

pytestmark = pytest.mark.browser


def rows(page: Page) -> Locator:
    return page.get_by_role("list", name="Log records, newest first").locator(".log-row")


def query(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def test_slash_searches_and_the_match_is_marked(page: Page, api: Api) -> None:
    word = max(api.get("/logs", limit=1)["records"][0]["body"].splitlines()[0].split(), key=len)
    page.goto("/logs")
    expect(rows(page).first).to_be_visible()
    press(page, "/")
    page.keyboard.type(word.upper())
    expect(page).to_have_url(re.compile("search="))
    expect(rows(page).first.locator("mark").first).to_have_text(re.compile(re.escape(word), re.IGNORECASE))


def test_levels_are_switched_and_stand_in_the_address(page: Page, api: Api) -> None:
    present = [level for level, counts in api.get("/logs/histogram")["levels"].items() if sum(counts)]
    level = next(level for level in ("error", "warn", "info") if level in present)
    page.goto("/logs")
    page.get_by_role("button", name=re.compile(f"^{level}")).click()
    expect(page).to_have_url(re.compile(f"level={level}"))
    expect(rows(page).first.locator(f".level-{level}")).to_be_visible()
    shown = page.locator(".log-row .level").all_text_contents()
    assert {text.lower() for text in shown} == {level}


def test_a_row_opens_to_its_fields_and_a_link_opens_it_again(page: Page) -> None:
    end = time.time() - 60
    page.goto(f"/logs?start={end - 1800}&end={end}")
    expect(rows(page).first).to_be_visible()
    press(page, "j")
    press(page, "Enter")
    expect(rows(page).first).to_have_attribute("aria-expanded", "true")
    expect(page.locator(".log-detail")).to_contain_text("Resource")
    expect(page).to_have_url(re.compile("open="))
    page.reload()
    expect(page.locator(".log-detail")).to_have_count(1)


def test_a_value_is_included_and_excluded_by_a_click(page: Page, api: Api) -> None:
    record = next(record for record in api.records() if record["attributes"])
    key, value = next((key, value) for key, value in record["attributes"].items() if isinstance(value, str | int))
    page.goto(f"/logs?service={record['service']}&attribute={key}={value}")
    rows(page).first.click()
    detail = page.locator(".log-detail").first
    detail.locator(".attribute", has_text=key).first.hover()
    detail.get_by_role("button", name=f"Not where {key} is").first.click()
    expect(page.locator(".chip-exclude")).to_contain_text(key)
    assert query(page)["attribute"] == [f"{key}!={value}"]


def test_a_record_leads_to_its_trace(page: Page, api: Api) -> None:
    record = next(record for record in api.records() if record["trace_id"])
    page.goto(f"/logs?trace_id={record['trace_id']}")
    rows(page).first.click()
    page.locator(".log-detail").get_by_role("link", name="Trace", exact=True).click()
    expect(page).to_have_url(re.compile(f"/traces/{record['trace_id']}"))


def test_the_histogram_says_its_counts_in_words(page: Page) -> None:
    page.goto("/logs")
    expect(page.get_by_role("img", name=re.compile(r"Log records over time: .*\d+"))).to_be_visible()


def test_the_live_tail_shows_new_records_on_top_and_can_be_paused(page: Page) -> None:
    page.goto("/logs?live=1")
    expect(page.get_by_text("Live: new records appear on top")).to_be_visible()
    before = rows(page).first.text_content()
    expect(rows(page).first).not_to_have_text(before or "", timeout=20_000)
    press(page, "p")
    expect(page.get_by_text("Paused")).to_be_visible()
    button = page.get_by_role("button", name=re.compile(r"Show \d+ new"))
    expect(button).to_be_visible(timeout=20_000)
    held = rows(page).first.text_content()
    button.click()
    expect(page.get_by_text("Live: new records appear on top")).to_be_visible()
    expect(rows(page).first).not_to_have_text(held or "")


def test_only_the_rows_near_the_window_are_in_the_document(page: Page) -> None:
    page.goto("/logs")
    expect(rows(page).first).to_be_visible()
    assert rows(page).count() < 120
