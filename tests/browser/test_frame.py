"""What every page has: the time range and its history, theme, zone, keyboard, a palette; and that it fits a phone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.browser.conftest import Api
from tests.browser.keys import press

pytestmark = pytest.mark.browser

PAGES = ("/", "/traces", "/logs", "/llm")


def test_the_time_range_goes_into_the_address_and_along_to_the_next_page(page: Page) -> None:
    page.goto("/")
    page.locator("[data-action=time]").click()
    page.get_by_role("button", name="Last 6 hours").click()
    expect(page).to_have_url(re.compile(r"start=now-6h&end=now"))
    page.get_by_role("navigation").get_by_role("link", name="Traces").click()
    expect(page).to_have_url(re.compile(r"/traces\?start=now-6h&end=now$"))
    expect(page.locator("[data-action=time]")).to_contain_text("Last 6 hours")


def test_a_range_is_typed_in_the_zone_that_is_shown(page: Page) -> None:
    page.goto("/logs?tz=utc")
    page.locator("[data-action=time]").click()
    dialog = page.get_by_role("dialog", name="Time range")
    dialog.get_by_label("From").fill("2026-08-01 10:00")
    dialog.get_by_label("To").fill("2026-08-01 9:00")
    expect(dialog.get_by_text("The start must be before the end")).to_be_visible()
    dialog.get_by_label("To").fill("2026-08-01 11:30:30")
    press(page, "Enter")
    expect(page).to_have_url(re.compile(r"start=2026-08-01T10:00:00Z&end=2026-08-01T11:30:30Z"))


def test_dragging_across_a_chart_zooms_and_back_undoes_it(page: Page) -> None:
    page.goto("/logs")
    expect(page.get_by_role("img", name=re.compile(r"over time: \d"))).to_be_visible()
    area = page.locator(".chart .u-over").bounding_box()
    assert area is not None
    page.mouse.move(area["x"] + area["width"] * 0.5, area["y"] + 40)
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] * 0.9, area["y"] + 40, steps=4)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"start=20\d\d-.*&end=20\d\d-"))
    page.go_back()
    expect(page).to_have_url(re.compile(r"/logs$"))
    expect(page.locator("[data-action=time]")).to_contain_text("Last hour")


def test_the_zone_can_be_switched_and_is_remembered(page: Page) -> None:
    page.goto("/traces")
    page.get_by_role("button", name="Times are in local time; switch").click()
    expect(page).to_have_url(re.compile("tz=utc"))
    page.goto("/logs")
    expect(page.get_by_role("button", name="Times are in UTC; switch")).to_be_visible()


def test_the_theme_follows_the_system_until_someone_chooses(browser: Browser, base_url: str) -> None:
    page = browser.new_page(base_url=base_url, color_scheme="dark")
    background = "getComputedStyle(document.documentElement).backgroundColor"
    page.goto("/")
    dark = page.evaluate(background)
    page.get_by_role("button", name="Light theme").click()
    light = page.evaluate(background)
    assert light != dark
    page.reload()
    assert page.evaluate(background) == light
    assert "theme" not in page.url
    page.close()


def test_the_palette_leads_to_pages_services_and_traces(page: Page, api: Api) -> None:
    trace_id = api.a_trace()["trace_id"]
    page.goto("/")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    press(page, "Control+k")
    page.keyboard.type("logs")
    press(page, "Enter")
    expect(page).to_have_url(re.compile("/logs"))
    press(page, "Control+k")
    page.keyboard.type(trace_id)
    press(page, "Enter")
    expect(page).to_have_url(re.compile(f"/traces/{trace_id}"))


def test_the_first_tab_stop_skips_to_the_content(page: Page) -> None:
    page.goto("/traces")
    expect(page.get_by_role("heading", name="Traces")).to_be_visible()
    press(page, "Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    press(page, "Enter")
    expect(page.locator("#main")).to_be_focused()


def test_a_slow_answer_is_given_up_when_the_question_changes(page: Page) -> None:
    page.goto("/traces")
    expect(page.get_by_role("list", name="Traces, newest first")).to_be_visible()
    page.route("**/api/v1/traces?*status=error*", lambda _route: None)  # never answered
    given_up: list[str] = []
    page.on("requestfailed", lambda request: given_up.append(request.url))
    page.get_by_role("button", name="Errors", exact=True).click()
    expect(page.locator(".list-foot").get_by_text("loading")).to_be_visible()
    page.get_by_role("button", name="All", exact=True).click()
    expect(page.locator(".list-foot").get_by_text("rows read")).to_be_visible()
    assert any("status=error" in url for url in given_up)


def test_refreshing_asks_again(page: Page) -> None:
    page.goto("/llm")
    expect(page.get_by_text("rows read").first).to_be_visible()
    with page.expect_request("**/api/v1/llm/calls?*"):
        press(page, "r")


def test_an_unknown_address_leads_home(page: Page) -> None:
    page.goto("/no-such-page")
    page.get_by_role("link", name="Go to the overview").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()


@pytest.mark.parametrize("width", [360, 390, 768, 1280])
@pytest.mark.parametrize("path", PAGES)
def test_no_page_is_wider_than_the_window(page: Page, path: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(path)
    expect(page.get_by_text("rows read").first).to_be_attached()
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


@pytest.mark.parametrize("path", PAGES)
def test_every_control_has_a_name(page: Page, path: str) -> None:
    page.goto(path)
    expect(page.get_by_text("rows read").first).to_be_attached()
    nameless = page.evaluate(
        """[...document.querySelectorAll("button, a, input, select")].filter(
            (element) => !element.textContent.trim() && !element.getAttribute("aria-label") && !element.labels?.length
        ).map((element) => element.outerHTML)"""
    )
    assert nameless == []
