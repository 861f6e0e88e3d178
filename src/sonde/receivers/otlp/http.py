"""OTLP over HTTP: a bare ASGI application for ``POST /v1/traces``, ``/v1/logs`` and ``/v1/metrics``.

A request's way: who is it, what does it say it is, is it too long, read, ``receiver.accept``, answer. Port 4318 serves
it alone; port 3000 mounts it below ``/otlp`` (``root_path`` is taken off). No framework: this is the hot path.

Specification: https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from sonde.errors import InternalError, NotFound, SondeError
from sonde.receivers import http, traffic
from sonde.receivers.http import Answer, Application, Disconnected, MethodNotAllowed, Receive, Scope, Send
from sonde.receivers.otlp import answer, content
from sonde.receivers.otlp.receiver import accept
from sonde.receivers.otlp.services import BY_PATH, Service
from sonde.receivers.receiver import Receiver

_PROTOCOL = "otlp_http"
logger = logging.getLogger(__name__)


def application(receiver: Receiver) -> Application:
    """Make the ASGI application of a receiver."""

    async def respond(scope: Scope, receive: Receive, send: Send) -> None:
        await _respond(receiver, scope, receive, send)

    return http.application(respond)


async def _respond(receiver: Receiver, scope: Scope, receive: Receive, send: Send) -> None:
    headers = http.headers_of(scope)
    media_type = content.answer_type(headers)
    path = http.path_of(scope)
    service = BY_PATH.get(path)
    try:
        response = await _export(receiver, _service(path, scope["method"]), headers, scope, receive)
    except Disconnected:
        if service is not None:
            traffic.count_refused(_PROTOCOL, service.signal, None)
        return
    except SondeError as error:
        response = _refuse(error, service, media_type)
    except Exception:
        logger.exception("OTLP/HTTP: a body for %s was not kept", path)
        response = _refuse(InternalError("Sonde failed to keep this body; its log says why"), service, media_type)
    await http.send_answer(send, response, media_type)


def _service(path: str, method: str) -> Service:
    service = BY_PATH.get(path)
    if service is None:
        raise NotFound(f"nothing is at {path}", code="otlp.path", hint=f"OTLP is at {', '.join(BY_PATH)}")
    if method != "POST":
        raise MethodNotAllowed(f"{path} does not take {method}", code="otlp.method", hint="send POST")
    return service


async def _export(
    receiver: Receiver, service: Service, headers: Mapping[str, str], scope: Scope, receive: Receive
) -> Answer:
    identity = receiver.authenticate(headers, peer=http.peer_of(scope))
    written = content.parse(headers)
    http.refuse_long(receiver, headers)
    with receiver.in_flight.lease() as lease:
        raw = await http.read(receiver, receive, lease)
        checked = await accept(receiver, service, raw, written, lease=lease, tenant=identity.tenant)
    traffic.count_accepted(
        _PROTOCOL, service.signal, items=checked.items, rejected=checked.rejected, size_bytes=len(checked.body)
    )
    return Answer(200, answer.success(service, checked, written.type))


def _refuse(error: SondeError, service: Service | None, media_type: str) -> Answer:
    if service is not None:
        traffic.count_refused(_PROTOCOL, service.signal, error)
    return Answer(error.http_status, answer.failure(error, media_type), http.headers_of_error(error))
