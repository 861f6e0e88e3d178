"""Reads matchers in Alertmanager's older syntax: names of letters, digits and underscores, values in quotes or not.

``matchers`` asks it beside ``matcher_syntax``, because files of many years are written for it.
"""

from __future__ import annotations

import re
from typing import Final, cast

from sonde.errors import UserError
from sonde.notify.matcher_syntax import new_matcher
from sonde.telemetry.matcher import Matcher, Operator
from sonde.telemetry.quoting import is_utf8

_MATCHER: Final = re.compile(
    r"[\t\n\f\r ]*([a-zA-Z_:][a-zA-Z0-9_:]*)[\t\n\f\r ]*(=~|=|!=|!~)[\t\n\f\r ]*((?s:.*?))[\t\n\f\r ]*", re.ASCII
)


def parse_classic_matchers(text: str) -> list[Matcher]:
    """Read matchers, separated by commas outside of quotes; braces around them may be missing.

    >>> parse_classic_matchers('{foo = "a,b", dings!=bums,}')
    [Matcher(name='foo', operator='=', value='a,b'), Matcher(name='dings', operator='!=', value='bums')]
    """
    text = text.removeprefix("{").removesuffix("}")
    parts, start, quoted, escaped = [], 0, False, False
    for at, character in enumerate(text):
        if character == "," and not quoted:
            parts.append(text[start:at])
            start = at + 1
            continue
        if character == '"':
            quoted, escaped = (quoted if escaped else not quoted), False
        else:
            escaped = character == "\\" and not escaped
    if rest := text[start:].strip():
        parts.append(rest)
    return [parse_classic_matcher(part) for part in parts]


def parse_classic_matcher(text: str) -> Matcher:
    r"""Read one matcher.

    Raises:
        UserError: in Alertmanager's words.

    >>> parse_classic_matcher('foo=~ "a\\"b" '), parse_classic_matcher("foo=a\\d")
    (Matcher(name='foo', operator='=~', value='a"b'), Matcher(name='foo', operator='=', value='a\\d'))
    >>> parse_classic_matcher("foo")
    Traceback (most recent call last):
    sonde.errors.UserError: bad matcher format: foo [matcher.syntax]
    """
    found = _MATCHER.fullmatch(text)
    if found is None:
        raise _bad(f"bad matcher format: {text}")
    name, operator, raw = found.groups()
    if not is_utf8(raw):
        raise _bad(f"matcher value not valid UTF-8: {raw}")
    return new_matcher(name, cast("Operator", operator), _value(raw))


def _value(raw: str) -> str:
    is_quoted = raw.startswith('"')
    body = raw.removeprefix('"')
    value, escaped, closed = "", False, not is_quoted
    for at, character in enumerate(body):
        is_last = at == len(body) - 1
        if escaped:
            escaped = False
            value += {"n": "\n", '"': '"', "\\": "\\"}.get(character, f"\\{character}")
        elif character == "\\" and not is_last:
            escaped = True
        elif character == '"':
            if not is_quoted or not is_last:
                raise _bad(f"matcher value contains unescaped double quote: {raw}")
            closed = True
        else:
            value += character
    if not closed:
        raise _bad(f"matcher value contains unescaped double quote: {raw}")
    return value


def _bad(what: str) -> UserError:
    return UserError(what, code="matcher.syntax")
