"""LLM calls: their list and totals, one call with its messages, and feedback on it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.browser.conftest import Api
from tests.browser.keys import press

pytestmark = pytest.mark.browser


def rows(page: Page) -> Locator:
    return page.get_by_role("list", name="LLM calls").get_by_role("link")


def a_chat(api: Api) -> dict[str, object]:
    calls = api.get("/llm/calls", success="true", limit=100)["calls"]
    found: dict[str, object] = next(call for call in calls if call["type"] == "chat")
    return found


def test_the_totals_are_those_of_the_summary(page: Page, api: Api) -> None:
    totals = api.get("/llm/summary", group_by="model")["totals"]
    page.goto("/llm")
    tiles = page.locator(".tiles")
    expect(tiles).to_contain_text("Spend")
    expect(tiles).to_contain_text("unpriced" if totals["unpriced_calls"] else "all calls priced")
    expect(rows(page).first).to_be_visible()


def test_the_chart_is_grouped_and_a_name_in_its_legend_narrows_the_page(page: Page, api: Api) -> None:
    page.goto("/llm")
    page.get_by_role("button", name="Service", exact=True).click()
    page.get_by_role("button", name="Tokens", exact=True).click()
    expect(page).to_have_url(re.compile("group_by=service&metric=tokens"))
    service = page.locator(".legend-name").first.text_content() or ""
    page.locator(".legend button").first.click()
    expect(page).to_have_url(re.compile(f"service={service}"))


def test_calls_without_a_price_are_called_unpriced(page: Page, api: Api) -> None:
    if not api.get("/llm/calls", priced="false", limit=1)["calls"]:
        pytest.skip("this server knows the price of every call")
    page.goto("/llm")
    page.get_by_role("button", name="Unpriced", exact=True).click()
    expect(page).to_have_url(re.compile("priced=false"))
    expect(rows(page).first).to_contain_text("unpriced")


def test_a_named_filter_is_completed_and_becomes_a_chip(page: Page, api: Api) -> None:
    model = str(a_chat(api)["model"])
    page.goto("/llm")
    expect(rows(page).first).to_be_visible()
    field = page.get_by_role("combobox", name="Add filter")
    field.fill(f"model={model}")
    press(page, "Enter")
    expect(page.locator(".chip")).to_contain_text(model)
    expect(rows(page).first).to_contain_text(model)


def test_one_call_shows_its_messages_tokens_and_the_way_to_its_trace(page: Page, api: Api) -> None:
    call = a_chat(api)
    detail = api.get(f"/llm/calls/{call['trace_id']}/{call['span_id']}")
    page.goto(f"/llm/{call['trace_id']}/{call['span_id']}")
    for message in detail["messages"]["input"] + detail["messages"]["output"]:
        for part in message["parts"]:
            if part["type"] == "text" and part["content"]:
                expect(
                    page.locator(".conversation").get_by_text(part["content"].splitlines()[0][:40]).first
                ).to_be_visible()
    table = page.locator(".token-table")
    for bucket, tokens in detail["call"]["usage"].items():
        if tokens:
            expect(table).to_contain_text(f"{tokens:,}", use_inner_text=True)
            assert bucket
    page.get_by_role("link", name="Show in its trace").click()
    expect(page).to_have_url(re.compile(f"/traces/{call['trace_id']}\\?span={call['span_id']}"))
    expect(page.get_by_role("complementary", name="Span")).to_contain_text(str(call["model"]))


def test_feedback_is_given_and_shown(page: Page, api: Api) -> None:
    call = a_chat(api)
    page.goto(f"/llm/{call['trace_id']}/{call['span_id']}")
    page.get_by_label("Comment").fill("reads well")
    with page.expect_response("**/api/v1/feedback") as sent:
        page.get_by_role("button", name="Thumbs up").click()
    assert sent.value.status == 201
    expect(page.get_by_text("Thank you, it is stored.")).to_be_visible()
    body = sent.value.request.post_data_json
    assert body["rating"] == 1
    assert body["span_id"] == call["span_id"]
    expect(page.locator(".score", has_text="reads well").first).to_be_visible()
