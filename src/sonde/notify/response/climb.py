"""Groups that climb an escalation policy: whose turn is it now, and who of those told earlier is to hear the rest.

Everybody who is told by a step gets a ``Group`` of its own beside the route's group, with the same labels, intervals
and mute times, and turns like all others: retries, ends, and what survives a crash are as for routes.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Protocol

from sonde.notify.alert import Alert
from sonde.notify.group import Group
from sonde.notify.response.escalation import EscalationPolicy, Ladder, climbed, next_step_at, restarted
from sonde.notify.response.responder import Responder
from sonde.notify.routes import Route
from sonde.telemetry.labels import Labels


@dataclass(slots=True, eq=False)
class Climb:
    """The alerts of a route's group that escalate by the same policy."""

    policy: EscalationPolicy
    group: Group
    """The route's."""
    next_at: int = 0
    """When it is to be looked at; 0: when something happens."""
    members: dict[str, Group] = field(default_factory=dict)
    """The groups by which it tells, by receiver."""

    @property
    def route_key(self) -> str:
        """The key of the routes by which it tells."""
        return f"{self.group.route.key}/escalation:{self.policy.name}"

    @property
    def key(self) -> str:
        """The key of the groups by which it tells.

        >>> from sonde.notify.routes import RouteOptions
        >>> group = Group(Route(RouteOptions(), (), False, (), "{}", "{}"), (("alertname", "Down"),), 0)
        >>> Climb(EscalationPolicy("critical", (), ()), group).key
        '{}/escalation:critical:{alertname="Down"}'
        """
        return replace(self.group, route=self.route("")).key

    def route(self, receiver: str) -> Route:
        """The route by which a receiver is told."""
        parent = self.group.route
        return Route(
            options=replace(parent.options, receiver=receiver),
            matchers=parent.matchers,
            goes_on=True,
            routes=(),
            key=self.route_key,
            id=f"{parent.id}/escalation:{self.policy.name}/{receiver}",
        )


class Silenced(Protocol):
    """What keeps alerts from being told; see ``notify.mute``."""

    def silenced_until(self, alert: Alert, now: int) -> int | None:
        """When the first of the silences ends that silence an alert."""
        ...


class Ground(Protocol):
    """What climbs stand on: the pipeline."""

    @property
    def mutes(self) -> Silenced:
        """What keeps alerts from being told."""
        ...

    def tellable(self, group: Group, now: int) -> list[Alert]:
        """The alerts of a group that fire and may be told now, as they are told."""
        ...

    def open_group(self, route: Route, labels: Labels, now: int) -> Group | None:
        """The same, made if it is not there; None if nobody knows the route's receiver any more."""
        ...

    def turn_at(self, group: Group, at: int) -> None:
        """Let a group have its next turn then."""
        ...

    def look_again_at(self, climb: Climb, at: int) -> None:
        """Let ``Climbs.look_at`` be called then."""
        ...

    def believed(self, group_key: str, receiver: str) -> frozenset[int]:
        """The alerts of a group of which a receiver was last told that they fire."""
        ...


class Climbs:
    """All climbs of a pipeline."""

    def __init__(self, responder: Responder, ground: Ground) -> None:
        self._responder = responder
        self._ground = ground
        self._known: dict[tuple[str, Labels, str], Climb] = {}

    def __bool__(self) -> bool:
        return bool(self._known)

    def keys(self) -> set[str]:
        """The keys of the groups by which they tell."""
        return {climb.key for climb in self._known.values()}

    def clear(self) -> None:
        """Begin anew; what is remembered stays."""
        self._known.clear()

    def join(self, group: Group, alert: Alert) -> None:
        """An alert has come to a route's group, or has changed."""
        policy = self._responder.policy(alert.labels)
        if policy is not None:
            key = (group.route.id, group.labels, policy.name)
            climb = self._known.setdefault(key, Climb(policy, group))
            climb.group = group
            for member in climb.members.values():
                if alert.fingerprint in member.alerts:
                    member.alerts[alert.fingerprint] = alert

    def look_at_all(self, now: int, fingerprints: Collection[int] | None = None) -> None:
        """Look at all, or at those that have one of these alerts."""
        for climb in list(self._known.values()):
            if fingerprints is None or not climb.group.alerts.keys().isdisjoint(fingerprints):
                self.look_at(climb, now)

    def look_at(self, climb: Climb, now: int) -> None:
        """Take the step that is due, if one is."""
        look(climb, self._responder, self._ground, now)
        if climb.next_at:
            self._ground.look_again_at(climb, climb.next_at)

    def end(self, now: int) -> None:
        """Drop those of which nothing fires any more and everybody has heard so."""
        for key, climb in list(self._known.items()):
            if not climb.group.alerts:
                self.look_at(climb, now)
                if not self._responder.has_ladder(climb.key):
                    del self._known[key]


