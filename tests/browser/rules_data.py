"""Rules, routes, receivers, objectives and rotations as the server tells them; times are around ``NOW``."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime
from typing import Any

from playwright.sync_api import Page, Route

NOW = time.time()
DAY = 86_400
Json = dict[str, Any]


def moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def alerting(name: str, query: str, state: str, *, alerts: list[Json] | None = None, **others: Any) -> Json:
    """An alerting rule as Prometheus' API tells it."""
    return {
        "type": "alerting",
        "name": name,
        "query": query,
        "state": state,
        "duration": 300,
        "keepFiringFor": 0,
        "labels": {"severity": "critical"},
        "annotations": {"summary": f"{name} on {{{{ $labels.instance }}}}"},
        "alerts": alerts or [],
        "health": "ok",
        "evaluationTime": 0.0042,
        "lastEvaluation": moment(NOW - 12),
        **others,
    }


def alert(name: str, state: str, **labels: str) -> Json:
    return {
        "labels": {"alertname": name, "severity": "critical", **labels},
        "annotations": {},
        "state": state,
        "activeAt": moment(NOW - 700),
        "value": "1.25e+00",
    }


FAILED = 'bad_data: 1:5: parse error: unexpected identifier "b"'
GROUPS: list[Json] = [
    {
        "name": "web",
        "file": "rules/web.yml",
        "interval": 30,
        "limit": 0,
        "evaluationTime": 0.0121,
        "lastEvaluation": moment(NOW - 12),
        "rules": [
            alerting(
                "ServiceDown",
                'up{job=~"shop|cart"} == 0',
                "firing",
                alerts=[
                    alert("ServiceDown", "firing", instance="10.0.1.1:8000", job="shop"),
                    alert("ServiceDown", "pending", instance="10.0.1.2:8000", job="cart"),
                ],
                annotations={
                    "summary": "A service is down",
                    "runbook_url": "https://runbooks.example.org/ServiceDown",
                },
            ),
            alerting(
                "HighLatencyP95",
                "histogram_quantile(0.95, sum by (le, service) (rate(http_request_duration_seconds_bucket[5m]))) > 0.5",
                "pending",
                labels={"severity": "warning", "team": "shop"},
                alerts=[alert("HighLatencyP95", "pending", service="cart")],
            ),
            alerting("HighErrorRate", "job:errors:ratio5m > 0.05", "inactive", keepFiringFor=600, duration=0),
            {
                "type": "recording",
                "name": "job:errors:ratio5m",
                "query": "sum by (job) (rate(errors_total[5m])) / sum by (job) (rate(requests_total[5m]))",
                "labels": {},
                "health": "ok",
                "evaluationTime": 0.0009,
                "lastEvaluation": moment(NOW - 12),
            },
        ],
    },
    {
        "name": "capacity",
        "file": "rules/host.yml",
        "interval": 60,
        "limit": 20,
        "evaluationTime": 54.0,
        "lastEvaluation": moment(NOW - 50),
        "rules": [
            alerting("DiskFull", "a b", "unknown", health="err", lastError=FAILED),
            alerting(
                "HighMemory",
                "node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes < 0.1",
                "unknown",
                health="unknown",
                lastEvaluation="0001-01-01T00:00:00Z",
            ),
        ],
    },
]
MISSED = {
    "resultType": "vector",
    "result": [{"metric": {"rule_group": "rules/host.yml;capacity"}, "value": [NOW, "3.01"]}],
}


def route(identifier: str, receiver: str, *matchers: str, **others: Any) -> Json:
    return {
        "id": identifier,
        "matchers": list(matchers),
        "receiver": receiver,
        "continue": False,
        "group_by": ["alertname", "service"],
        "group_wait_seconds": 30,
        "group_interval_seconds": 300,
        "repeat_interval_seconds": 14_400,
        "mute_time_intervals": [],
        "active_time_intervals": [],
        "muted_by": [],
        "firing": 0,
        "routes": [],
        **others,
    }


