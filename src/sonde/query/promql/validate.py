"""Checks what a syntax tree means: types, arguments, matchers. The parser calls it; what passes can be evaluated.

The first fault is raised, with Prometheus' words.
"""

from __future__ import annotations

from typing import NoReturn

from sonde.query.promql.ast import (
    Aggregate,
    Binary,
    Call,
    Expr,
    Matching,
    MatrixSelector,
    Node,
    NumberLiteral,
    Paren,
    StringLiteral,
    Subquery,
    Unary,
    ValueType,
    VectorSelector,
)
from sonde.query.promql.functions import FUNCTIONS
from sonde.query.promql.source import Source
from sonde.query.promql.tokens import SET_OPERATORS
from sonde.telemetry.labels import METRIC_NAME
from sonde.telemetry.quoting import quote

COMPARISONS = frozenset({"==", "!=", "<=", "<", ">=", ">"})
"""Operators that filter, or with ``bool`` say 0 or 1."""


def value_type(expr: Expr) -> ValueType:
    """What an expression gives.

    >>> from sonde.query.promql.parser import parse
    >>> value_type(parse("1 + time()")), value_type(parse("up > 0")), value_type(parse("up[5m]"))
    ('scalar', 'vector', 'matrix')
    """
    match expr:
        case NumberLiteral():
            return "scalar"
        case StringLiteral():
            return "string"
        case VectorSelector() | Aggregate():
            return "vector"
        case MatrixSelector() | Subquery():
            return "matrix"
        case Call():
            return FUNCTIONS[expr.function].return_type
        case Paren():
            return value_type(expr.expr)
        case Unary():
            return value_type(expr.operand)
        case Binary():
            # The right side first: of a chain of operators it is the short one
            is_scalar = value_type(expr.right) == "scalar" and value_type(expr.left) == "scalar"
            return "scalar" if is_scalar else "vector"


def described(kind: ValueType) -> str:
    """A type in the words of the documentation.

    >>> described("matrix"), described("scalar")
    ('range vector', 'scalar')
    """
    return {"vector": "instant vector", "matrix": "range vector"}.get(kind, kind)


def validate(expr: Expr, text: str) -> None:
    """Check an expression that was parsed from ``text``.

    >>> from sonde.query.promql.ast import Call, NumberLiteral
    >>> validate(Call("rate", (NumberLiteral(1.0, span=(5, 6)),), span=(0, 7)), "rate(1)")
    Traceback (most recent call last):
    sonde.query.promql.source.ParseError: 1:6: parse error: expected type range vector in call to function "rate", \
got scalar [promql.parse]

    Raises:
        ParseError: It cannot be evaluated.
    """
    _Check(Source(text)).check(expr)


