"""What every receiver asks of the rest of the house: who is calling, and where does a body go next.

``app`` decides which: the key store behind ``Authenticate``, the segment log behind ``Consumer``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from sonde.telemetry.signal import Signal
from sonde.telemetry.tenancy import Identity


class Consumer(Protocol):
    """Where a checked body goes: the segment log in the server, a list in a test."""

    async def consume(self, signal: Signal, body: bytes, *, tenant: str) -> None:
        """Keep one serialized request, of OTLP or of remote write, that has been checked already.

        Returns when the body is durable, and not before: the receiver then acknowledges it.

        Raises:
            Unavailable: Overload or a full disk; nothing was kept, and the sender may try again.
        """


class Authenticate(Protocol):
    """Who is calling. Asked before a body is read, so it costs a stranger nothing but headers."""

    def __call__(self, headers: Mapping[str, str], *, peer: str) -> Identity:
        """Tell the caller's identity from its headers (lower case; for gRPC the metadata) and its address.

        Runs on the event loop for every body, so it must not block.

        Raises:
            Unauthorized: No credentials, or credentials that nobody here issued.
            Forbidden: Good credentials that may not send, or not for this tenant.
            UserError: A tenant id that cannot be read.
        """
