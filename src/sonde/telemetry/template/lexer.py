"""Cuts a template into tokens: the text between actions, and what stands in them.

Space counts inside actions: ``.X .Y`` are two operands, ``.X.Y`` is one.

Language: https://pkg.go.dev/text/template
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from sonde.telemetry.quoting import quote

KEYWORDS: Final = frozenset(
    {"block", "break", "continue", "define", "else", "end", "if", "range", "nil", "template", "with"}
)
_SPACE: Final = " \t\r\n"
_INSIDE: Final = re.compile(
    r"""
    (?P<space>[ \t\r\n]+)
    |(?P<declare>:=)
    |(?P<punctuation>[=|()])
    |(?P<string>"(?:[^"\\\n]|\\[^\n])*")
    |(?P<raw>`[^`]*`)
    |(?P<char>'(?:[^'\\\n]|\\[^\n])*')
    |(?P<variable>\$\w*)
    |(?P<number>(?:[+-]|(?=\.?[0-9]))(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?
        |0[oO][0-7_]*(?:\.[0-7_]*)?|0[bB][01_]*(?:\.[01_]*)?
        |[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?)i?)
    |(?P<field>\.\w+)
    |(?P<dot>\.)
    |(?P<word>\w+)
    """,
    re.VERBOSE,
)
_TERMINATORS: Final = frozenset(" \t\r\n.,|:)(")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a template. ``kind`` is a word of this file, or the keyword itself."""

    kind: str
    text: str
    position: int
    line: int

    def __str__(self) -> str:
        if self.kind in {"EOF", "error"}:
            return self.text
        if self.kind in KEYWORDS or self.kind == "dot":
            return f"<{self.text}>"
        return quote(self.text[:10]) + "..." if len(self.text) > 10 else quote(self.text)


def tokens_of(text: str, *, functions: Collection[str] = ()) -> list[Token]:
    """The tokens of a template, up to its end or to the first thing that is none.

    >>> [token.kind for token in tokens_of("a {{- .X | f }}")]
    ['text', '{{', 'field', 'space', '|', 'space', 'identifier', 'space', '}}', 'EOF']
    >>> str(tokens_of("{{ .X")[-1]), str(tokens_of("{{ .X!}}")[-1])
    ('unclosed action', "bad character U+0021 '!'")
    """
    lexer = _Lexer(text, {"break", "continue"} & set(functions))
    return list(lexer.tokens())


class _Lexer:
    def __init__(self, text: str, not_keywords: Collection[str]) -> None:
        self.text = text
        self.position = 0
        self.line = 1
        self.counted = 0
        self.not_keywords = not_keywords

    def token(self, kind: str, end: int) -> Token:
        token = Token(kind, self.text[self.position : end], self.position, self.line_at(self.position))
        self.position = end
        return token

    def error(self, message: str, position: int | None = None) -> Token:
        place = self.position if position is None else position
        return Token("error", message, place, self.line_at(place))

    def line_at(self, position: int) -> int:
        self.line += self.text.count("\n", self.counted, position)
        self.counted = max(self.counted, position)
        return self.line

    def tokens(self) -> Iterator[Token]:
        text = self.text
        while True:
            start = text.find("{{", self.position)
            if start < 0:
                if self.position < len(text):
                    yield self.token("text", len(text))
                yield Token("EOF", "EOF", len(text), self.line_at(len(text)))
                return
            trims = text.startswith("-", start + 2) and text[start + 3 : start + 4] in tuple(_SPACE)
            end = len(text[self.position : start].rstrip(_SPACE)) + self.position if trims else start
            if end > self.position:
                yield self.token("text", end)
            self.position = start
            inside = start + (4 if trims else 2)
            if text.startswith("/*", inside):
                problem = self.comment(inside)
                if problem is not None:
                    yield problem
                    return
                continue
            yield self.token("{{", start + 2)
            self.position = inside
            for token in self.inside():
                yield token
                if token.kind == "error":
                    return

    def comment(self, start: int) -> Token | None:
        self.position = start
        end = self.text.find("*/", start + 2)
        if end < 0:
            return self.error("unclosed comment")
        closing = self.right_delimiter(end + 2)
        if closing is None:
            return self.error("comment ends before closing delimiter")
        self.position = self.behind(*closing)
        return None

    def right_delimiter(self, position: int) -> tuple[int, bool] | None:
        """Where the closing braces stand if an action ends here, and whether they trim."""
        text = self.text
        if text.startswith("}}", position):
            return position, False
        if text[position : position + 1] in tuple(_SPACE) and text.startswith("-}}", position + 1):
            return position + 2, True
        return None

    def behind(self, braces: int, trims: bool) -> int:
        end = braces + 2
        while trims and end < len(self.text) and self.text[end] in _SPACE:
            end += 1
        return end

    def inside(self) -> Iterator[Token]:
        text, depth = self.text, 0
        while True:
            closing = self.right_delimiter(self.position)
            if closing is not None:
                if depth:
                    yield self.error("unclosed left paren")
                    return
                braces, trims = closing
                self.position = braces
                yield self.token("}}", braces + 2)
                self.position = self.behind(braces, trims)
                return
            found = _INSIDE.match(text, self.position)
            if found is None:
                yield self.other()
                continue
            token = self.found(found)
            if token.kind == "(":
                depth += 1
            elif token.kind == ")":
                depth -= 1
                if depth < 0:
                    yield self.error("unexpected right paren", token.position)
                    return
            yield token

    def other(self) -> Token:
        """What no expression begins with: an error, or a character that the parser will not like."""
        text, position = self.text, self.position
        if position >= len(text):
            return self.error("unclosed action")
        match text[position]:
            case '"':
                return self.error("unterminated quoted string")
            case "`":
                return self.error("unterminated raw quoted string")
            case "'":
                return self.error("unterminated character constant")
            case ":":
                return self.error("expected :=")
            case character if character.isascii() and character.isprintable():
                return self.token("char", position + 1)
            case character:
                return self.error(f"unrecognized character in action: {_unicode(character)}")

    def found(self, found: re.Match[str]) -> Token:
        kind, end = str(found.lastgroup), found.end()
        match kind:
            case "space":
                if self.text.startswith("-}}", end):
                    end -= 1  # the last space belongs to the trim marker
                return self.token("space", end)
            case "declare":
                return self.token(":=", end)
            case "punctuation":
                return self.token(found.group(), end)
            case "number":
                if self.text[end : end + 1].isalnum():
                    return self.error(f"bad number syntax: {quote(self.text[self.position : end + 1])}")
                return self.token(kind, end)
            case "string" | "raw" | "char":
                return self.token({"char": "character"}.get(kind, kind), end)
            case "dot" | "field" | "variable" | "word":
                if not self.at_terminator(end):
                    return self.error(f"bad character {_unicode(self.text[end])}")
                return self.token(self.word_kind(found.group()) if kind == "word" else kind, end)
            case _:
                raise AssertionError(kind)

    def at_terminator(self, position: int) -> bool:
        return position >= len(self.text) or self.text[position] in _TERMINATORS or self.text.startswith("}}", position)

    def word_kind(self, word: str) -> str:
        if word in {"true", "false"}:
            return "bool"
        return word if word in KEYWORDS and word not in self.not_keywords else "identifier"


def _unicode(character: str) -> str:
    code = f"U+{ord(character):04X}"
    return f"{code} '{character}'" if character.isprintable() else code
