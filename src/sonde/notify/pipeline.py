"""The pipeline: alerts and the time in, notifications out. Nothing here sleeps, sends or asks what time it is.

``post`` takes alerts, ``advance`` turns the clock and returns what is to be attempted now, ``settle`` is told how it
went, ``next_at`` says when the clock must be turned next. A simulated clock gives exact times; ``run`` uses a real one.

A turn of a group passes as in Alertmanager: inhibited alerts out, nothing outside of active times, nothing within mute
times, silenced alerts out; then for each integration: is it due by the notification log? send it; note it.
What survives a crash is promised in ``state``. What Alertmanager does not have is asked of ``response``.
"""

from __future__ import annotations

import heapq
import itertools
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from sonde.errors import NotFound, UserError
from sonde.notify.alert import Alert, PostedAlert, alert_order, fingerprint_text, labels_order, merged
from sonde.notify.configuration import Configuration, Integration
from sonde.notify.group import Delivery, Flush, Group, Nudge
from sonde.notify.inhibition import Inhibitor
from sonde.notify.mute import Mutes
from sonde.notify.notification_log import Entry, NotificationLog, is_due, new_entry
from sonde.notify.notifier import Batch, Result
from sonde.notify.response.acknowledgement import Acknowledgement
from sonde.notify.response.climb import Climb, Climbs
from sonde.notify.response.plan import ResponsePlan
from sonde.notify.response.responder import Responder, check_receivers
from sonde.notify.retry import MIN_TIMEOUT, wait_after
from sonde.notify.routes import Route, build_route
from sonde.notify.silence import Silence, Silences
from sonde.notify.state import Attempt, EntryKey, State
from sonde.notify.status import AlertStatus, IntegrationStatus
from sonde.telemetry.labels import Labels

_SECOND: Final = 10**9
_MAINTENANCE: Final = 30 * _SECOND
_COLLECT: Final = 15 * 60 * _SECOND
_FORGET_DOUBT: Final = 24 * 3600 * _SECOND
MOST_ALERTS: Final = 100_000
"""So many a tenant may have; more are refused, and those that are known go on."""
_MOST_REMEMBERED: Final = 200_000
"""Label sets whose routes are remembered."""


__all__ = ["AlertStatus", "IntegrationStatus", "Pipeline"]


