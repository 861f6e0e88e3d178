"""A query's tokens with one of lookahead, and the places where a parser stands, which its errors name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from sonde.query.promql.ast import Span
from sonde.query.promql.lexer import Lexer
from sonde.query.promql.source import ParseError, Source
from sonde.query.promql.tokens import Token

MAX_NESTING = 100
"""How deep expressions may stand in one another; beyond, Python's own stack would end."""


class TokenStream:
    """Tokens for a parser. A token is read only when it is asked for, so that of two errors the earlier one is told."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._lexer = Lexer(source)
        self._ahead: Token | None = None
        self._places: list[tuple[str, str]] = []
        self._nesting = 0
        self.last_end = 0
        """Where the token ends that was taken last."""

    def peek(self) -> Token:
        """The next token, which stays."""
        if self._ahead is None:
            self._ahead = self._lexer.next()
        return self._ahead

    def take(self) -> Token:
        """The next token."""
        token = self.peek()
        self._ahead = None
        self.last_end = token.end
        return token

    def accept(self, kind: str) -> Token | None:
        """The next token, if it is of a kind."""
        return self.take() if self.peek().kind == kind else None

    def expect(self, kind: str) -> Token:
        """The next token, which must be of a kind."""
        return self.take() if self.peek().kind == kind else self.unexpected()

    @contextmanager
    def within(self, context: str, expected: str = "") -> Iterator[None]:
        """While this lasts, an unexpected token is told to be in ``context``."""
        self._places.append((context, expected))
        yield
        self._places.pop()

    def now_expecting(self, expected: str) -> None:
        """From here on, the innermost context expects something else."""
        self._places[-1] = (self._places[-1][0], expected)

    @contextmanager
    def nested(self) -> Iterator[None]:
        """Guards a recursion."""
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise self.error(self.peek().span, f"expression is nested too deeply, more than {MAX_NESTING} levels")
        yield
        self._nesting -= 1

    def unexpected(self) -> NoReturn:
        """Raise the error about the next token."""
        token = self.peek()
        context, expected = self._places[-1] if self._places else ("", "")
        detail = f"unexpected {token.described}"
        detail += f" in {context}" if context else ""
        detail += f", expected {expected}" if expected else ""
        raise self.error(token.span, detail)

    def error(self, span: Span, detail: str) -> ParseError:
        """An error about a part of the text."""
        return self.source.error(span, detail)
