"""Reads PromQL: text in, a checked syntax tree out. ``plan`` and ``printer`` take it from here.

A Pratt parser: ``_expression`` reads an operand, then operators as long as they bind at least as tightly as asked.
What is wrong is said in Prometheus' words, and of several faults the one that Prometheus would name.

Language: https://prometheus.io/docs/prometheus/latest/querying/basics/
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Final, Literal, cast

from sonde.query.promql import duration_parser
from sonde.query.promql.ast import (
    Aggregate,
    Aggregation,
    At,
    Binary,
    BinaryOperator,
    Call,
    DurationLiteral,
    Expr,
    Extent,
    Matching,
    MatrixSelector,
    NumberLiteral,
    Paren,
    StringLiteral,
    Subquery,
    Unary,
    VectorSelector,
)
from sonde.query.promql.functions import FUNCTIONS
from sonde.query.promql.number import plain_float
from sonde.query.promql.source import MAX_BYTES, ParseError, Source
from sonde.query.promql.token_stream import TokenStream
from sonde.query.promql.tokens import (
    AGGREGATIONS,
    CALLABLE_KEYWORDS,
    FILLS,
    LABEL_NAMES,
    METRIC_NAMES,
    SET_OPERATORS,
    Token,
)
from sonde.query.promql.validate import validate, value_type
from sonde.query.promql.walk import walk
from sonde.telemetry.labels import METRIC_NAME
from sonde.telemetry.matcher import Matcher, Operator
from sonde.telemetry.quoting import quote, unquote
from sonde.telemetry.regexp import fault_of

MAX_DEPTH: Final = 200
"""How many levels a tree has at most: passes over it are recursive. A chain of 200 operators has as many."""

_POWERS: Final = (
    {"or": 1, "and": 2, "unless": 2}
    | dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "</", ">/"), 3)
    | dict.fromkeys("+-", 4)
    | dict.fromkeys(("*", "/", "%", "atan2"), 5)
    | {"^": 6}
)
_STARTS: Final = METRIC_NAMES | {"number", "duration", "string", "+", "-", "(", "{"}
"""The kinds of tokens with which an expression can begin."""
_WITH_PARAMETER: Final = frozenset({"topk", "bottomk", "count_values", "quantile", "limitk", "limit_ratio"})
_SUFFIXES: Final = frozenset({"[", "offset", "@", "anchored", "smoothed"})
_ONLY_BEHIND: Final = "must be preceded by an instant vector selector or range vector selector or a subquery"
_LATEST: Final = 2**63 / 1000
"""Seconds whose milliseconds still fit into 64 bits."""


def parse(text: str) -> Expr:
    """Read and check a query.

    >>> parse("2 * up")
    Binary(operator='*', left=NumberLiteral(value=2.0, written=''), right=VectorSelector(name='up', \
matchers=(Matcher(name='__name__', operator='=', value='up'),), offset=None, at=None, extent=''), \
returns_bool=False, matching=None)
    >>> parse("sum(rate(up[5m])")
    Traceback (most recent call last):
    sonde.query.promql.source.ParseError: 1:17: parse error: unclosed left parenthesis [promql.parse]

    Raises:
        ParseError: It is no PromQL.
    """
    expr = _Parser(_checked_source(text)).whole_expression()
    validate(expr, text)
    return expr


def parse_selector(text: str) -> tuple[Matcher, ...]:
    """Read a series selector, as ``match[]`` of the HTTP API has it: no range, no offset, and it may match anything.

    >>> parse_selector('up{job="api"}')
    (Matcher(name='job', operator='=', value='api'), Matcher(name='__name__', operator='=', value='up'))

    Raises:
        ParseError: It is no selector.
    """
    return _Parser(_checked_source(text)).whole_selector().matchers


def _checked_source(text: str) -> Source:
    source = Source(text)
    if len(source.encoded) > MAX_BYTES:
        raise source.error((0, len(source.encoded)), f"query is longer than {MAX_BYTES} bytes")
    return source


class _Parser:
    def __init__(self, source: Source) -> None:
        self.stream = TokenStream(source)

    def whole_expression(self) -> Expr:
        stream = self.stream
        if stream.peek().kind == "end of input":
            raise stream.error((0, 0), "no expression found in input")
        expr = self._expression(0)
        stream.expect("end of input")
        if max(level for _, level in walk(expr)) > MAX_DEPTH:
            raise self._too_deep(expr)
        return expr

    def whole_selector(self) -> VectorSelector:
        if self.stream.peek().kind not in METRIC_NAMES | {"{"}:
            self.stream.unexpected()
        selector = self._selector()
        self.stream.expect("end of input")
        return selector

    def _expression(self, minimum: int) -> Expr:
        stream = self.stream
        with stream.nested():
            left = self._operand()
            for _ in range(MAX_DEPTH):
                token = stream.peek()
                if token.kind in _SUFFIXES:
                    left = self._suffix(left)
                    continue
                power = _POWERS.get(token.kind, -1)
                if power < minimum:
                    return left
                left = self._operation(left, power)
            raise self._too_deep(left)

    def _too_deep(self, expr: Expr) -> ParseError:
        return self.stream.error(expr.span, f"expression is nested too deeply, more than {MAX_DEPTH} levels")

    def _operand(self) -> Expr:
        stream, token = self.stream, self.stream.peek()
        match token.kind:
            case "number" | "duration":
                return duration_parser.read_number(stream)
            case "string":
                return StringLiteral(_unquoted(stream.take()), span=token.span)
            case "+" | "-":
                return self._signed()
            case "(":
                stream.take()
                inner = self._expression(0)
                return Paren(inner, span=(token.start, stream.expect(")").end))
            case "{":
                return self._selector()
            case _ if token.kind in METRIC_NAMES:
                return self._named()
            case _:
                return stream.unexpected()

    def _signed(self) -> Expr:
        sign = self.stream.take()
        operand = self._expression(_POWERS["^"])
        if isinstance(operand, NumberLiteral):
            return duration_parser.signed(operand, sign)
        operator: Literal["+", "-"] = "+" if sign.kind == "+" else "-"
        return Unary(operator, operand, span=(sign.start, operand.span[1]))

    def _named(self) -> Expr:
        """What begins with a word: an aggregation, a call, or a selector, for most keywords can be metrics' names."""
        stream, name = self.stream, self.stream.take()
        follower = stream.peek().kind
        if name.kind in AGGREGATIONS and follower in {"(", "by", "without"}:
            return self._aggregate(name)
        if follower == "(" and (name.kind == "identifier" or name.kind in CALLABLE_KEYWORDS):
            return self._call(name)
        return self._selector(name)

    # Selectors

    def _selector(self, name: Token | None = None) -> VectorSelector:
        stream = self.stream
        if name is None and stream.peek().kind != "{":
            name = stream.take()
        matchers: list[Matcher] = []
        start, end = (name or stream.peek()).span
        if stream.peek().kind == "{":
            matchers, end = self._matchers()
        if name is not None:
            matchers.append(Matcher(METRIC_NAME, "=", name.text))
        return VectorSelector(name.text if name else "", tuple(matchers), span=(start, end))

    def _matchers(self) -> tuple[list[Matcher], int]:
        stream = self.stream
        stream.take()
        matchers: list[Matcher] = []
        with stream.within("label matching", 'identifier or "}"'):
            while stream.peek().kind != "}":
                matchers.append(self._matcher())
                stream.now_expecting('"," or "}"')
                if stream.accept(","):
                    stream.now_expecting('identifier or "}"')
                elif stream.peek().kind != "}":
                    stream.unexpected()
            return matchers, stream.take().end

    def _matcher(self) -> Matcher:
        stream, label = self.stream, self.stream.peek()
        if label.kind not in {"identifier", "string"}:
            stream.unexpected()
        stream.take()
        name = _unquoted(label) if label.kind == "string" else label.text
        if stream.peek().kind not in {"=", "!=", "=~", "!~"}:
            if label.kind == "string":
                return Matcher(METRIC_NAME, "=", name)
            stream.now_expecting("label matching operator")
            stream.unexpected()
        operator = cast("Operator", stream.take().kind)
        stream.now_expecting("string")
        literal = stream.expect("string")
        value = _unquoted(literal)
        fault = fault_of(value) if operator in {"=~", "!~"} else ""
        if fault:
            raise stream.error((label.start, literal.end), fault)
        return Matcher(name, operator, value)

    # Calls and aggregations

    def _call(self, name: Token) -> Call:
        arguments, end = self._arguments()
        if name.text not in FUNCTIONS:
            raise self.stream.error(name.span, f"unknown function with name {quote(name.text)}")
        return Call(name.text, arguments, span=(name.start, end))

    def _arguments(self) -> tuple[tuple[Expr, ...], int]:
        stream = self.stream
        stream.expect("(")
        arguments: list[Expr] = []
        if stream.peek().kind != ")":
            arguments.append(self._expression(0))
            while comma := stream.accept(","):
                if stream.peek().kind not in _STARTS:
                    raise stream.error(comma.span, "trailing commas not allowed in function call args")
                arguments.append(self._expression(0))
        return tuple(arguments), stream.expect(")").end

    def _aggregate(self, name: Token) -> Aggregate:
        stream = self.stream
        grouping: tuple[str, ...] = ()
        without = False
        with stream.within("aggregation"):
            modified = stream.peek().kind in {"by", "without"}
            if modified:
                without = stream.take().kind == "without"
                grouping, _ = self._grouping()
            arguments, end = self._arguments()
            if not modified and stream.peek().kind in {"by", "without"}:
                without = stream.take().kind == "without"
                grouping, end = self._grouping()
        span = (name.start, end)
        wanted = 2 if name.kind in _WITH_PARAMETER else 1
        if not arguments:
            raise stream.error(span, "no arguments for aggregate expression provided")
        if len(arguments) != wanted:
            complaint = "wrong number of arguments for aggregate expression provided"
            raise stream.error(span, f"{complaint}, expected {wanted}, got {len(arguments)}")
        parameter = arguments[0] if wanted == 2 else None
        return Aggregate(cast("Aggregation", name.kind), arguments[-1], parameter, grouping, without, span=span)

    def _grouping(self) -> tuple[tuple[str, ...], int]:
        stream = self.stream
        labels: list[str] = []
        with stream.within("grouping opts", '"("'):
            stream.expect("(")
            stream.now_expecting("label")
            while stream.peek().kind != ")":
                labels.append(self._label_name())
                stream.now_expecting('"," or ")"')
                if stream.accept(","):
                    stream.now_expecting("label")
                elif stream.peek().kind != ")":
                    stream.unexpected()
            return tuple(labels), stream.take().end

    def _label_name(self) -> str:
        stream, token = self.stream, self.stream.peek()
        if token.kind not in LABEL_NAMES and token.kind != "string":
            stream.unexpected()
        stream.take()
        name = _unquoted(token) if token.kind == "string" else token.text
        if not name or not _is_unicode(name):
            raise stream.error(token.span, f"invalid label name for grouping: {quote(name)}")
        return name

    # Operations

    def _operation(self, left: Expr, power: int) -> Binary:
        stream = self.stream
        operator = stream.take().kind
        returns_bool = stream.accept("bool") is not None
        matching = self._fill(self._vector_matching())
        right = self._expression(power if operator == "^" else power + 1)
        span = (left.span[0], right.span[1])
        are_vectors = value_type(right) == value_type(left) == "vector"
        if are_vectors and operator in SET_OPERATORS and matching.cardinality == "one-to-one":
            matching = replace(matching, cardinality="many-to-many")
        says_something = matching.labels or matching.fill_left is not None or matching.fill_right is not None
        return Binary(
            cast("BinaryOperator", operator),
            left,
            right,
            returns_bool,
            matching if are_vectors or says_something else None,
            span=span,
        )

    def _vector_matching(self) -> Matching:
        stream = self.stream
        if stream.peek().kind not in {"on", "ignoring"}:
            return Matching()
        on = stream.take().kind == "on"
        labels, _ = self._grouping()
        if stream.peek().kind not in {"group_left", "group_right"}:
            return Matching(on=on, labels=labels)
        side = stream.take().kind
        may_follow = _STARTS | FILLS
        include = () if stream.peek().kind in may_follow - {"("} else self._grouping()[0]
        return Matching("many-to-one" if side == "group_left" else "one-to-many", on, labels, include)

    def _fill(self, matching: Matching) -> Matching:
        stream = self.stream
        if stream.accept("fill"):
            value = self._fill_value()
            return replace(matching, fill_left=value, fill_right=value)
        if stream.accept("fill_left"):
            matching = replace(matching, fill_left=self._fill_value())
            return replace(matching, fill_right=self._fill_value()) if stream.accept("fill_right") else matching
        if stream.accept("fill_right"):
            matching = replace(matching, fill_right=self._fill_value())
            return replace(matching, fill_left=self._fill_value()) if stream.accept("fill_left") else matching
        return matching

    def _fill_value(self) -> float:
        self.stream.expect("(")
        value = self._signed_number()
        self.stream.expect(")")
        return value

    def _signed_number(self) -> float:
        sign = self.stream.accept("-")
        if not sign:
            self.stream.accept("+")
        value = duration_parser.read_number(self.stream).value
        return -value if sign else value

    # What stands behind a selector

    def _suffix(self, expr: Expr) -> Expr:
        match self.stream.peek().kind:
            case "[":
                return self._brackets(expr)
            case "offset":
                return self._offset(expr)
            case "@":
                return self._at(expr)
            case extent:
                return self._extent(expr, cast("Extent", extent))

    def _brackets(self, expr: Expr) -> MatrixSelector | Subquery:
        stream, opening = self.stream, self.stream.take()
        step = None
        with stream.within("subquery or range selector", duration_parser.EXPECTED):
            duration = duration_parser.read_range(stream)
        with stream.within("subquery or range", '":" or "]"'):
            separator = stream.accept(":") or stream.expect("]")
        if separator.kind == ":":
            with stream.within("subquery selector", 'number, duration, step(), range(), or "]"'):
                if stream.peek().kind != "]":
                    step = duration_parser.read_range(stream)
                    stream.now_expecting('"]"')
                return Subquery(expr, duration, step, span=(expr.span[0], stream.expect("]").end))
        fault = ""
        if not isinstance(expr, VectorSelector):
            fault = "ranges only allowed for vector selectors"
        elif isinstance(expr.offset, DurationLiteral):
            fault = "no offset modifiers allowed before range"
        elif expr.at is not None and isinstance(expr.at.time, float):
            fault = "no @ modifiers allowed before range"
        if fault or not isinstance(expr, VectorSelector):
            raise stream.error((opening.start, separator.end), fault)
        return MatrixSelector(expr, duration, span=(expr.span[0], separator.end))

    def _offset(self, expr: Expr) -> Expr:
        stream = self.stream
        stream.take()
        with stream.within("offset", duration_parser.EXPECTED):
            offset = duration_parser.read_offset(stream)
        target = self._target(expr, "offset")
        if target.offset is not None:
            raise stream.error(expr.span, "offset may not be set multiple times")
        return self._modified(expr, offset=offset)

    def _at(self, expr: Expr) -> Expr:
        stream = self.stream
        stream.take()
        time: float | Literal["start", "end"]
        with stream.within("@", "timestamp"):
            word = stream.peek().kind
            if word in {"start", "end"}:
                stream.take()
                stream.expect("(")
                stream.expect(")")
                time = "start" if word == "start" else "end"
            else:
                time = self._time(expr)
        if self._target(expr, "@").at is not None:
            raise stream.error(expr.span, "@ <timestamp> may not be set multiple times")
        return self._modified(expr, at=At(time))

    def _time(self, expr: Expr) -> float:
        """A time in seconds, to milliseconds."""
        seconds = self._signed_number()
        if math.isnan(seconds) or abs(seconds) >= _LATEST:
            shown = f"{seconds:f}" if math.isfinite(seconds) else plain_float(seconds)
            raise self.stream.error(expr.span, f"timestamp out of bounds for @ modifier: {shown}")
        milliseconds = math.floor(abs(seconds) * 1000 + 0.5)
        return (-milliseconds if seconds < 0 else milliseconds) / 1000

    def _extent(self, expr: Expr, extent: Extent) -> Expr:
        stream = self.stream
        stream.take()
        if isinstance(expr, Subquery):
            raise stream.error(expr.span, f"{extent} modifier is not supported for subqueries")
        if not isinstance(expr, VectorSelector | MatrixSelector):
            raise stream.error(expr.span, f"{extent} modifier not implemented")
        selector = expr.selector if isinstance(expr, MatrixSelector) else expr
        if selector.extent not in {"", extent}:
            raise stream.error(expr.span, "anchored and smoothed modifiers cannot be used together")
        return self._modified(expr, extent=extent)

    def _target(self, expr: Expr, modifier: str) -> VectorSelector | Subquery:
        """What a modifier behind an expression is about."""
        match expr:
            case MatrixSelector():
                return expr.selector
            case VectorSelector() | Subquery():
                return expr
            case _:
                raise self.stream.error(expr.span, f"{modifier} modifier {_ONLY_BEHIND}")

    def _modified(self, expr: Expr, **changes: Any) -> Expr:
        span = (expr.span[0], self.stream.last_end)
        if isinstance(expr, MatrixSelector):
            return replace(expr, selector=replace(expr.selector, **changes), span=span)
        return replace(expr, span=span, **changes)


def _unquoted(literal: Token) -> str:
    return unquote(literal.text.encode("latin-1"))


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any(0xD800 <= ord(character) < 0xE000 for character in text)
