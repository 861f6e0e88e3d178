"""Go's ``fmt``: ``printf``, ``print`` and ``println``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from sonde.telemetry.template.limits import DEFAULT_LIMITS
from sonde.telemetry.template.source import FunctionError
from sonde.telemetry.template.value_text import PLAIN, Flags, value_text
from sonde.telemetry.template.values import go_type, kind_of

_FLAGS: Final = re.compile(r"[#0+\- ]*")
_INDEX: Final = re.compile(r"\[([^\]]*)\]")
_DIGITS: Final = re.compile(r"[0-9]*")
_MAX_WIDTH: Final = 1_000_000


def sprint(value: Any) -> str:
    """A value as ``{{ . }}`` prints it.

    >>> sprint(1.5), sprint([1, "a"]), sprint(None)
    ('1.5', '[1 a]', '<nil>')
    """
    return value if type(value) is str else value_text(value)


def sprint_all(*values: object) -> str:
    """``print``: with a space between two values of which neither is a string.

    >>> sprint_all(1, 2, "x", 3)
    '1 2x3'
    """
    parts: list[str] = []
    before_is_text = True
    for value in values:
        is_text = kind_of(value) == "string"
        if not is_text and not before_is_text and parts:
            parts.append(" ")
        parts.append(sprint(value))
        before_is_text = is_text
    return _bounded(parts)


def sprintln(*values: object) -> str:
    r"""``println``: with a space between all, and a line's end.

    >>> sprintln("a", 1)
    'a 1\n'
    """
    return _bounded([*[part for value in values for part in (" ", sprint(value))][1:], "\n"])


def sprintf(template: str, *values: object) -> str:
    """``printf``: what is wrong with a verb is said in the text, as Go does.

    >>> sprintf("%05.1f|%-6s|%q|%x", 3.14159, "ab", "hi", 255), sprintf("%d %[1]v", "x"), sprintf("%d")
    ('003.1|ab    |"hi"|ff', '%!d(string=x) x', '%!d(MISSING)')
    """
    return _Printer(template, values).text()


def _bounded(parts: Sequence[str]) -> str:
    if sum(map(len, parts)) > DEFAULT_LIMITS.characters:
        raise FunctionError(f"string is longer than {DEFAULT_LIMITS.characters} characters")
    return "".join(parts)


def _size(digits: str) -> int:
    if len(digits) > 7 or int(digits) > DEFAULT_LIMITS.characters:
        raise FunctionError(f"string is longer than {DEFAULT_LIMITS.characters} characters")
    return int(digits)


class _Printer:
    """One call of ``printf``: where it is in the text, and which argument is next."""

    def __init__(self, template: str, values: tuple[object, ...]) -> None:
        self.template = template
        self.values = values
        self.place = 0
        self.next = 0
        self.reordered = False
        self.good_index = True
        self.parts: list[str] = []
        self.length = 0

    def write(self, text: str) -> None:
        self.parts.append(text)
        self.length += len(text)
        if self.length > DEFAULT_LIMITS.characters:
            raise FunctionError(f"string is longer than {DEFAULT_LIMITS.characters} characters")

    def text(self) -> str:
        template = self.template
        while True:
            percent = template.find("%", self.place)
            if percent < 0:
                self.write(template[self.place :])
                break
            self.write(template[self.place : percent])
            self.place = percent + 1
            if not self.directive():
                break
        self.extra()
        return "".join(self.parts)

    def directive(self) -> bool:
        self.good_index = True
        given = self.matched(_FLAGS)
        minus = "-" in given
        flags = Flags(sharp="#" in given, zero="0" in given, plus="+" in given, minus=minus, space=" " in given)
        after_index = self.index()
        flags, after_index = self.width(flags, after_index=after_index)
        flags, after_index = self.precision(flags, after_index=after_index)
        if not after_index:
            self.index()
        if self.place >= len(self.template):
            self.write("%!(NOVERB)")
            return False
        verb = self.template[self.place]
        self.place += 1
        self.write("%" if verb == "%" else self.argument(verb, flags))
        return True

    def matched(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.template, self.place)
        if found is None:
            return ""
        self.place = found.end()
        return found.group()

    def index(self) -> bool:
        """Read ``[2]``: which argument is next."""
        if not self.template.startswith("[", self.place):
            return False
        self.reordered = True
        found = _INDEX.match(self.template, self.place)
        if found is None:
            self.place += 1
            self.good_index = False
            return False
        self.place = found.end()
        number = int(found[1]) if found[1].isdecimal() and len(found[1]) < 8 else 0
        if 0 < number <= len(self.values):
            self.next = number - 1
            return True
        self.good_index = False
        return number > 0

    def number(self) -> int | None:
        """The next argument, where ``*`` asks for it."""
        if self.next >= len(self.values):
            return None
        value = self.values[self.next]
        self.next += 1
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) > _MAX_WIDTH:
            return None
        return int(value)

    def width(self, flags: Flags, *, after_index: bool) -> tuple[Flags, bool]:
        if self.template.startswith("*", self.place):
            self.place += 1
            width = self.number()
            if width is None:
                self.write("%!(BADWIDTH)")
            elif width < 0:
                return replace(flags, width=-width, minus=True, zero=False), False
            return replace(flags, width=width), False
        digits = self.matched(_DIGITS)
        if not digits:
            return flags, after_index
        if after_index:
            self.good_index = False
        return replace(flags, width=_size(digits)), after_index

    def precision(self, flags: Flags, *, after_index: bool) -> tuple[Flags, bool]:
        if not self.template.startswith(".", self.place) or self.place + 1 >= len(self.template):
            return flags, after_index
        self.place += 1
        if after_index:
            self.good_index = False
        after_index = self.index()
        if self.template.startswith("*", self.place):
            self.place += 1
            precision = self.number()
            if precision is None or precision < 0:
                self.write("%!(BADPREC)")
                return flags, False
            return replace(flags, precision=precision), False
        digits = self.matched(_DIGITS)
        return replace(flags, precision=_size(digits or "0")), after_index

    def argument(self, verb: str, flags: Flags) -> str:
        if not self.good_index:
            return f"%!{verb}(BADINDEX)"
        if self.next >= len(self.values):
            return f"%!{verb}(MISSING)"
        value = self.values[self.next]
        self.next += 1
        if verb == "v":
            flags = replace(flags, sharp=False, plus=False, go_syntax=flags.sharp, names_fields=flags.plus)
        return value_text(value, verb, flags)

    def extra(self) -> None:
        if self.reordered or self.next >= len(self.values):
            return
        rest = self.values[self.next :]
        shown = ("<nil>" if one is None else f"{go_type(one)}={value_text(one, 'v', PLAIN)}" for one in rest)
        self.write(f"%!(EXTRA {', '.join(shown)})")
