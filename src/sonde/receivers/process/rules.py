"""Which group a process belongs to: rules in the form of process-exporter's ``process_names``.

Form: https://github.com/ncabatoff/process-exporter#using-a-config-file
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final

import re2

from sonde.errors import UserError

_VARIABLE = re.compile(r"\{\{\s*\.([A-Za-z]+)(?:\.([A-Za-z0-9_]+))?\s*\}\}")
VARIABLES: Final = ("Comm", "ExeBase", "ExeFull", "Username", "PID", "Matches")


@dataclass(frozen=True, slots=True)
class Identity:
    """What a process is known by, from its birth to its ``exec``."""

    pid: int
    comm: str
    cmdline: tuple[str, ...]
    username: str

    @property
    def exe(self) -> str:
        """The program as it was called; a kernel thread was not, and has its name."""
        return self.cmdline[0] if self.cmdline else self.comm


@dataclass(frozen=True, slots=True)
class Rule:
    r"""Processes for which every kind of selector that is given matches, and what their group is called.

    ``comm`` and ``exe`` match if one of them is equal (``exe`` by its last part, unless it has a slash), ``cmdline`` if
    all of its regular expressions are found in the whole command line.

    >>> workers = Rule("{{.Comm}}:{{.Matches.app}}", cmdline=("celery -A (?P<app>\\S+)",))
    >>> workers.group(Identity(7, "python3", ("celery", "-A", "shop", "worker"), "app"))
    'python3:shop'

    Raises:
        UserError: A variable or an expression that is none.
    """

    name: str = "{{.Comm}}"
    comm: tuple[str, ...] = ()
    exe: tuple[str, ...] = ()
    cmdline: tuple[str, ...] = ()
    _patterns: tuple[Any, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for variable in _VARIABLE.finditer(self.name):
            if variable[1] not in VARIABLES:
                raise UserError(
                    f"{{{{.{variable[1]}}}}} is no variable of a group's name",
                    code="process.rule",
                    hint=f"use one of {', '.join(VARIABLES)}",
                )
        options = re2.Options()
        options.log_errors = False
        patterns = []
        for expression in self.cmdline:
            try:
                patterns.append(re2.compile(expression, options))
            except re2.error as error:
                raise UserError(
                    f"cmdline: {expression!r} is no regular expression: {error}", code="process.rule"
                ) from error
        object.__setattr__(self, "_patterns", tuple(patterns))

    def group(self, identity: Identity) -> str | None:
        """The name of the group of a process, or None where the rule does not match."""
        if self.comm and identity.comm not in self.comm:
            return None
        base = PurePosixPath(identity.exe).name
        if self.exe and not any((identity.exe if "/" in exe else base) == exe for exe in self.exe):
            return None
        line = " ".join(identity.cmdline)
        matches: dict[str, str] = {}
        for pattern in self._patterns:
            found = pattern.search(line)
            if found is None:
                return None
            matches |= {name: text or "" for name, text in found.groupdict().items()}
        known = {
            "Comm": identity.comm,
            "ExeBase": base,
            "ExeFull": identity.exe,
            "Username": identity.username,
            "PID": str(identity.pid),
        }
        return _VARIABLE.sub(
            lambda part: matches.get(part[2] or "", "") if part[1] == "Matches" else known[part[1]], self.name
        )


EVERY_COMM: Final = (Rule(),)
"""One group for each name of a program."""


def group_of(identity: Identity, rules: Sequence[Rule]) -> str | None:
    """The group of the first rule that matches.

    >>> rules = (Rule("web", comm=("nginx",)), Rule("shells", exe=("bash", "sh")))
    >>> group_of(Identity(1, "bash", ("/usr/bin/bash", "-l"), "root"), rules)
    'shells'
    """
    for rule in rules:
        name = rule.group(identity)
        if name is not None:
            return name
    return None
