"""Rules, alerts, silences and notifications as the server tells them, kept in memory for the pages about alerts."""

from __future__ import annotations

import json
import time
import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlparse

from playwright.sync_api import Page, Request, Route

from sonde.notify.alert import fingerprint_of, fingerprint_text
from sonde.telemetry.labels import Labels

Json = dict[str, Any]
ERRORS = {"alertname": "HighErrorRate", "service": "checkout", "severity": "critical", "env": "prod"}
ERRORS_CART = {"alertname": "HighErrorRate", "service": "cart", "severity": "critical", "env": "prod"}
DISK = {
    "alertname": "DiskSpaceLow",
    "instance": "db-1:9100",
    "job": "node",
    "mountpoint": "/data",
    "severity": "warning",
}
COST = {"alertname": "HighLLMCost", "service": "assistant", "severity": "info"}
OUTSIDE = {"alertname": "CertificateExpires", "instance": "www.example.org", "severity": "warning"}
EXPRESSION = 'sum by (service) (rate(http_requests_total{status=~"5.."}[5m])) / sum by (service) (rate(http_requests_total[5m])) > 0.05'


def fingerprint(labels: dict[str, str]) -> str:
    ordered: Labels = tuple(sorted(labels.items()))
    return fingerprint_text(fingerprint_of(ordered))


