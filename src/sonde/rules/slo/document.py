"""The documents of a file, and what is wrong with them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, Final

import yaml

from sonde.errors import UserError
from sonde.query.promql.parser import parse
from sonde.rules.yaml_node import Decoder, Problem, place_of

_LONGEST_DAYS: Final = 366
_Loader: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def documents(text: str) -> list[yaml.Node]:
    """All documents of a text.

    Raises:
        UserError: It is not YAML.
    """
    try:
        return list(yaml.compose_all(text, Loader=_Loader))
    except RecursionError:
        raise UserError("yaml: it is nested too deeply", code="slo.yaml") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        position = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise UserError(f"yaml: {error.problem}", code="slo.yaml", position=position) from error
    except yaml.YAMLError as error:
        raise UserError(f"yaml: {error}", code="slo.yaml") from error


class Reader(Decoder):
    """Reads nodes, and says what is missing or makes no sense."""

    def wrong(self, node: yaml.Node | None, message: str) -> None:
        """Note what is wrong with a node."""
        self.problems.append(place_of(node).problem(message))

    def required(self, found: dict[str, yaml.Node], key: str, owner: yaml.Node) -> str:
        """A text that must be there."""
        value = self.text(found.get(key))
        if not value:
            self.wrong(found.get(key, owner), f"{key} is missing")
        return value

    def number(self, node: yaml.Node | None, *, default: float = math.nan) -> float:
        """A number."""
        text = self.text(node)
        try:
            return float(text) if text else default
        except ValueError:
            self.wrong(node, f"{text} is not a number")
            return default

    def days(self, node: yaml.Node | None) -> int:
        """A duration of whole days; 0 if it is none."""
        nano = self.duration(node)
        days, rest = divmod(nano or 0, 86_400 * 10**9)
        if nano is None or (not rest and 1 <= days <= _LONGEST_DAYS):
            return days
        self.wrong(node, f"{self.text(node)} is not a number of days from 1d to 366d")
        return 0

    def promql(self, node: yaml.Node | None, prepare: Callable[[str], str]) -> str:
        """An expression in PromQL, prepared."""
        text = self.text(node)
        if not text:
            return ""
        try:
            prepared = prepare(text)
            parse(prepared)
        except UserError as error:
            self.wrong(node, f"could not parse expression: {error.message}")
            return ""
        return prepared


def refuse(problems: Iterable[Problem]) -> None:
    """Raise what was found, all at once, at the place of the first.

    Raises:
        UserError: There is something.
    """
    found = list(problems)
    if found:
        first, *others = found
        message = "\n  ".join([first.message, *map(str, others)])
        raise UserError(message, code="slo.file", position=(first.line, first.column) if first.line else None)
