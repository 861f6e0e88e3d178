"""A place in the response file: what a section's reader is given. What is wrong is noted with line and column.

A reader takes a ``Node`` and returns frozen data. It never raises for what the file says: it calls ``refuse``, or reads
with a method that does, and goes on with what it got; ``plan`` tells all problems of a file at once.

    def read_person(node: Node) -> Person:
        fields = node.fields("name", "receivers", needed=("name",))
        return Person(fields["name"].text(), tuple(each.receiver() for each in fields["receivers"].items()))
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path
from typing import Any, TypeVar

import yaml

from sonde.errors import UserError
from sonde.notify.matchers import Matchers, in_order, parse_matchers
from sonde.notify.time_interval import parse_location
from sonde.rules.yaml_node import Decoder, Place, place_of

T = TypeVar("T")


@dataclass(slots=True)
class Reading:
    """One reading of a file."""

    decoder: Decoder = field(default_factory=Decoder)
    directory: Path = field(default_factory=Path)
    """What relative paths in it start from."""
    receivers: Collection[str] | None = None
    """The names that Alertmanager's file has; None: nobody knows."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value in the file, or the place where it would stand."""

    reading: Reading
    name: str
    """The key that leads here, for messages."""
    value: yaml.Node | None
    place: Place

    @property
    def is_given(self) -> bool:
        """Whether anything stands here."""
        return self.value is not None and not (
            isinstance(self.value, yaml.ScalarNode) and self.value.tag == "tag:yaml.org,2002:null"
        )

    def refuse(self, what: str) -> None:
        """Note that something is wrong here, in one line: what, and what would be right."""
        self.reading.decoder.problems.append(self.place.problem(what))

    def fields(self, *known: str, needed: Collection[str] = ()) -> Mapping[str, Node]:
        """The fields of a mapping, all of ``known``; others are refused, and so is the lack of ``needed`` ones."""
        found = self.reading.decoder.mapping(self.value, self.name, dict.fromkeys(known))
        if self.is_given:
            for name in needed:
                if name not in found:
                    self.refuse(f"{self.name}: {name} is missing")
        return {name: self._inner(name, found.get(name)) for name in known}

    def items(self) -> tuple[Node, ...]:
        """The items of a list; none if nothing stands here."""
        return self.reading.decoder.items(self.value, "list", lambda item: self._inner(self.name, item))

    def text(self, default: str = "") -> str:
        """A text."""
        return self.reading.decoder.text(self.value) if self.is_given else default

    def texts(self) -> tuple[str, ...]:
        """A list of texts."""
        return tuple(item.text() for item in self.items())

    def duration(self, default: int = 0) -> int:
        """Nanoseconds of a duration such as ``1h30m``."""
        found = self.reading.decoder.duration(self.value) if self.is_given else None
        return default if found is None else found

    def integer(self, default: int = 0) -> int:
        """A whole number."""
        return self.reading.decoder.integer(self.value) if self.is_given else default

    def boolean(self, default: bool = False) -> bool:
        """True or false."""
        return self.reading.decoder.boolean(self.value) if self.is_given else default

    def matchers(self) -> Matchers:
        """A list of matchers, as routes have them."""
        none: Matchers = ()
        lines = [item.parsed(parse_matchers, none) for item in self.items()]
        return in_order(matcher for line in lines for matcher in line)

    def receiver(self) -> str:
        """The name of a receiver of Alertmanager's file."""
        name, known = self.text(), self.reading.receivers
        if self.is_given and known is not None and name not in known:
            self.refuse(f'receiver "{name}" is not in the alerting configuration')
        return name

    def time_zone(self) -> tzinfo:
        """A time zone by its name; UTC if nothing stands here."""
        return self.parsed(parse_location, parse_location("UTC"))

    def parsed(self, parse: Callable[[str], T], default: T) -> T:
        """What a function makes of the text; a ``UserError`` of it is a problem here."""
        text = self.text()
        if not self.is_given:
            return default
        try:
            return parse(text)
        except UserError as error:
            self.refuse(f"{error.message}; {error.hint}" if error.hint else error.message)
            return default

    def _inner(self, name: str, value: Any) -> Node:
        return Node(self.reading, name, value, place_of(value) if value is not None else self.place)
