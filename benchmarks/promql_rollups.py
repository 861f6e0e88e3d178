"""PromQL over long ranges: what rollups cost to make and to keep, and what a query takes with them and without.

    .venv/bin/python benchmarks/promql_rollups.py [--series 1000] [--days 30] [--repeat 3]

Half of the series are counters that begin anew now and then, half are gauges of fractions; a sample each 15 s, made by
the engine, the last of them now and the last hours of them not rolled up. Each query is evaluated with rollups and with
samples only, in the same run; milliseconds are the least of some repetitions. "Rows" is what came out of the store.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks import machine

from sonde.errors import SondeError
from sonde.query.promql.clickhouse.storage import ClickHouseStorage
from sonde.query.promql.evaluate import evaluate
from sonde.query.promql.parser import parse
from sonde.query.promql.query import Limits, Query
from sonde.store.client import Client
from sonde.store.embedded import EmbeddedClickHouse
from sonde.store.migrate import migrate
from sonde.store.pool import AsyncStore
from sonde.store.rollups import Rollups

END = datetime(2026, 11, 20, 10, 20, tzinfo=UTC)
DAY = timedelta(days=1)
PER_DAY = 5760
HOUR = 3600

_SERIES = """
INSERT INTO series (tenant, metric, id, day, labels, temporality)
SELECT
  'default', if(number % 2 = 0, 'requests_total', 'temperature'), number,
  toDate32(fromUnixTimestamp64Milli({start:Int64})) + arrayJoin(range({days:UInt64} + 2)),
  map('instance', concat('host-', toString(number))), 'unspecified'
FROM numbers({series:UInt64})
"""
_SAMPLES = """
INSERT INTO samples (tenant, metric, id, ts, start_ts, value)
SELECT
  'default', if(id % 2 = 0, 'requests_total', 'temperature'), intDiv(number, {ticks:UInt64}) AS id,
  fromUnixTimestamp64Milli({start:Int64} + toInt64(number % {ticks:UInt64}) * 15000 + toInt64(id % 15000)),
  fromUnixTimestamp64Milli(toInt64(0)),
  if(
    id % 2 = 0,
    toFloat64(tick % (20000 + id) * (id % 50) + id % 7),
    20 + 5 * sin(tick / 900) + cityHash64(number) % 1000 / 1000
  )
FROM (SELECT number, {first:UInt64} + number % {ticks:UInt64} AS tick FROM numbers({ticks:UInt64} * {series:UInt64}))
"""

# What is asked, and the step in seconds.
QUERIES = [
    ("rate(requests_total[1h])", HOUR),
    ("sum(rate(requests_total[5m]))", HOUR),
    ("increase(requests_total[1d])", HOUR),
    ("requests_total", HOUR),
    ("max_over_time(temperature[1h])", HOUR),
    ("avg_over_time(temperature[1h])", HOUR),
    ("avg(temperature)", HOUR),
    ('rate(requests_total{instance="host-4"}[1h])', HOUR),
    ("rate(requests_total[15m])", 15 * 60),
]


def fill(client: Client, series: int, days: int) -> float:
    """Insert all samples, day by day; tells how many a second went in."""
    begin = END - days * DAY
    start = int(begin.timestamp()) * 1000
    client.command(_SERIES, {"series": series, "days": days, "start": start})
    started = time.perf_counter()
    for day in range(days):
        parameters = {"ticks": PER_DAY, "series": series, "first": day * PER_DAY, "start": start + day * 86_400_000}
        client.command(_SAMPLES, parameters)
    return series * days * PER_DAY / (time.perf_counter() - started)


def roll_up(client: Client) -> None:
    """Everything, then nothing, then an hour more; prints how long each took."""
    rollups = Rollups(client, days=400)
    for name, now in (
        ("all but the last two hours", END - timedelta(hours=1)),
        ("with nothing new", END - timedelta(hours=1)),
        ("an hour more", END),
        ("with nothing new", END),
    ):
        started = time.process_time(), time.perf_counter()
        pieces = sum(rolled.pieces for rolled in rollups.run_once(now))
        took = time.process_time() - started[0], time.perf_counter() - started[1]
        print(f"pass, {name}: {pieces} pieces, {took[0]:.2f} s of CPU, {took[1]:.2f} s")


def sizes(client: Client, series: int, days: int) -> None:
    """Print what a series takes a day on disk."""
    rows = client.query(
        "SELECT table, sum(rows), sum(bytes_on_disk) FROM system.parts WHERE active AND database = currentDatabase() "
        "AND (table = 'samples' OR table LIKE 'rollup%') GROUP BY table ORDER BY table"
    ).rows
    print("\n| table | rows | bytes | bytes a series and day |\n|---|---|---|---|")
    for table, count, size in rows:
        print(f"| {table} | {int(str(count)):,} | {int(str(size)):,} | {int(str(size)) / series / days:,.0f} |")


async def measured(store: AsyncStore, query: Query, *, is_rolled: bool, repeat: int) -> tuple[str, int]:
    """The least time of a query in milliseconds, and the rows that came out of the store."""
    best, rows = float("inf"), 0
    for _ in range(repeat):
        limits = Limits(samples=400_000_000, seconds=600)
        storage = ClickHouseStorage(store, "default", limits, rollups="cheaper" if is_rolled else "never")
        started = time.perf_counter()
        try:
            await evaluate(storage, query)
        except SondeError as error:
            return error.message[:40], storage.cost.rows_read
        best, rows = min(best, time.perf_counter() - started), storage.cost.rows_read
    return f"{best * 1000:,.0f}", rows


async def compare(store: AsyncStore, days: int, repeat: int) -> None:
    """Print a row for each query."""
    end = int(END.timestamp())
    print("\n| query | step | samples | rows | rollups | rows |\n|---|---|---|---|---|---|")
    for text, step in QUERIES:
        last = end // step * step
        query = Query(parse(text), (last - days * 86_400 + 86_400) * 1000, last * 1000, step * 1000)
        fast, few = await measured(store, query, is_rolled=True, repeat=repeat)
        slow, many = await measured(store, query, is_rolled=False, repeat=1)
        print(f"| `{text}` | {step // 60} min | {slow} | {many:,} | {fast} | {few:,} |", flush=True)


def measure(series: int, days: int, repeat: int) -> None:
    """Everything, in a store of its own. The engine refuses the main thread, so threads stand between."""
    with tempfile.TemporaryDirectory(prefix="sonde-bench-") as folder, ThreadPoolExecutor(1) as thread:
        client = EmbeddedClickHouse(Path(folder) / "engine")
        store = AsyncStore(client)
        try:
            thread.submit(migrate, client).result()
            rate = thread.submit(fill, client, series, days).result()
            print(f"\n{series:,} series x {days} days x 15 s; filled with {rate / 1e6:.1f} M samples/s\n", flush=True)
            thread.submit(roll_up, client).result()
            thread.submit(sizes, client, series, days).result()
            asyncio.run(compare(store, days, repeat))
        finally:
            store.close()
            thread.submit(client.close).result()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--series", type=int, default=1000)
    arguments.add_argument("--days", type=int, default=30)
    arguments.add_argument("--repeat", type=int, default=3)
    options = arguments.parse_args()
    print(machine.speed())
    measure(options.series, options.days, options.repeat)
    print()
    print(machine.speed())


if __name__ == "__main__":
    main()
