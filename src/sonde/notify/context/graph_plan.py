"""What of an alert's expression is worth drawing: the side that is compared, and with what.

``expr > 0.05`` has no value while all is well, so ``expr`` is drawn, and 0.05 as a line.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from sonde.query.promql.ast import Binary, Expr, NumberLiteral, Unary
from sonde.query.promql.peel import peeled

_MIRRORED: Final = {">": "<", "<": ">", ">=": "<=", "<=": ">=", "==": "==", "!=": "!="}
_ARITHMETIC: Final[Mapping[str, Callable[[float, float], float]]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
}
_MAX_DEPTH: Final = 50


@dataclass(frozen=True, slots=True)
class Threshold:
    """Where the alert begins: ``expr operator value``."""

    operator: str
    value: float


@dataclass(frozen=True, slots=True)
class GraphPlan:
    """What is evaluated over time, and the line across it."""

    expr: Expr
    threshold: Threshold | None = None


def graph_plan(expr: Expr, depth: int = 0) -> GraphPlan:
    """What is drawn of an expression.

    >>> from sonde.query.promql.parser import parse
    >>> from sonde.query.promql.printer import to_text
    >>> plan = graph_plan(parse("100 * 0.05 <= sum(errors) unless on () maintenance"))
    >>> to_text(plan.expr), plan.threshold
    ('sum(errors)', Threshold(operator='>=', value=5.0))
    """
    expr = peeled(expr)
    if not isinstance(expr, Binary) or depth > _MAX_DEPTH:
        return GraphPlan(expr)
    if expr.operator in ("and", "unless"):
        # the other side only says when it counts
        return graph_plan(expr.left, depth + 1)
    if expr.operator == "or":
        return _either(expr, depth)
    if expr.operator in _MIRRORED:
        left, right = constant(expr.left), constant(expr.right)
        if left is None and right is not None:
            return GraphPlan(peeled(expr.left), Threshold(expr.operator, right))
        if left is not None and right is None:
            return GraphPlan(peeled(expr.right), Threshold(_MIRRORED[expr.operator], left))
    return GraphPlan(expr)


def _either(expr: Binary, depth: int) -> GraphPlan:
    """``a > 1 or b > 1`` is ``a or b`` above 1, as long as both are compared with the same."""
    left, right = graph_plan(expr.left, depth + 1), graph_plan(expr.right, depth + 1)
    if left.threshold is None or left.threshold != right.threshold:
        return GraphPlan(expr)
    return GraphPlan(Binary("or", left.expr, right.expr, matching=expr.matching), left.threshold)


def constant(expr: Expr, depth: int = 0) -> float | None:
    """The value of an expression of numbers only.

    >>> from sonde.query.promql.parser import parse
    >>> constant(parse("-(5 * 1024)")), constant(parse("time()"))
    (-5120.0, None)
    """
    expr = peeled(expr)
    if depth > _MAX_DEPTH:
        return None
    match expr:
        case NumberLiteral(value):
            return value
        case Unary(operator, operand):
            inner = constant(operand, depth + 1)
            return None if inner is None else -inner if operator == "-" else inner
        case Binary(operator, left_expr, right_expr) if operator in _ARITHMETIC:
            left, right = constant(left_expr, depth + 1), constant(right_expr, depth + 1)
            if left is None or right is None:
                return None
            if operator == "/" and right == 0:
                return None
            result = _ARITHMETIC[operator](left, right)
            return result if math.isfinite(result) else None
        case _:
            return None
