"""What counts as an event and what as an error, as PromQL a second."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from typing import Any, Final, cast

from sonde.query.promql.ast import Call, DurationLiteral, Expr, MatrixSelector, Node, Subquery, VectorSelector
from sonde.query.promql.parser import parse
from sonde.query.promql.printer import to_text
from sonde.query.promql.walk import walk
from sonde.rules.slo.objective import Indicator

WINDOW: Final = "5m"
_PLACEHOLDER: Final = re.compile(r"\{\{\s*\.window\s*\}\}|\$\{?(?:window|__rate_interval)\b\}?")


def windowed(query: str) -> str:
    """A query over the window that is recorded; people leave a place for it in the ways of Sloth and Grafana.

    >>> windowed("sum(rate(http_requests_total[{{.window}}]))")
    'sum(rate(http_requests_total[5m]))'
    """
    return _PLACEHOLDER.sub(WINDOW, query).strip()


def counter_rate(query: str) -> str:
    """A query of counters as their rate, unless it says already over which range it asks.

    >>> counter_rate('sum(http_requests_total{code="500"})')
    'sum(rate(http_requests_total{code="500"}[5m]))'
    >>> counter_rate("sum(rate(http_requests_total[1m]))")
    'sum(rate(http_requests_total[1m]))'

    Raises:
        UserError: It is no PromQL.
    """
    expr = parse(query)
    if any(isinstance(node, MatrixSelector | Subquery) for node, _ in walk(expr)):
        return query
    return to_text(cast("Expr", _rated(expr)))


def _rated(node: Any) -> Any:
    if isinstance(node, VectorSelector):
        return Call("rate", (MatrixSelector(node, DurationLiteral(300)),))
    changed: dict[str, Any] = {}
    for each in fields(node):
        value = getattr(node, each.name)
        if isinstance(value, Node):
            changed[each.name] = _rated(value)
        elif isinstance(value, tuple) and value and isinstance(value[0], Node):
            changed[each.name] = tuple(_rated(inner) for inner in value)
    return replace(node, **changed) if changed else node


def of_good(good: str, total: str) -> Indicator:
    """Events of which some are good.

    >>> of_good("sum(rate(good[5m]))", "sum(rate(all[5m]))").errors
    'clamp_min((sum(rate(all[5m]))) - ((sum(rate(good[5m]))) or 0 * (sum(rate(all[5m])))), 0)'
    """
    return Indicator(f"clamp_min(({total}) - (({good}) or 0 * ({total})), 0)", total)


def of_bad(bad: str, total: str) -> Indicator:
    """Events of which some are bad; no series of bad ones means that there were none yet."""
    return Indicator(f"({bad}) or 0 * ({total})", total)


def of_ratio(error_ratio: str) -> Indicator:
    """A share of errors whose events nobody counts: each evaluation counts the same."""
    return Indicator(f"clamp_max(clamp_min({error_ratio}, 0), 1)", f"0 * ({error_ratio}) + 1")


def of_threshold(query: str, operator: str, value: float) -> Indicator:
    """A figure that is good or bad at each evaluation.

    >>> of_threshold("time() - last_run", "<", 3600).errors
    '1 - ((time() - last_run) < bool 3600)'
    """
    return Indicator(f"1 - (({query}) {operator} bool {value:.12g})", f"0 * ({query}) + 1")


def of_latency(histogram: str, selector: str, seconds: float) -> Indicator:
    """Requests that took longer than a bound of their histogram.

    >>> of_latency("api_request_duration_seconds", 'job="api"', 0.5).events
    'sum(rate(api_request_duration_seconds_count{job="api"}[5m]))'
    """
    bound = f"{seconds:.12g}"
    # clients differ in how they write a whole number
    bound_matcher = f'le=~"{bound}|{bound}\\\\.0"' if seconds == int(seconds) else f'le="{bound}"'
    within = f"{histogram}_bucket{{{', '.join(filter(None, (selector, bound_matcher)))}}}"
    total = f"sum(rate({histogram}_count{{{selector}}}[{WINDOW}]))"
    return of_good(f"sum(rate({within}[{WINDOW}]))", total)


def of_slices(ratio: Indicator, target: float) -> Indicator:
    """Slices of time, each good or bad: bad is one with a larger share of errors than ``1 - target``."""
    share = _share(ratio)
    return Indicator(f"({share}) > bool {round(1 - target, 12):.12g}", f"0 * ({share}) + 1")


def of_slice_ratios(ratio: Indicator) -> Indicator:
    """Slices of time, each with its share of errors, however many events it had."""
    share = _share(ratio)
    return Indicator(share, f"0 * ({share}) + 1")


def _share(ratio: Indicator) -> str:
    return f"({ratio.errors}) / (({ratio.events}) > 0) or 0 * ({ratio.events})"
