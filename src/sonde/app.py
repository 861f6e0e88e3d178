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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import prometheus_client
import uvloop
from starlette.types import ASGIApp

from sonde.config.collectors import collectors
from sonde.config.prices import prices
from sonde.config.scraping import scrape_configs
from sonde.config.settings import Settings, refuse_open_door
from sonde.config.values import Address, format_duration
from sonde.errors import Conflict, SondeError, UserError
from sonde.llm.inbox import LlmCalls
from sonde.query.promql.clickhouse.resident import ResidentSamples
from sonde.receivers.consumer import Consumer
from sonde.receivers.in_flight import InFlight
from sonde.receivers.otlp import grpc as otlp_grpc
from sonde.receivers.otlp import http as otlp_http
from sonde.receivers.prometheus import remote_write
from sonde.receivers.prometheus.scrape.scraper import Scraper
from sonde.receivers.prometheus.scrape_config import ScrapeConfigs
from sonde.receivers.prometheus.write_labels import LabelLimits
from sonde.receivers.prometheus.write_limit import LimitedConsumer, LimitedWrites
from sonde.receivers.receiver import Receiver
from sonde.state.database import open_database
from sonde.store import retention
from sonde.store.active_series import ActiveSeries
from sonde.store.client import Limits
from sonde.store.dialect import Cluster
from sonde.store.embedded import EmbeddedClickHouse, EngineCaps
from sonde.store.ingest import Ingest
from sonde.store.lock import DirectoryLock
from sonde.store.maintenance import Maintenance
from sonde.store.metric_names import MetricNames
from sonde.store.opening import Opened, open_embedded, open_server
from sonde.store.pool import AsyncStore
from sonde.store.rollups import Rollups
from sonde.store.segment_log import Durability, LogLimits
from sonde.store.self_metrics import IngestMetrics
from sonde.store.server import ServerAddress
from sonde.telemetry.signal import Signal
from sonde.web.app import create_app
from sonde.web.auth import Authenticator
from sonde.web.drop_in import ORIGINALS, DropIn
from sonde.web.keyring import Keyring
from sonde.web.prometheus.configured import Configured
from sonde.web.serving import DRAIN_SECONDS, listen, serving
from sonde.web.surroundings import Surroundings

logger = logging.getLogger(__name__)

# Prometheus' own names for the strategies
_METRIC_NAMES = {
    "UnderscoreEscapingWithSuffixes": MetricNames.UNDERSCORES,
    "NoUTF8EscapingWithSuffixes": MetricNames.UTF8_WITH_SUFFIXES,
    "NoTranslation": MetricNames.UNTOUCHED,
}
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
        rollups = Rollups(opened.client)
        stack.enter_context(_repeating("retention", 600, _sweep(settings, opened), at_once=True))
        stack.enter_context(_repeating("rollups", 600, lambda: rollups.run_once(datetime.now(UTC))))
        if isinstance(opened.client, EmbeddedClickHouse):
            stack.enter_context(_repeating("memory", 60, opened.client.release_memory))

        authenticator = Authenticator(keyring, on_loopback=not settings.open_doors, now=time.time)
        receiver = Receiver(
            ingest, authenticator, InFlight(_IN_FLIGHT_BYTES), limit_bytes=settings.limits.max_body_bytes
        )
        otlp = otlp_http.application(receiver)
        active = _active_series(stack, settings, store)
        writes = LimitedWrites(active, receiver.threads) if active else None
        scraping = await _scraping(stack, settings, LimitedConsumer(ingest, writes) if writes else ingest)
        health = Health(
            settings.data,
            ingest,
            lambda: (*opened.messages, *scraping.messages(), *(active.messages() if active else ())),
        )
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
                resident=_resident(opened),
            ),
            Configured(
                targets=scraping.scraper,
                configuration=lambda: scraping.configs.text,
                reload=scraping.reload,
                maintenance=_maintenance(settings, opened, ingest, rollups),
                retention=format_duration(settings.retention.metrics),
            ),
        )
        app.mount("/otlp", otlp)
        app.mount("/prometheus/api/v1/otlp", otlp)
        bounds = settings.limits.metrics
        labels = LabelLimits(bounds.labels_per_series, bounds.label_name_bytes, bounds.label_value_bytes)
        app.mount("/prometheus/api/v1", remote_write.application(receiver, labels=labels, limited=writes))
        await stack.enter_async_context(serving(app, ui_socket))
        await stack.enter_async_context(serving(otlp, otlp_socket))
        grpc_server = await otlp_grpc.start(receiver, settings.otlp_grpc.host, settings.otlp_grpc.port)
        stack.push_async_callback(grpc_server.stop, DRAIN_SECONDS)
        if settings.drop_in:
            await _open_originals(stack, app, settings.listen.host, ui_socket.getsockname()[1])
        await scraping.scraper.start(scraping.configs)
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
    messages: Callable[[], Sequence[str]]
    started: bool = False

    def obstacles(self) -> Sequence[str]:
        """Why data is not accepted just now."""
        return () if self.started else ("starting",)

    def status(self) -> Mapping[str, Any]:
        """What comes in, the disk, and what somebody should look at."""
        counts = self.ingest.counts()
        usage = shutil.disk_usage(self.data)
        messages = [{"severity": "warning", "text": text} for text in (*self.messages(), *self.ingest.messages)]
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


