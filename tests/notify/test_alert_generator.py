"""From rules to the bytes of a webhook in one simulated clock: what an alert generator must do, and when exactly.

The cases are those of Prometheus' conformance programme for alert generators: pending, firing and resolved; never long
enough; ``for`` of zero and smaller than the interval; alerts that come one after the other; order within a group.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.rules.story import SECOND, Story

from sonde.app.alerting import posted
from sonde.notify.alert import fingerprint_of, fingerprint_text
from sonde.notify.configuration import parse_configuration
from sonde.notify.message_templates import MessageTemplates
from sonde.notify.notifier import Result
from sonde.notify.notifiers.http_client import HttpClients
from sonde.notify.notifiers.registry import build
from sonde.notify.notifiers.service import HttpNotifier
from sonde.notify.pipeline import Pipeline
from sonde.notify.state import MemoryState
from sonde.rules.group import Group
from sonde.rules.status import AlertingRule
from sonde.rules.view import shown_group
from sonde.telemetry.labels import labels_of

EPOCH = 1_767_261_600  # Thursday, 1 January 2026, 10:00 UTC
INTERVAL = 15
ROUTES = """
route: {receiver: web, group_by: [alertname], group_wait: 10s, group_interval: 1m, repeat_interval: 30m}
receivers: [{name: web, webhook_configs: [{url: "http://127.0.0.1:1/"}]}]
"""
RULES = """
groups:
  - name: generator
    interval: 15s
    rules:
      - {alert: Held, expr: load > 10, for: 30s, labels: {severity: page}, annotations: {summary: "load is {{ $value }}"}}
      - {alert: AtOnce, expr: load > 10, labels: {severity: page}}
      - {alert: SmallFor, expr: load > 10, for: 10s}
      - {alert: Never, expr: load > 1000}
