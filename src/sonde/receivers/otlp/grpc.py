"""OTLP over gRPC: the Export methods of the three services, fed with raw bytes.

Methods are registered as taking a stream, which on the wire is the same: so the metadata can be judged before a body is
read. gRPC's own protobuf decoding is switched off; ``receiver.accept`` checks the bytes as it does for HTTP.

Specification: https://opentelemetry.io/docs/specs/otlp/#otlpgrpc
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import unquote

import grpc

from sonde.errors import Conflict, InternalError, SondeError, UserError
from sonde.receivers import traffic
from sonde.receivers.otlp import answer
from sonde.receivers.otlp.content import PROTOBUF, Content
from sonde.receivers.otlp.receiver import accept
from sonde.receivers.otlp.services import BY_METHOD, Service
from sonde.receivers.receiver import Receiver, read_timeout

_PROTOCOL = "otlp_grpc"
_CONTENT = Content(PROTOBUF)
_CODES = {code.value[0]: code for code in grpc.StatusCode}
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Server:
    """A listening gRPC server."""

    port: int
    stop: Callable[[float], Awaitable[None]]
    """Take no new calls and give those under way this many seconds."""


async def start(receiver: Receiver, host: str, port: int) -> Server:
    """Listen on an address; port 0 takes a free one.

    Raises:
        Conflict: The address is taken or is not one of this machine.
    """
    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", receiver.limit_bytes),
            ("grpc.so_reuseport", 0),
            ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.keepalive_time_ms", 60_000),
            ("grpc.keepalive_timeout_ms", 20_000),
        ]
    )
    server.add_generic_rpc_handlers((_Handler(receiver),))
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        bound = server.add_insecure_port(address)
    except RuntimeError:
        raise Conflict(f"cannot listen on {address} for OTLP/gRPC", code="otlp.grpc_port") from None
    await server.start()
    return Server(bound, server.stop)


class _Handler(grpc.GenericRpcHandler):
    def __init__(self, receiver: Receiver) -> None:
        self._methods: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
            method: grpc.stream_unary_rpc_method_handler(_export(receiver, service))
            for method, service in BY_METHOD.items()
        }

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        return self._methods.get(handler_call_details.method)


def _export(receiver: Receiver, service: Service) -> Callable[..., Awaitable[bytes]]:
    async def export(_stream: object, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        try:
            metadata = {name: value for name, value in context.invocation_metadata() or () if isinstance(value, str)}
            identity = receiver.authenticate(metadata, peer=_host(context.peer()))
            async with read_timeout(receiver, expected_bytes=receiver.limit_bytes):
                raw = await _read(context)
            with receiver.in_flight.lease() as lease:
                lease.take(len(raw))
                checked = await accept(receiver, service, raw, _CONTENT, lease=lease, tenant=identity.tenant)
        except SondeError as error:
            await _abort(context, service, error)
        except Exception:
            logger.exception("OTLP/gRPC: a body of %s was not kept", service.signal)
            await _abort(context, service, InternalError("Sonde failed to keep this body; its log says why"))
        traffic.count_accepted(
            _PROTOCOL, service.signal, items=checked.items, rejected=checked.rejected, size_bytes=len(checked.body)
        )
        return answer.success(service, checked, PROTOBUF)

    return export


async def _read(context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
    raw = await context.read()
    if not isinstance(raw, bytes):
        raise UserError("the call has no message", code="otlp.no_message")
    return raw


async def _abort(context: grpc.aio.ServicerContext[bytes, bytes], service: Service, error: SondeError) -> NoReturn:
    traffic.count_refused(_PROTOCOL, service.signal, error)
    status = answer.status(error)
    code = _CODES.get(status.code, grpc.StatusCode.INTERNAL)
    details = (("grpc-status-details-bin", status.SerializeToString()),)
    await context.abort(code, status.message, trailing_metadata=details)


def _host(peer: str) -> str:
    """Take the address out of gRPC's peer.

    >>> _host("ipv4:127.0.0.1:50432"), _host("ipv6:%5B::1%5D:50432"), _host("unix:")
    ('127.0.0.1', '::1', '')
    """
    family, _, address = unquote(peer).partition(":")
    return address.rpartition(":")[0].strip("[]") if family.startswith("ipv") else ""