ROUTES: Json = {
    "route": route(
        "{}",
        "everybody",
        firing=2,
        routes=[
            route(
                "{}/shop/0",
                "shop-team",
                'team="shop"',
                **{"continue": True},
                routes=[
                    route("{}/shop/0/critical/0", "pager", 'severity="critical"', firing=3, group_wait_seconds=5),
                    route(
                        "{}/shop/0/warning/1",
                        "shop-team",
                        'severity=~"warning|info"',
                        'environment!="production"',
                        'a_rather_long_label_name="with a value that does not fit into any box that one would draw"',
                        'zone="eu-1"',
                        mute_time_intervals=[{"name": "nights", "is_active": True}],
                        muted_by=["nights"],
                    ),
                ],
            ),
            route("{}/data/1", "data", 'team=~"data|ml"', group_by=["..."]),
            route(
                "{}/quiet/2",
                "nobody",
                'severity="none"',
                group_by=[],
                active_time_intervals=[{"name": "office", "is_active": False}],
                muted_by=["office"],
            ),
        ],
    ),
    "receivers": [
        {"name": "everybody", "kinds": ["email", "slack"]},
        {"name": "shop-team", "kinds": ["slack", "slack"]},
        {"name": "pager", "kinds": ["pagerduty"]},
        {"name": "data", "kinds": ["telegram"]},
        {"name": "nobody", "kinds": []},
    ],
    "inhibit_rules": [
        {
            "sources": ['severity="critical"'],
            "targets": ['severity=~"warning|info"'],
            "equal": ["alertname", "service"],
        }
    ],
    "time_intervals": [{"name": "nights", "is_active": True}, {"name": "office", "is_active": False}],
}


def integration(receiver: str, kind: str, index: int = 0, **others: Any) -> Json:
    return {
        "key": f"{receiver}/{kind}/{index}",
        "kind": kind,
        "where": "",
        "send_resolved": True,
        "sent": 0,
        "failed": 0,
        "attempts": 0,
        "last_attempt_at": None,
        "last_duration_seconds": None,
        "last_error": "",
        **others,
    }


RECEIVERS: list[Json] = [
    {
        "name": "everybody",
        "integrations": [
            integration(
                "everybody",
                "email",
                where="team@example.org",
                sent=12,
                attempts=14,
                last_attempt_at=moment(NOW - 340),
                last_duration_seconds=0.42,
            ),
            integration(
                "everybody",
                "slack",
                where="#alerts",
                sent=9,
                failed=2,
                attempts=20,
                last_attempt_at=moment(NOW - 65),
                last_duration_seconds=10.0,
                last_error="HTTP 404: no_service; is the webhook's URL still right?",
            ),
        ],
    },
    {"name": "pager", "integrations": [integration("pager", "pagerduty", send_resolved=False)]},
    {"name": "nobody", "integrations": []},
]


def taken(identifier: str, receiver: str, path: list[str], **others: Any) -> Json:
    return {
        "id": identifier,
        "path": path,
        "path_text": 'default-route > {team="shop"} > {severity="critical"}',
        "receiver": receiver,
        "kinds": ["pagerduty"],
        "group_labels": {"alertname": "Down"},
        "group_key": '{}/{team="shop"}/{severity="critical"}:{alertname="Down"}',
        "group_alerts": 3,
        "group_wait_seconds": 5,
        "group_interval_seconds": 300,
        "repeat_interval_seconds": 14_400,
        "muted_by": [],
        **others,
    }


TEST: Json = {
    "labels": {"alertname": "Down", "team": "shop", "severity": "critical"},
    "fingerprint": "00000000000000ab",
    "routes": [
        taken("{}/shop/0/critical/0", "pager", ["{}", "{}/shop/0", "{}/shop/0/critical/0"]),
        taken(
            "{}/data/1",
            "data",
            ["{}", "{}/data/1"],
            path_text='default-route > {team=~"data|ml"}',
            kinds=["telegram"],
            group_key='{}/{team=~"data|ml"}:{}',
            group_alerts=0,
        ),
    ],
    "silenced_by": [],
    "inhibited_by": [],
    "acknowledged_by": None,
    "in_cooldown": False,
    "escalation": "critical",
}
HELD: Json = {
    **TEST,
    "silenced_by": [
        {
            "id": "6d1ec9f6-6a5c-4e0f-9c2c-000000000001",
            "matchers": ['team="shop"'],
            "comment": "moving the database",
            "created_by": "ann",
            "ends_at": moment(NOW + 3600),
        }
    ],
    "inhibited_by": [{"fingerprint": "00000000000000cd", "labels": {"alertname": "ClusterDown", "service": "shop"}}],
    "acknowledged_by": "bob",
    "in_cooldown": True,
    "escalation": None,
}
FIRING: list[Json] = [
    {
        "fingerprint": "00000000000000ab",
        "labels": {"alertname": "Down", "team": "shop", "severity": "critical"},
        "annotations": {},
        "startsAt": moment(NOW - 60),
        "endsAt": moment(NOW + 60),
        "updatedAt": moment(NOW),
        "receivers": [{"name": "pager"}],
        "status": {"state": "active", "silencedBy": [], "inhibitedBy": []},
    }
]


