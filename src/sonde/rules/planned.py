"""The plan of an expression that is evaluated again and again, each time at another time: made once, then moved."""

from __future__ import annotations

from sonde.query.promql.ast import Call, Expr, Subquery, VectorSelector
from sonde.query.promql.plan import Plan, plan
from sonde.query.promql.query import Query
from sonde.query.promql.series import Grid
from sonde.query.promql.storage import Leaf, Window
from sonde.query.promql.walk import walk


class MovingPlan:
    """Plans instant queries of one expression, all with the same lookback.

    >>> from sonde.query.promql.parser import parse
    >>> expr = parse("rate(up[5m] offset 1m) > 0")
    >>> moving = MovingPlan(expr)
    >>> first, second = (moving.at(Query(expr, time, time, 0)) for time in (600_000, 660_000))
    >>> second.expr is first.expr, second.leaves == plan(Query(expr, 660_000, 660_000, 0)).leaves
    (True, True)
    """

    __slots__ = ("_first", "_moves")

    def __init__(self, expr: Expr) -> None:
        self._moves = moves(expr)
        self._first: Plan | None = None

    def at(self, query: Query) -> Plan:
        """The plan of a query of the expression.

        Raises:
            UserError: See ``plan``.
        """
        first = self._first
        if first is None:
            first = plan(query)
            if self._moves:
                self._first = first
            return first
        by = query.start - first.grid.start
        return Plan(
            first.expr,
            _moved(first.grid, by),
            tuple(_moved_leaf(leaf, by) for leaf in first.leaves),
            first.timeless,
            first.counting,
        )


def moves(expr: Expr) -> bool:
    """Whether all that an expression asks for moves with the time at which it is evaluated.

    ``@`` stays where it is, subqueries keep to multiples of their step, and ``info`` has leaves of its own.

    >>> from sonde.query.promql.parser import parse
    >>> [moves(parse(text)) for text in ("up", "up @ 1", "up @ end()", "max_over_time(up[1h:1m])", "info(up)")]
    [True, False, False, False, False]
    """
    return not any(
        isinstance(node, Subquery)
        or (isinstance(node, VectorSelector) and node.at is not None)
        or (isinstance(node, Call) and node.function == "info")
        for node, _ in walk(expr)
    )


def _moved(grid: Grid, by: int) -> Grid:
    return Grid(grid.start + by, grid.end + by, grid.step)


def _moved_leaf(leaf: Leaf, by: int) -> Leaf:
    window = leaf.window
    if window is not None:
        window = Window(window.function, window.width, _moved(window.grid, by))
    return Leaf(leaf.matchers, leaf.after + by, leaf.until + by, window)
