"""``POST /heartbeat/{name}``: something that must come again and again has come; a watchdog waits for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Protocol

from fastapi import APIRouter, Path, Request

from sonde.errors import NotFound
from sonde.web.asking import Sender

routes = APIRouter(tags=["alerting"])


class Heartbeats(Protocol):
    """Who waits for heartbeats of one tenant."""

    async def heartbeat(self, name: str) -> None:
        """One has come; durable when this returns. Raises ``NotFound`` if nobody waits for it."""
        ...


@dataclass(frozen=True, slots=True)
class Configured:
    """What the endpoint of this file is given, as ``app.state.heartbeats``."""

    of: Callable[[str], Heartbeats | None]
    """Who waits for those of a tenant."""


@routes.post("/heartbeat/{name}", status_code=204)
async def heartbeat(request: Request, caller: Sender, name: Annotated[str, Path(max_length=100)]) -> None:
    """Say that it has come. Any key may, as it may send data; a body is not read."""
    given: Configured | None = getattr(request.app.state, "heartbeats", None)
    waiting = given.of(caller.tenant) if given else None
    if waiting is None:
        raise NotFound(
            f"no watchdog named {name} expects a heartbeat",
            code="watchdog_not_found",
            hint="it stands in `watchdogs` of the response file, with `expect`",
        )
    await waiting.heartbeat(name)
