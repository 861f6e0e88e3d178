"""What the sections of the response file have in common when they are read: names, matchers, files, choices."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

import yaml

from sonde.errors import UserError
from sonde.notify.matchers import Matchers, in_order, parse_matchers
from sonde.rules.yaml_node import Decoder, place_of
from sonde.telemetry.matcher import Matcher

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", re.ASCII)


def wrong(decoder: Decoder, node: yaml.Node | None, message: str) -> None:
    """Note what is wrong with a node."""
    decoder.problems.append(place_of(node).problem(message))


def read_name(decoder: Decoder, found: Mapping[str, yaml.Node], owner: yaml.Node, taken: Collection[str]) -> str:
    """A ``name`` that can stand in a URL, and that nothing else of the section has."""
    node = found.get("name")
    name = decoder.text(node)
    if not name:
        wrong(decoder, node or owner, "name is missing")
    elif not _NAME.fullmatch(name):
        wrong(decoder, node, f'"{name}" is no name: letters, digits, "-", "_" and "." make one, 100 at most')
    elif name in taken:
        wrong(decoder, node, f'the name "{name}" is taken')
    return name


def read_matchers(decoder: Decoder, node: yaml.Node | None) -> Matchers:
    """A list of matchers; those of one line may be several."""

    def line(item: yaml.Node) -> tuple[Matcher, ...]:
        try:
            return parse_matchers(decoder.text(item))
        except UserError as error:
            wrong(decoder, item, error.message)
            return ()

    return in_order(matcher for matchers in decoder.items(node, "[]string", line) for matcher in matchers)


def read_file(
    decoder: Decoder, found: Mapping[str, yaml.Node], key: str, owner: yaml.Node, directory: Path
) -> Path | None:
    """The path of a file that must be named; a relative one starts from the directory of the response file."""
    text = decoder.text(found.get(key))
    if not text:
        wrong(decoder, found.get(key, owner), f"{key} is missing")
        return None
    return directory / text


def read_duration(
    decoder: Decoder, found: Mapping[str, yaml.Node], key: str, owner: yaml.Node, *, default: int, least: int, most: int
) -> int:
    """Nanoseconds between two bounds; without a default (0) it must be given."""
    node = found.get(key)
    given = decoder.duration(node)
    if given is None:
        if node is None and not default:
            wrong(decoder, owner, f"{key} is missing")
        return default or least
    if not least <= given <= most:
        wrong(decoder, node, f"{key} must be from {_shown(least)} to {_shown(most)}")
        return least
    return given


def _shown(nanoseconds: int) -> str:
    seconds = nanoseconds // 10**9
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds % size == 0 and seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
