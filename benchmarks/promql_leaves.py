"""PromQL over the engine: leaves as samples against leaves that the engine computes, and what a whole query takes.

    .venv/bin/python benchmarks/promql_leaves.py [--series 1000] [--hours 1 24] [--repeat 3]

Series have a sample each 15 s, made by the engine. Each query is evaluated twice: with samples fetched ("raw") and with
its leaf computed in the engine wherever that is exact ("pushed"). Milliseconds are the least of some repetitions, for
the leaf and for the whole query. "Chosen" is what ``ClickHouseStorage`` does when it is left the choice.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks import machine

from sonde.query.promql.clickhouse.storage import ClickHouseStorage, PushDown
from sonde.query.promql.evaluate import evaluate
from sonde.query.promql.parser import parse
from sonde.query.promql.query import Query
from sonde.query.promql.series import Samples, Vector
from sonde.query.promql.storage import Leaf
from sonde.store.client import Client
from sonde.store.embedded import EmbeddedClickHouse
from sonde.store.migrate import migrate
from sonde.store.pool import AsyncStore

START = 1_795_000_000_000
INTERVAL = 15_000
HOUR = 3_600_000
BLOCK = 2_000_000

_SAMPLES = """
INSERT INTO sample_rows SELECT
  'default' AS tenant,
  'requests_total' AS metric,
  cityHash64('requests_total', labels) AS id,
  fromUnixTimestamp64Milli({start:Int64} + toInt64(intDiv(number, {series:UInt64})) * 15000) AS ts,
  fromUnixTimestamp64Milli(toInt64(0)) AS start_ts,
  toFloat64(intDiv(number, {series:UInt64}) * (cityHash64(labels) % 50) + cityHash64(number) % 20) AS value,
  'cumulative' AS temporality,
  map('instance', concat('host-', toString(number % {series:UInt64})),
      'job', concat('job-', toString(number % {series:UInt64} % 10)),
      'zone', concat('zone-', toString(number % {series:UInt64} % 3))) AS labels
FROM numbers({first:UInt64}, {count:UInt64})
"""

# What is asked, the range in seconds and the step in seconds; a step of 0 is an instant.
QUERIES = [
    ("requests_total", 0),
    ("rate(requests_total[5m])", 0),
    ("sum(rate(requests_total[1h]))", 0),
    ("sum(rate(requests_total[1d]))", 0),
    ('requests_total{job="job-3"}', 60),
    ("requests_total", 60),
    ("requests_total", 120),
    ("requests_total", 300),
    ("rate(requests_total[5m])", 15),
    ("rate(requests_total[5m])", 60),
    ('rate(requests_total{job="job-3"}[5m])', 60),
    ("rate(requests_total[5m])", 120),
    ("rate(requests_total[5m])", 300),
    ("sum by (job) (rate(requests_total[5m]))", 300),
    ("max_over_time(requests_total[5m])", 300),
    ("sum_over_time(requests_total[5m])", 300),
    ("rate(requests_total[1h])", 300),
]


class Recorder:
    """A storage that remembers what kind of answer its leaves got, and how long they took."""

    def __init__(self, store: AsyncStore, push_down: PushDown) -> None:
        self._storage = ClickHouseStorage(store, "default", push_down=push_down)
        self.seconds = 0.0
        self.samples = 0
        self.kind = ""

    async def fetch(self, leaf: Leaf) -> Samples | Vector:
        """See ``Storage.fetch``."""
        started = time.perf_counter()
        answer = await self._storage.fetch(leaf)
        self.seconds += time.perf_counter() - started
        self.kind = "pushed" if isinstance(answer, Vector) else "raw"
        self.samples += len(answer.times) if isinstance(answer, Samples) else 0
        return answer


def fill(client: Client, series: int, hours: int) -> float:
    """Insert all samples, oldest first; tells how many a second went in."""
    total = series * hours * HOUR // INTERVAL
    started = time.perf_counter()
    for first in range(0, total, BLOCK):
        parameters = {"start": START, "series": series, "first": first, "count": min(BLOCK, total - first)}
        client.command(_SAMPLES, parameters)
    client.command("OPTIMIZE TABLE samples")
    return total / (time.perf_counter() - started)


async def measured(
    store: AsyncStore, text: str, hours: int, step: int, push_down: PushDown, repeat: int
) -> tuple[float, Recorder]:
    """The least time of a query, and what its storage did in that run."""
    end = START + hours * HOUR
    query = Query(parse(text), end if step == 0 else START + HOUR // 60, end, step * 1000)
    best: tuple[float, Recorder] | None = None
    for _ in range(repeat):
        recorder = Recorder(store, push_down)
        started = time.perf_counter()
        await evaluate(recorder, query)
        seconds = time.perf_counter() - started
        if best is None or seconds < best[0]:
            best = (seconds, recorder)
    assert best is not None
    return best


async def compare(store: AsyncStore, hours: int, repeat: int) -> None:
    """Print a row for each query."""
    print("| query | step | samples | raw leaf | raw | samples/s | pushed leaf | pushed | raw : pushed | chosen |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for text, step in QUERIES:
        raw, fetched = await measured(store, text, hours, step, "never", repeat)
        pushed, computed = await measured(store, text, hours, step, "always", repeat)
        _, chosen = await measured(store, text, hours, step, "cheaper", 1)
        rate = fetched.samples / fetched.seconds
        if computed.kind == "pushed":
            beside = f"{computed.seconds * 1000:.0f} | {pushed * 1000:.0f} | {raw / pushed:.1f} | {chosen.kind}"
        else:
            beside = f"- | - | - | {chosen.kind}"
        print(
            f"| `{text}` | {step or 'instant'} | {fetched.samples:,} | {fetched.seconds * 1000:.0f} | {raw * 1000:.0f} "
            f"| {rate / 1e6:.1f} M | {beside} |",
            flush=True,
        )


def measure(series: int, hours: int, repeat: int) -> None:
    """Everything at one size, in a store of its own. The engine refuses the main thread, so threads stand between."""
    with tempfile.TemporaryDirectory(prefix="sonde-bench-") as folder, ThreadPoolExecutor(1) as thread:
        client = EmbeddedClickHouse(Path(folder) / "engine")
        store = AsyncStore(client)
        try:
            thread.submit(migrate, client).result()
            rate = thread.submit(fill, client, series, hours).result()
            print(f"\n{series:,} series x {hours} h x 15 s; filled with {rate / 1e6:.1f} M samples/s\n")
            asyncio.run(compare(store, hours, repeat))
        finally:
            store.close()
            thread.submit(client.close).result()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--series", type=int, default=1000)
    arguments.add_argument("--hours", type=int, nargs="+", default=[1, 24])
    arguments.add_argument("--repeat", type=int, default=3)
    options = arguments.parse_args()
    print(machine.speed())
    for hours in options.hours:
        measure(options.series, hours, options.repeat)
    print()
    print(machine.speed())


if __name__ == "__main__":
    main()
