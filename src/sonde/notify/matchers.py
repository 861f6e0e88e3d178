"""Matchers of routes, inhibition rules, silences and API filters: read in either syntax, matched, and shown.

As Alertmanager since 0.27: what both syntaxes read differently, or only the older one reads, means what it always did.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Final

from sonde.errors import UserError
from sonde.notify.classic_matcher import parse_classic_matcher, parse_classic_matchers
from sonde.notify.matcher_syntax import is_reserved, parse_utf8_matchers
from sonde.telemetry.matcher import Matcher
from sonde.telemetry.quoting import quote

Matchers = tuple[Matcher, ...]

_OPERATOR_ORDER: Final = {"=": 0, "!=": 1, "=~": 2, "!~": 3}
_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\n": "\\n", '"': '\\"'})


def parse_matchers(text: str) -> Matchers:
    r"""Read any number of matchers.

    Raises:
        UserError: neither syntax reads them; in the words of the older one.

    >>> matchers_text(parse_matchers('team="a", "k8s.pod"=~"api.*"'))
    '{team="a",k8s.pod=~"api.*"}'
    >>> matchers_text(parse_matchers(r'path=~"a\.b"')), matchers_text(parse_matchers("foo=bar baz"))
    ('{path=~"a\\\\.b"}', '{foo="bar baz"}')
    """
    try:
        read = parse_utf8_matchers(text)
    except UserError:
        return tuple(parse_classic_matchers(text))
    try:
        return tuple(parse_classic_matchers(text))
    except UserError:
        return tuple(read)


def parse_matcher(text: str) -> Matcher:
    """Read a single matcher, as API filters have them.

    >>> parse_matcher("{a=b}")
    Traceback (most recent call last):
    sonde.errors.UserError: unexpected open or close brace: {a=b} [matcher.syntax]
    """
    if text.startswith("{") or text.endswith("}"):
        raise UserError(f"unexpected open or close brace: {text}", code="matcher.syntax")
    try:
        read = parse_utf8_matchers(text)
    except UserError:
        read = []
    try:
        return parse_classic_matcher(text)
    except UserError:
        if len(read) == 1:
            return read[0]
        raise


def in_order(matchers: Iterable[Matcher]) -> Matchers:
    """Sorted by name, value and operator: the order in which routes have them."""
    return tuple(sorted(matchers, key=lambda each: (each.name, each.value, _OPERATOR_ORDER[each.operator])))


def all_match(matchers: Matchers, labels: Mapping[str, str]) -> bool:
    """Whether every matcher fits; a label that is missing has the value "".

    >>> all_match(parse_matchers("a=1,b!=2"), {"a": "1"}), all_match((), {})
    (True, True)
    """
    for matcher in matchers:
        if matcher.operator == "=" and labels.get(matcher.name, "") != matcher.value:
            return False
    for matcher in matchers:
        if matcher.operator != "=":
            value = labels.get(matcher.name, "")
            fits = value != matcher.value if matcher.operator == "!=" else _fits(matcher, value)
            if not fits:
                return False
    return True


@functools.lru_cache(maxsize=1 << 16)
def _fits(matcher: Matcher, value: str) -> bool:
    """Whether a regular expression fits; the same few values are asked for again and again."""
    return matcher.matches(value)


def matcher_text(matcher: Matcher) -> str:
    """A matcher as Alertmanager shows it."""
    if any(map(is_reserved, matcher.name)):
        return f"{quote(matcher.name)}{matcher.operator}{quote(matcher.value)}"
    return f'{matcher.name}{matcher.operator}"{matcher.value.translate(_ESCAPES)}"'


def matchers_text(matchers: Matchers) -> str:
    """Matchers as Alertmanager shows them: part of a route's key.

    >>> matchers_text(parse_matchers('a=1, "b c"!="d"'))
    '{a="1","b c"!="d"}'
    """
    return "{" + ",".join(map(matcher_text, matchers)) + "}"
