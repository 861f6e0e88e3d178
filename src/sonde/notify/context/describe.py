"""Makes what a message says beside its alerts, before its time is over; what is not ready by then is left out.

``Alerting`` calls ``Describer.describe`` for each notification just before it is sent. The integrations of a group
share what one flush has found out. Nothing here raises: a message without its graph is still a message.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any, Final, Protocol, TypeVar

from sonde.errors import SondeError, UserError
from sonde.notify.context import links
from sonde.notify.context.contributions import contributions
from sonde.notify.context.earlier_alerts import CurrentAlerts, earlier_alerts
from sonde.notify.context.graph import MAX_SERIES, Graphs, Outline
from sonde.notify.context.graph_links import GraphLinks
from sonde.notify.context.graph_plan import graph_plan
from sonde.notify.context.incident import Change, Incident, best
from sonde.notify.context.ranges import Ranges
from sonde.notify.context.releases import SeenResources, from_metrics, from_spans
from sonde.notify.context.restarts import restarts
from sonde.notify.context.runbooks import Runbooks
from sonde.notify.message_context import MessageContext
from sonde.notify.notifier import Batch
from sonde.query.promql.ast import Expr
from sonde.query.promql.parser import parse
from sonde.query.promql.printer import to_text
from sonde.telemetry.labels import Labels

BUDGET_SECONDS: Final = 3.0
MAX_CHANGES: Final = 5
_REMEMBERED: Final = 64
_PROMQL: Final = "promql"
_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class AcknowledgeLinks(Protocol):
    """Who signs the links with which alerts are acknowledged."""

    def url(self, tenant: str, batch: Batch) -> str:
        """The link for a group's alerts; "" if there is none."""
        ...


class Expressions(Protocol):
    """Who knows the rules behind alerts."""

    def of(self, tenant: str, labels: Labels) -> tuple[str, str] | None:
        """The expression of the rule that gave an alert, and its language; None if it is none of ours."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Who is asked. What is None is not asked, and left out."""

    acknowledge: AcknowledgeLinks | None = None
    expressions: Expressions | None = None
    ranges: Ranges | None = None
    resources: SeenResources | None = None
    alerts: CurrentAlerts | None = None
    graphs: Graphs | None = None
    graph_links: GraphLinks | None = None
    runbooks: Runbooks = field(default_factory=Runbooks)


@dataclass(slots=True)
class _Found:
    """What has been found out about a group, and is being added to."""

    png: bytes = b""
    graph_url: str = ""
    changes: list[Change] = field(default_factory=list)


