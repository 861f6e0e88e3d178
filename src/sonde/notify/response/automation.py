"""The section ``responses`` of the response file: what is done by itself when an alert begins to fire.

```yaml
responses:
  - name: restart-worker
    matchers: ['alertname="WorkerStuck"']
    command: [/usr/local/bin/restart, "{{ .Labels.instance }}"]
    timeout: 30s
    at_most: 3 per 1h
allowed_commands: [/usr/local/bin/restart]
```

``notify.automation`` does it.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from sonde.errors import UserError
from sonde.notify.matchers import Matchers
from sonde.notify.response.arguments import ArgumentTemplate
from sonde.notify.response.section import read_duration, read_file, read_matchers, read_name, wrong
from sonde.rules.yaml_node import Decoder
from sonde.telemetry.duration import parse_strict_nanoseconds

_SECOND: Final = 10**9
_KEYS: Final = {"name", "matchers", "webhook", "command", "timeout", "at_most"}
_AT_MOST: Final = re.compile(r"\s*([1-9][0-9]{0,5})\s+per\s+(\S+)\s*", re.ASCII)
_LONGEST_WINDOW: Final = 31 * 86_400 * _SECOND


@dataclass(frozen=True, slots=True)
class AtMost:
    """How many runs there are at most within a window of time."""

    runs: int = 10
    window: int = 3600 * _SECOND


@dataclass(frozen=True, slots=True)
class Response:
    """One automated response: a command, or a webhook. Durations are nanoseconds."""

    name: str
    matchers: Matchers
    command: tuple[ArgumentTemplate, ...] = ()
    """The program, and templates of its arguments; nothing if it is a webhook."""
    webhook: Path | None = None
    """The file with the URL."""
    timeout: int = 30 * _SECOND
    at_most: AtMost = AtMost()

    @property
    def program(self) -> str:
        """The absolute path of the program."""
        return self.command[0].text if self.command else ""

    @property
    def what(self) -> str:
        """What it does, as the audit log has it: URLs are secrets, so a webhook is named by its file.

        >>> Response("page", (), webhook=Path("/etc/sonde/hook")).what
        'webhook of /etc/sonde/hook'
        """
        return " ".join(each.text for each in self.command) if self.command else f"webhook of {self.webhook}"


def read_allowed_commands(node: yaml.Node | None, decoder: Decoder) -> tuple[str, ...]:
    """The section ``allowed_commands``: absolute paths of programs that are there."""

    def path(item: yaml.Node) -> str:
        text = decoder.text(item)
        if fault := fault_of_program(text):
            wrong(decoder, item, fault)
        return text

    return decoder.items(node, "[]string", path)


def fault_of_program(path: str) -> str:
    """Why a program cannot be one that we start; "" if it can.

    >>> fault_of_program("restart"), fault_of_program("/no/such/program")
    ('restart is not an absolute path', '/no/such/program is not there')
    """
    if not Path(path).is_absolute() or ".." in Path(path).parts:
        return f"{path or 'it'} is not an absolute path"
    try:
        status = Path(path).stat()
    except (OSError, ValueError):
        return f"{path} is not there"
    if not stat.S_ISREG(status.st_mode) or not os.access(path, os.X_OK):
        return f"{path} is not a program that we may start"
    return (
        f"{path} can be changed by anybody; take that right away (chmod o-w)" if status.st_mode & stat.S_IWOTH else ""
    )


def read_responses(
    node: yaml.Node | None, decoder: Decoder, *, allowed_commands: Collection[str], directory: Path
) -> tuple[Response, ...]:
    """The section ``responses``. What is wrong goes to ``decoder.problems``.

    >>> decoder = Decoder()
    >>> read_responses(yaml.compose("[{name: a, matchers: ['x=1'], command: [/bin/sh]}]"), decoder,
    ...     allowed_commands=[], directory=Path()) and [str(problem) for problem in decoder.problems]
    ['1:41: /bin/sh does not stand in allowed_commands']
    """
    taken: set[str] = set()

    def response(item: yaml.Node) -> Response:
        found = decoder.mapping(item, "response", dict.fromkeys(_KEYS))
        name = read_name(decoder, found, item, taken)
        taken.add(name)
        matchers = read_matchers(decoder, found.get("matchers"))
        if not matchers:
            wrong(decoder, found.get("matchers", item), "matchers are missing: a response answers to certain alerts")
        if ("command" in found) == ("webhook" in found):
            wrong(decoder, item, "a response is either a command or a webhook")
        return Response(
            name=name,
            matchers=matchers,
            command=_command(decoder, found.get("command"), allowed_commands),
            webhook=_webhook(decoder, found.get("webhook"), directory),
            timeout=read_duration(
                decoder, found, "timeout", item, default=30 * _SECOND, least=_SECOND, most=3600 * _SECOND
            ),
            at_most=_at_most(decoder, found.get("at_most")),
        )

    return decoder.items(node, "[]response", response)


def _command(decoder: Decoder, node: yaml.Node | None, allowed: Collection[str]) -> tuple[ArgumentTemplate, ...]:
    if node is None:
        return ()

    def argument(item: yaml.Node) -> ArgumentTemplate:
        text = decoder.text(item)
        try:
            return ArgumentTemplate(text)
        except UserError as error:
            wrong(decoder, item, error.message)
            return ArgumentTemplate("")

    found = decoder.items(node, "[]string (a program and its arguments; no shell reads them)", argument)
    if not found:
        wrong(decoder, node, "the command is empty")
    elif found[0].text not in allowed and isinstance(node, yaml.SequenceNode):
        wrong(decoder, node.value[0], f"{found[0].text} does not stand in allowed_commands")
    return found


def _webhook(decoder: Decoder, node: yaml.Node | None, directory: Path) -> Path | None:
    if node is None:
        return None
    return read_file(decoder, decoder.mapping(node, "webhook", {"url_file": None}), "url_file", node, directory)


def _at_most(decoder: Decoder, node: yaml.Node | None) -> AtMost:
    text = decoder.text(node)
    if node is None:
        return AtMost()
    given = _AT_MOST.fullmatch(text)
    try:
        window = parse_strict_nanoseconds(given[2]) if given else 0
    except UserError as error:
        wrong(decoder, node, error.message)
        return AtMost()
    if given is None or not 0 < window <= _LONGEST_WINDOW:
        wrong(decoder, node, f'at_most: "{text}" is not like "3 per 1h", of 31d at most')
        return AtMost()
    return AtMost(int(given[1]), window)