class _Check:
    def __init__(self, source: Source) -> None:
        self._source = source

    def check(self, expr: Expr) -> ValueType:
        match expr:
            case Aggregate():
                self._aggregate(expr)
            case Binary():
                self._binary(expr)
            case Call():
                self._call(expr)
            case Paren():
                self.check(expr.expr)
            case Unary():
                self._unary(expr)
            case Subquery():
                self._subquery(expr)
            case MatrixSelector():
                self._selector(expr.selector)
            case VectorSelector():
                self._selector(expr)
            case NumberLiteral() | StringLiteral():
                pass
        return value_type(expr)

    def _unary(self, expr: Unary) -> None:
        kind = self.check(expr.operand)
        if kind not in {"scalar", "vector"}:
            only = "unary expression only allowed on expressions of type scalar or instant vector"
            self._fail(expr, f"{only}, got {quote(described(kind))}")

    def _subquery(self, expr: Subquery) -> None:
        kind = self.check(expr.expr)
        if kind != "vector":
            self._fail(expr, f"subquery is only allowed on instant vector, got {kind} instead")

    def _aggregate(self, expr: Aggregate) -> None:
        self._expect("vector", expr.expr, "aggregation expression")
        if expr.parameter is not None:
            wanted: ValueType = "string" if expr.operator == "count_values" else "scalar"
            self._expect(wanted, expr.parameter, "aggregation parameter")

    def _expect(self, wanted: ValueType, expr: Expr, context: str) -> None:
        kind = self.check(expr)
        if kind != wanted:
            self._fail(expr, f"expected type {described(wanted)} in {context}, got {described(kind)}")

    def _binary(self, expr: Binary) -> None:
        left, right = self.check(expr.left), self.check(expr.right)
        self._operator(expr, are_scalars=left == right == "scalar")
        for kind, operand in ((left, expr.left), (right, expr.right)):
            if kind not in {"scalar", "vector"}:
                self._fail(operand, "binary expression must contain only scalar and instant vector types")
        if expr.matching is not None:
            self._matching(expr, expr.matching, are_vectors=left == right == "vector")
        if expr.operator in SET_OPERATORS and "scalar" in {left, right}:
            self._fail(expr, f"set operator {quote(expr.operator)} not allowed in binary scalar expression")

    def _operator(self, expr: Binary, *, are_scalars: bool) -> None:
        if expr.returns_bool and expr.operator not in COMPARISONS:
            self._fail_at_operator(expr, "bool modifier can only be used on comparison operators")
        if expr.operator in COMPARISONS and not expr.returns_bool and are_scalars:
            self._fail_at_operator(expr, "comparisons between scalars must use BOOL modifier")
        if expr.matching is not None and expr.matching.on:
            for label in expr.matching.labels:
                if label in expr.matching.include:
                    complaint = "must not occur in ON and GROUP clause at once"
                    self._fail_at_operator(expr, f"label {quote(label)} {complaint}")

    def _matching(self, expr: Binary, matching: Matching, *, are_vectors: bool) -> None:
        fills = matching.fill_left is not None or matching.fill_right is not None
        if not are_vectors:
            if matching.labels:
                self._fail(expr, "vector matching only allowed between instant vectors")
            if fills:
                self._fail(expr, "filling in missing series only allowed between instant vectors")
        elif expr.operator in SET_OPERATORS:
            if matching.cardinality in {"one-to-many", "many-to-one"}:
                self._fail(expr, f"no grouping allowed for {quote(expr.operator)} operation")
            if fills:
                self._fail(expr, "filling in missing series not allowed for set operators")

    def _call(self, expr: Call) -> None:
        function, count = FUNCTIONS[expr.function], len(expr.arguments)
        target = f"argument(s) in call to {quote(function.name)}, got {count}"
        if function.variadic == 0:
            if count != function.fewest:
                self._fail(expr, f"expected {function.fewest} {target}")
        elif count < function.fewest:
            self._fail(expr, f"expected at least {function.fewest} {target}")
        elif function.most is not None and count > function.most:
            self._fail(expr, f"expected at most {function.most} {target}")
        selects_labels = function.name == "info" and count > 1
        if selects_labels:
            self._label_selector(expr)
        for index, argument in enumerate(expr.arguments):
            if selects_labels and index == 1:
                continue
            self._expect(function.argument_type(index), argument, f"call to function {quote(function.name)}")

    def _label_selector(self, expr: Call) -> None:
        selector = expr.arguments[1]
        kind = value_type(selector)
        if kind != "vector":
            context = f"call to function {quote(expr.function)}"
            self._fail(expr, f"expected type {described('vector')} in {context}, got {described(kind)}")
        if not isinstance(selector, VectorSelector):
            self._fail(selector, "expected label selectors only")
        if selector.name:
            self._fail(selector, "expected label selectors only, got vector selector instead")

    def _selector(self, expr: VectorSelector) -> None:
        if expr.name:
            for matcher in expr.matchers[:-1]:
                if matcher.name == METRIC_NAME:
                    names = f"{quote(expr.name)} or {quote(matcher.value)}"
                    self._fail(expr, f"metric name must not be set twice: {names}")
        elif all(matcher.matches_empty for matcher in expr.matchers):
            self._fail(expr, "vector selector must contain at least one non-empty matcher")

    def _fail_at_operator(self, expr: Binary, detail: str) -> NoReturn:
        start, text = expr.left.span[1], self._source.characters
        while text[start : start + 1] in {" ", "\t", "\r", "\n"}:
            start += 1
        raise self._source.error((start, expr.right.span[0]), detail)

    def _fail(self, node: Node, detail: str) -> NoReturn:
        raise self._source.error(node.span, detail)
