"""``/routes``: the tree that alerts pass as people see it, and where an alert of given labels would go.

The tree, the receivers and the times are those of Alertmanager's file (``notify.configuration``); nothing here sends,
and nothing of it is a secret: of receivers only names and kinds are told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter
from pydantic import BaseModel, Field

from sonde.notify.alert import Alert, PostedAlert, fingerprint_text
from sonde.notify.configuration import Configuration
from sonde.notify.configuration.sections import ALL_LABELS, InhibitSection
from sonde.notify.group import Group
from sonde.notify.matchers import Matchers, all_match, matcher_text
from sonde.notify.pipeline import Pipeline
from sonde.notify.response.escalation import policy_for
from sonde.notify.routes import Destination, Route, RouteOptions, destinations
from sonde.notify.silence import Silence
from sonde.notify.time_interval import intervals_containing
from sonde.web.alertmanager.time import time_text
from sonde.web.api.acknowledge import Given
from sonde.web.asking import Reader

MAX_LABELS: Final = 200
_NANO: Final = 1e9
routes = APIRouter(prefix="/routes", tags=["alerting"])


class Asked(BaseModel):
    """The labels of an alert that there may or may not be."""

    labels: Annotated[dict[str, str], Field(min_length=1, max_length=MAX_LABELS)]


@routes.get("")
async def read_routes(caller: Reader, given: Given) -> dict[str, Any]:
    """The tree of routes, the inhibition rules and the time intervals, with what holds now."""
    return await given.alertings.of(caller.tenant).ask(_overview, given.now())


@routes.post("/test")
async def test_routes(caller: Reader, given: Given, asked: Asked) -> dict[str, Any]:
    """Where an alert of these labels would go now: routes and receivers in order, and what would hold it back."""
    return await given.alertings.of(caller.tenant).ask(_tested, asked.labels, given.now())


def _overview(pipeline: Pipeline, now: int) -> dict[str, Any]:
    configuration = pipeline.configuration
    firing: Counter[str] = Counter()
    for group in pipeline.groups():
        firing[group.route.id] += sum(not alert.resolved_at(now) for alert in group.alerts.values())
    active = frozenset(intervals_containing(configuration.time_intervals, configuration.time_intervals, now))
    return {
        "route": _route(pipeline.route, active, firing),
        "receivers": [
            {"name": name, "kinds": [integration.kind for integration in integrations]}
            for name, integrations in configuration.receivers.items()
        ],
        "inhibit_rules": [_inhibition(rule) for rule in configuration.inhibit_rules],
        "time_intervals": _intervals(configuration.time_intervals, active),
    }


def _route(route: Route, active: frozenset[str], firing: Mapping[str, int]) -> dict[str, Any]:
    options = route.options
    return {
        "id": route.id,
        "matchers": texts(route.matchers),
        "receiver": options.receiver,
        "continue": route.goes_on,
        "group_by": [ALL_LABELS] if options.group_by_all else sorted(options.group_by),
        "group_wait_seconds": options.group_wait / _NANO,
        "group_interval_seconds": options.group_interval / _NANO,
        "repeat_interval_seconds": options.repeat_interval / _NANO,
        "mute_time_intervals": _intervals(options.mute_time_intervals, active),
        "active_time_intervals": _intervals(options.active_time_intervals, active),
        "muted_by": list(_muting(options, active)),
        "firing": firing.get(route.id, 0),
        "routes": [_route(inner, active, firing) for inner in route.routes],
    }


def _intervals(names: Iterable[str], active: frozenset[str]) -> list[dict[str, Any]]:
    return [{"name": name, "is_active": name in active} for name in names]


def _muting(options: RouteOptions, active: frozenset[str]) -> tuple[str, ...]:
    """The intervals for which nothing is told now: those to be active in, if it is none of them, else those muted."""
    if options.active_time_intervals and active.isdisjoint(options.active_time_intervals):
        return options.active_time_intervals
    return tuple(name for name in options.mute_time_intervals if name in active)


def _inhibition(rule: InhibitSection) -> dict[str, Any]:
    return {"sources": texts(rule.sources()), "targets": texts(rule.targets()), "equal": list(rule.equal)}


def texts(matchers: Matchers) -> list[str]:
    """Each matcher as it is shown."""
    return [matcher_text(matcher) for matcher in matchers]


def _tested(pipeline: Pipeline, labels: Mapping[str, str], now: int) -> dict[str, Any]:
    alert = PostedAlert(labels, {}).accepted(now, resolve_timeout=1)
    configuration = pipeline.configuration
    active = frozenset(intervals_containing(configuration.time_intervals, configuration.time_intervals, now))
    acknowledged = pipeline.responder.acknowledgement(alert, now)
    policy = policy_for(pipeline.responder.plan.escalations, dict(alert.labels))
    sizes = {(group.route.id, group.labels): _size(group, now) for group in pipeline.groups()}
    return {
        "labels": dict(alert.labels),
        "fingerprint": fingerprint_text(alert.fingerprint),
        "routes": [
            _destination(destination, configuration, active, sizes)
            for destination in destinations(pipeline.route, alert.labels)
        ],
        "silenced_by": [
            _silence(silence)
            for silence in pipeline.silences
            if silence.mutes_at(now) and all_match(silence.matchers, dict(alert.labels))
        ],
        "inhibited_by": _sources(pipeline, alert, now),
        "acknowledged_by": acknowledged.by if acknowledged else None,
        "in_cooldown": pipeline.responder.holds_back(alert, now),
        "escalation": policy.name if policy else None,
    }


def _destination(
    destination: Destination,
    configuration: Configuration,
    active: frozenset[str],
    sizes: Mapping[tuple[str, Any], int],
) -> dict[str, Any]:
    route, labels = destination.path[-1], destination.group_labels
    return {
        "id": route.id,
        "path": [each.id for each in destination.path],
        "path_text": destination.path_text,
        "receiver": destination.receiver,
        "kinds": [integration.kind for integration in configuration.receivers[destination.receiver]],
        "group_labels": dict(labels),
        "group_key": Group(route, labels, 0).key,
        "group_alerts": sizes.get((route.id, labels), 0),
        "group_wait_seconds": route.options.group_wait / _NANO,
        "group_interval_seconds": route.options.group_interval / _NANO,
        "repeat_interval_seconds": route.options.repeat_interval / _NANO,
        "muted_by": list(_muting(route.options, active)),
    }


def _size(group: Group, now: int) -> int:
    return sum(not alert.resolved_at(now) for alert in group.alerts.values())


def _silence(silence: Silence) -> dict[str, Any]:
    return {
        "id": silence.id,
        "matchers": texts(silence.matchers),
        "comment": silence.comment,
        "created_by": silence.created_by,
        "ends_at": time_text(silence.ends_at),
    }


def _sources(pipeline: Pipeline, alert: Alert, now: int) -> list[dict[str, Any]]:
    """The alerts that inhibit this one."""
    wanted = frozenset(pipeline.status_of(alert, now).inhibited_by)
    if not any(known.fingerprint == alert.fingerprint for known in pipeline.alerts(now)):
        pipeline.silences.forget_alert(alert.fingerprint)  # asking made it known
    return [
        {"fingerprint": fingerprint_text(known.fingerprint), "labels": dict(known.labels)}
        for known in pipeline.alerts(now)
        if known.fingerprint in wanted
    ]
