"""What must come and whether it came: alerts and heartbeats and the time in, alerts about what is missing out.

Nothing here posts or asks what time it is; ``watch`` drives it. The last times are durable, and time in which we were
not there to take anything does not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Final

from sonde.errors import NotFound
from sonde.notify.alert import Alert, PostedAlert
from sonde.notify.ledger import Ledger
from sonde.notify.matchers import all_match
from sonde.notify.pipeline import Pipeline
from sonde.notify.response.watchdog import WATCHDOG, Expectation
from sonde.telemetry.duration import duration_text

_SECOND: Final = 10**9
_MINUTE: Final = 60 * _SECOND
_LOOK_EVERY: Final = 15 * _SECOND
_REPEAT_EVERY: Final = _MINUTE
_NOTE_ALIVE_EVERY: Final = 30 * _SECOND
_KEEP_EVERY: Final = _SECOND
_SHORTEST_ABSENCE: Final = 2 * _NOTE_ALIVE_EVERY
_ALIVE: Final = "alive"
_OF: Final = "watchdog/"


@dataclass(frozen=True, slots=True)
class Arrival:
    """What is known of one expectation. Times are Unix nanoseconds."""

    since: int
    """Since when it is waited for: its last arrival or its first configuration, later by our absence."""
    last_at: int = 0
    """When it last came; 0: never."""
    missing_at: int = 0
    """Since when it is missing; 0: it is not."""


class Arrivals:
    """The expectations of one tenant.

    Args:
        expectations: Of the response file.
        ledger: What earlier processes knew.
        now: The time at which it begins.
    """

    def __init__(self, expectations: Iterable[Expectation], ledger: Ledger, now: int) -> None:
        self._ledger = ledger
        known = ledger.load()
        self._arrivals = {
            name.removeprefix(_OF): Arrival(**document) for name, document in known.items() if name.startswith(_OF)
        }
        self._kept = dict(self._arrivals)
        alive_at = known[_ALIVE]["at"] if _ALIVE in known else now
        self._alive_at = 0
        self._told: dict[str, int] = {}
        self._came: set[str] = set()
        self._gone: list[Expectation] = []
        self.expectations: Mapping[str, Expectation] = {}
        self._excuse(alive_at, now)
        self.reload(expectations, now)

    def _excuse(self, alive_at: int, now: int) -> None:
        """What could not come because nobody was there is waited for as much longer; what was missing stays so."""
        absence = now - alive_at
        if absence <= _SHORTEST_ABSENCE:
            return
        for name, arrival in self._arrivals.items():
            if not arrival.missing_at:
                self._arrivals[name] = replace(arrival, since=min(arrival.since + absence, now))

    def reload(self, expectations: Iterable[Expectation], now: int) -> None:
        """Go on with other expectations. One that is missing and no longer expected is over."""
        before = self.expectations
        self.expectations = {each.name: each for each in expectations}
        self._gone += [
            each
            for name, each in before.items()
            if self._arrivals[name].missing_at
            and (name not in self.expectations or self.expectations[name].alert_labels != each.alert_labels)
        ]
        self._came &= self.expectations.keys()
        self._arrivals = {name: self._arrivals.get(name) or Arrival(now) for name in self.expectations}
        self._keep()
        self._next_at = now

    def heartbeat(self, name: str, now: int) -> None:
        """A heartbeat has come; durable within a second of another, else at once.

        Raises:
            NotFound: Nothing of that name is expected.
        """
        if name not in self.expectations:
            raise NotFound(
                f"no watchdog named {name} expects a heartbeat",
                code="watchdog_not_found",
                hint="it stands in `watchdogs` of the response file, with `expect`",
            )
        self._arrive(name, now, now)
        self._keep(only=name)

    def next_at(self) -> int:
        """When to look again; earlier is allowed."""
        return self._next_at

    def advance(self, alerts: Iterable[Alert], now: int) -> list[PostedAlert]:
        """Look at the alerts that there are; returns what is to be posted now: what is missing, and what has come."""
        for alert in alerts:
            labels = dict(alert.labels)
            for name, each in self.expectations.items():
                if each.matchers and WATCHDOG not in labels and all_match(each.matchers, labels):
                    self._arrive(name, min(alert.updated_at, now), now)
        for name, each in self.expectations.items():
            arrival = self._arrivals[name]
            if not arrival.missing_at and arrival.since + each.within <= now:
                self._arrivals[name] = replace(arrival, missing_at=arrival.since + each.within)
        self._keep()
        if self.expectations and self._alive_at + _NOTE_ALIVE_EVERY <= now:
            self._ledger.change({_ALIVE: {"at": now}})
            self._alive_at = now
        waiting = [
            arrival.since + self.expectations[name].within
            for name, arrival in self._arrivals.items()
            if not arrival.missing_at
        ]
        self._next_at = min([now + _LOOK_EVERY, *waiting])
        return [*self._over(now), *self._missing(now)]

    def _over(self, now: int) -> Iterator[PostedAlert]:
        """What need not be missed any more."""
        came = [self.expectations[name] for name in sorted(self._came)]
        for each in (*self._gone, *came):
            self._told.pop(each.name, None)
            last_at = self._arrivals[each.name].last_at if each.name in self._arrivals else 0
            yield _alert(each, last_at, now, ends_at=now)
        self._gone = []
        self._came.clear()

    def _missing(self, now: int) -> Iterator[PostedAlert]:
        """What is missing, told again and again as a rule's alert is."""
        for name, each in self.expectations.items():
            arrival = self._arrivals[name]
            if arrival.missing_at and self._told.get(name, 0) + _REPEAT_EVERY <= now:
                self._told[name] = now
                yield _alert(each, arrival.last_at, now, starts_at=arrival.missing_at)

    def arrivals(self) -> Mapping[str, Arrival]:
        """What is known, by the names of the watchdogs."""
        return dict(self._arrivals)

    def _arrive(self, name: str, at: int, now: int) -> None:
        known = self._arrivals[name]
        if at <= known.last_at or at + self.expectations[name].within <= now:
            return
        if known.missing_at:
            self._came.add(name)
            self._next_at = now
        self._arrivals[name] = Arrival(since=max(known.since, at), last_at=at)

    def _keep(self, only: str | None = None) -> None:
        """Make durable what has changed; what came twice within a second is kept once."""
        changes: dict[str, dict[str, int] | None] = {}
        for name, arrival in self._arrivals.items():
            kept = self._kept.get(name)
            if only not in {None, name} or kept == arrival:
                continue
            if kept is None or kept.missing_at != arrival.missing_at or arrival.since - kept.since >= _KEEP_EVERY:
                changes[_OF + name] = asdict(arrival)
        if only is None:
            changes |= {_OF + name: None for name in self._kept if name not in self._arrivals}
        if changes:
            self._ledger.change(changes)
            for key in changes:
                name = key.removeprefix(_OF)
                if name in self._arrivals:
                    self._kept[name] = self._arrivals[name]
                else:
                    self._kept.pop(name, None)


def present(pipeline: Pipeline, now: int, wanted: Iterable[Expectation]) -> list[Alert]:
    """The alerts of a pipeline that somebody waits for."""
    matchers = [each.matchers for each in wanted if each.matchers]
    if not matchers:
        return []
    return [
        alert
        for alert in pipeline.alerts(now)
        if any(all_match(each, labels) for labels in [dict(alert.labels)] for each in matchers)
    ]


def _alert(each: Expectation, last_at: int, now: int, *, starts_at: int = 0, ends_at: int = 0) -> PostedAlert:
    what = "No alert that fits" if each.matchers else "No heartbeat"
    last = f"It last came {duration_text((now - last_at) // _MINUTE * 60_000)} ago." if last_at else "It never came."
    annotations = {
        "summary": f"{each.name} is missing",
        "description": f"{what} has come within {duration_text(each.within // 10**6)}. {last}",
    }
    return PostedAlert(dict(each.alert_labels), annotations, starts_at, ends_at)
