"""Keeps the state of alerting in the state database: see ``state`` for what is promised, ``sonde.state`` for where."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

import sqlalchemy as sa

from sonde.notify.alert import Alert, fingerprint_text
from sonde.notify.notification_log import Entry
from sonde.notify.silence import Silence
from sonde.notify.state import Attempt, EntryKey, Remembered
from sonde.state.alerting import Change, Kind, change_documents, read_documents
from sonde.telemetry.matcher import Matcher
from sonde.telemetry.tenancy import DEFAULT_TENANT

_ALIVE: Final = ""
_OWN: Final = frozenset({Kind.ALERT, Kind.SILENCE, Kind.ENTRY, Kind.ATTEMPT, Kind.ALIVE})


class DatabaseState:
    """The state of one tenant. A method returns when its transaction is over.

    >>> from sonde.notify.alert import Alert
    >>> engine = sa.create_engine("sqlite://")
    >>> with engine.begin() as connection:
    ...     _ = connection.execute(
    ...         sa.text("CREATE TABLE alerting (tenant, kind, id, document, PRIMARY KEY (tenant, kind, id))")
    ...     )
    >>> state = DatabaseState(engine)
    >>> state.put_alerts([Alert((("alertname", "Down"),), starts_at=1)])
    >>> state.load().alerts[0].name
    'Down'
    >>> engine.dispose()
    """

    def __init__(self, engine: sa.Engine, tenant: str = DEFAULT_TENANT) -> None:
        self._engine = engine
        self._tenant = tenant

    def load(self) -> Remembered:
        """All that is kept; see ``State``, as for all below."""
        found = read_documents(self._engine, self._tenant)
        return Remembered(
            alerts=tuple(_alert(document) for document in _read(found[Kind.ALERT].values())),
            silences=tuple(_silence(document) for document in _read(found[Kind.SILENCE].values())),
            entries=tuple(Entry(**_with_sets(document)) for document in _read(found[Kind.ENTRY].values())),
            attempts=tuple(Attempt(**_with_sets(document)) for document in _read(found[Kind.ATTEMPT].values())),
            alive_at=int(found[Kind.ALIVE].get(_ALIVE, "0")),
            documents={kind: documents for kind, documents in found.items() if kind not in _OWN},
        )

    def put_alerts(self, alerts: Iterable[Alert]) -> None:
        """Alerts that are new or have changed."""
        self._change((Kind.ALERT, fingerprint_text(alert.fingerprint), _written(alert)) for alert in alerts)

    def drop_alerts(self, fingerprints: Iterable[int]) -> None:
        """Alerts that have ended and are told."""
        self._change((Kind.ALERT, fingerprint_text(fingerprint), None) for fingerprint in fingerprints)

    def put_silences(self, silences: Iterable[Silence]) -> None:
        """Silences that are new or have changed, all or none of them."""
        self._change((Kind.SILENCE, silence.id, _written(silence)) for silence in silences)

    def drop_silences(self, silence_ids: Iterable[str]) -> None:
        """Silences that ended long ago."""
        self._change((Kind.SILENCE, silence_id, None) for silence_id in silence_ids)

    def about_to_send(self, attempt: Attempt) -> None:
        """A notification is to leave now."""
        self._change([(Kind.ATTEMPT, _id(attempt.key), _written(attempt))])

    def sent(self, entry: Entry) -> None:
        """It has arrived."""
        self._change(
            [
                (Kind.ENTRY, _id(entry.key), _written(entry)),
                (Kind.ATTEMPT, _id(entry.key), None),
                (Kind.ALIVE, _ALIVE, str(entry.at)),
            ]
        )

    def not_sent(self, key: EntryKey) -> None:
        """It has not arrived."""
        self._change([(Kind.ATTEMPT, _id(key), None)])

    def drop_entries(self, keys: Iterable[EntryKey]) -> None:
        """Entries that have expired."""
        self._change((Kind.ENTRY, _id(key), None) for key in keys)

    def note_alive(self, now: int) -> None:
        """We live."""
        self._change([(Kind.ALIVE, _ALIVE, str(now))])

    def keep(self, changes: Iterable[Change]) -> None:
        """Documents of ``response``."""
        self._change(changes)

    def _change(self, changes: Iterable[Change]) -> None:
        change_documents(self._engine, self._tenant, changes)


def _id(key: EntryKey) -> str:
    return json.dumps(key)


def _read(documents: Iterable[str]) -> Iterator[dict[str, Any]]:
    return map(json.loads, documents)


def _written(thing: Any) -> str:
    """The fields as JSON; sets as sorted lists."""
    fields = {each.name: getattr(thing, each.name) for each in dataclasses.fields(thing)}
    return json.dumps(fields, default=_plain, separators=(",", ":"))


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else dataclasses.asdict(value)


def _pairs(pairs: list[list[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in pairs)


def _alert(document: dict[str, Any]) -> Alert:
    return Alert(**{**document, "labels": _pairs(document["labels"]), "annotations": _pairs(document["annotations"])})


def _silence(document: dict[str, Any]) -> Silence:
    return Silence(**{**document, "matchers": tuple(Matcher(**matcher) for matcher in document["matchers"])})


def _with_sets(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "firing": frozenset(document["firing"]), "resolved": frozenset(document["resolved"])}
