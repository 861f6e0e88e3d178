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

_INLINE_BYTES = 256 * 1024
_INLINE_JSON_BYTES = 32 * 1024
_INLINE_FRAMES = 1_000
"""Beyond these a body is decoded in a thread. Below, the hop costs more than it gives."""


def _threads() -> ThreadPoolExecutor:
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


class SlowBody(UserError):  # noqa: N818 - named like its siblings in errors.py
    """The sender took longer over its body than it may."""

    default_code = "request_timeout"
    http_status = 408


@contextlib.asynccontextmanager
async def read_timeout(receiver: Receiver) -> AsyncIterator[None]:
    """Bound the time in which a body must have arrived.

    Raises:
        SlowBody: It has not.
    """
    seconds = receiver.read_timeout_seconds
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise SlowBody(f"the body did not arrive within {seconds:g} seconds", code="otlp.slow_body") from None


async def accept(
    receiver: Receiver, service: Service, raw: bytes, content: Content, *, lease: Lease, tenant: str
) -> CheckedBody:
    """Keep one body: when this returns, what is not named as rejected is durable.

    Raises:
        UserError: Nothing was kept, for the reason given.
    """
    checked = await _read(receiver, service, raw, content, lease)
    if checked.items:
        await receiver.consumer.consume(service.signal, checked.body, tenant=tenant)
    return checked


async def _read(receiver: Receiver, service: Service, raw: bytes, content: Content, lease: Lease) -> CheckedBody:
    def read(limit_bytes: int, most_frames: int) -> CheckedBody:
        body = decode(service, raw, content, limit_bytes)
        if body is not raw:
            lease.take(len(body))
        return check(service.signal, body, most_frames=most_frames)

    inline_bytes = _INLINE_JSON_BYTES if content.type == JSON else _INLINE_BYTES
    if len(raw) <= inline_bytes:
        try:
            return read(min(inline_bytes, receiver.limit_bytes), _INLINE_FRAMES)
        except (TooLarge, TooManyFrames):
            pass  # more than it looked like: once more, with time
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(receiver.threads, read, receiver.limit_bytes, MOST_FRAMES)
