"""Reads the registry of ``prometheus_client`` as a collector does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, Literal

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

from sonde.receivers.collector import Family, Sample, Type
from sonde.receivers.machine import machine_name
from sonde.telemetry.labels import labels_of

_TYPES: Final[dict[str, Type]] = {
    "counter": "counter",
    "gauge": "gauge",
    "histogram": "histogram",
    "summary": "summary",
    "info": "gauge",
    "stateset": "gauge",
}
_ENDINGS: Final = {"counter": "_total", "info": "_info"}
_CREATED: Final = "_created"


class OwnCollector:
    """The metrics of this process under ``job="sonde"``."""

    job: Literal["sonde"] = "sonde"

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self.instance = machine_name(Path("/"))

    async def collect(self) -> Sequence[Family]:
        """See ``Collector.collect``."""
        return await asyncio.to_thread(lambda: list(families(self._registry.collect())))

    async def close(self) -> None:
        """Nothing is held."""


def families(metrics: Iterable[Metric]) -> Iterator[Family]:
    """Metrics of ``prometheus_client`` as families of the text format.

    >>> from prometheus_client import Counter
    >>> registry = CollectorRegistry()
    >>> Counter("jobs", "Jobs done.", ["kind"], registry=registry).labels("nightly").inc(2)
    >>> [(family.name, family.type, list(family.samples)) for family in families(registry.collect())]
    [('jobs_total', 'counter', [Sample(labels=(('kind', 'nightly'),), value=2.0, suffix='')])]
    """
    for metric in metrics:
        yield _family(metric)


def _family(metric: Metric) -> Family:
    name = metric.name + _ENDINGS.get(metric.type, "")
    samples = [
        Sample(labels_of(sample.labels), float(sample.value), sample.name.removeprefix(name))
        for sample in metric.samples
        if not sample.name.endswith(_CREATED)
    ]
    return Family(name, _TYPES.get(metric.type, "untyped"), metric.documentation, samples)
