"""The series of a fleet of web services, as Prometheus scrapes and sends them: remote write bodies for a benchmark.

An instance has 100 series: counters of requests by route and status, a classic histogram of their durations, gauges
and counters of its process. Counters grow at rates that differ by series and change with the hour, and start anew now
and then; gauges wander. All are whole numbers or have as few digits as the real ones. An instance is scraped every 15 s
at a time of its own, as Prometheus spreads them, so that no window of a query ends on a sample.

>>> fleet = Fleet(instances=1, start=1_795_000_000_000)
>>> len(fleet.labels), fleet.window(40).values.shape
(100, (100, 40))
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sonde.receivers import snappy
from sonde.receivers.prometheus.messages import Request, WriteRequest

INTERVAL = 15_000
SERIES_OF_INSTANCE = 100
SERIES_OF_BODY = 2_000
"""Prometheus' own batch: so many samples a request."""
ROUTES = (
    "/",
    "/cart",
    "/cart/{id}",
    "/checkout",
    "/healthz",
    "/login",
    "/orders",
    "/orders/{id}",
    "/search",
    "/users/{id}",
)
STATUSES = ("200", "404", "422", "500")
TIMED_ROUTES = ROUTES[:4]
BUCKETS = ("0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "+Inf")
BOUNDS = np.array([0.0, *map(float, BUCKETS[:-1]), 10.0])
GAUGES = (
    "process_resident_memory_bytes",
    "process_open_fds",
    "db_pool_connections_in_use",
    "http_requests_in_progress",
)
COUNTERS = ("process_cpu_seconds_total", "python_gc_collections_total", "db_queries_total", "cache_hits_total")
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Window:
    """Values of shape (series, steps), and their times in milliseconds."""

    values: Floats
    times: NDArray[np.int64]


class Fleet:
    """Series, and their values from ``start`` on, a window after the other. The same seed gives the same samples."""

    def __init__(self, instances: int, start: int, seed: int = 1) -> None:
        self.labels = [labels for instance in range(instances) for labels in labels_of(instance)]
        self.start = start
        self.sent_steps = 0
        self._random = np.random.default_rng(seed)
        self._offsets = np.repeat(_odd_milliseconds(self._random, instances), SERIES_OF_INSTANCE)
        rows = len(self.labels)
        self._rate = self._random.lognormal(-0.5, 1.5, rows)
        self._total = np.floor(self._random.random(rows) * 1e5)
        of_instance = np.arange(rows) % SERIES_OF_INSTANCE
        self._total[(of_instance >= 40) & (of_instance < 88)] = 0  # buckets of one histogram begin together
        self._is_sum = (of_instance >= 84) & (of_instance < 88)
        self._gauge = {name: of_instance == 88 + place for place, name in enumerate(GAUGES)}
        self._gauge_now = {name: self._random.integers(20, 200, instances).astype(float) for name in GAUGES}
        self._is_seconds = of_instance == 92

    def window(self, steps: int) -> Window:
        """The next samples of all series."""
        rows = len(self.labels)
        grid = self.start + (self.sent_steps + np.arange(steps, dtype=np.int64)) * INTERVAL
        self.sent_steps += steps
        daily = 1 + 0.8 * np.sin(grid / 86_400_000 * 2 * np.pi)
        grown = self._random.poisson(self._rate[:, None] * daily[None, :] * (INTERVAL / 1000)).astype(np.float64)
        grown = self._histograms(grown)
        grown[self._is_seconds] = np.round(grown[self._is_seconds] / 100, 2)
        values = np.cumsum(grown, axis=1) + self._total[:, None]
        restarts = np.flatnonzero(self._random.random(rows // SERIES_OF_INSTANCE) < 0.002 * steps / 40)
        for instance in restarts.tolist():
            part = slice(instance * SERIES_OF_INSTANCE, (instance + 1) * SERIES_OF_INSTANCE)
            at = int(self._random.integers(0, steps))
            values[part, at:] -= values[part, at : at + 1]
        values[self._is_sum] = np.round(values[self._is_sum], 6)
        values[self._is_seconds] = np.round(values[self._is_seconds], 2)
        self._total = values[:, -1].copy()
        for name, chosen in self._gauge.items():
            steps_taken = self._random.integers(-3, 4, (int(chosen.sum()), steps))
            wandered = np.abs(self._gauge_now[name][:, None] + np.cumsum(steps_taken, axis=1))
            self._gauge_now[name] = wandered[:, -1].copy()
            values[chosen] = wandered * (1 << 20 if name.endswith("bytes") else 1)
        return Window(values, grid[None, :] + self._offsets[:, None])

    def _histograms(self, grown: Floats) -> Floats:
        """Buckets and their sums from counts: what a route's requests took."""
        instances, steps = len(grown) // SERIES_OF_INSTANCE, grown.shape[1]
        table = grown.reshape(instances, SERIES_OF_INSTANCE, steps)
        share = np.diff(1 - np.exp(-BOUNDS / np.linspace(0.03, 0.3, len(TIMED_ROUTES))[:, None]), axis=1)
        share /= share.sum(axis=1, keepdims=True)
        counts = self._random.poisson(table[:, 80:84, None, :] * share[None, :, :, None])
        cumulative = np.cumsum(counts, axis=2).astype(np.float64)
        middle = (BOUNDS[1:] + BOUNDS[:-1]) / 2
        sums = (counts * middle[None, None, :, None]).sum(axis=2) * (
            1 + 0.1 * self._random.random((*counts.shape[:2], steps))
        )
        table[:, 40:80] = cumulative.reshape(instances, 40, steps)
        table[:, 80:84] = cumulative[:, :, -1]
        table[:, 84:88] = np.round(sums, 6)
        return table.reshape(grown.shape)


def _odd_milliseconds(random: np.random.Generator, count: int) -> NDArray[np.int64]:
    """Times within the interval, none at a whole second."""
    return random.integers(0, INTERVAL // 1000, count) * 1000 + random.integers(1, 1000, count)


def labels_of(instance: int) -> list[tuple[tuple[str, str], ...]]:
    """The series of an instance; their order is that of the columns above."""
    own = {
        "cluster": "eu-west-1",
        "instance": f"10.0.{instance // 250}.{instance % 250}:8000",
        "job": ("shop", "billing", "search", "accounts", "mail")[instance % 5],
        "namespace": "production",
        "pod": f"web-{instance * 7919 % 99991:05x}",
    }
    duration = "http_request_duration_seconds"
    found = [
        {"__name__": "http_requests_total", "method": "GET", "route": route, "status": status, **own}
        for route in ROUTES
        for status in STATUSES
    ]
    found += [
        {"__name__": f"{duration}_bucket", "le": le, "method": "GET", "route": route, **own}
        for route in TIMED_ROUTES
        for le in BUCKETS
    ]
    for suffix in ("count", "sum"):
        found += [
            {"__name__": f"{duration}_{suffix}", "method": "GET", "route": route, **own} for route in TIMED_ROUTES
        ]
    found += [{"__name__": name, **own} for name in (*GAUGES, *COUNTERS)]
    found += [{"__name__": "worker_tasks_total", "queue": f"q{number}", **own} for number in range(4)]
    return [tuple(sorted(labels.items())) for labels in found]


def encoded_samples(window: Window) -> NDArray[np.uint8]:
    """The samples as fields of a version 1 series, 18 bytes each: shape (series, steps, 18)."""
    written = np.empty((*window.values.shape, 18), np.uint8)
    written[:, :, :3] = (0x12, 16, 0x09)
    written[:, :, 3:11] = np.ascontiguousarray(window.values, "<f8").view(np.uint8).reshape(*window.values.shape, 8)
    written[:, :, 11] = 0x10
    for place in range(6):
        more = 0x80 if place < 5 else 0
        written[:, :, 12 + place] = (window.times >> (7 * place) & 0x7F) | more
    return written


class Bodies:
    """Compressed requests of version 1 with a fleet's samples."""

    def __init__(self, fleet: Fleet) -> None:
        self._heads = [b"".join(_label(name, value) for name, value in labels) for labels in fleet.labels]
        self._fleet = fleet

    def of(self, window: Window, samples_each: int) -> Iterator[list[bytes]]:
        """Requests of 2,000 samples, ``samples_each`` of a series; each list holds what may be sent side by side."""
        written = encoded_samples(window)
        lines = max(1, SERIES_OF_BODY // samples_each)
        for begin in range(0, written.shape[1], samples_each):
            pieces = [each.tobytes() for each in written[:, begin : begin + samples_each]]
            series = [_framed(head + piece) for head, piece in zip(self._heads, pieces, strict=True)]
            yield [snappy.compress(b"".join(series[first : first + lines])) for first in range(0, len(series), lines)]


def as_version_2(compressed: bytes) -> bytes:
    """A request of version 1 as one of version 2, for its size."""
    old, new = WriteRequest.FromString(snappy.decompress(compressed, 1 << 30)), Request()
    symbols = {"": 0}
    for series in old.timeseries:
        one = new.timeseries.add()
        for label in series.labels:
            one.labels_refs.extend(symbols.setdefault(text, len(symbols)) for text in (label.name, label.value))
        for sample in series.samples:
            one.samples.add(value=sample.value, timestamp=sample.timestamp)
    new.symbols.extend(symbols)
    return snappy.compress(new.SerializeToString())


def _label(name: str, value: str) -> bytes:
    pair = b"\x0a" + _sized(name.encode()) + b"\x12" + _sized(value.encode())
    return b"\x0a" + _sized(pair)


def _framed(series: bytes) -> bytes:
    return b"\x0a" + _sized(series)


def _sized(content: bytes) -> bytes:
    size, head = len(content), bytearray()
    while size > 127:
        head.append(size & 127 | 128)
        size >>= 7
    head.append(size)
    return bytes(head) + content
