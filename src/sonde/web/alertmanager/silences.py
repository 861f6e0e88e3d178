"""``/silences`` and ``/silence/{id}``."""

from __future__ import annotations

import uuid
from typing import Final

from fastapi import Request, Response

from sonde.errors import NotFound, UserError
from sonde.notify.pipeline import Pipeline
from sonde.notify.silence import Silence, SilenceState
from sonde.telemetry.tenancy import Role
from sonde.web.alertmanager.answer import bad_type, router, written
from sonde.web.alertmanager.configured import Given
from sonde.web.alertmanager.document import silence_document
from sonde.web.alertmanager.question import matchers_of, posted_silence, read_body
from sonde.web.asking import Reader

routes = router()
_ORDER: Final = {SilenceState.ACTIVE: 1, SilenceState.PENDING: 2, SilenceState.EXPIRED: 3}


@routes.get("/silences")
async def silences(request: Request, caller: Reader, given: Given) -> Response:
    """The silences that have all these matchers: active ones first, then those to come, then those of the past."""
    wanted, now = matchers_of(request.query_params.getlist("filter")), given.now()
    known = await given.alertings.of(caller.tenant).ask(_all)
    fitting = [silence for silence in known if set(wanted) <= set(silence.matchers)]
    return written([silence_document(silence, now) for silence in sorted(fitting, key=lambda each: _place(each, now))])


@routes.post("/silences")
async def post_silence(request: Request, caller: Reader, given: Given) -> Response:
    """Add a silence, or change the one of this id."""
    caller.require(Role.WRITE)
    silence, now = posted_silence(await read_body(request, "silence")), given.now()
    if silence.starts_at >= silence.ends_at:
        raise UserError("Failed to create silence: start time must be before end time", code="silence.invalid")
    if silence.ends_at < now:
        raise UserError("Failed to create silence: end time can't be in the past", code="silence.invalid")
    kept = await given.alertings.of(caller.tenant).change(Pipeline.put_silence, silence, now)
    return written({"silenceID": kept.id})


@routes.get("/silence/{silence_id}")
async def silence(silence_id: str, caller: Reader, given: Given) -> Response:
    """One silence."""
    try:
        found = await given.alertings.of(caller.tenant).ask(_one, _id(silence_id))
    except NotFound:
        return Response(status_code=404, headers={"cache-control": "no-store"})
    return written(silence_document(found, given.now()))


@routes.delete("/silence/{silence_id}")
async def delete_silence(silence_id: str, caller: Reader, given: Given) -> Response:
    """End a silence; it stays to be seen for a while."""
    caller.require(Role.WRITE)
    try:
        await given.alertings.of(caller.tenant).change(Pipeline.expire_silence, _id(silence_id), given.now())
    except NotFound:
        return Response(status_code=404, headers={"cache-control": "no-store"})
    return Response(headers={"cache-control": "no-store"})


def _all(pipeline: Pipeline) -> list[Silence]:
    return list(pipeline.silences)


def _one(pipeline: Pipeline, silence_id: str) -> Silence:
    return pipeline.silences.get(silence_id)


def _id(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise bad_type("silenceID", "path", "uuid", text) from None


def _place(silence: Silence, now: int) -> tuple[int, int, str]:
    state = silence.state_at(now)
    match state:
        case SilenceState.ACTIVE:
            at = silence.ends_at
        case SilenceState.PENDING:
            at = silence.starts_at
        case _:
            at = -silence.ends_at
    return _ORDER[state], at, silence.id
