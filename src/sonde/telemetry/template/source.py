"""A template's text and where in it something is; and the error of all that a template may be wrong about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sonde.errors import UserError


class TemplateError(UserError):
    """A template that cannot be read or executed. ``message`` is what Go would say, ``position`` is (line, column)."""

    default_code: ClassVar[str] = "template.execute"


class FunctionError(ValueError):
    """What a template function says no to; it becomes ``error calling NAME: …``."""


@dataclass(frozen=True, slots=True)
class Source:
    """The text of a template and the name under which errors speak of it."""

    name: str
    text: str

    def line_of(self, position: int) -> int:
        """The line of a position, counted from 1."""
        return self.text.count("\n", 0, position) + 1

    def place_of(self, position: int) -> tuple[int, int]:
        r"""The line, counted from 1, and the column in bytes, counted from 0, as Go counts them.

        >>> Source("x", "a\nü{{.X}}").place_of(5)
        (2, 4)
        """
        start = self.text.rfind("\n", 0, position) + 1
        return self.line_of(position), len(self.text[start:position].encode("utf-8", "surrogateescape"))

    def parse_error(self, message: str, *, line: int, position: int) -> TemplateError:
        """What is wrong with the text itself, on the line where the reader stopped."""
        column = self.place_of(position)[1] + 1
        return TemplateError(f"template: {self.name}:{line}: {message}", code="template.parse", position=(line, column))
