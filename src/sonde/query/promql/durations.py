"""Works out what a tree leaves to the query's start, end and step: duration expressions, ``@ start()``, ``@ end()``."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from sonde.errors import UserError
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
    MatrixSelector,
    Paren,
    Subquery,
    Unary,
    VectorSelector,
)

_LARGEST_SECONDS = 2**63 / 1e9


def resolve(expr: Expr, start: int, end: int, step: int) -> Expr:
    """The same expression for one query: its durations are literals, its @ are times. All in milliseconds.

    >>> from sonde.query.promql.parser import parse
    >>> from sonde.query.promql.printer import to_text
    >>> print(to_text(resolve(parse("rate(up[2 * step()] @ end() offset (range() / 2))"), 0, 120_000, 15_000)))
    rate(up[30s] @ 120.000 offset 1m)

    Raises:
        UserError: A range or step is not above 0, a duration is no number, or divides by 0.
    """
    return _Resolution(start / 1000, end / 1000, step / 1000).resolved(expr)


@dataclass(frozen=True, slots=True)
class _Resolution:
    """The query's times in seconds."""

    start: float
    end: float
    step: float

    def resolved(self, expr: Expr) -> Expr:
        match expr:
            case VectorSelector():
                return self._selector(expr)
            case MatrixSelector():
                return replace(expr, selector=self._selector(expr.selector), range=self._positive(expr.range))
            case Subquery():
                return replace(
                    expr,
                    expr=self.resolved(expr.expr),
                    range=self._positive(expr.range),
                    step=self._positive(expr.step) if expr.step is not None else None,
                    offset=self._literal(expr.offset) if expr.offset is not None else None,
                    at=self._at(expr.at),
                )
            case Call():
                return replace(expr, arguments=tuple(self.resolved(argument) for argument in expr.arguments))
            case Aggregate():
                parameter = self.resolved(expr.parameter) if expr.parameter is not None else None
                return replace(expr, expr=self.resolved(expr.expr), parameter=parameter)
            case Binary():
                return replace(expr, left=self.resolved(expr.left), right=self.resolved(expr.right))
            case Unary():
                return replace(expr, operand=self.resolved(expr.operand))
            case Paren():
                return replace(expr, expr=self.resolved(expr.expr))
            case _:
                return expr

    def _selector(self, selector: VectorSelector) -> VectorSelector:
        if selector.offset is None and selector.at is None:
            return selector
        offset = self._literal(selector.offset) if selector.offset is not None else None
        return replace(selector, offset=offset, at=self._at(selector.at))

    def _at(self, at: At | None) -> At | None:
        if at is None or isinstance(at.time, float):
            return at
        return replace(at, time=self.start if at.time == "start" else self.end)

    def _positive(self, duration: Duration) -> DurationLiteral:
        return self._literal(duration, above_zero=True)

    def _literal(self, duration: Duration, *, above_zero: bool = False) -> DurationLiteral:
        if isinstance(duration, DurationLiteral):
            return duration
        seconds = self._seconds(duration)
        if not math.isfinite(seconds):
            raise _error(duration, "duration is NaN or infinite")
        if above_zero and seconds <= 0:
            raise _error(duration, "duration must be greater than 0")
        if abs(seconds) > _LARGEST_SECONDS:
            raise _error(duration, "duration is out of range")
        return DurationLiteral(int(seconds * 1000) / 1000, span=duration.span)

    def _seconds(self, duration: Duration) -> float:
        match duration:
            case DurationLiteral():
                return duration.seconds
            case DurationUnary():
                return -self._seconds(duration.operand)
            case DurationCall():
                return self._called(duration)
            case DurationBinary():
                return _computed(duration, self._seconds(duration.left), self._seconds(duration.right))

    def _called(self, duration: DurationCall) -> float:
        match duration.function:
            case "step":
                return self.step
            case "range":
                return self.end - self.start
            case "min_of" | "max_of":
                first, second = (self._seconds(argument) for argument in duration.arguments)
                return float(np.minimum(first, second) if duration.function == "min_of" else np.maximum(first, second))


def _computed(duration: DurationBinary, left: float, right: float) -> float:
    match duration.operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            if right == 0:
                raise _error(duration, "division by zero")
            return left / right
        case "%":
            if right == 0:
                raise _error(duration, "modulo by zero")
            with np.errstate(all="ignore"):
                return float(np.fmod(left, right))
        case "^":
            with np.errstate(all="ignore"):
                return float(np.power(left, right))


def _error(duration: Duration, detail: str) -> UserError:
    """Prometheus gives the bytes' offsets here, not line and column."""
    return UserError(f"{duration.span[0]}:{duration.span[1]}: {detail}", code="promql.duration")
