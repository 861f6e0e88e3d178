"""Writes a SQL tree as text plus parameters: the only place where compiled SQL text is made.

Text comes from the tree's shape and from names that the tree has checked; every value becomes ``{pN:Type}`` and travels
beside the text. Equal values share a parameter. Next: ``engine`` executes a ``Statement``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sonde.query.sql import ast


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text, and the values of its parameters by name."""

    sql: str
    parameters: dict[str, ast.Value] = field(default_factory=dict)


def render(select: ast.Select) -> Statement:
    """Write a SELECT.

    >>> theirs = ast.eq("service", ast.text("it's; --"))
    >>> render(ast.Select((ast.Column("body"),), ast.Table("logs"), where=theirs, limit=1))
    Statement(sql='SELECT body FROM sonde.logs WHERE service = {p0:String} LIMIT 1', parameters={'p0': "it's; --"})
    """
    writer = _Writer()
    return Statement(writer.select(select), writer.parameters)


def render_expression(expr: ast.Expr) -> tuple[str, dict[str, ast.Value]]:
    """Write one expression: its text and its parameters.

    >>> render_expression(ast.Not(ast.Or((ast.eq("a", ast.integer(1)), ast.eq("b", ast.integer(1))))))
    ('NOT (a = {p0:Int64} OR b = {p0:Int64})', {'p0': 1})
    """
    writer = _Writer()
    return writer.expression(expr), writer.parameters


class _Writer:
    """Collects parameters while the text is written; lives for one ``render``."""

    def __init__(self) -> None:
        self.parameters: dict[str, ast.Value] = {}
        self._names: dict[ast.Param, str] = {}

    def select(self, select: ast.Select) -> str:
        parts = ["SELECT " + self._list(select.columns)]
        match select.source:
            case ast.Table(name, database):
                parts.append(f"FROM {database}.{name}")
            case ast.Select():
                parts.append(f"FROM ({self.select(select.source)})")
        if select.where is not None:
            parts.append("WHERE " + self.expression(select.where))
        if select.group_by:
            parts.append("GROUP BY " + self._list(select.group_by))
        if select.having is not None:
            parts.append("HAVING " + self.expression(select.having))
        if select.order_by:
            keys = (self.expression(key.expr) + (" DESC" if key.descending else "") for key in select.order_by)
            parts.append("ORDER BY " + ", ".join(keys))
        if select.one_by:
            parts.append("LIMIT 1 BY " + self._list(select.one_by))
        if select.limit is not None:
            parts.append(f"LIMIT {int(select.limit)}" + (f" OFFSET {int(select.offset)}" if select.offset else ""))
        return " ".join(parts)

    def expression(self, expr: ast.Expr) -> str:  # noqa: C901, PLR0912 - one line a node
        match expr:
            case ast.Column(name):
                return name
            case ast.Param():
                return self._parameter(expr)
            case ast.Number(value):
                return str(int(value))
            case ast.Call(name, args, settings):
                curried = f"({', '.join(map(self._setting, settings))})" if settings else ""
                return f"{name}{curried}({self._list(args)})"
            case ast.Key(column, key):
                return f"{column.name}[{self._parameter(key)}]"
            case ast.Row(items):
                return f"({self._list(items)})"
            case ast.Lambda(variables, body):
                return f"({', '.join(variables)}) -> {self.expression(body)}"
            case ast.Comparison(left, operator, right):
                return f"{self._side(left)} {operator} {self._side(right)}"
            case ast.In(item, ast.Param() as choices):
                return f"{self._side(item)} IN {self._parameter(choices)}"
            case ast.In(item, ast.Select() as choices):
                return f"{self._side(item)} IN ({self.select(choices)})"
            case ast.And(items):
                return " AND ".join(map(self._operand, items)) or "1"
            case ast.Or(items):
                return " OR ".join(map(self._operand, items)) or "0"
            case ast.Not(item):
                return f"NOT {self._operand(item)}"
            case ast.Alias(inner, name):
                return f"{self.expression(inner)} AS {name}"
            case _:
                raise TypeError(f"{type(expr).__name__} is not an expression")

    def _setting(self, setting: float | ast.Expr) -> str:
        return repr(float(setting)) if isinstance(setting, int | float) else self.expression(setting)

    def _operand(self, expr: ast.Expr) -> str:
        """The expression, in brackets where a neighbour could take it apart."""
        written = self.expression(expr)
        match expr:
            case ast.And(items) | ast.Or(items):
                return f"({written})" if len(items) > 1 else written
            case ast.Not() | ast.Alias():
                return f"({written})"
            case _:
                return written

    def _side(self, expr: ast.Expr) -> str:
        """The expression as one side of a comparison."""
        written = self._operand(expr)
        return f"({written})" if isinstance(expr, ast.Comparison | ast.In | ast.Lambda) else written

    def _list(self, items: tuple[ast.Expr, ...]) -> str:
        return ", ".join(map(self.expression, items))

    def _parameter(self, param: ast.Param) -> str:
        # Types keep apart what Python calls equal: 1, 1.0 and True.
        name = self._names.get(param)
        if name is None:
            name = self._names[param] = f"p{len(self._names)}"
            self.parameters[name] = param.value
        return f"{{{name}:{param.type}}}"
