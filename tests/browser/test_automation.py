"""What is done by itself: responses with their runs, watchdogs with their state, the digest with its preview."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect
from tests.browser.automation_data import NOTHING, Fake
from tests.browser.keys import press
from tests.browser.layout import nameless, too_wide

pytestmark = pytest.mark.browser


def test_each_response_tells_what_it_does_and_how_its_last_runs_went(page: Page) -> None:
    Fake(page)
    page.goto("/alerts/automation?run=r1&preview=1")
    restart = page.get_by_role("region", name="Response restart-worker")
    expect(page.get_by_role("region", name="Week in review")).to_be_visible()
    expect(restart).to_contain_text('runs /usr/local/bin/restart "{{ .Labels.instance }}"')
    expect(restart).to_contain_text("at most 3 in 1h, killed after 30s")
    runs = restart.get_by_role("list", name="Runs of restart-worker").get_by_role("listitem")
    expect(runs.locator(".state")).to_have_text(["running", "failed", "ok"])
    expect(runs.nth(1)).to_contain_text("in 1.20 s")
    expect(runs.nth(1)).to_contain_text("exit status 3")
    expect(runs.nth(1).get_by_role("link", name="WorkerStuck")).to_have_attribute(
        "href", re.compile("^/alerts/00000000000000ab")
    )
    expect(runs.nth(2)).to_contain_text("and 1 more")
    ticket = page.get_by_role("region", name="Response open-ticket")
    expect(ticket).to_contain_text("calls tickets.example.org:8443")
    expect(ticket).to_contain_text("Nobody knows whether it was done; it is not repeated.")
    lost = page.get_by_role("region", name="Response page-nobody")
    expect(lost).to_contain_text("calls nobody: read url_file: /etc/sonde/hook: No such file or directory")
    expect(lost).to_contain_text("It has not run within the last seven days.")
    assert too_wide(page) == []
    assert nameless(page) == []


def test_older_runs_and_an_output_are_in_the_address(page: Page) -> None:
    Fake(page)
    page.goto("/alerts/automation")
    restart = page.get_by_role("region", name="Response restart-worker")
    restart.get_by_role("button", name="17 older").press("Enter")
    expect(restart.get_by_role("listitem")).to_have_count(20)
    expect(restart).to_contain_text("and 7 older ones, in the audit log")
    expect(page).to_have_url(re.compile(r"\?response=restart-worker$"))
    restart.get_by_role("button", name=re.compile("Show the output of the run for WorkerStuck")).press("Enter")
    output = page.get_by_role("region", name=re.compile("Output of the run for WorkerStuck"))
    expect(output).to_contain_text("line 39: no such unit")
    expect(page.get_by_text("The beginning is left out.")).to_be_visible()
    page.reload()
    expect(output).to_be_visible()
    page.go_back()
    expect(output).to_have_count(0)
    expect(restart.get_by_role("listitem")).to_have_count(20)
    page.go_back()
    expect(restart.get_by_role("listitem")).to_have_count(3)


def test_each_watchdog_has_a_state_and_says_why(page: Page) -> None:
    Fake(page)
    page.goto("/alerts/automation")
    ours = page.get_by_role("region", name="Who watches Sonde").get_by_role("listitem")
    expect(ours.locator(".state")).to_have_text(["fine", "not pinging", "failing"])
    expect(ours.nth(0)).to_contain_text("calls hc.example.org every 1m")
    expect(ours.nth(1)).to_contain_text("because rules: no evaluation of a rule for 400 s. The last call arrived 6 min")
    expect(ours.nth(2)).to_contain_text("answered 500. No call has arrived since Sonde began.")
    theirs = page.get_by_role("region", name="What must come to Sonde").get_by_role("listitem")
    expect(theirs.locator(".state")).to_have_text(["fine", "missing", "waiting"])
    expect(theirs.nth(0)).to_contain_text("a heartbeat, POST /api/v1/heartbeat/mail-import, within 10m")
    expect(theirs.nth(1)).to_contain_text("since 3 h ago. It last came 1 d ago.")
    expect(theirs.nth(1)).to_contain_text("within 1d2h; else MissingNightlyBackup fires, and ops, team are told")
    missing = theirs.nth(1).get_by_role("link", name="MissingNightlyBackup")
    expect(missing).to_have_attribute("href", re.compile("^/alerts/[0-9a-f]{16}"))
    expect(theirs.nth(2)).to_contain_text("It never came so far, and is missing in 7 min")


def test_the_digest_tells_its_time_and_is_previewed_in_a_panel_of_its_own(page: Page) -> None:
    Fake(page)
    page.goto("/alerts/automation")
    digest = page.get_by_role("region", name="Weekly digest")
    expect(digest).to_contain_text("in 2 d each Monday 08:00, Europe/Berlin")
    expect(digest).to_contain_text("team, ops")
    sent = digest.get_by_role("listitem")
    expect(sent.nth(0)).to_contain_text(re.compile("ops slack failed HTTP 404: no_service given up"))
    expect(sent.nth(1)).to_contain_text("team email arrived")
    digest.get_by_role("link", name="What it would say now").click()
    expect(page).to_have_url(re.compile(r"\?preview=1$"))
    text = page.get_by_role("region", name="Week in review: Mon 16 Mar to Mon 23 Mar 2026")
    expect(text).to_be_in_viewport()
    expect(text).to_contain_text("mailer   900           0 %")
    page.get_by_role("link", name="Close").click()
    expect(text).to_have_count(0)


def test_while_nothing_happens_by_itself_the_page_says_how_to_begin(page: Page) -> None:
    Fake(page, **NOTHING)
    page.goto("/alerts/automation")
    expect(page.get_by_role("heading", name="Nothing happens by itself yet")).to_be_visible()
    for text in ("allowed_commands:", "watchdogs:", "digest: {at:", "response_file: response.yml"):
        expect(page.locator("pre", has_text=text)).to_be_visible()
    assert too_wide(page) == []


def test_one_part_that_is_missing_says_how_to_begin_and_one_that_fails_leaves_the_others(page: Page) -> None:
    Fake(page, responses=[], watchdogs=500, digest=None)
    page.goto("/alerts/automation")
    expect(page.get_by_role("region", name="Automated responses")).to_contain_text("name: restart-worker")
    expect(page.get_by_role("alert")).to_contain_text("no watchdogs can be told")
    expect(page.get_by_role("region", name="Weekly digest")).to_contain_text("digest: {at:")


def test_the_palette_and_the_head_of_the_alerts_pages_lead_there(page: Page) -> None:
    Fake(page)
    page.goto("/alerts/on-call")
    page.get_by_role("navigation", name="Pages about alerts").get_by_role("link", name="Automation").click()
    expect(page).to_have_url(re.compile("/alerts/automation$"))
    expect(page).to_have_title("Automation · Sonde")
    press(page, "Control+k")
    page.keyboard.type("automation")
    press(page, "Enter")
    expect(page).to_have_url(re.compile("/alerts/automation$"))
