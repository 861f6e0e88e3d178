"""Reads matchers in Alertmanager's newer syntax, in which any UTF-8 may stand in quotes: ``{"k8s.pod"=~"api-.*"}``.

``matchers`` takes it from here, and falls back on ``classic_matcher``. Columns in messages are counted from 0.
Specification: https://prometheus.io/docs/alerting/latest/configuration/#utf-8-matchers
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sonde.errors import UserError
from sonde.telemetry.matcher import Matcher, Operator
from sonde.telemetry.quoting import is_utf8, unquote
from sonde.telemetry.regexp import fault_of

_RESERVED: Final = frozenset("{}!=~,\\\"'`")
_OPERATORS: Final[dict[str, Operator]] = {"=": "=", "!=": "!=", "=~": "=~", "!~": "!~"}
_SPACES: Final = frozenset("\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000") | frozenset(
    map(chr, range(0x2000, 0x200B))
)
_SIMPLE_ESCAPES: Final = frozenset('abfnrtv\\"')
_HEX_ESCAPES: Final = {"x": 2, "u": 4, "U": 8}
_NO_OPERATOR: Final = "expected an operator such as '=', '!=', '=~' or '!~'"


def is_reserved(character: str) -> bool:
    """Whether a character can only stand in quotes."""
    return character in _SPACES or character in _RESERVED


@dataclass(frozen=True, slots=True)
class _Token:
    """``kind`` is the text of punctuation and operators, "quoted", "unquoted", or "" at the end."""

    kind: str
    text: str
    start: int
    end: int

    def unexpected(self) -> str:
        return "end of input" if not self.kind else f"{self.start}:{self.end}: unexpected {self.text}"


def parse_utf8_matchers(text: str) -> list[Matcher]:
    """Read matchers, with or without braces around them.

    Raises:
        UserError: in Alertmanager's words.

    >>> parse_utf8_matchers('{foo="bar", "a b"=~x.*}')
    [Matcher(name='foo', operator='=', value='bar'), Matcher(name='a b', operator='=~', value='x.*')]
    >>> parse_utf8_matchers("{foo=bar")
    Traceback (most recent call last):
    sonde.errors.UserError: 0:8: end of input: expected close brace [matcher.syntax]
    """
    return _Parser(text).matchers()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def matchers(self) -> list[Matcher]:
        found: list[Matcher] = []
        braced = self._peek().kind == "{"
        if braced:
            self._next()
        first = self._peek()
        if not first.kind and not braced:
            return found
        if first.kind and first.kind != "}":
            found.append(self._matcher())
            while self._more():
                found.append(self._matcher())
        self._close(braced=braced)
        last = self._peek()
        if last.kind:
            raise _bad(f"{last.start}:{last.end}: {last.text}: expected end of input")
        return found

    def _matcher(self) -> Matcher:
        name = self._expect({"quoted", "unquoted"}, "expected label name")
        operator = self._expect(_OPERATORS.keys(), _NO_OPERATOR)
        value = self._expect({"quoted", "unquoted"}, "expected label value")
        return new_matcher(_value(name), _OPERATORS[operator.kind], _value(value), lead="failed to create matcher: ")

    def _more(self) -> bool:
        """Past a comma: whether a matcher follows it."""
        token = self._peek()
        if token.kind not in {",", "}", ""}:
            raise _bad(f"{token.unexpected()}: expected a comma or close brace")
        if token.kind != ",":
            return False
        self._next()
        token = self._peek()
        if token.kind not in {"quoted", "unquoted", "}", ""}:
            raise _bad(f"{token.unexpected()}: expected a matcher or close brace after comma")
        return token.kind not in {"}", ""}

    def _close(self, *, braced: bool) -> None:
        token = self._peek()
        if braced and token.kind != "}":
            column = self._at if token.kind else len(self._text)
            raise _bad(f"0:{column}: {token.unexpected()}: expected close brace")
        if not braced and token.kind == "}":
            raise _bad(f"0:{token.end}: }}: expected opening brace")
        if braced:
            self._next()

    def _expect(self, kinds: Collection[str], what: str) -> _Token:
        token = self._peek()
        if token.kind not in kinds:
            raise _bad(f"{token.unexpected()}: {what}")
        return self._next()

    def _peek(self) -> _Token:
        at = self._at
        token = self._next()
        self._at = at
        return token

    def _next(self) -> _Token:
        text, at = self._text, self._at
        while at < len(text) and text[at] in _SPACES:
            at += 1
        if at == len(text):
            return _Token("", "", at, at)
        match text[at]:
            case "{" | "}" | ",":
                end, kind = at + 1, text[at]
            case "=" | "!":
                end = at + self._operator(at)
                kind = text[at:end]
            case '"':
                end, kind = self._quoted(at), "quoted"
            case character if character in _RESERVED:
                raise _bad(f"{at}:{at + 1}: {character}: invalid input")
            case _:
                end, kind = at + 1, "unquoted"
                while end < len(text) and not is_reserved(text[end]):
                    end += 1
        self._at = end
        return _Token(kind, text[at:end], at, end)

    def _operator(self, at: int) -> int:
        text = self._text[at : at + 2]
        if text in _OPERATORS:
            return len(text)
        if text[0] == "=":
            return 1
        if len(text) == 1:
            raise _bad(f"{at}:{at + 1}: unexpected end of input, expected one of '=~'")
        raise _bad(f"{at}:{at + 1}: !: expected one of '=~'")

    def _quoted(self, at: int) -> int:
        end = at + 1
        while end < len(self._text) and self._text[end] != '"':
            end += 2 if self._text[end] == "\\" else 1
        if end >= len(self._text):
            raise _bad(f'{at}:{len(self._text)}: {self._text[at:]}: missing end "')
        return end + 1


def _value(token: _Token) -> str:
    if token.kind == "unquoted":
        return token.text
    value = unquote(token.text.encode("utf-8", "surrogateescape")) if _is_go_string(token.text[1:-1]) else None
    if value is None or not is_utf8(value):
        raise _bad(f"{token.start}:{token.end}: {token.text}: invalid input")
    return value


def _is_go_string(body: str) -> bool:
    """Whether all escapes between the quotes are Go's, and no line is broken."""
    at = 0
    while at < len(body):
        if body[at] == "\n":
            return False
        if body[at] != "\\":
            at += 1
            continue
        kind, rest = body[at + 1 : at + 2], body[at + 2 :]
        if kind in _SIMPLE_ESCAPES and kind:
            at += 2
        elif kind in _HEX_ESCAPES:
            digits = rest[: _HEX_ESCAPES[kind]]
            if len(digits) < _HEX_ESCAPES[kind] or not all(digit in "0123456789abcdefABCDEF" for digit in digits):
                return False
            code = int(digits, 16)
            if kind != "x" and (code > 0x10FFFF or 0xD800 <= code <= 0xDFFF):
                return False
            at += 2 + len(digits)
        elif kind and kind in "01234567":
            digits = body[at + 1 : at + 4]
            if len(digits) < 3 or not all(digit in "01234567" for digit in digits) or int(digits, 8) > 0xFF:
                return False
            at += 4
        else:
            return False
    return True


def new_matcher(name: str, operator: Operator, value: str, *, lead: str = "") -> Matcher:
    """A matcher whose regular expression is known to be good. Raises ``UserError`` in the words of Go's parser."""
    if operator in {"=~", "!~"}:
        fault = fault_of(f"^(?:{value})$")
        if fault:
            raise _bad(f"{lead}{fault}")
    return Matcher(name, operator, value)


def _bad(what: str) -> UserError:
    return UserError(what, code="matcher.syntax")
