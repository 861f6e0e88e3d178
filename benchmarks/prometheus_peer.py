"""Sonde beside Prometheus: the same samples by remote write into both, then the same queries of both over HTTP.

    python -m benchmarks.prometheus_peer [--series 10000] [--hours 2] [--rounds 7] [--only text]

``--hours 24`` are the 57.6 million samples of a fleet of 100 instances. Both get the same compressed bodies, the same
way: first what was missed, ten minutes of each series a request; then Prometheus' own shape, a sample of each series,
2,000 a request, of which samples a second are told. Each query is asked of one after the other, several rounds, each
round at another time, on connections that stay open; both must give the same answer, to nine digits, or the benchmark
fails. Sonde keeps in memory what is asked for twice, so its first answer is told beside. Prometheus before version 3
has windows that are closed to the left: no sample lies on their ends here.

A line is marked when Sonde misses its aim: at a thousand series and more not slower, below that at most 20 ms behind.
"""

from __future__ import annotations

import argparse
import http.client
import json
import shutil
import statistics
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks import machine, server
from benchmarks.prometheus_process import Prometheus, running_prometheus
from benchmarks.scraped_fleet import INTERVAL, SERIES_OF_INSTANCE, Bodies, Fleet, as_version_2

HOUR = 3_600_000
WINDOW_STEPS = 40
LIVE_STEPS = 40
"""So many scrapes are sent as Prometheus sends them."""
SENDERS = 4
WARM_ROUNDS = 3
"""Rounds that warm both, and do not count; the very first one of Sonde is told beside."""
PANEL_CONNECTIONS = 6
"""As many as a browser opens."""
AIM_BEHIND_SECONDS = 0.020
AIM_FROM_SERIES = 1_000

ONE = 'http_requests_total{instance="10.0.0.3:8000",status="200"}'
ROUTE = 'http_requests_total{route="/cart",status="200"}'
GOOD = 'http_requests_total{status="200"}'
ALL = '{cluster="eu-west-1"}'
COUNTED = '{route=~".+",__name__!~".*_sum"}'
BUCKET = "http_request_duration_seconds_bucket"
QUANTILE = f"histogram_quantile(0.95, sum by (le, route) (rate({BUCKET}[5m])))"

# What is asked, over how many hours (0: at one time; -1: everything) and with which step in seconds.
QUERIES: list[tuple[str, float, int]] = [
    *((selector, 0, 0) for selector in (ONE, ROUTE, GOOD, ALL)),
    *((f"sum by (job) (rate({selector}[5m]))", 0, 0) for selector in (ONE, ROUTE, GOOD, COUNTED)),
    (QUANTILE, 0, 0),
    ("topk(10, rate(http_requests_total[5m]))", 0, 0),
    ("avg_over_time(process_open_fds[1h])", 0, 0),
    ("sum(increase(http_requests_total[1h]))", 0, 0),
    *((selector, 1, 15) for selector in (ONE, ROUTE, GOOD)),
    (ALL, 1, 60),
    *((f"rate({selector}[5m])", 1, 15) for selector in (ONE, ROUTE, GOOD)),
    *((f"sum by (job) (rate({selector}[5m]))", 1, 15) for selector in (ONE, ROUTE, GOOD, COUNTED)),
    *((f"sum by (job) (rate({selector}[5m]))", 1, 60) for selector in (GOOD, COUNTED)),
    (QUANTILE, 1, 15),
    (QUANTILE, 1, 60),
    ("topk(10, rate(http_requests_total[5m]))", 1, 60),
    ("max by (job) (process_resident_memory_bytes)", 1, 15),
    ("sum by (job) (http_requests_in_progress) / on (job) count by (job) (http_requests_in_progress)", 1, 60),
    (f"rate({ONE}[5m])", -1, 300),
    (f"sum by (job) (rate({ROUTE}[5m]))", -1, 300),
    (f"sum by (job) (rate({GOOD}[5m]))", -1, 300),
    (f"sum by (job) (rate({COUNTED}[5m]))", -1, 300),
    (QUANTILE, -1, 300),
    ("max_over_time(process_resident_memory_bytes[5m])", -1, 300),
]


