"""Escalation: who is told next while an alert fires and nobody has acknowledged it, as pure functions of times.

A policy has steps at times after the alert fired. A ``Ladder`` is how far the alerts of one group have climbed it:
which steps were taken, and who was told. It is kept before anybody is told, so that a restart neither forgets nor
repeats.

A step is taken at its time after the oldest of the group's alerts fired that is to be told: one that fires, is neither
silenced nor inhibited nor muted, and not acknowledged. A step whose time passes while there is none is taken as soon as
there is one again; those after it keep their distance.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Final, Literal

from sonde.notify.matchers import Matchers, all_match
from sonde.notify.response.node import Node

_DEFAULT_REST: Final = 30 * 60 * 10**9
_MOST_ROUNDS: Final = 100
_KINDS: Final[Mapping[str, Kind]] = {"rotation": "rotation", "person": "person", "receiver": "receiver"}

Kind = Literal["rotation", "person", "receiver"]


@dataclass(frozen=True, slots=True)
class Target:
    """Who a step tells: whoever is on call, a person, or a receiver."""

    kind: Kind
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Step:
    """One step; ``after`` is nanoseconds since the alert fired."""

    after: int
    notify: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class EscalationPolicy:
    """Steps that are taken while nobody acknowledges."""

    name: str
    matchers: Matchers
    steps: tuple[Step, ...]
    repeat: int = 1
    """How often all steps are gone through."""
    rest: int = _DEFAULT_REST
    """From the last step of a round to the first of the next."""

    def after(self, number: int) -> int | None:
        """When a step comes, counted over all rounds from 0; None: there is none.

        >>> steps = (Step(0, ()), Step(600, ()))
        >>> policy = EscalationPolicy("critical", (), steps, repeat=2, rest=600)
        >>> [policy.after(number) for number in range(5)]
        [0, 600, 1200, 1800, None]
        """
        rounds, place = divmod(number, len(self.steps))
        if rounds >= self.repeat:
            return None
        return rounds * (self.steps[-1].after - self.steps[0].after + self.rest) + self.steps[place].after

    def step(self, number: int) -> Step:
        """A step, counted over all rounds."""
        return self.steps[number % len(self.steps)]


@dataclass(frozen=True, slots=True)
class Ladder:
    """How far a group has climbed."""

    group_key: str
    """Of the notifications of this ladder."""
    policy: str
    base: int = 0
    """From when steps are counted, at the earliest."""
    taken: int = 0
    taken_at: int = 0
    """When the last step was taken."""
    told: Mapping[str, int] | None = None
    """Receivers that take part, and when each was to be told last."""

    def document(self) -> str:
        """As it is kept."""
        return json.dumps(asdict(self), separators=(",", ":"))


def ladder_of(document: str) -> Ladder:
    """What ``document`` wrote.

    >>> ladder_of(Ladder("{}", "critical", 1, 2, 3, {"ops": 4}).document()).told
    {'ops': 4}
    """
    return Ladder(**json.loads(document))


def policy_for(policies: Iterable[EscalationPolicy], labels: Mapping[str, str]) -> EscalationPolicy | None:
    """The first policy that fits an alert."""
    return next((policy for policy in policies if all_match(policy.matchers, labels)), None)


def next_step_at(ladder: Ladder, policy: EscalationPolicy, oldest: int) -> int | None:
    """When the next step is to be taken, if the oldest alert that is to be told fired then; None: all are taken."""
    ladder = restarted(ladder, oldest)
    after = policy.after(ladder.taken)
    return None if after is None else max(ladder.base, oldest) + after


def restarted(ladder: Ladder, oldest: int) -> Ladder:
    """The ladder as it is for alerts that all fired after its last step: they begin at its foot."""
    if ladder.taken and oldest > ladder.taken_at:
        return replace(ladder, base=oldest, taken=0, taken_at=0)
    return ladder


def climbed(ladder: Ladder, policy: EscalationPolicy, oldest: int, receivers: Iterable[str], now: int) -> Ladder:
    """The ladder after its next step, which told these receivers.

    >>> policy = EscalationPolicy("critical", (), (Step(0, ()), Step(600, ())), repeat=1, rest=600)
    >>> ladder = climbed(Ladder("{}", "critical"), policy, 1000, ["alice"], 1000)
    >>> next_step_at(ladder, policy, 1000), ladder.told
    (1600, {'alice': 1000})
    >>> late = climbed(Ladder("{}", "critical"), policy, 1000, ["alice"], 5000)
    >>> next_step_at(late, policy, 1000)  # the second step keeps its distance
    5600
    """
    ladder = restarted(ladder, oldest)
    base, number = max(ladder.base, oldest), ladder.taken
    following = policy.after(number + 1)
    if following is not None and base + following <= now:
        base = now - (policy.after(number) or 0)
    told = {**(ladder.told or {}), **dict.fromkeys(receivers, now)}
    return replace(ladder, base=base, taken=number + 1, taken_at=now, told=told)


def read_escalations(node: Node, people: Collection[str], rotations: Collection[str]) -> tuple[EscalationPolicy, ...]:
    """The section ``escalations``; ``people`` and ``rotations`` are the names that are known."""
    found: dict[str, EscalationPolicy] = {}
    for item in node.items():
        fields = item.fields("name", "matchers", "steps", "repeat", "repeat_after", needed=("name", "steps"))
        name = fields["name"].text()
        steps = tuple(_step(each, people, rotations) for each in fields["steps"].items())
        for earlier, later, place in zip(steps, steps[1:], fields["steps"].items()[1:], strict=False):
            if later.after <= earlier.after:
                place.refuse("steps come one after the other: `after` must grow")
        repeat = fields["repeat"].integer(1)
        if not 1 <= repeat <= _MOST_ROUNDS:
            fields["repeat"].refuse(f"repeat must be from 1 to {_MOST_ROUNDS}")
        if fields["steps"].is_given and not steps:
            fields["steps"].refuse(f'the escalation "{name}" has no steps')
        if name in found:
            fields["name"].refuse(f'there are two escalations called "{name}"')
        rest = steps[-1].after - steps[-2].after if len(steps) > 1 else _DEFAULT_REST
        rest = fields["repeat_after"].duration(rest)
        if not rest and fields["repeat_after"].is_given:
            fields["repeat_after"].refuse("repeat_after must be longer than nothing")
        found[name] = EscalationPolicy(name, fields["matchers"].matchers(), steps, repeat, rest)
    return tuple(found.values())


def _step(node: Node, people: Collection[str], rotations: Collection[str]) -> Step:
    fields = node.fields("after", "notify", needed=("after", "notify"))
    targets = [_target(each, people, rotations) for each in fields["notify"].items()]
    if fields["notify"].is_given and not targets:
        fields["notify"].refuse("the step tells nobody")
    return Step(fields["after"].duration(), tuple(target for target in targets if target))


def _target(node: Node, people: Collection[str], rotations: Collection[str]) -> Target | None:
    word, _, name = node.text().partition(" ")
    kind, name = _KINDS.get(word), name.strip()
    if kind is None or not name:
        node.refuse(f"cannot tell {node.text()!r}; write rotation, person or receiver and a name: rotation primary")
        return None
    known = {"rotation": rotations, "person": people, "receiver": node.reading.receivers}[kind]
    if known is not None and name not in known:
        node.refuse(f'there is no {kind} "{name}"')
    return Target(kind, name)
