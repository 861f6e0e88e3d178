"""``/alerts``: taken from Prometheus servers and amtool, and shown with why they are not told; ``/alerts/groups``."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response

from sonde.errors import UserError
from sonde.notify.pipeline import AlertStatus, Pipeline
from sonde.web.alertmanager.answer import router, written
from sonde.web.alertmanager.configured import Given
from sonde.web.alertmanager.document import alert_document
from sonde.web.alertmanager.question import AlertFilter, Filter, posted_alerts, read_body
from sonde.web.asking import Reader, Sender

routes = router()


@routes.get("/alerts")
async def alerts(caller: Reader, given: Given, wanted: Filter) -> Response:
    """The alerts that have not ended, by receiver, labels and state."""
    return written(await given.alertings.of(caller.tenant).ask(_alerts, wanted, given.now()))


@routes.get("/alerts/groups")
async def groups(caller: Reader, given: Given, wanted: Filter) -> Response:
    """The same alerts as they are grouped for receivers."""
    return written(await given.alertings.of(caller.tenant).ask(_groups, wanted, given.now()))


@routes.post("/alerts")
async def post_alerts(request: Request, caller: Sender, given: Given) -> Response:
    """Take alerts; those that are good are taken even if others are not."""
    posted = posted_alerts(await read_body(request, "alerts"))
    faults = await given.alertings.of(caller.tenant).post(posted)
    if faults:
        raise UserError("; ".join(faults), code="alert.invalid")
    return Response(headers={"cache-control": "no-store"})


def _alerts(pipeline: Pipeline, wanted: AlertFilter, now: int) -> list[dict[str, Any]]:
    found = []
    for alert in pipeline.alerts(now):
        receivers = [route.options.receiver for route in pipeline.routes_of(alert.labels)]
        if wanted.fits_receiver(*receivers) and wanted.fits_labels(dict(alert.labels)):
            status = pipeline.status_of(alert, now)
            if _is_wanted(status, wanted):
                found.append(alert_document(alert, status, receivers))
    return found


def _groups(pipeline: Pipeline, wanted: AlertFilter, now: int) -> list[dict[str, Any]]:
    chosen = []
    receivers: dict[int, list[str]] = {}
    for group in pipeline.groups():
        receiver = group.route.options.receiver
        if not wanted.fits_receiver(receiver):
            continue
        shown = []
        for alert in group.alerts.values():
            if (alert.ends_at and alert.ends_at < now) or not wanted.fits_labels(dict(alert.labels)):
                continue
            status = pipeline.status_of(alert, now)
            if _is_wanted(status, wanted):
                shown.append((alert, status))
                receivers.setdefault(alert.fingerprint, []).append(receiver)
        if shown and (wanted.muted or not group.muted_by):
            chosen.append((group, pipeline.in_order(shown)))
    return [
        {
            "alerts": [
                alert_document(alert, status, sorted(receivers[alert.fingerprint]), group.muted_by)
                for alert, status in shown
            ],
            "labels": dict(group.labels),
            "receiver": {"name": group.route.options.receiver},
        }
        for group, shown in chosen
    ]


def _is_wanted(status: AlertStatus, wanted: AlertFilter) -> bool:
    return (
        (wanted.active or status.state != "active")
        and (wanted.silenced or not status.silenced_by)
        and (wanted.inhibited or not status.inhibited_by)
    )
