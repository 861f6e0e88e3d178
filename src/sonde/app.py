"""The only file that knows everyone: takes the settings, makes each stage, hands each what it asked for, and serves.

Start: lock the data directory, open the store, mend and insert what the last run left, open the ports. End, in
reverse, within ten seconds: no new requests, no new bodies, what waits is written and inserted, the engine is closed.
The main thread runs the event loop and nothing of the engine.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import prometheus_client
import uvicorn
import uvloop
from starlette.types import ASGIApp

from sonde.config.prices import prices
from sonde.config.settings import Settings, refuse_open_door
from sonde.config.values import Address
from sonde.errors import Conflict, SondeError
from sonde.llm.inbox import LlmCalls
from sonde.receivers.in_flight import InFlight
from sonde.receivers.otlp import grpc as otlp_grpc
from sonde.receivers.otlp import http as otlp_http
from sonde.receivers.otlp.receiver import Receiver
from sonde.state.database import open_database
from sonde.store import retention
from sonde.store.client import Limits
from sonde.store.dialect import Cluster
from sonde.store.embedded import EngineCaps
from sonde.store.ingest import Ingest
from sonde.store.lock import DirectoryLock
from sonde.store.metric_names import MetricNames
from sonde.store.opening import Opened, open_embedded, open_server
from sonde.store.pool import AsyncStore
from sonde.store.segment_log import Durability, LogLimits
from sonde.store.self_metrics import IngestMetrics
from sonde.store.server import ServerAddress
from sonde.telemetry.signal import Signal
from sonde.web.app import create_app
from sonde.web.auth import Authenticator
from sonde.web.keyring import Keyring
from sonde.web.surroundings import Surroundings

logger = logging.getLogger(__name__)

# Prometheus' own names for the strategies
_METRIC_NAMES = {
    "UnderscoreEscapingWithSuffixes": MetricNames.UNDERSCORES,
    "NoUTF8EscapingWithSuffixes": MetricNames.UTF8_WITH_SUFFIXES,
    "NoTranslation": MetricNames.UNTOUCHED,
}
_SWEEP_SECONDS = 600
_DRAIN_SECONDS = 2.0
_IN_FLIGHT_BYTES = 256 << 20
_OPEN_FILES = 65_536


class Beside(Protocol):
    """Something that runs beside the server for as long as it runs, in a thread of its own: the demo."""

    def __call__(
        self,
        server_endpoint: str,
        data_dir: Path,
        *,
        ui_url: str,
        stop: threading.Event,
        say: Callable[[str], None],
    ) -> None:
        """Run until ``stop`` is set."""
        ...


def serve(settings: Settings, *, beside: Sequence[Beside] = ()) -> int:
    """Run Sonde until SIGINT or SIGTERM; returns the exit code. A second signal ends it at once.

    Raises:
        SondeError: it cannot start, and why: a port or the data directory is taken, the store is damaged or newer.
    """
    _raise_open_files()
    settings = settings.model_copy(update={"data": settings.data.resolve()})
    lock = DirectoryLock(settings.data)
    # The engine keeps a cache of schemas in the working directory, whatever its configuration says; and who started
    # the server somewhere may want to unmount that.
    os.chdir(settings.data)
    try:
        uvloop.run(_run(settings, beside))
    finally:
        lock.release()
    return 0


async def _run(settings: Settings, beside: Sequence[Beside]) -> None:
    stop = _stop_on_signals()
    async with AsyncExitStack() as stack:
        state = await asyncio.to_thread(open_database, settings.data)
        configured = settings.api_key.get_secret_value() if settings.api_key else None
        keyring = Keyring(state, now=time.time, configured=configured)
        refuse_open_door(settings, has_keys=not keyring.is_empty)
        # ports first: one that is taken is found before the store is opened
        ui_socket = _listen(stack, settings.listen, "listen")
        otlp_socket = _listen(stack, settings.otlp_http, "otlp_http")

        opened = await asyncio.to_thread(_open_store, settings)
        stack.push_async_callback(asyncio.to_thread, opened.client.close)
        store = AsyncStore(opened.client, threads=max(4, settings.engine.threads))
        stack.push_async_callback(asyncio.to_thread, store.close)
        ingest = await asyncio.to_thread(_open_ingest, settings, opened)
        stack.push_async_callback(asyncio.to_thread, ingest.close)
        ingest.start()
        _collect(stack, IngestMetrics(ingest))
        stack.enter_context(_sweeping(settings, opened))

        authenticator = Authenticator(keyring, on_loopback=not settings.open_doors, now=time.time)
        receiver = Receiver(
            ingest, authenticator, InFlight(_IN_FLIGHT_BYTES), limit_bytes=settings.limits.max_body_bytes
        )
        otlp = otlp_http.application(receiver)
        health = Health(settings.data, ingest, opened.messages)
        app = create_app(
            Surroundings(
                store=store,
                state=state,
                keyring=keyring,
                authenticator=authenticator,
                consumer=ingest,
                health=health,
                version=version("sonde"),
                now_nano=time.time_ns,
                is_stopping=stop.is_set,
                allowed_hosts=settings.allowed_hosts,
                limits=Limits(
                    execution_seconds=settings.limits.query_timeout.total_seconds(),
                    memory_bytes=settings.limits.query_memory,
                    result_rows=settings.limits.query_rows,
                ),
            )
        )
        app.mount("/otlp", otlp)
        await stack.enter_async_context(_serving(app, ui_socket))
        await stack.enter_async_context(_serving(otlp, otlp_socket))
        grpc_server = await otlp_grpc.start(receiver, settings.otlp_grpc.host, settings.otlp_grpc.port)
        stack.push_async_callback(grpc_server.stop, _DRAIN_SECONDS)
        if settings.drop_in:
            logger.warning(
                "drop_in has nothing to open yet: OTLP has its own ports, and no other protocol is served so far"
            )
        health.started = True

        ui = Address(settings.listen.host, ui_socket.getsockname()[1])
        otlp_address = Address(settings.otlp_http.host, otlp_socket.getsockname()[1])
        grpc_address = Address(settings.otlp_grpc.host, grpc_server.port)
        logger.info("Sonde is ready: UI and API %s, OTLP %s (HTTP) and %s (gRPC)", ui.url, otlp_address, grpc_address)
        stack.enter_context(_beside(beside, settings.data, otlp_address.url, ui.url, stop))
        await stop.wait()
        logger.info("Sonde is stopping")


@dataclass(slots=True)
class Health:
    """How the server is doing, for ``/readyz`` and ``/status``; fits ``web.surroundings.Health``."""

    data: Path
    ingest: Ingest
    messages: list[str]
    started: bool = False

    def obstacles(self) -> Sequence[str]:
        """Why data is not accepted just now."""
        return () if self.started else ("starting",)

    def status(self) -> Mapping[str, Any]:
        """What comes in, the disk, and what somebody should look at."""
        counts = self.ingest.counts()
        usage = shutil.disk_usage(self.data)
        messages = [{"severity": "warning", "text": text} for text in (*self.messages, *self.ingest.messages)]
        for name, count in counts.items():
            if count.writer.trouble:
                messages.append({"severity": "error", "text": f"{name} wait for the store: {count.writer.trouble}"})
            if count.writer.quarantined_frames:
                text = f"{count.writer.quarantined_frames} bodies of {name} could not be stored; they lie in quarantine"
                messages.append({"severity": "error", "text": text})
        return {
            "ingest": {
                name.value: {
                    "accepted_bodies": count.log.accepted,
                    "refused_bodies": count.log.refused,
                    "pending_bytes": count.log.pending_bytes,
                    "lag_seconds": round(count.writer.lag_seconds, 3),
                    "quarantined_frames": count.writer.quarantined_frames,
                }
                for name, count in counts.items()
            },
            "disk": {"free_bytes": usage.free, "total_bytes": usage.total},
            "messages": messages,
        }


def _open_store(settings: Settings) -> Opened:
    if settings.store.engine == "server":
        address = ServerAddress(settings.store.url, settings.store.user, settings.store.password.get_secret_value())
        return open_server(address, Cluster(settings.store.cluster) if settings.store.cluster else None)
    caps = EngineCaps(
        memory_bytes=settings.engine.memory,
        query_threads=settings.engine.threads,
        mark_cache_bytes=settings.engine.mark_cache,
        merge_threads=settings.engine.merge_threads,
        fsync=settings.durability == "power",
    )
    return open_embedded(settings.data, caps)


def _open_ingest(settings: Settings, opened: Opened) -> Ingest:
    return Ingest(
        settings.data,
        opened.client,
        derivations={Signal.TRACES: [LlmCalls(prices(settings))]},
        durability=Durability(settings.durability),
        metric_names=_METRIC_NAMES[settings.otlp.translation_strategy],
        limits=LogLimits(
            pending_bytes=settings.limits.max_pending_bytes,
            free_bytes=settings.limits.min_free_bytes,
        ),
    )


@contextlib.contextmanager
def _sweeping(settings: Settings, opened: Opened) -> Iterator[None]:
    """Retention, at start and every ten minutes, in a thread."""
    kept = settings.retention
    rules = {group: retention.Rule(getattr(kept, group), getattr(kept.max_bytes, group)) for group in retention.TABLES}
    done = threading.Event()

    def sweep() -> None:
        while not done.is_set():
            try:
                for partition in retention.sweep(opened.client, rules, datetime.now(UTC)):
                    logger.info("retention dropped %s of %s", partition.day, partition.table)
            except SondeError:
                logger.exception("retention did not finish; it is tried again in ten minutes")
            done.wait(_SWEEP_SECONDS)

    thread = threading.Thread(target=sweep, name="sonde-retention", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(_DRAIN_SECONDS)


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
async def _serving(app: ASGIApp, listening: socket.socket) -> AsyncIterator[None]:
    server = _Uvicorn(
        uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=int(_DRAIN_SECONDS),
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


@contextlib.contextmanager
def _beside(
    companions: Sequence[Beside], data: Path, endpoint: str, ui_url: str, stop: asyncio.Event
) -> Iterator[None]:
    """Run companions in threads; one that fails stops the server."""
    loop = asyncio.get_running_loop()
    ending = threading.Event()

    def run(companion: Beside) -> None:
        try:
            companion(endpoint, data, ui_url=ui_url, stop=ending, say=_say)
        except SondeError as error:
            _say(str(error))
            loop.call_soon_threadsafe(stop.set)

    threads = [threading.Thread(target=run, args=(companion,), name="sonde-beside") for companion in companions]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ending.set()
        for thread in threads:
            thread.join()


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - what a person who started us by hand reads


def _collect(stack: AsyncExitStack, collector: IngestMetrics) -> None:
    prometheus_client.REGISTRY.register(collector)
    stack.callback(prometheus_client.REGISTRY.unregister, collector)


def _listen(stack: AsyncExitStack, address: Address, key: str) -> socket.socket:
    """A listening socket, so that a port that is taken is said by name before anything else starts."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        listening = socket.create_server((address.host, address.port), family=family, backlog=1024)
    except OSError as error:
        raise Conflict(
            f"cannot listen on {address} ({key}): {error.strerror}",
            code="port_taken",
            hint="stop what listens there, or choose another address",
        ) from error
    stack.callback(listening.close)
    return listening


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def asked() -> None:
        if stop.is_set():
            os._exit(130)  # asked twice: what was acknowledged is in the segments
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked)
    return stop


def _raise_open_files() -> None:
    """The engine keeps hundreds of files open; take what the system allows."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
