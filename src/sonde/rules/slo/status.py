"""How objectives stand: what their rules have recorded, asked as PromQL, and what is read from the answers.

The recorded series (``render``) are asked for all objectives at once. What was not recorded is None, never a good
figure: an objective without events has no share of good ones, and has burnt nothing that one could tell.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, Protocol

from sonde.rules.slo.burn_rate import BurnRate
from sonde.rules.slo.objective import Objective
from sonde.rules.status import AlertingRule, RuleGroup
from sonde.telemetry.duration import duration_text
from sonde.telemetry.labels import Labels
from sonde.telemetry.quoting import quote

RECORDED: Final = '{__name__=~"slo:(events:rate5m|period_(errors|events):total|sli_error:ratio_rate.+)"}'
"""All that ``stand`` reads, of all objectives: an instant query."""
MOST_POINTS: Final = 360
_RATIO: Final = "slo:sli_error:ratio_rate"
_LEAST_STEP: Final = 60
_DAY: Final = 86_400
_FIVE_MINUTES: Final = 5
_HOUR: Final = 60

AlertState = Literal["unknown", "inactive", "pending", "firing"]
"""Of an alert; "unknown" where its rule is not evaluated here."""


class Instant(Protocol):
    """Answers a PromQL query at one time."""

    async def __call__(self, query: str, at_milli: int) -> Sequence[tuple[Labels, float]]:
        """The series with their values. Raises ``UserError`` if it cannot be answered."""
        ...


class Range(Protocol):
    """Answers a PromQL query at many times."""

    async def __call__(
        self, query: str, start_milli: int, end_milli: int, step_milli: int
    ) -> Sequence[tuple[Labels, Sequence[float | None]]]:
        """The series with a value a step, from start to end; None where there is none. Raises ``UserError``."""
        ...


@dataclass(frozen=True, slots=True)
class Burn:
    """How fast the budget burns in the windows of an alert: 1 uses it up exactly by the end of the period."""

    rate: BurnRate
    long: float | None
    short: float | None
    """None, too, for an alert without a short window."""
    state: AlertState


@dataclass(frozen=True, slots=True)
class SloAlert:
    """Another alert of an objective: its budget is used up, a policy holds, nothing is measured."""

    name: str
    severity: str
    state: AlertState
    budget_below: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """How an objective stands. Figures are None where nothing was recorded, or nothing has happened."""

    objective: Objective
    events: float | None
    """Over the period so far, as ``errors``."""
    errors: float | None
    good_now: float | None
    """The share of good events of the last five minutes."""
    burn_now: float | None
    """Over the last hour."""
    burns: tuple[Burn, ...]
    alerts: tuple[SloAlert, ...]

    @property
    def good(self) -> float | None:
        """The share of good events over the period."""
        return None if not self.events or self.errors is None else 1 - self.errors / self.events

    @property
    def budget_left(self) -> float | None:
        """The share of the error budget that is left, weighted by events; below 0 the promise is broken."""
        if not self.events or self.errors is None or not self.objective.budget:
            return None
        return 1 - self.errors / self.events / self.objective.budget

    @property
    def errors_left(self) -> float | None:
        """How many of the events so far might still have failed."""
        if not self.events or self.errors is None:
            return None
        return self.events * self.objective.budget - self.errors

    @property
    def exhausted_in_seconds(self) -> float | None:
        """When the budget is used up if it burns on as in the last hour; None if it does not, or is used up."""
        left, burn = self.budget_left, self.burn_now
        if left is None or left <= 0 or not burn:
            return None
        return left * self.objective.period.days * _DAY / burn


def stand(
    objectives: Iterable[Objective], recorded: Iterable[tuple[Labels, float]], groups: Iterable[RuleGroup]
) -> tuple[Standing, ...]:
    """How each objective stands.

    Args:
        objectives: The promises.
        recorded: The answer to ``RECORDED``.
        groups: The rules that are evaluated, for the states of the alerts.

    >>> from sonde.rules.slo.objective import Indicator, Period
    >>> objective = Objective("checkout", "shop", 0.99, Period(30), Indicator("bad", "all"))
    >>> def series(name, value):
    ...     return (("__name__", name), ("service", "shop"), ("slo", "checkout")), value
    >>> recorded = [series("slo:period_events:total", 1000.0), series("slo:period_errors:total", 4.0)]
    >>> standing, = stand([objective], recorded, [])
    >>> standing.good, round(standing.budget_left, 6), round(standing.errors_left, 6), standing.good_now
    (0.996, 0.6, 6.0, None)
    >>> stand([objective], [], [])[0].budget_left is None
    True
    """
    figures: dict[tuple[str, str], dict[str, list[float]]] = {}
    for labels, value in recorded:
        known = dict(labels)
        if math.isfinite(value):
            own = figures.setdefault((known.get("service", ""), known.get("slo", "")), {})
            own.setdefault(known.get("__name__", ""), []).append(value)
    rules = _alerting_rules(groups)
    return tuple(
        _stand(objective, figures.get(_key(objective), {}), rules.get(_key(objective), ())) for objective in objectives
    )


def _key(objective: Objective) -> tuple[str, str]:
    return objective.service, objective.name


def _alerting_rules(groups: Iterable[RuleGroup]) -> dict[tuple[str, str], list[AlertingRule]]:
    found: dict[tuple[str, str], list[AlertingRule]] = {}
    for group in groups:
        for rule in group.rules:
            labels = dict(rule.labels)
            if isinstance(rule, AlertingRule) and "slo" in labels:
                found.setdefault((labels.get("service", ""), labels["slo"]), []).append(rule)
    return found


def _stand(objective: Objective, figures: Mapping[str, list[float]], rules: Sequence[AlertingRule]) -> Standing:
    events, errors = (_sum(figures.get(f"slo:period_{name}:total")) for name in ("events", "errors"))
    ratio = _ratio(figures, _FIVE_MINUTES) if _sum(figures.get("slo:events:rate5m")) else None
    return Standing(
        objective=objective,
        events=events,
        errors=errors,
        good_now=None if ratio is None else 1 - ratio,
        burn_now=_burn(objective, figures, _HOUR) if events else None,
        burns=tuple(
            Burn(
                rate,
                _burn(objective, figures, rate.long) if events else None,
                _burn(objective, figures, rate.short) if rate.short and events else None,
                _burn_state(rate, rules),
            )
            for rate in objective.burn_rates
        ),
        alerts=tuple(
            SloAlert(rule.name, labels.get("severity", ""), rule.state, labels.get("budget_below", ""))
            for rule, labels in ((rule, dict(rule.labels)) for rule in rules)
            if "long_window" not in labels
        ),
    )


def _sum(values: Sequence[float] | None) -> float | None:
    return None if not values else math.fsum(values)


def _ratio(figures: Mapping[str, list[float]], minutes: int) -> float | None:
    """The share of errors in a window; of several series the worst, since each may make an alert fire."""
    values = figures.get(f"{_RATIO}{window_text(minutes)}")
    return max(values) if values else None


def _burn(objective: Objective, figures: Mapping[str, list[float]], minutes: int) -> float | None:
    ratio = _ratio(figures, minutes)
    return None if ratio is None or not objective.budget else ratio / objective.budget


def _burn_state(rate: BurnRate, rules: Sequence[AlertingRule]) -> AlertState:
    wanted = {"severity": rate.severity, "long_window": window_text(rate.long)}
    if rate.short:
        wanted["short_window"] = window_text(rate.short)
    if rate.name:
        wanted["policy"] = rate.name
    for rule in rules:
        labels = dict(rule.labels)
        if all(labels.get(name) == value for name, value in wanted.items()):
            return rule.state
    return "unknown"


def window_text(minutes: int) -> str:
    """A window as the names of the recorded series have it.

    >>> window_text(5), window_text(4320)
    ('5m', '3d')
    """
    return duration_text(minutes * 60_000)


@dataclass(frozen=True, slots=True)
class BurnDown:
    """What was left of the budget over time, and the share of errors of each step; None where nothing was recorded."""

    times: tuple[float, ...]
    """In seconds since 1970."""
    step_seconds: int
    budget_left: tuple[float | None, ...]
    error_ratio: tuple[float | None, ...]
    events: tuple[float | None, ...]
    """In each step."""


def burn_down_queries(objective: Objective, step_seconds: int) -> tuple[str, str, str]:
    """What ``burn_down`` asks: what is left of the budget, the share of errors of a step, and its events.

    >>> from sonde.rules.slo.objective import Indicator, Period
    >>> objective = Objective("a", "shop", 0.999, Period(30), Indicator("bad", "all"))
    >>> burn_down_queries(objective, 3600)[2]
    'sum(sum_over_time(slo:events:rate5m{service="shop", slo="a"}[60m])) * 60'
    """
    selector = f"{{service={quote(objective.service)}, slo={quote(objective.name)}}}"
    errors, events = (f"sum(slo:period_{name}:total{selector})" for name in ("errors", "events"))
    window = f"{step_seconds // 60}m"
    of_step = [f"sum(sum_over_time(slo:{name}:rate5m{selector}[{window}]))" for name in ("errors", "events")]
    return (
        f"1 - {errors} / ({events} > 0) / {objective.budget:.12g}",
        f"{of_step[0]} / ({of_step[1]} > 0)",
        f"{of_step[1]} * 60",
    )


async def burn_down(objective: Objective, ask: Range, *, now: float, seconds: float | None = None) -> BurnDown:
    """How the budget has burnt over the period, or over the last ``seconds`` of it."""
    first = period_start(objective, now) if seconds is None else max(now - seconds, period_start(objective, now))
    step = max(_LEAST_STEP, math.ceil((now - first) / MOST_POINTS / _LEAST_STEP) * _LEAST_STEP)
    end = math.floor(now / step) * step
    start = min(math.ceil(first / step) * step, end)
    count = (end - start) // step + 1
    left, ratio, events = [
        _alone(await ask(query, start * 1000, end * 1000, step * 1000), count)
        for query in burn_down_queries(objective, step)
    ]
    return BurnDown(tuple(float(start + place * step) for place in range(count)), step, left, ratio, events)


def _alone(answer: Sequence[tuple[Labels, Sequence[float | None]]], count: int) -> tuple[float | None, ...]:
    """The values of the only series; None at every time if there is none."""
    if not answer:
        return (None,) * count
    (_, values), *_others = answer
    return tuple(value if value is not None and math.isfinite(value) else None for value in values)


def period_start(objective: Objective, now: float) -> float:
    """When the period began that the budget counts for, in seconds since 1970.

    >>> from sonde.rules.slo.objective import Indicator, Period
    >>> at = datetime(2026, 8, 19, 15, 30, tzinfo=UTC).timestamp()
    >>> for calendar in ("day", "week", "month", "quarter", "year", ""):
    ...     began = period_start(Objective("a", "s", 0.9, Period(2, calendar), Indicator("", "")), at)
    ...     print(datetime.fromtimestamp(began, UTC).date())
    2026-08-19
    2026-08-17
    2026-08-01
    2026-07-01
    2026-01-01
    2026-08-17
    """
    midnight = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    match objective.period.calendar:
        case "day":
            begun = midnight
        case "week":
            begun = midnight - timedelta(days=midnight.weekday())
        case "month":
            begun = midnight.replace(day=1)
        case "quarter":
            begun = midnight.replace(month=(midnight.month - 1) // 3 * 3 + 1, day=1)
        case "year":
            begun = midnight.replace(month=1, day=1)
        case _:
            return now - objective.period.days * _DAY
    return begun.timestamp()
