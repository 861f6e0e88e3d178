"""A tree is written as Prometheus writes it, and what is written gives the same tree again."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.query.promql.script import evals

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
    Matching,
    MatrixSelector,
    Node,
    NumberLiteral,
    Paren,
    StringLiteral,
    Subquery,
    Unary,
    VectorSelector,
)
from sonde.query.promql.parser import parse
from sonde.query.promql.printer import pretty, to_json, to_text
from sonde.query.promql.tokens import OPERATORS, SET_OPERATORS
from sonde.query.promql.validate import COMPARISONS
from sonde.telemetry.matcher import Matcher

SCRIPTS = Path(__file__).parents[4] / "shared" / "conformance" / "promql"


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("a{ }", "a"),
        ("a{y='1',x!~\"2\"}", 'a{x!~"2",y="1"}'),
        ("{'a.b'}", '{__name__="a.b"}'),
        ("{'a b'='c'}", '{"a b"="c"}'),
        ("info(a, {})", "info(a, {})"),
        ("'it\\'s \\xff \\u00e9'", '"it\'s \\xff é"'),
        ("1e3", "1000"),
        ("5e-7", "0.0000005"),
        ("1e21", "1000000000000000000000"),
        ("inf", "+Inf"),
        ("- 90s", "-1m30s"),
        ("+a", "+a"),
        ("a[5400]", "a[1h30m]"),
        ("a[90d]", "a[90d]"),
        ("a[104w]", "a[104w]"),
        ("a[730d]", "a[2y]"),
        ("a offset -1.5", "a offset -1s500ms"),
        ("a[5m] OFFSET 1m @ 1.2345 smoothed", "a[5m] smoothed @ 1.235 offset 1m"),
        ("a anchored offset 1m @ end()", "a @ end() anchored offset 1m"),
        ("a[5m:] @ start()", "a[5m:] @ start()"),
        ("a[2*(step()+-1m)]", "a[2 * (step() + -1m)]"),
        ("a offset -min_of(1, 1m)", "a offset -min_of(1, 1m)"),
        ("a offset (1m) + 2", "a offset (1m + 2)"),
        ("a[(-2)^2]", "a[(-2) ^ 2]"),
        ("sum(a) by(x,'y z')", 'sum by (x, "y z") (a)'),
        ("sum(a) without()", "sum without () (a)"),
        ("topk (1,a)", "topk(1, a)"),
        ("a+b", "a + b"),
        ("a>bool on(x)group_left b", "a > bool on (x) group_left () b"),
        ("a*ignoring(x,y)group_right(z)b", "a * ignoring (x, y) group_right (z) b"),
        ("a+fill(1e30)b", "a + fill (1e+30) b"),
        ("a+fill_right(1)fill_left(-.5)b", "a + fill_left (-0.5) fill_right (1) b"),
    ],
)
def test_text(text: str, printed: str) -> None:
    assert to_text(parse(text)) == printed


LONG = "a" * 60


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("sum(a)", "sum(a)"),
        (
            f"sum by (x) (rate({LONG}[5m]) / rate({LONG}[5m]))",
            f"sum by (x) (\n    rate({LONG}[5m])\n  /\n    rate({LONG}[5m])\n)",
        ),
        (
            f"topk(10, {LONG} or {LONG})",
            f"topk(\n  10,\n    {LONG}\n  or\n    {LONG}\n)",
        ),
        (
            f"label_replace({LONG}, 'a', 'b', 'c', '{LONG}')",
            f'label_replace(\n  {LONG},\n  "a",\n  "b",\n  "c",\n  "{LONG}"\n)',
        ),
        (
            f"-({LONG} + {LONG})",
            f"-(\n    {LONG}\n  +\n    {LONG}\n)",
        ),
        (
            f"max_over_time(sum({LONG} > bool on(x) {LONG})[5m:1m] offset 1m)",
            f"max_over_time(\n  sum(\n      {LONG}\n    > bool on (x)\n      {LONG}\n  )[5m:1m] offset 1m\n)",
        ),
        (f"{{{LONG}='{LONG}'}}", f'{{{LONG}="{LONG}"}}'),
    ],
)
def test_long_expressions_are_broken_into_lines(text: str, printed: str) -> None:
    assert pretty(parse(text)) == printed
    assert to_text(parse(printed)) == to_text(parse(text))


def test_json_of_a_selector() -> None:
    assert to_json(parse("a{x=~'y'}[5m] offset -1m @ 1.5 anchored")) == {
        "type": "matrixSelector",
        "name": "a",
        "range": 300_000,
        "rangeExpr": None,
        "offset": -60_000,
        "offsetExpr": None,
        "matchers": [
            {"name": "x", "value": "y", "type": "=~"},
            {"name": "__name__", "value": "a", "type": "="},
        ],
        "timestamp": 1500,
        "startOrEnd": None,
        "anchored": True,
        "smoothed": False,
    }


def test_json_of_an_operation() -> None:
    assert to_json(parse("vector(1) > bool on(x) group_left(y) fill_left(2) vector(time())")) == {
        "type": "binaryExpr",
        "op": ">",
        "bool": True,
        "matching": {
            "card": "many-to-one",
            "labels": ["x"],
            "on": True,
            "include": ["y"],
            "fillValues": {"lhs": 2.0, "rhs": None},
        },
        "lhs": {"type": "call", "func": VECTOR, "args": [{"type": "numberLiteral", "val": "1"}]},
        "rhs": {
            "type": "call",
            "func": VECTOR,
            "args": [
                {
                    "type": "call",
                    "func": {"name": "time", "argTypes": [], "variadic": 0, "returnType": "scalar"},
                    "args": [],
                }
            ],
        },
    }


VECTOR = {"name": "vector", "argTypes": ["scalar"], "variadic": 0, "returnType": "vector"}


def test_json_of_a_subquery() -> None:
    assert to_json(parse("topk by (x) (1, a)[(1m + step()):] @ start()")) == {
        "type": "subquery",
        "expr": {
            "type": "aggregation",
            "op": "topk",
            "param": {"type": "numberLiteral", "val": "1"},
            "grouping": ["x"],
            "without": False,
            "expr": to_json(parse("a")),
        },
        "range": 0,
        "rangeExpr": {
            "type": "durationExpr",
            "op": "+",
            "lhs": {"type": "numberLiteral", "val": "60", "duration": True},
            "rhs": {"type": "durationExpr", "op": "step", "lhs": None, "rhs": None, "wrapped": False},
            "wrapped": True,
        },
        "step": 0,
        "stepExpr": None,
        "offset": 0,
        "offsetExpr": None,
        "timestamp": None,
        "startOrEnd": "start",
    }


def test_json_of_the_rest() -> None:
    assert to_json(parse("-('a')".replace("'a'", "1"))) == {
        "type": "unaryExpr",
        "op": "-",
        "expr": {"type": "parenExpr", "expr": {"type": "numberLiteral", "val": "1"}},
    }
    assert to_json(parse("'a\\xff'")) == {"type": "stringLiteral", "val": "a\ufffd"}


def sorted_matchers(node: Any) -> Any:
    """The same tree with all matchers in one order, which is the printer's."""
    if isinstance(node, tuple):
        return tuple(sorted_matchers(part) for part in node)
    if not isinstance(node, Node):
        return node
    changes = {field.name: sorted_matchers(getattr(node, field.name)) for field in dataclasses.fields(node)}
    if isinstance(node, VectorSelector):
        changes["matchers"] = tuple(sorted(node.matchers, key=str))
    return dataclasses.replace(node, **changes)


