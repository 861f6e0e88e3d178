"""What receivers count about themselves, for ``/metrics``: bodies by outcome, items, bytes."""

from __future__ import annotations

import functools

from prometheus_client import Counter

from sonde.errors import SondeError
from sonde.telemetry.signal import Signal

_BODIES = Counter(
    "sonde_receivers_bodies", "Bodies that arrived, by what became of them", ["protocol", "signal", "outcome"]
)
_ITEMS = Counter("sonde_receivers_items", "Spans, log records and data points", ["protocol", "signal", "outcome"])
_BYTES = Counter("sonde_receivers_bytes", "Bytes of bodies handed on, without compression", ["protocol", "signal"])

ACCEPTED, REJECTED = "accepted", "rejected"


def count_accepted(protocol: str, signal: Signal, *, items: int, rejected: int, size_bytes: int) -> None:
    """Count a body that is kept, and what had to be taken out of it."""
    _child(_BODIES, protocol, signal, ACCEPTED).inc()
    _child(_ITEMS, protocol, signal, ACCEPTED).inc(items)
    _child(_BYTES, protocol, signal).inc(size_bytes)
    if rejected:
        _child(_ITEMS, protocol, signal, REJECTED).inc(rejected)


def count_refused(protocol: str, signal: Signal, error: SondeError | None) -> None:
    """Count a body of which nothing is kept; without an error, its sender went away."""
    _child(_BODIES, protocol, signal, error.default_code if error else "disconnected").inc()


@functools.cache
def _child(counter: Counter, *labels: str) -> Counter:
    return counter.labels(*labels)
