"""The SQL tree: what the queries of Sonde are made of. ``render`` turns it into text and server-side parameters.

Values are always ``Param``; names (columns, tables, functions, aliases) come from our own source and are checked to be
plain identifiers when the node is built. So no text of a user can become SQL text, whatever it contains.

>>> from sonde.query.sql.render import render
>>> errors = Select(
...     columns=(Column("service"), Alias(Call("count"), "errors")),
...     source=Table("spans"),
...     where=And((eq("tenant", text("a")), Comparison(Key(Column("attr_int"), text("status")), ">=", integer(500)))),
... )
>>> render(errors).sql
'SELECT service, count() AS errors FROM sonde.spans WHERE tenant = {p0:String} AND attr_int[{p1:String}] >= {p2:Int64}'
>>> render(errors).parameters
{'p0': 'a', 'p1': 'status', 'p2': 500}
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Value: TypeAlias = "str | int | float | bool | Sequence[str] | Sequence[int]"
Operator = Literal["=", "!=", "<", "<=", ">", ">=", "LIKE", "ILIKE"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*\Z")
_OPERATORS: Final = frozenset({"=", "!=", "<", "<=", ">", ">=", "LIKE", "ILIKE"})
_TYPES: Final = frozenset({"String", "Int64", "UInt64", "Float64", "Bool", "Array(String)", "Array(UInt64)"})


def _identifier(name: str) -> None:
    if not _NAME.match(name):
        raise ValueError(f"{name!r} is not a plain SQL identifier")


@dataclass(frozen=True, slots=True)
class Column:
    """A column, or an alias given earlier: ``ts``, ``root.service``."""

    name: str

    def __post_init__(self) -> None:
        _identifier(self.name)


@dataclass(frozen=True, slots=True)
class Param:
    """A value. It travels beside the text, as ``{p0:Type}``."""

    value: Value
    type: str

    def __post_init__(self) -> None:
        if self.type not in _TYPES:
            raise ValueError(f"{self.type!r} is not a parameter type")


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number of our own source, written into the text: the 9 of ``round(x, 9)``, a bit mask, a scale."""

    value: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function: ``Call("max", (Column("ts"),))``; ``settings`` are an aggregate's: ``quantiles(0.5, 0.95)(x)``."""

    name: str
    args: tuple[Expr, ...] = ()
    settings: tuple[float | Expr, ...] = ()

    def __post_init__(self) -> None:
        _identifier(self.name)


@dataclass(frozen=True, slots=True)
class Key:
    """The value of a map under a key: ``attr_str[{p0:String}]``."""

    map: Column
    key: Param


@dataclass(frozen=True, slots=True)
class Row:
    """A tuple of expressions, for comparing several at once: ``(ts, span_id) < (…)``."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Lambda:
    """``(x, y) -> body``, the first argument of ``arrayMap`` and its kin."""

    variables: tuple[str, ...]
    body: Expr

    def __post_init__(self) -> None:
        for variable in self.variables:
            _identifier(variable)


@dataclass(frozen=True, slots=True)
class Comparison:
    """``left operator right``."""

    left: Expr
    operator: Operator
    right: Expr

    def __post_init__(self) -> None:
        if self.operator not in _OPERATORS:
            raise ValueError(f"{self.operator!r} is not a comparison")


@dataclass(frozen=True, slots=True)
class In:
    """``item IN (choices)``: an array parameter, or a subquery."""

    item: Expr
    choices: Param | Select


@dataclass(frozen=True, slots=True)
class And:
    """True when all are; of nothing: true."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """True when one is; of nothing: false."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True when it is not."""

    item: Expr


@dataclass(frozen=True, slots=True)
class Alias:
    """``expression AS name``."""

    expr: Expr
    name: str

    def __post_init__(self) -> None:
        _identifier(self.name)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the store."""

    name: str
    database: str = "sonde"

    def __post_init__(self) -> None:
        _identifier(self.name)
        _identifier(self.database)


@dataclass(frozen=True, slots=True)
class Order:
    """One key of ORDER BY."""

    expr: Expr
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Select:
    """One SELECT. Its parts stand in the order of SQL."""

    columns: tuple[Expr, ...]
    source: Table | Select
    where: Expr | None = None
    group_by: tuple[Expr, ...] = ()
    having: Expr | None = None
    order_by: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0
    one_by: tuple[Expr, ...] = ()
    """``LIMIT 1 BY``: of the rows that agree in these, one."""


Expr: TypeAlias = "Column | Param | Number | Call | Key | Row | Lambda | Comparison | In | And | Or | Not | Alias"


def text(value: str) -> Param:
    """A string parameter."""
    return Param(value, "String")


def integer(value: int) -> Param:
    """A signed 64-bit parameter."""
    return Param(value, "Int64")


def real(value: float) -> Param:
    """A float parameter."""
    return Param(value, "Float64")


def texts(values: Iterable[str]) -> Param:
    """An array of strings as one parameter, for ``In``."""
    return Param(tuple(values), "Array(String)")


def eq(column: str, value: Expr) -> Comparison:
    """``column = value``, the most common condition."""
    return Comparison(Column(column), "=", value)


def call(name: str, *args: Expr) -> Call:
    """``name(args…)`` with less brackets."""
    return Call(name, args)


def aliased(**columns: Expr) -> tuple[Alias, ...]:
    """Columns by name: ``aliased(spans=call("sum", Column("spans")))``."""
    return tuple(Alias(expr, name) for name, expr in columns.items())


def each(array: Expr, *functions: str) -> Call:
    """An array with functions applied to each item, the first one first.

    >>> from sonde.query.sql.render import render_expression
    >>> render_expression(each(Column("ids"), "hex", "lower"))[0]
    'arrayMap((x) -> lower(hex(x)), ids)'
    """
    body: Expr = Column("x")
    for function in functions:
        body = call(function, body)
    return call("arrayMap", Lambda(("x",), body), array)


def moment(unix_nano: int) -> Call:
    """A point in time as DateTime64(9); compares with ``ts`` exactly.

    >>> from sonde.query.sql.render import render_expression
    >>> render_expression(moment(5))
    ('fromUnixTimestamp64Nano({p0:Int64})', {'p0': 5})
    """
    return call("fromUnixTimestamp64Nano", integer(unix_nano))


def hexadecimal(column: str) -> Call:
    """A FixedString id as lower-case hexadecimal text."""
    return call("lower", call("hex", Column(column)))


def day_of(unix_nano: int) -> Call:
    """The day of a point in time, as day columns have it."""
    return call("toDate32", moment(unix_nano))


def identifier(hex_id: str, size: int) -> Call:
    """A trace id (16) or span id (8) given as hexadecimal text, as the table has it."""
    return call("toFixedString", call("unhex", text(hex_id)), Number(size))


def identifiers(hex_ids: Iterable[str], size: int) -> Select:
    """Several ids as a subquery for ``In``; the set is used by primary keys and bloom filters."""
    one = call("toFixedString", call("unhex", call("arrayJoin", texts(hex_ids))), Number(size))
    return Select(columns=(Alias(one, "id"),), source=Table("one", database="system"))


def containing(value: str) -> Param:
    r"""A LIKE pattern that finds ``value`` anywhere, with its own ``%``, ``_`` and ``\`` taken as they are.

    >>> containing("100%").value
    '%100\\%%'
    """
    escaped = re.sub(r"([\\%_])", r"\\\1", value)
    return text(f"%{escaped}%")
