"""Recording and alerting rules and their alerts: ``rules``, ``alerts``, ``alertmanagers``, told through ``rule``.

Specification: https://prometheus.io/docs/prometheus/latest/querying/api/#rules
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Response

from sonde.errors import UserError
from sonde.rules.status import Alert, AlertingRule, RecordingRule, RuleGroup
from sonde.telemetry.labels import value_of
from sonde.telemetry.matcher import Matcher
from sonde.telemetry.quoting import quote
from sonde.web.asking import Reader
from sonde.web.prometheus.answer import router, success
from sonde.web.prometheus.configured import Given
from sonde.web.prometheus.form import Asked, Form, parameter
from sonde.web.prometheus.selector import parse_selectors
from sonde.web.prometheus.times import go_time

routes = router()


@routes.get("/rules")
async def rules(caller: Reader, given: Given, form: Asked) -> Response:
    """Rule groups with their rules and alerts, by type, name, group, file and labels; in pages if ``group_limit``."""
    wanted = _wanted(form)
    limit, token = _page(form)
    shown: list[dict[str, Any]] = []
    following, skipping = "", bool(token)
    for group in given.rules.groups(caller.tenant) if given.rules else ():
        skipping = skipping and _token(group) != token
        if skipping or not wanted.group_fits(group):
            continue
        fitting = [rule for rule in group.rules if wanted.fits(rule)]
        if fitting and limit and len(shown) == limit:
            following = _token(group)
            break
        if fitting:
            shown.append(_group(group, [_rule(rule, with_alerts=wanted.alerts) for rule in fitting]))
    if skipping:
        with parameter("group_next_token"):
            raise UserError(f"invalid group_next_token '{token}'. were rule groups changed?", code="bad_data")
    return success({"groups": shown, **({"groupNextToken": following} if following else {})})


@routes.get("/alerts")
async def alerts(caller: Reader, given: Given) -> Response:
    """All alerts that are pending or firing."""
    groups = given.rules.groups(caller.tenant) if given.rules else ()
    found = (rule for group in groups for rule in group.rules if isinstance(rule, AlertingRule))
    return success({"alerts": [_alert(alert) for rule in found for alert in rule.alerts]})


@routes.get("/alertmanagers")
async def alertmanagers(caller: Reader, given: Given) -> Response:
    """Who is told of alerts."""
    known = given.alertmanagers
    active, dropped = (known.active(caller.tenant), known.dropped(caller.tenant)) if known else ((), ())
    return success(
        {
            "activeAlertmanagers": [{"url": url} for url in active],
            "droppedAlertmanagers": [{"url": url} for url in dropped],
        }
    )


@dataclass(frozen=True, slots=True)
class _Wanted:
    kind: str
    names: frozenset[str]
    groups: frozenset[str]
    files: frozenset[str]
    matchers: Sequence[tuple[Matcher, ...]]
    alerts: bool

    def group_fits(self, group: RuleGroup) -> bool:
        return (not self.groups or group.name in self.groups) and (not self.files or group.file in self.files)

    def fits(self, rule: RecordingRule | AlertingRule) -> bool:
        kind = "alert" if isinstance(rule, AlertingRule) else "record"
        if self.kind not in {"", kind} or (self.names and rule.name not in self.names):
            return False
        return not self.matchers or any(
            all(matcher.matches(value_of(rule.labels, matcher.name)) for matcher in matchers)
            for matchers in self.matchers
        )


def _wanted(form: Form) -> _Wanted:
    matchers = parse_selectors(form.all("match[]"))
    kind, exclude = form["type"].lower(), form["exclude_alerts"].lower()
    if kind not in {"", "alert", "record"}:
        with parameter("type"):
            raise UserError(f"not supported value {quote(kind)}", code="bad_data")
    if exclude not in {"", "1", "t", "true", "0", "f", "false"}:
        with parameter("exclude_alerts"):
            raise UserError(
                f"error converting exclude_alerts: strconv.ParseBool: parsing {quote(exclude)}: invalid syntax",
                code="bad_data",
            )
    return _Wanted(
        kind=kind,
        names=frozenset(form.all("rule_name[]")),
        groups=frozenset(form.all("rule_group[]")),
        files=frozenset(form.all("file[]")),
        matchers=matchers,
        alerts=exclude not in {"1", "t", "true"},
    )


def _page(form: Form) -> tuple[int, str]:
    """How many groups, 0 for all, and where to go on."""
    text, token = form["group_limit"], form["group_next_token"]
    if token and not text:
        with parameter("group_next_token"):
            raise UserError("group_limit needs to be present in order to paginate over the groups", code="bad_data")
    if not text:
        return 0, ""
    with parameter("group_limit"):
        if not re.fullmatch(r"[+-]?\d{1,10}", text, re.ASCII):
            raise UserError(
                f"group_limit needs to be a valid number: strconv.ParseInt: parsing {quote(text)}: invalid syntax",
                code="bad_data",
            )
        if int(text) <= 0:
            raise UserError("group_limit needs to be greater than 0", code="bad_data")
    return int(text), token


def _token(group: RuleGroup) -> str:
    return hashlib.sha256(f"{group.file};{group.name}".encode()).hexdigest()


def _group(group: RuleGroup, shown: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "name": group.name,
        "file": group.file,
        "rules": shown,
        "interval": group.interval_seconds,
        "limit": group.limit,
        "evaluationTime": group.evaluation_seconds,
        "lastEvaluation": go_time(group.last_evaluation_unix_nano),
    }


def _rule(rule: RecordingRule | AlertingRule, *, with_alerts: bool) -> dict[str, Any]:
    head: dict[str, Any] = {"name": rule.name, "query": rule.query}
    end = {
        "health": rule.health,
        **({"lastError": rule.last_error} if rule.last_error else {}),
        "evaluationTime": rule.evaluation_seconds,
        "lastEvaluation": go_time(rule.last_evaluation_unix_nano),
    }
    if isinstance(rule, RecordingRule):
        return {**head, "labels": dict(rule.labels), **end, "type": "recording"}
    return {
        "state": rule.state,
        **head,
        "duration": rule.for_seconds,
        "keepFiringFor": rule.keep_firing_for_seconds,
        "labels": dict(rule.labels),
        "annotations": dict(rule.annotations),
        "alerts": [_alert(alert) for alert in rule.alerts] if with_alerts else None,
        **end,
        "type": "alerting",
    }


def _alert(alert: Alert) -> dict[str, Any]:
    since = alert.keep_firing_since_unix_nano
    return {
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "state": alert.state,
        "activeAt": go_time(alert.active_at_unix_nano),
        **({"keepFiringSince": go_time(since)} if since else {}),
        "value": scientific(alert.value),
    }


def scientific(value: float) -> str:
    """A number as Go's format ``e`` writes it.

    >>> scientific(1.0), scientific(0.00125), scientific(123456.0), scientific(float("inf"))
    ('1e+00', '1.25e-03', '1.23456e+05', '+Inf')
    """
    if value != value or value in {float("inf"), float("-inf")}:  # noqa: PLR0124 - NaN
        return "NaN" if value != value else "+Inf" if value > 0 else "-Inf"  # noqa: PLR0124
    for digits in range(18):
        text = f"{value:.{digits}e}"
        if float(text) == value:
            return text
    return f"{value:.17e}"
