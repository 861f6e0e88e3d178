"""What administration of metrics costs: deletes by days of data, a snapshot, cleaning, and the cardinality page.

    .venv/bin/python benchmarks/metrics_administration.py [--days 100] [--series 100000]

Each day is a part of 200,000 samples and one of so many series.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import tempfile
import time
from collections.abc import Awaitable, Iterable, Iterator
from pathlib import Path

from sonde.query.engine import Inquiry
from sonde.query.promql.clickhouse import cardinality, deletion
from sonde.query.promql.parser import parse_selector
from sonde.store.embedded import EmbeddedClickHouse
from sonde.store.maintenance import Maintenance
from sonde.store.migrate import migrate
from sonde.store.pool import AsyncStore
from sonde.telemetry.signal import Signal

FIRST_DAY = 19_723  # 2024-01-01
DAY = 86_400_000
ALL_TIME = (0, 4_000_000_000_000)
SAMPLES = """
INSERT INTO samples SELECT 'default', concat('m', toString(number % 50)), cityHash64(number % 1000),
  fromUnixTimestamp64Milli(({day} * 86400 + intDiv(number, 1000) * 15) * 1000), toDateTime64(0, 3), number
FROM numbers(200000)
"""
SERIES = """
INSERT INTO series SELECT 'default', concat('m', toString(number % 50)), cityHash64(number), toDate32({day}),
  map('instance', toString(number % 200), 'job', toString(number % 7), 'pod', toString(intDiv(number, 50)),
      'path', toString(number % 3000)), 'unspecified'
FROM numbers({offset}, {series})
"""


class NobodyInserts:
    """The inserts of a store at rest."""

    def settle(self, signals: Iterable[Signal]) -> None:
        """Nothing waits."""

    @contextlib.contextmanager
    def at_rest(self, signals: Iterable[Signal]) -> Iterator[None]:  # noqa: ARG002 - nobody to hold back
        """Nothing comes."""
        yield


async def timed(what: str, work: Awaitable[object]) -> None:
    """Print how long it takes."""
    began = time.perf_counter()
    await work
    print(f"{what:<45} {time.perf_counter() - began:8.2f} s")


async def measure(data: Path, days: int, series: int) -> None:
    """Fill a store and do everything once."""
    client = await asyncio.to_thread(EmbeddedClickHouse, data / "engine")
    await asyncio.to_thread(migrate, client)
    for place in range(days):
        day = FIRST_DAY + place
        await asyncio.to_thread(client.command, SAMPLES.format(day=day))
        await asyncio.to_thread(client.command, SERIES.format(day=day, offset=place * series // 50, series=series))
    store = AsyncStore(client)
    maintenance = Maintenance(client, NobodyInserts(), data=data)
    last = cardinality.Days(FIRST_DAY + days - 1, FIRST_DAY + days - 1)
    month = cardinality.Days(max(FIRST_DAY, last.last - 29), last.last)

    def delete(selector: str, start: int, end: int) -> Awaitable[None]:
        return deletion.delete_series(
            Inquiry(store), maintenance, "default", [parse_selector(selector)], start=start, end=end
        )

    await timed("cardinality, a day", cardinality.cardinality(Inquiry(store), "default", last))
    await timed("cardinality, 30 days", cardinality.cardinality(Inquiry(store), "default", month))
    await timed("growth, 30 days", cardinality.growth(Inquiry(store), "default", month))
    await timed("samples by metric, 30 days", cardinality.samples_by_metric(Inquiry(store), "default", month))
    await timed("delete a metric, all days", delete("m1", *ALL_TIME))
    await timed("delete a job, one day", delete('{job="3"}', last.last * DAY, last.last * DAY + DAY - 1))
    await timed("delete a job, all days", delete('{job="4"}', *ALL_TIME))
    await timed("snapshot", asyncio.to_thread(maintenance.snapshot, "benchmark", with_newest=False))
    await timed("clean", asyncio.to_thread(maintenance.clean))
    store.close()
    await asyncio.to_thread(client.close)


def main() -> None:
    """Measure in a directory of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=100)
    parser.add_argument("--series", type=int, default=100_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(measure(Path(directory), arguments.days, arguments.series))


if __name__ == "__main__":
    main()
