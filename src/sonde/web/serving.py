"""Applications on sockets: several servers in one event loop, which end when ``app`` says so."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from sonde.errors import Conflict

DRAIN_SECONDS: Final = 2.0
"""How long what runs may take to end."""


def listen(stack: AsyncExitStack, host: str, port: int, *, name: str) -> socket.socket:
    """A listening socket, which the stack closes: a port that is taken is said by name before anything else starts."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise Conflict(
            f"cannot listen on {name}: {error.strerror}",
            code="port_taken",
            hint="stop what listens there, or choose another address",
        ) from error
    stack.callback(listening.close)
    return listening


class _Uvicorn(uvicorn.Server):
    """Uvicorn without its own signal handlers: two of them run in one loop, and ``serve`` decides when they end."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(app: ASGIApp, listening: socket.socket) -> AsyncIterator[None]:
    """Serve an application on a socket, from when it answers until the block ends."""
    server = _Uvicorn(
        uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=int(DRAIN_SECONDS),
            timeout_keep_alive=75,
        )
    )
    task = asyncio.create_task(server.serve([listening]))
    try:
        listens = asyncio.create_task(server.listens.wait())
        await asyncio.wait({listens, task}, return_when=asyncio.FIRST_COMPLETED)
        yield
    finally:
        server.should_exit = True
        await task
