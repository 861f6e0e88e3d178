"""YAML as Go's decoder with known fields takes it: each value has a kind; what does not fit is said with its place.

Problems are collected, so that a file is told all that is wrong with it at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import yaml

from sonde.errors import UserError
from sonde.telemetry.duration import parse_strict_nanoseconds

T = TypeVar("T")

_TAGS: Final = {"tag:yaml.org,2002:": "!!"}
_NULL: Final = "tag:yaml.org,2002:null"
_MERGE: Final = "tag:yaml.org,2002:merge"
_INTEGER: Final = re.compile(r"[-+]?[0-9]+")
_BOOLEANS: Final = {"true": True, "false": False, "yes": True, "no": False, "on": True, "off": False}
_MOST_MERGES: Final = 10_000
_DEEPEST_MERGE: Final = 50
_Loader: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong with a file; ``line`` and ``column`` count from 1, and are 0 where nobody knows them.

    >>> str(Problem("field exprr not found in type rulefmt.Rule", 4, 9))
    '4:9: field exprr not found in type rulefmt.Rule'
    """

    message: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.line}:{self.column}: {self.message}" if self.line else self.message


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is written."""

    line: int = 0
    column: int = 0

    def problem(self, message: str) -> Problem:
        """Something that is wrong here."""
        return Problem(message, self.line, self.column)


def place_of(node: yaml.Node | None) -> Place:
    """Where a node begins."""
    return Place() if node is None else Place(node.start_mark.line + 1, node.start_mark.column + 1)


def compose(text: str) -> tuple[yaml.Node | None, bool]:
    """The first document of a text, and whether there are more, which nobody reads.

    Raises:
        UserError: It is not YAML.
    """
    try:
        loader = _Loader(text)
        try:
            node = loader.get_node() if loader.check_node() else None
            return node, bool(loader.check_node())
        finally:
            loader.dispose()
    except RecursionError:
        raise UserError("yaml: it is nested too deeply", code="rules.yaml") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        position = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise UserError(f"yaml: {error.problem}", code="rules.yaml", position=position) from error
    except yaml.YAMLError as error:
        raise UserError(f"yaml: {error}", code="rules.yaml") from error


@dataclass(slots=True)
class Decoder:
    """Reads nodes, and keeps what was wrong with them."""

    ignore_unknown: bool = False
    problems: list[Problem] = field(default_factory=list)
    merges: list[yaml.Node] = field(default_factory=list)
    """What was merged so far: mappings that merge each other again and again are refused."""
    depth: int = 0

    def mapping(
        self, node: yaml.Node | None, kind: str, known: Mapping[str, Any] | None = None
    ) -> dict[str, yaml.Node]:
        """The items of a mapping; with ``known``, no other keys than these."""
        if node is None or _is_null(node):
            return {}
        if not isinstance(node, yaml.MappingNode):
            self._wrong_kind(node, kind)
            return {}
        found: dict[str, yaml.Node] = {}
        places: dict[str, int] = {}
        merged: dict[str, yaml.Node] = {}
        for key_node, value in node.value:
            if key_node.tag == _MERGE:
                merged = self._merged(value, kind) | merged
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                self._wrong_kind(key_node, "string")
                continue
            key, place = str(key_node.value), place_of(key_node)
            if key in found:
                self.problems.append(place.problem(f'mapping key "{key}" already defined at line {places[key]}'))
            elif known is not None and key not in known:
                if not self.ignore_unknown:
                    self.problems.append(place.problem(f"field {key} not found in type {kind}"))
            else:
                found[key], places[key] = value, place.line
        return merged | found

    def _merged(self, node: yaml.Node, kind: str) -> dict[str, yaml.Node]:
        if isinstance(node, yaml.SequenceNode):
            found: dict[str, yaml.Node] = {}
            for each in reversed(node.value):
                found |= self._merged(each, kind)
            return found
        if len(self.merges) >= _MOST_MERGES or self.depth >= _DEEPEST_MERGE:
            if len(self.merges) <= _MOST_MERGES:
                self.merges += [node] * (_MOST_MERGES + 1 - len(self.merges))
                self.problems.append(place_of(node).problem("document contains excessive aliasing"))
            return {}
        self.merges.append(node)
        inner = Decoder(ignore_unknown=True, merges=self.merges, depth=self.depth + 1)
        found = inner.mapping(node, kind)
        self.problems += inner.problems
        return found

    def items(self, node: yaml.Node | None, kind: str, read: Callable[[yaml.Node], T]) -> tuple[T, ...]:
        """The items of a list, each read."""
        if node is None or _is_null(node):
            return ()
        if not isinstance(node, yaml.SequenceNode):
            self._wrong_kind(node, kind)
            return ()
        return tuple(read(item) for item in node.value)

    def text(self, node: yaml.Node | None) -> str:
        """A scalar as it is written; nothing is empty."""
        if node is None or _is_null(node):
            return ""
        if not isinstance(node, yaml.ScalarNode):
            self._wrong_kind(node, "string")
            return ""
        return str(node.value)

    def texts(self, node: yaml.Node | None, kind: str = "map[string]string") -> dict[str, str]:
        """A mapping of names to texts, in the order of the names."""
        return {key: self.text(value) for key, value in sorted(self.mapping(node, kind).items())}

    def duration(self, node: yaml.Node | None) -> int | None:
        """Nanoseconds of a duration, None if there is none."""
        if node is None or _is_null(node):
            return None
        text = self.text(node)
        if text == "0":
            return 0
        if not text:
            self.problems.append(place_of(node).problem("empty duration string"))
            return None
        try:
            return parse_strict_nanoseconds(text)
        except UserError as error:
            self.problems.append(place_of(node).problem(error.message))
            return None

    def integer(self, node: yaml.Node | None) -> int:
        """A whole number; nothing is 0."""
        text = self.text(node)
        if not text:
            return 0
        if not _INTEGER.fullmatch(text):
            self._wrong_kind(node, "int")
            return 0
        return int(text)

    def boolean(self, node: yaml.Node | None) -> bool:
        """True or false; nothing is false."""
        text = self.text(node)
        if text.lower() not in _BOOLEANS:
            if text:
                self._wrong_kind(node, "bool")
            return False
        return _BOOLEANS[text.lower()]

    def _wrong_kind(self, node: yaml.Node | None, kind: str) -> None:
        if node is None:
            return
        tag = next(
            (short + node.tag[len(long) :] for long, short in _TAGS.items() if node.tag.startswith(long)), node.tag
        )
        shown = f" `{node.value[:10]}`" if isinstance(node, yaml.ScalarNode) else ""
        self.problems.append(place_of(node).problem(f"cannot unmarshal {tag}{shown} into {kind}"))


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == _NULL
