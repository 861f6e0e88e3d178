"""What messages say beside their alerts: who knows it, and how the parts are shared by all tenants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from sonde.app.rules import RuleSources
from sonde.notify.context.describe import Describer, Sources
from sonde.notify.context.earlier_alerts import CurrentAlerts
from sonde.notify.context.graph import Graphs
from sonde.notify.context.graph_links import GraphLinks
from sonde.notify.context.ranges import PromQLRanges
from sonde.notify.context.releases import StoredResources
from sonde.notify.context.runbooks import Runbooks
from sonde.notify.notifier import Batch, Describe
from sonde.notify.response.acknowledge_link import SECRET_NAME, acknowledge_url
from sonde.query.promql.clickhouse.storage import ClickHouseStorage
from sonde.rules.languages import PromQLExpression
from sonde.rules.runner import Runner
from sonde.state.alerting import signing_secret
from sonde.store.client import Limits
from sonde.telemetry.labels import Labels

_QUESTION_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class RuleExpressions:
    """The expressions of the rules that run."""

    runners: Callable[[], Mapping[str, Runner]]

    def of(self, tenant: str, labels: Labels) -> tuple[str, str] | None:
        """See ``notify.context.describe.Expressions``."""
        name = dict(labels).get("alertname", "")
        runner = self.runners().get(tenant)
        for group in runner.groups if runner else ():
            for rule in group.alerting_rules:
                if rule.name == name:
                    language = "promql" if isinstance(rule.expression, PromQLExpression) else "sql"
                    return rule.expression.text, language
        return None


@dataclass(frozen=True, slots=True)
class AcknowledgeLinks:
    """Signs the links by which alerts are acknowledged."""

    external_url: str
    secret: bytes

    def url(self, tenant: str, batch: Batch) -> str:
        """See ``notify.context.describe.AcknowledgeLinks``."""
        return acknowledge_url(self.external_url, batch, tenant, self.secret)


class Messages:
    """Makes describers, and has what the web shows of the same."""

    def __init__(
        self,
        state: sa.Engine,
        sources: RuleSources,
        external_url: str,
        now: Callable[[], int],
        *,
        runbooks: Path | None,
    ) -> None:
        secret = signing_secret(state, SECRET_NAME)
        self.runbooks = Runbooks(runbooks)
        ranges = PromQLRanges(
            lambda tenant, limits: ClickHouseStorage(sources.store, tenant, limits, resident=sources.resident)
        )
        self.graphs = Graphs(ranges)
        self.graph_links = GraphLinks(external_url, secret, now)
        self._external_url = external_url
        self._links = AcknowledgeLinks(external_url, secret)
        self._ranges = ranges
        self._resources = StoredResources(lambda: sources.store, Limits(execution_seconds=_QUESTION_SECONDS))

    def describe(self, tenant: str, *, alerts: CurrentAlerts, runners: Callable[[], Mapping[str, Runner]]) -> Describe:
        """What makes the contexts of a tenant's messages."""
        sources = Sources(
            acknowledge=self._links,
            expressions=RuleExpressions(runners),
            ranges=self._ranges,
            resources=self._resources,
            alerts=alerts,
            graphs=self.graphs,
            graph_links=self.graph_links,
            runbooks=self.runbooks,
        )
        return Describer(tenant, self._external_url, sources).describe
