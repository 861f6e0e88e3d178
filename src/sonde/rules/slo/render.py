"""Objectives as Prometheus rule files, by the names that Sloth's users know.

Errors and events are recorded every minute; all windows are sums over these two, so every figure is weighted by
events, and long windows cost little.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import yaml

from sonde.rules.slo.burn_rate import BurnRate
from sonde.rules.slo.objective import Calendar, Objective
from sonde.telemetry.duration import duration_text
from sonde.telemetry.quoting import quote

_ERRORS: Final = "slo:errors:rate5m"
_EVENTS: Final = "slo:events:rate5m"
_INTERVAL_SECONDS: Final = 60
_PERIOD_NUMBERS: Final[Mapping[Calendar, str]] = {
    "day": "floor(timestamp({}) / 86400)",
    "week": "floor((timestamp({}) - 345600) / 604800)",  # the epoch began on a Thursday, weeks on Monday
    "month": "month(timestamp({}))",
    "quarter": "floor((month(timestamp({})) - 1) / 3)",
    "year": "year(timestamp({}))",
}


def render(objectives: Iterable[Objective]) -> str:
    """A rule file for the objectives."""
    groups = [group for objective in objectives for group in _groups(objective)]
    return yaml.safe_dump({"groups": groups}, sort_keys=False, width=10_000, allow_unicode=True)


def expressions(objective: Objective) -> dict[str, str]:
    """What a page about an objective asks, over what the rules record.

    >>> from sonde.rules.slo.objective import Indicator, Period
    >>> objective = Objective("checkout", "shop", 0.999, Period(30), Indicator("bad", "all"))
    >>> expressions(objective)["budget_remaining"]
    'slo:period_error_budget_remaining:ratio{service="shop", slo="checkout"}'
    """
    selector = _selector(objective)
    return {
        "budget_remaining": f"slo:period_error_budget_remaining:ratio{selector}",  # over time: the burn-down
        "burn_rate": f"slo:current_burn_rate:ratio{selector}",
        "errors_left": (
            f"slo:period_events:total{selector} * {_number(objective.budget)} - slo:period_errors:total{selector}"
        ),
        "seconds_left": (
            f"(slo:period_error_budget_remaining:ratio{selector} > 0) * {objective.period.days * 86_400}"
            f" / (slo:sli_error:ratio_rate1h{selector} / {_number(objective.budget)} > 0)"
        ),
        "error_ratio": f"slo:sli_error:ratio_rate5m{selector}",
    }


def _groups(objective: Objective) -> list[dict[str, Any]]:
    labels = {**objective.labels, "service": objective.service, "slo": objective.name}
    name = f"slo-{objective.service}-{objective.name}"
    windows = sorted(
        {5, 60} | {minutes for rate in objective.burn_rates for minutes in (rate.long, rate.short) if minutes}
    )
    sli = [(_ERRORS, objective.indicator.errors), (_EVENTS, objective.indicator.events)]
    sli += [(f"slo:sli_error:ratio_rate{_window(minutes)}", _ratio(objective, minutes)) for minutes in windows]
    return [
        {"name": f"{name}-sli", "interval": "1m", "rules": [_recording(*rule, labels) for rule in sli]},
        {
            "name": f"{name}-budget",
            "interval": "1m",
            "rules": [_recording(*rule, labels) for rule in _budget(objective)],
        },
        {"name": f"{name}-alerts", "interval": "1m", "rules": _alerts(objective, labels)},
    ]


def _recording(name: str, expr: str, labels: Mapping[str, str]) -> dict[str, Any]:
    return {"record": name, "expr": expr, "labels": dict(labels)}


def _ratio(objective: Objective, minutes: int) -> str:
    selector = _selector(objective)
    if minutes == 5:
        errors, events = f"{_ERRORS}{selector}", f"{_EVENTS}{selector}"
    else:
        errors, events = (f"sum_over_time({name}{selector}[{_window(minutes)}])" for name in (_ERRORS, _EVENTS))
    return f"{errors} / ({events} > 0) or 0 * {events}"  # without events nothing went wrong


def _budget(objective: Objective) -> list[tuple[str, str]]:
    selector, budget = _selector(objective), _number(objective.budget)
    errors, events = f"slo:period_errors:total{selector}", f"slo:period_events:total{selector}"
    burnt = f"({errors} / ({events} > 0) or 0 * {events})"
    return [
        ("slo:objective:ratio", f"vector({_number(objective.target)})"),
        ("slo:error_budget:ratio", f"vector({budget})"),
        ("slo:time_period:days", f"vector({objective.period.days})"),
        ("slo:period_errors:total", _period_sum(objective, _ERRORS)),
        ("slo:period_events:total", _period_sum(objective, _EVENTS)),
        ("slo:current_burn_rate:ratio", f"slo:sli_error:ratio_rate5m{selector} / {budget}"),
        ("slo:period_burn_rate:ratio", f"{burnt} / {budget}"),
        ("slo:period_error_budget_remaining:ratio", f"1 - slo:period_burn_rate:ratio{selector}"),
    ]


def _period_sum(objective: Objective, name: str) -> str:
    series, period = f"{name}{_selector(objective)}", objective.period
    if not period.calendar:
        return f"sum_over_time({series}[{period.days}d]) * {_INTERVAL_SECONDS}"
    number = _PERIOD_NUMBERS[period.calendar]
    now = number.format(f"{series} @ end()")
    in_period = f"{series} and ({number.format(series)} == {now})"
    return f"sum_over_time(({in_period})[{period.days}d:5m]) * 300"


def _alerts(objective: Objective, labels: Mapping[str, str]) -> list[dict[str, Any]]:
    rules = [_burn_alert(objective, rate, labels) for rate in objective.burn_rates]
    remaining = f"slo:period_error_budget_remaining:ratio{_selector(objective)}"
    runs = f"{objective.service}/{objective.name}"
    rules.append(
        _alert(
            "SLOErrorBudgetExhausted",
            f"{remaining} <= 0",
            {**labels, "severity": "warning"},
            objective,
            f"{runs} has used up its error budget",
            f"The promise of {objective.target * 100:.12g} % over {_period(objective)} is broken.",
            wait="5m",
        )
    )
    rules += [
        _alert(
            "SLOBudgetPolicy",
            f"{remaining} < {_number(policy.below)}",
            {**labels, "severity": policy.severity, "budget_below": f"{policy.below * 100:.12g}%"},
            objective,
            f"{runs} has {{{{ $value | humanizePercentage }}}} of its error budget left: {policy.action}",
            f"Agreed for less than {policy.below * 100:.12g} %: {policy.action}",
            wait="5m",
        )
        for policy in objective.policies
    ]
    if objective.alerts_without_data:
        rules.append(
            _alert(
                "SLONoData",
                f"absent({_EVENTS}{_selector(objective)})",
                {**labels, "severity": "warning"},
                objective,
                f"{runs} is not measured",
                "Its events have not been recorded for ten minutes.",
                wait="10m",
            )
        )
    return rules


def _burn_alert(objective: Objective, rate: BurnRate, labels: Mapping[str, str]) -> dict[str, Any]:
    selector = _selector(objective)
    limit = f"{_number(rate.factor)} * {_number(objective.budget)}"
    windows = [minutes for minutes in (rate.short, rate.long) if minutes]
    parts = [f"slo:sli_error:ratio_rate{_window(minutes)}{selector} {rate.operator} ({limit})" for minutes in windows]
    if objective.minimum_events:
        events = f"sum_over_time({_EVENTS}{selector}[{_window(rate.long)}]) * {_INTERVAL_SECONDS}"
        parts.append(f"{events} >= {objective.minimum_events}")
    marks = {"severity": rate.severity, "long_window": _window(rate.long)}
    if rate.short:
        marks["short_window"] = _window(rate.short)
    if rate.name:
        marks["policy"] = rate.name
    return _alert(
        "SLOErrorBudgetBurn",
        " and ".join(parts),
        {**labels, **marks},
        objective,
        f"{objective.service}/{objective.name} burns its error budget {rate.factor:.4g} times as fast as it may",
        (
            f"{{{{ $value | humanizePercentage }}}} of the events fail; "
            f"{objective.budget * 100:.12g} % may, over {_period(objective)}."
        ),
        wait=_window(rate.for_minutes) if rate.for_minutes else "",
    )


def _alert(
    name: str, expr: str, labels: Mapping[str, str], objective: Objective, summary: str, description: str, *, wait: str
) -> dict[str, Any]:
    rule: dict[str, Any] = {"alert": name, "expr": expr}
    if wait:
        rule["for"] = wait
    runbook = f"{{{{ externalURL }}}}/runbooks/{name}"
    annotations = {"summary": summary, "description": description, "runbook_url": runbook, **objective.annotations}
    return {**rule, "labels": dict(labels), "annotations": annotations}


def _selector(objective: Objective) -> str:
    return f"{{service={quote(objective.service)}, slo={quote(objective.name)}}}"


def _period(objective: Objective) -> str:
    return f"a {objective.period.calendar}" if objective.period.calendar else f"{objective.period.days} days"


def _window(minutes: int) -> str:
    return duration_text(minutes * 60_000)


def _number(value: float) -> str:
    return f"{value:.12g}"
