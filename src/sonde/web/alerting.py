"""Everything that the web shows and takes of rules and alerts: its endpoints, and what they are given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from fastapi import FastAPI

from sonde.notify.context.graph import Graphs
from sonde.notify.context.graph_links import GraphLinks
from sonde.notify.context.runbooks import Runbooks
from sonde.web import alertmanager, ruler, runbooks
from sonde.web.api import (
    acknowledge,
    acknowledge_page,
    alert_graph,
    automation,
    digest,
    digest_schedule,
    heartbeat,
    notifications,
    on_call,
    receivers,
    responses,
    routing,
    slos,
    watchdogs,
)

_API: Final = (
    acknowledge, on_call, routing, receivers, slos, heartbeat, digest, digest_schedule, notifications, responses,
    watchdogs,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Alerting:
    """What the endpoints are given."""

    alertmanager: alertmanager.Configured
    ruler: ruler.Configured
    receivers: receivers.Sending
    slos: slos.Configured
    heartbeats: heartbeat.Configured
    digest: digest.Configured
    automation: automation.Configured
    runbooks: Runbooks
    graphs: Graphs
    graph_links: GraphLinks
    now: Callable[[], int]


def install(app: FastAPI, alerting: Alerting, *, prefix: str) -> None:
    """Add the endpoints; ours go below ``prefix``."""
    alertmanager.install(app, alerting.alertmanager)
    ruler.install(app, alerting.ruler)
    app.state.receivers = alerting.receivers
    app.state.slos = alerting.slos
    app.state.heartbeats = alerting.heartbeats
    app.state.digest = alerting.digest
    app.state.automation = alerting.automation
    for noun in _API:
        app.include_router(noun.routes, prefix=prefix)
    app.include_router(acknowledge_page.pages)
    runbooks.install(app, alerting.runbooks)
    alert_graph.install(app, alerting.graphs, alerting.graph_links, alerting.now)
