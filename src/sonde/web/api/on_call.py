"""``/on-call``: who is on call now and next, who is told when nobody acknowledges, and who stands in for whom."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from sonde.notify.matchers import matcher_text
from sonde.notify.pipeline import Pipeline
from sonde.notify.response.escalation import EscalationPolicy
from sonde.notify.response.on_call import Override, Rotation, Turn, turns_from
from sonde.query.window import parse_time
from sonde.telemetry.duration import duration_text
from sonde.telemetry.tenancy import Role
from sonde.web.alertmanager.time import time_text
from sonde.web.api.acknowledge import Given, audited, note
from sonde.web.asking import Around, Reader

routes = APIRouter(prefix="/on-call", tags=["alerting"])
_UPCOMING: Final = 5


class StandIn(BaseModel):
    """Somebody stands in for whoever is on call."""

    model_config = ConfigDict(extra="forbid")

    rotation: Annotated[str, Field(min_length=1, max_length=200)]
    person: Annotated[str, Field(min_length=1, max_length=200)]
    since: Annotated[str, Field(min_length=1, max_length=50, description="RFC 3339, Unix seconds, or now")]
    until: Annotated[str, Field(min_length=1, max_length=50, description="RFC 3339 or Unix seconds")]


@routes.get("")
async def on_call(caller: Reader, given: Given) -> dict[str, Any]:
    """The rotations with the present turn and the next five, the overrides, the escalation policies and the people."""
    return await given.alertings.of(caller.tenant).ask(_document, given.now())


@routes.post("/overrides", status_code=201)
async def put_override(
    request: Request, caller: Reader, around: Around, given: Given, wanted: StandIn
) -> dict[str, Any]:
    """Let somebody stand in. Of several at the same time the one that was made last is true."""
    caller.require(Role.WRITE)
    now = given.now()
    override = Override(
        id=str(uuid.uuid4()),
        rotation=wanted.rotation,
        person=wanted.person,
        since=parse_time(wanted.since, now_nano=now),
        until=parse_time(wanted.until, now_nano=now),
        by=caller.identity.name,
        made_at=now,
    )
    await given.alertings.of(caller.tenant).change(_put, override, now)
    subject = f"{override.id} {override.rotation}: {override.person}"
    await note(around, audited("on_call.override", subject, caller.identity.name, caller.tenant, now, request))
    return _override(override)


@routes.delete("/overrides/{override_id}", status_code=204)
async def drop_override(override_id: str, request: Request, caller: Reader, around: Around, given: Given) -> None:
    """End an override."""
    caller.require(Role.WRITE)
    gone = await given.alertings.of(caller.tenant).change(_drop, override_id)
    subject = f"{gone.id} {gone.rotation}: {gone.person}"
    entry = audited("on_call.override_end", subject, caller.identity.name, caller.tenant, given.now(), request)
    await note(around, entry)


def _put(pipeline: Pipeline, override: Override, now: int) -> None:
    pipeline.responder.put_override(override, now)


def _drop(pipeline: Pipeline, override_id: str) -> Override:
    return pipeline.responder.drop_override(override_id)


def _document(pipeline: Pipeline, now: int) -> dict[str, Any]:
    plan, overrides = pipeline.responder.plan, pipeline.responder.overrides
    return {
        "rotations": [_rotation(rotation, overrides, now) for rotation in plan.rotations],
        "overrides": [_override(override) for override in overrides if override.until > now],
        "escalations": [_escalation(policy) for policy in plan.escalations],
        "people": [{"name": person.name, "receivers": list(person.receivers)} for person in plan.people],
    }


def _rotation(rotation: Rotation, overrides: Iterable[Override], now: int) -> dict[str, Any]:
    present, *upcoming = (_turn(turn) for turn in itertools.islice(turns_from(rotation, overrides, now), _UPCOMING + 1))
    return {
        "name": rotation.name,
        "time_zone": rotation.time_zone,
        "handoff": str(rotation.handoff),
        "people": list(rotation.people),
        "now": present,
        "upcoming": upcoming,
    }


def _turn(turn: Turn) -> dict[str, Any]:
    return {
        "person": turn.person,
        "since": time_text(turn.since),
        "until": time_text(turn.until),
        "is_override": turn.is_override,
    }


def _override(override: Override) -> dict[str, Any]:
    return {
        "id": override.id,
        "rotation": override.rotation,
        "person": override.person,
        "since": time_text(override.since),
        "until": time_text(override.until),
        "by": override.by,
    }


def _escalation(policy: EscalationPolicy) -> dict[str, Any]:
    return {
        "name": policy.name,
        "matchers": [matcher_text(matcher) for matcher in policy.matchers],
        "steps": [
            {"after": duration_text(step.after // 10**6), "notify": [str(target) for target in step.notify]}
            for step in policy.steps
        ],
        "repeat": policy.repeat,
    }
