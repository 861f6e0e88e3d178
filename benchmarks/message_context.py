"""How many messages a second are told what to say beside their alerts, and what that costs beside sending them.

    .venv/bin/python benchmarks/message_context.py [--jobs 50] [--endpoints 40] [--messages 60] [--integrations 5]

The store has two hours of a counter by job and endpoint, a sample each 15 s. Each message is about another job, so
nothing comes from a cache, but for the other integrations of its group. Sent are webhooks over loopback.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from benchmarks import machine

from sonde.notify.alert import Alert
from sonde.notify.configuration import parse_configuration
from sonde.notify.context.describe import Describer, Sources
from sonde.notify.context.draw import Line, Picture, draw
from sonde.notify.context.graph import Graphs
from sonde.notify.context.graph_links import GraphLinks
from sonde.notify.context.graph_plan import Threshold
from sonde.notify.context.ranges import PromQLRanges
from sonde.notify.context.releases import StoredResources
from sonde.notify.message_templates import MessageTemplates
from sonde.notify.notifier import Batch, Notifier
from sonde.notify.notifiers.http_client import HttpClients
from sonde.notify.notifiers.registry import build
from sonde.query.promql.clickhouse.storage import ClickHouseStorage
from sonde.query.promql.series import Floats
from sonde.store.client import Limits
from sonde.store.embedded import EmbeddedClickHouse
from sonde.store.migrate import migrate
from sonde.store.pool import AsyncStore
from sonde.telemetry.labels import Labels, labels_of

NOW = 1_795_000_000_000
EXPRESSION = "sum by (job) (rate(errors_total[5m])) / sum by (job) (rate(requests_total[5m])) > 0.01"
_SAMPLES = """
INSERT INTO sample_rows SELECT
  'default' AS tenant, {metric:String} AS metric, cityHash64(metric, labels) AS id,
  fromUnixTimestamp64Milli({now:Int64} - toInt64(intDiv(number, {series:UInt64})) * 15000) AS ts,
  fromUnixTimestamp64Milli(toInt64(0)) AS start_ts,
  toFloat64(1e6) - intDiv(number, {series:UInt64}) * (cityHash64(labels) % 50 + 1) AS value,
  'cumulative' AS temporality,
  map('endpoint', concat('/e', toString(number % {endpoints:UInt64})),
      'job', concat('job-', toString(intDiv(number % {series:UInt64}, {endpoints:UInt64}))),
      'version', '1') AS labels
