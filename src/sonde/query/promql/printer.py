"""Writes a syntax tree: as one line, over several lines, and as the JSON of Prometheus' ``/api/v1/parse_query``."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any, Final

from sonde.query.promql.ast import (
    Aggregate,
    At,
    Binary,
    Call,
    Duration,
    DurationBinary,
    DurationCall,
    DurationLiteral,
    DurationUnary,
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
from sonde.query.promql.number import go_float, plain_float
from sonde.telemetry.duration import duration_text
from sonde.telemetry.labels import METRIC_NAME
from sonde.telemetry.matcher import Matcher
from sonde.telemetry.quoting import quote, replaced

LINE_LENGTH: Final = 100
"""``pretty`` splits what is longer than this many bytes."""

_PLAIN_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_POWERS: Final = {"+": 1, "-": 1, "*": 2, "/": 2, "%": 2, "^": 3}
_UNARY_POWER: Final = 2


def to_text(expr: Expr) -> str:
    """An expression in one line; ``parse`` makes the same tree of it.

    >>> from sonde.query.promql.parser import parse
    >>> print(to_text(parse('sum(rate(http_requests_total{job="api"}[300])) by(code)')))
    sum by (code) (rate(http_requests_total{job="api"}[5m]))
    """
    match expr:
        case NumberLiteral():
            return _number(expr.value, expr.written)
        case StringLiteral():
            return quote(expr.value)
        case VectorSelector() | MatrixSelector():
            return _selector(expr)
        case Subquery():
            return f"{to_text(expr.expr)}{_subquery_suffix(expr)}"
        case Call():
            return f"{expr.function}({', '.join(to_text(argument) for argument in expr.arguments)})"
        case Aggregate():
            parameter = f"{to_text(expr.parameter)}, " if expr.parameter is not None else ""
            return f"{_aggregation(expr)}({parameter}{to_text(expr.expr)})"
        case Binary():
            return f"{to_text(expr.left)} {_operation(expr)} {to_text(expr.right)}"
        case Unary():
            return f"{expr.operator}{to_text(expr.operand)}"
        case Paren():
            return f"({to_text(expr.expr)})"


def pretty(expr: Expr) -> str:
    """An expression as ``/api/v1/format_query`` answers: broken into lines where it is longer than ``LINE_LENGTH``.

    >>> from sonde.query.promql.parser import parse
    >>> print(pretty(parse("sum by (job) (rate(" + "a" * 80 + "[5m])) / 2").left))
    sum by (job) (
      rate(aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa[5m])
    )
    """
    return _pretty(expr, 0)


def _pretty(expr: Expr, level: int) -> str:
    indent, text = "  " * level, to_text(expr)
    is_long = len(text.encode("utf-8", "surrogatepass")) > LINE_LENGTH
    match expr:
        case Unary():
            return f"{indent}{expr.operator}{_pretty(expr.operand, level).strip()}"
        case Subquery():
            return f"{_pretty(expr.expr, level)}{_subquery_suffix(expr)}" if is_long else text
        case Aggregate() if is_long:
            parameter = f"{_pretty(expr.parameter, level + 1)},\n" if expr.parameter is not None else ""
            return f"{indent}{_aggregation(expr)}(\n{parameter}{_pretty(expr.expr, level + 1)}\n{indent})"
        case Binary() if is_long:
            left, right = _pretty(expr.left, level + 1), _pretty(expr.right, level + 1)
            return f"{left}\n{indent}{_operation(expr)}\n{right}"
        case Call() if is_long:
            arguments = ",\n".join(_pretty(argument, level + 1) for argument in expr.arguments)
            return f"{indent}{expr.function}(\n{arguments}\n{indent})"
        case Paren() if is_long:
            return f"{indent}(\n{_pretty(expr.expr, level + 1)}\n{indent})"
        case _:
            return f"{indent}{text}"


def to_json(expr: Expr) -> dict[str, Any]:
    """An expression as ``/api/v1/parse_query`` answers; durations and times in milliseconds.

    >>> from sonde.query.promql.parser import parse
    >>> to_json(parse("-up"))["expr"]["matchers"]
    [{'name': '__name__', 'value': 'up', 'type': '='}]
    """
    match expr:
        case NumberLiteral():
            return {"type": "numberLiteral", "val": plain_float(expr.value)}
        case StringLiteral():
            return {"type": "stringLiteral", "val": replaced(expr.value)}
        case VectorSelector() | MatrixSelector():
            return _selector_json(expr)
        case Subquery():
            return {
                "type": "subquery",
                "expr": to_json(expr.expr),
                **_duration_json("range", expr.range),
                **_duration_json("step", expr.step),
                **_duration_json("offset", expr.offset),
                **_at_json(expr.at),
            }
        case Call():
            return {
                "type": "call",
                "func": _function_json(expr.function),
                "args": [to_json(argument) for argument in expr.arguments],
            }
        case Aggregate():
            return {
                "type": "aggregation",
                "op": expr.operator,
                "expr": to_json(expr.expr),
                "param": to_json(expr.parameter) if expr.parameter is not None else None,
                "grouping": list(expr.grouping),
                "without": expr.without,
            }
        case Binary():
            return {
                "type": "binaryExpr",
                "op": expr.operator,
                "lhs": to_json(expr.left),
                "rhs": to_json(expr.right),
                "matching": _matching_json(expr.matching),
                "bool": expr.returns_bool,
            }
        case Unary():
            return {"type": "unaryExpr", "op": expr.operator, "expr": to_json(expr.operand)}
        case Paren():
            return {"type": "parenExpr", "expr": to_json(expr.expr)}


# Parts of the text


def _number(value: float, written: str) -> str:
    return duration_text(round(value * 1000)) if written else plain_float(value)


def _selector(expr: VectorSelector | MatrixSelector) -> str:
    if isinstance(expr, MatrixSelector):
        selector = expr.selector
        modifiers = f"{_extent(selector.extent)}{_at(selector.at)}{_offset(selector.offset)}"
        return f"{_selected(selector)}[{_whole(expr.range)}]{modifiers}"
    return f"{_selected(expr)}{_at(expr.at)}{_extent(expr.extent)}{_offset(expr.offset)}"


def _selected(selector: VectorSelector) -> str:
    shown = sorted(_matcher(matcher) for matcher in selector.matchers if not _is_name(matcher, selector.name))
    return f"{selector.name}{{{','.join(shown)}}}" if shown or not selector.name else selector.name


def _is_name(matcher: Matcher, name: str) -> bool:
    return bool(name) and matcher == Matcher(METRIC_NAME, "=", name)


def _matcher(matcher: Matcher) -> str:
    return f"{_name(matcher.name)}{matcher.operator}{quote(matcher.value)}"


def _name(name: str) -> str:
    return name if _PLAIN_NAME.fullmatch(name) else quote(name)


def _names(names: Iterable[str]) -> str:
    return f"({', '.join(_name(name) for name in names)})"


def _at(at: At | None) -> str:
    if at is None:
        return ""
    return f" @ {at.time:.3f}" if isinstance(at.time, float) else f" @ {at.time}()"


def _extent(extent: Extent) -> str:
    return f" {extent}" if extent else ""


def _offset(offset: Duration | None) -> str:
    if offset is None:
        return ""
    text = _whole(offset)
    return f" offset {text if _ends_with_itself(offset) else f'({text})'}"


def _ends_with_itself(offset: Duration) -> bool:
    """Whether an operator behind it, or within it, cannot be taken for one of the expression's."""
    match offset:
        case DurationLiteral() | DurationCall():
            return True
        case DurationBinary():
            return offset.wrapped
        case DurationUnary():
            operand = offset.operand
            return offset.wrapped or isinstance(operand, DurationCall) or (_is_in_parentheses(operand))