@dataclass(slots=True)
class Scraping:
    """The scraper, and the file that it follows."""

    settings: Settings
    scraper: Scraper
    configs: ScrapeConfigs

    async def reload(self) -> None:
        """Read the file again; raises ``UserError`` if it is wrong, and then nothing has changed."""
        configs = await asyncio.to_thread(scrape_configs, self.settings)
        await self.scraper.reload(configs)
        self.configs = configs
        for message in self.messages():
            logger.warning(message)

    async def reload_on_signal(self) -> None:
        """The same for nobody who could be told."""
        try:
            await self.reload()
        except UserError as error:
            logger.warning("%s is not in force: %s", self.settings.prometheus.config_file, error.message)
        else:
            logger.info("%s is in force", self.settings.prometheus.config_file)

    def messages(self) -> Sequence[str]:
        """What is in the file and not in force."""
        file = self.settings.prometheus.config_file
        return [f"{', '.join(self.configs.others)} in {file} are not in force"] if self.configs.others else []


async def _scraping(stack: AsyncExitStack, settings: Settings, consumer: Consumer) -> Scraping:
    """A scraper that has not begun; SIGHUP makes it read its file again."""
    configs = await asyncio.to_thread(scrape_configs, settings)
    interval = settings.collectors.interval // timedelta(milliseconds=1)
    watched = [(collector, interval) for collector in collectors(settings)]
    scraper = Scraper(consumer, settings.prometheus.tenant, collectors=watched)
    stack.push_async_callback(scraper.stop)
    scraping = Scraping(settings, scraper, configs)
    for message in scraping.messages():
        logger.warning(message)
    reloads: set[asyncio.Task[None]] = set()

    def asked() -> None:
        reloads.add(task := asyncio.create_task(scraping.reload_on_signal()))
        task.add_done_callback(reloads.discard)

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, asked)
    return scraping


def _active_series(stack: AsyncExitStack, settings: Settings, store: AsyncStore) -> ActiveSeries | None:
    """Counts series for as long as the server runs, if there is a limit to them."""
    most = settings.limits.metrics.series
    if not most:
        return None
    active = ActiveSeries(store, most, now=time.time)
    counting = asyncio.create_task(active.keep_counting())
    stack.callback(counting.cancel)
    return active


def _maintenance(settings: Settings, opened: Opened, ingest: Ingest, rollups: Rollups) -> Maintenance:
    is_embedded = isinstance(opened.client, EmbeddedClickHouse)
    return Maintenance(opened.client, ingest, data=settings.data if is_embedded else None, derived=[rollups])


def _resident(opened: Opened) -> ResidentSamples | None:
    """Only the embedded engine is written to by nobody else."""
    if not isinstance(opened.client, EmbeddedClickHouse):
        return None
    return ResidentSamples(lambda: time.time_ns() // 1_000_000, revision=opened.client.revision)


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


def _sweep(settings: Settings, opened: Opened) -> Callable[[], None]:
    """Drops what is too old, or too much."""
    kept = settings.retention
    rules = {group: retention.Rule(getattr(kept, group), getattr(kept.max_bytes, group)) for group in retention.TABLES}
    rules["metrics_rollups"] = retention.Rule(kept.metrics_rollups)

    def sweep() -> None:
        for partition in retention.sweep(opened.client, rules, datetime.now(UTC)):
            logger.info("retention dropped %s of %s", partition.day, partition.table)

    return sweep


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
