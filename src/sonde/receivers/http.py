"""What receivers that are bare ASGI applications share: types, the reading of a body, and small answers.

No framework: this is the hot path. ``otlp.http`` and ``prometheus.remote_write`` are built on it.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from sonde.errors import SondeError, Unavailable, UserError
from sonde.receivers.compression import too_large
from sonde.receivers.in_flight import Lease
from sonde.receivers.receiver import Receiver, extend, read_timeout

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Respond = Callable[[Scope, Receive, Send], Awaitable[None]]


class MethodNotAllowed(UserError):
    """The path exists, but takes POST only."""

    default_code = "method_not_allowed"
    http_status = 405


class Disconnected(Exception):
    """The client went away before its body was whole."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: a status, a body, and headers beside its type and length."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()


def application(respond: Respond) -> Application:
    """Make an ASGI application of what answers its HTTP requests; it has no life span of its own and no web sockets."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await respond(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    return app


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def headers_of(scope: Scope) -> dict[str, str]:
    """The headers of a request; their names are lower case."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def path_of(scope: Scope) -> str:
    """The path of a request below the place where the application is mounted."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def peer_of(scope: Scope) -> str:
    """The address of the caller, or ""."""
    client = scope.get("client")
    return client[0] if client else ""


def refuse_long(receiver: Receiver, headers: Mapping[str, str]) -> None:
    """Refuse a body that says itself that it is too long, before any of it is read.

    Raises:
        TooLarge: It does.
    """
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length) > receiver.limit_bytes:
        raise too_large(receiver.limit_bytes, "on the wire")


async def read(receiver: Receiver, receive: Receive, lease: Lease) -> bytes:
    """The body of a request, all of which ``lease`` holds.

    Raises:
        Disconnected: The client is gone.
        TooLarge: It is longer than the receiver's limit.
        SlowBody: It did not come in time.
        Unavailable: Too much is in memory already.
    """
    parts: list[bytes] = []
    size_bytes = 0
    async with read_timeout(receiver) as deadline:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            part: bytes = message.get("body", b"")
            size_bytes += len(part)
            if size_bytes > receiver.limit_bytes:
                raise too_large(receiver.limit_bytes, "on the wire")
            lease.take(len(part))
            parts.append(part)
            if not message.get("more_body", False):
                return b"".join(parts)
            extend(deadline, len(part))


def headers_of_error(error: SondeError) -> tuple[tuple[bytes, bytes], ...]:
    """What HTTP wants beside an error's status.

    >>> headers_of_error(Unavailable("the disk is full", retry_after_seconds=29.5))
    ((b'retry-after', b'30'),)
    """
    if isinstance(error, Unavailable):
        return ((b"retry-after", str(max(1, math.ceil(error.retry_after_seconds))).encode()),)
    by_status = {401: (b"www-authenticate", b"Bearer"), 405: (b"allow", b"POST"), 408: (b"connection", b"close")}
    header = by_status.get(error.http_status)
    return (header,) if header else ()


async def send_answer(send: Send, answer: Answer, media_type: str) -> None:
    """Answer a request; without a body, as 204 wants it, there is no type of one either."""
    typed = [(b"content-type", media_type.encode())] if answer.status != 204 else []
    sized = [(b"content-length", str(len(answer.body)).encode())] if answer.status != 204 else []
    headers = [*typed, *sized, *answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
