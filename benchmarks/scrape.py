"""Samples a second through scraping, and what a target costs, beside Debian's Prometheus on the same targets.

    python -m benchmarks.scrape [--targets 200] [--series 500] [--seconds 10] [--interval 1]

First one body alone, read and encoded, beside prometheus-client's parser. Then targets over HTTP with gzip, each
scraped every ``interval`` seconds for ``seconds``: by the scraper alone (its requests are counted and thrown away), by
the scraper with the log and the engine behind it, and by Prometheus. Seconds of processor time and resident memory.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import uvloop
from benchmarks.machine import speed
from prometheus_client.parser import text_string_to_metric_families

from sonde.receivers.consumer import Consumer
from sonde.receivers.prometheus.scrape.cycle import Cycle, CycleRules, Report
from sonde.receivers.prometheus.scrape.scraper import Scraper
from sonde.receivers.prometheus.scrape_config import load_scrape_configs
from sonde.telemetry.signal import Signal

VARIANTS = 8
_HERTZ = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def bodies(series: int) -> list[bytes]:
    """What one target says, one scrape after the other: counters of 25 label sets each, half of which go up."""
    chance = random.Random(1)
    values = [float(chance.randrange(100_000)) for _ in range(series)]
    written = []
    for _ in range(VARIANTS):
        lines = []
        for number in range(series):
            metric, label = divmod(number, 25)
            if not label:
                lines += [
                    f"# HELP http_{metric}_requests_total Requests that were answered.",
                    f"# TYPE http_{metric}_requests_total counter",
                ]
            values[number] += chance.randrange(1000) if chance.random() < 0.5 else 0
            lines.append(
                f'http_{metric}_requests_total{{code="200",method="GET",path="/api/v1/{label}"}} {values[number]!r}'
            )
        written.append("\n".join([*lines, ""]).encode())
    return written


async def serve(port: int, series: int) -> None:
    """All targets, on one port: whatever is asked for is a target of its own."""
    packed = [gzip.compress(body, 1) for body in bodies(series)]
    answers = [
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\ncontent-encoding: gzip\r\n"
        + b"content-length: %d\r\n\r\n" % len(body)
        + body
        for body in packed
    ]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = 0
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(answers[number % VARIANTS])
                number += 1
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port, backlog=1000)
    await server.serve_forever()


class Counting:
    """Counts requests and throws them away, or hands them on."""

    def __init__(self, ingest: Consumer | None) -> None:
        self.requests = self.bytes = 0
        self._ingest = ingest

    async def consume(self, signal: Signal, body: bytes, *, tenant: str) -> None:
        """Count it."""
        self.requests += 1
        self.bytes += len(body)
        if self._ingest is not None:
            await self._ingest.consume(signal, body, tenant=tenant)


async def scrape(config: Path, warm_seconds: float, seconds: float, ingest: Consumer | None) -> dict[str, float]:
    """Scrape for so long, and say what it took."""
    counting = Counting(ingest)
    scraper = Scraper(counting, "default")
    await scraper.start(load_scrape_configs(config))
    await asyncio.sleep(warm_seconds)
    requests, size, cpu, begin = counting.requests, counting.bytes, time.process_time(), time.perf_counter()
    await asyncio.sleep(seconds)
    took = {
        "seconds": time.perf_counter() - begin,
        "requests": counting.requests - requests,
        "bytes": counting.bytes - size,
        "cpu": time.process_time() - cpu,
        "memory": resident_bytes(os.getpid()),
        "down": sum(target.health != "up" for target in scraper.active("default")),
    }
    await scraper.stop()
    return took


def with_store(config: Path, warm_seconds: float, seconds: float, directory: Path) -> dict[str, float]:
    """The same, into MergeTree."""
    from sonde.store.embedded import EmbeddedClickHouse  # here, so that the scraper alone is alone in its memory
    from sonde.store.ingest import Ingest
    from sonde.store.migrate import migrate

    took: dict[str, float] = {}

    def work() -> None:  # the engine refuses the main thread
        client = EmbeddedClickHouse(directory / "engine")
        migrate(client)
        ingest = Ingest(directory, client, derivations={})
        ingest.start()
        took.update(uvloop.run(scrape(config, warm_seconds, seconds, ingest)))
        ingest.close()
        client.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return took


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _HERTZ


def prometheus(config: Path, warm_seconds: float, seconds: float, directory: Path) -> dict[str, float]:
    """Debian's, on the same targets."""
    port = free_port()
    process = subprocess.Popen(
        ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={directory}/tsdb",
         f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip

    def appended() -> float:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            lines = answer.read().decode().splitlines()
        name = "prometheus_tsdb_head_samples_appended_total"
        return sum(float(line.split()[-1]) for line in lines if line.startswith(name))

    try:
        time.sleep(warm_seconds)
        samples, cpu, begin = appended(), cpu_seconds(process.pid), time.perf_counter()
        time.sleep(seconds)
        return {
            "seconds": time.perf_counter() - begin,
            "samples": appended() - samples,
            "cpu": cpu_seconds(process.pid) - cpu,
            "memory": resident_bytes(process.pid),
        }
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_for(port: int) -> None:
    """Return when somebody listens."""
    end = time.monotonic() + 60
    while True:
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        if time.monotonic() > end:
            raise TimeoutError(f"nobody listens on {port}")
        time.sleep(0.05)


def one_body(series: int) -> None:
    """Read and encode, on one thread, beside the client library's own parser."""
    written = bodies(series)
    cycle = Cycle((("instance", "api:80"), ("job", "api")), CycleRules())
    now, best, first, peer = 1_800_000_000_000, 1e9, 0.0, 1e9
    for number in range(60):
        begin = time.process_time()
        reading = cycle.read("text/plain", written[number % VARIANTS])
        cycle.delivered(cycle.succeed(reading, now + number * 15_000, Report(0.1), now_milli=now + number * 15_000))
        took = time.process_time() - begin
        if number == 0:
            first = took
        elif number > 2:
            best = min(best, took)
    for body in written[:3]:
        begin = time.process_time()
        count = sum(len(family.samples) for family in text_string_to_metric_families(body.decode()))
        peer = min(peer, time.process_time() - begin)
        assert count == series
    print(
        f"one body of {series} series: read and encoded {series / best / 1e3:,.0f} k samples/s a core "
        f"(the first time {series / first / 1e3:,.0f} k); prometheus-client only parses {series / peer / 1e3:,.0f} k: "
        f"ratio {peer / best:.0f}"
    )


def report(name: str, took: dict[str, float], options: argparse.Namespace) -> float:
    """One line; returns microseconds of processor time a sample."""
    samples = took.get("samples", took.get("requests", 0) * (options.series + 5))
    micro, core = took["cpu"] / samples * 1e6, 100 * took["cpu"] / took["seconds"]
    print(
        f"  {name:<18} {samples / took['seconds'] / 1e3:6.0f} k samples/s  {micro:5.2f} us a sample  "
        f"{micro * (options.series + 5) / 1e3:5.2f} ms a scrape  {core:4.0f} % of a core  "
        f"{took['memory'] / 2**20:5.0f} MB"
        + (f"  {took['bytes'] / samples:.0f} bytes a sample" if "bytes" in took else "")
        + (f"  {took['down']:.0f} TARGETS DOWN" if took.get("down") else "")
    )
    return micro


def compare(options: argparse.Namespace, directory: Path) -> None:
    port = free_port()
    groups = [
        {"targets": [f"127.0.0.1:{port}"], "labels": {"__metrics_path__": f"/{number}", "instance": f"host-{number}"}}
        for number in range(options.targets)
    ]
    (directory / "targets.json").write_text(json.dumps(groups))
    config = directory / "prometheus.yml"
    config.write_text(
        f"global: {{scrape_interval: {options.interval}s, scrape_timeout: {options.interval}s}}\n"
        f"scrape_configs: [{{job_name: api, file_sd_configs: [{{files: [{directory}/targets.json]}}]}}]\n"
    )
    warm = 10.0 + 2 * options.interval  # the first scrapes take many times as long
    server = role(options, directory, "serve", str(port))
    try:
        wait_for(port)
        print(f"{options.targets} targets of {options.series} series, every {options.interval} s:")
        found = {}
        for name in ("alone", "store"):
            with role(options, directory, name, str(warm)) as process:
                found[name] = json.loads(process.communicate()[0])
        mine = report("scraper alone", found["alone"], options)
        stored = report("scraper and store", found["store"], options)
        if shutil.which("prometheus") is None:
            print("  Prometheus is not installed: apt-get install prometheus")
            return
        theirs = report("Prometheus", prometheus(config, warm, options.seconds, directory), options)
        print(
            f"  ours to Prometheus', processor time a sample: {mine / theirs:.2f}; with the store {stored / theirs:.2f}"
        )
    finally:
        server.kill()
        server.wait()


def role(options: argparse.Namespace, directory: Path, name: str, value: str) -> subprocess.Popen[bytes]:
    """This file as a process of its own."""
    command = [sys.executable, "-m", "benchmarks.scrape", "--role", name, value, str(directory)]
    command += ["--series", str(options.series), "--seconds", str(options.seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def play(options: argparse.Namespace) -> None:
    name, value, place = options.role
    directory = Path(place)
    config = directory / "prometheus.yml"
    if name == "serve":
        asyncio.run(serve(int(value), options.series))
    elif name == "alone":
        print(json.dumps(uvloop.run(scrape(config, float(value), options.seconds, None))))
    else:
        print(json.dumps(with_store(config, float(value), options.seconds, directory)))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--targets", type=int, default=200)
    arguments.add_argument("--series", type=int, default=500)
    arguments.add_argument("--seconds", type=float, default=10.0)
    arguments.add_argument("--interval", type=int, default=1)
    arguments.add_argument("--role", nargs=3, help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.role:
        play(options)
        return
    print(speed())
    one_body(options.series)
    with tempfile.TemporaryDirectory() as directory:
        compare(options, Path(directory))


if __name__ == "__main__":
    main()
