"""What the pipeline asks before it tells: acknowledged? flapping? in a cooldown? whose turn is it?

Holds a ``ResponsePlan`` and what was made of it so far. ``keep`` makes changes durable before they are in force. With
an empty plan and no acknowledgements every answer is "as Alertmanager does".
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Final, TypeVar

from sonde.errors import NotFound, TooLarge, UserError
from sonde.notify.alert import Alert, fingerprint_text
from sonde.notify.response.acknowledgement import Acknowledgement, acknowledgement_of
from sonde.notify.response.cooldown import Cooldown, cooldown_for, cooldown_of
from sonde.notify.response.escalation import EscalationPolicy, Ladder, Step, ladder_of, policy_for
from sonde.notify.response.flapping import Changes, calm_at, calmed, changed, changes_of, shown
from sonde.notify.response.on_call import Override, on_call_at
from sonde.notify.response.plan import ResponsePlan
from sonde.state.alerting import Change, Kind
from sonde.telemetry.labels import Labels

Documents = Mapping[Kind, Mapping[str, str]]
Keep = Callable[[Iterable[Change]], None]

_K = TypeVar("_K", bound=int | str)
_T = TypeVar("_T")
_DAY: Final = 24 * 3600 * 10**9
_FORGET_OVERRIDE: Final = 7 * _DAY
_MOST_OVERRIDES: Final = 1000
_MOST_REMEMBERED: Final = 200_000
NEVER: Final = 1 << 62
"""A time that does not come."""


class Responder:
    """A tenant's responses: the plan, and what is remembered."""

    def __init__(self, plan: ResponsePlan, documents: Documents, keep: Keep) -> None:
        self._durable = keep
        self._pending: list[Change] | None = None
        found = {kind: documents.get(kind, {}).values() for kind in Kind}
        self._acknowledgements = {
            each.fingerprint: each for each in map(acknowledgement_of, found[Kind.ACKNOWLEDGEMENT])
        }
        self._overrides = {each.id: each for each in map(_override_of, found[Kind.OVERRIDE])}
        self._ladders = {each.group_key: each for each in map(ladder_of, found[Kind.LADDER])}
        self._cooldowns = {each.fingerprint: each for each in map(cooldown_of, found[Kind.COOLDOWN])}
        self._changes = {each.fingerprint: each for each in map(changes_of, found[Kind.CHANGES])}
        self.adopt(plan)

    def adopt(self, plan: ResponsePlan) -> None:
        """Go on with another plan."""
        self.plan = plan
        self._policies: dict[Labels, EscalationPolicy | None] = {}

    @property
    def is_idle(self) -> bool:
        """Whether nothing of what was made of the plan so far changes what is told."""
        return not (self._acknowledgements or self._changes or self._cooldowns)

    def _keep(self, changes: Iterable[Change]) -> None:
        if self._pending is None:
            self._durable(changes)
        else:
            self._pending += changes

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """What changes within the block is kept at its end, all or nothing."""
        self._pending = []
        try:
            yield
        finally:
            pending, self._pending = self._pending, None
            if pending:
                self._durable(pending)

    # Acknowledgements.

    def acknowledge(self, given: Acknowledgement) -> None:
        """Somebody takes care of an alert."""
        key = fingerprint_text(given.fingerprint)
        self._keep([(Kind.ACKNOWLEDGEMENT, key, given.document())])
        self._acknowledgements[given.fingerprint] = given

    def withdraw(self, fingerprint: int) -> None:
        """Nobody takes care of it any more. Raises ``NotFound``."""
        if fingerprint not in self._acknowledgements:
            text = fingerprint_text(fingerprint)
            raise NotFound(f"alert {text} is not acknowledged", code="acknowledgement.not_found")
        self._keep([(Kind.ACKNOWLEDGEMENT, fingerprint_text(fingerprint), None)])
        del self._acknowledgements[fingerprint]

    def acknowledgement(self, alert: Alert, now: int) -> Acknowledgement | None:
        """The acknowledgement of an alert that fires."""
        given = self._acknowledgements.get(alert.fingerprint) if self._acknowledgements else None
        return given if given and given.holds_for(self.shown(alert), now) else None

    # Flapping and cooldowns.

    def posted(self, known: Mapping[int, Alert], changed: Iterable[Alert], now: int) -> None:
        """Alerts have come, or have changed; ``known`` are all as they were before."""
        if self.plan.flapping or not self.is_idle:
            with self.at_once():
                for alert in changed:
                    self._posted(known.get(alert.fingerprint), alert, now)

    def _posted(self, known: Alert | None, alert: Alert, now: int) -> None:
        if self.plan.flapping:
            self._look(alert, now, begin=True)
        if alert.resolved_at(now) or not (known is None or known.resolved_at(now)):
            return
        # It fires again.
        given = self._acknowledgements.get(alert.fingerprint)
        if given and not self.is_flapping(alert.fingerprint):
            self.withdraw(alert.fingerprint)
        cooldown = self._cooldowns.get(alert.fingerprint)
        if cooldown and cooldown.fired(now) != cooldown:
            self._put_cooldown(cooldown.fired(now))

    def _look(self, alert: Alert, now: int, *, begin: bool = False) -> None:
        policy = self.plan.flapping
        known = self._changes.get(alert.fingerprint)
        if policy is None or (known is None and not begin):
            return
        known = known or Changes(alert.fingerprint)
        record = calmed(changed(known, policy, alert, now), policy, now)
        if record != known:
            self._keep([(Kind.CHANGES, fingerprint_text(alert.fingerprint), record.document())])
            self._changes[alert.fingerprint] = record

    def look(self, alert: Alert, now: int) -> Alert:
        """An alert as it is to be told now."""
        if not self._changes:
            return alert
        self._look(alert, now)
        return self.shown(alert)

    def shown(self, alert: Alert) -> Alert:
        """An alert as it is told; one that flaps fires."""
        record, policy = self._changes.get(alert.fingerprint), self.plan.flapping
        return shown(record, policy, alert) if record and policy else alert

    def is_flapping(self, fingerprint: int) -> bool:
        """Whether an alert flaps."""
        record = self._changes.get(fingerprint)
        return bool(record and record.since and self.plan.flapping)

    def ended(self, alerts: Iterable[Alert], known_alerts: Mapping[int, Alert], now: int) -> list[Alert]:
        """The ends of these alerts were told; returns those that fire again by now, and are held back."""
        again: list[Alert] = []
        if not self.plan.cooldowns:
            return again
        with self.at_once():
            for alert in alerts:
                lasts = cooldown_for(self.plan.cooldowns, dict(alert.labels))
                known = self._cooldowns.get(alert.fingerprint)
                if lasts and (known is None or known.since < alert.ends_at):
                    present = known_alerts.get(alert.fingerprint)
                    fires = present is not None and not present.resolved_at(now)
                    until = alert.ends_at + lasts
                    self._put_cooldown(Cooldown(alert.fingerprint, alert.ends_at, until, has_fired=fires))
                    if present is not None and fires:
                        again.append(present)
        return again

    def _put_cooldown(self, cooldown: Cooldown) -> None:
        self._keep([(Kind.COOLDOWN, fingerprint_text(cooldown.fingerprint), cooldown.document())])
        self._cooldowns[cooldown.fingerprint] = cooldown

    def holds_back(self, alert: Alert, now: int) -> bool:
        """Whether an alert is in a cooldown."""
        cooldown = self._cooldowns.get(alert.fingerprint) if self._cooldowns else None
        return bool(cooldown and self.plan.cooldowns and cooldown.holds_back(alert, now))

    def rests_until(self, alert: Alert, now: int) -> int:
        """When there may be something to tell of an alert that is held back or flaps; 0 when there is now."""
        if not self._changes and not self._cooldowns:
            return 0
        self._look(alert, now)
        until = 0
        record, cooldown = self._changes.get(alert.fingerprint), self._cooldowns.get(alert.fingerprint)
        if record and record.since and self.plan.flapping:
            until = calm_at(record, self.plan.flapping)
        if cooldown and not alert.resolved_at(now) and self.holds_back(alert, now):
            until = max(until, cooldown.until)
        return until

    def repeat_interval(self, alerts: Iterable[Alert], now: int, interval: int, due_since: int | None = None) -> int:
        """After how long a group of these alerts is told again what it was told.

        Never while all that fire are acknowledged or flap; at once when there is news of one. Who is told by an
        escalation is told again by its next step, which was at ``due_since``, if that is not for nothing.
        """
        quiet, acknowledged, news = True, True, 0
        for alert in alerts:
            if alert.ends_at:
                continue
            is_acknowledged = self.acknowledgement(alert, now) is not None
            acknowledged = acknowledged and is_acknowledged
            quiet = quiet and (is_acknowledged or self.is_flapping(alert.fingerprint))
            record = self._changes.get(alert.fingerprint)
            news = max(news, record.news_at if record and self.plan.flapping else 0)
        found = [now - news] if news else []
        if due_since is not None:
            found += [] if acknowledged else [now - due_since]
        elif not quiet:
            found.append(interval)
        return min(found, default=NEVER)

    def keeps_log_of(self, alerts: Iterable[int]) -> bool:
        """Whether what was told of these alerts must not be forgotten, though it is not repeated."""
        return any(alert in self._acknowledgements or alert in self._changes for alert in alerts)

    # Escalation and who is on call.

    def policy(self, labels: Labels) -> EscalationPolicy | None:
        """How an alert escalates."""
        if not self.plan.escalations:
            return None
        if labels not in self._policies:
            if len(self._policies) >= _MOST_REMEMBERED:
                self._policies.clear()
            self._policies[labels] = policy_for(self.plan.escalations, dict(labels))
        return self._policies[labels]

    def ladder(self, group_key: str, policy: str) -> Ladder:
        """How far a group has climbed."""
        return self._ladders.get(group_key) or Ladder(group_key, policy)

    def has_ladder(self, group_key: str) -> bool:
        """Whether a group has climbed."""
        return group_key in self._ladders

    def put_ladder(self, ladder: Ladder) -> None:
        """It has climbed, or begins anew."""
        if self._ladders.get(ladder.group_key) != ladder:
            self._keep([(Kind.LADDER, ladder.group_key, ladder.document())])
            self._ladders[ladder.group_key] = ladder

    def drop_ladder(self, group_key: str) -> None:
        """Nothing of it fires any more."""
        if group_key in self._ladders:
            self._keep([(Kind.LADDER, group_key, None)])
            del self._ladders[group_key]

    def receivers_of(self, step: Step, now: int) -> tuple[str, ...]:
        """Who is told by a step, as of now."""
        found: list[str] = []
        for target in step.notify:
            name = target.name
            if target.kind == "receiver":
                found.append(name)
                continue
            if target.kind == "rotation":
                rotation = self.plan.rotation(name)
                name = on_call_at(rotation, self._overrides.values(), now) if rotation else ""
            person = self.plan.person(name)
            found += person.receivers if person else ()
        return tuple(dict.fromkeys(found))

    @property
    def overrides(self) -> tuple[Override, ...]:
        """Who stands in, in the order of time."""
        return tuple(sorted(self._overrides.values(), key=lambda each: (each.since, each.made_at, each.id)))

    def put_override(self, wanted: Override, now: int) -> None:
        """Let somebody stand in.

        Raises:
            NotFound: There is no such rotation.
            UserError: It makes no sense.
        """
        if self.plan.rotation(wanted.rotation) is None:
            raise NotFound(f'there is no rotation "{wanted.rotation}"', code="on_call.rotation")
        if self.plan.person(wanted.person) is None:
            hint = "people stand in the response file"
            raise UserError(f'there is nobody called "{wanted.person}"', code="on_call.person", hint=hint)
        if wanted.until <= max(wanted.since, now):
            raise UserError("an override must end after it begins, and in the future", code="on_call.times")
        if len(self._overrides) >= _MOST_OVERRIDES:
            raise TooLarge(f"there are {_MOST_OVERRIDES} overrides already", code="on_call.overrides")
        self._keep([(Kind.OVERRIDE, wanted.id, json.dumps(asdict(wanted)))])
        self._overrides[wanted.id] = wanted

    def drop_override(self, override_id: str) -> Override:
        """Nobody stands in any more. Raises ``NotFound``."""
        if override_id not in self._overrides:
            raise NotFound(f"there is no override {override_id}", code="on_call.override")
        self._keep([(Kind.OVERRIDE, override_id, None)])
        return self._overrides.pop(override_id)

    def collect(self, alerts: Mapping[int, Alert], ladders: Collection[str], now: int) -> None:
        """Forget what no longer matters. ``alerts`` are those that are known, ``ladders`` the groups that climb."""
        window = self.plan.flapping.window if self.plan.flapping else 0

        def is_over(given: Acknowledgement) -> bool:
            alert = alerts.get(given.fingerprint)
            return alert is None or not given.holds_for(self.shown(alert), now)

        gone: list[Change] = [
            *_dropped(Kind.ACKNOWLEDGEMENT, self._acknowledgements, is_over),
            *_dropped(
                Kind.COOLDOWN, self._cooldowns, lambda each: each.until <= now and each.fingerprint not in alerts
            ),
            *_dropped(
                Kind.CHANGES,
                self._changes,
                lambda each: each.fingerprint not in alerts and max(each.at, default=0) + window <= now,
            ),
            *_dropped(Kind.OVERRIDE, self._overrides, lambda each: each.until + _FORGET_OVERRIDE <= now),
            *_dropped(Kind.LADDER, self._ladders, lambda each: each.group_key not in ladders),
        ]
        if gone:
            self._keep(gone)


def _dropped(kind: Kind, known: dict[_K, _T], is_over: Callable[[_T], bool]) -> Iterator[Change]:
    """Drop what is over; says so for the state."""
    for key, thing in list(known.items()):
        if is_over(thing):
            del known[key]
            yield kind, key if isinstance(key, str) else fingerprint_text(key), None


def _override_of(document: str) -> Override:
    return Override(**json.loads(document))


def check_receivers(plan: ResponsePlan, receivers: Iterable[str]) -> None:
    """Refuse a plan that tells receivers which Alertmanager's file does not have. Raises ``UserError``."""
    known = set(receivers)
    named = {name for person in plan.people for name in person.receivers}
    named |= {
        target.name
        for policy in plan.escalations
        for step in policy.steps
        for target in step.notify
        if target.kind == "receiver"
    }
    if missing := sorted(named - known):
        names = ", ".join(f'"{name}"' for name in missing)
        raise UserError(
            f"the response file tells {names}, which the alerting configuration does not have",
            code="response.receivers",
            hint="add the receiver to alertmanager.yml, or name another one",
        )
