"""A query's text becomes tokens; what a character means depends on where it stands."""

from __future__ import annotations

import pytest

from sonde.query.promql.lexer import Lexer
from sonde.query.promql.source import ParseError, Source


def tokens(text: str) -> list[tuple[str, str]]:
    lexer, found = Lexer(Source(text)), []
    while (token := lexer.next()).kind != "end of input":
        found.append((token.kind, token.text))
    return found


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("up", ["identifier"]),
        ("job:up:sum :x", ["metric identifier", "metric identifier"]),
        ("SUM by Offset", ["sum", "by", "offset"]),
        ("1 1.5 .5 1. 1e3 1E-3 0x1F 0X_ff 010 1_000 inf NaN", ["number"] * 12),
        ("5m 1h30m 1y 250ms 1.5m", ["duration"] * 5),
        ("fill fill(0)", ["identifier", "fill", "(", "number", ")"]),
        ("{sum=~'a',b!~`c`}", ["{", "identifier", "=~", "string", ",", "identifier", "!~", "string", "}"]),
        (
            "[5m:STEP()]a[min_of(1,range())]",
            [
                *("[", "duration", ":", "step", "(", ")", "]", "identifier"),
                *("[", "min_of", "(", "number", ",", "range", "(", ")", ")", "]"),
            ],
        ),
        ("up # is it?\n+ 1 # yes", ["identifier", "+", "number"]),
        ("{# labels\na='b'}", ["{", "identifier", "=", "string", "}"]),
    ],
)
def test_kinds_of_tokens(text: str, kinds: list[str]) -> None:
    assert [kind for kind, _ in tokens(text)] == kinds


def test_operators_are_as_long_as_they_can_be() -> None:
    text = "a</b>/c<=d>=e==f!=g<h>i"
    assert [kind for kind, _ in tokens(text) if kind != "identifier"] == ["</", ">/", "<=", ">=", "==", "!=", "<", ">"]


def test_offsets_are_those_of_the_bytes() -> None:
    lexer = Lexer(Source('{"é"="🙂"} + up'))
    assert [lexer.next().span for _ in range(7)] == [(0, 1), (1, 5), (5, 6), (6, 12), (12, 13), (14, 15), (16, 18)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("up $", "1:4: parse error: unexpected character: '$'"),
        ("🙂", "1:1: parse error: unexpected character: '🙂'"),
        ("a =~ b", "1:3: parse error: unexpected character after '=': '~'"),
        ("!", "1:1: parse error: unexpected character after '!': '�'"),
        ("{!}", "1:2: parse error: unexpected character after '!' inside braces: '}'"),
        ("{5}", "1:2: parse error: unexpected character inside braces: '5'"),
        ("{{", "1:2: parse error: unexpected left brace '{'"),
        ("{", "1:2: parse error: unexpected end of input inside braces"),
        ("(", "1:2: parse error: unclosed left parenthesis"),
        (")", "1:2: parse error: unexpected right parenthesis ')'"),
        ("]", "1:1: parse error: unexpected right bracket ']'"),
        ("a[5m", "1:5: parse error: unclosed left bracket"),
        ("a[", "1:3: parse error: unexpected end of input in duration expression"),
        ("a[5m[", "1:5: parse error: unexpected left bracket '['"),
        ("a[b]", "1:3: parse error: unexpected character in duration expression: 'b'"),
        ("a[5m b]", "1:6: parse error: unexpected character: 'b', expected ':'"),
        ("a[:1m]", "1:4: parse error: unexpected colon before duration in duration expression"),
        ("a[5m::1m]", "1:6: parse error: unexpected colon ':'"),
        ("5mm", '1:1: parse error: bad number or duration syntax: "5mm"'),
        ("1..2", '1:1: parse error: bad number or duration syntax: "1.."'),
        ("1__0", '1:1: parse error: bad number or duration syntax: "1__"'),
        ("1e", '1:1: parse error: bad number or duration syntax: "1e"'),
        ('"abc', "1:1: parse error: unterminated quoted string"),
        ('"a\nb"', "1:1: parse error: unterminated quoted string"),
        ("`abc", "1:1: parse error: unterminated raw string"),
        (r'"\q"', "1:1: parse error: unknown escape sequence U+0071 'q'"),
        (r'"\xzz"', "1:1: parse error: illegal character U+007A 'z' in escape sequence"),
        (r'"\400"', "1:1: parse error: escape sequence is an invalid Unicode code point"),
        (r'"\ud800"', "1:1: parse error: escape sequence is an invalid Unicode code point"),
        ('"\\x4', "1:1: parse error: escape sequence not terminated"),
        ('"\udcff"', "1:1: parse error: invalid UTF-8 rune"),
    ],
)
def test_what_is_no_token_is_told_in_the_words_of_prometheus(text: str, message: str) -> None:
    with pytest.raises(ParseError) as failure:
        tokens(text)
    assert failure.value.message == message
