"""What the endpoints of responses, watchdogs and the digest's time are given: the response file and what it led to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from sonde.errors import NotFound
from sonde.notify.automation.runs import Run
from sonde.notify.response.plan import ResponsePlan
from sonde.notify.watchdog.arrivals import Arrival
from sonde.notify.watchdog.pings import PingStatus
from sonde.web.alertmanager.time import time_text
from sonde.web.asking import Reader


def _no_runs() -> Sequence[Run]:
    return ()


def _no_statuses() -> tuple[Mapping[str, PingStatus], Mapping[str, Arrival]]:
    return {}, {}


@dataclass(frozen=True, slots=True)
class Automation:
    """What is done by itself for one tenant."""

    plan: ResponsePlan
    """What the response file says."""
    runs: Callable[[], Sequence[Run]] = _no_runs
    """Of responses, newest first; may take a while."""
    statuses: Callable[[], tuple[Mapping[str, PingStatus], Mapping[str, Arrival]]] = _no_statuses
    """Of watchdogs, by their names."""


@dataclass(frozen=True, slots=True)
class Configured:
    """What these endpoints are given, as ``app.state.automation``."""

    of: Callable[[str], Automation | None]
    """What is done for a tenant; None: nothing."""


async def _of_caller(request: Request, caller: Reader) -> Automation:
    """What is done for who asks. Tenants without a response file see as little as one whose file is empty."""
    given: Configured | None = getattr(request.app.state, "automation", None)
    if given is None:
        raise NotFound("nothing is done by itself here", code="automation_not_configured")
    return given.of(caller.tenant) or Automation(ResponsePlan())


Told = Annotated[Automation, Depends(_of_caller)]


def moment(at: int) -> str | None:
    """A time as the API writes it; 0 is "never".

    >>> moment(1782900000500000000), moment(0)
    ('2026-07-01T10:00:00.500Z', None)
    """
    return time_text(at) if at else None
