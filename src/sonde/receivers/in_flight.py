"""The bound on body bytes that are in memory at once, over all receivers: overload is refused, never buffered.

A receiver takes bytes as they arrive and once more when they are decompressed, and gives all back with its answer.
"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from prometheus_client import Gauge

from sonde.errors import Unavailable

_HELD = Gauge("sonde_receivers_in_flight_bytes", "Bytes of bodies being received, decoded or stored right now")


class InFlight:
    """Bytes that may be held at once. One is shared by all receivers of a server; any thread may take.

    >>> in_flight = InFlight(limit_bytes=100)
    >>> with in_flight.lease() as lease:
    ...     lease.take(60)
    ...     in_flight.held_bytes
    60
    >>> in_flight.held_bytes
    0
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.held_bytes = 0
        self._lock = threading.Lock()

    def lease(self) -> Lease:
        """Open an account for one request; a context manager that gives back what was taken."""
        return Lease(self)

    def change(self, size_bytes: int) -> None:
        """Take (or, when negative, give back) bytes.

        Raises:
            Unavailable: The limit would be passed; nothing was taken.
        """
        with self._lock:
            if size_bytes > 0 and self.held_bytes + size_bytes > self.limit_bytes:
                raise Unavailable(
                    f"bodies of {self.held_bytes} bytes are being stored right now, of at most {self.limit_bytes}",
                    code="receivers.in_flight",
                    hint="send again a little later",
                    retry_after_seconds=1,
                )
            self.held_bytes += size_bytes
            _HELD.set(self.held_bytes)


class Lease:
    """What one request holds of the limit."""

    __slots__ = ("_in_flight", "_size_bytes")

    def __init__(self, in_flight: InFlight) -> None:
        self._in_flight = in_flight
        self._size_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._size_bytes:
            self._in_flight.change(-self._size_bytes)

    def take(self, size_bytes: int) -> None:
        """Hold this many bytes more.

        Raises:
            Unavailable: All receivers together would hold more than their limit.
        """
        if size_bytes:
            self._in_flight.change(size_bytes)
            self._size_bytes += size_bytes
