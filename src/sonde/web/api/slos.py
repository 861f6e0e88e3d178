"""``/slos``: service level objectives, what is left of their error budgets, and how it has burnt.

All figures come from the series that the objectives' rules record (``rules.slo``), asked as PromQL.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response

from sonde.errors import InternalError, NotFound, UserError
from sonde.query.promql.clickhouse.storage import ClickHouseStorage
from sonde.query.promql.evaluate import evaluate
from sonde.query.promql.parser import parse
from sonde.query.promql.query import Query as Question
from sonde.query.promql.series import Vector
from sonde.rules.slo.objective import Objective
from sonde.rules.slo.status import RECORDED, BurnDown, Standing, burn_down, period_start, stand, window_text
from sonde.rules.status import RuleGroup
from sonde.telemetry.labels import Labels
from sonde.web.asking import Around, Reader, answered
from sonde.web.prometheus.answer import allowed, allowed_seconds
from sonde.web.prometheus.rule import Rules
from sonde.web.surroundings import Surroundings

MOST_DAYS: Final = 366
_DAY: Final = 86_400
routes = APIRouter(prefix="/slos", tags=["alerting"])


@dataclass(frozen=True, slots=True)
class Configured:
    """What the endpoints of this file are given, as ``app.state.slos``."""

    objectives: Callable[[str], Sequence[Objective]]
    """A tenant's objectives, as of now."""
    rules: Rules | None = None
    """What evaluates their rules."""

    def groups(self, tenant: str) -> Sequence[RuleGroup]:
        """The rules of a tenant."""
        return self.rules.groups(tenant) if self.rules else ()


async def configured(request: Request) -> Configured:
    """What is configured; without anything there are no objectives."""
    known: Configured | None = getattr(request.app.state, "slos", None)
    return known or Configured(lambda _tenant: ())


Given = Annotated[Configured, Depends(configured)]
Service = Annotated[str, Query(description="Where objectives of several services have the name")]
Days = Annotated[float | None, Query(gt=0, le=MOST_DAYS, description="Only the last days of the period")]


@routes.get("")
async def read_slos(request: Request, caller: Reader, around: Around, given: Given) -> Response:
    """Every objective with its budget and burn rates; what was not recorded is null."""
    return await answered(request, caller, _all(_PromQL(around, caller.tenant), given))


@routes.get("/{name:path}/burn-down")
async def read_burn_down(
    request: Request, name: str, caller: Reader, around: Around, given: Given, service: Service = "", days: Days = None
) -> Response:
    """How the budget of an objective has burnt."""
    objective = _named(given.objectives(caller.tenant), name, service)
    return await answered(request, caller, _burnt(_PromQL(around, caller.tenant), objective, days))


@routes.get("/{name:path}")
async def read_slo(
    request: Request, name: str, caller: Reader, around: Around, given: Given, service: Service = "", days: Days = None
) -> Response:
    """One objective, and how its budget has burnt."""
    objective = _named(given.objectives(caller.tenant), name, service)
    return await answered(request, caller, _one(_PromQL(around, caller.tenant), objective, given, days))


def _named(objectives: Sequence[Objective], name: str, service: str) -> Objective:
    found = [each for each in objectives if each.name == name and service in {"", each.service}]
    if not found:
        raise NotFound(f"there is no objective {name}", code="slo.unknown", hint="GET /api/v1/slos lists all")
    if len(found) > 1:
        services = ", ".join(each.service for each in found)
        raise UserError(f"{name} is an objective of {services}", code="slo.ambiguous", hint="say which: ?service=…")
    return found[0]


