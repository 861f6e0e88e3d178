"""Each tenant's alerting: begun where it ended, run for as long as the server runs; it takes the alerts of rules."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sonde.config.alerting import AlertingFiles
from sonde.errors import TooLarge
from sonde.notify.alert import Alert, PostedAlert
from sonde.notify.database_state import DatabaseState
from sonde.notify.history import History
from sonde.notify.notifier import Describe, Notifier
from sonde.notify.notifiers.http_client import HttpClients
from sonde.notify.notifiers.registry import build
from sonde.notify.pipeline import IntegrationStatus, Pipeline
from sonde.notify.run import Alerting
from sonde.rules.notify import SentAlert
from sonde.state.alerting import known_tenants

_MOST_TENANTS: Final = 1000
_REST_SECONDS: Final = 5.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Means:
    """What all tenants' alerting shares."""

    state: sa.Engine
    now: Callable[[], int]
    external_url: str
    """Where people reach us."""
    history: History
    describe: Callable[[str], Describe]
    """Makes what messages of a tenant say beside their alerts."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A configuration that was read and is not in force yet."""

    files: AlertingFiles
    notifiers: Mapping[str, Notifier]


@dataclass(slots=True)
class _Running:
    alerting: Alerting
    pipeline: Pipeline
    task: asyncio.Task[None]


class Alertings:
    """All tenants' alerting. A tenant's begins when it is first asked for, or when there is something to go on with."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self.clients = HttpClients(means.now)
        self._prepared: Prepared | None = None
        self._running: dict[str, _Running] = {}

    def prepare(self, files: AlertingFiles) -> Prepared:
        """Make those who send.

        Raises:
            UserError: Something of an integration cannot be used.
        """
        url = f"{self._means.external_url}/alertmanager"
        return Prepared(files, build(files.configuration, files.templates, url, self._means.now, self.clients))

    async def apply(self, prepared: Prepared) -> None:
        """Put a configuration into force, and go on with what earlier processes left."""
        self._prepared = prepared
        for running in self._running.values():
            files = prepared.files
            await running.alerting.reload(files.configuration, prepared.notifiers, files.plan)
        for tenant in await asyncio.to_thread(known_tenants, self._means.state):
            self.of(tenant)

    def of(self, tenant: str) -> Alerting:
        """A tenant's alerting.

        Raises:
            TooLarge: There are too many tenants.
        """
        known = self._running.get(tenant)
        if known is None:
            if len(self._running) >= _MOST_TENANTS:
                raise TooLarge(f"there are {_MOST_TENANTS} tenants with alerts already", code="alert.tenants")
            known = self._running[tenant] = self._begin(tenant)
        return known.alerting

    async def notify(self, alerts: Sequence[SentAlert], *, tenant: str) -> None:
        """Take the alerts of rules; see ``rules.notify.Notifier``. They are durable when this returns."""
        faults = await self.of(tenant).post(posted(alert) for alert in alerts)
        for fault in faults:
            logger.warning("an alert of a rule was refused: %s", fault)

    async def stop(self) -> None:
        """End; nothing is sent any more."""
        tasks = [running.task for running in self._running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.clients.aclose()

    def _begin(self, tenant: str) -> _Running:
        if self._prepared is None:
            raise RuntimeError("alerting is asked for before its configuration is in force")
        means = self._means
        files = self._prepared.files
        pipeline = Pipeline(files.configuration, DatabaseState(means.state, tenant), means.now(), plan=files.plan)
        alerting = Alerting(
            pipeline,
            self._prepared.notifiers,
            means.now,
            tenant=tenant,
            describe=means.describe(tenant),
            history=means.history,
        )
        return _Running(alerting, pipeline, asyncio.create_task(_kept_running(alerting), name=f"alerting {tenant}"))

    @property
    def notifiers(self) -> Mapping[str, Notifier]:
        """Who sends, by integration, as of now."""
        return self._prepared.notifiers if self._prepared else {}

    async def current(self, tenant: str) -> Sequence[Alert]:
        """The alerts of a tenant that have not ended."""
        return await self.of(tenant).ask(lambda pipeline: list(pipeline.alerts(self._means.now())))

    def pipelines(self) -> Iterable[tuple[str, Pipeline]]:
        """Each tenant's pipeline, to be counted and not changed."""
        return [(tenant, running.pipeline) for tenant, running in list(self._running.items())]


async def _kept_running(alerting: Alerting) -> None:
    """Run until cancelled. What stops it, such as a disk that is full, is said and does not stop it for ever."""
    while True:
        try:
            await alerting.run()
        except Exception:  # whatever it was, alerts have to go on
            logger.exception("notifying has stopped; it begins again in %g s", _REST_SECONDS)
        await asyncio.sleep(_REST_SECONDS)


def posted(alert: SentAlert) -> PostedAlert:
    """A rule's alert, as the pipeline takes it."""
    return PostedAlert(
        dict(alert.labels),
        dict(alert.annotations),
        alert.starts_at_unix_nano,
        alert.ends_at_unix_nano,
        alert.generator_url,
    )


class AlertingMetrics(Collector):
    """How notifications go, for ``/metrics``."""

    def __init__(self, alertings: Alertings) -> None:
        self._alertings = alertings

    def collect(self) -> Iterable[Metric]:
        """Now."""
        labels = ["tenant", "receiver", "integration"]
        attempts = CounterMetricFamily("sonde_notify_attempts", "Attempts to notify", labels=labels)
        sent = CounterMetricFamily("sonde_notify_notifications", "Notifications that arrived", labels=labels)
        failed = CounterMetricFamily("sonde_notify_notifications_failed", "Notifications given up", labels=labels)
        seconds = GaugeMetricFamily("sonde_notify_last_attempt_seconds", "How long the last took", labels=labels)
        for tenant, pipeline in self._alertings.pipelines():
            statuses = pipeline.statuses()
            for key in pipeline.configuration.integration_keys:
                status = statuses.get(key, IntegrationStatus())
                receiver, _, integration = key.partition("/")
                where = [tenant, receiver, integration]
                attempts.add_metric(where, status.attempts)
                sent.add_metric(where, status.sent)
                failed.add_metric(where, status.failed)
                seconds.add_metric(where, status.last_duration / 1e9)
        return [attempts, sent, failed, seconds]
