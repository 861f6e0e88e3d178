"""The tree of routes as it is shown, and where an alert would go; a test says what a pipeline then does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.notify.simulation import SECOND, START
from tests.web.alerting import Story

from sonde.notify.matchers import parse_matchers
from sonde.notify.response.escalation import EscalationPolicy, Step, Target
from sonde.notify.response.plan import ResponsePlan
from sonde.notify.silence import Silence
from sonde.web.api import routing

TEXT = """
global: {slack_api_url: https://hooks.example.org/services/T0/SECRET}
route:
  receiver: everybody
  group_by: [alertname]
  routes:
    - matchers: [team="shop"]
      receiver: shop
      group_by: [service]
      group_wait: 5s
      continue: true
      routes:
        - {matchers: [severity="critical"], receiver: pager, mute_time_intervals: [new-year]}
    - {matchers: [team=~"shop|ops"], receiver: ops, group_by: ['...'], active_time_intervals: [nights]}
inhibit_rules:
  - {source_matchers: [severity="critical"], target_matchers: [severity="warning"], equal: [service]}
time_intervals:
  - {name: new-year, time_intervals: [{months: [january], days_of_month: ['1']}]}
  - {name: nights, time_intervals: [{times: [{start_time: "00:00", end_time: "06:00"}]}]}
receivers:
  - {name: everybody, slack_configs: [{channel: '#all'}], webhook_configs: [{url: https://x.example.org/SECRET}]}
  - {name: shop, slack_configs: [{channel: '#shop'}]}
  - {name: pager, pagerduty_configs: [{routing_key: SECRET}]}
  - {name: ops}
"""


async def asked(story: Story, labels: dict[str, str]) -> Any:
    async with story.client(routing.routes) as client:
        answer = await client.post("/routes/test", json={"labels": labels})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_tree_is_told_with_its_timings_and_with_what_mutes_it_now() -> None:
    story = Story(TEXT)
    story.fire(alertname="Slow", team="shop", service="cart")
    async with story.client(routing.routes) as client:
        answer = await client.get("/routes")
    told = answer.json()
    shop, ops = told["route"]["routes"]
    (pager,) = shop["routes"]
    assert (told["route"]["matchers"], told["route"]["receiver"], told["route"]["group_by"]) == (
        [],
        "everybody",
        ["alertname"],
    )
    assert (shop["matchers"], shop["group_wait_seconds"], shop["continue"], shop["firing"]) == (
        ['team="shop"'],
        5,
        True,
        1,
    )
    assert (pager["group_by"], pager["muted_by"]) == (["service"], ["new-year"])
    assert (ops["group_by"], ops["muted_by"], ops["firing"]) == (["..."], ["nights"], 1)
    assert ops["active_time_intervals"] == [{"name": "nights", "is_active": False}]
    assert told["time_intervals"] == [{"name": "new-year", "is_active": True}, {"name": "nights", "is_active": False}]
    assert told["inhibit_rules"] == [
        {"sources": ['severity="critical"'], "targets": ['severity="warning"'], "equal": ["service"]}
    ]
    assert told["receivers"][0] == {"name": "everybody", "kinds": ["webhook", "slack"]}
    assert "SECRET" not in answer.text


@pytest.mark.parametrize(
    ("labels", "went"),
    [
        ({"alertname": "A"}, [("default-route", "everybody", '{}:{alertname="A"}', [])]),
        (
            {"alertname": "A", "team": "shop", "service": "cart"},
            [
                ('default-route > {team="shop"}', "shop", '{}/{team="shop"}:{service="cart"}', []),
                (
                    'default-route > {team=~"shop|ops"}',
                    "ops",
                    '{}/{team=~"shop|ops"}:{alertname="A", service="cart", team="shop"}',
                    ["nights"],
                ),
            ],
        ),
        (
            {"team": "shop", "severity": "critical", "empty": ""},
            [
                (
                    'default-route > {team="shop"} > {severity="critical"}',
                    "pager",
                    '{}/{team="shop"}/{severity="critical"}:{}',
                    ["new-year"],
                ),
                (
                    'default-route > {team=~"shop|ops"}',
                    "ops",
                    '{}/{team=~"shop|ops"}:{severity="critical", team="shop"}',
                    ["nights"],
                ),
            ],
        ),
    ],
)
async def test_an_alert_goes_to_every_route_that_takes_it_in_order(
    labels: dict[str, str], went: list[tuple[str, str, str, list[str]]]
) -> None:
    told = await asked(Story(TEXT), labels)
    assert [(each["path_text"], each["receiver"], each["group_key"], each["muted_by"]) for each in told["routes"]] == (
        went
    )
    assert [each["path"][-1] == each["id"] for each in told["routes"]] == [True] * len(went)
    assert (told["silenced_by"], told["inhibited_by"], told["escalation"]) == ([], [], None)


async def test_what_would_hold_an_alert_back_is_told_with_its_reasons() -> None:
    story = Story(TEXT)
    story.fire(alertname="Down", severity="critical", service="cart")
    day = START + 3600 * SECOND
    for matchers, ends_at in (('service="cart"', day), ('service="cart"', START), ("service=other", day)):
        silence = Silence(parse_matchers(matchers), START - SECOND, ends_at, "bob", "we know")
        story.pipeline.silences._set(replace(silence, id=f"id-{len(list(story.pipeline.silences))}"))
    told = await asked(story, {"alertname": "Slow", "severity": "warning", "service": "cart"})
    assert [(each["id"], each["comment"], each["created_by"]) for each in told["silenced_by"]] == [
        ("id-0", "we know", "bob")
    ]
    assert told["silenced_by"][0]["ends_at"] == "2026-01-01T11:00:00.000Z"
    assert [each["labels"]["alertname"] for each in told["inhibited_by"]] == ["Down"]


async def test_an_alert_says_how_many_it_would_join() -> None:
    story = Story(TEXT)
    for pod in "ab":
        story.fire(alertname="Down", pod=pod)
    told = await asked(story, {"alertname": "Down", "pod": "c"})
    assert [each["group_alerts"] for each in told["routes"]] == [2]


async def test_the_escalation_policy_is_the_first_that_fits_the_labels() -> None:
    step = Step(0, (Target("person", "ann"),))
    policies = [
        EscalationPolicy(name, parse_matchers(matchers), (step,)) for name, matchers in (("grave", "a=b"), ("all", ""))
    ]
    story = Story(TEXT, plan=ResponsePlan(escalations=tuple(policies)))
    assert [(await asked(story, {"a": value}))["escalation"] for value in "bc"] == ["grave", "all"]


async def test_an_alert_that_somebody_takes_care_of_says_who() -> None:
    story = Story(TEXT)
    story.fire(alertname="Down")
    (alert,) = story.pipeline.alerts(START)
    story.pipeline.acknowledge(alert.fingerprint, "bob", "", START, 0)
    told = await asked(story, {"alertname": "Down"})
    assert (told["acknowledged_by"], told["in_cooldown"]) == ("bob", False)


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"labels": {"a": ""}}, 400, "at least one label pair required"),
        ({"labels": {"": "b"}}, 400, "invalid label set: invalid name"),
        ({"labels": {}}, 400, "labels"),
        ({"labels": {f"l{n}": "x" for n in range(201)}}, 400, "labels"),
        ({}, 400, "labels"),
    ],
)
async def test_labels_that_no_alert_can_have_are_refused(body: Any, status: int, message: str) -> None:
    story = Story(TEXT)
    async with story.client(routing.routes) as client:
        answer = await client.post("/routes/test", json=body)
    assert (answer.status_code, message in answer.text) == (status, True), answer.text


async def test_where_nobody_is_told_of_alerts_that_is_said() -> None:
    async with Story(TEXT).client(routing.routes, alertmanager=None) as client:
        answer = await client.get("/routes")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "alerting.not_configured")
