"""What fires, one alert with its graph, its history; silences; who was told. The server's answers are of `alerting_data`."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from playwright.sync_api import Locator, Page, Route, expect
from tests.browser.alerting_data import ERRORS, OUTSIDE, FakeAlerting, fingerprint
from tests.browser.keys import press
from tests.browser.layout import nameless, too_wide

pytestmark = pytest.mark.browser


@pytest.fixture
def fake(page: Page) -> FakeAlerting:
    fake = FakeAlerting()
    fake.install(page)
    return fake


def group(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=f"Alert {name}")


def test_what_fires_stands_by_name_with_what_is_known_of_it_the_gravest_first(page: Page, fake: FakeAlerting) -> None:
    page.goto("/alerts")
    names = page.locator(".alert-group h2")
    expect(names).to_have_text(["HighErrorRate", "CertificateExpires", "DiskSpaceLow", "HighLLMCost"])
    errors = group(page, "HighErrorRate")
    expect(errors).to_contain_text("critical")
    expect(errors).to_contain_text("2 firing")
    expect(errors).to_contain_text("env=prod")
    rows = errors.locator(".alert-row")
    expect(rows.nth(0)).to_contain_text("checkout fails in 12.7 % of its requests")
    expect(rows.nth(0)).to_contain_text("→ team-checkout, on-call")
    expect(rows.nth(0).locator(".alert-value")).to_have_text("0.127")
    expect(rows.nth(1)).to_contain_text("acknowledged by alice")
    expect(group(page, "DiskSpaceLow")).to_contain_text(re.compile("pending · fires in 6m"))
    expect(group(page, "HighLLMCost")).to_contain_text("silenced")
    expect(group(page, "CertificateExpires")).to_contain_text("instance=www.example.org")
    runbook = errors.get_by_role("link", name="Runbook")
    expect(runbook).to_have_attribute("href", "https://runbooks.example.org/errors")
    expect(group(page, "DiskSpaceLow").get_by_role("link", name="Runbook")).to_have_attribute(
        "href", "/runbooks/DiskSpaceLow"
    )
    assert too_wide(page) == []
    assert nameless(page) == []


def test_filters_stand_in_the_address_and_survive_a_reload(page: Page, fake: FakeAlerting) -> None:
    page.goto("/alerts")
    groups = page.locator(".alert-group")
    expect(groups).to_have_count(4)
    page.get_by_role("button", name="Quiet 1").click()
    expect(page).to_have_url(re.compile("state=suppressed"))
    expect(groups).to_have_count(1)
    page.get_by_role("button", name="All 5").click()
    page.get_by_label("Severity", exact=True).select_option("warning")
    expect(groups).to_have_count(2)
    page.get_by_role("button", name="mountpoint=/data").click()
    expect(page).to_have_url(re.compile("matcher=mountpoint"))
    expect(groups).to_have_count(1)
    page.reload()
    expect(groups).to_have_count(1)
    page.get_by_role("button", name="Clear").click()
    expect(groups).to_have_count(4)
    page.get_by_role("combobox", name=re.compile("Matcher")).fill("service!=checkout")
    page.keyboard.press("Enter")
    expect(group(page, "HighErrorRate").locator(".alert-row")).to_have_count(1)


def test_a_change_is_seen_without_a_reload(page: Page, fake: FakeAlerting) -> None:
    page.clock.install()
    page.goto("/alerts")
    expect(page.locator(".alert-group")).to_have_count(4)
    fake.managed = [each for each in fake.managed if each["labels"] != OUTSIDE]
    page.clock.run_for(16_000)
    expect(page.locator(".alert-group")).to_have_count(3)


def test_the_keyboard_goes_from_alert_to_alert_and_silences(page: Page, fake: FakeAlerting) -> None:
    page.goto("/alerts")
    expect(page.locator(".alert-row")).to_have_count(5)
    press(page, "j")
    expect(page.locator(".alert-summary").nth(0)).to_be_focused()
    press(page, "j")
    expect(page.locator(".alert-summary").nth(1)).to_be_focused()
    press(page, "s")
    expect(page).to_have_url(re.compile("/alerts/silences/new"))
    expect(page.get_by_label("Value 3")).to_have_value("cart")


def test_an_alert_is_silenced_with_two_clicks_and_a_reason(page: Page, fake: FakeAlerting) -> None:
    page.goto("/alerts")
    page.get_by_role("link", name="Silence HighErrorRate: checkout fails").click()
    expect(page.get_by_text("Present alerts that it keeps quiet")).to_be_visible()
    expect(page.locator(".preview-rows li")).to_have_count(1)
    expect(page.get_by_label("Why")).to_be_focused()
    page.get_by_role("button", name="Silence 1 alert").click()
    expect(page.get_by_text("Say why; others will wonder.")).to_be_visible()
    assert fake.posted == []
    page.get_by_role("button", name="4 hours").click()
    expect(page).to_have_url(re.compile("duration=4h"))
    page.get_by_label("Who you are").fill("carol")
    page.get_by_label("Why").fill("rolling back")
    page.get_by_role("button", name="Silence 1 alert").click()
    expect(page.locator(".silence-row.is-chosen")).to_contain_text("rolling back")
    (posted,) = fake.posted
    assert {each["name"]: each["value"] for each in posted["matchers"]} == ERRORS
    assert (posted["createdBy"], posted["comment"]) == ("carol", "rolling back")
    lasts = datetime.fromisoformat(posted["endsAt"]) - datetime.fromisoformat(posted["startsAt"])
    assert lasts.total_seconds() == pytest.approx(4 * 3600, abs=1)


def test_the_preview_follows_the_matchers(page: Page, fake: FakeAlerting) -> None:
    page.goto('/alerts/silences/new?matcher=alertname%3D"HighErrorRate"&matcher=service%3D~"c.*"')
    rows = page.locator(".preview-rows li")
    expect(rows).to_have_count(2)
    page.get_by_label("Value 2").fill("ca.*")
    expect(rows).to_have_count(1)
    expect(page).to_have_url(re.compile("matcher=service%3D%7E%22ca"))
    page.get_by_label("Value 2").fill("ca(")
    expect(page.get_by_text("Say which alerts: a label and its value.")).to_be_visible()
    page.get_by_role("button", name="Remove matcher 2").click()
    expect(rows).to_have_count(2)
    assert too_wide(page) == []
    assert nameless(page) == []


def test_silences_are_changed_extended_and_ended(page: Page, fake: FakeAlerting) -> None:
    page.goto("/alerts/silences")
    rows = page.locator(".silence-row")
    expect(rows).to_have_count(2)
    load_test = rows.filter(has_text="load test until tonight")
    expect(load_test).to_contain_text("keeps 1 alert quiet")
    load_test.get_by_label("Extend").select_option("by 4 hours")
    expect(load_test).to_contain_text("ends in 4h 49m")
    load_test.get_by_role("link", name="Edit").click()
    expect(page.get_by_label("Value 1")).to_have_value("HighLLMCost")
    page.get_by_label("Why").fill("load test goes on")
    page.get_by_role("button", name="Save").click()
    changed = rows.filter(has_text="load test goes on")
    expect(changed).to_have_count(1)
    assert len({each["id"] for each in fake.posted}) == 1
    changed.get_by_role("button", name="Expire").click()
    changed.get_by_role("button", name="End it now?").click()
    page.get_by_role("button", name="Expired 2").click()
    expect(rows).to_have_count(2)
    expect(rows.filter(has_text="new disk").get_by_role("link", name="Again")).to_have_attribute(
        "href", re.compile("matcher=instance%3D%7E%22db-2")
    )
    assert too_wide(page) == []


def test_what_the_server_refuses_is_said_in_its_words(page: Page, fake: FakeAlerting) -> None:
    message = "Failed to create silence: end time can't be in the past"

    def refuse(route: Route) -> None:
        if route.request.method == "POST":
            route.fulfill(status=400, json=message)
        else:
            route.fallback()

    page.route("**/alertmanager/api/v2/silences", refuse)
    page.goto("/alerts/silences")
    page.locator(".silence-row").first.get_by_label("Extend").select_option("by 1 hour")
    expect(page.get_by_text(message)).to_be_visible()


def test_an_alert_tells_its_value_its_labels_and_who_was_told(page: Page, fake: FakeAlerting) -> None:
    page.goto("/alerts")
    page.get_by_role("link", name="checkout fails in 12.7 % of its requests", exact=True).click()
    expect(page).to_have_url(re.compile(f"/alerts/{fingerprint(ERRORS)}"))
    expect(page.get_by_role("heading", name="checkout fails in 12.7 %")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("threshold > 0.05"))).to_be_visible()
    link = page.get_by_role("link", name="https://wiki.example.org/checkout")
    expect(link).to_have_attribute("rel", "noreferrer")
    told = page.get_by_role("region", name="Who was told")
    expect(told.locator("tbody tr")).to_have_count(2)
    expect(told).to_contain_text("on-call pagerduty")
    active = page.get_by_role("region", name="When it was active")
    expect(active.locator("tbody tr")).to_have_count(3)
    expect(active).to_contain_text("goes on")
    assert too_wide(page) == []
    assert nameless(page) == []


def test_an_alert_is_taken_and_given_back(page: Page, fake: FakeAlerting) -> None:
    page.goto(f'/alerts/{fingerprint(ERRORS)}?matcher=alertname%3D"HighErrorRate"')
    page.get_by_label("Who you are").fill("carol")
    page.get_by_label("Comment on the acknowledgement").fill("on it")
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.locator(".acknowledged")).to_contain_text("carol has it since just now: on it")
    page.get_by_role("button", name="Withdraw").click()
    expect(page.get_by_role("button", name="Acknowledge")).to_be_visible()


def test_an_alert_that_is_over_is_told_of_by_the_labels_in_its_address(page: Page, fake: FakeAlerting) -> None:
    page.goto('/alerts/0000000000000000?matcher=alertname%3D"ServiceDown"&matcher=job%3D"shop"')
    expect(page.get_by_text("not active now")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("up over time, threshold == 0"))).to_be_visible()
    expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)
    page.goto("/alerts/0000000000000000")
    expect(page.get_by_role("heading", name="This alert is over, or never was")).to_be_visible()


def test_history_tells_how_long_alerts_fired(page: Page, fake: FakeAlerting) -> None:
    page.goto("/alerts/history")
    rows = page.locator(".firing-table tbody tr")
    expect(rows).to_have_count(4)
    expect(rows.nth(0)).to_contain_text(re.compile("service=cart.*goes on"))
    expect(rows.nth(2)).to_contain_text(re.compile(r"9m 45s|10m 00s"))
    expect(rows.nth(3)).to_contain_text("before")
    assert too_wide(page) == []
    page.set_viewport_size({"width": 1280, "height": 800})
    rows.nth(2).get_by_role("link", name="HighErrorRate").click()
    expect(page).to_have_url(re.compile(r"/alerts/[0-9a-f]{16}\?start=\d+&end=\d+|start=\d+"))


def test_notifications_are_filtered_and_come_in_pages(page: Page, fake: FakeAlerting) -> None:
    page.goto("/alerts/notifications")
    rows = page.locator(".told-table tbody tr")
    expect(rows).to_have_count(10)
    page.get_by_role("button", name="Load older ones").click()
    expect(rows).to_have_count(12)
    page.get_by_role("button", name="Failed").click()
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("500 Internal Server Error: try again later")
    expect(rows.first).to_contain_text("attempt 3, tried again")
    page.get_by_role("button", name="Clear").click()
    page.get_by_label("Receiver", exact=True).select_option("on-call")
    expect(page).to_have_url(re.compile("receiver=on-call"))
    expect(rows).to_have_count(2)
    assert too_wide(page) == []
    assert nameless(page) == []


def test_the_first_page_says_how_many_alerts_fire(page: Page, fake: FakeAlerting) -> None:
    page.goto("/")
    line = page.get_by_role("link", name=re.compile("3 alerts fire"))
    expect(line).to_contain_text("HighErrorRate, CertificateExpires")
    line.click()
    expect(page).to_have_url(re.compile("/alerts$"))
    fake.managed = []
    page.goto("/")
    expect(page.get_by_role("heading", name="Services")).to_be_visible()
    expect(page.locator(".firing-line")).to_have_count(0)


def test_without_rules_the_page_says_how_to_begin_and_without_alerts_that_all_is_well(
    page: Page, fake: FakeAlerting
) -> None:
    fake.managed = []
    fake.rules = [each | {"alerts": []} for each in fake.rules]
    page.goto("/alerts")
    expect(page.get_by_role("heading", name="Nothing fires")).to_be_visible()
    fake.rules = []
    page.reload()
    expect(page.get_by_text("packs: [all]")).to_be_visible()
