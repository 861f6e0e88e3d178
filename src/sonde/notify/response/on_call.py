"""Who is on call: people take turns, are handed off to at a time of their time zone, and stand in for each other.

``on_call_at`` and ``turns_from`` are functions of a rotation, its overrides and a time; nothing is remembered. A
rotation has no beginning and no end: before its start date the same order goes on backwards.

Hand-offs are at the same time on the clock, in summer as in winter; the turn in which the clock changes is shorter or
longer. One that falls into the hour that is left out comes when that hour would have begun, one in the hour that comes
twice at the first of the two.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

from sonde.errors import UserError
from sonde.notify.response.node import Node
from sonde.notify.time_interval import parse_location
from sonde.telemetry.duration import duration_text, parse_strict_nanoseconds

_HOUR: Final = 3600 * 10**9
_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CLOCK: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can be told, by receivers of Alertmanager's file."""

    name: str
    receivers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Handoff:
    """When a turn ends and the next one begins."""

    at: time
    weekday: int | None = None
    """Monday is 0; None: whatever day it is."""

    def __str__(self) -> str:
        day = "" if self.weekday is None else f"{_DAYS[self.weekday].title()} "
        return f"{day}{self.at:%H:%M}"


@dataclass(frozen=True, slots=True)
class Rotation:
    """People who are on call in turns."""

    name: str
    people: tuple[str, ...]
    every: timedelta
    """How long a turn is on the clock: whole hours."""
    handoff: Handoff
    zone: tzinfo
    time_zone: str
    """The name of ``zone``."""
    first: datetime
    """When the first of the people began, on the clock of ``zone``."""

    def begins(self, number: int) -> int:
        """When a turn begins, in Unix nanoseconds; the first one has number 0."""
        return _moment(self.first + number * self.every, self.zone)

    def person(self, number: int) -> str:
        """Whose turn it is."""
        return self.people[number % len(self.people)]

    def number_at(self, at: int) -> int:
        """The number of the turn at a time."""
        local = _datetime(at).astimezone(self.zone).replace(tzinfo=None)
        number = (local - self.first) // self.every
        while self.begins(number) > at:
            number -= 1
        while self.begins(number + 1) <= at:
            number += 1
        return number


@dataclass(frozen=True, slots=True)
class Override:
    """Somebody who stands in. Of several at the same time the one that was made last is true."""

    id: str
    rotation: str
    person: str
    since: int
    until: int
    by: str = ""
    made_at: int = 0

    def holds_at(self, at: int) -> bool:
        """Whether it is in force; at its very end it is over."""
        return self.since <= at < self.until


@dataclass(frozen=True, slots=True)
class Turn:
    """A time during which one person is on call."""

    person: str
    since: int
    until: int
    is_override: bool = False


def on_call_at(rotation: Rotation, overrides: Iterable[Override], at: int) -> str:
    """Who is on call at a time.

    >>> rotation = new_rotation("primary", ["alice", "bob"], "1w", "Monday 09:00", "Europe/Berlin", "2026-01-05")
    >>> monday = int(datetime(2026, 1, 12, 7, 59, tzinfo=UTC).timestamp()) * 10**9
    >>> on_call_at(rotation, (), monday), on_call_at(rotation, (), monday + 60 * 10**9)
    ('alice', 'bob')
    >>> on_call_at(rotation, [Override("1", "primary", "carol", monday, monday + 1)], monday)
    'carol'
    """
    override = _override_at([each for each in overrides if each.rotation == rotation.name], at)
    return override.person if override else rotation.person(rotation.number_at(at))


def turns_from(rotation: Rotation, overrides: Iterable[Override], at: int) -> Iterator[Turn]:
    """The turn at a time, and all that follow, each as long as the same person stays for the same reason.

    >>> rotation = new_rotation("primary", ["alice", "bob"], "1d", "09:00", "UTC", "2026-01-05")
    >>> import itertools
    >>> noon = int(datetime(2026, 1, 5, 12, tzinfo=UTC).timestamp()) * 10**9
    >>> override = Override("1", "primary", "bob", noon, noon + 3600 * 10**9)
    >>> [turn.person for turn in itertools.islice(turns_from(rotation, [override], noon), 3)]
    ['bob', 'alice', 'bob']
    """
    own = [each for each in overrides if each.rotation == rotation.name and each.until > each.since]
    override = _override_at(own, at)
    begin = min(rotation.begins(rotation.number_at(at)), override.since if override else at)
    pieces = _pieces(rotation, own, begin)
    known, turn = next(pieces)
    for owner, piece in pieces:
        if owner == known:
            turn = replace(turn, until=piece.until)
            continue
        if turn.until > at:
            yield turn
        known, turn = owner, piece


def _pieces(rotation: Rotation, overrides: Collection[Override], at: int) -> Iterator[tuple[object, Turn]]:
    """Pieces between any two times at which something may change, with what they belong to."""
    while True:
        number = rotation.number_at(at)
        override = _override_at(overrides, at)
        edges = (edge for each in overrides for edge in (each.since, each.until) if edge > at)
        until = min((rotation.begins(number + 1), *edges))
        if override:
            yield override.id, Turn(override.person, at, until, is_override=True)
        else:
            yield number, Turn(rotation.person(number), at, until)
        at = until


def _override_at(overrides: Iterable[Override], at: int) -> Override | None:
    holding = [each for each in overrides if each.holds_at(at)]
    return max(holding, key=lambda each: (each.made_at, each.id)) if holding else None


def _datetime(nanoseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000)


