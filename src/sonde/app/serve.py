"""Takes the settings, makes each stage, hands each what it asked for, and serves.

Start: lock the data directory, open the store, mend and insert what the last run left, open the ports. End, in
reverse, within ten seconds: no new requests, no new bodies, what waits is written and inserted, the engine is closed.
The main thread runs the event loop and nothing of the engine.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

import prometheus_client
import sqlalchemy as sa
import uvloop
from prometheus_client.registry import Collector
from starlette.types import ASGIApp

from sonde.app import response
from sonde.app.alerting import AlertingMetrics, Alertings, Means
from sonde.app.companions import Beside, companions
from sonde.app.files import Files
from sonde.app.health import DiskMetrics, Health
from sonde.app.messages import Messages
from sonde.app.response import Responding
from sonde.app.rules import Rulers, RuleSources
from sonde.app.storage import maintenance, open_ingest, open_store, resident, sweep
from sonde.config.collectors import collectors
from sonde.config.settings import Settings, refuse_open_door
from sonde.config.values import Address, format_duration
from sonde.errors import Conflict, SondeError
from sonde.notify.alertmanagers.sender import AlertmanagerSender
from sonde.notify.alertmanagers.several import Several
from sonde.notify.notifier import Describe
from sonde.query.adhoc import Gate
from sonde.receivers.consumer import Consumer
from sonde.receivers.in_flight import InFlight
from sonde.receivers.otlp import grpc as otlp_grpc
from sonde.receivers.otlp import http as otlp_http
from sonde.receivers.prometheus import remote_write
from sonde.receivers.prometheus.scrape.scraper import Scraper
from sonde.receivers.prometheus.write_labels import LabelLimits
from sonde.receivers.prometheus.write_limit import LimitedConsumer, LimitedWrites
from sonde.receivers.receiver import Receiver
from sonde.rules.view import View
from sonde.state.database import open_database
from sonde.state.notifications import History
from sonde.store.active_series import ActiveSeries
from sonde.store.client import Limits
from sonde.store.embedded import EmbeddedClickHouse
from sonde.store.ingest import Ingest
from sonde.store.lock import DirectoryLock
from sonde.store.opening import Opened
from sonde.store.pool import AsyncStore
from sonde.store.rollups import Rollups
from sonde.store.self_metrics import IngestMetrics
from sonde.web import alerting, alertmanager, ruler
from sonde.web.api import automation, digest, heartbeat, receivers, slos
from sonde.web.app import create_app
from sonde.web.auth import Authenticator
from sonde.web.drop_in import ORIGINALS, DropIn
from sonde.web.keyring import Keyring
from sonde.web.prometheus.configured import Configured
from sonde.web.serving import DRAIN_SECONDS, listen, serving
from sonde.web.surroundings import Surroundings

logger = logging.getLogger(__name__)

_IN_FLIGHT_BYTES = 256 << 20
_OPEN_FILES = 65_536


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

        opened, store, ingest, rollups = await _open(stack, settings)
        authenticator = Authenticator(keyring, on_loopback=not settings.open_doors, now=time.time)
        receiver = Receiver(
            ingest, authenticator, InFlight(_IN_FLIGHT_BYTES), limit_bytes=settings.limits.max_body_bytes
        )
        otlp = otlp_http.application(receiver)
        active = _active_series(stack, settings, store)
        writes = LimitedWrites(active, receiver.threads) if active else None
        limited = LimitedConsumer(ingest, writes) if writes else ingest
        limits = Limits(
            execution_seconds=settings.limits.query_timeout.total_seconds(),
            memory_bytes=settings.limits.query_memory,
            result_rows=settings.limits.query_rows,
        )
        recent = resident(opened)
        sources = RuleSources(store, Gate(store), limited, limits, state, recent)
        url = _external_url(settings, ui_socket)
        health = Health(
            settings.data,
            ingest,
            lambda: (*opened.messages, *files.messages(), *(active.messages() if active else ())),
        )
        around = _Around(settings, state, sources, url, health.obstacles)
        files, messages, history = _files(stack, around)
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
                limits=limits,
                resident=recent,
            ),
            Configured(
                targets=files.scraper,
                rules=View(lambda: files.rulers.runners),
                alertmanagers=files.sender,
                configuration=lambda: files.configs.text,
                reload=files.reload,
                maintenance=maintenance(settings, opened, ingest, rollups),
                retention=format_duration(settings.retention.metrics),
            ),
            _alerting(files, messages, history, url),
        )
        app.mount("/otlp", otlp)
        app.mount("/prometheus/api/v1/otlp", otlp)
        bounds = settings.limits.metrics
        labels = LabelLimits(bounds.labels_per_series, bounds.label_name_bytes, bounds.label_value_bytes)
        app.mount("/prometheus/api/v1", remote_write.application(receiver, labels=labels, limited=writes))
        await files.start()
        files.reload_on_hangup()
        await stack.enter_async_context(serving(app, ui_socket))
        await stack.enter_async_context(serving(otlp, otlp_socket))
        grpc_server = await otlp_grpc.start(receiver, settings.otlp_grpc.host, settings.otlp_grpc.port)
        stack.push_async_callback(grpc_server.stop, DRAIN_SECONDS)
        if settings.drop_in:
            await _open_originals(stack, app, settings.listen.host, _port(ui_socket))
        health.started = True

        ui = Address(settings.listen.host, _port(ui_socket))
        otlp_address = Address(settings.otlp_http.host, _port(otlp_socket))
        grpc_address = Address(settings.otlp_grpc.host, grpc_server.port)
        logger.info("Sonde is ready: UI and API %s, OTLP %s (HTTP) and %s (gRPC)", ui.url, otlp_address, grpc_address)
        stack.enter_context(companions(beside, settings.data, otlp_address.url, ui.url, stop))
        await stop.wait()
        logger.info("Sonde is stopping")


async def _open(stack: AsyncExitStack, settings: Settings) -> tuple[Opened, AsyncStore, Ingest, Rollups]:
    """The store and the way into it, with what keeps them in order."""
    opened = await asyncio.to_thread(open_store, settings)
    stack.push_async_callback(asyncio.to_thread, opened.client.close)
    store = AsyncStore(opened.client, threads=max(4, settings.engine.threads))
    stack.push_async_callback(asyncio.to_thread, store.close)
    ingest = await asyncio.to_thread(open_ingest, settings, opened)
    stack.push_async_callback(asyncio.to_thread, ingest.close)
    ingest.start()
    _collect(stack, IngestMetrics(ingest))
    _collect(stack, DiskMetrics(settings.data))
    rollups = Rollups(opened.client)
    stack.enter_context(_repeating("retention", 600, sweep(settings, opened), at_once=True))
    stack.enter_context(_repeating("rollups", 600, lambda: rollups.run_once(datetime.now(UTC))))
    if isinstance(opened.client, EmbeddedClickHouse):
        stack.enter_context(_repeating("memory", 60, opened.client.release_memory))
    return opened, store, ingest, rollups


def _external_url(settings: Settings, ui_socket: socket.socket) -> str:
    """Where people reach us."""
    return settings.external_url.rstrip("/") or Address(settings.listen.host, _port(ui_socket)).url


@dataclass(frozen=True, slots=True)
class _Around:
    """What scraping, rules and alerting share."""

    settings: Settings
    state: sa.Engine
    sources: RuleSources
    external_url: str
    obstacles: Callable[[], Sequence[str]]


def _files(stack: AsyncExitStack, around: _Around) -> tuple[Files, Messages, History]:
    """Scraping, rules and alerting, of which nothing has begun."""
    settings, state, sources, url = around.settings, around.state, around.sources, around.external_url
    history = History(state)
    messages = Messages(state, sources, url, time.time_ns, runbooks=settings.rules.runbooks)

    def describe(tenant: str) -> Describe:
        return messages.describe(tenant, alerts=alertings.current, runners=lambda: rulers.runners)

    alertings = Alertings(Means(state, time.time_ns, url, history, describe))
    stack.push_async_callback(alertings.stop)
    _collect(stack, AlertingMetrics(alertings))
    sender = AlertmanagerSender(tenant=settings.rules.tenant)
    stack.push_async_callback(sender.stop)
    rulers = Rulers(settings, sources, Several(alertings, sender), external_url=url)
    stack.push_async_callback(rulers.stop)
    responding = Responding(
        response.Around(
            state=state,
            data=settings.data,
            sources=sources,
            clients=alertings.clients,
            now=time.time_ns,
            external_url=url,
            tenant=settings.rules.tenant,
            history=history,
            runners=lambda: rulers.runners,
            obstacles=around.obstacles,
        )
    )
    stack.push_async_callback(responding.stop)
    scraper = _scraper(stack, settings, sources.consumer)
    return Files(settings, scraper, alertings, sender, rulers, responding), messages, history


def _alerting(files: Files, messages: Messages, history: History, url: str) -> alerting.Alerting:
    """What the web is given of rules and alerts."""
    responding, rulers = files.responding, files.rulers
    view = View(lambda: rulers.runners)
    return alerting.Alerting(
        alertmanager=alertmanager.Configured(
            files.alertings, time.time_ns, time.time_ns(), version=version("sonde"), reload=files.reload
        ),
        ruler=ruler.Configured(rulers),
        receivers=receivers.Sending(lambda _tenant: files.alertings.notifiers, history),
        slos=slos.Configured(rulers.objectives, view),
        heartbeats=heartbeat.Configured(responding.heartbeats),
        digest=digest.Configured(responding.questions, responding.zone, url),
        automation=automation.Configured(responding.automation),
        runbooks=messages.runbooks,
        graphs=messages.graphs,
        graph_links=messages.graph_links,
        now=time.time_ns,
    )


def _scraper(stack: AsyncExitStack, settings: Settings, consumer: Consumer) -> Scraper:
    """A scraper that has not begun."""
    interval = settings.collectors.interval // timedelta(milliseconds=1)
    watched = [(collector, interval) for collector in collectors(settings)]
    scraper = Scraper(consumer, settings.prometheus.tenant, collectors=watched)
    stack.push_async_callback(scraper.stop)
    return scraper


def _active_series(stack: AsyncExitStack, settings: Settings, store: AsyncStore) -> ActiveSeries | None:
    """Counts series for as long as the server runs, if there is a limit to them."""
    most = settings.limits.metrics.series
    if not most:
        return None
    active = ActiveSeries(store, most, now=time.time)
    counting = asyncio.create_task(active.keep_counting())
    stack.callback(counting.cancel)
    return active


@contextlib.contextmanager
def _repeating(name: str, seconds: float, work: Callable[[], object], *, at_once: bool = False) -> Iterator[None]:
    """Work on the store again and again, in a thread of its own."""
    done = threading.Event()

    def run() -> None:
        if not at_once:
            done.wait(seconds)
        while not done.is_set():
            try:
                work()
            except SondeError:
                if not done.is_set():  # else the engine was closed meanwhile
                    logger.exception("%s did not finish; it is tried again in %g s", name, seconds)
            done.wait(seconds)

    thread = threading.Thread(target=run, name=f"sonde-{name}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(DRAIN_SECONDS)


def _port(listening: socket.socket) -> int:
    return int(listening.getsockname()[1])


def _listen(stack: AsyncExitStack, address: Address, key: str) -> socket.socket:
    return listen(stack, address.host, address.port, name=f"{address} ({key})")


async def _open_originals(stack: AsyncExitStack, app: ASGIApp, host: str, ui_port: int) -> None:
    """The standard ports of the originals; one that is taken is reported and skipped."""
    for original in ORIGINALS:
        try:
            listening = _listen(stack, Address(host, original.port), "drop_in")
        except Conflict as error:
            logger.warning("%s' port is not opened: %s", original.name, error.message)
        else:
            await stack.enter_async_context(serving(DropIn(app, original, ui_port=ui_port), listening))
            logger.info("%s is at %s", original.name, Address(host, original.port))


def _collect(stack: AsyncExitStack, collector: Collector) -> None:
    prometheus_client.REGISTRY.register(collector)
    stack.callback(prometheus_client.REGISTRY.unregister, collector)


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
