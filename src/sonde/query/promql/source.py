"""A query's text, seen as its bytes, and errors that point into it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from sonde.errors import UserError
from sonde.query.promql.ast import Span

MAX_BYTES = 1 << 20
"""The longest query that is read."""


class ParseError(UserError):
    """A query that is no PromQL.

    ``message`` is what Prometheus says, position included; ``span`` is where in the bytes of the text it is.
    """

    default_code = "promql.parse"

    def __init__(self, message: str, *, span: Span, position: tuple[int, int] | None) -> None:
        super().__init__(message, position=position)
        self.span = span

    def __str__(self) -> str:
        return f"{self.message} [{self.code}]"


@dataclass(frozen=True)
class Source:
    r"""A query. ``Source("up").error((0, 2), "…")`` is an error about its first two bytes.

    >>> print(Source("sum(\n  é(x))").error((7, 9), "unexpected character: 'é'"))
    2:3: parse error: unexpected character: 'é' [promql.parse]
    """

    text: str

    @cached_property
    def encoded(self) -> bytes:
        """The text as UTF-8. What was no UTF-8 when it came in is so again."""
        try:
            return self.text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            return self.text.encode("utf-8", "surrogatepass")

    @cached_property
    def characters(self) -> str:
        """One character a byte, so that offsets are those of bytes. Those below 128 are what they seem."""
        return self.encoded.decode("latin-1")

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of a byte, both from 1."""
        line_start = self.encoded.rfind(b"\n", 0, offset) + 1
        return self.encoded.count(b"\n", 0, offset) + 1, offset - line_start + 1

    def error(self, span: Span, detail: str) -> ParseError:
        """An error about a part of the text."""
        if not self.text:
            return ParseError(f"unknown position: parse error: {detail}", span=span, position=None)
        line, column = self.position(span[0])
        return ParseError(f"{line}:{column}: parse error: {detail}", span=span, position=(line, column))
