"""The first page: what the services do, what the models cost, what broke, and what to do when there is nothing."""

from __future__ import annotations

import json
import re
import time

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from tests.browser.conftest import Api, serving
from tests.browser.fixture_server import FixtureServer
from tests.browser.keys import press

pytestmark = pytest.mark.browser


def test_every_service_stands_in_the_table_with_its_rate_errors_and_latency(page: Page, api: Api) -> None:
    page.goto("/")
    table = page.locator(".service-table")
    for service in api.get("/overview")["services"]:
        row = table.get_by_role("row", name=service["service"])
        expect(row).to_contain_text(re.compile(r"/(s|min)"))
        expect(row).to_contain_text("%")
    expect(table.locator("svg.sparkline").first).to_be_visible()


def test_a_service_leads_to_its_traces_and_logs(page: Page, api: Api) -> None:
    service = api.get("/overview")["services"][0]["service"]
    page.goto("/?start=now-30m")
    page.get_by_role("row", name=service).get_by_role("link", name=f"Logs of {service}").click()
    expect(page).to_have_url(re.compile(rf"/logs\?start=now-30m&service={service}$"))
    page.go_back()
    page.get_by_role("row", name=service).get_by_role("link", name=service, exact=True).click()
    expect(page).to_have_url(re.compile(rf"/traces\?start=now-30m&service={service}$"))


def test_the_table_is_sorted_by_the_column_that_is_pressed(page: Page, api: Api) -> None:
    page.goto("/")
    page.get_by_role("button", name="p95").click()
    expect(page).to_have_url(re.compile("sort=-p95"))
    expect(page.get_by_role("columnheader", name="p95")).to_have_attribute("aria-sort", "descending")
    slowest = max(api.get("/overview")["services"], key=lambda row: row["p95_seconds"] or -1)
    expect(page.locator(".service-table tbody tr").first).to_contain_text(slowest["service"])


def test_the_newest_error_leads_to_where_it_happened(page: Page, api: Api) -> None:
    page.goto("/")
    link = page.locator(".error-list a").first
    expect(link).to_be_visible()
    link.click()
    expect(page).to_have_url(re.compile(r"/(traces/[0-9a-f]{32}|logs\?)"))


def test_spend_counts_what_is_priced_and_says_what_is_not(page: Page, api: Api) -> None:
    models = api.get("/overview")["llm"]["by_model"]
    page.goto("/")
    for model in models[:5]:
        row = page.locator(".model-row", has=page.get_by_text(model["model"], exact=True))
        expect(row.first).to_contain_text("unpriced" if model["cost_usd"] is None else "$")


def test_where_nothing_has_arrived_the_page_says_how_to_send_something(browser: Browser) -> None:
    with serving(FixtureServer(time.time(), empty=True)) as url:
        page = browser.new_page(base_url=url)
        page.goto("/")
        expect(page.get_by_text('sonde.configure(service="my-service")')).to_be_visible()
        expect(page.get_by_text("OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318")).to_be_visible()
        for path in ("/traces", "/logs", "/llm"):
            page.goto(path)
            expect(page.get_by_text("pip install sonde")).to_be_visible()
        page.close()


def test_an_error_is_shown_in_the_servers_words_and_can_be_tried_again(page: Page) -> None:
    failing = {
        "error": {
            "code": "store.too_slow",
            "message": "The query took longer than 30 s.",
            "hint": "Choose a shorter time range.",
            "position": None,
        }
    }
    page.route("**/api/v1/overview?*", lambda route: route.fulfill(status=503, body=json.dumps(failing)), times=1)
    page.goto("/")
    notice = page.get_by_role("alert").filter(has_text="30 s")
    expect(notice).to_contain_text("Choose a shorter time range.")
    expect(notice).to_contain_text("store.too_slow")
    notice.get_by_role("button", name="Try again").click()
    expect(page.locator(".service-table")).to_be_visible()


def test_a_server_that_does_not_answer_is_said_so(page: Page) -> None:
    page.goto("/")
    expect(page.locator(".service-table")).to_be_visible()
    page.route("**/api/v1/**", lambda route: route.abort())
    page.get_by_role("button", name="Refresh", exact=True).click()
    expect(page.get_by_text("Sonde does not answer.").first).to_be_visible()


def test_without_a_session_the_page_asks_for_a_key_and_nothing_else(page: Page) -> None:
    signed_in = False
    asked: list[str] = []

    def session(route: Route) -> None:
        nonlocal signed_in
        if route.request.method == "POST":
            asked.append(route.request.post_data or "")
            if "right" not in asked[-1]:
                body = {
                    "error": {
                        "code": "auth.unknown_key",
                        "message": "This key is not known.",
                        "hint": "",
                        "position": None,
                    }
                }
                route.fulfill(status=401, body=json.dumps(body))
                return
            signed_in = True
        route.fulfill(json={"authenticated": signed_in, "required": True, "tenant": "default", "role": "read"})

    page.route("**/api/v1/session", session)
    page.goto("/logs?service=x")
    expect(page.get_by_role("navigation")).to_have_count(0)
    page.get_by_label("API key").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("This key is not known.")
    page.get_by_label("API key").fill("right")
    press(page, "Enter")
    expect(page.get_by_role("heading", name="Logs")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/logs\?service=x$"))
    assert [json.loads(text)["key"] for text in asked] == ["wrong", "right"]
