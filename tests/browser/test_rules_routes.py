"""The tree of routes, the tester that lights the way of an alert, and receivers that can be tried out."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect
from tests.browser.keys import press
from tests.browser.layout import nameless, too_wide
from tests.browser.rules_data import HELD, Fake

pytestmark = pytest.mark.browser


def test_the_tree_is_drawn_in_the_order_in_which_routes_are_asked(page: Page) -> None:
    Fake(page)
    page.goto("/alerts/routes")
    nodes = page.get_by_role("treeitem")
    expect(nodes).to_have_count(6)
    assert [node.get_attribute("aria-level") for node in nodes.all()] == ["1", "2", "3", "3", "2", "2"]
    expect(nodes.first).to_contain_text("every alert")
    expect(nodes.first).to_contain_text("E-mail, Slack")
    expect(nodes.nth(3)).to_contain_text("muted now: nights")
    expect(page.locator(".route-edge")).to_have_count(5)
    expect(page.locator(".inhibition")).to_contain_text("where both have the same alertname, service")
    assert too_wide(page) == []
    assert nameless(page) == []


def test_a_route_is_chosen_by_mouse_or_keys_and_told_in_full(page: Page) -> None:
    Fake(page)
    page.goto("/alerts/routes")
    page.get_by_role("treeitem").nth(3).click()
    facts = page.get_by_label("The chosen route")
    expect(facts).to_contain_text("a_rather_long_label_name")
    expect(facts).to_contain_text("muted by nights")
    expect(page).to_have_url(re.compile("route="))
    press(page, "ArrowLeft")
    expect(facts).to_contain_text("offered to the next route, too")
    press(page, "ArrowRight")
    press(page, "Home")
    expect(facts).to_contain_text("every alert that comes here")
    page.reload()
    expect(facts).to_contain_text("every alert that comes here")


def test_the_way_of_an_alert_is_lit_and_its_receivers_are_told_in_order(page: Page) -> None:
    fake = Fake(page)
    page.goto("/alerts/routes")
    field = page.get_by_label("Labels of an alert: name=value, with commas between")
    field.fill('alertname=Down, team="shop"')
    field.press("Enter")
    expect(page).to_have_url(re.compile("labels=alertname"))
    outcome = page.locator(".tester-outcome")
    expect(outcome).to_contain_text("It goes to pager, then data.")
    expect(outcome).to_contain_text('{}/{team="shop"}/{severity="critical"}:{alertname="Down"} with 3 alerts already')
    assert fake.sent[0] == ("POST", "/routes/test", {"labels": {"alertname": "Down", "team": "shop"}})
    expect(page.locator(".route-node.is-taking")).to_have_count(2)
    expect(page.locator(".route-node.is-lit")).to_have_count(4)
    expect(page.locator(".route-edge.is-lit")).to_have_count(3)
    expect(page.locator(".route-node.is-dim")).to_have_count(2)
    assert too_wide(page) == []
    outcome.get_by_role("link", name="critical").click()
    expect(page.get_by_label("Escalation policy critical")).to_have_class(re.compile("is-chosen"))


def test_what_would_hold_an_alert_back_is_told_and_a_firing_alert_can_be_picked(page: Page) -> None:
    fake = Fake(page)
    fake.test = HELD
    page.goto("/alerts/routes")
    page.get_by_label("Labels of an alert that fires").select_option(index=1)
    outcome = page.locator(".tester-outcome")
    expect(outcome).to_contain_text("It would not be told now: it is silenced and inhibited and in its cooldown.")
    expect(outcome).to_contain_text("by ann: moving the database")
    expect(outcome.get_by_role("link", name="ClusterDown")).to_be_visible()
    expect(outcome).to_contain_text("acknowledged by bob")
    expect(outcome).to_contain_text("No escalation policy is for it.")
    page.get_by_role("button", name="Clear").click()
    expect(outcome).to_have_count(0)


def test_a_text_that_is_no_labels_says_so(page: Page) -> None:
    fake = Fake(page)
    page.goto("/alerts/routes?labels=nonsense")
    expect(page.get_by_text("Write labels as name=value")).to_be_visible()
    assert fake.sent == []


def test_a_test_notification_tells_how_each_integration_took_it(page: Page) -> None:
    fake = Fake(page)
    page.goto("/alerts/routes")
    everybody = page.get_by_role("region", name="Receiver everybody")
    expect(everybody).to_contain_text("12 sent")
    expect(everybody).to_contain_text("HTTP 404: no_service; is the webhook's URL still right?")
    page.get_by_role("button", name="Send a test notification to everybody").click()
    expect(everybody).to_contain_text("E-mail: the test arrived in 310 ms.")
    expect(everybody).to_contain_text("Slack: HTTP 404: no_service")
    everybody.get_by_role("button", name="Send that it has ended").click()
    expect(everybody).to_contain_text("the end of the test arrived")
    assert fake.sent == [
        ("POST", "/receivers/everybody/test", {"status": "firing"}),
        ("POST", "/receivers/everybody/test", {"status": "resolved"}),
    ]
    expect(page.get_by_role("region", name="Receiver nobody").get_by_role("button")).to_have_count(0)


def test_while_nobody_is_told_of_alerts_the_page_says_how_to_begin(page: Page) -> None:
    Fake(page, routes=None)
    page.goto("/alerts/routes")
    expect(page.get_by_role("heading", name="Nobody is told of alerts yet")).to_be_visible()
    expect(page.get_by_text("config_file: alertmanager.yml")).to_be_visible()