def test_all_queries_of_the_conformance_scripts_are_printed_and_read_again() -> None:
    queries = {case.query for path in SCRIPTS.glob("*.test") for case in evals(path)}
    if not queries:
        pytest.skip(f"no conformance scripts in {SCRIPTS}")
    for query in queries:
        tree = sorted_matchers(parse(query))
        assert sorted_matchers(parse(to_text(tree))) == tree, query
        assert sorted_matchers(parse(pretty(tree))) == tree, query


# Random trees: those that a parser can make, so what binds less tightly than what stands around it is in parentheses.

NAMES = st.sampled_from(["a", "job:rate", "sum", "offset", "by", "range", "fill", "Inf_", "_"])
LABELS = st.sampled_from(["x", "le", "on", "bool", "a b", "é", "x.y", "and"])
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
MILLISECONDS = st.integers(1, 10**12)
NUMBERS = st.floats(min_value=0, allow_nan=False).map(NumberLiteral)


def literals(milliseconds: st.SearchStrategy[int]) -> st.SearchStrategy[DurationLiteral]:
    return milliseconds.map(lambda number: DurationLiteral(number / 1000))


def durations() -> st.SearchStrategy[Duration]:
    leaves = (
        literals(MILLISECONDS)
        | MILLISECONDS.map(lambda number: DurationLiteral(number // 1000 + number % 1000 / 1000, written="written"))
        | st.builds(DurationCall, st.sampled_from(["step", "range"]))
    )

    def larger(part: st.SearchStrategy[Duration]) -> st.SearchStrategy[Duration]:
        return (
            st.builds(DurationCall, st.sampled_from(["min_of", "max_of"]), st.tuples(part, part))
            | part.filter(lambda operand: not isinstance(operand, DurationLiteral)).map(
                lambda operand: DurationUnary("-", operand)
            )
            | literals(MILLISECONDS.map(lambda number: -number))
            | st.builds(DurationBinary, st.sampled_from(list("+-*/%^")), part, part)
        )

    return st.recursive(leaves, larger, max_leaves=6)


def arithmetic() -> st.SearchStrategy[Duration]:
    return durations().filter(lambda duration: not isinstance(duration, DurationLiteral))


RANGES = literals(MILLISECONDS) | arithmetic()
OFFSETS = st.none() | literals(MILLISECONDS) | literals(MILLISECONDS.map(lambda n: -n)) | arithmetic()
TIMES = st.none() | st.builds(At, st.sampled_from(["start", "end"]) | st.integers(0, 10**12).map(lambda n: n / 1000))


@st.composite
def selectors(draw: st.DrawFn) -> VectorSelector:
    name = draw(NAMES | st.just(""))
    matchers = draw(
        st.lists(
            st.builds(Matcher, LABELS, st.sampled_from(["=", "!="]), TEXTS)
            | st.builds(Matcher, LABELS, st.sampled_from(["=~", "!~"]), st.sampled_from(["", "a|b", ".+", '[\\n"]'])),
            max_size=3,
        )
    )
    matchers.append(Matcher("__name__", "=", name) if name else Matcher("x", "=", "y"))
    extent = draw(st.sampled_from(["", "anchored", "smoothed"]))
    return VectorSelector(name, tuple(matchers), draw(OFFSETS), draw(TIMES), extent)  # type: ignore[arg-type]


def operand(expr: Expr) -> Expr:
    """Behind an offset in parentheses an operator would go on with the offset."""
    goes_on = isinstance(expr, VectorSelector | Subquery) and isinstance(expr.offset, DurationBinary | DurationUnary)
    return Paren(expr) if goes_on or isinstance(expr, Binary | Unary) else expr


@st.composite
def operations(draw: st.DrawFn, part: st.SearchStrategy[Expr]) -> Expr:
    operator = draw(st.sampled_from(sorted(OPERATORS - {"=~", "!~", "@"})))
    matching = draw(
        st.builds(
            Matching,
            st.sampled_from(["one-to-one", "many-to-one", "one-to-many"]),
            st.booleans(),
            st.lists(st.sampled_from(["x", "y z"])).map(tuple),
            st.lists(st.sampled_from(["u", "v w"])).map(tuple),
            st.none() | st.floats(allow_nan=False),
            st.none() | st.floats(allow_nan=False),
        )
    )
    if matching.cardinality == "one-to-one":
        matching = dataclasses.replace(matching, include=())
    if operator in SET_OPERATORS:
        matching = Matching("many-to-many", matching.on, matching.labels)
    returns_bool = operator in COMPARISONS and draw(st.booleans())
    return Binary(operator, operand(draw(part)), operand(draw(part)), returns_bool, matching)


@st.composite
def aggregations(draw: st.DrawFn, part: st.SearchStrategy[Expr]) -> Expr:
    operator = draw(st.sampled_from(["sum", "topk", "quantile", "count_values", "limit_ratio", "group"]))
    parameter: Expr | None = None
    if operator == "count_values":
        parameter = draw(TEXTS.map(StringLiteral))
    elif operator not in {"sum", "group"}:
        parameter = draw(NUMBERS)
    grouping = tuple(draw(st.lists(LABELS, max_size=2)))
    return Aggregate(operator, draw(part), parameter, grouping, draw(st.booleans()))  # type: ignore[arg-type]


def vectors() -> st.SearchStrategy[Expr]:
    def larger(part: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
        matrices = st.builds(MatrixSelector, selectors(), RANGES) | st.builds(
            Subquery, part.map(operand), RANGES, st.none() | RANGES, OFFSETS, TIMES
        )
        return (
            matrices.map(lambda matrix: Call("rate", (matrix,)))
            | st.builds(lambda a, n: Call("clamp_max", (a, n)), part, NUMBERS)
            | st.builds(lambda a, t: Call("sort_by_label", (a, StringLiteral(t))), part, TEXTS)
            | aggregations(part)
            | operations(part)
            | part.map(Paren)
            | part.map(lambda expr: Unary("-", operand(expr)))
        )

    return st.recursive(selectors(), larger, max_leaves=5)


@given(vectors())
def test_a_printed_tree_is_read_as_the_same_tree(tree: Expr) -> None:
    expected = sorted_matchers(tree)
    assert sorted_matchers(parse(to_text(tree))) == expected
    assert sorted_matchers(parse(pretty(tree))) == expected


@given(st.floats(allow_nan=False))
def test_a_printed_number_is_read_as_the_same_number(value: float) -> None:
    assert parse(to_text(NumberLiteral(value))) == NumberLiteral(value)


def test_not_a_number_is_read_again() -> None:
    read = parse(to_text(NumberLiteral(math.nan)))
    assert isinstance(read, NumberLiteral)
    assert math.isnan(read.value)
