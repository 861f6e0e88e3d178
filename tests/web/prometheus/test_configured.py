"""Targets, rules and the rest that other rooms tell, once they are configured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from sonde.errors import UserError
from sonde.rules.status import Alert, AlertingRule, RecordingRule, RuleGroup
from sonde.telemetry.scrape_target import DroppedTarget, Target, TargetMetadata
from sonde.web.prometheus import Configured

SECOND = 10**9
API = (("instance", "api:80"), ("job", "api"))
WEB = (("instance", "web:80"), ("job", "web"))
ALERT = Alert(
    labels=(("alertname", "Down"), ("job", "api")),
    annotations=(("summary", "api is down"),),
    state="firing",
    active_at_unix_nano=1_700_000_000 * SECOND + SECOND // 2,
    value=0.25,
    keep_firing_since_unix_nano=1_700_000_001 * SECOND,
)


class Scraper:
    def pools(self, tenant: str) -> Sequence[str]:
        return ("web", "api")

    def active(self, tenant: str) -> Sequence[Target]:
        return (
            Target("web", "http://web:80/metrics", (("__address__", "web:80"),), WEB, "down", "connection refused", interval="15s", timeout="10s"),
            Target("api", "http://api:80/metrics", (("__address__", "api:80"),), API, "up", "", 1_700_000_000 * SECOND, 0.5, "15s", "10s"),
        )  # fmt: skip

    def dropped(self, tenant: str) -> Sequence[DroppedTarget]:
        return (DroppedTarget("api", (("__address__", "other:80"),)),)

    def dropped_counts(self, tenant: str) -> Mapping[str, int]:
        return {"web": 0, "api": 7}

    def metadata(self, tenant: str) -> Sequence[TargetMetadata]:
        return (
            TargetMetadata(API, "requests_total", "counter", "Requests.", ""),
            TargetMetadata(WEB, "requests_total", "counter", "Requests.", ""),
            TargetMetadata(WEB, "seconds", "histogram", "Duration.", "s"),
        )


class Manager:
    def groups(self, tenant: str) -> Sequence[RuleGroup]:
        down = AlertingRule(
            name="Down", query="up == 0", labels=(("severity", "page"),), health="ok", state="firing", for_seconds=60,
            keep_firing_for_seconds=5, annotations=ALERT.annotations, alerts=(ALERT,), evaluation_seconds=0.001,
            last_evaluation_unix_nano=1_700_000_000 * SECOND,
        )  # fmt: skip
        rate = RecordingRule(
            name="job:requests:rate5m", query="sum(x)", labels=(("team", "a"),), health="err", last_error="no"
        )
        return (
            RuleGroup("alerts", "rules.yml", (down,), 15, evaluation_seconds=0.5, last_evaluation_unix_nano=SECOND),
            RuleGroup("records", "rules.yml", (rate,), 30, limit=10),
            RuleGroup("both", "other.yml", (down, rate), 60),
        )


class Notified:
    def active(self, tenant: str) -> Sequence[str]:
        return ("http://am:9093/api/v2/alerts",)

    def dropped(self, tenant: str) -> Sequence[str]:
        return ()


@pytest.fixture
async def ask(http: httpx.AsyncClient, app: FastAPI) -> Any:
    async def reload() -> None:
        raise UserError("rules.yml: no such file")

    app.state.prometheus = Configured(
        Scraper(), Manager(), Notified(), lambda: "global: {}\n", reload, {"x": "y"}, retention="400d"
    )

    async def get(path: str, **parameters: Any) -> Any:
        return (await http.get(f"/prometheus/api/v1/{path}", params=parameters)).json()["data"]

    return get


async def test_pools_are_sorted(ask: Any) -> None:
    assert await ask("scrape_pools") == {"scrapePools": ["api", "web"]}


async def test_targets_are_shown_by_pool(ask: Any) -> None:
    found = await ask("targets")

    assert [target["scrapePool"] for target in found["activeTargets"]] == ["api", "web"]
    assert found["activeTargets"][0] == {
        "discoveredLabels": {"__address__": "api:80"},
        "labels": {"instance": "api:80", "job": "api"},
        "scrapePool": "api",
        "scrapeUrl": "http://api:80/metrics",
        "globalUrl": "http://api:80/metrics",
        "lastError": "",
        "lastScrape": "2023-11-14T22:13:20Z",
        "lastScrapeDuration": 0.5,
        "health": "up",
        "scrapeInterval": "15s",
        "scrapeTimeout": "10s",
    }
    assert found["activeTargets"][1]["lastScrape"] == "0001-01-01T00:00:00Z"
    assert found["droppedTargets"] == [{"discoveredLabels": {"__address__": "other:80"}, "scrapePool": "api"}]
    assert found["droppedTargetCounts"] == {"api": 7, "web": 0}


@pytest.mark.parametrize(
    ("parameters", "active", "dropped"),
    [
        ({"state": "active"}, 2, 0),
        ({"state": "Dropped"}, 0, 1),
        ({"scrapePool": "web"}, 1, 0),
        ({"state": "any"}, 2, 1),
    ],
)
async def test_targets_may_be_chosen(ask: Any, parameters: dict[str, str], active: int, dropped: int) -> None:
    found = await ask("targets", **parameters)

    assert (len(found["activeTargets"]), len(found["droppedTargets"])) == (active, dropped)


@pytest.mark.parametrize(
    ("parameters", "metrics"),
    [
        ({}, ["requests_total", "requests_total", "seconds"]),
        ({"match_target": '{job="web"}'}, ["requests_total", "seconds"]),
        ({"limit": "1"}, ["requests_total"]),
        ({"metric": "seconds"}, [None]),
    ],
)
async def test_metadata_of_targets_may_be_chosen(ask: Any, parameters: dict[str, str], metrics: list[str]) -> None:
    found = await ask("targets/metadata", **parameters)

    assert [metadata.get("metric") for metadata in found] == metrics


async def test_rules_have_their_alerts(ask: Any) -> None:
    found = await ask("rules")

    assert [group["name"] for group in found["groups"]] == ["alerts", "records", "both"]
    assert found["groups"][0] == {
        "name": "alerts",
        "file": "rules.yml",
        "rules": [
            {
                "state": "firing",
                "name": "Down",
                "query": "up == 0",
                "duration": 60,
                "keepFiringFor": 5,
                "labels": {"severity": "page"},
                "annotations": {"summary": "api is down"},
                "alerts": [
                    {
                        "labels": {"alertname": "Down", "job": "api"},
                        "annotations": {"summary": "api is down"},
                        "state": "firing",
                        "activeAt": "2023-11-14T22:13:20.5Z",
                        "keepFiringSince": "2023-11-14T22:13:21Z",
                        "value": "2.5e-01",
                    }
                ],
                "health": "ok",
                "evaluationTime": 0.001,
                "lastEvaluation": "2023-11-14T22:13:20Z",
                "type": "alerting",
            }
        ],
        "interval": 15,
        "limit": 0,
        "evaluationTime": 0.5,
        "lastEvaluation": "1970-01-01T00:00:01Z",
    }
    assert found["groups"][1]["rules"] == [
        {
            "name": "job:requests:rate5m",
            "query": "sum(x)",
            "labels": {"team": "a"},
            "health": "err",
            "lastError": "no",
            "evaluationTime": 0,
            "lastEvaluation": "0001-01-01T00:00:00Z",
            "type": "recording",
        }
    ]


@pytest.mark.parametrize(
    ("parameters", "rules"),
    [
        ({"type": "alert"}, {"alerts": 1, "both": 1}),
        ({"type": "record"}, {"records": 1, "both": 1}),
        ({"rule_group[]": ["records", "both"]}, {"records": 1, "both": 2}),
        ({"rule_name[]": "Down"}, {"alerts": 1, "both": 1}),
        ({"file[]": "other.yml"}, {"both": 2}),
        ({"match[]": '{team="a"}'}, {"records": 1, "both": 1}),
        ({"match[]": ['{team="a"}', '{severity="page"}']}, {"alerts": 1, "records": 1, "both": 2}),
        ({"match[]": '{team="b"}'}, {}),
    ],
)
async def test_rules_may_be_chosen(ask: Any, parameters: dict[str, Any], rules: dict[str, int]) -> None:
    found = await ask("rules", **parameters)

    assert {group["name"]: len(group["rules"]) for group in found["groups"]} == rules


async def test_alerts_may_be_left_out(ask: Any) -> None:
    found = await ask("rules", exclude_alerts="true", type="alert")

    assert [rule["alerts"] for group in found["groups"] for rule in group["rules"]] == [None, None]


async def test_rules_come_in_pages(ask: Any, http: httpx.AsyncClient) -> None:
    first = await ask("rules", group_limit=2)
    second = await ask("rules", group_limit=2, group_next_token=first["groupNextToken"])
    lost = await http.get("/prometheus/api/v1/rules", params={"group_limit": 2, "group_next_token": "gone"})

    assert [group["name"] for group in first["groups"]] == ["alerts", "records"]
    assert [group["name"] for group in second["groups"]] == ["both"]
    assert "groupNextToken" not in second
    assert lost.json()["error"].endswith("invalid group_next_token 'gone'. were rule groups changed?")


async def test_all_alerts_stand_in_one_list(ask: Any) -> None:
    assert [alert["labels"]["alertname"] for alert in (await ask("alerts"))["alerts"]] == ["Down", "Down"]


async def test_alertmanagers_are_named(ask: Any) -> None:
    assert await ask("alertmanagers") == {
        "activeAlertmanagers": [{"url": "http://am:9093/api/v2/alerts"}],
        "droppedAlertmanagers": [],
    }


async def test_status_tells_the_configuration(ask: Any) -> None:
    assert await ask("status/config") == {"yaml": "global: {}\n"}
    assert (await ask("status/flags"))["x"] == "y"
    assert (await ask("status/flags"))["web.enable-lifecycle"] == "true"
    assert (await ask("status/runtimeinfo"))["storageRetention"] == "400d"


async def test_a_reload_that_fails_says_why(ask: Any, http: httpx.AsyncClient) -> None:
    answer = await http.put("/prometheus/-/reload")

    assert (answer.status_code, answer.text) == (
        500,
        "failed to reload config: rules.yml: no such file [bad_request]\n",
    )