def _is_in_parentheses(operand: Duration) -> bool:
    return isinstance(operand, DurationBinary) and (operand.wrapped or operand.operator != "^")


def _subquery_suffix(expr: Subquery) -> str:
    step = _whole(expr.step) if expr.step is not None else ""
    return f"[{_whole(expr.range)}:{step}]{_at(expr.at)}{_offset(expr.offset)}"


def _aggregation(expr: Aggregate) -> str:
    if expr.without:
        return f"{expr.operator} without {_names(expr.grouping)} "
    return f"{expr.operator} by {_names(expr.grouping)} " if expr.grouping else expr.operator


def _operation(expr: Binary) -> str:
    return f"{expr.operator}{' bool' if expr.returns_bool else ''}{_matching(expr.matching)}"


def _matching(matching: Matching | None) -> str:
    if matching is None:
        return ""
    text = ""
    groups = matching.cardinality in {"many-to-one", "one-to-many"}
    if matching.labels or matching.on or groups:
        text += f" {'on' if matching.on else 'ignoring'} {_names(matching.labels)}"
    if groups:
        text += f" group_{'left' if matching.cardinality == 'many-to-one' else 'right'} {_names(matching.include)}"
    left, right = matching.fill_left, matching.fill_right
    if left is not None and left == right:
        return f"{text} fill ({go_float(left)})"
    text += f" fill_left ({go_float(left)})" if left is not None else ""
    text += f" fill_right ({go_float(right)})" if right is not None else ""
    return text


