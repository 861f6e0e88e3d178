"""What responses, watchdogs and digests remember across restarts: JSON documents by name, a ledger for each of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

import sqlalchemy as sa

from sonde.state.alerting import Kind, change_documents, read_documents
from sonde.telemetry.tenancy import DEFAULT_TENANT

Document = Mapping[str, Any]


class Ledger(Protocol):
    """Keeps documents. Both may block."""

    def load(self) -> Mapping[str, Document]:
        """All of them."""
        ...

    def change(self, changes: Mapping[str, Document | None]) -> None:
        """Put documents, and drop those that are None, all or none of them; durable when this returns."""
        ...


class MemoryLedger:
    """Remembers for as long as it lives: for tests, which hand it to the next process.

    >>> ledger = MemoryLedger()
    >>> ledger.change({"a": {"at": 1}, "b": {}})
    >>> ledger.change({"b": None})
    >>> ledger.load()
    {'a': {'at': 1}}
    """

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def load(self) -> Mapping[str, Document]:
        """See ``Ledger``."""
        return {name: json.loads(text) for name, text in self._texts.items()}

    def change(self, changes: Mapping[str, Document | None]) -> None:
        """See ``Ledger``."""
        for name, document in changes.items():
            if document is None:
                self._texts.pop(name, None)
            else:
                self._texts[name] = json.dumps(document)


class DatabaseLedger:
    """Keeps one kind of document of a tenant in the state database."""

    def __init__(self, engine: sa.Engine, kind: Kind, tenant: str = DEFAULT_TENANT) -> None:
        self._engine = engine
        self._kind = kind
        self._tenant = tenant

    def load(self) -> Mapping[str, Document]:
        """See ``Ledger``."""
        found = read_documents(self._engine, self._tenant)[self._kind]
        return {name: json.loads(text) for name, text in found.items()}

    def change(self, changes: Mapping[str, Document | None]) -> None:
        """See ``Ledger``."""
        change_documents(
            self._engine,
            self._tenant,
            (
                (self._kind, name, None if document is None else json.dumps(document))
                for name, document in changes.items()
            ),
        )
