"""Responses, watchdogs and a digest as the server tells them; times are around the moment at which they are asked for."""

from __future__ import annotations

import time
from typing import Any

from playwright.sync_api import Page, Route
from tests.browser.rules_data import DAY, Json, moment


def ago(seconds: float) -> str:
    return moment(time.time() - seconds)


def run(identifier: str, seconds: float, outcome: str, **others: Any) -> Json:
    return {
        "id": identifier,
        "fingerprint": "00000000000000ab",
        "labels": {"alertname": "WorkerStuck", "instance": "web-1", "severity": "critical"},
        "fires_since": ago(seconds + 3),
        "begun_at": ago(seconds),
        "ended_at": ago(seconds - 1.204),
        "outcome": outcome,
        "detail": "/usr/local/bin/restart web-1: exit status 0",
        "output": "",
        "output_is_cut": False,
        **others,
    }


LONG = "a-long-name-of-an-instance-that-does-not-fit-into-any-line-that-one-would-draw.eu-central-1.example.org"


def responses() -> list[Json]:
    return [
        {
            "name": "restart-worker",
            "matchers": ['alertname="WorkerStuck"', 'severity="critical"'],
            "command": ["/usr/local/bin/restart", "{{ .Labels.instance }}"],
            "webhook": None,
            "timeout_seconds": 30,
            "at_most": {"runs": 3, "window_seconds": 3600},
            "run_count": 27,
            "runs": [
                run("r0", 20, "begun", ended_at=None, detail=""),
                run(
                    "r1",
                    340,
                    "failed",
                    detail="/usr/local/bin/restart web-1: exit status 3",
                    output="\n".join(f"line {line}: no such unit {'x' * (line * 4)}" for line in range(40)),
                    output_is_cut=True,
                ),
                run(
                    "r2",
                    700,
                    "ok",
                    labels={"alertname": "WorkerStuck", "instance": LONG, "a": "1", "b": "2", "c": "3", "d": "4"},
                ),
                run("r3", 7200, "limited", ended_at=ago(7200), detail="it has run 3 times in its window"),
                *(run(f"r{number}", number * DAY / 4, "ok") for number in range(4, 20)),
            ],
        },
        {
            "name": "open-ticket",
            "matchers": ['team="payments"'],
            "command": None,
            "webhook": {"host": "tickets.example.org:8443", "problem": ""},
            "timeout_seconds": 30,
            "at_most": {"runs": 10, "window_seconds": 3600},
            "run_count": 1,
            "runs": [run("t1", 90, "in doubt", detail="Sonde ended while it ran")],
        },
        {
            "name": "page-nobody",
            "matchers": ['team="nobody"'],
            "command": None,
            "webhook": {"host": None, "problem": "read url_file: /etc/sonde/hook: No such file or directory"},
            "timeout_seconds": 30,
            "at_most": {"runs": 10, "window_seconds": 3600},
            "run_count": 0,
            "runs": [],
        },
    ]


def ping(name: str, state: str, error: str = "", arrived: float | None = 20) -> Json:
    return {
        "name": name,
        "host": "hc.example.org",
        "problem": "",
        "method": "GET",
        "every_seconds": 60,
        "state": state,
        "last_attempt_at": ago(20),
        "last_arrival_at": None if arrived is None else ago(arrived),
        "error": error,
    }


def expectation(name: str, state: str, **others: Any) -> Json:
    return {
        "name": name,
        "matchers": [],
        "within_seconds": 600,
        "receivers": [],
        "alert_labels": {"alertname": "HeartbeatMissing", "severity": "critical", "watchdog": name},
        "state": state,
        "last_came_at": ago(120),
        "missing_since": None,
        "due_at": ago(-480),
        **others,
    }


def watchdogs() -> Json:
    return {
        "pings": [
            ping("outside", "fine"),
            ping("snitch", "held", "rules: no evaluation of a rule for 400 s", arrived=380),
            ping("uptime", "failing", "https://hc.example.org answered 500", arrived=None),
        ],
        "expectations": [
            expectation("mail-import", "fine"),
            expectation(
                "nightly-backup",
                "missing",
                matchers=['job="backup"'],
                within_seconds=26 * 3600,
                receivers=["ops", "team"],
                alert_labels={
                    "alertname": "MissingNightlyBackup",
                    "severity": "critical",
                    "watchdog": "nightly-backup",
                },
                missing_since=ago(3 * 3600),
                last_came_at=ago(29 * 3600),
                due_at=None,
            ),
            expectation("new-one", "waiting", last_came_at=None),
        ],
    }


def schedule() -> Json:
    return {
        "at": "Monday 08:00",
        "time_zone": "Europe/Berlin",
        "next_at": ago(-2.4 * DAY),
        "receivers": ["team", "ops"],
        "last": {
            "occasion_at": ago(4.6 * DAY),
            "sent": [
                {
                    "receiver": "ops", "integration": "ops/slack/0", "at": ago(4.6 * DAY),
                    "error": "HTTP 404: no_service", "is_retried": False,
                },
                {
                    "receiver": "team", "integration": "team/email/0", "at": ago(4.6 * DAY),
                    "error": "", "is_retried": False,
                },
            ],
        },
    }  # fmt: skip


DIGEST: Json = {
    "title": "Week in review: Mon 16 Mar to Mon 23 Mar 2026",
    "text": "Week in review: Mon 16 Mar to Mon 23 Mar 2026\n\nServices\n--------\n"
    "service  requests      errors               p95\n"
    "shop     123k (+12 %)  1.1 % (+0.6 points)  245 ms (-2 %)\n"
    "mailer   900           0 %                  1.5 s\n",
}
NOTHING: Json = {"responses": [], "watchdogs": {"pings": [], "expectations": []}, "digest": None}


class Fake:
    """Answers what the page asks; an answer that is a number is that status."""

    def __init__(self, page: Page, **answers: Any) -> None:
        self.answers = {
            "responses": responses(), "watchdogs": watchdogs(), "digest": schedule(), "preview": DIGEST, **answers,
        }  # fmt: skip
        page.route("**/api/v1/responses*", lambda route: self.answer(route, "responses", within="responses"))
        page.route("**/api/v1/watchdogs", lambda route: self.answer(route, "watchdogs"))
        page.route("**/api/v1/digest/schedule", lambda route: self.answer(route, "digest", within="digest"))
        page.route("**/api/v1/digest", lambda route: self.answer(route, "preview"))

    def answer(self, route: Route, name: str, *, within: str = "") -> None:
        told = self.answers[name]
        if isinstance(told, int):
            error = {"code": "fault", "message": f"no {name} can be told", "hint": ""}
            route.fulfill(status=told, json={"error": error})
        else:
            route.fulfill(json={within: told} if within else told)
