"""Acknowledging alerts: by callers with a key, ``/api/v1``; ``acknowledge_page`` is for people with a link."""

from __future__ import annotations

import asyncio
import re
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from sonde.errors import NotFound, UserError
from sonde.notify.alert import Alert, fingerprint_text
from sonde.notify.pipeline import Pipeline
from sonde.notify.response.acknowledgement import Acknowledgement
from sonde.state.audit_log import AuditEntry, record
from sonde.telemetry.duration import parse_nanoseconds
from sonde.telemetry.tenancy import Role
from sonde.web.alertmanager.configured import Configured
from sonde.web.alertmanager.time import time_text
from sonde.web.asking import Around, Reader, peer
from sonde.web.surroundings import Surroundings

routes = APIRouter(tags=["alerting"])
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{16}", re.ASCII)
_LONGEST: Final = 365 * 24 * 3600 * 10**9


async def configured(request: Request) -> Configured:
    """What Alertmanager's API was given. Raises ``NotFound`` where nobody is told of alerts."""
    known: Configured | None = getattr(request.app.state, "alertmanager", None)
    if known is None:
        hint = "name Alertmanager's file in alertmanager.config_file"
        raise NotFound("nobody is told of alerts", code="alerting.not_configured", hint=hint)
    return known


Given = Annotated[Configured, Depends(configured)]


class Word(BaseModel):
    """Somebody takes care of an alert."""

    model_config = ConfigDict(extra="forbid")

    comment: Annotated[str, Field(max_length=1000, description="What is being done")] = ""
    by: Annotated[str, Field(max_length=100, description="Who takes care; the name of the key")] = ""
    lasts: Annotated[str, Field(alias="for", max_length=20, description="Such as 2h; until the alert ends")] = ""


@routes.post("/alerts/{fingerprint}/acknowledge", status_code=201)
async def acknowledge(
    fingerprint: str, request: Request, caller: Reader, around: Around, given: Given, word: Word
) -> dict[str, Any]:
    """Acknowledge an alert that fires: its escalation stops, and it is not repeated."""
    caller.require(Role.WRITE)
    now = given.now()
    number = _number(fingerprint)
    until = _until(word.lasts, now)
    by = word.by.strip() or caller.identity.name
    kept = await given.alertings.of(caller.tenant).change(
        Pipeline.acknowledge, number, by, word.comment.strip(), now, until
    )
    entry = audited("alert.acknowledge", fingerprint, caller.identity.name, caller.tenant, now, request)
    await note(around, entry)
    return document(kept)


@routes.delete("/alerts/{fingerprint}/acknowledge", status_code=204)
async def withdraw(fingerprint: str, request: Request, caller: Reader, around: Around, given: Given) -> None:
    """Take an acknowledgement back: repeats and escalation go on."""
    caller.require(Role.WRITE)
    now = given.now()
    await given.alertings.of(caller.tenant).change(Pipeline.withdraw_acknowledgement, _number(fingerprint), now)
    entry = audited("alert.unacknowledge", fingerprint, caller.identity.name, caller.tenant, now, request)
    await note(around, entry)


@routes.get("/acknowledgements")
async def acknowledgements(caller: Reader, given: Given) -> dict[str, Any]:
    """The alerts that fire and are acknowledged, oldest acknowledgement first."""
    found = await given.alertings.of(caller.tenant).ask(Pipeline.acknowledged, given.now())
    return {"acknowledgements": [{**document(kept), "labels": dict(alert.labels)} for alert, kept in found]}


def document(kept: Acknowledgement) -> dict[str, Any]:
    """An acknowledgement as the API shows it; ``until`` is null when it lasts as long as its alert."""
    return {
        "fingerprint": fingerprint_text(kept.fingerprint),
        "starts_at": time_text(kept.starts_at),
        "by": kept.by,
        "comment": kept.comment,
        "at": time_text(kept.at),
        "until": time_text(kept.until) if kept.until else None,
    }


def audited(action: str, subject: str, actor: str, tenant: str, now: int, request: Request) -> AuditEntry:
    """What is written down of a deed."""
    return AuditEntry(now / 1e9, actor, tenant, action, subject, peer(request))


async def note(around: Surroundings, *entries: AuditEntry) -> None:
    """Write down who did what."""
    for entry in entries:
        await asyncio.to_thread(record, around.state, entry)


def name_of(alert: Alert) -> str:
    """What an alert is called where people read it."""
    return alert.name or fingerprint_text(alert.fingerprint)


def _number(fingerprint: str) -> int:
    if not _FINGERPRINT.fullmatch(fingerprint):
        hint = "it has 16 hexadecimal digits, as in /alertmanager/api/v2/alerts"
        raise UserError(f"{fingerprint[:100]!r} is no fingerprint", code="alert.fingerprint", hint=hint)
    return int(fingerprint, 16)


def _until(lasts: str, now: int) -> int:
    if not lasts:
        return 0
    nanoseconds = parse_nanoseconds(lasts)
    if not 0 < nanoseconds <= _LONGEST:
        raise UserError("an acknowledgement lasts up to a year", code="bad_duration", hint="write it like 2h")
    return now + nanoseconds
