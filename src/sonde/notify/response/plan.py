"""Reads the response file: text in, a frozen ``ResponsePlan`` out; ``Pipeline`` and ``Alerting`` go on with it.

Each section has a module with its dataclasses and a ``read_<section>(node, …)``; ``node`` says how such a reader looks.
All that is wrong with a file is told at once, each with its line and column.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sonde.errors import UserError
from sonde.notify.response.automation import Response, read_allowed_commands, read_responses
from sonde.notify.response.cooldown import CooldownPolicy, read_cooldowns
from sonde.notify.response.digest import DigestPlan, read_digest
from sonde.notify.response.escalation import EscalationPolicy, read_escalations
from sonde.notify.response.flapping import FlappingPolicy, read_flapping
from sonde.notify.response.node import Node, Reading
from sonde.notify.response.on_call import Person, Rotation, read_people, read_rotations
from sonde.notify.response.watchdog import Watchdogs, read_watchdogs
from sonde.rules.yaml_node import Place, compose

_CODE: Final = "response.config"
_LARGEST: Final = 1 << 20
_SECTIONS: Final = (
    "people",
    "rotations",
    "escalations",
    "cooldowns",
    "flapping",
    "allowed_commands",
    "responses",
    "watchdogs",
    "digest",
)


@dataclass(frozen=True, slots=True)
class ResponsePlan:
    """What the response file says. An empty one changes nothing."""

    people: tuple[Person, ...] = ()
    rotations: tuple[Rotation, ...] = ()
    escalations: tuple[EscalationPolicy, ...] = ()
    cooldowns: tuple[CooldownPolicy, ...] = ()
    flapping: FlappingPolicy | None = None
    allowed_commands: tuple[str, ...] = ()
    responses: tuple[Response, ...] = ()
    watchdogs: Watchdogs = field(default_factory=Watchdogs)
    digest: DigestPlan | None = None

    def rotation(self, name: str) -> Rotation | None:
        """A rotation by its name."""
        return next((each for each in self.rotations if each.name == name), None)

    def person(self, name: str) -> Person | None:
        """A person by its name."""
        return next((each for each in self.people if each.name == name), None)


def load_plan(file: Path, *, receivers: Collection[str] | None = None) -> ResponsePlan:
    """Read a response file.

    Args:
        file: YAML.
        receivers: The names of Alertmanager's file; a name that is not among them is refused. None: not checked.

    Raises:
        UserError: It cannot be read, or something in it is wrong; see ``parse_plan``.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise UserError(f"{file} cannot be read: {reason}", code=_CODE) from error
    return parse_plan(text, source=str(file), directory=file.parent, receivers=receivers)


def parse_plan(
    text: str,
    *,
    source: str = "response.yml",
    directory: Path | None = None,
    receivers: Collection[str] | None = None,
) -> ResponsePlan:
    """Read the text of a response file.

    Raises:
        UserError: Something is wrong; the message has one line a problem, ``position`` is that of the first.

    >>> parse_plan("people: [{name: alice, receivers: [phone]}]").people
    (Person(name='alice', receivers=('phone',)),)
    >>> parse_plan("people: [{name: alice, receivers: [phone]}]", source="r.yml", receivers=["mail"])
    Traceback (most recent call last):
    sonde.errors.UserError: 1:36: the response file cannot be used
      r.yml:1:36: receiver "phone" is not in the alerting configuration [response.config]
    """
    if len(text) > _LARGEST:
        raise UserError(f"{source} has more than {_LARGEST >> 20} MiB", code=_CODE)
    try:
        root, has_more = compose(text)
    except UserError as error:
        where = f"{source}:{error.position[0]}:{error.position[1]}" if error.position else source
        raise UserError(f"{where}: {error.message}", code=_CODE, position=error.position) from error
    reading = Reading(directory=directory or Path(), receivers=receivers)
    node = Node(reading, "response file", root, Place(1, 1))
    if has_more:
        node.refuse("there is more than one document; only one is read")
    plan = read_plan(node)
    if problems := sorted(reading.decoder.problems, key=lambda each: (each.line, each.column)):
        lines = (f"  {source}:{problem}" for problem in problems)
        position = (problems[0].line, problems[0].column)
        raise UserError("\n".join(["the response file cannot be used", *lines]), code=_CODE, position=position)
    return plan


def read_plan(node: Node) -> ResponsePlan:
    """The whole file."""
    sections = node.fields(*_SECTIONS)
    people = read_people(sections["people"])
    names = {person.name for person in people}
    rotations = read_rotations(sections["rotations"], names)
    decoder, directory = node.reading.decoder, node.reading.directory
    allowed = read_allowed_commands(sections["allowed_commands"].value, decoder)
    responses = read_responses(sections["responses"].value, decoder, allowed_commands=allowed, directory=directory)
    watchdogs = read_watchdogs(sections["watchdogs"].value, decoder, directory=directory)
    digest = read_digest(sections["digest"].value, decoder)
    _check_receivers(sections["watchdogs"], (name for each in watchdogs.expectations for name in each.receivers))
    _check_receivers(sections["digest"], digest.receivers if digest else ())
    return ResponsePlan(
        people=people,
        rotations=rotations,
        escalations=read_escalations(sections["escalations"], names, {rotation.name for rotation in rotations}),
        cooldowns=read_cooldowns(sections["cooldowns"]),
        flapping=read_flapping(sections["flapping"]),
        allowed_commands=allowed,
        responses=responses,
        watchdogs=watchdogs,
        digest=digest,
    )


def _check_receivers(section: Node, names: Iterable[str]) -> None:
    known = section.reading.receivers
    for name in dict.fromkeys(names):
        if known is not None and name and name not in known:
            section.refuse(f'receiver "{name}" is not in the alerting configuration')