def panels() -> list[str]:
    """Thirty panels of a service's dashboard."""
    found = []
    for job in ("shop", "billing", "search", "accounts", "mail"):
        of_job = f'job="{job}"'
        found += [
            f"sum by (status) (rate(http_requests_total{{{of_job}}}[5m]))",
            (
                f'sum(rate(http_requests_total{{{of_job},status=~"5.."}}[5m]))'
                f" / sum(rate(http_requests_total{{{of_job}}}[5m]))"
            ),
            f"histogram_quantile(0.99, sum by (le) (rate({BUCKET}{{{of_job}}}[5m])))",
            f"topk(5, sum by (route) (rate(http_requests_total{{{of_job}}}[5m])))",
            f"max(process_resident_memory_bytes{{{of_job}}})",
            f"sum by (instance) (rate(process_cpu_seconds_total{{{of_job}}}[5m]))",
        ]
    return found


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: where its API is, and its process."""

    name: str
    port: int
    prefix: str
    pid: int


class Client:
    """A connection that stays open, as Grafana's do."""

    def __init__(self, side: Side) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", side.port, timeout=300)
        self._prefix = side.prefix

    def write(self, body: bytes) -> None:
        """Send a request, again when it is refused for now."""
        headers = {
            "Content-Type": "application/x-protobuf",
            "Content-Encoding": "snappy",
            "X-Prometheus-Remote-Write-Version": "0.1.0",
        }
        for wait in (0.05, 0.2, 1.0, 5.0, 20.0, None):
            self._connection.request("POST", f"{self._prefix}/api/v1/write", body, headers)
            answer = self._connection.getresponse()
            said = answer.read()
            if answer.status < 300:
                return
            if answer.status not in (429, 503) or wait is None:
                raise RuntimeError(f"remote write answered {answer.status}: {said[:500]!r}")
            time.sleep(wait)

    def ask(self, query: str, start: float, end: float, step: int) -> tuple[float, bytes]:
        """The answer, and the seconds until its last byte."""
        if step:
            parameters = {"query": query, "start": start, "end": end, "step": step}
            path = f"{self._prefix}/api/v1/query_range?{urllib.parse.urlencode(parameters)}"
        else:
            path = f"{self._prefix}/api/v1/query?{urllib.parse.urlencode({'query': query, 'time': end})}"
        began = time.perf_counter()
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        body = answer.read()
        took = time.perf_counter() - began
        if answer.status != 200:
            raise RuntimeError(f"{query} answered {answer.status}: {body[:500]!r}")
        return took, body

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def send(side: Side, batches: Iterable[list[bytes]]) -> float:
    """Send bodies, those of a list side by side, a list after the other; seconds until the last was acknowledged."""
    clients = [Client(side) for _ in range(SENDERS)]
    began = time.perf_counter()
    with ThreadPoolExecutor(SENDERS) as threads:

        def share(number: int, bodies: list[bytes]) -> None:
            for body in bodies[number::SENDERS]:
                clients[number].write(body)

        for bodies in batches:
            for done in [threads.submit(share, number, bodies) for number in range(SENDERS)]:
                done.result()
    took = time.perf_counter() - began
    for client in clients:
        client.close()
    return took


@dataclass(slots=True)
class Written:
    """What remote write cost one side."""

    samples: int
    seconds: float
    """Until all of it can be queried."""
    cpu: float
    wire: int
    disk_written: int


def load(sonde: server.Server, sides: Sequence[Side], options: argparse.Namespace) -> int:
    """Fill both, and tell what came in how fast; returns the time of the last sample."""
    steps = int(options.hours * HOUR) // INTERVAL
    end = int(time.time() * 1000) // INTERVAL * INTERVAL
    fleet = Fleet(options.series // SERIES_OF_INSTANCE, end - steps * INTERVAL)
    bodies, live = Bodies(fleet), min(LIVE_STEPS, steps // 2)
    filled = 0.0
    while fleet.sent_steps < steps - live:
        window = fleet.window(min(WINDOW_STEPS, steps - live - fleet.sent_steps))
        batches = list(bodies.of(window, window.values.shape[1]))
        began = time.perf_counter()
        for side in sides:
            send(side, batches)
        filled += time.perf_counter() - began
    sonde.drain(seconds=600)
    batches = list(bodies.of(fleet.window(live), 1))
    wire = sum(len(body) for batch in batches for body in batch)
    samples = len(fleet.labels) * live
    print(f"\n{len(fleet.labels):,} series x {options.hours:g} h x 15 s: {len(fleet.labels) * steps:,} samples in both")
    print("\n| remote write, as Prometheus sends it | " + " | ".join(side.name for side in sides) + " |\n|---|---|---|")
    written = []
    for side in sides:
        cpu, before = machine.cpu_seconds(side.pid), _disk_written(side.pid)
        seconds = send(side, batches)
        if side.name == "Sonde":
            seconds += sonde.drain()
        written.append(
            Written(samples, seconds, machine.cpu_seconds(side.pid) - cpu, wire, _disk_written(side.pid) - before)
        )
    _row("samples/s, until they can be queried", (f"{each.samples / each.seconds:,.0f}" for each in written))
    _row("processor seconds for a million", (f"{each.cpu / each.samples * 1e6:.2f}" for each in written))
    _row("bytes a sample written to disk meanwhile", (f"{each.disk_written / each.samples:.1f}" for each in written))
    _row("bytes a sample on the wire, version 1", (f"{each.wire / each.samples:.1f}" for each in written))
    second = sum(len(as_version_2(body)) for body in batches[-1]) / len(fleet.labels)
    _row("bytes a sample on the wire, version 2", ("not before 3.0", f"{second:.1f}"))
    return end - INTERVAL


def tell_sizes(prometheus: Prometheus, sonde: server.Server, sides: Sequence[Side], samples: int) -> None:
    """Disk and memory, after both have come to rest."""
    sonde.settle(seconds=120)
    prometheus.settle()
    tables = sonde.disk_bytes()
    ours = sum(tables.get(table, 0) for table in ("samples", "series"))
    _row("bytes a sample on disk, at rest", (f"{prometheus.block_bytes() / samples:.2f}", f"{ours / samples:.2f}"))
    _row(
        "bytes a sample on disk just now, logs included",
        (f"{prometheus.disk_bytes() / samples:.2f}", f"{sum(tables.values()) / samples:.2f}"),
    )
    for name, field in (("memory, MB", "VmRSS"), ("memory at its peak, MB", "VmHWM")):
        _row(name, (f"{machine.memory_bytes(side.pid, field) / 1e6:.0f}" for side in sides))


def _disk_written(pid: int) -> int:
    lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))