def look(climb: Climb, responder: Responder, ground: Ground, now: int) -> None:
    """Take the step that is due, if one is; afterwards ``next_at`` says when to look again."""
    escalating = [
        alert
        for alert in ground.tellable(climb.group, now)
        if responder.policy(alert.labels) == climb.policy and responder.acknowledgement(alert, now) is None
    ]
    ladder = _pruned(climb, responder.ladder(climb.key, climb.policy.name), escalating, ground)
    climb.next_at = 0
    if escalating:
        oldest = min(alert.starts_at for alert in escalating)
        at = next_step_at(ladder, climb.policy, oldest)
        if at is not None and at <= now:
            receivers = responder.receivers_of(climb.policy.step(restarted(ladder, oldest).taken), now)
            ladder = climbed(ladder, climb.policy, oldest, receivers, now)
            responder.put_ladder(ladder)
            at = next_step_at(ladder, climb.policy, oldest)
        climb.next_at = at or 0
    elif _fires(climb, responder, now):
        climb.next_at = _hidden_until(climb.group, responder, ground, now)
    _tell(climb, ladder, escalating, ground, now)
    if ladder.told or ladder.taken:
        responder.put_ladder(ladder)
    else:
        responder.drop_ladder(climb.key)


def _fires(climb: Climb, responder: Responder, now: int) -> bool:
    return any(
        not alert.resolved_at(now) and responder.policy(alert.labels) == climb.policy
        for alert in climb.group.alerts.values()
    )


def _hidden_until(group: Group, responder: Responder, ground: Ground, now: int) -> int:
    """When an alert may come to be tellable that is not now."""
    at = now + group.route.options.group_interval
    for alert in group.alerts.values():
        given = responder.acknowledgement(alert, now)
        at = min(at, given.until) if given and given.until else at
        at = min(at, ground.mutes.silenced_until(alert, now) or at)
    return at


def _pruned(climb: Climb, ladder: Ladder, escalating: list[Alert], ground: Ground) -> Ladder:
    """The ladder without those who know of nothing any more; when nobody is left, it is at its foot."""
    if escalating and restarted(ladder, min(alert.starts_at for alert in escalating)) == ladder:
        return ladder
    told = {name: at for name, at in (ladder.told or {}).items() if _knows(climb, name, ground)}
    return replace(ladder, told=told) if told or escalating else Ladder(ladder.group_key, ladder.policy)


def _knows(climb: Climb, receiver: str, ground: Ground) -> bool:
    member = climb.members.get(receiver)
    return bool(member and member.alerts) or bool(ground.believed(climb.key, receiver))


def _tell(climb: Climb, ladder: Ladder, escalating: list[Alert], ground: Ground, now: int) -> None:
    """Let those who take part know of all that escalates, and of what became of what they were told."""
    fresh = {alert.fingerprint for alert in escalating}
    for receiver, due_since in (ladder.told or {}).items():
        group = ground.open_group(climb.route(receiver), climb.group.labels, now)
        if group is None:
            continue
        climb.members[receiver] = group
        believed = ground.believed(climb.key, receiver)
        for fingerprint, alert in climb.group.alerts.items():
            if fingerprint in fresh or fingerprint in believed or fingerprint in group.alerts:
                group.alerts[fingerprint] = alert
        if group.due_since != due_since:
            group.due_since = due_since
            ground.turn_at(group, now)
