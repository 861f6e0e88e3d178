"""How the server is doing: what ``/readyz`` and ``/status`` tell of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sonde.store.ingest import Ingest


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


class DiskMetrics(Collector):
    """How full the disk with our data is, for ``/metrics``."""

    def __init__(self, data: Path) -> None:
        self._data = data

    def collect(self) -> Iterable[Metric]:
        """Now."""
        usage = shutil.disk_usage(self._data)
        return [
            GaugeMetricFamily("sonde_data_disk_free_bytes", "Free on the disk with our data", usage.free),
            GaugeMetricFamily("sonde_data_disk_size_bytes", "Size of the disk with our data", usage.total),
        ]
