"""A server with Alertmanager's API alone, on a loopback port: a real pipeline on a real state database."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from sonde.notify.configuration import parse_configuration
from sonde.notify.database_state import DatabaseState
from sonde.notify.notifier import Batch, Result
from sonde.notify.pipeline import Pipeline
from sonde.notify.run import Alerting
from sonde.state.database import open_database
from sonde.web.alertmanager import Configured, install
from sonde.web.app import NO_TELEMETRY
from sonde.web.auth import Authenticator
from sonde.web.keyring import Keyring
from sonde.web.surroundings import Surroundings


class Healthy:
    def obstacles(self) -> Sequence[str]:
        return ()


class Noted:
    """A notifier that remembers."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []

    async def notify(self, batch: Batch) -> Result:
        self.batches.append(batch)
        return Result()


class One:
    def __init__(self, alerting: Alerting) -> None:
        self._alerting = alerting

    def of(self, tenant: str) -> Alerting:
        return self._alerting


@contextlib.contextmanager
def serving(directory: Path, text: str) -> Iterator[tuple[str, Noted]]:
    """The address of the API, and what was told."""
    engine = open_database(directory)
    configuration = parse_configuration(text)
    noted = Noted()
    keyring = Keyring(engine, now=time.time)
    app = FastAPI(telemetry=NO_TELEMETRY)
    around: Any = Surroundings(
        store=None,  # type: ignore[arg-type]  # nothing here asks the store
        state=engine,
        keyring=keyring,
        authenticator=Authenticator(keyring, on_loopback=True, now=time.time),
        consumer=None,  # type: ignore[arg-type]
        health=Healthy(),  # type: ignore[arg-type]
        version="1",
        now_nano=time.time_ns,
    )
    app.state.surroundings = around
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))

    async def run() -> None:
        alerting = Alerting(
            Pipeline(configuration, DatabaseState(engine), time.time_ns()),
            {integration.key: noted for each in configuration.receivers.values() for integration in each},
            time.time_ns,
        )
        install(app, Configured(One(alerting), time.time_ns, time.time_ns(), "1"))
        clock = asyncio.create_task(alerting.run())
        await server.serve()
        clock.cancel()
        await asyncio.gather(clock, return_exceptions=True)

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/alertmanager", noted
    finally:
        server.should_exit = True
        thread.join()
        engine.dispose()
