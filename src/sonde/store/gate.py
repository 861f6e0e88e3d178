"""A gate that inserts pass, and that maintenance closes to find tables at rest."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator


class Gate:
    """Open, any number pass at once. Who closes it waits for those inside; who comes then waits until it is open again.

    >>> gate = Gate()
    >>> with gate.passing(), gate.passing():
    ...     pass
    >>> with gate.closed():
    ...     pass
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._closers = 0

    @contextlib.contextmanager
    def passing(self) -> Iterator[None]:
        """Be inside, once it is open."""
        with self._changed:
            self._changed.wait_for(lambda: not self._closers)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextlib.contextmanager
    def closed(self) -> Iterator[None]:
        """Nobody is inside. Comes before all who have not passed yet, so it is not kept waiting by many inserts."""
        with self._changed:
            self._closers += 1
            self._changed.wait_for(lambda: not self._inside)
        try:
            yield
        finally:
            with self._changed:
                self._closers -= 1
                self._changed.notify_all()
