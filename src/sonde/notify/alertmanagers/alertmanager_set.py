"""One section of ``alertmanagers``: what its discoveries find becomes Alertmanagers, each with a queue of its own."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sonde.notify.alertmanagers.alerting_config import AlertingConfig, AlertmanagerConfig
from sonde.notify.alertmanagers.delivery import Delivery, Posted
from sonde.notify.alertmanagers.endpoint import endpoints_of
from sonde.notify.alertmanagers.payload import alert_text
from sonde.notify.alertmanagers.send_loop import Bounds, SendLoop
from sonde.notify.notifiers.http_client import HttpClient
from sonde.receivers.prometheus.discovery.providers import discoveries
from sonde.receivers.prometheus.discovery.target_group import TargetGroup
from sonde.receivers.prometheus.http_identity import TlsContexts
from sonde.receivers.prometheus.http_session import Sessions
from sonde.receivers.prometheus.relabel import relabel
from sonde.receivers.prometheus.yaml_tree import without_password
from sonde.rules.notify import SentAlert

_LOOKING_NANO: Final = 30 * 10**9

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Means:
    """What all sections share."""

    now: Callable[[], int]
    environment: Mapping[str, str]
    bounds: Bounds
    sessions: Sessions = field(default_factory=Sessions)
    """For discovery."""
    tls: TlsContexts = field(default_factory=TlsContexts)


@dataclass(slots=True)
class OnItsWay:
    """An alert that is to be told, as relabelling for all has left it."""

    alert: SentAlert
    labels: Mapping[str, str]
    delivery: Delivery
    _text: str = ""

    @property
    def text(self) -> str:
        """How it is sent to those who want it like that."""
        self._text = self._text or alert_text(self.alert, self.labels)
        return self._text


class AlertmanagerSet:
    """The Alertmanagers of one section."""

    def __init__(self, config: AlertmanagerConfig, of: AlertingConfig, means: Means) -> None:
        self.key = (config, of.legacy_names)
        """Sections that have the same do the same."""
        self.dropped: tuple[str, ...] = ()
        """URLs of those that relabelling drops."""
        self._config = config
        self._means = means
        self._began = means.now()
        self._rules = of.rules(config.relabel_configs)
        self._alert_rules = of.rules(config.alert_relabel_configs)
        self._groups: dict[int, Sequence[TargetGroup]] = {}
        self._errors: tuple[str, ...] = ()
        self._loops: dict[str, SendLoop] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        found = discoveries(config, sessions=means.sessions)
        self._tasks = [
            asyncio.get_running_loop().create_task(
                discovery.run(functools.partial(self._publish, number)), name=f"discovery {number} of Alertmanagers"
            )
            for number, discovery in enumerate(found)
        ]

    @property
    def active(self) -> tuple[str, ...]:
        """URLs of the Alertmanagers that are told of alerts."""
        return tuple(loop.shown for loop in self._loops.values())

    @property
    def is_looking(self) -> bool:
        """Whether nobody has been found yet, but not all have answered, and it is not long ago that they were asked."""
        if self._loops or len(self._groups) == len(self._tasks):
            return False
        return self._means.now() < self._began + _LOOKING_NANO

    def offer(self, alerts: Sequence[OnItsWay]) -> None:
        """Queue alerts for each Alertmanager, but for those that relabelling drops."""
        wanted = [posted for alert in alerts if (posted := self._posted(alert)) is not None]
        for posted in wanted:
            posted.delivery.is_wanted = True
        if wanted:
            for loop in self._loops.values():
                loop.add(wanted)

    async def close(self) -> None:
        """Look for nobody any more, and send what is queued for a while."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(loop.close() for loop in self._loops.values()))
        await asyncio.gather(*self._leaving)
        self._loops = {}

    def _posted(self, alert: OnItsWay) -> Posted | None:
        if not self._alert_rules:
            return Posted(alert.text, alert.delivery)
        labels = relabel(alert.labels, self._alert_rules)
        return None if labels is None else Posted(alert_text(alert.alert, labels), alert.delivery)

    def _publish(self, number: int, groups: Sequence[TargetGroup]) -> None:
        self._groups[number] = tuple(groups)
        found = endpoints_of(
            self._config, self._rules, (group for place in sorted(self._groups) for group in self._groups[place])
        )
        self.dropped = tuple(map(without_password, found.dropped))
        for error in found.errors:
            if error not in self._errors:
                logger.error("%s", error)
        self._errors = found.errors
        before = self._loops
        self._loops = {url: before[url] if url in before else self._loop(url) for url in found.active}
        for gone in (loop for url, loop in before.items() if url not in self._loops):
            self._leaving.add(task := asyncio.get_running_loop().create_task(gone.close()))
            task.add_done_callback(self._leaving.discard)

    def _loop(self, url: str) -> SendLoop:
        means = self._means
        client = HttpClient(self._config, tls=means.tls, now=means.now, environment=means.environment)
        seconds = self._config.timeout / 1000
        return SendLoop(url, client, timeout_seconds=seconds, now=means.now, bounds=means.bounds)
