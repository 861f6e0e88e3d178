"""PromQL becomes a tree, and what is no PromQL an error in Prometheus' words at Prometheus' place."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from tests.query.promql.script import evals

from sonde.errors import UserError
from sonde.query.promql.ast import (
    Aggregate,
    At,
    Binary,
    Call,
    DurationBinary,
    DurationCall,
    DurationLiteral,
    DurationUnary,
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
from sonde.query.promql.parser import parse, parse_selector
from sonde.query.promql.source import ParseError
from sonde.query.promql.token_stream import MAX_NESTING
from sonde.query.promql.walk import walk
from sonde.telemetry.matcher import Matcher

SCRIPTS = Path(__file__).parents[4] / "shared" / "conformance" / "promql"


def selector(name: str, *matchers: Matcher, **modifiers: object) -> VectorSelector:
    return VectorSelector(name, (*matchers, Matcher("__name__", "=", name)), **modifiers)  # type: ignore[arg-type]


A, B, C = selector("a"), selector("b"), selector("c")
MINUTE = DurationLiteral(60.0)
ONE, TWO = NumberLiteral(1.0), NumberLiteral(2.0)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("1.e5", 1e5),
        ("1_000.5", 1000.5),
        ("1_0e1_0", 1e11),
        ("0x1F", 31.0),
        ("0x_1_F", 31.0),
        ("010", 8.0),
        ("08", 8.0),
        ("9223372036854775808", 2.0**63),
        ("5m", 300.0),
        ("1h30m5s250ms", 5405.25),
        ("-1", -1.0),
        ("--1", 1.0),
        ("+5m", 300.0),
        ("-Inf", -math.inf),
    ],
)
def test_numbers(text: str, value: float) -> None:
    assert parse(text) == NumberLiteral(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"a\"b\n\x41\101\u00e9\U0001f642"', 'a"b\nAAé🙂'),
        (r"'it\'s \"'".replace(r"\"", '"'), "it's \""),
        (r"`a\n`", r"a\n"),
        (r'"\xff"', "\udcff"),
    ],
)
def test_strings(text: str, value: str) -> None:
    assert parse(text) == StringLiteral(value)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a", A),
        ("a{}", A),
        ("sum", selector("sum")),
        ("by{x='y'}", selector("by", Matcher("x", "=", "y"))),
        ("start", selector("start")),
        ("fill + fill", Binary("+", selector("fill"), selector("fill"), matching=Matching())),
        (
            "{'a b', \"x.y\"!='z', le=~`1|2`,}",
            VectorSelector(
                "", (Matcher("__name__", "=", "a b"), Matcher("x.y", "!=", "z"), Matcher("le", "=~", "1|2"))
            ),
        ),
        ("a offset 1m", selector("a", offset=MINUTE)),
        ("a offset -60", selector("a", offset=DurationLiteral(-60.0))),
        ("a offset 0", A),
        ("a @ 1.2345", selector("a", at=At(1.235))),
        ("a @ -5m offset 60s", selector("a", at=At(-300.0), offset=MINUTE)),
        ("a offset 60s @ END()", selector("a", at=At("end"), offset=MINUTE)),
        ("a smoothed", selector("a", extent="smoothed")),
        ("a[1m] anchored @ start()", MatrixSelector(selector("a", extent="anchored", at=At("start")), MINUTE)),
        ("a anchored [1m]", MatrixSelector(selector("a", extent="anchored"), MINUTE)),
        ("a[60] offset 1m", MatrixSelector(selector("a", offset=MINUTE), MINUTE)),
        ("a[1m:]", Subquery(A, MINUTE)),
        ("a[1m:60] @ 3 offset 1m", Subquery(A, MINUTE, MINUTE, MINUTE, At(3.0))),
        ("-a", Unary("-", A)),
        ("(a)", Paren(A)),
        ("time()", Call("time", ())),
        ("step() + max_of(1, 2)", Binary("+", Call("step", ()), Call("max_of", (ONE, TWO)))),
        ("sum(a)", Aggregate("sum", A)),
        ("SUM by (x, on, 'y z',) (a)", Aggregate("sum", A, grouping=("x", "on", "y z"))),
        ("topk(1, a) without ()", Aggregate("topk", A, ONE, without=True)),
        ("sum by () (a)", Aggregate("sum", A)),
    ],
)
def test_expressions(text: str, tree: Expr) -> None:
    assert parse(text) == tree


@pytest.mark.parametrize(
    ("text", "grouped"),
    [
        ("1 + 2 * 3", "1 + (2 * 3)"),
        ("1 - 2 - 3", "(1 - 2) - 3"),
        ("2 ^ 3 ^ 2", "2 ^ (3 ^ 2)"),
        ("-1 ^ 2", "-(1 ^ 2)"),
        ("-a * b", "(-a) * b"),
        ("2 ^ -1 * 3", "(2 ^ (-1)) * 3"),
        ("1 atan2 2 + 3", "(1 atan2 2) + 3"),
        ("a or b and c", "a or (b and c)"),
        ("a and b unless c", "(a and b) unless c"),
        ("a > b + 1 or c", "(a > (b + 1)) or c"),
        ("a </ 1 + 2", "a </ (1 + 2)"),
        ("a == b != c", "(a == b) != c"),
        ("-a offset 1m", "-(a offset 1m)"),
        ("a + b[1m:] == 1", None),
        ("a offset 5m + 2", "(a offset 5m) + 2"),
        ("a offset -2 ^ 2", "(a offset -2) ^ 2"),
        ("a offset step() * 0", "(a offset step()) * 0"),
        ("a offset -(1 + 1) * 2", "(a offset (-(1 + 1))) * 2"),
    ],
)
def test_what_binds_more_tightly(text: str, grouped: str | None) -> None:
    if grouped is None:
        with pytest.raises(ParseError, match="only scalar and instant vector types"):
            parse(text)
    else:
        assert without_parentheses(parse(text)) == without_parentheses(parse(grouped))


def without_parentheses(expr: Expr) -> Expr:
    match expr:
        case Paren():
            return without_parentheses(expr.expr)
        case Binary():
            left, right = without_parentheses(expr.left), without_parentheses(expr.right)
            return Binary(expr.operator, left, right, expr.returns_bool, expr.matching)
        case Unary():
            return Unary(expr.operator, without_parentheses(expr.operand))
        case _:
            return expr


@pytest.mark.parametrize(
    ("text", "matching"),
    [
        ("a + b", Matching()),
        ("a and b", Matching("many-to-many")),
        ("a + on(x, y) b", Matching(on=True, labels=("x", "y"))),
        ("a and ignoring(x) b", Matching("many-to-many", labels=("x",))),
        ("a / on(x) group_left b", Matching("many-to-one", True, ("x",))),
        ("a / ignoring(x) group_right(y) b", Matching("one-to-many", labels=("x",), include=("y",))),
        ("a + fill(0) b", Matching(fill_left=0.0, fill_right=0.0)),
        ("a + on(x) fill_right(-1m) fill_left(+2) b", Matching(on=True, labels=("x",), fill_left=2.0, fill_right=-60)),
        ("a > bool fill_left(inf) b", Matching(fill_left=math.inf)),
        ("a + on() 1", None),
        ("1 + 2", None),
    ],
)
def test_vector_matching(text: str, matching: Matching | None) -> None:
    expr = parse(text)
    assert isinstance(expr, Binary)
    assert expr.matching == matching


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("60", MINUTE),
        ("(1m)", MINUTE),
        ("+1m", MINUTE),
        ("1.0005", DurationLiteral(1.0)),
        ("step()", DurationCall("step")),
        ("+Range()", DurationCall("range")),
        ("min_of(1m, step())", DurationCall("min_of", (MINUTE, DurationCall("step")))),
        ("-step()", DurationUnary("-", DurationCall("step"))),
        ("30s+30", DurationBinary("+", DurationLiteral(30.0), DurationLiteral(30.0))),
        ("-30s+90", DurationBinary("+", DurationLiteral(-30.0), DurationLiteral(90.0))),
        (
            "1+2*(3-1)",
            DurationBinary(
                "+",
                DurationLiteral(1.0),
                DurationBinary(
                    "*", DurationLiteral(2.0), DurationBinary("-", DurationLiteral(3.0), DurationLiteral(1.0))
                ),
            ),
        ),
        ("-(2)^2", DurationUnary("-", DurationBinary("^", DurationLiteral(2.0), DurationLiteral(2.0)))),
    ],
)
def test_durations(text: str, duration: object) -> None:
    assert parse(f"a[{text}]") == MatrixSelector(A, duration)  # type: ignore[arg-type]
    assert parse(f"a[1m:{text}]") == Subquery(A, MINUTE, duration)  # type: ignore[arg-type]
    assert parse(f"a offset ({text})") == selector("a", offset=duration)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "unknown position: parse error: no expression found in input"),
        (" # nothing", "1:1: parse error: no expression found in input"),
        ("a b", '1:3: parse error: unexpected identifier "b"'),
        ("a +\n  + * b", "2:5: parse error: unexpected <op:*>"),
        ("a 'a long string'", '1:3: parse error: unexpected string "\'a long st"...'),
        ("on", "1:1: parse error: unexpected <on>"),
        ("a group_left b", "1:3: parse error: unexpected <group_left>"),
        ("a:b(x)", '1:4: parse error: unexpected "("'),
        ("rate(a", "1:7: parse error: unclosed left parenthesis"),
        ("rate(,)", '1:6: parse error: unexpected ","'),
        ("rate(a,)", "1:7: parse error: trailing commas not allowed in function call args"),
        ("ratee(a[5m])", '1:1: parse error: unknown function with name "ratee"'),
        ("RATE(a[5m])", '1:1: parse error: unknown function with name "RATE"'),
        ("sum by (x)", "1:11: parse error: unexpected end of input in aggregation"),
        ("sum(a b)", '1:7: parse error: unexpected identifier "b" in aggregation'),
        ("sum()", "1:1: parse error: no arguments for aggregate expression provided"),
        (
            "topk(a)",
            "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 1",
        ),
        ("sum(a) by x", '1:11: parse error: unexpected identifier "x" in grouping opts, expected "("'),
        ("sum(a) by (1)", '1:12: parse error: unexpected number "1" in grouping opts, expected label'),
        ("sum(a) by (x y)", '1:14: parse error: unexpected identifier "y" in grouping opts, expected "," or ")"'),
        ('sum(a) by ("")', '1:12: parse error: invalid label name for grouping: ""'),
        ("a / on(x) group_left", '1:21: parse error: unexpected end of input in grouping opts, expected "("'),
        ("a{,}", '1:3: parse error: unexpected "," in label matching, expected identifier or "}"'),
        ("a{b}", '1:4: parse error: unexpected "}" in label matching, expected label matching operator'),
        ("a{b=c}", '1:5: parse error: unexpected identifier "c" in label matching, expected string'),
        ("a{b='c' d}", '1:9: parse error: unexpected identifier "d" in label matching, expected "," or "}"'),
        ("a{b=~'['}", "1:3: parse error: error parsing regexp: missing closing ]: `[`"),
        ("a{b!~'x**'}", "1:3: parse error: error parsing regexp: invalid nested repetition operator: `**`"),
        ("a[5m 3]", '1:6: parse error: unexpected number "3" in subquery or range, expected ":" or "]"'),
        (
            "a[]",
            (
                '1:3: parse error: unexpected "]" in subquery or range selector, expected number, duration, step(),'
                " or range()"
            ),
        ),
        (
            "a[5m:*]",
            (
                "1:6: parse error: unexpected <op:*> in subquery selector, expected number, duration, step(), range(),"
                ' or "]"'
            ),
        ),
        ("a[5m:1m 2]", '1:9: parse error: unexpected number "2" in subquery selector, expected "]"'),
        ("a[0]", "1:3: parse error: duration must be greater than 0"),
        ("a[-5m]", "1:3: parse error: duration must be greater than 0"),
        ("a[1/0]", "1:4: parse error: division by zero"),
        ("a[1%0s]", "1:4: parse error: modulo by zero"),
        ("a[9999999999999]", "1:3: parse error: duration out of range"),
        ("a[1m1h]", '1:3: parse error: not a valid duration string: "1m1h"'),
        ("a[5hs]", '1:3: parse error: unknown unit "hs" in duration "5hs"'),
        ("(a)[5m]", "1:4: parse error: ranges only allowed for vector selectors"),
        ("a offset 5m [5m]", "1:13: parse error: no offset modifiers allowed before range"),
        ("a @ 5 [5m]", "1:7: parse error: no @ modifiers allowed before range"),
        ("a offset 1m offset 1m", "1:1: parse error: offset may not be set multiple times"),
        ("a @ 1 @ end()", "1:1: parse error: @ <timestamp> may not be set multiple times"),
        ("a @ inf", "1:1: parse error: timestamp out of bounds for @ modifier: +Inf"),
        ("a @ b", '1:5: parse error: unexpected identifier "b" in @, expected timestamp'),
        (
            "a offset b",
            '1:10: parse error: unexpected identifier "b" in offset, expected number, duration, step(), or range()',
        ),
        (
            "sum(a) offset 5m",
            (
                "1:1: parse error: offset modifier must be preceded by an instant vector selector or range vector"
                " selector or a subquery"
            ),
        ),
        ("a anchored smoothed", "1:1: parse error: anchored and smoothed modifiers cannot be used together"),
        ("a[5m:] smoothed", "1:1: parse error: smoothed modifier is not supported for subqueries"),
        ("sum(a) anchored", "1:1: parse error: anchored modifier not implemented"),
        (
            "1e1000",
            '1:1: parse error: error parsing number: strconv.ParseFloat: parsing "1e1000": value out of range',
        ),
    ],
)
def test_a_mistake_is_told_in_the_words_of_prometheus(text: str, message: str) -> None:
    with pytest.raises(ParseError) as failure:
        parse(text)
    assert failure.value.message == message
    assert failure.value.code == "promql.parse"
    line, _, column = message.split(": ", 1)[0].partition(":")
    assert failure.value.position == ((int(line), int(column)) if column else None)


def test_nodes_know_where_they_stand() -> None:
    text = "sum(rate(é_x[5m] offset 1h)) / 2".replace("é_x", "{'é'}")
    found = [(type(node).__name__, text.encode()[slice(*node.span)].decode()) for node, _ in walk(parse(text))]
    assert found == [
        ("Binary", text),
        ("Aggregate", "sum(rate({'é'}[5m] offset 1h))"),
        ("Call", "rate({'é'}[5m] offset 1h)"),
        ("MatrixSelector", "{'é'}[5m] offset 1h"),
        ("VectorSelector", "{'é'}"),
        ("DurationLiteral", "1h"),
        ("DurationLiteral", "5m"),
        ("NumberLiteral", "2"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000 + "a" + ")" * 5000,
        "-" * 5000 + "a",
        "abs(" * 5000 + "a" + ")" * 5000,
        "+".join(["a"] * 5000),
        "^".join(["a"] * 5000),
        "a" + "[1m:]" * 5000,
        "a[" + "(" * 5000 + "1" + ")" * 5000 + "]",
        "a[" + "+".join(["1"] * 5000) + "]",
    ],
)
def test_what_is_nested_too_deeply_is_an_error(text: str) -> None:
    with pytest.raises(ParseError, match="expression is nested too deeply, more than"):
        parse(text)


def test_what_is_nested_less_deeply_is_read() -> None:
    depth = MAX_NESTING - 1
    parse("abs(" * depth + "a" + ")" * depth)
    parse(" or ".join(["a"] * 199))


def test_a_query_has_a_longest_length() -> None:
    parse("a" * 2**20)
    with pytest.raises(ParseError, match="query is longer than 1048576 bytes"):
        parse("é" * 2**19 + "a")


def test_a_selector_alone() -> None:
    assert parse_selector("{__name__=~'.*'}") == (Matcher("__name__", "=~", ".*"),)
    assert parse_selector("{}") == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "unknown position: parse error: unexpected end of input"),
        ("up[5m]", '1:3: parse error: unexpected "["'),
        ("sum(up)", '1:4: parse error: unexpected "("'),
    ],
)
def test_what_is_no_selector(text: str, message: str) -> None:
    with pytest.raises(UserError) as failure:
        parse_selector(text)
    assert failure.value.message == message


def test_all_queries_of_the_conformance_scripts_are_read() -> None:
    queries = {case.query: case.name for path in sorted(SCRIPTS.glob("*.test")) for case in evals(path)}
    if not queries:
        pytest.skip(f"no conformance scripts in {SCRIPTS}")
    faults = {name: fault for query, name in queries.items() if (fault := fault_of(query))}
    assert not faults


def fault_of(query: str) -> str:
    try:
        parse(query)
    except ParseError as error:
        return error.message
    return ""
