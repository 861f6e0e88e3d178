"""Reads numbers, durations and arithmetic with them: what stands in brackets and behind ``offset``.

Language: https://prometheus.io/docs/prometheus/latest/feature_flags/#promql-duration-expressions
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Final, Literal, cast

from sonde.errors import UserError
from sonde.query.promql.ast import Duration, DurationBinary, DurationCall, DurationLiteral, DurationUnary, NumberLiteral
from sonde.query.promql.token_stream import TokenStream
from sonde.query.promql.tokens import DURATION_CALLS, Token
from sonde.telemetry.duration import parse_strict_nanoseconds
from sonde.telemetry.quoting import quote

EXPECTED: Final = "number, duration, step(), or range()"
_POWERS: Final = {"+": 1, "-": 1, "*": 2, "/": 2, "%": 2, "^": 3}
_LARGEST_SECONDS: Final = 2**63 / 1e9
_LOOSE_UNDERSCORE: Final = re.compile(r"(?<![0-9a-fx])_|_(?![0-9a-f])")
"""One that does not stand between digits."""

_Arithmetic = Literal["+", "-", "*", "/", "%", "^"]


def read_number(stream: TokenStream) -> NumberLiteral:
    """A number or a duration without a sign, which is its seconds."""
    token = stream.peek()
    if token.kind not in {"number", "duration"}:
        stream.unexpected()
    stream.take()
    if token.kind == "number":
        return NumberLiteral(_number_of(stream, token), span=token.span)
    try:
        nanoseconds = parse_strict_nanoseconds(token.text)
    except UserError as error:
        raise stream.error(token.span, error.message) from None
    return NumberLiteral(nanoseconds // 10**9 + nanoseconds % 10**9 / 1e9, written=token.text, span=token.span)


def _number_of(stream: TokenStream, token: Token) -> float:
    try:
        value = _value(token.text.lower())
    except ValueError:
        complaint = "invalid syntax"
    else:
        if not math.isinf(value) or token.text.isalpha():
            return value
        complaint = "value out of range"
    detail = f"error parsing number: strconv.ParseFloat: parsing {quote(token.text)}: {complaint}"
    raise stream.error(token.span, detail)


def _value(text: str) -> float:
    """The value of a number as Go reads it: an integer may be octal (010) or hexadecimal."""
    if text == "nan":
        return math.nan  # this very object, so that trees with it are equal
    digits = text.replace("_", "")
    if _LOOSE_UNDERSCORE.search(text):
        raise ValueError(text)
    if digits.startswith("0x"):
        return float(_within_64_bits(int(digits, 16)))
    return float(int(digits, 8) if _is_octal(digits) else digits)


def _within_64_bits(value: int) -> int:
    if value >= 2**63:
        raise ValueError(value)
    return value


def _is_octal(digits: str) -> bool:
    return len(digits) > 1 and digits[0] == "0" and set(digits) <= set("01234567") and int(digits, 8) < 2**63


def signed(literal: NumberLiteral, sign: Token) -> NumberLiteral:
    """A number with the sign before it."""
    span = (sign.start, literal.span[1])
    if sign.kind == "+" or math.isnan(literal.value):
        return replace(literal, span=span)
    return replace(literal, value=-literal.value, written=literal.written and f"-{literal.written}", span=span)


def read_range(stream: TokenStream) -> Duration:
    """A duration in brackets, which is above 0."""
    duration = _expression(stream, 0)
    if not isinstance(duration, DurationLiteral):
        return duration
    if duration.seconds <= 0:
        raise stream.error(duration.span, "duration must be greater than 0")
    return _whole(duration)


def read_offset(stream: TokenStream) -> Duration | None:
    """A duration behind ``offset``; None for 0.

    Arithmetic must stand in parentheses: ``offset 1m + 2`` adds 2 to the values. But what begins with one and has no
    sign before it goes on: ``offset (1m) + 2`` is 62 seconds.
    """
    sign = stream.take() if stream.peek().kind in {"+", "-"} else None
    if sign is None:
        duration = _expression(stream, 0) if stream.peek().kind == "(" else _operand(stream)
    elif stream.peek().kind in {"+", "-"}:
        duration = _operators(stream, _with_sign(stream, sign, _expression(stream, _POWERS["^"])), 0)
    elif stream.peek().kind in {"number", "duration"}:
        duration = _with_sign(stream, sign, _literal(stream))
    else:
        duration = _with_sign(stream, sign, _operand(stream))
    if not isinstance(duration, DurationLiteral):
        return duration
    return _whole(duration) if duration.seconds else None


def _whole(literal: DurationLiteral) -> DurationLiteral:
    """In milliseconds, which is what samples' times are in; what is less than one is cut off."""
    exact = abs(literal.seconds) * 1000
    nearest = round(exact)
    milliseconds = nearest if abs(exact - nearest) < 1e-6 else int(exact)
    return replace(literal, seconds=(-milliseconds if literal.seconds < 0 else milliseconds) / 1000)


