"""Opens the store and the way into it, as the settings want them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from sonde.config.prices import prices
from sonde.config.settings import Settings
from sonde.llm.inbox import LlmCalls
from sonde.query.promql.clickhouse.resident import ResidentSamples
from sonde.store import retention
from sonde.store.dialect import Cluster
from sonde.store.embedded import EmbeddedClickHouse, EngineCaps
from sonde.store.ingest import Ingest
from sonde.store.maintenance import Maintenance
from sonde.store.metric_names import MetricNames
from sonde.store.opening import Opened, open_embedded, open_server
from sonde.store.rollups import Rollups
from sonde.store.segment_log import Durability, LogLimits
from sonde.store.server import ServerAddress
from sonde.telemetry.signal import Signal

logger = logging.getLogger(__name__)

# Prometheus' own names for the strategies
_METRIC_NAMES = {
    "UnderscoreEscapingWithSuffixes": MetricNames.UNDERSCORES,
    "NoUTF8EscapingWithSuffixes": MetricNames.UTF8_WITH_SUFFIXES,
    "NoTranslation": MetricNames.UNTOUCHED,
}


def maintenance(settings: Settings, opened: Opened, ingest: Ingest, rollups: Rollups) -> Maintenance:
    """What administrators may do to the store."""
    is_embedded = isinstance(opened.client, EmbeddedClickHouse)
    return Maintenance(opened.client, ingest, data=settings.data if is_embedded else None, derived=[rollups])


def resident(opened: Opened) -> ResidentSamples | None:
    """Only the embedded engine is written to by nobody else."""
    if not isinstance(opened.client, EmbeddedClickHouse):
        return None
    return ResidentSamples(lambda: time.time_ns() // 1_000_000, revision=opened.client.revision)


def open_store(settings: Settings) -> Opened:
    """Open the engine within its caps, or connect to the server; blocks."""
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


def open_ingest(settings: Settings, opened: Opened) -> Ingest:
    """The way into the store; what an earlier process left is taken up. Blocks."""
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


def sweep(settings: Settings, opened: Opened) -> Callable[[], None]:
    """Drops what is too old, or too much."""
    kept = settings.retention
    rules = {group: retention.Rule(getattr(kept, group), getattr(kept.max_bytes, group)) for group in retention.TABLES}
    rules["metrics_rollups"] = retention.Rule(kept.metrics_rollups)

    def sweep() -> None:
        for partition in retention.sweep(opened.client, rules, datetime.now(UTC)):
            logger.info("retention dropped %s of %s", partition.day, partition.table)

    return sweep
