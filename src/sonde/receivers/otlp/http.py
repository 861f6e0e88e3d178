"""OTLP over HTTP: a bare ASGI application for ``POST /v1/traces``, ``/v1/logs`` and ``/v1/metrics``.

A request's way: who is it, what does it say it is, is it too long, read, ``receiver.accept``, answer. Port 4318 serves
it alone; port 3000 mounts it below ``/otlp`` (``root_path`` is taken off). No framework: this is the hot path.

Specification: https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from sonde.errors import InternalError, NotFound, SondeError, UserError
from sonde.receivers import traffic
from sonde.receivers.compression import too_large
from sonde.receivers.in_flight import Lease
from sonde.receivers.otlp import answer, content
from sonde.receivers.otlp.receiver import Receiver, accept, extend, read_timeout
from sonde.receivers.otlp.services import BY_PATH, Service

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_PROTOCOL = "otlp_http"
logger = logging.getLogger(__name__)


class MethodNotAllowed(UserError):
    """The path exists, but takes POST only."""

    default_code = "method_not_allowed"
    http_status = 405


class _Disconnected(Exception):
    pass


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


def application(receiver: Receiver) -> Application:
    """Make the ASGI application of a receiver."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await _respond(receiver, scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    return app


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _respond(receiver: Receiver, scope: Scope, receive: Receive, send: Send) -> None:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    media_type = content.answer_type(headers)
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    service = BY_PATH.get(path)
    try:
        response = await _export(receiver, _service(path, scope["method"]), headers, scope, receive)
    except _Disconnected:
        if service is not None:
            traffic.count_refused(_PROTOCOL, service.signal, None)
        return
    except SondeError as error:
        response = _refuse(error, service, media_type)
    except Exception:
        logger.exception("OTLP/HTTP: a body for %s was not kept", path)
        response = _refuse(InternalError("Sonde failed to keep this body; its log says why"), service, media_type)
    await _send(send, response, media_type)


def _service(path: str, method: str) -> Service:
    service = BY_PATH.get(path)
    if service is None:
        raise NotFound(f"nothing is at {path}", code="otlp.path", hint=f"OTLP is at {', '.join(BY_PATH)}")
    if method != "POST":
        raise MethodNotAllowed(f"{path} does not take {method}", code="otlp.method", hint="send POST")
    return service


async def _export(
    receiver: Receiver, service: Service, headers: Mapping[str, str], scope: Scope, receive: Receive
) -> _Answer:
    client = scope.get("client")
    identity = receiver.authenticate(headers, peer=client[0] if client else "")
    written = content.parse(headers)
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length) > receiver.limit_bytes:
        raise too_large(receiver.limit_bytes, "on the wire")
    with receiver.in_flight.lease() as lease:
        raw = await _read(receiver, receive, lease)
        checked = await accept(receiver, service, raw, written, lease=lease, tenant=identity.tenant)
    traffic.count_accepted(
        _PROTOCOL, service.signal, items=checked.items, rejected=checked.rejected, size_bytes=len(checked.body)
    )
    return _Answer(200, answer.success(service, checked, written.type))


async def _read(receiver: Receiver, receive: Receive, lease: Lease) -> bytes:
    parts: list[bytes] = []
    size_bytes = 0
    async with read_timeout(receiver) as deadline:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _Disconnected
            part: bytes = message.get("body", b"")
            size_bytes += len(part)
            if size_bytes > receiver.limit_bytes:
                raise too_large(receiver.limit_bytes, "on the wire")
            lease.take(len(part))
            parts.append(part)
            if not message.get("more_body", False):
                return b"".join(parts)
            extend(deadline, len(part))


def _refuse(error: SondeError, service: Service | None, media_type: str) -> _Answer:
    if service is not None:
        traffic.count_refused(_PROTOCOL, service.signal, error)
    headers: list[tuple[bytes, bytes]] = []
    if retry := answer.retry_after(error):
        headers.append((b"retry-after", retry.encode()))
    if error.http_status == 405:
        headers.append((b"allow", b"POST"))
    if error.http_status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if error.http_status == 408:
        headers.append((b"connection", b"close"))
    return _Answer(error.http_status, answer.failure(error, media_type), tuple(headers))


async def _send(send: Send, response: _Answer, media_type: str) -> None:
    headers = [
        (b"content-type", media_type.encode()),
        (b"content-length", str(len(response.body)).encode()),
        *response.headers,
    ]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