FROM numbers(480 * {series:UInt64})
"""


class Rules:
    """One rule for all alerts."""

    def of(self, _tenant: str, _labels: Labels) -> tuple[str, str]:
        """See ``Expressions.of``."""
        return EXPRESSION, "promql"


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--jobs", type=int, default=50)
    arguments.add_argument("--endpoints", type=int, default=40)
    arguments.add_argument("--messages", type=int, default=60)
    arguments.add_argument("--integrations", type=int, default=5)
    options = arguments.parse_args()
    print(machine.speed())
    drawing()
    with tempfile.TemporaryDirectory() as directory, ThreadPoolExecutor(1) as thread:
        engine = EmbeddedClickHouse(Path(directory) / "engine")
        try:
            thread.submit(filled, engine, options.jobs, options.endpoints).result()
            asyncio.run(measure(engine, options.jobs, options.messages, options.integrations))
        finally:
            thread.submit(engine.close).result()
    print(machine.speed())


def filled(engine: EmbeddedClickHouse, jobs: int, endpoints: int) -> None:
    migrate(engine)
    series = jobs * endpoints
    for metric in ("errors_total", "requests_total", "app_build_info", "process_start_time_seconds"):
        engine.command(_SAMPLES, {"metric": metric, "now": NOW, "series": series, "endpoints": endpoints})
    print(f"{4 * series} series of two hours")


def drawing() -> None:
    import numpy as np

    times: Floats = NOW / 1000 - 3600 + np.arange(0, 3601, 30)
    lines = tuple(Line(f"job-{place}", np.sin(times / 300 + place)) for place in range(8))
    picture = Picture("HighErrorRate", EXPRESSION, times, lines, Threshold(">", 0.5))
    draw(picture)
    began = time.perf_counter()
    for _ in range(20):
        png = draw(picture)
    print(f"drawing 8 series: {(time.perf_counter() - began) * 50:.1f} ms, {len(png)} bytes")


async def measure(engine: EmbeddedClickHouse, jobs: int, messages: int, integrations: int) -> None:
    store = AsyncStore(engine, threads=4)
    ranges = PromQLRanges(lambda tenant, limits: ClickHouseStorage(store, tenant, limits))
    sources = Sources(
        expressions=Rules(),
        ranges=ranges,
        resources=StoredResources(lambda: store, Limits(execution_seconds=3)),
        graphs=Graphs(ranges),
        graph_links=GraphLinks("https://sonde.example.org", b"key", lambda: NOW * 10**6),
    )
    describer = Describer("default", "https://sonde.example.org", sources)
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    clients = HttpClients(time.time_ns, environment={})
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    configuration = parse_configuration(
        f"route: {{receiver: a}}\nreceivers: [{{name: a, webhook_configs: [{{url: '{url}'}}]}}]"
    )
    notifier = build(configuration, MessageTemplates(), "https://sonde.example.org", time.time_ns, clients)[
        "a/webhook/0"
    ]
    batches = [batch(number % jobs, NOW - number * 1000) for number in range(messages)]
    slowest = [0.0]

    async def described(each: Batch) -> Batch:
        began = time.perf_counter()
        with_context = replace(each, context=await describer.describe(each))
        slowest[0] = max(slowest[0], time.perf_counter() - began)
        return with_context

    async def as_it_is(each: Batch) -> Batch:
        return each

    try:
        first = await described(batch(0, NOW + 1000))
        print("  ", *first.context.changes, f"graph of {len(first.context.graph_png)} bytes", sep="\n   ")
        slowest[0] = 0.0
        plain = await report("sent without", batches, notifier, as_it_is)
        rich = await report("sent with its context", batches, notifier, described)
        print(f"ratio of processor time {rich / plain:.1f}; slowest description {slowest[0] * 1000:.0f} ms")
        again = [replace(each, integration=f"a/webhook/{n}") for n in range(1, integrations) for each in batches[-60:]]
        await report(f"to {integrations - 1} more integrations of the same groups", again, notifier, described)
    finally:
        await clients.aclose()
        server.close()
        await asyncio.sleep(0.1)  # the other side of the connections sees that
        store.close()


async def report(
    what: str, batches: list[Batch], notifier: Notifier, make: Callable[[Batch], Awaitable[Batch]]
) -> float:
    """Milliseconds of processor time a message, one after the other."""
    began, used = time.perf_counter(), time.process_time()
    for each in batches:
        result = await notifier.notify(await make(each))
        assert result.delivered, result
    seconds, used = time.perf_counter() - began, time.process_time() - used
    each_milli = used / len(batches) * 1000
    print(f"{what:50} {len(batches) / seconds:8.1f} /s {each_milli:8.2f} ms of processor time each")
    return each_milli


def batch(job: int, at: int) -> Batch:
    labels = labels_of({"alertname": "HighErrorRate", "job": f"job-{job}", "severity": "critical"})
    alert = Alert(labels, (("summary", "errors"),), (at - 60_000) * 10**6)
    return Batch(
        "a", "a/webhook/0", f'{{}}:{{job="job-{job}"}}', labels_of({"job": f"job-{job}"}), (alert,), at * 10**6
    )


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            size = next(int(line.split(":")[1]) for line in head.split("\r\n") if line.startswith("content-length"))
            await reader.readexactly(size)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            await writer.drain()
    except asyncio.IncompleteReadError:
        writer.close()


if __name__ == "__main__":
    main()