def burn(factor: float, long: str, short: str, now: float | None, state: str, severity: str) -> Json:
    return {
        "severity": severity,
        "name": "",
        "factor": factor,
        "long_window": long,
        "long": now,
        "short_window": short,
        "short": None if now is None else now * 1.2,
        "state": state,
    }


def slo(name: str, service: str, left: float | None, burning: float | None, **others: Any) -> Json:
    objective = others.pop("objective", 0.999)
    events = None if left is None else 1_200_000.0
    errors = None if left is None or events is None else (1 - left) * (1 - objective) * events
    fires = burning is not None and burning > 6
    return {
        "name": name,
        "service": service,
        "description": "Requests that are answered without a 5xx status",
        "labels": {},
        "objective": objective,
        "window": {"days": 30, "calendar": None, "start_seconds": NOW - 30 * DAY},
        "indicator": {
            "errors": f'sum(rate(http_requests_total{{job="{service}", code=~"5.."}}[5m]))',
            "events": f'sum(rate(http_requests_total{{job="{service}"}}[5m]))',
        },
        "events": events,
        "errors": errors,
        "good": None if errors is None or events is None else 1 - errors / events,
        "good_now": None if burning is None else 1 - burning * (1 - objective),
        "budget_left": left,
        "errors_left": None if left is None or events is None else left * (1 - objective) * events,
        "burn_now": burning,
        "exhausted_in_seconds": None if not burning or left is None or left <= 0 else left * 30 * DAY / burning,
        "burn_rates": [
            burn(14.4, "1h", "5m", burning, "inactive", "critical"),
            burn(6, "6h", "30m", burning, "firing" if fires else "inactive", "critical"),
            burn(3, "1d", "2h", None if burning is None else burning / 4, "inactive", "warning"),
            burn(1, "3d", "6h", None if burning is None else burning / 9, "unknown", "warning"),
        ],
        "alerts": [
            {
                "name": "SLOErrorBudgetExhausted",
                "severity": "warning",
                "state": "firing" if left is not None and left <= 0 else "inactive",
                "budget_below": "",
            }
        ],
        "policies": [
            {"below": 0.25, "action": "only fixes are released", "severity": "warning"},
            {"below": 0, "action": "nothing is released", "severity": "critical"},
        ],
        **others,
    }


SLOS: list[Json] = [
    slo("availability", "storefront", 0.72, 0.4),
    slo("availability", "backend-api", 0.18, 9.5),
    slo("latency", "backend-api", -0.35, 1.3, objective=0.95),
    slo("freshness", "worker", None, None, description=""),
]


def burn_down(found: Json, points: int = 180) -> Json:
    """How the budget went from all to what is left, with a bad day and an hour without data."""
    left = found["budget_left"]
    start = NOW - 30 * DAY
    times = [start + place * 30 * DAY / (points - 1) for place in range(points)]
    nothing = [None] * points
    if left is None:
        return {
            "times": times,
            "step_seconds": 14_400,
            "budget_left": nothing,
            "error_ratio": nothing,
            "events": nothing,
        }
    shape = [1 - (1 - left) / (1 + math.exp(-(place - points * 0.7) / 8)) for place in range(points)]
    ratio = [(1 - found["objective"]) * (0.4 + (6 if 120 < place < 130 else 0)) for place in range(points)]
    gap = range(60, 66)
    return {
        "times": times,
        "step_seconds": 14_400,
        "budget_left": [None if place in gap else value for place, value in enumerate(shape)],
        "error_ratio": [None if place in gap else value for place, value in enumerate(ratio)],
        "events": [None if place in gap else 40_000.0 for place in range(points)],
    }


def turn(person: str, since: float, until: float, **others: Any) -> Json:
    return {"person": person, "since": moment(since), "until": moment(until), "is_override": False, **others}


