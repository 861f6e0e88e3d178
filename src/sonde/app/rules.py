"""Each tenant's rules on the clock: what they are, what they read, where their samples and alerts go."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from sonde.config.rules import objectives, rule_groups
from sonde.config.settings import Settings
from sonde.query.adhoc import Gate, UntrustedEngine
from sonde.query.promql import query
from sonde.query.promql.clickhouse.resident import ResidentSamples
from sonde.query.promql.clickhouse.resident_steady import SteadyResident
from sonde.query.promql.clickhouse.storage import ClickHouseStorage
from sonde.query.promql.storage import Storage
from sonde.receivers.consumer import Consumer
from sonde.receivers.prometheus.scrape.clock import SystemClock
from sonde.receivers.prometheus.scrape_config import RuleSettings, ScrapeConfigs
from sonde.rules.batch import RemoteWriter
from sonde.rules.expression import Language
from sonde.rules.group import Surroundings
from sonde.rules.languages import AskGate, PromQL, Sql
from sonde.rules.notify import Notifier
from sonde.rules.recent import Recent
from sonde.rules.rule_file import GroupDefinition, matching_files
from sonde.rules.runner import Runner
from sonde.rules.shared import SharedLeaves
from sonde.rules.slo.objective import Objective
from sonde.rules.stored import StoredGroups
from sonde.rules.template import Templates
from sonde.state.rule_groups import tenants_with_groups
from sonde.store.client import Limits
from sonde.telemetry.labels import Labels, labels_of

MILLI = 1_000_000
_AGE_MILLI = 5_000
"""How long rules may go without newer samples: to look for them costs the same for one rule and for all."""


@dataclass(frozen=True, slots=True)
class RuleSources:
    """What rules read and write."""

    store: UntrustedEngine
    gate: Gate
    consumer: Consumer
    limits: Limits
    state: sa.Engine
    """Where the groups are that tenants have put in over HTTP."""
    resident: ResidentSamples | None = None


@dataclass(frozen=True, slots=True)
class Common:
    """What holds for all rules, out of Prometheus' configuration."""

    external_labels: Labels = ()
    settings: RuleSettings = field(default_factory=RuleSettings)
    interval_nano: int = 60 * 10**9


@dataclass(slots=True)
class _Tenant:
    languages: Mapping[str, Language]
    runner: Runner
    stored: StoredGroups
    files: Sequence[GroupDefinition] = ()
    """The groups of files and packs, as they were read last."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Rules that were read and are not in force yet."""

    common: Common
    tenants: Mapping[str, _Tenant]
    files: Sequence[GroupDefinition]
    objectives: Sequence[Objective]
    unmatched: Sequence[str]
    """Patterns that no file fits."""


class Rulers:
    """The runners of all tenants that have rules."""

    def __init__(self, settings: Settings, sources: RuleSources, notifier: Notifier, *, external_url: str) -> None:
        self._settings = settings
        self._sources = sources
        self._notifier = notifier
        self._external_url = external_url
        self._common = Common()
        self._tenants: dict[str, _Tenant] = {}
        self._objectives: Sequence[Objective] = ()
        self._unmatched: Sequence[str] = ()
        self._lock = asyncio.Lock()
        resident = sources.resident
        self._resident = SteadyResident(resident, age_milli=_AGE_MILLI) if resident else None

    @property
    def runners(self) -> Mapping[str, Runner]:
        """By tenant."""
        return {name: tenant.runner for name, tenant in self._tenants.items()}

    def objectives(self, tenant: str) -> Sequence[Objective]:
        """A tenant's objectives."""
        return self._objectives if tenant == self._settings.rules.tenant else ()

    def languages(self, tenant: str) -> Mapping[str, Language]:
        """What a tenant's rules may be written in."""
        known = self._tenants.get(tenant)
        return known.languages if known else self._tenant(tenant, self._common).languages

    def prepare(self, configs: ScrapeConfigs) -> Prepared:
        """Read all rules; blocks.

        Raises:
            UserError: Something is wrong with them; the message has a line for each problem.
        """
        own = round(self._settings.rules.evaluation_interval.total_seconds() * 1e9)
        common = Common(
            labels_of(configs.external_labels),
            configs.rules,
            own or configs.rules.evaluation_interval * MILLI,
        )
        kept = self._tenants if common == self._common else {}
        owner = self._settings.rules.tenant
        names = sorted({owner, *self._tenants, *tenants_with_groups(self._sources.state)})
        tenants = {name: kept.get(name) or self._tenant(name, common) for name in names}
        groups = rule_groups(self._settings, tenants[owner].languages, files=common.settings.files)
        patterns = (*common.settings.files, *self._settings.rules.files, *self._settings.rules.slos)
        unmatched = [pattern for pattern in patterns if not matching_files([pattern])]
        return Prepared(common, tenants, groups, objectives(self._settings), unmatched)

    async def apply(self, prepared: Prepared) -> None:
        """Put rules into force."""
        async with self._lock:
            old = [each.runner for name, each in self._tenants.items() if prepared.tenants.get(name) is not each]
            await asyncio.gather(*(runner.close() for runner in old))
            self._common, self._objectives, self._unmatched = prepared.common, prepared.objectives, prepared.unmatched
            self._tenants = dict(prepared.tenants)
            self._tenants[self._settings.rules.tenant].files = prepared.files
            for tenant in self._tenants.values():
                await self._update(tenant)

    async def changed(self, tenant: str) -> None:
        """Put into force what a tenant has put in over HTTP, beside what was there.

        Raises:
            UserError: Something is wrong with it; then nothing has changed.
        """
        async with self._lock:
            known = self._tenants.get(tenant) or self._tenant(tenant, self._common)
            await self._update(known)
            self._tenants[tenant] = known

    def messages(self) -> Sequence[str]:
        """What somebody should look at: files that are not there, stored groups that cannot be read."""
        missing = [f"no file fits {pattern}: it gives no rules" for pattern in self._unmatched]
        return [*missing, *(each for tenant in self._tenants.values() for each in tenant.stored.problems)]

    async def stop(self) -> None:
        """End; what was pending is restored by the next start."""
        await asyncio.gather(*(tenant.runner.close() for tenant in self._tenants.values()))

    async def _update(self, tenant: _Tenant) -> None:
        groups = [*tenant.files, *await asyncio.to_thread(tenant.stored.definitions)]
        await tenant.runner.update(groups, interval_nano=self._common.interval_nano)

    def _tenant(self, name: str, common: Common) -> _Tenant:
        sources, recent, shared = self._sources, Recent(), SharedLeaves(time.monotonic)
        limits = query.Limits.within(sources.limits.memory_bytes, sources.limits.execution_seconds or 30.0)

        def stored() -> Storage:
            return ClickHouseStorage(sources.store, name, limits, resident=self._resident)

        promql = PromQL(recent.over(shared.over(stored)), limits, subquery_step=common.interval_nano // MILLI)
        surroundings = Surroundings(
            tenant=name,
            storage=recent.over(stored),
            writer=RemoteWriter(sources.consumer, name),
            notifier=self._notifier,
            expand=Templates(promql, dict(common.external_labels), self._external_url),
            clock=SystemClock(),
            recent=recent,
            external_labels=common.external_labels,
            external_url=self._external_url,
            query_offset_nano=common.settings.query_offset * MILLI,
        )
        languages: dict[str, Language] = {"promql": promql, "sql": Sql(AskGate(sources.gate, name, sources.limits))}
        return _Tenant(languages, Runner(surroundings), StoredGroups(sources.state, name, languages))