@dataclass(frozen=True, slots=True)
class _PromQL:
    """Asks the store for one caller; ``Instant`` and ``Range`` of ``rules.slo.status``."""

    around: Surroundings
    tenant: str

    @property
    def now(self) -> float:
        return self.around.now_nano() / 1e9

    async def instant(self, query: str, at_milli: int) -> Sequence[tuple[Labels, float]]:
        vector = await self._vector(query, at_milli, at_milli, 0)
        return [
            (labels, float(values[0]))
            for labels, values, present in zip(vector.labels, vector.values, vector.present, strict=True)
            if present[0]
        ]

    async def range(
        self, query: str, start_milli: int, end_milli: int, step_milli: int
    ) -> Sequence[tuple[Labels, Sequence[float | None]]]:
        vector = await self._vector(query, start_milli, end_milli, step_milli)
        return [
            (labels, [value if is_there else None for value, is_there in zip(values, present, strict=True)])
            for labels, values, present in zip(
                vector.labels, vector.values.tolist(), vector.present.tolist(), strict=True
            )
        ]

    async def _vector(self, query: str, start: int, end: int, step: int) -> Vector:
        limits = allowed(self.around, allowed_seconds(self.around))
        storage = ClickHouseStorage(self.around.store, self.tenant, limits, resident=self.around.resident)
        result = await evaluate(storage, Question(parse(query), start, end, step, limits=limits, text=query))
        if not isinstance(result.value, Vector):
            raise InternalError(f"{query} gives no vector")
        return result.value


async def _all(asking: _PromQL, given: Configured) -> dict[str, Any]:
    objectives = given.objectives(asking.tenant)
    recorded = await asking.instant(RECORDED, int(asking.now * 1000)) if objectives else ()
    groups = given.groups(asking.tenant)
    return {"slos": [_standing(each, asking.now) for each in stand(objectives, recorded, groups)]}


async def _one(asking: _PromQL, objective: Objective, given: Configured, days: float | None) -> dict[str, Any]:
    recorded = await asking.instant(RECORDED, int(asking.now * 1000))
    (standing,) = stand([objective], recorded, given.groups(asking.tenant))
    return {**_standing(standing, asking.now), "burn_down": await _burnt(asking, objective, days)}


async def _burnt(asking: _PromQL, objective: Objective, days: float | None) -> dict[str, Any]:
    return _burn_down(await burn_down(objective, asking.range, now=asking.now, seconds=days * _DAY if days else None))


def _burn_down(found: BurnDown) -> dict[str, Any]:
    return {
        "times": found.times,
        "step_seconds": found.step_seconds,
        "budget_left": found.budget_left,
        "error_ratio": found.error_ratio,
        "events": found.events,
    }


def _standing(standing: Standing, now: float) -> dict[str, Any]:
    objective = standing.objective
    return {
        "name": objective.name,
        "service": objective.service,
        "description": objective.description,
        "labels": dict(objective.labels),
        "objective": objective.target,
        "window": {
            "days": objective.period.days,
            "calendar": objective.period.calendar or None,
            "start_seconds": period_start(objective, now),
        },
        "indicator": {"errors": objective.indicator.errors, "events": objective.indicator.events},
        "events": standing.events,
        "errors": standing.errors,
        "good": standing.good,
        "good_now": standing.good_now,
        "budget_left": standing.budget_left,
        "errors_left": standing.errors_left,
        "burn_now": standing.burn_now,
        "exhausted_in_seconds": standing.exhausted_in_seconds,
        "burn_rates": [
            {
                "severity": burn.rate.severity,
                "name": burn.rate.name,
                "factor": burn.rate.factor,
                "long_window": window_text(burn.rate.long),
                "long": burn.long,
                "short_window": window_text(burn.rate.short) if burn.rate.short else None,
                "short": burn.short,
                "state": burn.state,
            }
            for burn in standing.burns
        ],
        "alerts": [
            {"name": each.name, "severity": each.severity, "state": each.state, "budget_below": each.budget_below}
            for each in standing.alerts
        ],
        "policies": [
            {"below": policy.below, "action": policy.action, "severity": policy.severity}
            for policy in objective.policies
        ],
    }
