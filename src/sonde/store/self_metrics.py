"""The write path's own metrics: read when scraped, so they cost nothing on the way."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from sonde.store.ingest import Ingest


class IngestMetrics:
    """A Prometheus collector over ``Ingest.counts``."""

    def __init__(self, ingest: Ingest) -> None:
        self._ingest = ingest

    def collect(self) -> Iterator[Metric]:
        """One family for each thing that is counted, by signal."""
        labels = ["signal"]
        counters = {
            "sonde_store_bodies_accepted": "Bodies made durable",
            "sonde_store_bodies_refused": "Bodies refused for overload or a full disk",
            "sonde_store_segments_inserted": "Segments that are in the store",
            "sonde_store_segment_bytes_inserted": "Bytes of segments that are in the store",
            "sonde_store_insert_failures": "Inserts that had to be tried again or halved",
            "sonde_store_frames_quarantined": "Bodies that the store cannot take",
        }
        families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {
            name: CounterMetricFamily(name, help_text, labels=labels) for name, help_text in counters.items()
        }
        pending = GaugeMetricFamily("sonde_store_pending_bytes", "Bytes that wait for the store", labels=labels)
        lag = GaugeMetricFamily("sonde_store_insert_seconds", "How long the last insert took", labels=labels)
        for signal, counts in self._ingest.counts().items():
            values = (
                counts.log.accepted,
                counts.log.refused,
                counts.writer.inserted_segments,
                counts.writer.inserted_bytes,
                counts.writer.failed_attempts,
                counts.writer.quarantined_frames,
            )
            for family, value in zip(families.values(), values, strict=True):
                family.add_metric([signal.value], value)
            pending.add_metric([signal.value], counts.log.pending_bytes)
            lag.add_metric([signal.value], counts.writer.lag_seconds)
        yield from families.values()
        yield pending
        yield lag
