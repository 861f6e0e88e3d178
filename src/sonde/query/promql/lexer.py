"""Cuts a query into tokens, one at a time, as the parser asks for them.

What a character means depends on where it stands: within braces there are no keywords, within brackets there are
durations and little else. Errors say what Prometheus says.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from sonde.query.promql.source import ParseError, Source
from sonde.query.promql.tokens import DURATION_CALLS, FILLS, WORDS, Token
from sonde.telemetry.quoting import quote, quote_character

_BLANK: Final = re.compile(r"[ \t\r\n]*")
_COMMENT: Final = re.compile(r"#[^\r\n]*")
_WORD: Final = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*")
_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LETTERS: Final = re.compile(r"[A-Za-z_]+")
_OPERATOR: Final = re.compile(r"==|!=|<=|</|>=|>/|[-+*/%^<>=,@]")
_MATCHER_OPERATOR: Final = re.compile(r"=~|!~|!=|[=,]")
_DURATION_OPERATOR: Final = re.compile(r"[-+*/%^,]")
_NUMBER_START: Final = re.compile(r"\.?[0-9]")
_DURATION_UNITS: Final = re.compile(r"([smhdwy]s?(?:[0-9]+[smhdw]s?)*)([0-9]+)?")
_ALPHANUMERIC: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_HEXADECIMAL: Final = frozenset("0123456789abcdefABCDEF")
_NUMBER_HEAD: Final = re.compile(r"0[xX]_?\.?[0-9a-fA-F]?|0?\.?[0-9]?")
_NUMBER_PART: Final = r"(?P<dot>\.)|(?P<exponent>[eE][+-]?)|(?P<underscore>_)"
_DECIMAL_PART: Final = re.compile(rf"{_NUMBER_PART}|(?P<digits>[0-9]+)")
_HEXADECIMAL_PART: Final = re.compile(rf"{_NUMBER_PART}|(?P<digits>[0-9a-fA-F]+)")
_NEVER_BEHIND: Final = {"dot": set("_."), "exponent": set("._eE") | {""}, "underscore": set("._eE") | {""}}
"""What cannot follow a part of a number; "" is the end of the query."""
_ESCAPED_DIGITS: Final = {"x": (2, 16), "u": (4, 16), "U": (8, 16)} | dict.fromkeys("01234567", (3, 8))
"""How many digits such an escape sequence has, and their base."""
_STRING_PART: Final = {"'": re.compile(r"[^'\\\n]*"), '"': re.compile(r'[^"\\\n]*')}


class Lexer:
    """Reads tokens from a query.

    >>> lexer = Lexer(Source("rate(a[5m])"))
    >>> [lexer.next().kind for _ in range(8)]
    ['identifier', '(', 'identifier', '[', 'duration', ']', ')', 'end of input']
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._text = source.characters
        self._offset = 0
        self._state: Literal["statement", "braces", "duration"] = "statement"
        self._open_parentheses = 0
        self._in_brackets = False
        self._colon_seen = False
        self._duration_seen = False

    def next(self) -> Token:
        """The next token; at the end, "end of input" for ever.

        Raises:
            ParseError: Here no token begins.
        """
        self._skip_blank()
        if self._state == "braces":
            return self._next_in_braces()
        if self._state == "duration":
            return self._next_in_duration()
        return self._next_in_statement()

    def _skip_blank(self) -> None:
        while True:
            self._offset = self._end_of(_BLANK)
            if self._state == "duration" or not self._text.startswith("#", self._offset):
                return
            self._offset = self._end_of(_COMMENT)

    def _next_in_statement(self) -> Token:
        start, character = self._offset, self._text[self._offset : self._offset + 1]
        if not character:
            return self._end_of_input()
        if _NUMBER_START.match(self._text, start):
            return self._number_or_duration()
        if _WORD.match(self._text, start):
            return self._word_in_brackets() if self._in_brackets else self._word()
        if character in "\"'`":
            return self._string()
        if character in "=!":
            self._check_comparison(start, character)
        if operator := _OPERATOR.match(self._text, start):
            return self._token(operator[0], operator.end())
        if character in "()":
            return self._parenthesis(character)
        return self._bracket(character)

    def _end_of_input(self) -> Token:
        if self._open_parentheses:
            raise self._error("unclosed left parenthesis", self._offset)
        if self._in_brackets:
            raise self._error("unclosed left bracket", self._offset)
        return Token("end of input", "", self._offset, self._offset)

    def _bracket(self, character: str) -> Token:
        match character:
            case "{":
                self._state = "braces"
            case "[":
                if self._in_brackets:
                    raise self._error(f"unexpected left bracket {quote_character(character)}", self._offset)
                self._in_brackets, self._colon_seen = True, False
                self._state = "duration"
            case "]":
                if not self._in_brackets:
                    raise self._error(f"unexpected right bracket {quote_character(character)}", self._offset)
                self._in_brackets = False
            case _:
                raise self._error(f"unexpected character: {self._quoted_at(self._offset)}", self._offset)
        return self._token(character, self._offset + 1)

    def _check_comparison(self, start: int, character: str) -> None:
        follower = self._text[start + 1 : start + 2]
        if (character == "!" and follower != "=") or (character == "=" and follower == "~"):
            raise self._error(f"unexpected character after '{character}': {self._quoted_at(start + 1)}", start)

    def _next_in_braces(self) -> Token:
        start, character = self._offset, self._text[self._offset : self._offset + 1]
        if not character:
            raise self._error("unexpected end of input inside braces", start)
        if name := _IDENTIFIER.match(self._text, start):
            return self._token("identifier", name.end())
        if character in "\"'`":
            return self._string()
        if operator := _MATCHER_OPERATOR.match(self._text, start):
            return self._token(operator[0], operator.end())
        match character:
            case "!":
                raise self._error(f"unexpected character after '!' inside braces: {self._quoted_at(start + 1)}", start)
            case "{":
                raise self._error(f"unexpected left brace {quote_character(character)}", start)
            case "}":
                self._state = "statement"
                return self._token("}", start + 1)
            case _:
                raise self._error(f"unexpected character inside braces: {self._quoted_at(start)}", start)

    def _next_in_duration(self) -> Token:
        start, character = self._offset, self._text[self._offset : self._offset + 1]
        if not character:
            raise self._error("unexpected end of input in duration expression", start)
        if _NUMBER_START.match(self._text, start):
            self._state = "statement"
            return self._number_or_duration()
        if operator := _DURATION_OPERATOR.match(self._text, start):
            return self._token(operator[0], operator.end())
        match character:
            case "(" | ")":
                return self._parenthesis(character)
            case "]":
                self._in_brackets = False
                self._state = "statement"
                return self._token("]", start + 1)
            case ":":
                if not self._duration_seen:
                    raise self._error("unexpected colon before duration in duration expression", start + 1)
                if self._colon_seen:
                    raise self._error("unexpected repeated colon in duration expression", start + 1)
                self._colon_seen = True
                return self._token(":", start + 1)
            case _:
                if token := self._duration_call():
                    return token
                raise self._error(f"unexpected character in duration expression: {self._quoted_at(start)}", start)

    def _parenthesis(self, character: str) -> Token:
        token = self._token(character, self._offset + 1)
        self._open_parentheses += 1 if character == "(" else -1
        if self._open_parentheses < 0:
            raise self._error(f"unexpected right parenthesis {quote_character(character)}", self._offset)
        self._duration_seen |= self._in_brackets and character == ")"  # of step(), say
        return token

    def _word(self) -> Token:
        end = self._end_of(_WORD)
        word = self._text[self._offset : end]
        kind = word.lower()
        if kind in {"inf", "nan"}:
            return self._token("number", end)
        if kind in FILLS:
            follower = self._end_of(_BLANK, end)
            return self._token(kind if self._text.startswith("(", follower) else "identifier", end)
        if kind in WORDS:
            return self._token(kind, end)
        return self._token("metric identifier" if ":" in word else "identifier", end)

    def _word_in_brackets(self) -> Token:
        start = self._offset
        if self._text.startswith(":", start):
            if self._colon_seen:
                raise self._error("unexpected colon ':'", start)
            self._colon_seen = True
            return self._token(":", start + 1)
        if token := self._duration_call():
            return token
        raise self._error(f"unexpected character: {self._quoted_at(start)}, expected ':'", start)

    def _duration_call(self) -> Token | None:
        word = _LETTERS.match(self._text, self._offset)
        if word is None or word[0].lower() not in DURATION_CALLS:
            return None
        return self._token(word[0].lower(), word.end())

    def _number_or_duration(self) -> Token:
        start = self._offset
        end, is_number = self._end_of_number()
        self._duration_seen |= self._in_brackets
        if is_number:
            return self._token("number", end)
        if units := _DURATION_UNITS.match(self._text, end):
            end = units.end()
            if not units[2] and self._text[end : end + 1] not in _ALPHANUMERIC:
                return self._token("duration", end)
            end += not units[2]
        raise self._error(f"bad number or duration syntax: {quote(self._text[start:end])}", start)

    def _end_of_number(self) -> tuple[int, bool]:
        """How far a number goes, and whether what stands there could be one; its value is the parser's matter."""
        text, end = self._text, self._end_of(_NUMBER_HEAD)
        is_hexadecimal = text[self._offset : self._offset + 2] in {"0x", "0X"}
        pattern = _HEXADECIMAL_PART if is_hexadecimal else _DECIMAL_PART
        seen = set()
        while part := pattern.match(text, end):
            kind, end = part.lastgroup, part.end()
            if kind is None or kind == "digits":
                continue
            if kind in seen:
                return part.start() + 1, False
            if kind != "underscore":
                seen.add(kind)
            follower = text[end : end + 1]
            if follower in _NEVER_BEHIND[kind]:
                return end + len(follower), False
            if kind == "dot" and is_hexadecimal:
                return end, False
        return end, text[end : end + 1] not in _ALPHANUMERIC

    def _string(self) -> Token:
        start, text = self._offset, self._text
        opening = text[start]
        if opening == "`":
            end = text.find("`", start + 1)
            self._check_encoding(start, len(text) if end < 0 else end)
            if end < 0:
                raise self._error("unterminated raw string", start)
            return self._token("string", end + 1)
        end = self._end_of(_STRING_PART[opening], start + 1)
        while text[end : end + 1] == "\\":
            end = self._end_of(_STRING_PART[opening], self._end_of_escape(start, end + 1, opening))
        self._check_encoding(start, end)
        if text[end : end + 1] != opening:
            raise self._error("unterminated quoted string", start)
        return self._token("string", end + 1)

    def _end_of_escape(self, start: int, offset: int, opening: str) -> int:
        character = self._text[offset : offset + 1]
        if character and (character in "abfnrtv\\" or character == opening):
            return offset + 1
        fault = ""
        count, base = _ESCAPED_DIGITS.get(character, (0, 0))
        first = offset + (base == 16)
        digits = self._text[first : first + count]
        wrong = next((place for place, digit in enumerate(digits) if not _is_digit(digit, base)), len(digits))
        if not character or (wrong == len(digits) < count):
            fault = "escape sequence not terminated"
        elif not count:
            fault = f"unknown escape sequence {self._code_point_at(offset)}"
        elif wrong < count:
            fault = f"illegal character {self._code_point_at(first + wrong)} in escape sequence"
        elif not _is_code(int(digits, base), 0x10FFFF if character in "uU" else 255):
            fault = "escape sequence is an invalid Unicode code point"
        if fault:
            self._check_encoding(start, offset)
            raise self._error(fault, start)
        return first + count

    def _check_encoding(self, start: int, end: int) -> None:
        part = self._source.encoded[start:end]
        if not part.isascii() and "\ufffd" in part.decode("utf-8", "replace"):
            raise self._error("invalid UTF-8 rune", start)

    def _character_at(self, offset: int) -> str:
        rest = self._source.encoded[offset : offset + 4].decode("utf-8", "replace")
        return rest[:1] or "\ufffd"

    def _quoted_at(self, offset: int) -> str:
        return quote_character(self._character_at(offset))

    def _code_point_at(self, offset: int) -> str:
        character = self._character_at(offset)
        shown = f" '{character}'" if character.isprintable() else ""
        return f"U+{ord(character):04X}{shown}"

    def _end_of(self, pattern: re.Pattern[str], start: int | None = None) -> int:
        found = pattern.match(self._text, self._offset if start is None else start)
        assert found is not None  # noqa: S101 - callers have seen that it begins here
        return found.end()

    def _token(self, kind: str, end: int) -> Token:
        token = Token(kind, self._text[self._offset : end], self._offset, end)
        self._offset = end
        return token

    def _error(self, detail: str, start: int) -> ParseError:
        return self._source.error((start, len(self._text)), detail)


def _is_digit(character: str, base: int) -> bool:
    return character in _HEXADECIMAL and int(character, 16) < base


def _is_code(value: int, largest: int) -> bool:
    return value <= largest and not 0xD800 <= value < 0xE000
