"""What the front doors of receivers share: who asks, where bodies go, what is too much, and how slow is too slow.

Each protocol reads, checks and answers in its own words; OTLP and Prometheus are given the same ``Receiver``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from sonde.errors import UserError
from sonde.receivers.consumer import Authenticate, Consumer
from sonde.receivers.in_flight import InFlight

LIMIT_BYTES = 64 * 1024 * 1024
"""Of one body, on the wire and decompressed; OTLP 1.11 recommends it."""

LEAST_BYTES_PER_SECOND = 128 * 1024
"""A sender that is slower for long is not served: it would hold bytes that others need."""


def _threads() -> ThreadPoolExecutor:
    """Few on purpose: what large bodies need while they are decoded is not counted as in flight."""
    return ThreadPoolExecutor(max_workers=2, thread_name_prefix="sonde-receiver")


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who asks, where bodies go, and what is too much. ``in_flight`` is shared by all receivers of a server."""

    consumer: Consumer
    authenticate: Authenticate
    in_flight: InFlight
    limit_bytes: int = LIMIT_BYTES
    read_timeout_seconds: float = 30.0
    threads: ThreadPoolExecutor = field(default_factory=_threads)


class SlowBody(UserError):
    """The sender took longer over its body than it may."""

    default_code = "request_timeout"
    http_status = 408


@contextlib.asynccontextmanager
async def read_timeout(receiver: Receiver, *, expected_bytes: int = 0) -> AsyncIterator[asyncio.Timeout]:
    """Bound the time in which a body must have arrived: what the receiver allows, and more for each byte of it.

    Bytes count when they are expected, or with ``extend`` as they arrive.

    Raises:
        SlowBody: It has not.
    """
    try:
        async with asyncio.timeout(receiver.read_timeout_seconds + expected_bytes / LEAST_BYTES_PER_SECOND) as deadline:
            yield deadline
    except TimeoutError:
        raise SlowBody(
            f"the body came too slowly: {receiver.read_timeout_seconds:g} seconds, and one more for each "
            f"{LEAST_BYTES_PER_SECOND} bytes, have passed",
            code="receivers.slow_body",
        ) from None


def extend(deadline: asyncio.Timeout, arrived_bytes: int) -> None:
    """Allow more time for the rest of a body, part of which has arrived."""
    when = deadline.when()
    if when is not None:
        deadline.reschedule(when + arrived_bytes / LEAST_BYTES_PER_SECOND)