def _expression(stream: TokenStream, minimum: int) -> Duration:
    with stream.nested():
        if stream.peek().kind in {"+", "-"}:
            sign = stream.take()
            left = _with_sign(stream, sign, _expression(stream, _POWERS["^"]))
        else:
            left = _operand(stream)
        return _operators(stream, left, minimum)


def _operators(stream: TokenStream, left: Duration, minimum: int) -> Duration:
    while True:
        token = stream.peek()
        power = _POWERS.get(token.kind, -1)
        if power < minimum:
            return left
        stream.take()
        right = _expression(stream, power if token.kind == "^" else power + 1)
        if token.kind in {"/", "%"} and isinstance(right, DurationLiteral) and right.seconds == 0:
            raise stream.error(token.span, "division by zero" if token.kind == "/" else "modulo by zero")
        operator = cast("_Arithmetic", token.kind)
        left = DurationBinary(operator, left, right, span=(left.span[0], right.span[1]))


def _operand(stream: TokenStream) -> Duration:
    token = stream.peek()
    if token.kind in {"number", "duration"}:
        literal = _literal(stream)
        return _checked(stream, literal, literal.span)
    if token.kind == "(":
        stream.take()
        inner = _expression(stream, 0)
        stream.expect(")")
        return inner if isinstance(inner, DurationLiteral) else replace(inner, wrapped=True)
    if token.kind not in DURATION_CALLS:
        stream.unexpected()
    stream.take()
    stream.expect("(")
    arguments: tuple[Duration, ...] = ()
    if token.kind in {"min_of", "max_of"}:
        first = _expression(stream, 0)
        stream.expect(",")
        arguments = (first, _expression(stream, 0))
    end = stream.expect(")").end
    function = cast('Literal["step", "range", "min_of", "max_of"]', token.kind)
    return DurationCall(function, arguments, span=(token.start, end))


def _literal(stream: TokenStream) -> DurationLiteral:
    number = read_number(stream)
    return DurationLiteral(number.value, written=number.written, span=number.span)


def _with_sign(stream: TokenStream, sign: Token, operand: Duration) -> Duration:
    span = (sign.start, operand.span[1])
    if isinstance(operand, DurationLiteral):
        if sign.kind == "-":
            written = operand.written and f"-{operand.written}"
            operand = replace(operand, seconds=-operand.seconds, written=written)
        return _checked(stream, replace(operand, span=span), sign.span)
    return operand if sign.kind == "+" else DurationUnary("-", operand, span=span)


def _checked(stream: TokenStream, literal: DurationLiteral, span: tuple[int, int]) -> DurationLiteral:
    if math.isnan(literal.seconds) or abs(literal.seconds) > _LARGEST_SECONDS:
        raise stream.error(span, "duration out of range")
    return literal
