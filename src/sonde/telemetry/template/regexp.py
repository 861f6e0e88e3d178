"""Regular expressions in templates: RE2, with Go's way of replacing and Go's words for what is wrong."""

from __future__ import annotations

import functools
import re
from typing import Any, Final

import re2

from sonde.telemetry.quoting import quote, replaced
from sonde.telemetry.regexp import fault_of
from sonde.telemetry.template.limits import DEFAULT_LIMITS
from sonde.telemetry.template.source import FunctionError

_REFERENCE: Final = re.compile(r"\$(?:\$|(\w+)|\{(\w+)\})")


def matches(pattern: str, text: str) -> bool:
    """``match``: whether the expression occurs in the text.

    >>> matches("a.c", "xabcx"), matches("^a$", "ab")
    (True, False)
    """
    return _compiled(pattern).search(replaced(text)) is not None


def replace_all(pattern: str, replacement: str, text: str) -> str:
    """``reReplaceAll``: every match replaced; ``$1`` and ``${name}`` are groups of it.

    >>> replace_all("(.*):[0-9]+", "$1", "web:9100"), replace_all("a*", "-", "baac")
    ('web', '-b-c-')
    """
    try:
        compiled = _compiled(pattern)
    except FunctionError as error:
        shown = quote(pattern) if "`" in pattern else f"`{pattern}`"
        raise FunctionError(f"regexp: Compile({shown}): {error}") from None
    text = replaced(text)
    parts: list[str] = []
    end = length = 0
    for match in compiled.finditer(text):
        start = match.start()
        part = text[end:start]
        if match.end() > end or start == 0:
            part += _expanded(replacement, match)
        parts.append(part)
        length += len(part)
        if length > DEFAULT_LIMITS.characters:
            raise FunctionError(f"string is longer than {DEFAULT_LIMITS.characters} characters")
        end = match.end()
    return "".join(parts) + text[end:]


def _expanded(replacement: str, match: Any) -> str:
    def group(reference: re.Match[str]) -> str:
        name = reference[1] or reference[2]
        if name is None:
            return "$"
        try:
            return match.group(int(name) if name.isdecimal() else name) or ""
        except (IndexError, KeyError, re2.error):
            return ""

    return _REFERENCE.sub(group, replacement) if "$" in replacement else replacement


@functools.lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    fault = fault_of(pattern)
    if fault:
        raise FunctionError(fault)
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except UnicodeEncodeError:
        raise FunctionError("error parsing regexp: invalid UTF-8") from None
