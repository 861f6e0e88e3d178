"""Expressions without the parentheses around them."""

from __future__ import annotations

from sonde.query.promql.ast import Expr, Paren


def peeled(expr: Expr) -> Expr:
    """The expression within any parentheses.

    >>> from sonde.query.promql.ast import NumberLiteral
    >>> peeled(Paren(Paren(NumberLiteral(1))))
    NumberLiteral(value=1, written='')
    """
    while isinstance(expr, Paren):
        expr = expr.expr
    return expr