def at(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def rule(
    name: str, query: str, duration: float, alerts: list[Json], annotations: dict[str, str], severity: str
) -> Json:
    return {
        "state": alerts[0]["state"] if alerts else "inactive",
        "name": name,
        "query": query,
        "duration": duration,
        "keepFiringFor": 0,
        "labels": {"severity": severity},
        "annotations": annotations,
        "alerts": alerts,
        "health": "ok",
        "evaluationTime": 0.002,
        "lastEvaluation": at(time.time()),
        "type": "alerting",
    }


def alert(labels: dict[str, str], state: str, age: float, value: str, **annotations: str) -> Json:
    return {
        "labels": labels,
        "annotations": annotations,
        "state": state,
        "activeAt": at(time.time() - age),
        "value": value,
    }


def managed(labels: dict[str, str], age: float, *receivers: str, **status: list[str]) -> Json:
    known = {"silencedBy": [], "inhibitedBy": [], "mutedBy": [], **status}
    return {
        "annotations": {"summary": f"{labels['alertname']} told by another"},
        "endsAt": at(time.time() + 300),
        "fingerprint": fingerprint(labels),
        "receivers": [{"name": name} for name in receivers],
        "startsAt": at(time.time() - age),
        "status": {"state": "suppressed" if any(known.values()) else "active", **known},
        "updatedAt": at(time.time()),
        "labels": labels,
    }


def notification(age: float, labels: list[dict[str, str]], status: str = "firing", **changes: Any) -> Json:
    return {
        "id": uuid.uuid4().hex,
        "time_unix_nano": str(int((time.time() - age) * 1e9)),
        "receiver": "team-checkout",
        "integration": "team-checkout/slack/0",
        "group_key": '{}/{severity="critical"}:{alertname="HighErrorRate"}',
        "group_labels": {"alertname": labels[0]["alertname"]},
        "status": status,
        "alerts": labels,
        "alert_count": len(labels),
        "firing_count": len(labels) if status == "firing" else 0,
        "attempt": 1,
        "duration_nano": 231_000_000,
        "error": "",
        "is_retried": False,
        **changes,
    }


class FakeAlerting:
    """What a page asks, answered from memory; what it changes is kept, and can be looked at."""

    def __init__(self) -> None:
        runbook = {"runbook_url": "https://runbooks.example.org/errors"}
        says = {"summary": "{{ $labels.service }} fails too often", **runbook}
        self.rules = [
            rule(
                "HighErrorRate",
                EXPRESSION,
                120,
                [
                    alert(
                        ERRORS,
                        "firing",
                        1500,
                        "1.27e-01",
                        summary="checkout fails in 12.7 % of its requests",
                        description="Look at https://wiki.example.org/checkout first.",
                        **runbook,
                    ),
                    alert(ERRORS_CART, "firing", 300, "8.1e-02", summary="cart fails in 8.1 % of its requests"),
                ],
                says,
                "critical",
            ),
            rule(
                "DiskSpaceLow",
                "disk_free_bytes / disk_size_bytes < 0.1",
                600,
                [alert(DISK, "pending", 200, "9.2e-02", summary="/data on db-1 is full within a day")],
                {"summary": "{{ $labels.mountpoint }} is full"},
                "warning",
            ),
            rule(
                "HighLLMCost",
                "sum by (service) (rate(llm_cost_usd_total[1h])) * 3600 > 5",
                0,
                [alert(COST, "firing", 7200, "6.4e+00", summary="assistant spends $6.40 an hour")],
                {},
                "info",
            ),
            rule("ServiceDown", "up == 0", 60, [], {}, "critical"),
        ]
        self.silences: dict[str, Json] = {}
        quiet = self.put({**self.draft([("alertname", "HighLLMCost")], "load test until tonight"), "createdBy": "bob"})
        self.put(self.draft([("service", "search")], "migration", begins=7200, ends=10_800))
        old = self.put(self.draft([("instance", "db-2.*")], "new disk", begins=-9000, ends=-5400), is_regex=True)
        self.silences[old]["status"] = {"state": "expired"}
        self.managed = [
            managed(ERRORS, 1500, "team-checkout", "on-call"),
            managed(ERRORS_CART, 300, "team-checkout"),
            managed(COST, 7200, "team-llm", silencedBy=[quiet]),
            managed(OUTSIDE, 50_000, "ops"),
        ]
        self.acknowledgements = [
            {
                "fingerprint": fingerprint(ERRORS_CART),
                "by": "alice",
                "at": at(time.time() - 120),
                "until": None,
                "comment": "rolling back",
            }
        ]
        self.notifications = [
            notification(60, [ERRORS, ERRORS_CART]),
            notification(
                290,
                [ERRORS_CART],
                receiver="on-call",
                integration="on-call/pagerduty/0",
                attempt=3,
                error="500 Internal Server Error: try again later",
                is_retried=True,
            ),
            notification(1400, [ERRORS], receiver="on-call", integration="on-call/pagerduty/0"),
            notification(3000, [DISK], "resolved", receiver="ops", integration="ops/email/0"),
            *[notification(3100 + number, [OUTSIDE], receiver="ops", integration="ops/email/0") for number in range(8)],
        ]
        self.posted: list[Json] = []

    def draft(self, labels: list[tuple[str, str]], comment: str, begins: float = -600, ends: float = 3000) -> Json:
        matchers = [{"name": name, "value": value, "isRegex": False, "isEqual": True} for name, value in labels]
        now = time.time()
        return {
            "matchers": matchers,
            "startsAt": at(now + begins),
            "endsAt": at(now + ends),
            "createdBy": "alice",
            "comment": comment,
        }

    def put(self, posted: Json, *, is_regex: bool = False) -> str:
        silence_id = posted.get("id") or str(uuid.uuid4())
        state = "pending" if datetime.fromisoformat(posted["startsAt"]).timestamp() > time.time() + 5 else "active"
        for matcher in posted["matchers"]:
            matcher["isRegex"] = matcher["isRegex"] or is_regex
        self.silences[silence_id] = {
            **posted,
            "id": silence_id,
            "status": {"state": state},
            "updatedAt": at(time.time()),
        }
        return silence_id

    def install(self, page: Page) -> None:
        """Answer for these parts of the server."""
        page.route("**/prometheus/api/v1/rules?*", self._rules)
        page.route("**/prometheus/api/v1/query_range?*", self._query_range)
        page.route("**/alertmanager/api/v2/**", self._alertmanager)
        page.route("**/api/v1/acknowledgements", self._acknowledgements)
        page.route("**/api/v1/runbooks", lambda route: route.fulfill(json={"runbooks": ["DiskSpaceLow"]}))
        page.route("**/api/v1/alerts/*/acknowledge", self._acknowledge)
        page.route("**/api/v1/notifications?*", self._notifications)

    def _rules(self, route: Route) -> None:
        wanted = asked(route.request).get("rule_name[]", [])
        rules = [each for each in self.rules if not wanted or each["name"] in wanted]
        group = {"name": "shop", "file": "rules/shop.yml", "interval": 15, "rules": rules}
        route.fulfill(json={"status": "success", "data": {"groups": [group]}})

    def _query_range(self, route: Route) -> None:
        query = asked(route.request)
        start, end, step = (float(query[name][0]) for name in ("start", "end", "step"))
        times = [start + index * step for index in range(int((end - start) / step) + 1)]
        expression = query["query"][0]
        now = time.time()
        if expression.startswith("ALERTS"):
            result = [
                series(
                    {"__name__": "ALERTS", "alertstate": state, **labels},
                    [t for t in times if begins <= now - t <= ends],
                )
                for labels, state, ends, begins in (
                    (ERRORS, "pending", 1620, 1500),
                    (ERRORS, "firing", 1500, 0),
                    (ERRORS, "firing", 3300, 2700),
                    (ERRORS_CART, "firing", 300, 0),
                    (OUTSIDE, "firing", 50_000, 0),
                )
                if labels["alertname"] in expression or "alertname" not in expression
                if state in expression or "alertstate" not in expression
                if "checkout" not in expression or labels is ERRORS
            ]
            result = [each for each in result if each["values"]]
        elif expression.replace(".", "").isdigit():
            result = [{"metric": {}, "values": [[t, expression] for t in times]}]
        else:
            shares = [0.02 if now - t > 1600 else 0.02 + 0.11 * min(1.0, (1600 - now + t) / 400) for t in times]
            result = [
                {
                    "metric": {"service": name},
                    "values": [[t, str(share * scale)] for t, share in zip(times, shares, strict=True)],
                }
                for name, scale in (("checkout", 1.0), ("cart", 0.6))
            ]
        route.fulfill(json={"status": "success", "data": {"resultType": "matrix", "result": result}})

    def _alertmanager(self, route: Route) -> None:
        request = route.request
        path = urlparse(request.url).path.removeprefix("/alertmanager/api/v2")
        if path == "/alerts":
            query = asked(request)
            only = [
                each
                for each in self.managed
                if not (query.get("silenced") == ["false"] and each["status"]["silencedBy"])
                if not (query.get("active") == ["false"] and each["status"]["state"] == "active")
            ]
            route.fulfill(json=only)
        elif path == "/receivers":
            route.fulfill(json=[{"name": name} for name in ("on-call", "ops", "team-checkout", "team-llm")])
        elif path == "/silences" and request.method == "POST":
            body = json.loads(request.post_data or "")
            self.posted.append(body)
            route.fulfill(json={"silenceID": self.put(body)})
        elif path == "/silences":
            route.fulfill(json=list(self.silences.values()))
        elif request.method == "DELETE":
            self.silences[path.rsplit("/", 1)[1]]["status"] = {"state": "expired"}
            route.fulfill(status=200, body="")
        else:
            found = self.silences.get(path.rsplit("/", 1)[1])
            route.fulfill(json=found) if found else route.fulfill(status=404, body="")

    def _acknowledgements(self, route: Route) -> None:
        route.fulfill(json={"acknowledgements": self.acknowledgements})

    def _acknowledge(self, route: Route) -> None:
        named = urlparse(route.request.url).path.split("/")[-2]
        self.acknowledgements = [each for each in self.acknowledgements if each["fingerprint"] != named]
        if route.request.method == "POST":
            word = json.loads(route.request.post_data or "")
            known = {"fingerprint": named, "at": at(time.time()), "until": None}
            self.acknowledgements.append({**known, "by": word["by"] or "key", "comment": word["comment"]})
            route.fulfill(status=201, json=self.acknowledgements[-1])
            return
        route.fulfill(status=204)

    def _notifications(self, route: Route) -> None:
        query = asked(route.request)
        since = float(query.get("since", ["0"])[0])
        found = [
            each
            for each in self.notifications
            if int(each["time_unix_nano"]) / 1e9 >= since
            if query.get("receiver", [each["receiver"]]) == [each["receiver"]]
            if query.get("status", [each["status"]]) == [each["status"]]
            if query.get("outcome", [""])[0] in ("", "failed" if each["error"] else "arrived")
            if all(any(fits(text, labels) for labels in each["alerts"]) for text in query.get("matcher", []))
        ]
        first = int(query.get("cursor", ["0"])[0])
        last = first + min(int(query["limit"][0]), 10)
        route.fulfill(
            json={
                "notifications": found[first:last],
                "next_cursor": str(last) if last < len(found) else None,
                "stats": {"rows_read": len(found), "bytes_read": 0, "elapsed_seconds": 0.002},
            }
        )


def asked(request: Request) -> dict[str, list[str]]:
    return parse_qs(urlparse(request.url).query)


def series(metric: dict[str, str], times: list[float]) -> Json:
    return {"metric": metric, "values": [[t, "1"] for t in times]}


def fits(matcher: str, labels: dict[str, str]) -> bool:
    name, value = matcher.split("=", 1)
    return labels.get(name, "") == value.strip('"')
