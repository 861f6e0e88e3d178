"""PromQL's syntax tree: ``parser`` makes it, ``validate`` checks, ``plan`` and ``evaluate`` walk, ``printer`` writes.

Nodes are frozen and compare by meaning: where a node stands in the text is kept beside it, for messages.
Language: https://prometheus.io/docs/prometheus/latest/querying/basics/
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from sonde.telemetry.matcher import Matcher

Span = tuple[int, int]
"""Where a node stands in the query: offsets in bytes of its UTF-8 text, from 0, the second behind its end."""

BinaryOperator = Literal[
    "+", "-", "*", "/", "%", "^", "atan2", "==", "!=", ">", "<", ">=", "<=", "and", "or", "unless", "</", ">/"
]
Aggregation = Literal[
    "sum", "avg", "count", "min", "max", "group", "stddev", "stdvar", "topk", "bottomk", "count_values", "quantile",
    "limitk", "limit_ratio",
]  # fmt: skip
Extent = Literal["", "anchored", "smoothed"]
"""How a range's borders are treated: https://prometheus.io/docs/prometheus/latest/feature_flags/#extended-range-selectors"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Anything that stands somewhere in a query."""

    span: Span = field(default=(0, 0), compare=False, repr=False)


# Durations: a literal, or an expression that is known once the query's start, end and step are.


@dataclass(frozen=True, slots=True)
class DurationLiteral(Node):
    """``5m``, or a number of seconds. ``written`` is the text when it was a duration, else "".

    Where it is all of a range, step or offset it is a whole number of milliseconds.
    """

    seconds: float
    written: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class DurationCall(Node):
    """``step()``, ``range()``, ``min_of(a, b)``, ``max_of(a, b)``. ``wrapped``: written in parentheses."""

    function: Literal["step", "range", "min_of", "max_of"]
    arguments: tuple[Duration, ...] = ()
    wrapped: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class DurationUnary(Node):
    """A minus before a duration that is no literal; a plus leaves no trace. ``wrapped``: written in parentheses."""

    operator: Literal["-"]
    operand: Duration
    wrapped: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class DurationBinary(Node):
    """Arithmetic of durations. ``wrapped``: written in parentheses."""

    operator: Literal["+", "-", "*", "/", "%", "^"]
    left: Duration
    right: Duration
    wrapped: bool = field(default=False, compare=False)


Duration = DurationLiteral | DurationCall | DurationUnary | DurationBinary


@dataclass(frozen=True, slots=True)
class At(Node):
    """``@ 1609746000``, ``@ start()``, ``@ end()``."""

    time: float | Literal["start", "end"]
    """Seconds since 1970."""


# Expressions


@dataclass(frozen=True, slots=True)
class NumberLiteral(Node):
    """A number; ``written`` is its text if that was a duration (``5m`` is 300)."""

    value: float
    written: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class StringLiteral(Node):
    """A string, unquoted."""

    value: str


@dataclass(frozen=True, slots=True)
class VectorSelector(Node):
    """``name{matchers} offset 5m @ end() anchored``. A name that was written is among ``matchers`` too."""

    name: str
    """As written before the braces, else "": a name quoted within them (``{"http.requests"}``) is only a matcher."""
    matchers: tuple[Matcher, ...]
    """In the order of the text, that of ``name`` last."""
    offset: Duration | None = None
    at: At | None = None
    extent: Extent = ""


@dataclass(frozen=True, slots=True)
class MatrixSelector(Node):
    """``selector[5m]``; offset, @ and extent, which are written behind the range, are the selector's."""

    selector: VectorSelector
    range: Duration


@dataclass(frozen=True, slots=True)
class Subquery(Node):
    """``expr[30m:1m] offset 5m @ end()``; without a step the default evaluation interval counts."""

    expr: Expr
    range: Duration
    step: Duration | None = None
    offset: Duration | None = None
    at: At | None = None


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function of ``functions.FUNCTIONS``."""

    function: str
    arguments: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Aggregate(Node):
    """``sum by (a, b) (expr)``; ``grouping`` is empty and ``without`` false when nothing is written."""

    operator: Aggregation
    expr: Expr
    parameter: Expr | None = None
    grouping: tuple[str, ...] = ()
    without: bool = False


@dataclass(frozen=True, slots=True)
class Matching:
    """How a binary operation pairs two vectors. ``fill_left`` and ``fill_right`` stand in for a missing side."""

    cardinality: Literal["one-to-one", "many-to-one", "one-to-many", "many-to-many"] = "one-to-one"
    on: bool = False
    """True for ``on (labels)``, false for ``ignoring (labels)``, which with no labels is the default."""
    labels: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    """The labels of ``group_left (…)`` or ``group_right (…)``."""
    fill_left: float | None = None
    fill_right: float | None = None


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """An operation of two expressions. ``matching`` is there when both sides are vectors."""

    operator: BinaryOperator
    left: Expr
    right: Expr
    returns_bool: bool = False
    matching: Matching | None = None


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """A sign before an expression."""

    operator: Literal["+", "-"]
    operand: Expr


@dataclass(frozen=True, slots=True)
class Paren(Node):
    """An expression in parentheses."""

    expr: Expr


Expr = (
    NumberLiteral
    | StringLiteral
    | VectorSelector
    | MatrixSelector
    | Subquery
    | Call
    | Aggregate
    | Binary
    | Unary
    | Paren
)
ValueType = Literal["scalar", "string", "vector", "matrix"]
