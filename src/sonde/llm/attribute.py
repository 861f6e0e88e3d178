"""Reading one attribute value whatever type its instrumentation gave it; never raises, ``None`` means "says nothing".

Instrumentations disagree: integers arrive as strings, lists as JSON text, JSON as a Python ``repr``. All of that is
dealt with here, so that the families can be tables of names.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping

from sonde.llm.span import Attributes

NAME_LIMIT = 256
"""Characters kept of a name, an id or another value that becomes a column."""
_COUNT_LIMIT = 10**15
"""More tokens than this is no count; and sums of a few of them still fit 64 bits."""
_INDEX_LIMIT = 1000
"""Array elements beyond this one are ignored: ``llm.input_messages.999999.`` must not allocate."""
_DEPTH_LIMIT = 12
"""Dots of a flattened key that are followed; OpenInference's longest name has seven."""
_UNSAFE_KEYS = frozenset({"__proto__", "constructor", "prototype"})
"""Keys that would poison an object in a browser."""
_REPR_COUNT = re.compile(r"'(\w+)': ?(\d+)")


def text(value: object, limit: int = NAME_LIMIT) -> str:
    """A value as one line of a column: scalars as text, of a list its first element, "" for anything else.

    >>> text(["stop", "length"]), text(7), text({"a": 1})
    ('stop', '7', '')
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return encodable(value[:limit])
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)[:limit] if abs(value) < _COUNT_LIMIT else ""
    if isinstance(value, (list, tuple)) and value and not isinstance(value[0], (list, tuple)):
        return text(value[0], limit)
    return ""


def encodable(value: str) -> str:
    """The text without lone surrogates, which JSON escapes can make of it, so that it can be stored as UTF-8."""
    if value.isascii():
        return value
    return value.encode("utf-8", "replace").decode()


def count(value: object) -> int | None:
    """A number of tokens: a non-negative integer, also when it arrives as text or as a whole float.

    >>> count("15"), count(15.0), count(-1), count(True), count("many")
    (15, 15, None, None, None)
    """
    if isinstance(value, str):
        if not (value.isascii() and value.isdecimal() and len(value) <= 16):
            return None
        value = int(value)
    elif isinstance(value, float):
        if not value.is_integer():
            return None
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _COUNT_LIMIT:
        return None
    return value


def amount(value: object) -> float | None:
    """A non-negative finite number: a cost in US dollars, or a duration.

    >>> amount("0.25"), amount(1), amount(float("nan")), amount("free")
    (0.25, 1.0, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number >= 0 else None


def flag(value: object) -> bool:
    """Whether the value says yes: ``true``, also as text."""
    return value is True or (isinstance(value, str) and value.lower() == "true")


def decode(value: object) -> object:
    """JSON text as what it holds; anything else unchanged.

    >>> decode('["stop"]'), decode("stop"), decode('{"broken')
    (['stop'], 'stop', '{"broken')
    """
    if not isinstance(value, str) or value.lstrip()[:1] not in _JSON_STARTS:
        return value
    try:
        return _JSON.decode(value)
    except (ValueError, RecursionError):
        return value


_JSON_STARTS = frozenset({"{", "[", '"'})
_JSON = json.JSONDecoder(parse_constant=lambda _constant: None)  # NaN and Infinity are no JSON; they say nothing


def mapping(value: object) -> Mapping[str, object]:
    """A map, also as JSON text, or as the ``repr`` of a Python dict of counts; else an empty one.

    >>> mapping("{'audio': 0, 'cache_read': 1024}")
    {'audio': 0, 'cache_read': 1024}
    """
    decoded = decode(value)
    if isinstance(decoded, dict):
        return decoded
    if isinstance(decoded, str) and decoded.startswith("{'"):
        return {key: int(number) for key, number in _REPR_COUNT.findall(decoded[:1000]) if len(number) <= 16}
    return {}


def safe_items(value: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """The entries whose keys a browser can hold."""
    return ((key, item) for key, item in value.items() if key not in _UNSAFE_KEYS)


def first(attributes: Attributes, keys: tuple[str, ...]) -> object:
    """The value of the first of these keys that is present and not empty."""
    for key in keys:
        value = attributes.get(key)
        if value is not None and value != "":
            return value
    return None


def unflatten(attributes: Attributes, prefix: str) -> list[object]:
    """The array that was flattened into ``prefix.<index>.<path>`` keys, in the order of its indices.

    >>> unflatten({"m.1.role": "user", "m.0.role": "system", "m.x.role": "?", "m.0.__proto__.a": 1}, "m")
    [{'role': 'system'}, {'role': 'user'}]
    """
    elements = _Branch()
    prefix += "."
    for key in attributes:
        if key.startswith(prefix):
            path = key[len(prefix) :].split(".", _DEPTH_LIMIT)
            if _is_index(path[0]) and _UNSAFE_KEYS.isdisjoint(path):
                elements.put(path, attributes[key])
    return elements.array() if elements else []


class _Branch(dict[str, object]):
    """A map that grew from dotted keys; values that came as maps are leaves."""

    def put(self, path: list[str], value: object) -> None:
        branch = self
        for word in path[:-1]:
            below = branch.get(word)
            if not isinstance(below, _Branch):
                below = _Branch()
                branch[word] = below
            branch = below
        if not isinstance(branch.get(path[-1]), _Branch):  # where a key has a value and children, the children say more
            branch[path[-1]] = value

    def array(self) -> list[object]:
        return [_grown(self[index]) for index in sorted(filter(_is_index, self), key=int)]


def _grown(value: object) -> object:
    """Branches as plain maps, and as lists where all their keys are indices."""
    if not isinstance(value, _Branch):
        return value
    if all(map(_is_index, value)):
        return value.array()
    return {key: _grown(item) for key, item in value.items()}


def _is_index(word: str) -> bool:
    return len(word) <= 4 and word.isascii() and word.isdecimal() and int(word) < _INDEX_LIMIT
