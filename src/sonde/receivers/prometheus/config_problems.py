"""What is wrong with a configuration file: all of it at once, each with its line, in words for who writes YAML.

For files in the manner of Prometheus': ``yaml_tree`` has read them, pydantic has checked them.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sonde.errors import UserError
from sonde.receivers.prometheus.config_values import AtKey
from sonde.receivers.prometheus.yaml_tree import SECRET_KEYS, YamlTree

KeyPath = tuple[str | int, ...]
_EXPECTED: Final = {
    "model_type": "expected a mapping",
    "mapping_type": "expected a mapping",
    "tuple_type": "expected a list",
    "string_type": "expected a text",
    "bool_parsing": "expected true or false",
    "bool_type": "expected true or false",
    "int_parsing": "expected a whole number",
    "int_type": "expected a whole number",
    "too_short": "expected at least one item",
    "string_too_short": "must not be empty",
    "greater_than": "must be more than 0",
    "path_type": "expected a file",
}
"""What pydantic's kinds of error mean to somebody who writes YAML."""


class Problems:
    """What is wrong, with places.

    Args:
        title: What cannot be used, for the first line.
        code: Of the error.
        keys: All keys there are, for suggestions.
        are_values_shown: Whether a wrong value is told; not where any value may be a secret.
    """

    def __init__(self, title: str, code: str, keys: Sequence[str], *, are_values_shown: bool = True) -> None:
        self._title = title
        self._code = code
        self._keys = keys
        self._are_values_shown = are_values_shown
        self._lines: list[tuple[tuple[int, int], str]] = []

    def add(self, tree: YamlTree, path: KeyPath, what: str) -> None:
        """Note one, at a place of a file."""
        line, column = tree.place(path)
        self._lines.append(((line, column), f"{tree.source}:{line}:{column}: {what}"))

    def refuse(self) -> None:
        """Raises ``UserError`` if there is any; its position is that of the first."""
        if self._lines:
            text = "\n".join([f"{self._title} cannot be used", *(f"  {line}" for _, line in self._lines)])
            raise UserError(text, code=self._code, position=self._lines[0][0])

    def report(self, tree: YamlTree, error: ValidationError) -> None:
        """Note all that pydantic has found in a file."""
        for problem in error.errors(include_url=False):
            self._report(tree, problem)

    def _report(self, tree: YamlTree, problem: ErrorDetails) -> None:
        path = problem["loc"]
        where = ".".join(map(str, path))
        match problem["type"]:
            case "extra_forbidden":
                others = [key for key in self._keys if key != path[-1]]
                near = difflib.get_close_matches(str(path[-1]), others, n=1, cutoff=0.75)
                hint = f"; did you mean {near[0]}?" if near else ""
                self.add(tree, path, f"unknown key {where}{hint}")
            case "value_error":
                fault = problem.get("ctx", {}).get("error", problem["msg"])
                path = (*path, fault.key) if isinstance(fault, AtKey) else path
                self.add(tree, path, f"{where}: {fault}" if where else str(fault))
            case "missing":
                self.add(tree, path, f"{where} is missing")
            case "enum" | "literal_error":
                known = problem.get("ctx", {}).get("expected", "")
                self.add(tree, path, f"{where}: {self._shown(problem)}is not one of {known}")
            case kind:
                said = _EXPECTED.get(kind) or f"{problem['msg'][:1].lower()}{problem['msg'][1:]}"
                self.add(tree, path, f"{f'{where}: ' if where else ''}{self._shown(problem)}{said}")

    def _shown(self, problem: ErrorDetails) -> str:
        """The value that is wrong, unless it may be a secret or is more than a text."""
        value = problem.get("input")
        is_shown = self._are_values_shown and not SECRET_KEYS & set(map(str, problem["loc"]))
        return f"{value!r}: " if isinstance(value, str) and is_shown else ""


def keys_below(model: type[BaseModel]) -> list[str]:
    """All keys below a section, in order."""
    return sorted(_keys(model, set()))


def _keys(model: type[BaseModel], seen: set[type[BaseModel]]) -> set[str]:
    seen.add(model)
    found: set[str] = set()
    for name, info in model.model_fields.items():
        found.add(info.alias or name)
        for inner in (info.annotation, *getattr(info.annotation, "__args__", ())):
            if isinstance(inner, type) and issubclass(inner, BaseModel) and inner not in seen:
                found |= _keys(inner, seen)
    return found
