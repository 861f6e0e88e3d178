"""Who is on call: turns as a line of two weeks, people who stand in, and escalation policies."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect
from tests.browser.keys import press
from tests.browser.layout import nameless, too_wide
from tests.browser.rules_data import Fake

pytestmark = pytest.mark.browser


def test_each_rotation_tells_who_has_the_turn_and_who_comes_next(page: Page) -> None:
    Fake(page)
    page.goto("/alerts/on-call")
    primary = page.get_by_role("region", name="Rotation primary")
    expect(primary.locator(".rotation-now")).to_contain_text("alice until")
    expect(primary.locator(".rotation-now")).to_contain_text("told through alice-phone, alice-mail")
    turns = primary.get_by_role("list", name="Turns of primary").get_by_role("listitem")
    assert [turn.inner_text() for turn in turns.all()] == ["alice", "carol", "alice", "bob", "alice"]
    expect(turns.nth(0)).to_have_attribute("aria-label", re.compile(r"^alice, .*, now$"))
    expect(turns.nth(1)).to_have_attribute("aria-label", re.compile(r"^carol, .*, stands in$"))
    expect(primary).to_contain_text("hands off Monday 09:00, Europe/Berlin")
    secondary = page.get_by_role("region", name="Rotation secondary")
    expect(secondary.locator(".rotation-now")).to_contain_text("dave until")
    expect(secondary.locator(".rotation-now")).to_contain_text("has no receiver: is not told")
    assert too_wide(page) == []
    assert nameless(page) == []


def test_somebody_stands_in_and_is_taken_back(page: Page) -> None:
    fake = Fake(page)
    page.goto("/alerts/on-call")
    page.get_by_role("button", name="Somebody stands in").click()
    page.get_by_role("combobox", name="Who").select_option("carol")
    page.get_by_role("combobox", name="For the rotation").select_option("secondary")
    page.get_by_label("From, in local time").fill("2030-01-02T09:00")
    page.get_by_label("Until").fill("2030-01-02T08:00")
    expect(page.get_by_text("The end must be after the beginning.")).to_be_visible()
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    page.get_by_label("Until").fill("2030-01-02T21:00")
    assert too_wide(page) == []
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Save")).to_have_count(0)
    ((method, path, body),) = fake.sent
    assert (method, path, body["rotation"], body["person"]) == ("POST", "/on-call/overrides", "secondary", "carol")
    assert re.fullmatch(r"2030-01-0\dT\d\d:00:00\.000Z", body["since"])
    with page.expect_request(lambda request: request.method == "DELETE"):
        page.get_by_role("button", name=re.compile("Remove: carol stands in for primary")).click()
    expect(page.locator(".overrides li")).to_have_count(1)
    assert fake.sent[-1] == ("DELETE", "/on-call/overrides/6d1ec9f6-6a5c-4e0f-9c2c-000000000007", None)


def test_escalation_policies_are_steps(page: Page) -> None:
    Fake(page)
    page.goto("/alerts/on-call?policy=critical")
    critical = page.get_by_role("region", name="Escalation policy critical")
    expect(critical).to_have_class(re.compile("is-chosen"))
    assert [step.inner_text().split() for step in critical.locator(".step").all()] == [
        ["at", "once", "rotation", "primary"],
        ["after", "10m", "person", "bob", "receiver", "ops"],
        ["2", "times", "all", "steps,", "while", "nobody", "acknowledges"],
    ]


def test_while_nobody_is_on_call_the_page_says_how_to_begin(page: Page) -> None:
    Fake(page, on_call={"rotations": [], "escalations": [], "people": [], "overrides": []})
    page.goto("/alerts/on-call")
    expect(page.get_by_role("heading", name="Nobody is on call yet")).to_be_visible()
    expect(page.get_by_text("response_file: response.yml")).to_be_visible()


@pytest.mark.parametrize("name", ["routes", "on call", "rules", "objectives"])
def test_the_palette_leads_to_the_page(page: Page, name: str) -> None:
    Fake(page)
    page.goto("/")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    press(page, "Control+k")
    page.keyboard.type(name)
    press(page, "Enter")
    expect(page).to_have_url(re.compile("/(alerts/(routes|on-call)|rules|slos)$"))
    expect(page.get_by_role("navigation", name="Pages", exact=True).locator("[aria-current]")).to_have_text("Alerts")