ON_CALL: Json = {
    "rotations": [
        {
            "name": "primary",
            "time_zone": "Europe/Berlin",
            "handoff": "Monday 09:00",
            "now": turn("alice", NOW - 3 * DAY, NOW + 2 * DAY),
            "upcoming": [
                turn("carol", NOW + 2 * DAY, NOW + 2.6 * DAY, is_override=True),
                turn("alice", NOW + 2.6 * DAY, NOW + 4 * DAY),
                turn("bob", NOW + 4 * DAY, NOW + 11 * DAY),
                turn("alice", NOW + 11 * DAY, NOW + 18 * DAY),
            ],
        },
        {
            "name": "secondary",
            "time_zone": "UTC",
            "handoff": "00:00",
            "now": turn("dave", NOW - DAY, NOW + DAY),
            "upcoming": [turn("bob", NOW + DAY, NOW + 8 * DAY)],
        },
    ],
    "overrides": [
        {
            "id": "6d1ec9f6-6a5c-4e0f-9c2c-000000000007",
            "rotation": "primary",
            "person": "carol",
            "since": moment(NOW + 2 * DAY),
            "until": moment(NOW + 2.6 * DAY),
            "by": "ann",
        }
    ],
    "escalations": [
        {
            "name": "critical",
            "matchers": ['severity="critical"'],
            "steps": [
                {"after": "0s", "notify": ["rotation primary"]},
                {"after": "10m", "notify": ["person bob", "receiver ops"]},
            ],
            "repeat": 2,
        },
        {"name": "others", "matchers": [], "steps": [{"after": "1h", "notify": ["receiver team"]}], "repeat": 1},
    ],
    "people": [
        {"name": "alice", "receivers": ["alice-phone", "alice-mail"]},
        {"name": "bob", "receivers": ["bob"]},
        {"name": "carol", "receivers": []},
    ],
}


class Fake:
    """Answers what the pages ask, and keeps what they send."""

    def __init__(self, page: Page, **answers: Any) -> None:
        self.sent: list[tuple[str, str, Any]] = []
        self.answers = answers
        self.test: Json = TEST
        self.result: Json = {}
        for pattern, answer in (
            ("**/prometheus/api/v1/rules", self.rules),
            ("**/prometheus/api/v1/query?*", self.missed),
            ("**/alertmanager/api/v2/alerts*", self.firing),
            ("**/api/v1/routes", self.routes),
            ("**/api/v1/routes/test", self.tested),
            ("**/api/v1/receivers", self.receivers),
            ("**/api/v1/receivers/*/test", self.test_notification),
            ("**/api/v1/slos", self.slos),
            ("**/api/v1/slos/*", self.one_slo),
            ("**/api/v1/on-call", self.on_call),
            ("**/api/v1/on-call/overrides*", self.override),
            ("**/api/v1/on-call/overrides/*", self.override),
        ):
            page.route(pattern, answer)

    def rules(self, route: Route) -> None:
        route.fulfill(json={"status": "success", "data": {"groups": self.answers.get("groups", GROUPS)}})

    def missed(self, route: Route) -> None:
        route.fulfill(json={"status": "success", "data": self.answers.get("missed", MISSED)})

    def firing(self, route: Route) -> None:
        route.fulfill(json=self.answers.get("firing", FIRING))

    def routes(self, route: Route) -> None:
        known = self.answers.get("routes", ROUTES)
        if known is None:
            route.fulfill(status=404, json={"error": {"code": "alerting.not_configured", "message": "nobody is told"}})
        else:
            route.fulfill(json=known)

    def tested(self, route: Route) -> None:
        self.sent.append(("POST", "/routes/test", route.request.post_data_json))
        route.fulfill(json=self.test)

    def receivers(self, route: Route) -> None:
        route.fulfill(json={"receivers": self.answers.get("receivers", RECEIVERS)})

    def test_notification(self, route: Route) -> None:
        body = route.request.post_data_json
        self.sent.append(("POST", route.request.url.split("/api/v1")[1], body))
        results = [
            {"key": "everybody/email/0", "kind": "email", "delivered": True, "error": "", "duration_seconds": 0.31},
            {
                "key": "everybody/slack/0",
                "kind": "slack",
                "delivered": False,
                "error": "HTTP 404: no_service",
                "duration_seconds": 0.1,
            },
        ]
        route.fulfill(json={"receiver": "everybody", "status": body["status"], "results": results})

    def slos(self, route: Route) -> None:
        route.fulfill(json={"slos": self.answers.get("slos", SLOS)})

    def one_slo(self, route: Route) -> None:
        name = route.request.url.split("/slos/")[1].split("?")[0]
        found = next(
            each for each in SLOS if each["name"] == name and f"service={each['service']}" in route.request.url
        )
        route.fulfill(json={**found, "burn_down": burn_down(found)})

    def on_call(self, route: Route) -> None:
        route.fulfill(json=self.answers.get("on_call", ON_CALL))

    def override(self, route: Route) -> None:
        request = route.request
        body = request.post_data_json if request.method == "POST" else None
        self.sent.append((request.method, request.url.split("/api/v1")[1], body))
        route.fulfill(status=204)
