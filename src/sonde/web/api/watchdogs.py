"""``GET /watchdogs``: whom we tell that we live, what must come to us, and how both go."""

from __future__ import annotations

import asyncio
from typing import Any, Final, Literal

from fastapi import APIRouter

from sonde.notify.matchers import matcher_text
from sonde.notify.response.watchdog import Expectation, Ping
from sonde.notify.watchdog.arrivals import Arrival
from sonde.notify.watchdog.pings import PingStatus
from sonde.web.api.automation import Told, moment
from sonde.web.api.url_file import target_of
from sonde.web.asking import Around

routes = APIRouter(tags=["alerting"])
_NANO: Final = 1e9
_HELD: Final = "not called: "
"""How the status of a ping begins that was not made because we do not work."""
_CALL: Final = 10 * 10**9
_MISSED: Final = 2

PingState = Literal["fine", "waiting", "held", "failing", "late"]
"""``held``: not called, because something of the chain from data to alert does not work; ``late``: it should have
arrived again by now, and nobody knows why it has not."""


@routes.get("/watchdogs")
async def watchdogs(told: Told, around: Around) -> dict[str, Any]:
    """The dead-man's switches of the response file, of both ways. Of a URL only the host is told.

    A ping is ``fine``, ``waiting`` for its first call, ``held`` back by ``error``, ``failing`` with ``error``, or
    ``late``. An expectation is ``fine``, ``waiting`` for its first arrival, or ``missing``.
    """
    pings, arrivals = told.statuses()
    now = around.now_nano()
    return {
        "pings": await asyncio.to_thread(
            lambda: [_ping(each, pings.get(each.name, PingStatus()), now) for each in told.plan.watchdogs.pings]
        ),
        "expectations": [
            _expectation(each, arrivals.get(each.name, Arrival(0))) for each in told.plan.watchdogs.expectations
        ],
    }


def state_of(ping: Ping, status: PingStatus, now: int) -> PingState:
    """How a ping goes.

    >>> from pathlib import Path
    >>> ping, minute = Ping("outside", Path("url")), 60 * 10**9
    >>> state_of(ping, PingStatus(), minute), state_of(ping, PingStatus(minute, minute), minute)
    ('waiting', 'fine')
    >>> state_of(ping, PingStatus(minute, minute), 9 * minute)
    'late'
    >>> state_of(ping, PingStatus(error="not called: data: starting"), 1), state_of(ping, PingStatus(1, error="500"), 2)
    ('held', 'failing')
    """
    if status.error:
        return "held" if status.error.startswith(_HELD) else "failing"
    if not status.arrived_at:
        return "waiting"
    return "fine" if now - status.arrived_at <= _MISSED * ping.every + _CALL else "late"


def _ping(ping: Ping, status: PingStatus, now: int) -> dict[str, Any]:
    return {
        "name": ping.name,
        **target_of(ping.url_file),
        "method": ping.method,
        "every_seconds": ping.every / _NANO,
        "state": state_of(ping, status, now),
        "last_attempt_at": moment(status.attempted_at),
        "last_arrival_at": moment(status.arrived_at),
        "error": status.error.removeprefix(_HELD),
    }


def _expectation(each: Expectation, arrival: Arrival) -> dict[str, Any]:
    is_over = bool(arrival.missing_at) or not arrival.since
    return {
        "name": each.name,
        "matchers": [matcher_text(matcher) for matcher in each.matchers],
        "within_seconds": each.within / _NANO,
        "receivers": list(each.receivers),
        "alert_labels": dict(each.alert_labels),
        "state": "missing" if arrival.missing_at else "fine" if arrival.last_at else "waiting",
        "last_came_at": moment(arrival.last_at),
        "missing_since": moment(arrival.missing_at),
        "due_at": None if is_over else moment(arrival.since + each.within),
    }
