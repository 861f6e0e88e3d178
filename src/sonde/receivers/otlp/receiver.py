"""What both front doors of OTLP share: one body, decoded, checked, handed to the ``Consumer``, counted.

``http`` and ``grpc`` call ``accept`` once they know who is calling, and turn its answer or its error into their own.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from sonde.errors import TooLarge, UserError
from sonde.receivers.consumer import Authenticate, Consumer
from sonde.receivers.in_flight import InFlight, Lease
from sonde.receivers.otlp.body import CheckedBody, check
from sonde.receivers.otlp.content import JSON, Content, decode
from sonde.receivers.otlp.refusal import TooManyFrames
from sonde.receivers.otlp.services import Service
from sonde.receivers.otlp.sift import MOST_FRAMES

LIMIT_BYTES = 64 * 1024 * 1024
"""Of one body, on the wire and decompressed; OTLP 1.11 recommends it."""

LEAST_BYTES_PER_SECOND = 128 * 1024
"""A sender that is slower for long is not served: it would hold bytes that others need."""

_INLINE_BYTES = 256 * 1024
_INLINE_JSON_BYTES = 32 * 1024
_INLINE_FRAMES = 1_000
"""Beyond these a body is decoded in a thread. Below, the hop costs more than it gives."""


def _threads() -> ThreadPoolExecutor:
    """Few on purpose: what large bodies need while they are decoded is not counted as in flight."""
    return ThreadPoolExecutor(max_workers=2, thread_name_prefix="sonde-otlp")


@dataclass(frozen=True, slots=True)
class Receiver:
    """The OTLP receiver: who asks, where bodies go, and what is too much. ``in_flight`` is shared with its siblings."""

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
            code="otlp.slow_body",
        ) from None


def extend(deadline: asyncio.Timeout, arrived_bytes: int) -> None:
    """Allow more time for the rest of a body, part of which has arrived."""
    when = deadline.when()
    if when is not None:
        deadline.reschedule(when + arrived_bytes / LEAST_BYTES_PER_SECOND)


async def accept(
    receiver: Receiver, service: Service, raw: bytes, content: Content, *, lease: Lease, tenant: str
) -> CheckedBody:
    """Keep one body: when this returns, what is not named as rejected is durable.

    Raises:
        UserError: Nothing was kept, for the reason given.
    """
    checked = await _read(receiver, service, raw, content)
    if checked.body is not raw:
        lease.take(len(checked.body))
    if checked.items:
        await receiver.consumer.consume(service.signal, checked.body, tenant=tenant)
    return checked


async def _read(receiver: Receiver, service: Service, raw: bytes, content: Content) -> CheckedBody:
    def read(limit_bytes: int, most_frames: int) -> CheckedBody:
        return check(service.signal, decode(service, raw, content, limit_bytes), most_frames=most_frames)

    inline_bytes = _INLINE_JSON_BYTES if content.type == JSON else _INLINE_BYTES
    if len(raw) <= inline_bytes:
        try:
            return read(min(inline_bytes, receiver.limit_bytes), _INLINE_FRAMES)
        except (TooLarge, TooManyFrames):
            pass  # more than it looked like: once more, with time
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(receiver.threads, read, receiver.limit_bytes, MOST_FRAMES)