class Pipeline:
    """Alertmanager's pipeline for one tenant.

    Args:
        configuration: Routes, receivers, inhibition, times.
        state: What survives; what it has is taken up, as of ``now``.
        now: The time at which the pipeline begins.
        jitter: A number from 0 to 1 for each retry; 0.5 adds nothing.
        new_id: Makes ids of silences.
        plan: What is done beside what Alertmanager does; nothing without one.

    Raises:
        UserError: The plan names receivers that the configuration does not have.
    """

    def __init__(
        self,
        configuration: Configuration,
        state: State,
        now: int,
        *,
        jitter: Callable[[], float] = lambda: 0.5,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
        plan: ResponsePlan | None = None,
    ) -> None:
        plan = plan or ResponsePlan()
        check_receivers(plan, configuration.receivers)
        self._state = state
        self._jitter = jitter
        remembered = state.load()
        self.silences = Silences(remembered.silences, new_id=new_id, keep=state.put_silences)
        self._log = NotificationLog(remembered.entries)
        self.responder = Responder(plan, remembered.documents, state.keep)
        self._climbs = Climbs(self.responder, self)
        self._in_doubt = {attempt.key: attempt for attempt in remembered.attempts}
        self._under_way: dict[EntryKey, Delivery] = {}
        self._resting: dict[str, int] = {}
        self._statuses: dict[str, IntegrationStatus] = {}
        self._collect_at = now + _COLLECT
        self._counter = itertools.count()
        timeout = configuration.common.resolve_timeout
        self._alerts = {
            alert.fingerprint: _believed(alert, remembered.alive_at, now, timeout) for alert in remembered.alerts
        }
        self._start(configuration, now)

    def _start(self, configuration: Configuration, now: int) -> None:
        self.configuration = configuration
        self.route: Route = build_route(configuration.route)
        inhibitor = Inhibitor(configuration.inhibit_rules)
        self.mutes = Mutes(inhibitor, self.silences, self.responder, configuration.time_intervals)
        self._groups: dict[tuple[str, Labels], Group] = {}
        self._routes_of: dict[Labels, tuple[Route, ...]] = {}
        self._climbs.clear()
        self._turns: list[tuple[int, int, Group | Delivery | Nudge | Climb]] = []
        self._maintain_at = now + _MAINTENANCE
        for alert in self._alerts.values():
            self.mutes.inhibitor.update(alert)
        for alert in self._alerts.values():
            self._dispatch(alert, now)
        self._climbs.look_at_all(now)

    def reload(self, configuration: Configuration, now: int, plan: ResponsePlan | None = None) -> None:
        """Go on with another configuration and plan. Groups begin anew; by the notification log nobody is told twice.

        Notifications that are under way may still be settled: what has arrived is noted.

        Raises:
            UserError: The plan names receivers that the configuration does not have; then nothing has changed.
        """
        check_receivers(plan or ResponsePlan(), configuration.receivers)
        self.responder.adopt(plan or ResponsePlan())
        for group in self._groups.values():
            group.is_gone = True
        for _, _, turn in self._turns:
            if isinstance(turn, Delivery) and not turn.is_under_way:
                self._state.not_sent(turn.key)
        self._start(configuration, now)

    # What comes in.

    def post(self, alerts: Iterable[PostedAlert], now: int) -> list[str]:
        """Take alerts; returns what is wrong with those that were refused. The others are durable afterwards."""
        faults: list[str] = []
        changed: dict[int, Alert] = {}
        resolve_timeout = self.configuration.common.resolve_timeout
        for posted in alerts:
            try:
                alert = posted.accepted(now, resolve_timeout=resolve_timeout)
            except UserError as error:
                faults.append(error.message)
                continue
            known = changed.get(alert.fingerprint) or self._alerts.get(alert.fingerprint)
            if known is None and len(self._alerts) + len(changed) >= MOST_ALERTS:
                faults.append(f"there are {MOST_ALERTS} alerts already")
                continue
            changed[alert.fingerprint] = merged(known, alert, now) if known else alert
        if changed:
            self._state.put_alerts(changed.values())
        self.responder.posted(self._alerts, changed.values(), now)
        turned = self._turned(changed.values(), now) if self.responder.plan.escalations else set()
        for fingerprint, alert in changed.items():
            self._alerts[fingerprint] = alert
            self.mutes.inhibitor.update(alert)
        for alert in changed.values():
            self._dispatch(alert, now)
        if self._climbs:
            self._climbs.look_at_all(now, turned)
        return faults

    def _turned(self, alerts: Iterable[Alert], now: int) -> set[int]:
        """Those that begin to fire, or end."""
        known = self._alerts
        return {
            alert.fingerprint
            for alert in alerts
            if (old := known.get(alert.fingerprint)) is None
            or old.resolved_at(now) != alert.resolved_at(now)
            or old.starts_at != alert.starts_at
        }

    def _dispatch(self, alert: Alert, now: int) -> None:
        rests_until = self.responder.rests_until(alert, now)
        for route in self.routes_of(alert.labels):
            labels = route.options.group_labels(alert.labels)
            group = self._groups.get((route.id, labels))
            if group is None:
                group = Group(route, labels, now + route.options.group_wait)
                self._groups[route.id, labels] = group
                self._schedule(group.next_at, group)
            if group.insert(alert, now) and group.next_at > now:
                group.next_at = now
                self._schedule(now, group)
            self._climbs.join(group, alert)
            if rests_until > now:
                self._nudge_at(group, alert.fingerprint, rests_until)

    def routes_of(self, labels: Labels) -> tuple[Route, ...]:
        """The routes that take an alert."""
        known = self._routes_of.get(labels)
        if known is None:
            if len(self._routes_of) >= _MOST_REMEMBERED:
                self._routes_of.clear()
            known = self._routes_of[labels] = tuple(self.route.match(dict(labels)))
        return known

    # The clock.

    def next_at(self) -> int:
        """When ``advance`` has something to do next."""
        return min(self._maintain_at, self._turns[0][0]) if self._turns else self._maintain_at

    def advance(self, now: int) -> list[Delivery]:
        """Turn the clock; returns the notifications to attempt now. Each is noted as about to be sent."""
        if self._maintain_at <= now:
            self._maintain(now)
        due: list[Delivery] = []
        while self._turns and self._turns[0][0] <= now:
            at, _, turn = heapq.heappop(self._turns)
            if isinstance(turn, Delivery):
                if at == turn.try_at and not turn.is_under_way and not turn.group.is_gone:
                    self._retry(turn, now, due)
            elif isinstance(turn, Nudge):
                self._nudged(turn, now)
            elif isinstance(turn, Climb):
                if at == turn.next_at:
                    self._climbs.look_at(turn, now)
            elif at == turn.next_at and not turn.is_gone:
                if turn.flush is None:
                    self._turn(turn, now, due)
                else:
                    turn.is_late = True
        return due

    def _schedule(self, at: int, turn: Group | Delivery | Nudge | Climb) -> None:
        heapq.heappush(self._turns, (at, next(self._counter), turn))

    def _nudge_at(self, group: Group, fingerprint: int, at: int) -> None:
        group.nudges = group.nudges or set()
        if fingerprint not in group.nudges:
            group.nudges.add(fingerprint)
            self._schedule(at, Nudge(group, fingerprint))

    def _nudged(self, nudge: Nudge, now: int) -> None:
        """An alert was held back until now, unless it is to be held back for longer."""
        group, alert = nudge.group, nudge.group.alerts.get(nudge.fingerprint)
        (group.nudges or set()).discard(nudge.fingerprint)
        if alert is None or group.is_gone:
            return
        rests_until = self.responder.rests_until(alert, now)
        if rests_until > now:
            self._nudge_at(group, nudge.fingerprint, rests_until)
            return
        self.turn_at(group, now)
        self._climbs.look_at_all(now, (nudge.fingerprint,))

    def _turn(self, group: Group, now: int, due: list[Delivery]) -> None:
        options = group.route.options
        group.next_at = now + options.group_interval
        group.has_flushed = True
        group.is_late = False
        self._schedule(group.next_at, group)
        if not group.alerts:
            return
        ordered = sorted(group.alerts.values(), key=lambda alert: alert_order(alert.labels))
        if not self.responder.is_idle:
            ordered = [self.responder.look(alert, now) for alert in ordered]
        resolved = tuple(alert for alert in ordered if alert.resolved_at(now))
        group.flush = Flush(now, now + max(options.group_interval, MIN_TIMEOUT), resolved)
        # One more than there are integrations, so that the turn is not over before all have begun.
        group.flush.waiting = 1
        told = self.mutes.unmuted(group, ordered, now)
        if group.due_since is not None:
            told = self._wanted(group, told, now)
        if told:
            for integration in self.configuration.receivers[options.receiver]:
                self._begin(group, group.flush, integration, told, now, due)
        self._finished(group, group.flush, now, failed=False)

    def _wanted(self, group: Group, alerts: tuple[Alert, ...], now: int) -> tuple[Alert, ...]:
        """Of an escalation: what was acknowledged before a receiver heard of it does not concern it."""
        believed = self.believed(group.key, group.route.options.receiver)
        return tuple(
            alert
            for alert in alerts
            if alert.fingerprint in believed or not (alert.ends_at or self.responder.acknowledgement(alert, now))
        )

    def _begin(
        self,
        group: Group,
        flush: Flush,
        integration: Integration,
        alerts: tuple[Alert, ...],
        now: int,
        due: list[Delivery],
    ) -> None:
        firing = frozenset(alert.fingerprint for alert in alerts if not alert.ends_at)
        resolved = frozenset(alert.fingerprint for alert in alerts if alert.ends_at)
        send_resolved = integration.config.send_resolved
        entry = self._log.get(group.key, integration.key)
        repeat = group.route.options.repeat_interval
        if group.due_since is not None or not self.responder.is_idle:
            repeat = self.responder.repeat_interval(alerts, now, repeat, group.due_since)
        if not is_due(entry, firing, resolved, now=now, repeat_interval=repeat, send_resolved=send_resolved):
            return
        if (group.key, integration.key) in self._under_way:
            # Begun before a reload; whether it is still due is known when it is settled.
            flush.failed = True
            group.next_at = now + _SECOND
            self._schedule(group.next_at, group)
            return
        if not send_resolved and not firing:
            self._note(group, flush, integration.key, firing, resolved, now)
            return
        batch = Batch(
            receiver=group.route.options.receiver,
            integration=integration.key,
            group_key=group.key,
            group_labels=group.labels,
            alerts=alerts if send_resolved else tuple(alert for alert in alerts if not alert.ends_at),
            at=now,
        )
        doubtful = self._in_doubt.pop((group.key, integration.key), None)
        if doubtful is not None and (doubtful.firing, doubtful.resolved) == (firing, resolved):
            batch = replace(batch, in_doubt=True)
        delivery = Delivery(group, flush, batch, firing, resolved)
        flush.waiting += 1
        self._state.about_to_send(Attempt(group.key, integration.key, now, firing, resolved))
        self._attempt_at(delivery, now, now, due)

    def _attempt_at(self, delivery: Delivery, at: int, now: int, due: list[Delivery]) -> None:
        """Attempt a delivery at that time, when the other side wants to be asked again; or give it up at its end."""
        at = max(at, self._resting.get(delivery.batch.integration, 0))
        if at > now:
            delivery.try_at = min(at, delivery.deadline)
            self._schedule(delivery.try_at, delivery)
            return
        delivery.attempt += 1
        delivery.attempted_at = now
        delivery.batch = replace(delivery.batch, attempt=delivery.attempt)
        delivery.is_under_way = True
        self._under_way[delivery.key] = delivery
        due.append(delivery)

    def _retry(self, delivery: Delivery, now: int, due: list[Delivery]) -> None:
        if now >= delivery.deadline:
            self._give_up(delivery, now)
        else:
            self._attempt_at(delivery, now, now, due)

    # What escalations ask: see ``response.climb.Ground``.

    def tellable(self, group: Group, now: int) -> list[Alert]:
        """The alerts of a group that fire and may be told now, as they are told."""
        shown = [self.responder.look(alert, now) for alert in group.alerts.values()]
        return [alert for alert in self.mutes.unmuted(group, shown, now) if not alert.ends_at]

    def open_group(self, route: Route, labels: Labels, now: int) -> Group | None:
        """The same, made if it is not there; None if nobody knows the route's receiver any more."""
        if route.options.receiver not in self.configuration.receivers:
            return None
        group = self._groups.get((route.id, labels))
        if group is None:
            group = self._groups[route.id, labels] = Group(route, labels, now)
        return group

    def turn_at(self, group: Group, at: int) -> None:
        """Let a group have its next turn then."""
        group.next_at = at
        self._schedule(at, group)

    def look_again_at(self, climb: Climb, at: int) -> None:
        """Let the climb be looked at then."""
        self._schedule(at, climb)

    def believed(self, group_key: str, receiver: str) -> frozenset[int]:
        """The alerts of a group of which a receiver was last told that they fire."""
        entries = (self._log.get(group_key, each.key) for each in self.configuration.receivers.get(receiver, ()))
        return frozenset().union(*(entry.firing for entry in entries if entry))

    # How it went.

    def settle(self, delivery: Delivery, result: Result, now: int) -> None:
        """An attempt is over: it has arrived, is to be tried again, or has failed for this turn of the group."""
        delivery.is_under_way = False
        del self._under_way[delivery.key]
        status = self._statuses.setdefault(delivery.batch.integration, IntegrationStatus())
        status.attempts += 1
        status.last_attempt_at = delivery.attempted_at
        status.last_duration = now - delivery.attempted_at
        status.last_error = delivery.last_error = result.error
        if result.delivered:
            status.sent += 1
            integration = delivery.batch.integration
            self._note(delivery.group, delivery.flush, integration, delivery.firing, delivery.resolved, now)
            self._finished(delivery.group, delivery.flush, now, failed=False)
            return
        if result.retry_after:
            self._resting[delivery.batch.integration] = now + result.retry_after
        if not result.retry or now >= delivery.deadline or delivery.group.is_gone:
            self._give_up(delivery, now)
            return
        wait = wait_after(delivery.attempt, self._jitter())
        rested = self._resting.get(delivery.batch.integration, 0)
        delivery.try_at = min(max(delivery.attempted_at + wait, rested, now), delivery.deadline)
        self._schedule(delivery.try_at, delivery)

    def _give_up(self, delivery: Delivery, now: int) -> None:
        self._statuses.setdefault(delivery.batch.integration, IntegrationStatus()).failed += 1
        self._state.not_sent(delivery.key)
        self._finished(delivery.group, delivery.flush, now, failed=True)

    def _note(
        self,
        group: Group,
        flush: Flush,
        integration: str,
        firing: frozenset[int],
        resolved: frozenset[int],
        now: int,
    ) -> None:
        entry = new_entry(
            group.key, integration, firing, resolved, now=now, repeat_interval=group.route.options.repeat_interval
        )
        self._state.sent(entry)
        self._log.put(entry)
        ended = (alert for alert in flush.resolved if alert.fingerprint in resolved)
        for alert in self.responder.ended(ended, self._alerts, now):
            self._dispatch(alert, now)

    def _finished(self, group: Group, flush: Flush, now: int, *, failed: bool) -> None:
        """One integration of a turn is done; after the last one the turn is over."""
        flush.waiting -= 1
        flush.failed |= failed
        if flush.waiting or group.flush is not flush:
            return
        group.flush = None
        if not flush.failed:
            group.forget(flush.resolved)
        if group.is_late and not group.is_gone:
            group.is_late = False
            group.next_at = now
            self._schedule(now, group)

    # Keeping house.

    def _maintain(self, now: int) -> None:
        self._maintain_at = now + _MAINTENANCE
        for key, group in list(self._groups.items()):
            if not group.alerts and group.flush is None:
                group.is_gone = True
                del self._groups[key]
        if self._climbs:
            self._climbs.end(now)
        if self._alerts:
            self._state.note_alive(now)
        if self._collect_at <= now:
            self._collect_at = now + _COLLECT
            self._collect(now)

    def _collect(self, now: int) -> None:
        waiting = {fingerprint for group in self._groups.values() for fingerprint in group.alerts}
        gone = [
            fingerprint
            for fingerprint, alert in self._alerts.items()
            if alert.resolved_at(now) and fingerprint not in waiting
        ]
        for fingerprint in gone:
            del self._alerts[fingerprint]
            self.silences.forget_alert(fingerprint)
        self.mutes.inhibitor.forget_resolved(now)
        if gone:
            self._state.drop_alerts(gone)
        if silences := self.silences.collect(now):
            self._state.drop_silences(silences)
        wanted = {group.key for group in self._groups.values() if self._keeps_log_of(group)}
        if entries := self._log.collect(now, wanted):
            self._state.drop_entries(entries)
        self.responder.collect(self._alerts, self._climbs.keys(), now)
        for key, attempt in list(self._in_doubt.items()):
            if attempt.at + _FORGET_DOUBT <= now:
                del self._in_doubt[key]
                self._state.not_sent(key)

    def _keeps_log_of(self, group: Group) -> bool:
        return bool(group.alerts) and (group.due_since is not None or self.responder.keeps_log_of(group.alerts))

    # What people do.

    def acknowledge(self, fingerprint: int, by: str, comment: str, now: int, until: int = 0) -> Acknowledgement:
        """Somebody takes care of an alert, until it ends or until then. Raises ``NotFound`` if it does not fire."""
        alert = self._alerts.get(fingerprint)
        shown = self.responder.shown(alert) if alert else None
        if shown is None or shown.resolved_at(now):
            text = fingerprint_text(fingerprint)
            raise NotFound(f"alert {text} does not fire", code="alert.not_found", hint="it may have ended already")
        given = Acknowledgement(fingerprint, shown.starts_at, by, comment, now, until)
        self.responder.acknowledge(given)
        self._climbs.look_at_all(now, (fingerprint,))
        return given

    def withdraw_acknowledgement(self, fingerprint: int, now: int) -> None:
        """Nobody takes care of an alert any more. Raises ``NotFound`` if nobody did."""
        self.responder.withdraw(fingerprint)
        self._climbs.look_at_all(now, (fingerprint,))

    def acknowledged(self, now: int) -> list[tuple[Alert, Acknowledgement]]:
        """The alerts that fire and are acknowledged, with who did; oldest acknowledgement first."""
        found = ((alert, self.responder.acknowledgement(alert, now)) for alert in self._alerts.values())
        return sorted(((alert, given) for alert, given in found if given), key=lambda pair: pair[1].at)

    # What others may see.

    def alerts(self, now: int) -> Iterator[Alert]:
        """The alerts that have not ended, by fingerprint."""
        for _, alert in sorted(self._alerts.items()):
            if not alert.ends_at or alert.ends_at >= now:
                yield alert

    def known_alerts(self) -> Iterable[Alert]:
        """All alerts that are not forgotten, ended ones among them."""
        return self._alerts.values()

    def status_of(self, alert: Alert, now: int) -> AlertStatus:
        """Whether an alert is told, as of now."""
        labels = dict(alert.labels)
        source = self.mutes.inhibitor.inhibited_by(labels, now)
        return AlertStatus(self.silences.silencing(alert.fingerprint, labels, now), () if source is None else (source,))

    def groups(self) -> list[Group]:
        """All groups that have alerts, in Alertmanager's order."""
        found = [group for group in self._groups.values() if group.alerts]
        return sorted(found, key=lambda group: (labels_order(group.labels), group.route.options.receiver))

    @staticmethod
    def in_order(alerts: Iterable[tuple[Alert, AlertStatus]]) -> list[tuple[Alert, AlertStatus]]:
        """Alerts in the order in which a notification has them."""
        return sorted(alerts, key=lambda each: alert_order(each[0].labels))

    def put_silence(self, silence: Silence, now: int) -> Silence:
        """Add or change a silence; see ``Silences.put``."""
        return self.silences.put(silence, now)

    def expire_silence(self, silence_id: str, now: int) -> None:
        """End a silence; see ``Silences.expire``."""
        self.silences.expire(silence_id, now)
        self._climbs.look_at_all(now)

    def last_told(self, group: Group, integration: str) -> Entry | None:
        """What an integration was last told of a group."""
        return self._log.get(group.key, integration)

    def statuses(self) -> Mapping[str, IntegrationStatus]:
        """How notifications have gone, by integration. May be asked from any thread, at any time."""
        return {key: replace(status) for key, status in list(self._statuses.items())}


def _believed(alert: Alert, alive_at: int, now: int, resolve_timeout: int) -> Alert:
    """A remembered alert as of now. One that fired when we died is not over because nobody could tell us of it."""
    if alive_at < alert.ends_at <= now and alert.ends_at > alert.updated_at:
        return replace(alert, ends_at=now + resolve_timeout, timeout=True)
    return alert
