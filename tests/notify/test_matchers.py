"""Both syntaxes of matchers, and how Alertmanager chooses between them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonde.errors import UserError
from sonde.notify.matcher_syntax import parse_utf8_matchers
from sonde.notify.matchers import all_match, matcher_text, matchers_text, parse_matchers
from sonde.telemetry.matcher import Matcher


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", "{}"),
        ("{}", "{}"),
        ("foo=bar", '{foo="bar"}'),
        ("{foo=bar,}", '{foo="bar"}'),
        (' { foo = "bar" , baz !~ "q.*" } ', '{foo="bar",baz!~"q.*"}'),
        ("foo=🙂", '{foo="🙂"}'),
        ('"foo bar"="baz"', '{"foo bar"="baz"}'),
        ("k8s.pod=~a.*", '{k8s.pod=~"a.*"}'),
        ('foo="a,b",c=d', '{foo="a,b",c="d"}'),
        (r'foo="say \"hi\""', r'{foo="say \"hi\""}'),
        # Only the older syntax reads these.
        ("foo=bar baz", '{foo="bar baz"}'),
        ("foo=", '{foo=""}'),
        (r"foo=~\d+", r'{foo=~"\\d+"}'),
        # They read these differently: the older one has its way.
        (r'foo="\t"', r'{foo="\\t"}'),
    ],
)
def test_matchers_are_read(text: str, shown: str) -> None:
    assert matchers_text(parse_matchers(text)) == shown


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "0:1: end of input: expected close brace"),
        ("}", "0:1: }: expected opening brace"),
        ("{foo=bar", "0:8: end of input: expected close brace"),
        ("foo=bar}", "0:8: }: expected opening brace"),
        ("{=bar}", "1:2: unexpected =: expected label name"),
        ("foo", "end of input: expected an operator such as '=', '!=', '=~' or '!~'"),
        ("foo!bar", "3:4: !: expected one of '=~'"),
        ("foo=", "end of input: expected label value"),
        ('foo="bar', '4:8: "bar: missing end "'),
        ("foo=bar baz", "8:11: unexpected baz: expected a comma or close brace"),
        ("foo=bar,,", "8:9: unexpected ,: expected a matcher or close brace after comma"),
        ("{foo=bar}{", "9:10: {: expected end of input"),
        ("foo='bar'", "4:5: ': invalid input"),
        ("foo=~(", "failed to create matcher: error parsing regexp: missing closing ): `^(?:()$`"),
    ],
)
def test_the_newer_syntax_says_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(UserError) as raised:
        parse_utf8_matchers(text)
    assert raised.value.message == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("foo", "bad matcher format: foo"),
        ('foo="bar', 'matcher value contains unescaped double quote: "bar'),
        ('foo=b"ar', 'matcher value contains unescaped double quote: b"ar'),
        ("a b=c", "bad matcher format: a b=c"),
    ],
)
def test_what_neither_reads_is_said_in_the_words_of_the_older(text: str, message: str) -> None:
    with pytest.raises(UserError) as raised:
        parse_matchers(text)
    assert raised.value.message == message


@pytest.mark.parametrize(
    ("text", "labels", "fits"),
    [
        ("a=b", {"a": "b"}, True),
        ("a=b", {}, False),
        ("a!=b", {}, True),
        ('a=""', {}, True),
        ('a!=""', {}, False),
        ("a=~b", {"a": "bc"}, False),
        ('a=~"b.*"', {"a": "bc"}, True),
        ('a=~".*"', {}, True),
        ('a!~"b.*"', {"a": "bc"}, False),
        ("a=b,c=d", {"a": "b"}, False),
    ],
)
def test_matchers_fit_labels(text: str, labels: dict[str, str], fits: bool) -> None:
    assert all_match(parse_matchers(text), labels) is fits


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@given(TEXTS.filter(bool), st.sampled_from(["=", "!="]), TEXTS)
def test_a_matcher_that_is_shown_reads_as_itself_in_quotes(name: str, operator: str, value: str) -> None:
    from sonde.telemetry.quoting import quote

    matcher = Matcher(name, operator, value)  # type: ignore[arg-type]
    assert parse_utf8_matchers(f"{quote(name)}{operator}{quote(value)}") == [matcher]
    assert matcher_text(matcher)
