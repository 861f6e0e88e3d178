"""Drives the dead-man's switches of one tenant in real time, both ways; ``web/api/heartbeat`` brings heartbeats."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from sonde.notify.call import CallFailed, call
from sonde.notify.clockwork import Alarm, Alone
from sonde.notify.configuration import Configuration
from sonde.notify.configuration.sections import RouteSection
from sonde.notify.notifiers.http_client import HttpClients
from sonde.notify.response.watchdog import WATCHDOG, Expectation, Ping, Watchdogs
from sonde.notify.run import Alerting
from sonde.notify.watchdog.arrivals import Arrival, Arrivals, present
from sonde.notify.watchdog.pings import Pings, PingStatus
from sonde.telemetry.matcher import Matcher

_log = logging.getLogger(__name__)
_CALL_SECONDS: Final = 10.0
_REST_SECONDS: Final = 5.0


class Watching:
    """Watches, and is watched.

    Args:
        pings: When we call others.
        arrivals: What must come.
        alerting: Where alerts come from, and where those about what is missing go.
        clients: Who calls.
        now: The time, in nanoseconds.
    """

    def __init__(
        self, pings: Pings, arrivals: Arrivals, alerting: Alerting, clients: HttpClients, now: Callable[[], int]
    ) -> None:
        self._pings = pings
        self._arrivals = arrivals
        self._alerting = alerting
        self._clients = clients
        self._now = now
        self._alone = Alone()
        self._alarm = Alarm(now, least_seconds=0.02)
        self._calls: set[asyncio.Task[None]] = set()
        self._said: dict[str, str] = {}

    async def heartbeat(self, name: str) -> None:
        """A heartbeat has come; durable when this returns. Raises ``NotFound`` if nobody waits for one."""
        await self._alone(self._arrivals.heartbeat, name, self._now())
        self._alarm.ring()

    async def reload(self, watchdogs: Watchdogs) -> None:
        """Go on with other watchdogs."""
        await self._alone(self._arrivals.reload, watchdogs.expectations, self._now())
        self._pings.reload(watchdogs.pings, self._now())
        self._alarm.ring()

    def statuses(self) -> tuple[Mapping[str, PingStatus], Mapping[str, Arrival]]:
        """How calls go, and what has come, by the names of the watchdogs."""
        return self._pings.statuses(), self._arrivals.arrivals()

    async def run(self) -> None:
        """Run until cancelled."""
        try:
            while True:
                self._alarm.reset()
                for ping in self._pings.advance(self._now()):
                    task = asyncio.create_task(self._call(ping), name=f"watchdog {ping.name}")
                    self._calls.add(task)
                    task.add_done_callback(self._calls.discard)
                self._say()
                try:
                    if self._arrivals.next_at() <= self._now():
                        await self._look()
                except Exception:  # noqa: BLE001 - whatever it was, what must come is waited for
                    _log.exception("watchdogs could not look at what has come; they look again in %g s", _REST_SECONDS)
                    await asyncio.sleep(_REST_SECONDS)
                await self._alarm.wait(self._next_at())
        finally:
            for task in self._calls:
                task.cancel()
            await asyncio.gather(*self._calls, return_exceptions=True)

    def _next_at(self) -> int:
        due = self._pings.next_at()
        return self._arrivals.next_at() if due is None else min(due, self._arrivals.next_at())

    async def _look(self) -> None:
        alerts = await self._alerting.ask(present, self._now(), list(self._arrivals.expectations.values()))
        if posted := await self._alone(self._arrivals.advance, alerts, self._now()):
            for fault in await self._alerting.post(posted):
                _log.error("an alert of a watchdog was refused: %s", fault)

    async def _call(self, ping: Ping) -> None:
        error = ""
        seconds = min(_CALL_SECONDS, ping.every / 1e9)
        try:
            await call(self._clients, ping.url_file, method=ping.method, now=self._now(), timeout_seconds=seconds)
        except CallFailed as failure:
            error = failure.message
        self._pings.settle(ping, error, self._now())
        self._say()

    def _say(self) -> None:
        """Log what goes wrong with a call once, not at each."""
        errors = {name: status.error for name, status in self._pings.statuses().items()}
        for name, error in errors.items():
            if error and error != self._said.get(name):
                _log.warning("watchdog %s: %s", name, error)
        self._said = errors


def routed(configuration: Configuration, expectations: Sequence[Expectation]) -> Configuration:
    """The configuration with routes, before all others, by which the watchdogs' alerts reach their receivers.

    >>> from sonde.notify.configuration import parse_configuration
    >>> configuration = parse_configuration("{route: {receiver: a}, receivers: [{name: a}, {name: ops}]}")
    >>> routed(configuration, [Expectation("backup", 1, receivers=("ops",))]).route.routes[0].receiver
    'ops'
    """
    added: list[RouteSection] = []
    for each in expectations:
        for place, receiver in enumerate(each.receivers, start=1):
            matchers = (Matcher("alertname", "=", each.alert_name), Matcher(WATCHDOG, "=", each.name))
            said = {
                "matchers": matchers,
                "group_by": ("alertname", WATCHDOG),
                "continue_": place < len(each.receivers),
            }
            added.append(RouteSection(receiver=receiver).model_copy(update=said))
    if not added:
        return configuration
    root = configuration.route
    return replace(configuration, route=root.model_copy(update={"routes": (*added, *root.routes)}))
