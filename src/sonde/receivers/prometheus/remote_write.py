"""Prometheus' remote write, versions 1.0 and 2.0: a bare ASGI application for ``POST /prometheus/api/v1/write``.

A request's way: who is it, which message and compression does it say, is it too long, read, undo snappy,
``write_check``, hand on to the ``Consumer``, answer. ``app`` mounts it at ``/prometheus/api/v1`` (``root_path`` is
taken off). Good series are kept beside bad ones; an answer of 400 then says what was rejected, and the headers
``X-Prometheus-Remote-Write-*-Written`` what was not.

Specifications: https://prometheus.io/docs/specs/prw/remote_write_spec/ and …/remote_write_spec_2_0/
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sonde.errors import InternalError, NotFound, SondeError, TooLarge, UnsupportedMedia
from sonde.receivers import http, snappy, traffic
from sonde.receivers.compression import decompress
from sonde.receivers.http import Answer, Application, Disconnected, MethodNotAllowed, Receive, Scope, Send
from sonde.receivers.prometheus.write_check import CONTENT_TYPES, CheckedWrite, check
from sonde.receivers.prometheus.write_labels import KnownLabels, LabelLimits
from sonde.receivers.prometheus.write_limit import LimitedWrites
from sonde.receivers.receiver import Receiver
from sonde.telemetry.signal import Signal

PATH: Final = "/write"
"""Below the place where the application is mounted."""
LIMIT_BYTES: Final = 32 * 1024 * 1024
"""Of one body without its compression, or the receiver's own limit if that is less. Prometheus sends 0.5 MB."""

_PROTOCOL: Final = "remote_write"
_TEXT: Final = "text/plain; charset=utf-8"
_MEDIA_TYPE: Final = "application/x-protobuf"
_VERSIONS: Final = {"": 1, "prometheus.WriteRequest": 1, "io.prometheus.write.v2.Request": 2}
_ENCODINGS: Final = {"": "snappy", "snappy": "snappy", "zstd": "zstd"}
_INLINE_BYTES: Final = 256 * 1024
"""Beyond this a body is checked in a thread. Below, the hop costs more than it gives."""
_WRITTEN: Final = (
    (b"x-prometheus-remote-write-samples-written", "samples"),
    (b"x-prometheus-remote-write-histograms-written", "histograms"),
    (b"x-prometheus-remote-write-exemplars-written", "exemplars"),
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Content:
    """How a body is written: the version of its message, and its compression."""

    version: int
    encoding: str


@dataclass(frozen=True, slots=True)
class _Door:
    receiver: Receiver
    known: KnownLabels
    limited: LimitedWrites | None


def application(
    receiver: Receiver, *, labels: LabelLimits = LabelLimits(), limited: LimitedWrites | None = None
) -> Application:
    """Make the ASGI application of a receiver; ``limited`` if tenants may have so many series and no more."""
    door = _Door(receiver, KnownLabels(limits=labels), limited)

    async def respond(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await _answer(door, scope, receive)
        except Disconnected:
            traffic.count_refused(_PROTOCOL, Signal.PROMETHEUS, None)
            return
        await http.send_answer(send, answer, _TEXT)

    return http.application(respond)


def parse_content(headers: Mapping[str, str]) -> Content:
    """Read ``content-type`` and ``content-encoding``; what is left out is version 1 and snappy, as old senders mean it.

    Raises:
        UnsupportedMedia: Nobody here reads that.

    >>> parse_content({"content-type": "application/x-protobuf;proto=io.prometheus.write.v2.Request"})
    Content(version=2, encoding='snappy')
    """
    written = headers.get("content-type", "") or _MEDIA_TYPE
    media, *parameters = (part.strip() for part in written.split(";"))
    named = dict(parameter.partition("=")[::2] for parameter in parameters)
    version = _VERSIONS.get(named.get("proto", "").strip('"'))
    if media.lower() != _MEDIA_TYPE or version is None:
        raise UnsupportedMedia(
            f"content-type {written!r} is not read here",
            code="remote_write.content_type",
            hint=f"send {CONTENT_TYPES[1]} or {CONTENT_TYPES[2]}",
        )
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding not in _ENCODINGS:
        raise UnsupportedMedia(
            f"content-encoding {encoding!r} is not read here", code="remote_write.content_encoding", hint="send snappy"
        )
    return Content(version, _ENCODINGS[encoding])


async def _answer(door: _Door, scope: Scope, receive: Receive) -> Answer:
    try:
        _refuse_other_places(http.path_of(scope), scope["method"])
        return await _write(door, http.headers_of(scope), scope, receive)
    except Disconnected:
        raise
    except SondeError as error:
        return _refuse(error)
    except Exception:
        logger.exception("remote write: a body was not kept")
        return _refuse(InternalError("Sonde failed to keep this body; its log says why"))


def _refuse_other_places(path: str, method: str) -> None:
    if path != PATH:
        raise NotFound(f"nothing is at {path}", code="remote_write.path", hint=f"remote write is at {PATH}")
    if method != "POST":
        raise MethodNotAllowed(f"{path} does not take {method}", hint="send POST")


async def _write(door: _Door, headers: Mapping[str, str], scope: Scope, receive: Receive) -> Answer:
    receiver = door.receiver
    identity = receiver.authenticate(headers, peer=http.peer_of(scope))
    content = parse_content(headers)
    http.refuse_long(receiver, headers)
    with receiver.in_flight.lease() as lease:
        raw = await http.read(receiver, receive, lease)
        checked = await _check(door, raw, content)
        if door.limited is not None:
            checked = await door.limited.admitted(checked, identity.tenant)
        lease.take(len(checked.body))
        if checked.body:
            await receiver.consumer.consume(Signal.PROMETHEUS, checked.body, tenant=identity.tenant)
    traffic.count_accepted(
        _PROTOCOL, Signal.PROMETHEUS, items=checked.items, rejected=checked.rejected, size_bytes=len(checked.body)
    )
    status = 400 if checked.message else 204
    return Answer(status, checked.message.encode(), _written(checked))


async def _check(door: _Door, raw: bytes, content: Content) -> CheckedWrite:
    limit_bytes = min(LIMIT_BYTES, door.receiver.limit_bytes)

    def read(limit_bytes: int) -> CheckedWrite:
        if content.encoding == "snappy":
            plain = snappy.decompress(raw, limit_bytes)
        else:
            plain = decompress(raw, content.encoding, limit_bytes)
        return check(content.version, plain, door.known)

    if len(raw) <= _INLINE_BYTES:
        try:
            return read(min(_INLINE_BYTES, limit_bytes))
        except TooLarge:
            pass  # more than it looked like: once more, with time
    return await asyncio.get_running_loop().run_in_executor(door.receiver.threads, read, limit_bytes)


def _written(checked: CheckedWrite) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((header, str(getattr(checked, name)).encode()) for header, name in _WRITTEN)


def _refuse(error: SondeError) -> Answer:
    traffic.count_refused(_PROTOCOL, Signal.PROMETHEUS, error)
    text = f"{error.message}; {error.hint}" if error.hint else error.message
    return Answer(error.http_status, text.encode(), (*_written(CheckedWrite(b"")), *http.headers_of_error(error)))
