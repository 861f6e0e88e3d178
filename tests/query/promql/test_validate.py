"""What a tree means is checked: types, arguments, matchers; and the table of functions holds together."""

from __future__ import annotations

import pytest

from sonde.query.promql.functions import FUNCTIONS
from sonde.query.promql.parser import parse
from sonde.query.promql.source import ParseError
from sonde.query.promql.validate import value_type


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("1", "scalar"),
        ("'a'", "string"),
        ("a", "vector"),
        ("a[5m]", "matrix"),
        ("a[5m:1m]", "matrix"),
        ("sum(a)", "vector"),
        ("time() + 1", "scalar"),
        ("(a) + 1", "vector"),
        ("-scalar(a)", "scalar"),
        ("vector(1)", "vector"),
        ("1 > bool 2", "scalar"),
    ],
)
def test_types(text: str, kind: str) -> None:
    assert value_type(parse(text)) == kind


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rate(a)", '1:6: parse error: expected type range vector in call to function "rate", got instant vector'),
        ("abs(a[5m])", '1:5: parse error: expected type instant vector in call to function "abs", got range vector'),
        (
            "label_replace(a, 1, '', '', '')",
            '1:18: parse error: expected type string in call to function "label_replace", got scalar',
        ),
        ("time(1)", '1:1: parse error: expected 0 argument(s) in call to "time", got 1'),
        ("round(a, 1, 2)", '1:1: parse error: expected at most 2 argument(s) in call to "round", got 3'),
        ("label_join(a)", '1:1: parse error: expected at least 3 argument(s) in call to "label_join", got 1'),
        ("sum(1)", "1:5: parse error: expected type instant vector in aggregation expression, got scalar"),
        ("topk('a', a)", "1:6: parse error: expected type scalar in aggregation parameter, got string"),
        ("count_values(1, a)", "1:14: parse error: expected type string in aggregation parameter, got scalar"),
        ("a[5m] + 1", "1:1: parse error: binary expression must contain only scalar and instant vector types"),
        ("1 + 'a'", "1:5: parse error: binary expression must contain only scalar and instant vector types"),
        ("1 \n> 2", "2:1: parse error: comparisons between scalars must use BOOL modifier"),
        ("a + bool b", "1:3: parse error: bool modifier can only be used on comparison operators"),
        (
            "a + on(x) group_left(x) b",
            '1:3: parse error: label "x" must not occur in ON and GROUP clause at once',
        ),
        ("a + on(x) 1", "1:1: parse error: vector matching only allowed between instant vectors"),
        ("a + fill(0) 1", "1:1: parse error: filling in missing series only allowed between instant vectors"),
        ("a or fill(0) b", "1:1: parse error: filling in missing series not allowed for set operators"),
        ("a and on(x) group_left b", '1:1: parse error: no grouping allowed for "and" operation'),
        ("a or 1", '1:1: parse error: set operator "or" not allowed in binary scalar expression'),
        (
            "-'a'",
            (
                "1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector,"
                ' got "string"'
            ),
        ),
        ("1[5m:]", "1:1: parse error: subquery is only allowed on instant vector, got scalar instead"),
        ("{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        ("sum({a=~'.*'})", "1:5: parse error: vector selector must contain at least one non-empty matcher"),
        ("a{__name__='b'}", '1:1: parse error: metric name must not be set twice: "a" or "b"'),
        ("a{'b'}", '1:1: parse error: metric name must not be set twice: "a" or "b"'),
        ("info(a, b)", "1:9: parse error: expected label selectors only, got vector selector instead"),
        ("info(a, sum(b))", "1:9: parse error: expected label selectors only"),
        ("info(a, 1)", '1:1: parse error: expected type instant vector in call to function "info", got scalar'),
    ],
)
def test_a_fault_is_told_in_the_words_of_prometheus(text: str, message: str) -> None:
    with pytest.raises(ParseError) as failure:
        parse(text)
    assert failure.value.message == message


@pytest.mark.parametrize("text", ["info(a, {})", "info(a, {x=''})", "{a=~'.+'}", "{'a'}", "{__name__='a'}", "a{b=''}"])
def test_matchers_that_are_enough(text: str) -> None:
    parse(text)


def test_the_functions_are_those_of_prometheus_3_14() -> None:
    assert len(FUNCTIONS) == 90
    assert list(FUNCTIONS) == sorted(FUNCTIONS)
    assert {name for name, function in FUNCTIONS.items() if function.return_type == "scalar"} == {
        *("end", "max_of", "min_of", "pi", "range", "scalar", "start", "step", "time")
    }


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_call_with_the_fewest_and_the_most_arguments_is_read(name: str) -> None:
    samples = {"scalar": "1", "string": "'a'", "vector": "{a='b'}", "matrix": "a[5m]"}
    signature = FUNCTIONS[name]
    most = signature.fewest + 5 if signature.most is None else signature.most
    for count in (signature.fewest, most):
        arguments = ", ".join(samples[signature.argument_type(index)] for index in range(count))
        assert value_type(parse(f"{signature.name}({arguments})")) == signature.return_type
