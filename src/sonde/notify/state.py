"""What outlives a restart, as a Protocol: alerts, silences, the notification log, and what was about to be sent.

``database_state`` keeps it in the state database; ``MemoryState`` forgets it with the process.

What is guaranteed, with a state that is durable when its methods return:

* An alert that was accepted (``POST`` answered 200) is known after ``kill -9``.
* A notification is noted *about to be sent* before its first byte leaves, and *sent* as soon as it has arrived,
  together with the new entry of the notification log, in one transaction. So after a restart nobody is told again
  within ``repeat_interval`` what the log has, and nobody is forgotten.
* Between "arrived" and "noted" lies a fraction of a millisecond, or as long as the other side takes to answer. A
  process that dies there cannot know whether it was heard. Then we send again rather than never: the batch says
  ``in_doubt`` and has the same ``key_hash`` and alerts, by which PagerDuty, Opsgenie and careful webhooks know it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from sonde.notify.alert import Alert
from sonde.notify.notification_log import Entry
from sonde.notify.silence import Silence
from sonde.state.alerting import Change, Kind

EntryKey = tuple[str, str]
"""Group key and integration."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A notification that is about to be sent."""

    group_key: str
    integration: str
    at: int
    firing: frozenset[int]
    resolved: frozenset[int]

    @property
    def key(self) -> EntryKey:
        """What it is found by."""
        return self.group_key, self.integration


@dataclass(frozen=True, slots=True)
class Remembered:
    """What an earlier process has left."""

    alerts: tuple[Alert, ...] = ()
    silences: tuple[Silence, ...] = ()
    entries: tuple[Entry, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    """About to be sent, and never noted as sent or failed."""
    alive_at: int = 0
    """When it was last seen alive."""
    documents: Mapping[Kind, Mapping[str, str]] = field(default_factory=dict)
    """What ``response`` remembers, as it was kept: by kind and key."""


class State(Protocol):
    """Keeps the state of one tenant. When a method returns, what it was given is durable."""

    def load(self) -> Remembered:
        """All that is kept."""
        ...

    def put_alerts(self, alerts: Iterable[Alert]) -> None:
        """Alerts that are new or have changed."""
        ...

    def drop_alerts(self, fingerprints: Iterable[int]) -> None:
        """Alerts that have ended and are told."""
        ...

    def put_silences(self, silences: Iterable[Silence]) -> None:
        """Silences that are new or have changed, all or none of them."""
        ...

    def drop_silences(self, silence_ids: Iterable[str]) -> None:
        """Silences that ended long ago."""
        ...

    def about_to_send(self, attempt: Attempt) -> None:
        """A notification is to leave now."""
        ...

    def sent(self, entry: Entry) -> None:
        """It has arrived: the log has the entry, the attempt is gone, and we live."""
        ...

    def not_sent(self, key: EntryKey) -> None:
        """It has not arrived, and is not tried again for now."""
        ...

    def drop_entries(self, keys: Iterable[EntryKey]) -> None:
        """Entries that have expired."""
        ...

    def note_alive(self, now: int) -> None:
        """We live: alerts that fire now were not forgotten by their senders."""
        ...

    def keep(self, changes: Iterable[Change]) -> None:
        """Documents of ``response`` that are new, have changed or go, all or none of them."""
        ...


@dataclass(slots=True)
class MemoryState:
    """A state that ends with the process; also what tests restart from."""

    alerts: dict[int, Alert] = field(default_factory=dict)
    silences: dict[str, Silence] = field(default_factory=dict)
    entries: dict[EntryKey, Entry] = field(default_factory=dict)
    attempts: dict[EntryKey, Attempt] = field(default_factory=dict)
    alive_at: int = 0
    documents: dict[Kind, dict[str, str]] = field(default_factory=dict)

    def load(self) -> Remembered:
        """See ``State``, as all below."""
        return Remembered(
            tuple(self.alerts.values()),
            tuple(self.silences.values()),
            tuple(self.entries.values()),
            tuple(self.attempts.values()),
            self.alive_at,
            {kind: dict(found) for kind, found in self.documents.items()},
        )

    def put_alerts(self, alerts: Iterable[Alert]) -> None:
        """Alerts that are new or have changed."""
        self.alerts.update((alert.fingerprint, alert) for alert in alerts)

    def drop_alerts(self, fingerprints: Iterable[int]) -> None:
        """Alerts that have ended and are told."""
        for fingerprint in fingerprints:
            self.alerts.pop(fingerprint, None)

    def put_silences(self, silences: Iterable[Silence]) -> None:
        """Silences that are new or have changed."""
        self.silences.update((silence.id, silence) for silence in silences)

    def drop_silences(self, silence_ids: Iterable[str]) -> None:
        """Silences that ended long ago."""
        for silence_id in silence_ids:
            self.silences.pop(silence_id, None)

    def about_to_send(self, attempt: Attempt) -> None:
        """A notification is to leave now."""
        self.attempts[attempt.key] = attempt

    def sent(self, entry: Entry) -> None:
        """It has arrived."""
        self.entries[entry.key] = entry
        self.attempts.pop(entry.key, None)
        self.alive_at = max(self.alive_at, entry.at)

    def not_sent(self, key: EntryKey) -> None:
        """It has not arrived."""
        self.attempts.pop(key, None)

    def drop_entries(self, keys: Iterable[EntryKey]) -> None:
        """Entries that have expired."""
        for key in keys:
            self.entries.pop(key, None)

    def note_alive(self, now: int) -> None:
        """We live."""
        self.alive_at = now

    def keep(self, changes: Iterable[Change]) -> None:
        """Documents of ``response``."""
        for kind, key, document in changes:
            if document is None:
                self.documents.get(kind, {}).pop(key, None)
            else:
                self.documents.setdefault(kind, {})[key] = document
