"""What both front doors of OTLP share: one body, decoded, checked, handed to the ``Consumer``, counted.

``http`` and ``grpc`` call ``accept`` once they know who is calling, and turn its answer or its error into their own.
"""

from __future__ import annotations

import asyncio

from sonde.errors import TooLarge
from sonde.receivers.in_flight import Lease
from sonde.receivers.otlp.body import CheckedBody, check
from sonde.receivers.otlp.content import JSON, Content, decode
from sonde.receivers.otlp.refusal import TooManyFrames
from sonde.receivers.otlp.services import Service
from sonde.receivers.otlp.sift import MOST_FRAMES
from sonde.receivers.receiver import Receiver

_INLINE_BYTES = 256 * 1024
_INLINE_JSON_BYTES = 32 * 1024
_INLINE_FRAMES = 1_000
"""Beyond these a body is decoded in a thread. Below, the hop costs more than it gives."""


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