def _whole(duration: Duration) -> str:
    """A range, step or offset."""
    return duration_text(_milliseconds(duration)) if isinstance(duration, DurationLiteral) else _duration(duration)


def _milliseconds(literal: DurationLiteral) -> int:
    return round(literal.seconds * 1000)


def _duration(duration: Duration, least: int = 0, *, is_left: bool = False) -> str:
    """A duration beside an operator that binds with ``least``; parentheses where they were or have to be."""
    needs = False
    match duration:
        case DurationLiteral():
            text = _number(duration.seconds, duration.written)
            return f"({text})" if text.startswith("-") and is_left and least > _UNARY_POWER else text
        case DurationCall():
            text = f"{duration.function}({', '.join(_duration(argument) for argument in duration.arguments)})"
        case DurationUnary():
            text = f"-{_duration(duration.operand, _UNARY_POWER + 1)}"
            needs = is_left and least > _UNARY_POWER
        case DurationBinary():
            power = _POWERS[duration.operator]
            is_power = duration.operator == "^"
            left = _duration(duration.left, power + is_power, is_left=True)
            text = f"{left} {duration.operator} {_duration(duration.right, power + (not is_power))}"
            needs = power < least
    return f"({text})" if duration.wrapped or needs else text


# Parts of the JSON


def _selector_json(expr: VectorSelector | MatrixSelector) -> dict[str, Any]:
    if isinstance(expr, MatrixSelector):
        return {**_selector_json(expr.selector), "type": "matrixSelector", **_duration_json("range", expr.range)}
    return {
        "type": "vectorSelector",
        "name": expr.name,
        **_duration_json("offset", expr.offset),
        "matchers": [
            {"name": replaced(matcher.name), "value": replaced(matcher.value), "type": matcher.operator}
            for matcher in expr.matchers
        ],
        **_at_json(expr.at),
        "anchored": expr.extent == "anchored",
        "smoothed": expr.extent == "smoothed",
    }


def _at_json(at: At | None) -> dict[str, Any]:
    time = None if at is None else at.time
    return {
        "timestamp": round(time * 1000) if isinstance(time, float) else None,
        "startOrEnd": time if isinstance(time, str) else None,
    }


def _duration_json(name: str, duration: Duration | None) -> dict[str, Any]:
    if duration is None or isinstance(duration, DurationLiteral):
        return {name: 0 if duration is None else _milliseconds(duration), f"{name}Expr": None}
    return {name: 0, f"{name}Expr": _expression_json(duration)}


def _expression_json(duration: Duration) -> dict[str, Any]:
    if isinstance(duration, DurationLiteral):
        return {
            "type": "numberLiteral",
            "val": plain_float(duration.seconds),
            "duration": bool(duration.written),
        }
    left: Duration | None = None
    right: Duration | None = None
    match duration:
        case DurationBinary():
            operator: str = duration.operator
            left, right = duration.left, duration.right
        case DurationUnary():
            operator, right = duration.operator, duration.operand
        case DurationCall():
            operator = duration.function
            left, right = duration.arguments or (None, None)
    return {
        "type": "durationExpr",
        "op": operator,
        "lhs": _expression_json(left) if left is not None else None,
        "rhs": _expression_json(right) if right is not None else None,
        "wrapped": duration.wrapped,
    }


def _function_json(name: str) -> dict[str, Any]:
    function = FUNCTIONS[name]
    return {
        "name": name,
        "argTypes": list(function.argument_types),
        "variadic": function.variadic,
        "returnType": function.return_type,
    }


def _matching_json(matching: Matching | None) -> dict[str, Any] | None:
    if matching is None:
        return None
    return {
        "card": matching.cardinality,
        "labels": list(matching.labels),
        "on": matching.on,
        "include": list(matching.include),
        "fillValues": {"lhs": _finite(matching.fill_left), "rhs": _finite(matching.fill_right)},
    }


def _finite(value: float | None) -> float | str | None:
    """JSON has no infinity and no NaN."""
    return value if value is None or math.isfinite(value) else plain_float(value)
