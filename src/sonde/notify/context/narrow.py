"""The same expression for some label values alone, so that a graph of one service does not read those of all.

A pass over the tree: matchers go down to the selectors, through all that leaves labels as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from sonde.query.promql.ast import (
    Aggregate,
    Binary,
    Call,
    Expr,
    MatrixSelector,
    Paren,
    Subquery,
    Unary,
    VectorSelector,
)
from sonde.telemetry.labels import METRIC_NAME, Labels
from sonde.telemetry.matcher import Matcher

IDENTITY: Final = frozenset({"job", "instance"})
"""Labels that series nearly always have, and rules hardly ever add to their alerts."""
_CHANGES_LABELS: Final = frozenset(
    {"absent", "absent_over_time", "info", "label_join", "label_replace", "scalar", "time", "vector"}
)
_HISTOGRAMS: Final = frozenset({"histogram_quantile", "histogram_quantiles", "histogram_fraction"})
_LIMITING: Final = frozenset({"topk", "bottomk", "limitk", "limit_ratio", "count_values"})
"""What these give of one label value depends on the others."""


def labels_to_ask(expr: Expr, alert: Labels) -> dict[str, str]:
    """Which of an alert's labels its series have, as far as the expression tells; the others its rule may have added.

    >>> from sonde.query.promql.parser import parse
    >>> labels_to_ask(parse("sum by (job) (errors)"), (("alertname", "Down"), ("instance", "a"), ("job", "shop")))
    {'job': 'shop'}
    """
    names = _names(expr)
    return {name: value for name, value in alert if name in (IDENTITY if names is None else names)}


def _names(expr: Expr) -> frozenset[str] | None:
    """The labels that the answer may have; None if all of its series' are possible."""
    match expr:
        case Paren(inner) | Unary(_, inner):
            return _names(inner)
        case Aggregate(operator, inner, _, grouping, is_without):
            if operator in _LIMITING:
                return _names(inner) if operator != "count_values" else frozenset()
            return None if is_without else frozenset(grouping)
        case Binary():
            return _names_of_both(expr)
        case Call(function, arguments):
            if function in _CHANGES_LABELS:
                return frozenset()
            found = [_names(argument) for argument in arguments]
            return next((names for names in found if names != frozenset()), frozenset())
        case VectorSelector() | MatrixSelector():
            return None
        case Subquery(inner):
            return _names(inner)
        case _:
            return frozenset()


def _names_of_both(expr: Binary) -> frozenset[str] | None:
    left, right = _names(expr.left), _names(expr.right)
    if expr.operator == "or":
        return left & right if left is not None and right is not None else None
    if expr.matching is None:
        # one of them is a scalar, which has none
        return right if left == frozenset() else left
    return right if expr.matching.cardinality == "one-to-many" else left


def narrowed(expr: Expr, own: Mapping[str, str]) -> Expr:
    """The expression, asked for those series only whose labels in the answer have these values.

    >>> from sonde.query.promql.parser import parse
    >>> from sonde.query.promql.printer import to_text
    >>> print(to_text(narrowed(parse("sum by (job) (rate(errors[5m])) / on () sum(all)"), {"job": "shop"})))
    sum by (job) (rate(errors[5m])) / on () sum(all)
    >>> print(to_text(narrowed(parse("sum by (job) (rate(errors[5m])) / sum by (job) (all)"), {"job": "shop"})))
    sum by (job) (rate(errors{job="shop"}[5m])) / sum by (job) (all{job="shop"})
    """
    own = {name: value for name, value in own.items() if name != METRIC_NAME}
    if not own:
        return expr
    match expr:
        case VectorSelector():
            added = (Matcher(name, "=", value) for name, value in own.items())
            return replace(expr, matchers=tuple(dict.fromkeys((*added, *expr.matchers))))
        case MatrixSelector():
            inner = narrowed(expr.selector, own)
            return replace(expr, selector=inner) if isinstance(inner, VectorSelector) else expr
        case Paren() | Subquery():
            return replace(expr, expr=narrowed(expr.expr, own))
        case Unary():
            return replace(expr, operand=narrowed(expr.operand, own))
        case Call() if expr.function not in _CHANGES_LABELS:
            passed = _without(own, {"le"}) if expr.function in _HISTOGRAMS else own
            return replace(expr, arguments=tuple(narrowed(argument, passed) for argument in expr.arguments))
        case Aggregate() if expr.operator not in _LIMITING:
            grouped = _without(own, expr.grouping) if expr.without else _only(own, expr.grouping)
            return replace(expr, expr=narrowed(expr.expr, grouped))
        case Binary():
            return _operands(expr, own)
        case _:
            return expr


def _operands(expr: Binary, own: Mapping[str, str]) -> Binary:
    matching = expr.matching
    if matching is None:
        return replace(expr, left=narrowed(expr.left, own), right=narrowed(expr.right, own))
    shared = _only(own, matching.labels) if matching.on else _without(own, matching.labels)
    left = right = shared
    if expr.operator in ("and", "unless"):
        left = dict(own)
    elif expr.operator == "or" and shared != own:
        return expr
    elif matching.cardinality == "many-to-one":
        left = _without(own, matching.include)
        right = _without(shared, matching.include)
    elif matching.cardinality == "one-to-many":
        right = _without(own, matching.include)
        left = _without(shared, matching.include)
    return replace(expr, left=narrowed(expr.left, left), right=narrowed(expr.right, right))


def _only(own: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: value for name, value in own.items() if name in names}


def _without(own: Mapping[str, str], names: tuple[str, ...] | set[str]) -> dict[str, str]:
    return {name: value for name, value in own.items() if name not in names}