class Describer:
    """Describes the notifications of one tenant.

    Args:
        tenant: Whose.
        external_url: Under which address people reach us; without one, there are no links.
        sources: Who is asked.
        zone: Whose clocks texts show.
        budget_seconds: How long a description may take in all.
    """

    def __init__(
        self,
        tenant: str,
        external_url: str,
        sources: Sources,
        *,
        zone: tzinfo = UTC,
        budget_seconds: float = BUDGET_SECONDS,
    ) -> None:
        self._tenant = tenant
        self._url = external_url.rstrip("/")
        self._sources = sources
        self._zone = zone
        self._budget = budget_seconds
        self._found: OrderedDict[tuple[object, ...], asyncio.Task[_Found]] = OrderedDict()

    async def describe(self, batch: Batch) -> MessageContext:
        """What a message says beside its alerts; see ``notify.notifier.Describe``."""
        alerts = batch.firing or batch.alerts
        key = (batch.group_key, batch.at, batch.status, tuple(alert.labels for alert in alerts))
        task = self._found.get(key)
        if task is None:
            task = self._found[key] = asyncio.create_task(self._find_out(batch))
            while len(self._found) > _REMEMBERED:
                self._found.popitem(last=False)
        # shielded: an integration whose time is over takes nothing from the others
        found = await asyncio.shield(task)
        is_firing = bool(batch.firing)
        sources = self._sources
        acknowledge = sources.acknowledge
        return MessageContext(
            acknowledge_url=_or("", "the link to acknowledge", lambda: acknowledge.url(self._tenant, batch))
            if acknowledge is not None and is_firing
            else "",
            silence_url=_or("", "the link to silence", lambda: links.silence_url(self._url, batch))
            if self._url and is_firing
            else "",
            runbook_url=_or(
                "",
                "the runbook",
                lambda: links.runbook_url(self._url, alerts, sources.runbooks.has if self._url else _nobody),
            ),
            graph_png=found.png,
            graph_url=found.graph_url,
            changes=best(found.changes, MAX_CHANGES),
        )

    async def _find_out(self, batch: Batch) -> _Found:
        found = _Found()
        expr = _or(None, "the expression", lambda: self._expression(batch))
        parts: dict[str, Coroutine[Any, Any, None]] = {}
        if expr is not None and self._sources.graphs is not None:
            parts["the graph"] = self._graph(batch, expr, self._sources.graphs, found)
        if batch.firing:
            incident = Incident(self._tenant, batch.firing, batch.at // 10**6, expr, self._zone)
            parts |= {name: _added(asked, found.changes) for name, asked in self._questions(incident).items()}
        if not parts:
            return found
        tasks = {asyncio.create_task(_quiet(name, part)): name for name, part in parts.items()}
        try:
            _, late = await asyncio.wait(tasks, timeout=self._budget)
            for task in late:
                _log.debug("%s was not ready within %g s and is left out", tasks[task], self._budget)
        finally:
            for task in tasks:
                task.cancel()
        return found

    def _questions(self, incident: Incident) -> dict[str, Coroutine[Any, Any, Sequence[Change]]]:
        """What is asked to learn what changed."""
        sources = self._sources
        asked: dict[str, Coroutine[Any, Any, Sequence[Change]]] = {}
        if sources.ranges is not None:
            asked["releases in metrics"] = from_metrics(incident, sources.ranges)
            asked["restarts"] = restarts(incident, sources.ranges)
            asked["contributions"] = contributions(incident, sources.ranges)
        if sources.resources is not None:
            asked["releases in spans"] = from_spans(incident, sources.resources)
        if sources.alerts is not None:
            asked["earlier alerts"] = earlier_alerts(incident, sources.alerts)
        return asked

    def _expression(self, batch: Batch) -> Expr | None:
        """The PromQL of the first alert: its rule's, or what its sender's link says."""
        alert = (batch.firing or batch.alerts)[0]
        known = self._sources.expressions.of(self._tenant, alert.labels) if self._sources.expressions else None
        text, language = known or (links.expression_of(alert.generator_url), _PROMQL)
        return parse(text) if text and language == _PROMQL else None

    async def _graph(self, batch: Batch, expr: Expr, graphs: Graphs, found: _Found) -> None:
        alerts = batch.firing or batch.alerts
        plan = graph_plan(expr)
        outline = Outline(
            tenant=self._tenant,
            title=alerts[0].name,
            expression=to_text(plan.expr),
            end=batch.at // 10**6,
            threshold=plan.threshold,
            alerts=tuple(alert.labels for alert in alerts[:MAX_SERIES]),
            since=min((alert.starts_at for alert in alerts if alert.starts_at), default=0) // 10**6,
        )
        url = self._sources.graph_links.url(outline) if self._sources.graph_links else ""
        found.graph_url = url  # should time be over before the graph is there: who follows it waits longer
        try:
            found.png = await graphs.png(outline)
        except Exception:
            found.graph_url = ""
            raise
        if not found.png:
            found.graph_url = ""


def _nobody(_name: str) -> bool:
    return False


async def _added(asked: Coroutine[Any, Any, Sequence[Change]], changes: list[Change]) -> None:
    changes += await asked


async def _quiet(name: str, part: Coroutine[Any, Any, None]) -> None:
    try:
        await part
    except UserError as error:
        _log.debug("%s is left out: %s", name, error.message)
    except SondeError as error:
        _log.debug("%s is left out: %s", name, error.code)
    except Exception:  # noqa: BLE001 - a bug of ours must not keep a message back
        _log.exception("%s of a message is left out: a bug", name)


def _or(otherwise: _T, name: str, made: Callable[[], _T]) -> _T:
    try:
        return made()
    except SondeError as error:
        _log.debug("%s is left out: %s", name, error.message)
    except Exception:  # noqa: BLE001 - a bug of ours must not keep a message back
        _log.exception("%s of a message is left out: a bug", name)
    return otherwise
