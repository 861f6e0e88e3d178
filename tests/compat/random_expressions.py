"""Random expressions that Prometheus 2.42 knows, as trees: what is printed of them is asked.

What Prometheus 3 computes otherwise is left out: rates of what has gaps, ranges of integer histograms (2.42 loses their
samples), ``predict_linear`` with @ (2.42 moves the range with each step), deviations of a single NaN (2.42 says 0), and
parts of a date that is NaN (what Go makes of it differs between processors).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sonde.query.promql.ast import (
    Aggregate,
    At,
    Binary,
    Call,
    DurationLiteral,
    Expr,
    Matching,
    MatrixSelector,
    NumberLiteral,
    Paren,
    StringLiteral,
    Subquery,
    Unary,
    VectorSelector,
)
from sonde.query.promql.printer import to_text
from sonde.telemetry.labels import METRIC_NAME
from sonde.telemetry.matcher import Matcher

GAUGES: Final = ("temperature", "queue", "zero", "up", "build_info")
COUNTERS: Final = ("requests_total", "errors_total", "latency_bucket", "latency_count", "latency_sum")
LABELS: Final = ("job", "instance", "room", "floor", "code", "method", "name", "le")
OF_VECTORS: Final = (
    *("abs", "ceil", "floor", "sgn", "sqrt", "timestamp", "round", "deg", "rad", "absent", "exp", "ln", "log2"),
    *("sin", "cos", "tanh", "atan", "cosh"),
)
OF_RANGES: Final = (
    *("avg_over_time", "sum_over_time", "min_over_time", "max_over_time", "count_over_time", "stddev_over_time"),
    *("stdvar_over_time", "last_over_time", "present_over_time", "changes", "resets", "delta", "idelta", "deriv"),
)
OF_COUNTERS: Final = ("rate", "increase", "irate")
AGGREGATIONS: Final = ("sum", "avg", "min", "max", "count", "group")
ARITHMETIC: Final = ("+", "-", "*", "/", "%", "^", "atan2")
COMPARISONS: Final = ("==", "!=", "<", "<=", ">", ">=")
SETS: Final = ("and", "or", "unless")
NUMBERS: Final = (0.0, 1.0, -1.0, 2.0, 0.5, 10.0, -3.25, 1e3, float("inf"), float("nan"))


def expressions(seed: int, count: int) -> list[str]:
    """So many expressions, each of another seed."""
    return [to_text(Maker(random.Random(f"{seed} {place}")).any_expression()) for place in range(count)]


@dataclass
class Maker:
    """Makes expressions of each type. Depth counts down to the leaves."""

    random: random.Random

    def any_expression(self) -> Expr:
        return self.vector(3) if self.random.random() < 0.93 else self.scalar(3)

    def vector(self, depth: int) -> Expr:
        if depth <= 0:
            return self.selector(self.random.choice((*GAUGES, *COUNTERS)))
        makers: list[tuple[int, Callable[[int], Expr]]] = [
            (2, lambda _: self.selector(self.random.choice((*GAUGES, *COUNTERS)))),
            (3, self.function),
            (4, self.range_function),
            (3, self.counter_function),
            (4, self.aggregation),
            (3, self.arithmetic),
            (1, self.histogram),
            (1, self.labelled),
            (1, lambda d: Unary("-", Paren(self.vector(d - 1)))),
            (1, lambda d: Call("vector", (self.scalar(d - 1),))),
        ]
        weights = [weight for weight, _ in makers]
        return self.random.choices([maker for _, maker in makers], weights)[0](depth)

    def scalar(self, depth: int) -> Expr:
        match self.random.randrange(5 if depth > 0 else 2):
            case 0 | 1:
                return self.number()
            case 2:
                return Call("scalar", (self.vector(depth - 1),))
            case 3:
                return Call("time", ())
            case _:
                operator = self.random.choice((*ARITHMETIC, "<", ">="))
                left, right = Paren(self.scalar(depth - 1)), Paren(self.scalar(depth - 1))
                return Binary(operator, left, right, returns_bool=operator in COMPARISONS)

    def number(self) -> Expr:
        return NumberLiteral(self.random.choice(NUMBERS))

    def selector(self, name: str, *, moved: bool = True) -> VectorSelector:
        matchers = [Matcher(METRIC_NAME, "=", name)]
        if self.random.random() < 0.4:
            label = self.random.choice(LABELS)
            value = self.random.choice(("api", "web", ".*a.*", "", "hall|roof", "200", "a:80", ".+"))
            matchers.append(Matcher(label, self.random.choice(("=", "!=", "=~", "!~")), value))
        modifiers: dict[str, Any] = {}
        if moved and self.random.random() < 0.2:
            modifiers["offset"] = DurationLiteral(float(self.random.choice((15, 61, 120, 300))), written="s")
            if self.random.random() < 0.2:
                modifiers["offset"] = DurationLiteral(-47.0, written="s")
        if moved and self.random.random() < 0.08:
            modifiers["at"] = At(self.random.choice(("start", "end", 1700002400.25)))
        return VectorSelector(name, tuple(matchers), **modifiers)

    def seconds(self, *choices: int) -> DurationLiteral:
        return DurationLiteral(float(self.random.choice(choices)), written="s")

    def range(self, depth: int) -> Expr:
        if depth > 1 and self.random.random() < 0.4:
            inner = Paren(self.vector(depth - 2))
            return Subquery(inner, self.seconds(60, 150, 300), self.seconds(15, 30, 37, 60))
        return MatrixSelector(self.selector(self.random.choice((*GAUGES, *COUNTERS))), self.seconds(31, 60, 150, 300))

    def function(self, depth: int) -> Expr:
        inner = self.vector(depth - 1)
        match self.random.randrange(8):
            case 0:
                return Call("clamp", (inner, self.number(), self.number()))
            case 1:
                return Call(self.random.choice(("clamp_min", "clamp_max")), (inner, self.number()))
            case 2:
                return Call(self.random.choice(("sort", "sort_desc")), (inner,))
            case _:
                return Call(self.random.choice(OF_VECTORS), (inner,))

    def range_function(self, depth: int) -> Expr:
        match self.random.randrange(8):
            case 0:
                quantile = NumberLiteral(self.random.choice((0.0, 0.3, 0.5, 1.0, 2.0)))
                return Call("quantile_over_time", (quantile, self.range(depth)))
            case 1:
                selected = self.selector(self.random.choice(GAUGES), moved=False)
                seconds = NumberLiteral(self.random.choice((0.0, 60.0, -300.0)))
                return Call("predict_linear", (MatrixSelector(selected, self.seconds(60, 300)), seconds))
            case 2:
                return Call("absent_over_time", (self.range(depth),))
            case _:
                return Call(self.random.choice(OF_RANGES), (self.range(depth),))

    def counter_function(self, _depth: int) -> Expr:
        selected = self.selector(self.random.choice(COUNTERS))
        return Call(self.random.choice(OF_COUNTERS), (MatrixSelector(selected, self.seconds(60, 150, 300)),))

    def aggregation(self, depth: int) -> Expr:
        without = self.random.random() < 0.3
        grouping = tuple(sorted(set(self.random.choices(LABELS, k=self.random.randrange(3)))))
        inner = self.vector(depth - 1)
        match self.random.randrange(8):
            case 0:
                parameter = NumberLiteral(self.random.choice((0.0, 0.25, 0.5, 1.0)))
                return Aggregate("quantile", inner, parameter, grouping, without)
            case 1:
                inner = self.selector(self.random.choice(GAUGES))
                return Aggregate("count_values", inner, StringLiteral("value"), grouping, without)
            case _:
                return Aggregate(self.random.choice(AGGREGATIONS), inner, None, grouping, without)

    def arithmetic(self, depth: int) -> Expr:
        operator = self.random.choice((*ARITHMETIC, *COMPARISONS, *SETS))
        returns_bool = operator in COMPARISONS and self.random.random() < 0.5
        left = self.vector(depth - 1)
        if operator not in SETS and self.random.random() < 0.4:
            sides = [Paren(left), self.number()]
            self.random.shuffle(sides)
            return Binary(operator, sides[0], sides[1], returns_bool=returns_bool)
        right = left if self.random.random() < 0.4 else self.vector(depth - 1)
        on = self.random.random() < 0.5
        names = tuple(sorted(set(self.random.choices(LABELS, k=self.random.randrange(1, 3)))))
        if operator in SETS:
            return Binary(operator, Paren(left), Paren(right), matching=Matching("many-to-many", on, names))
        cardinality = self.random.choice(("one-to-one", "one-to-one", "many-to-one", "one-to-many"))
        if cardinality == "one-to-one" and self.random.random() < 0.5:
            on, names = False, ()
        return Binary(operator, Paren(left), Paren(right), returns_bool, Matching(cardinality, on, names))

    def histogram(self, _depth: int) -> Expr:
        buckets = VectorSelector("latency_bucket", (Matcher(METRIC_NAME, "=", "latency_bucket"),))
        rate = Call("rate", (MatrixSelector(buckets, self.seconds(60, 300)),))
        quantile = NumberLiteral(self.random.choice((0.0, 0.1, 0.5, 0.99, 1.0)))
        return Call("histogram_quantile", (quantile, Aggregate("sum", rate, None, ("job", "le"), without=False)))

    def labelled(self, depth: int) -> Expr:
        target, source = self.random.choice(("place", "job", "room")), self.random.choice(LABELS)
        inner = self.vector(depth - 1)
        if self.random.random() < 0.5:
            texts = (target, self.random.choice(("$1", "x", "")), source, self.random.choice((".*", "(.).*", "a(.+)")))
            return Call("label_replace", (inner, *map(StringLiteral, texts)))
        return Call("label_join", (inner, *map(StringLiteral, (target, "-", source, "instance"))))
