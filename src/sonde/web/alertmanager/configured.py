"""What the endpoints of this room are given: each tenant's pipeline, and what reads the configuration again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Protocol

from fastapi import Depends, Request

from sonde.notify.run import Alerting


class Alertings(Protocol):
    """Every tenant's alerting."""

    def of(self, tenant: str) -> Alerting:
        """A tenant's alerting. Raises ``NotFound`` for a tenant that has none."""
        ...


@dataclass(frozen=True, slots=True)
class Configured:
    """What is configured."""

    alertings: Alertings
    now: Callable[[], int]
    """The time, in Unix nanoseconds."""
    started_at: int
    version: str
    reload: Callable[[], Awaitable[None]] | None = None
    """Reads the configuration again; raises ``UserError`` if it is wrong, and then nothing has changed."""


async def configured(request: Request) -> Configured:
    """What ``install`` was given."""
    known: Configured = request.app.state.alertmanager
    return known


Given = Annotated[Configured, Depends(configured)]
