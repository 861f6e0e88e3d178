"""Ways over a syntax tree that do not recurse, and so hold for trees of any depth."""

from __future__ import annotations

from collections.abc import Iterator

from sonde.query.promql.ast import (
    Aggregate,
    Binary,
    Call,
    Duration,
    DurationBinary,
    DurationCall,
    DurationUnary,
    Expr,
    MatrixSelector,
    Paren,
    Subquery,
    Unary,
    VectorSelector,
)


def children(node: Expr | Duration) -> tuple[Expr | Duration, ...]:
    """What stands directly below a node, durations too, in the order of the text.

    >>> from sonde.query.promql.parser import parse
    >>> [type(child).__name__ for child in children(parse("up[5m] offset 1h"))]
    ['VectorSelector', 'DurationLiteral']
    """
    below: tuple[Expr | Duration | None, ...]
    match node:
        case Aggregate():
            below = (node.parameter, node.expr)
        case Binary() | DurationBinary():
            below = (node.left, node.right)
        case Call() | DurationCall():
            below = node.arguments
        case Paren():
            below = (node.expr,)
        case Unary() | DurationUnary():
            below = (node.operand,)
        case VectorSelector():
            below = (node.offset,)
        case MatrixSelector():
            below = (node.selector, node.range)
        case Subquery():
            below = (node.expr, node.range, node.step, node.offset)
        case _:
            below = ()
    return tuple(child for child in below if child is not None)


def walk(expr: Expr) -> Iterator[tuple[Expr | Duration, int]]:
    """All nodes of a tree, each before those below it, and how many levels down they are: the root is at 1.

    >>> from sonde.query.promql.parser import parse
    >>> [(type(node).__name__, level) for node, level in walk(parse("2 * sum(up)"))]
    [('Binary', 1), ('NumberLiteral', 2), ('Aggregate', 2), ('VectorSelector', 3)]
    """
    waiting: list[tuple[Expr | Duration, int]] = [(expr, 1)]
    while waiting:
        node, level = waiting.pop()
        yield node, level
        waiting.extend((child, level + 1) for child in reversed(children(node)))