def _moment(clock: datetime, zone: tzinfo) -> int:
    """The first moment at which a clock there shows at least this, in Unix nanoseconds."""
    early, late = (clock.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (1, 0))
    if early < late:
        # This time is left out: the moment is the one at which the clock is put forward.
        offset = zone.utcoffset(late.astimezone(zone))
        while late - early > _MICROSECOND:
            middle = early + (late - early) // 2
            if zone.utcoffset(middle.astimezone(zone)) == offset:
                late = middle
            else:
                early = middle
    return (late - _EPOCH) // _MICROSECOND * 1000


def new_rotation(
    name: str, people: Iterable[str], every: str, handoff: str, time_zone: str = "UTC", start: str = "1970-01-05"
) -> Rotation:
    """A rotation as the response file words it.

    Raises:
        UserError: Something of it cannot be.
    """
    return _rotation(
        name,
        tuple(people),
        parse_every(every),
        parse_handoff(handoff),
        (parse_location(time_zone), time_zone),
        parse_date(start),
    )


def _rotation(
    name: str,
    people: tuple[str, ...],
    every: timedelta,
    handoff: Handoff,
    zone: tuple[tzinfo, str],
    start: date,
) -> Rotation:
    """The first turn begins with the first hand-off on the start date or after it."""
    days = 0 if handoff.weekday is None else (handoff.weekday - start.weekday()) % 7
    first = datetime.combine(start + timedelta(days=days), handoff.at)
    return Rotation(name, people, every, handoff, *zone, first)


def parse_every(text: str) -> timedelta:
    """How long a turn is.

    >>> parse_every("2w").days, parse_every("12h").seconds
    (14, 43200)
    >>> parse_every("90m")
    Traceback (most recent call last):
    sonde.errors.UserError: a turn of 1h30m; turns last whole hours: 12h, 1d or 2w [response.on_call]
    """
    nanoseconds = parse_strict_nanoseconds(text)
    if nanoseconds <= 0 or nanoseconds % _HOUR or nanoseconds > 365 * 24 * _HOUR:
        shown = duration_text(nanoseconds // 10**6)
        raise _wrong(f"a turn of {shown}", "turns last whole hours: 12h, 1d or 2w")
    return timedelta(hours=nanoseconds // _HOUR)


def parse_handoff(text: str) -> Handoff:
    """When turns begin.

    >>> str(parse_handoff("monday 9:00")), str(parse_handoff("21:30"))
    ('Monday 09:00', '21:30')
    >>> parse_handoff("noon")
    Traceback (most recent call last):
    sonde.errors.UserError: 'noon' is no hand-off; write it like Monday 09:00 or 09:00 [response.on_call]
    """
    *day, clock = text.split()
    found = _CLOCK.fullmatch(clock) if text.split() else None
    names = [name.lower() for name in day]
    if found is None or len(names) > 1 or not set(names) <= set(_DAYS):
        raise _wrong(f"{text!r} is no hand-off", "write it like Monday 09:00 or 09:00")
    return Handoff(time(int(found[1]), int(found[2])), _DAYS.index(names[0]) if names else None)


def parse_date(text: str) -> date:
    """A date such as 2026-01-05."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _wrong(f"{text!r} is no date", "write it like 2026-01-05") from None


def _wrong(message: str, hint: str) -> UserError:
    return UserError(message, code="response.on_call", hint=hint)


def read_people(node: Node) -> tuple[Person, ...]:
    """The section ``people``."""
    found: dict[str, Person] = {}
    for item in node.items():
        fields = item.fields("name", "receivers", needed=("name", "receivers"))
        person = Person(fields["name"].text(), tuple(each.receiver() for each in fields["receivers"].items()))
        if person.name in found:
            fields["name"].refuse(f'there are two people called "{person.name}"')
        if fields["receivers"].is_given and not person.receivers:
            fields["receivers"].refuse(f'"{person.name}" has no receivers and cannot be told')
        found[person.name] = person
    return tuple(found.values())


def read_rotations(node: Node, people: Collection[str]) -> tuple[Rotation, ...]:
    """The section ``rotations``; ``people`` are the names that are known."""
    found: dict[str, Rotation] = {}
    for item in node.items():
        fields = item.fields(
            "name", "people", "every", "handoff", "time_zone", "start", needed=("name", "people", "every", "handoff")
        )
        name = fields["name"].text()
        members = fields["people"].items()
        for each in members:
            if each.text() not in people:
                each.refuse(f'"{each.text()}" is not among the people')
        if fields["people"].is_given and not members:
            fields["people"].refuse(f'nobody is in the rotation "{name}"')
        if name in found:
            fields["name"].refuse(f'there are two rotations called "{name}"')
        every = fields["every"].parsed(parse_every, timedelta(weeks=1))
        handoff = fields["handoff"].parsed(parse_handoff, Handoff(time(9)))
        if handoff.weekday is not None and every % timedelta(weeks=1):
            fields["handoff"].refuse("a hand-off has a weekday only when turns last whole weeks")
        if handoff.weekday is None and not every % timedelta(weeks=1) and fields["start"].is_given is False:
            fields["handoff"].refuse("turns of weeks need a weekday for their hand-off, or a start date")
        found[name] = _rotation(
            name,
            tuple(each.text() for each in members),
            every,
            handoff,
            (fields["time_zone"].time_zone(), fields["time_zone"].text("UTC")),
            fields["start"].parsed(parse_date, date(1970, 1, 5)),
        )
    return tuple(found.values())