def _row(name: str, values: Iterable[str]) -> None:
    print(f"| {name} | {' | '.join(values)} |", flush=True)


def compare(ours: bytes, theirs: bytes) -> tuple[int, str]:
    """How many values there are, and what differs, if anything does."""
    found, expected = _answer(ours), _answer(theirs)
    values = sum(len(times) for times, _ in expected.values())
    if found.keys() != expected.keys():
        missing, more = expected.keys() - found.keys(), found.keys() - expected.keys()
        return values, f"{len(missing)} series are missing, {len(more)} are too many: {list(missing | more)[:3]}"
    for labels, (times, numbers) in expected.items():
        our_times, our_numbers = found[labels]
        if not np.array_equal(times, our_times):
            return values, f"{dict(labels)}: other times: {set(times.tolist()) ^ set(our_times.tolist())}"
        differ = np.flatnonzero(~np.isclose(our_numbers, numbers, 1e-9, 1e-12, equal_nan=True))
        if len(differ):
            at = differ[0]
            return values, (
                f"{dict(labels)}: {len(differ)} of {len(times)} values differ,"
                f" at {times[at]:.3f} {our_numbers[at]!r} instead of {numbers[at]!r}"
            )
    return values, ""


def _answer(body: bytes) -> dict[frozenset[tuple[str, str]], tuple[Any, Any]]:
    result = json.loads(body)["data"]["result"]
    found = {}
    for series in result:
        points = series["values"] if "values" in series else [series["value"]]
        found[frozenset(series["metric"].items())] = (
            np.array([point[0] for point in points], float),
            np.array([float(point[1]) for point in points]),
        )
    return found


def touched(sonde: Client, query: str, end: float) -> int:
    """How many series a query looks at: its widest selector's."""
    selectors = {ONE, ROUTE, GOOD, ALL, COUNTED, BUCKET, "http_requests_total", "process_open_fds"}
    selectors |= {"process_resident_memory_bytes", "http_requests_in_progress"}
    inside = [selector for selector in selectors if selector in query]
    widest = max(inside, key=len)
    result = json.loads(sonde.ask(f"count({widest})", end, end, 0)[1])["data"]["result"]
    return int(result[0]["value"][1])


