"""What changes the store as a whole, one at a time: deletes, cleaning, snapshots. ``app`` makes it, the admin API asks.

All of it blocks, and is for threads.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, Protocol

from sonde.errors import Unsupported
from sonde.store import deletion, snapshot
from sonde.store.client import Client
from sonde.store.deletion import Deletion
from sonde.telemetry.signal import Signal

METRICS: Final = (Signal.METRICS, Signal.PROMETHEUS)


class Inserts(Protocol):
    """What is inserted all the while; ``Ingest`` fits it."""

    def settle(self, signals: Iterable[Signal]) -> None:
        """Wait until all that was acknowledged so far is in the store."""
        ...

    def at_rest(self, signals: Iterable[Signal]) -> contextlib.AbstractContextManager[None]:
        """Within the block nothing is inserted."""
        ...


class Derived(Protocol):
    """What was computed from points and is read in their place: rollups."""

    def forget(self, deletion: Deletion) -> None:
        """Points were deleted. When this returns, nothing is read any more that still has them in it."""
        ...


class Maintenance:
    """The store, for administrators."""

    def __init__(self, client: Client, inserts: Inserts, *, data: Path | None, derived: Sequence[Derived] = ()) -> None:
        """``data`` is the data directory of an embedded engine; None for a ClickHouse server."""
        self._derived = tuple(derived)
        self._client = client
        self._inserts = inserts
        self._data = data
        self._one_at_a_time = threading.Lock()

    def settle(self) -> None:
        """Wait until all metrics that were acknowledged so far can be found, and so deleted."""
        self._inserts.settle(METRICS)

    def delete(self, deletions: Sequence[Deletion]) -> None:
        """Delete; when it returns, no query sees any of it. Cut off, it may be done in part: ask again."""
        with self._one_at_a_time:
            for each in deletions:
                deletion.delete_points(self._client, each.points)
                for derived in self._derived:
                    derived.forget(each)
            with self._inserts.at_rest(METRICS):
                for each in deletions:
                    deletion.delete_ended(self._client, each)

    def clean(self) -> None:
        """Free the disk space of what was deleted."""
        with self._one_at_a_time:
            deletion.clean(self._client)

    def snapshot(self, name: str, *, with_newest: bool = True) -> Path:
        """Keep all data as it is now below ``snapshots/name``; ``with_newest``: what is acknowledged, too.

        Raises:
            Unsupported: The store is a ClickHouse server.
        """
        if self._data is None:
            raise Unsupported(
                "snapshots of a ClickHouse server are not Sonde's to make; nothing was copied",
                hint="use the server's own BACKUP DATABASE",
            )
        if with_newest:
            self._inserts.settle(Signal)
        with self._one_at_a_time, self._inserts.at_rest(Signal):
            return snapshot.take(self._client, self._data, name)
