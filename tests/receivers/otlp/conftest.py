"""A receiver on free loopback ports, over HTTP and gRPC, with a consumer that keeps what it is given in a list."""

from __future__ import annotations

import asyncio
import queue
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import uvicorn

from sonde.errors import Forbidden, Unauthorized
from sonde.receivers.in_flight import InFlight
from sonde.receivers.otlp import grpc as otlp_grpc
from sonde.receivers.otlp import http as otlp_http
from sonde.receivers.receiver import Receiver
from sonde.telemetry.signal import Signal
from sonde.telemetry.tenancy import DEFAULT_TENANT, TENANT_HEADER, Identity, Role, parse_tenant


@dataclass
class Recorder:
    """A Consumer for tests: keeps bodies, or raises what it is told to."""

    kept: list[tuple[Signal, bytes, str]] = field(default_factory=list)
    error: Exception | None = None
    gate: Callable[[], Awaitable[object]] | None = None

    async def consume(self, signal: Signal, body: bytes, *, tenant: str) -> None:
        if self.gate:
            await self.gate()
        if self.error:
            raise self.error
        self.kept.append((signal, body, tenant))

    @property
    def bodies(self) -> list[bytes]:
        return [body for _, body, _ in self.kept]


def authenticate(headers: Mapping[str, str], *, peer: str) -> Identity:
    """Lets everybody in, but for the key "nobody" (unknown) and the key "reader" (may not send)."""
    assert peer == "127.0.0.1"
    key = headers.get("authorization", "")
    if key == "Bearer nobody":
        raise Unauthorized("this key was not issued here", hint="make one with `sonde keys create`")
    if key == "Bearer reader":
        raise Forbidden("the key 'reader' may not send telemetry")
    return Identity(parse_tenant(headers.get(TENANT_HEADER, DEFAULT_TENANT)), Role.INGEST, "anyone")


@dataclass(frozen=True)
class Listening:
    """Both front doors, open for a whole test run."""

    recorder: Recorder
    receiver: Receiver
    http_port: int
    grpc_port: int


@pytest.fixture(scope="package")
def listening() -> Iterator[Listening]:
    """HTTP behind uvicorn, and gRPC, on one event loop in a thread, as `sonde serve` runs them."""
    recorder = Recorder()
    receiver = Receiver(recorder, authenticate, InFlight(limit_bytes=256 * 1024 * 1024))
    config = uvicorn.Config(otlp_http.application(receiver), log_config=None, access_log=False, lifespan="on")
    server = uvicorn.Server(config)
    grpc_port: queue.Queue[int] = queue.Queue()

    async def serve(listener: socket.socket) -> None:
        grpc_server = await otlp_grpc.start(receiver, "127.0.0.1", 0)
        grpc_port.put(grpc_server.port)
        await server.serve(sockets=[listener])
        await grpc_server.stop(1)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=lambda: asyncio.run(serve(listener)), daemon=True)
        thread.start()
        yield Listening(recorder, receiver, listener.getsockname()[1], grpc_port.get(timeout=20))
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture
def recorder(listening: Listening) -> Iterator[Recorder]:
    yield listening.recorder
    listening.recorder.kept.clear()
    listening.recorder.error = listening.recorder.gate = None


@pytest.fixture
def receiver(listening: Listening, recorder: Recorder) -> Iterator[Receiver]:
    yield listening.receiver
    assert listening.receiver.in_flight.held_bytes == 0


@pytest.fixture
def http_url(listening: Listening, receiver: Receiver) -> str:
    return f"http://127.0.0.1:{listening.http_port}"


@pytest.fixture
def grpc_address(listening: Listening, receiver: Receiver) -> str:
    return f"127.0.0.1:{listening.grpc_port}"


@pytest.fixture
def http_client(http_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=http_url, timeout=20) as client:
        yield client


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


async def call(
    app: otlp_http.Application,
    path: str,
    *pieces: bytes,
    method: str = "POST",
    root_path: str = "",
    ends: str = "http.request",
    headers: Mapping[str, str] | None = None,
) -> Answer | None:
    """Call an ASGI application with a body in pieces; None when it does not answer."""
    messages: list[dict[str, Any]] = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    if ends != "never":
        messages.append({"type": ends, "body": b"", "more_body": False})
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        if not messages:
            await asyncio.Event().wait()
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    raw_headers = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "root_path": root_path,
        "headers": raw_headers,
        "client": ("127.0.0.1", 50_000),
    }
    await app(scope, receive, send)
    if not sent:
        return None
    start, end = sent
    assert "more_body" not in end
    return Answer(start["status"], {name.decode(): value.decode() for name, value in start["headers"]}, end["body"])