"""


@dataclass
class Generator:
    """Rules over a series ``load``, and a webhook that is told; seconds count from the beginning."""

    rules: str = RULES
    payloads: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    states: dict[str, dict[int, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.story = Story(options={"external_url": "http://sonde"})
        self.group: Group = self.story.group(self.rules)
        configuration = parse_configuration(ROUTES)
        clients = HttpClients(lambda: self.story.clock.now)
        notifiers = build(
            configuration, MessageTemplates(), "http://sonde/alertmanager", lambda: self.story.clock.now, clients
        )
        notifier = notifiers["web/webhook/0"]
        assert isinstance(notifier, HttpNotifier)
        self.notifier: HttpNotifier[Any] = notifier
        self.pipeline = Pipeline(configuration, MemoryState(), EPOCH * SECOND)

    async def run(self, loads: Mapping[str, list[float | None]]) -> None:
        """Evaluate at each interval; ``loads`` are the values of each instance, an interval each."""
        for place in range(max(map(len, loads.values()))):
            second = place * INTERVAL
            self._pass_until(second)
            at = (EPOCH + second) * SECOND
            for instance, values in loads.items():
                value = values[place] if place < len(values) else values[-1]
                if value is not None:
                    self.story.put("load", at, value, instance=instance)
            told = len(self.story.told)
            await self.story.evaluate(self.group, at)
            self.pipeline.post((posted(alert) for _, alert in self.story.told[told:]), at)
            self._pass_until(second)
            for rule in shown_group(self.group).rules:
                if isinstance(rule, AlertingRule):
                    self.states.setdefault(rule.name, {})[second] = rule.state

    def _pass_until(self, second: float) -> None:
        while (at := self.pipeline.next_at()) <= (EPOCH + second) * SECOND:
            self.story.clock.now = max(at, self.story.clock.now)
            for delivery in self.pipeline.advance(self.story.clock.now):
                (request,) = self.notifier.requests(delivery.batch)
                self.payloads.append((self.story.clock.now / SECOND - EPOCH, json.loads(request.body)))
                self.pipeline.settle(delivery, Result(), self.story.clock.now)

    def told(self, name: str) -> list[tuple[float, list[tuple[str, str]]]]:
        """When the webhook heard of an alert, and what: instance and status."""
        return [
            (second, [(alert["labels"]["instance"], alert["status"]) for alert in payload["alerts"]])
            for second, payload in self.payloads
            if payload["groupLabels"] == {"alertname": name}
        ]

    def changes(self, name: str) -> list[tuple[int, str]]:
        """The seconds at which the state of a rule changed."""
        found: list[tuple[int, str]] = []
        for second, state in sorted(self.states[name].items()):
            if not found or found[-1][1] != state:
                found.append((second, state))
        return found


HIGH: list[float | None] = [1.0] * 2 + [20.0] * 12 + [1.0] * 10


async def test_pending_firing_and_resolved_at_their_seconds() -> None:
    generator = Generator()
    await generator.run({"a": HIGH})
    assert generator.changes("Held") == [(0, "inactive"), (30, "pending"), (60, "firing"), (210, "inactive")]
    assert generator.changes("AtOnce") == [(0, "inactive"), (30, "firing"), (210, "inactive")]
    assert generator.changes("SmallFor") == [(0, "inactive"), (30, "pending"), (45, "firing"), (210, "inactive")]
    assert generator.changes("Never") == [(0, "inactive")]
    assert generator.told("Held") == [(70, [("a", "firing")]), (250, [("a", "resolved")])]
    assert generator.told("AtOnce") == [(40, [("a", "firing")]), (220, [("a", "resolved")])]
    assert generator.told("SmallFor") == [(55, [("a", "firing")]), (235, [("a", "resolved")])]
    assert generator.told("Never") == []


async def test_the_payload_is_alertmanagers() -> None:
    generator = Generator()
    await generator.run({"a": HIGH})
    labels = {"alertname": "Held", "instance": "a", "severity": "page"}
    (_, firing), (_, resolved) = [each for each in generator.payloads if each[1]["commonLabels"] == labels]
    alert = {
        "status": "firing",
        "labels": labels,
        "annotations": {"summary": "load is 20"},
        "startsAt": "2026-01-01T10:01:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://sonde/graph?g0.expr=load+%3E+10&g0.tab=1",
        "fingerprint": fingerprint_text(fingerprint_of(labels_of(labels))),
    }
    assert firing["alerts"] == [alert]
    assert {key: value for key, value in firing.items() if key != "alerts"} == {
        "version": "4",
        "groupKey": '{}:{alertname="Held"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "web",
        "groupLabels": {"alertname": "Held"},
        "commonLabels": labels,
        "commonAnnotations": {"summary": "load is 20"},
        "externalURL": "http://sonde/alertmanager",
    }
    (ended,) = resolved["alerts"]
    assert (resolved["status"], ended["status"], ended["endsAt"]) == ("resolved", "resolved", "2026-01-01T10:03:30Z")
    assert ended["fingerprint"] == alert["fingerprint"]


async def test_what_was_never_high_for_long_enough_is_told_to_nobody() -> None:
    generator = Generator()
    await generator.run({"a": [1.0, 20.0, 20.0, 1.0, 20.0, 1.0, 1.0, 1.0]})
    assert generator.changes("Held") == [
        (0, "inactive"),
        (15, "pending"),
        (45, "inactive"),
        (60, "pending"),
        (75, "inactive"),
    ]
    assert generator.told("Held") == []


async def test_alerts_that_come_one_after_the_other_join_their_group_at_its_turns() -> None:
    generator = Generator()
    late: list[float | None] = [None] * 8 + [20.0] * 12
    await generator.run({"a": [20.0] * 20, "b": late})
    assert generator.told("AtOnce") == [
        (10, [("a", "firing")]),
        (130, [("a", "firing"), ("b", "firing")]),
    ]


async def test_rules_of_a_group_are_told_in_their_order_at_each_turn() -> None:
    generator = Generator(RULES.replace("for: 30s, ", "").replace("for: 10s", "labels: {x: y}"))
    await generator.run({"a": [20.0, 20.0]})
    assert [alert.labels[0] for _, alert in generator.story.told] == [
        ("alertname", "Held"),
        ("alertname", "AtOnce"),
        ("alertname", "SmallFor"),
    ]


async def test_series_that_vanish_end_their_alert_when_the_lookback_is_over() -> None:
    generator = Generator()
    await generator.run({"a": [20.0] * 4 + [None] * 26})
    assert generator.changes("AtOnce") == [(0, "firing"), (3 * INTERVAL + 300, "inactive")]
    assert generator.told("AtOnce") == [(10, [("a", "firing")]), (370, [("a", "resolved")])]
