"""Where the metrics of a target come from: an HTTP server, or a collector inside of this process."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from sonde.errors import Unavailable
from sonde.receivers.collector import Collector, Family
from sonde.receivers.prometheus.exposition.formats import accept
from sonde.receivers.prometheus.exposition.reading import Metadata, Reading, canonical_nans, exposed_labels
from sonde.receivers.prometheus.http_session import Session
from sonde.receivers.prometheus.scrape.cycle import Cycle
from sonde.receivers.prometheus.scrape.selection import Rows
from sonde.receivers.prometheus.scrape.series import Series, SeriesTable
from sonde.receivers.prometheus.scrape_config import ScrapeConfig
from sonde.telemetry.labels import METRIC_NAME, Labels


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a target said, still to be read."""

    size_bytes: int
    content_type: str = ""
    body: bytes = b""
    families: Sequence[Family] | None = None


class Source(Protocol):
    """Says what a target says now."""

    async def fetch(self, timeout_seconds: float) -> Fetched:
        """Ask the target.

        Raises:
            SondeError: It does not answer, or not in time, or with too much.
        """
        ...

    def read(self, fetched: Fetched, cycle: Cycle) -> Rows:
        """Read what it said; raises ``UserError`` if that cannot be done."""
        ...


class HttpSource:
    """A target that is asked over HTTP.

    Args:
        session: The connections of the target's job.
        url: Where its metrics are.
        job: What is asked for, and how much is taken.
    """

    def __init__(self, session: Session, url: str, job: ScrapeConfig) -> None:
        self._session = session
        self._url = url
        self._limit_bytes = job.body_size_limit
        self._headers = {
            "accept": accept(job.scrape_protocols or (), job.metric_name_escaping_scheme or "allow-utf-8"),
            "accept-encoding": "gzip" if job.enable_compression else "identity",
        }

    async def fetch(self, timeout_seconds: float) -> Fetched:
        """Ask the server."""
        response = await self._session.get(
            self._url,
            headers={**self._headers, "x-prometheus-scrape-timeout-seconds": f"{timeout_seconds:g}"},
            timeout_seconds=timeout_seconds,
            limit_bytes=self._limit_bytes,
        )
        return Fetched(len(response.body), response.content_type, response.body)

    def read(self, fetched: Fetched, cycle: Cycle) -> Rows:
        """Read the body in its format."""
        return cycle.read(fetched.content_type, fetched.body)


_Key = tuple[str, Labels]


@dataclass(slots=True)
class _Known:
    keys: list[_Key] = field(default_factory=list)
    rows: list[Series | None] = field(default_factory=list)
    by_key: dict[_Key, Series | None] = field(default_factory=dict)
    metadata: dict[str, Metadata] = field(default_factory=dict)


class CollectorSource:
    """A target that is a collector of our own."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._known = _Known()

    async def fetch(self, timeout_seconds: float) -> Fetched:
        """Let the collector look."""
        try:
            async with asyncio.timeout(timeout_seconds):
                return Fetched(0, families=await self._collector.collect())
        except TimeoutError:
            raise Unavailable("context deadline exceeded", code="scrape.deadline") from None

    def read(self, fetched: Fetched, cycle: Cycle) -> Rows:
        """Turn the families into rows; those of last time are known."""
        families = fetched.families or ()
        return self._reading(families, cycle.table)

    def _reading(self, families: Sequence[Family], table: SeriesTable) -> Rows:
        known = self._known
        samples = [(family.name + sample.suffix, sample) for family in families for sample in family.samples]
        keys = [(name, sample.labels) for name, sample in samples]
        if keys != known.keys:
            before = known.by_key
            known.by_key = {key: before[key] if key in before else _resolve(key, table) for key in keys}
            known.rows = [known.by_key[key] for key in keys]
            known.keys = keys
        metadata = {
            family.name: Metadata("unknown" if family.type == "untyped" else family.type, family.help)
            for family in families
        }
        if metadata != known.metadata:
            known.metadata = metadata
        values = np.fromiter((sample.value for _, sample in samples), np.float64, len(samples))
        return Reading(known.rows, canonical_nans(values), metadata=known.metadata)


def _resolve(key: _Key, table: SeriesTable) -> Series | None:
    name, labels = key
    return table.resolve(exposed_labels({METRIC_NAME: name, **dict(labels)}))
