"""What becomes of a checked request of a tenant that has as many series as it may: known series pass, new ones do not.

Nobody else's requests are looked into. How many series a tenant has, and which, a ``SeriesLimit`` knows, which counts
now and then: for some seconds there may be more. What it said of a series is remembered.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Protocol

from prometheus_client import Counter

from sonde.receivers.consumer import Consumer
from sonde.receivers.prometheus.messages import TimeSeries
from sonde.receivers.prometheus.write_check import CheckedWrite
from sonde.receivers.prometheus.write_labels import KnownLabels, Pairs, label_end
from sonde.receivers.prometheus.write_shape import VERSION_1
from sonde.receivers.prometheus.write_sift import Mended, Sifted, rejected, sift
from sonde.receivers.prometheus.write_spell import spelled_out
from sonde.telemetry.signal import Signal

MOST_KNOWN: Final = 1_000_000
"""Series that are remembered as old, of all tenants at their limits: some 70 MB."""
MOST_NEW: Final = 200_000
_DAY_SECONDS: Final = 86_400
_NEW_SECONDS: Final = 30
"""So long a series is taken to be new without asking again. It may have come just before the limit was noticed."""
_REFUSED = Counter("sonde_receivers_series_refused", "Series refused as new beyond limits.metrics.series", ["tenant"])


class SeriesLimit(Protocol):
    """Who may have new series, and which series are there: the store in the server, a table in a test."""

    def reached(self, tenant: str) -> str:
        """Why this tenant may have no new series just now, for the sender; "" when it may. Never blocks."""
        ...

    async def known(self, tenant: str, series: Sequence[Pairs]) -> Sequence[bool]:
        """Which of these label sets are series that the tenant has already."""
        ...


@dataclass(frozen=True, slots=True)
class _Split:
    """A request of version 1, and the bytes of each series' labels."""

    parts: Any
    labels: Sequence[bytes]


class LimitedWrites:
    """Takes new series out of the requests of tenants at their limits."""

    def __init__(self, limit: SeriesLimit, threads: ThreadPoolExecutor, clock: Callable[[], float] = time.time) -> None:
        """Requests are looked into on ``threads``."""
        self._limit = limit
        self._threads = threads
        self._clock = clock
        self._known = KnownLabels(MOST_KNOWN)
        self._new = KnownLabels(MOST_NEW)

    async def admitted(self, checked: CheckedWrite, tenant: str) -> CheckedWrite:
        """What of a request may be kept: nearly always the very same."""
        why = self._limit.reached(tenant)
        if not why or not (checked.items or checked.exemplars):
            return checked
        loop = asyncio.get_running_loop()
        split = await loop.run_in_executor(self._threads, _split, checked.body)
        newcomers = await self._newcomers(tenant, split.labels)
        if not newcomers:
            return checked
        _REFUSED.labels(tenant).inc(len(newcomers))
        return checked.without(await loop.run_in_executor(self._threads, _without, split, newcomers, why))

    async def _newcomers(self, tenant: str, labels: Sequence[bytes]) -> list[int]:
        """The places of series that the tenant does not have."""
        now = self._clock()
        old = [hash((tenant, now // _DAY_SECONDS, each)) for each in labels]
        new = [hash((tenant, now // _NEW_SECONDS, each)) for each in labels]
        not_old, not_new = self._known.unknown(old), self._new.unknown(new)
        newcomers: list[int] = []
        unsure: list[int] = []
        for place, mark in enumerate(old):
            if mark in not_old:
                (unsure if new[place] in not_new else newcomers).append(place)
        if unsure:
            found = await self._limit.known(tenant, [_pairs(labels[place]) for place in unsure])
            strangers = [place for place, is_known in zip(unsure, found, strict=True) if not is_known]
            self._known.remember({old[place] for place in unsure} - {old[place] for place in strangers})
            self._new.remember({new[place] for place in strangers})
            newcomers += strangers
        return newcomers


class LimitedConsumer:
    """A ``Consumer`` for those who answer nobody, as scrapes do: what is refused is counted and left out."""

    def __init__(self, consumer: Consumer, writes: LimitedWrites) -> None:
        self._consumer = consumer
        self._writes = writes

    async def consume(self, signal: Signal, body: bytes, *, tenant: str) -> None:
        """See ``Consumer.consume``."""
        if signal is Signal.PROMETHEUS:
            # how much is in it nobody asks here; that it is something opens it to be looked into
            body = (await self._writes.admitted(CheckedWrite(body, samples=1), tenant)).body
        if body:
            await self._consumer.consume(signal, body, tenant=tenant)


def _split(body: bytes) -> _Split:
    parts = VERSION_1.parts.FromString(body)
    if not parts.series:  # version 2: its labels lie apart
        parts = VERSION_1.parts.FromString(spelled_out(body))
    return _Split(parts, [each[: label_end(each, len(each))] for each in parts.series])


def _pairs(labels: bytes) -> Pairs:
    return [(label.name, label.value) for label in TimeSeries.FromString(labels).labels]


def _without(split: _Split, places: Sequence[int], why: str) -> Sifted:
    def refuse(raw: bytes) -> Mended:
        return rejected(TimeSeries.FromString(raw), why)

    return sift(split.parts, places, refuse)
