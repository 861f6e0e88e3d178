"""Tells Alertmanagers elsewhere of the alerts of rules: what Prometheus does with its ``alerting`` section."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from sonde.errors import Unavailable
from sonde.notify.alertmanagers import counts
from sonde.notify.alertmanagers.alerting_config import AlertingConfig
from sonde.notify.alertmanagers.alertmanager_set import AlertmanagerSet, Means, OnItsWay
from sonde.notify.alertmanagers.delivery import Delivery
from sonde.notify.alertmanagers.send_loop import Bounds
from sonde.receivers.prometheus.relabel import relabel
from sonde.rules.notify import SentAlert
from sonde.telemetry.tenancy import DEFAULT_TENANT

_AT_ONCE: Final = 64
"""After so many alerts others have a turn."""


class AlertmanagerSender:
    """A ``rules.notify.Notifier`` that sends alerts of one tenant to Alertmanagers; it lives on one event loop.

    Args:
        config: Who is told.
        tenant: Whose alerts they are. Those of others are not for these Alertmanagers, of whom they see nothing.
        now: The time, in nanoseconds.
        environment: Where ``proxy_from_environment`` looks.
        bounds: How much is kept, sent at once, and waited for.
    """

    def __init__(
        self,
        config: AlertingConfig = AlertingConfig(),
        *,
        tenant: str = DEFAULT_TENANT,
        now: Callable[[], int] = time.time_ns,
        environment: Mapping[str, str] = os.environ,
        bounds: Bounds = Bounds(),
    ) -> None:
        self._config = config
        self._tenant = tenant
        self._means = Means(now, environment, bounds)
        self._sets: list[AlertmanagerSet] = []
        self._is_running = False
        self._changing = asyncio.Lock()

    async def start(self) -> None:
        """Begin to look for Alertmanagers."""
        async with self._changing:
            counts.capacity(self._means.bounds.queue_capacity)
            self._sets = [self._set(place) for place in range(len(self._config.alertmanagers))]
            self._is_running = True

    async def stop(self) -> None:
        """Take no more alerts, send what is queued for a short while, and close all connections."""
        async with self._changing:
            self._is_running = False
            await asyncio.gather(*(each.close() for each in self._sets))
            self._sets = []
            await self._means.sessions.close()

    async def reload(self, config: AlertingConfig) -> None:
        """Go on with another configuration.

        Sections that have not changed keep their Alertmanagers and queues; the queues of others are sent before.
        """
        async with self._changing:
            left = list(self._sets)
            kept: list[AlertmanagerSet | None] = []
            for section in config.alertmanagers:
                same = next((each for each in left if each.key == (section, config.legacy_names)), None)
                kept.append(same)
                if same is not None:
                    left.remove(same)
            was_running, self._is_running = self._is_running, False
            try:
                await asyncio.gather(*(each.close() for each in left))
            finally:
                self._config = config
                if was_running:
                    self._sets = [each or self._set(place) for place, each in enumerate(kept)]
                self._is_running = was_running

    async def notify(self, alerts: Sequence[SentAlert], *, tenant: str) -> None:
        """Queue alerts for all Alertmanagers; waits for none of them.

        Raises:
            Unavailable: Not running, being reloaded, or nobody has been found yet; the alerts are to come again.
        """
        if tenant != self._tenant:
            return
        for first in range(0, len(alerts), _AT_ONCE):
            if first:
                await asyncio.sleep(0)
            if not self._is_running:
                raise Unavailable("Alertmanagers are not told of alerts just now", code="alerting.paused")
            if self._sets and all(each.is_looking for each in self._sets):
                raise Unavailable("no Alertmanager has been found yet", code="alerting.nobody")
            self._queue(alerts[first : first + _AT_ONCE])

    def active(self, tenant: str) -> tuple[str, ...]:
        """The URLs to which alerts of a tenant are posted."""
        return tuple(url for each in self._sets for url in each.active) if tenant == self._tenant else ()

    def dropped(self, tenant: str) -> tuple[str, ...]:
        """The URLs of Alertmanagers that relabelling has dropped."""
        return tuple(url for each in self._sets for url in each.dropped) if tenant == self._tenant else ()

    def _queue(self, alerts: Sequence[SentAlert]) -> None:
        found = []
        for alert in alerts:
            labels = relabel(dict(alert.labels), self._config.alert_rules)
            if labels is not None:
                found.append(OnItsWay(alert, labels, Delivery(waiting=1)))
        for each in self._sets:
            each.offer(found)
        for offered in found:
            offered.delivery.settled(is_taken=False)

    def _set(self, place: int) -> AlertmanagerSet:
        return AlertmanagerSet(self._config.alertmanagers[place], self._config, self._means)