def ask_both(sides: Sequence[Side], last: int, wrong: list[str], options: argparse.Namespace) -> list[str]:
    """Print a line a query; returns those that miss the aim, and notes answers that are not the same."""
    clients = [Client(side) for side in sides]
    missed: list[str] = []
    heads = ("query", "range / step", "series", "values", "Prometheus ms (p90)", "Sonde ms (p90)", "Sonde, first")
    print(f"\n| {' | '.join(heads)} | Sonde : Prometheus | |")
    print("|---|---|---|---|---|---|---|---|---|")
    for query, hours, step in QUERIES:
        if options.only and options.only not in query:
            continue
        length = options.hours - 1 if hours < 0 else min(hours, options.hours - 1)
        length = length * 3600 // step * step if step else 0
        took: list[list[float]] = [[], []]
        values = 0
        first = 0.0
        for number in range(options.rounds + WARM_ROUNDS):
            end = _end(last, step, number)
            answers = []
            for place in (0, 1) if number % 2 else (1, 0):
                seconds, body = clients[place].ask(query, end - length, end, step)
                answers.append((place, body))
                if number >= WARM_ROUNDS:
                    took[place].append(seconds)
                elif number == 0 and place == 1:
                    first = seconds
            by_place = dict(answers)
            if number in (0, options.rounds):
                values, difference = compare(by_place[1], by_place[0])
                if difference:
                    wrong.append(f"{query} up to {end}: {difference}")
        asked = touched(clients[1], query, last // 1000)
        span = "instant" if not step else f"{length / 3600:g} h / {step} s"
        shown = query.replace("|", "&#124;")
        line, is_missed = _line(f"`{shown}` | {span} | {asked:,} | {values:,}", took, asked, first)
        print(line, flush=True)
        missed += [line] if is_missed else []
    return missed


def _end(last: int, step: int, number: int) -> int:
    """The end of a round's range, in seconds: at a multiple of the step, as Grafana asks."""
    unit = max(step, 60)
    return last // 1000 // unit * unit - unit * number


def ask_dashboards(sides: Sequence[Side], last: int, options: argparse.Namespace) -> list[str]:
    """All panels at once, as a browser asks for them: the time until the last is there."""
    missed = []
    for hours, step in ((1, 15), (min(6, options.hours - 1), 60)):
        took: list[list[float]] = [[], []]
        first = 0.0
        for number in range(options.rounds + WARM_ROUNDS):
            end = _end(last, step, number)
            for place in (0, 1) if number % 2 else (1, 0):
                seconds = dashboard(sides[place], end - hours * 3600, end, step)
                if number >= WARM_ROUNDS:
                    took[place].append(seconds)
                elif number == 0 and place == 1:
                    first = seconds
        line, is_missed = _line(
            f"dashboard of {len(panels())} panels | {hours:g} h / {step} s | | ", took, AIM_FROM_SERIES, first
        )
        print(line, flush=True)
        missed += [line] if is_missed else []
    return missed


def dashboard(side: Side, start: float, end: float, step: int) -> float:
    """Seconds for all panels over a browser's connections."""
    own = threading.local()
    opened: list[Client] = []

    def connect() -> None:
        own.client = Client(side)
        opened.append(own.client)

    with ThreadPoolExecutor(PANEL_CONNECTIONS, initializer=connect) as threads:
        began = time.perf_counter()
        asked = [threads.submit(lambda panel=panel: own.client.ask(panel, start, end, step)) for panel in panels()]
        for done in asked:
            done.result()
        took = time.perf_counter() - began
    for client in opened:
        client.close()
    return took


def _line(head: str, took: list[list[float]], series: int, first: float) -> tuple[str, bool]:
    theirs, ours = (statistics.median(seconds) for seconds in took)
    is_missed = ours > theirs if series >= AIM_FROM_SERIES else ours > theirs + AIM_BEHIND_SECONDS
    cells = [f"{statistics.median(each) * 1000:.1f} ({_p90(each) * 1000:.0f})" for each in took]
    cells.append(f"{first * 1000:.0f}")
    return f"| {head} | {' | '.join(cells)} | {ours / theirs:.2f} | {'behind' if is_missed else ''} |", is_missed


def _p90(seconds: list[float]) -> float:
    return sorted(seconds)[min(len(seconds) - 1, int(len(seconds) * 0.9))]


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--series", type=int, default=10_000)
    arguments.add_argument("--hours", type=float, default=2.0)
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("--only", default="", help="only queries with this text")
    options = arguments.parse_args()
    program = shutil.which("prometheus")
    if program is None:
        print("no prometheus on the path, so there is nothing to compare with")
        return 0
    print(machine.speed())
    with running_prometheus(program) as prometheus, server.running() as sonde:
        print(f"Prometheus {prometheus.version}")
        sides = [
            Side("Prometheus", prometheus.port, "", prometheus.pid),
            Side("Sonde", sonde.port, "/prometheus", sonde.pid),
        ]
        last = load(sonde, sides, options)
        tell_sizes(prometheus, sonde, sides, options.series * int(options.hours * HOUR) // INTERVAL)
        wrong: list[str] = []
        missed = [*ask_both(sides, last, wrong, options), *ask_dashboards(sides, last, options)]
        _row("memory after the queries, MB", (f"{machine.memory_bytes(side.pid) / 1e6:.0f}" for side in sides))
    print(f"\n{len(missed)} lines miss the aim")
    print(machine.speed())
    print("\n".join(["wrong answers:", *wrong]) if wrong else "all answers were the same")
    return len(wrong)


if __name__ == "__main__":
    sys.exit(main())
