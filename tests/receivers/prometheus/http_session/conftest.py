"""Each test of this folder runs on both event loops: Sonde's own is uvloop, whose sockets and TLS are not asyncio's."""

from __future__ import annotations

import asyncio

import uvloop


def pytest_asyncio_loop_factories():
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
