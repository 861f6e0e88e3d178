"""The same paths as Loki has them: its rules are LogQL, which is not here yet, so there are none and none are taken."""

from __future__ import annotations

from typing import Final

from fastapi import Depends, Response

from sonde.errors import NotFound, Unsupported
from sonde.telemetry.tenancy import Role
from sonde.web.asking import Reader, reader
from sonde.web.ruler.answer import router
from sonde.web.ruler.place import Asked

_HINT: Final = "rules in PromQL and SQL are put to /prometheus/config/v1/rules"
routes = router()


@routes.get("/rules{rest:path}", dependencies=[Depends(reader)])
async def show(place: Asked) -> Response:
    """There are no groups; Loki says that so."""
    raise NotFound("no rule groups found" if place.group is None else "group does not exist")


@routes.post("/rules{rest:path}")
async def put(caller: Reader) -> Response:
    """Refused aloud."""
    caller.require(Role.WRITE)
    raise Unsupported("rules in LogQL are not supported yet", code="rules.logql", hint=_HINT)


@routes.delete("/rules{rest:path}")
async def delete(caller: Reader, place: Asked) -> Response:
    """There is nothing that could be deleted."""
    caller.require(Role.WRITE)
    raise NotFound("group does not exist" if place.group is not None else "group namespace does not exist")
