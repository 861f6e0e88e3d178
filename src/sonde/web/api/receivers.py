"""``/receivers``: who can be told of alerts and how that has gone, and a notification to try it out.

A test goes to every integration of a receiver at once and past the pipeline: it is not grouped, not silenced, and not
in the notification log. Of the configuration only what is no secret is told.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from sonde.errors import Conflict, NotFound, UserError
from sonde.notify.alert import Alert
from sonde.notify.configuration import Integration
from sonde.notify.history import History
from sonde.notify.notifier import Batch, Notifier, Result
from sonde.notify.pipeline import IntegrationStatus, Pipeline
from sonde.notify.run import notification
from sonde.telemetry.tenancy import Role
from sonde.web.alertmanager.time import time_text
from sonde.web.api.acknowledge import Given, audited, note
from sonde.web.asking import Around, Reader

TEST_NAME: Final = "SondeTestNotification"
TEST_SECONDS: Final = 20.0
"""How long a receiver has to answer to a test."""
_NANO: Final = 1e9
_WHERE: Final[Mapping[str, str]] = {
    "slack": "channel",
    "rocketchat": "channel",
    "email": "to",
    "telegram": "chat_id",
    "webex": "room_id",
    "jira": "project",
    "sns": "topic_arn",
}
"""The field of a kind that says whom it reaches, where that is no secret."""
_log = logging.getLogger(__name__)
routes = APIRouter(prefix="/receivers", tags=["alerting"])


@dataclass(frozen=True, slots=True)
class Sending:
    """Who sends, as ``app.state.receivers``; the rest is what Alertmanager's API was given."""

    notifiers: Callable[[str], Mapping[str, Notifier]]
    """Who sends for a tenant, by integration, as of now."""
    history: History | None = None
    """Where tests are noted, too."""
    testing: set[tuple[str, str]] = field(default_factory=set)
    """Tenants and receivers whose test is under way."""


async def sending(request: Request) -> Sending:
    """Who sends."""
    known: Sending = request.app.state.receivers
    return known


Senders = Annotated[Sending, Depends(sending)]


class Wanted(BaseModel):
    """What is to be told: that a test alert fires, or that it has ended."""

    status: Literal["firing", "resolved"] = "firing"


@routes.get("")
async def read_receivers(caller: Reader, given: Given) -> dict[str, Any]:
    """Every receiver with its integrations; counts are since the server began."""
    return {"receivers": await given.alertings.of(caller.tenant).ask(_receivers)}


@routes.post("/{name:path}/test")
async def test_receiver(
    request: Request, name: str, caller: Reader, around: Around, given: Given, senders: Senders, wanted: Wanted
) -> dict[str, Any]:
    """Tell a receiver of a test alert, now and through all of its integrations; answers how each went."""
    caller.require(Role.WRITE)
    integrations = await given.alertings.of(caller.tenant).ask(_integrations_of, name)
    place = (caller.tenant, name)
    if place in senders.testing:
        raise Conflict(f"a test of {name} is under way", code="receiver.busy", hint="its answer comes within seconds")
    senders.testing.add(place)
    try:
        batches = [
            _test_batch(integration, wanted.status, by=caller.identity.name, now=given.now())
            for integration in integrations
        ]
        entry = audited("receiver.test", name, caller.identity.name, caller.tenant, given.now(), request)
        await note(around, entry)
        sent = await asyncio.gather(*(_sent(batch, senders, given.now, caller.tenant) for batch in batches))
    finally:
        senders.testing.discard(place)
    return {"receiver": name, "status": wanted.status, "results": sent}


def _receivers(pipeline: Pipeline) -> list[dict[str, Any]]:
    statuses = pipeline.statuses()
    return [
        {"name": name, "integrations": [_integration(each, statuses.get(each.key)) for each in integrations]}
        for name, integrations in pipeline.configuration.receivers.items()
    ]


def _integration(integration: Integration, status: IntegrationStatus | None) -> dict[str, Any]:
    where = getattr(integration.config, _WHERE.get(integration.kind, ""), "")
    return {
        "key": integration.key,
        "kind": integration.kind,
        "where": str(where or ""),
        "send_resolved": integration.config.send_resolved,
        "sent": status.sent if status else 0,
        "failed": status.failed if status else 0,
        "attempts": status.attempts if status else 0,
        "last_attempt_at": time_text(status.last_attempt_at) if status and status.last_attempt_at else None,
        "last_duration_seconds": status.last_duration / _NANO if status and status.last_attempt_at else None,
        "last_error": status.last_error if status else "",
    }


def _integrations_of(pipeline: Pipeline, name: str) -> Sequence[Integration]:
    integrations = pipeline.configuration.receivers.get(name)
    if integrations is None:
        raise NotFound(f"there is no receiver {name}", code="receiver.unknown", hint="GET /api/v1/receivers lists all")
    if not integrations:
        raise UserError(
            f"the receiver {name} has no integration: it tells nobody, on purpose", code="receiver.has_no_integration"
        )
    return integrations


def _test_batch(integration: Integration, status: Literal["firing", "resolved"], *, by: str, now: int) -> Batch:
    labels = (("alertname", TEST_NAME), ("receiver", integration.receiver), ("severity", "info"))
    alert = Alert(
        labels,
        (
            ("description", f"Nothing is wrong. {by} wants to know whether {integration.receiver} can be reached."),
            ("summary", "A test notification of Sonde"),
        ),
        starts_at=now,
        ends_at=now if status == "resolved" else 0,
        updated_at=now,
    )
    group = labels[:2]
    return Batch(
        receiver=integration.receiver,
        integration=integration.key,
        group_key=f"{{}}:{TEST_NAME}/{integration.receiver}",  # the same for the end, so that it ends what began
        group_labels=group,
        alerts=(alert,),
        at=now,
    )


async def _sent(batch: Batch, senders: Sending, now: Callable[[], int], tenant: str) -> dict[str, Any]:
    began = now()
    result = await _attempt(batch, senders.notifiers(tenant).get(batch.integration))
    ended = now()
    if senders.history is not None:
        told = notification(batch, result, began=began, ended=ended)
        await asyncio.to_thread(senders.history.note, [told], tenant=tenant)
    return {
        "key": batch.integration,
        "kind": batch.integration.rsplit("/", 2)[1],
        "delivered": result.delivered,
        "error": result.error,
        "duration_seconds": (ended - began) / _NANO,
    }


async def _attempt(batch: Batch, notifier: Notifier | None) -> Result:
    if notifier is None:
        return Result("nobody sends for this integration")
    try:
        async with asyncio.timeout(TEST_SECONDS):
            return await notifier.notify(batch)
    except TimeoutError:
        return Result(f"there was no answer within {TEST_SECONDS:.0f} seconds", reason="contextDeadlineExceeded")
    except Exception as error:  # noqa: BLE001 - a notifier's bug is the result of the test
        _log.exception("the notifier of %s has a bug", batch.integration)
        return Result(f"{type(error).__name__}: {error}")
