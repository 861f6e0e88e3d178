"""How many spans, log records and points go durably through the port of a real server, and when they can be queried.

    python benchmarks/bench_ingest.py [--seconds 5] [--rounds 3] [--signals traces logs metrics] [--rate 0]

Each round, for each signal, beside one server and with the generator in a process of its own:

1. *closed loop*: as much as goes through. ``sustained`` counts the time until all of it is in the store: items /
   (sending + draining), so that a long queue is no merit;
2. *open loop* at the goal, or at 90 % of what was sustained when that is less: how long an acknowledgement takes,
   counted from when a body was due, and how long it takes until a query finds it;
3. the peers, in the same minute: the *bare engine*, which inserts the same bodies from segment files with nothing else
   around (the ceiling of this machine), and *plain Python*, which decodes each item into a row and inserts rows.

Rounds are interleaved, because machines are shared. The rate that counts is the best round's, and all are printed.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

from benchmarks import machine, server
from benchmarks.fleet import attributes
from benchmarks.load import Plan, Report
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

GOALS = {"traces": 150_000, "logs": 250_000, "metrics": 200_000}
GOAL_ACKNOWLEDGED_SECONDS = 0.1
GOAL_QUERYABLE_SECONDS = 2.0
NAMES = {"traces": "spans", "logs": "log records", "metrics": "data points"}
# Where rows of a signal lie, and which of these tables has one row an item.
TABLES = {
    "traces": ("spans", ("spans", "trace_index", "red_1m")),
    "logs": ("logs", ("logs",)),
    "metrics": ("samples", ("samples", "series")),
}


@dataclass(slots=True)
class Round:
    """One signal, once."""

    acknowledged_rate: float
    sustained_rate: float
    refused: int
    server_cpu: float  # seconds for a million items
    generator_cpu: float
    threads: dict[str, float]
    usage: str
    offered_rate: float
    open_loop: Report
    queryable: list[float]
    engine_rate: float
    engine_cpu: float
    naive_rate: float


@dataclass(slots=True)
class Results:
    """All rounds of a signal."""

    rounds: list[Round] = field(default_factory=list)
    peak_bytes: int = 0
    disk: str = ""


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--seconds", type=float, default=5.0, help="of each phase")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--signals", nargs="+", choices=list(GOALS), default=list(GOALS))
    arguments.add_argument("--rate", type=float, default=0.0, help="items/s of the open loop; 0: the goal or what fits")
    arguments.add_argument("--json", action="store_true", help="also print all figures as JSON")
    options = arguments.parse_args()

    print(machine.speed())
    results = {signal: Results() for signal in options.signals}
    for number in range(options.rounds):
        for signal in options.signals:
            found = one_round(signal, options.seconds, options.rate, results[signal])
            results[signal].rounds.append(found)
            print(f"round {number + 1} {signal}: sustained {found.sustained_rate:,.0f}/s; {found.usage}", flush=True)
    print(machine.speed())
    for signal, result in results.items():
        report(signal, result)
    if options.json:
        print(json.dumps({signal: asdict(result) for signal, result in results.items()}))


def one_round(signal: str, seconds: float, rate: float, result: Results) -> Round:
    with server.running() as under_test:
        load(Plan(signal, under_test.otlp_port, 1.0))  # first bodies find everything cold
        under_test.drain()
        before, threads = machine.cpu_seconds(under_test.pid), machine.cpu_by_thread(under_test.pid)
        usage = machine.Usage.now()
        closed = load(Plan(signal, under_test.otlp_port, seconds))
        drained = under_test.drain()
        used = machine.cpu_seconds(under_test.pid) - before
        by_thread = machine.cpu_by_thread(under_test.pid)
        words = machine.Usage.now().since(usage, ours=used + closed.cpu_seconds)
        millions = closed.acknowledged / 1e6
        sustained = closed.acknowledged / (closed.seconds + drained)

        offered = rate or min(GOALS[signal], 0.9 * sustained)
        with watching(under_test, signal) as queryable:
            opened = load(Plan(signal, under_test.otlp_port, seconds, items_per_second=offered))
        under_test.drain()
        result.peak_bytes = max(result.peak_bytes, machine.memory_bytes(under_test.pid, "VmHWM"))
        under_test.settle()
        result.disk = disk(under_test, signal)
    engine = peer("engine", signal)
    naive = peer("naive", signal)
    return Round(
        acknowledged_rate=closed.acknowledged / closed.seconds,
        sustained_rate=sustained,
        refused=closed.refused,
        server_cpu=used / millions,
        generator_cpu=closed.cpu_seconds / millions,
        threads={name: (spent - threads.get(name, 0.0)) / millions for name, spent in by_thread.items()},
        usage=words,
        offered_rate=offered,
        open_loop=opened,
        queryable=queryable,
        engine_rate=engine["rate"],
        engine_cpu=engine["cpu"],
        naive_rate=naive["rate"],
    )


def load(plan: Plan) -> Report:
    command = [sys.executable, "-m", "benchmarks.load", json.dumps(asdict(plan))]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Report(**json.loads(done.stdout))


def peer(kind: str, signal: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.peers", kind, signal]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


@contextmanager
def watching(under_test: server.Server, signal: str) -> Iterator[list[float]]:
    """Send a numbered item each half second, and ask until it is found; the seconds from sending to finding."""
    sent: dict[int, float] = {}
    seen: list[float] = []
    stop = threading.Event()

    def send() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            connection = http.client.HTTPConnection("127.0.0.1", under_test.otlp_port, timeout=30)
            body = probe(signal, number)
            sent[number] = time.monotonic()
            connection.request("POST", f"/v1/{signal}", body, {"content-type": "application/x-protobuf"})
            connection.getresponse().read()
            connection.close()
            stop.wait(0.5)

    def ask() -> None:
        last = 0
        while not stop.is_set() or last < max(sent, default=0):
            newest = int(under_test.sql(PROBES[signal])[0][0])
            now = time.monotonic()
            seen.extend(now - sent[number] for number in range(last + 1, newest + 1))
            last = max(last, newest)
            time.sleep(0.05)

    threads = [threading.Thread(target=send), threading.Thread(target=ask)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        stop.set()
        for thread in threads:
            thread.join()


# The number of the newest probe that can be found.
PROBES = {
    "traces": "SELECT max(attr_int['number']) FROM spans WHERE service = 'probe'",
    "logs": "SELECT max(attr_int['number']) FROM logs WHERE service = 'probe'",
    "metrics": "SELECT toUInt64(max(value)) FROM samples WHERE metric = 'probe'",
}


def probe(signal: str, number: int) -> bytes:
    service, numbered, now = attributes(("service.name", "probe")), attributes(("number", number)), time.time_ns()
    if signal == "traces":
        spans = ExportTraceServiceRequest()
        resource_spans = spans.resource_spans.add()
        resource_spans.resource.attributes.extend(service)
        span = resource_spans.scope_spans.add().spans.add(name="probe", start_time_unix_nano=now, attributes=numbered)
        span.trace_id, span.span_id = number.to_bytes(16), number.to_bytes(8)
        return spans.SerializeToString()
    if signal == "logs":
        records = ExportLogsServiceRequest()
        resource_logs = records.resource_logs.add()
        resource_logs.resource.attributes.extend(service)
        resource_logs.scope_logs.add().log_records.add(time_unix_nano=now, attributes=numbered)
        return records.SerializeToString()
    points = ExportMetricsServiceRequest()
    resource_metrics = points.resource_metrics.add()
    resource_metrics.resource.attributes.extend(service)
    metric = resource_metrics.scope_metrics.add().metrics.add(name="probe")
    metric.gauge.data_points.add(time_unix_nano=now, as_double=number)
    return points.SerializeToString()


def disk(under_test: server.Server, signal: str) -> str:
    rows_of, tables = TABLES[signal]
    sizes = under_test.disk_bytes()
    rows = int(under_test.sql(f"SELECT count() FROM {rows_of}")[0][0])
    return ", ".join(f"{table} {sizes.get(table, 0) / rows:.1f} B" for table in tables)


def report(signal: str, result: Results) -> None:
    rounds, goal, name = result.rounds, GOALS[signal], NAMES[signal]
    best = max(rounds, key=lambda each: each.sustained_rate)
    latencies = sorted(latency for each in rounds for latency in each.open_loop.latencies)
    pooled = Report(latencies=latencies)
    queryable = sorted(seconds for each in rounds for seconds in each.queryable)

    def spread(attribute: str, unit: str = "/s") -> str:
        values = [getattr(each, attribute) for each in rounds]
        return f"{max(values):>11,.0f}{unit} best {statistics.median(values):>9,.0f}{unit} median"

    refused, unsent = sum(each.refused for each in rounds), sum(each.open_loop.unsent for each in rounds)
    cpu, of_engine, of_generator = (
        min(getattr(each, attribute) for each in rounds) for attribute in ("server_cpu", "engine_cpu", "generator_cpu")
    )
    middle, slow, slowest = (pooled.latency(quantile) * 1e3 for quantile in (0.5, 0.99, 1))
    threads = sorted(best.threads.items(), key=lambda each: -each[1])[:6]
    lines = {
        "acknowledged": f"{spread('acknowledged_rate')}   {refused} bodies told to wait",
        "sustained": f"{spread('sustained_rate')}   {best.sustained_rate / goal:.2f} of the goal {goal:,}/s",
        "bare engine": f"{spread('engine_rate')}   the whole server reaches {ratio(rounds, 'engine_rate'):.2f} of it",
        "plain Python": f"{spread('naive_rate')}   the whole server is {ratio(rounds, 'naive_rate'):.1f} times as fast",
        "processor time": f"{cpu:.2f} µs an item in the server: the goal needs {cpu * goal / 1e6:.2f} cores; "
        f"bare engine {of_engine:.2f} µs, generator {of_generator:.2f} µs",
        "  by thread": ", ".join(f"{thread} {spent:.2f}" for thread, spent in threads),
        "offered": ", ".join(f"{each.offered_rate:,.0f}/s" for each in rounds) + f"; {unsent} bodies never left",
        "acknowledged in": f"p50 {middle:.1f} ms, p99 {slow:.1f} ms, max {slowest:.0f} ms; p99 is "
        f"{slow / 1e3 / GOAL_ACKNOWLEDGED_SECONDS:.2f} of the goal 100 ms",
        "queryable after": f"p50 {statistics.median(queryable):.2f} s, max {queryable[-1]:.2f} s; max is "
        f"{queryable[-1] / GOAL_QUERYABLE_SECONDS:.2f} of the goal 2 s",
        "memory at peak": f"{result.peak_bytes / 1e6:.0f} MB",
        "on disk an item": result.disk,
    }
    print(f"\n{name}, in bodies of 500")
    for label, line in lines.items():
        print(f"  {label:17} {line}")


def ratio(rounds: list[Round], attribute: str) -> float:
    """The median over rounds of the sustained rate by the peer's of the same minute."""
    return statistics.median(each.sustained_rate / float(getattr(each, attribute)) for each in rounds)


if __name__ == "__main__":
    main()
