"""Samples that rules make: what is handed to a ``Writer``, and as a remote write request to the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sonde.query.promql.histogram.native import Histogram
from sonde.query.promql.histogram.wire import wire_histogram
from sonde.receivers.consumer import Consumer
from sonde.receivers.prometheus import messages
from sonde.telemetry.labels import Labels
from sonde.telemetry.quoting import replaced
from sonde.telemetry.signal import Signal

Point = float | Histogram


@dataclass(frozen=True, slots=True)
class Sample:
    """A point of a series, in milliseconds since 1970."""

    labels: Labels
    time_milli: int
    value: Point


class Writer(Protocol):
    """Where samples go."""

    async def write(self, samples: Sequence[Sample]) -> None:
        """Keep samples; returns when they are durable.

        Raises:
            SondeError: None of them was kept.
        """
        ...


@dataclass(frozen=True, slots=True)
class RemoteWriter:
    """Writes through the door of remote write, behind its checks."""

    consumer: Consumer
    tenant: str

    async def write(self, samples: Sequence[Sample]) -> None:
        """See ``Writer.write``."""
        if samples:
            await self.consumer.consume(Signal.PROMETHEUS, write_request(samples), tenant=self.tenant)


def write_request(samples: Sequence[Sample]) -> bytes:
    """Samples as a remote write request of version 2.

    >>> body = write_request([Sample((("__name__", "up"), ("job", "api")), 1_000, 1.0)])
    >>> request = messages.Request.FromString(body)
    >>> list(request.symbols), list(request.timeseries[0].labels_refs), request.timeseries[0].samples[0].value
    (['', '__name__', 'up', 'job', 'api'], [1, 2, 3, 4], 1.0)
    """
    symbols: dict[str, int] = {"": 0}
    request = messages.Request()
    for sample in samples:
        series = request.timeseries.add()
        for name, value in sample.labels:
            series.labels_refs.append(symbols.setdefault(replaced(name), len(symbols)))
            series.labels_refs.append(symbols.setdefault(replaced(value), len(symbols)))
        if isinstance(sample.value, Histogram):
            series.histograms.add().MergeFromString(wire_histogram(sample.value, sample.time_milli).SerializeToString())
        else:
            series.samples.add(value=sample.value, timestamp=sample.time_milli)
    request.symbols.extend(symbols)
    return bytes(request.SerializeToString())
