"""What is done beside telling people, for the tenant whose rules the files are: responses, watchdogs, the digest."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from pathlib import Path

import sqlalchemy as sa

from sonde.app.rules import RuleSources
from sonde.config.alerting import AlertingFiles
from sonde.notify.automation.automate import Automating, audit_to
from sonde.notify.automation.runs import Runs
from sonde.notify.configuration import Integration
from sonde.notify.digest.post import dressed, integrations_of
from sonde.notify.digest.promql import PromQLAnswers
from sonde.notify.digest.questions import StoreQuestions
from sonde.notify.digest.report import Disk
from sonde.notify.digest.schedule import DigestSchedule
from sonde.notify.digest.send import Digesting
from sonde.notify.history import History
from sonde.notify.ledger import DatabaseLedger
from sonde.notify.notifier import Notifier
from sonde.notify.notifiers.http_client import HttpClients
from sonde.notify.response.plan import ResponsePlan
from sonde.notify.run import Alerting
from sonde.notify.watchdog.arrivals import Arrivals
from sonde.notify.watchdog.pings import Pings, Signs, recent
from sonde.notify.watchdog.watch import Watching
from sonde.query.engine import Inquiry
from sonde.query.promql import query
from sonde.query.promql.clickhouse.storage import ClickHouseStorage
from sonde.rules.runner import Runner
from sonde.state.alerting import Kind
from sonde.web.api.automation import Automation

_LATE_INTERVALS = 5


@dataclass(frozen=True, slots=True)
class Around:
    """What it needs of the server."""

    state: sa.Engine
    data: Path
    sources: RuleSources
    clients: HttpClients
    now: Callable[[], int]
    external_url: str
    tenant: str
    """Whose rules the files are."""
    history: History
    runners: Callable[[], Mapping[str, Runner]]
    obstacles: Callable[[], Sequence[str]]
    """Why data is not accepted just now."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan that was read and is not in force yet."""

    plan: ResponsePlan
    ways: Sequence[Integration]
    senders: dict[str, Notifier]


class Responding:
    """Automated responses, watchdogs and the digest."""

    def __init__(self, around: Around) -> None:
        self._around = around
        self._prepared = Prepared(ResponsePlan(), (), {})
        self._begun: tuple[Runs, Automating, Watching, Digesting] | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def prepare(self, files: AlertingFiles) -> Prepared:
        """Make those who send the digest.

        Raises:
            UserError: The digest's receivers are not there, or cannot send one.
        """
        around, plan = self._around, files.plan
        ways = integrations_of(files.configuration, plan.digest.receivers) if plan.digest else ()
        return Prepared(plan, ways, dressed(ways, files.templates, around.external_url, around.now, around.clients))

    async def apply(self, prepared: Prepared, alerting: Alerting) -> None:
        """Put a plan into force."""
        self._prepared = prepared
        if self._begun is None:
            self._begun = await asyncio.to_thread(self._begin, prepared, alerting)
            _, automating, watching, digesting = self._begun
            for name, running in (
                ("responses", automating.run()),
                ("watchdogs", watching.run()),
                ("digest", digesting.run()),
            ):
                self._tasks.append(asyncio.create_task(running, name=name))
            return
        _, automating, watching, digesting = self._begun
        await automating.reload(prepared.plan.responses)
        await watching.reload(prepared.plan.watchdogs)
        await digesting.reload(prepared.plan.digest, prepared.ways, prepared.senders)

    async def stop(self) -> None:
        """End; commands that run are killed."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def heartbeats(self, tenant: str) -> Watching | None:
        """Who waits for the heartbeats of a tenant."""
        return self._begun[2] if self._begun and tenant == self._around.tenant else None

    def automation(self, tenant: str) -> Automation | None:
        """What is done by itself for a tenant, and how that went; None: nothing."""
        if self._begun is None or tenant != self._around.tenant:
            return None
        runs, _, watching, _ = self._begun
        return Automation(self._prepared.plan, runs.remembered, watching.statuses)

    def zone(self) -> tzinfo:
        """Whose weeks the digest tells of."""
        digest = self._prepared.plan.digest
        return digest.at.zone if digest else UTC

    def questions(self, tenant: str) -> StoreQuestions:
        """Who knows what a tenant's week was like."""
        around, sources = self._around, self._around.sources
        limits = query.Limits.within(sources.limits.memory_bytes, sources.limits.execution_seconds or 30.0)
        promql = PromQLAnswers(
            lambda: ClickHouseStorage(sources.store, tenant, limits, resident=sources.resident), limits
        )
        return StoreQuestions(
            lambda: Inquiry(sources.store, sources.limits),
            promql.instant,
            promql.range,
            tenant,
            disk=self._disk,
            has_rules=lambda: tenant in around.runners(),
        )

    def _disk(self) -> Disk:
        usage = shutil.disk_usage(self._around.data)
        return Disk(usage.used, usage.total)

    def _begin(self, prepared: Prepared, alerting: Alerting) -> tuple[Runs, Automating, Watching, Digesting]:
        around, plan, now = self._around, prepared.plan, self._around.now
        ledger = {
            kind: DatabaseLedger(around.state, kind, around.tenant) for kind in (Kind.RUN, Kind.WATCHDOG, Kind.DIGEST)
        }
        runs = Runs(plan.responses, ledger[Kind.RUN], audit_to(around.state, around.tenant), now())
        automating = Automating(runs, alerting, around.clients, now, external_url=around.external_url)
        watching = Watching(
            Pings(plan.watchdogs.pings, self._signs(), now()),
            Arrivals(plan.watchdogs.expectations, ledger[Kind.WATCHDOG], now()),
            alerting,
            around.clients,
            now,
        )
        digesting = Digesting(
            DigestSchedule(plan.digest, [each.key for each in prepared.ways], ledger[Kind.DIGEST], now()),
            self.questions(around.tenant),
            prepared.ways,
            prepared.senders,
            now,
            url=around.external_url,
            tenant=around.tenant,
            history=around.history,
        )
        return runs, automating, watching, digesting

    def _signs(self) -> Signs:
        """Signs of life: rules are evaluated, data is accepted."""
        return Signs({"rules": self._rules_sign, "data": lambda _now: "; ".join(self._around.obstacles())})

    def _rules_sign(self, now: int) -> str:
        runner = self._around.runners().get(self._around.tenant)
        groups = runner.groups if runner else []
        if not groups:
            return ""
        within = _LATE_INTERVALS * min(group.interval_nano for group in groups)
        newest = max(group.last_evaluation_unix_nano for group in groups)
        return recent("evaluation of a rule", lambda: newest or None, within)(now)
