"""Rules beside Prometheus: 10,000 rules a minute over 100,000 series that go on coming in.

    python -m benchmarks.rules_peer [--rules 10000] [--series 100000] [--minutes 3] [--only sonde] [--profile file]

One after the other, each on the whole machine: Sonde's rules over its embedded store, then Prometheus. Both get the
same rule file (``rule_fleet``), the same samples by remote write, a quarter of an hour at once and then a scrape of all
series each 15 s, and tell the same metrics of their own (``prometheus_rule_*``), which are read each 15 s. The
first minute, in which both warm up, does not count. ``--rules 2000 --series 20000 --minutes 1`` is a quick look.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from benchmarks import machine
from benchmarks.prometheus_peer import Side, send
from benchmarks.prometheus_process import running_prometheus
from benchmarks.rule_fleet import groups_of
from benchmarks.scraped_fleet import INTERVAL, SERIES_OF_INSTANCE, Bodies, Fleet
from benchmarks.server import _free_ports

BACKFILL_STEPS = 60
WARM_SECONDS = 65.0
START_SECONDS = 120.0
LOOK_SECONDS = 15.0
"""As often as metrics are scraped: whoever tells of many groups pays for it."""
_GROUP = re.compile(r'prometheus_rule_(\w+)\{.*?rule_group="((?:[^"\\]|\\.)*)".*?\} (\S+)')


@dataclass
class Seen:
    """What a side told of its groups: the last of each counter, and every evaluation that was seen."""

    counters: dict[str, dict[str, float]] = field(default_factory=dict)
    evaluations: dict[tuple[str, float], float] = field(default_factory=dict)

    def read(self, exposition: str) -> None:
        """One scrape."""
        now: dict[str, dict[str, float]] = {}
        for name, group, value in _GROUP.findall(exposition):
            now.setdefault(name, {})[group] = float(value)
        self.counters.update(now)
        for group, at in now.get("group_last_evaluation_timestamp_seconds", {}).items():
            if at > 0:
                self.evaluations[group, at] = now["group_last_duration_seconds"][group]

    def total(self, name: str) -> float:
        """A counter of all groups."""
        return sum(self.counters.get(name, {}).values())


def metrics_of(side: Side) -> str:
    """What it tells of itself."""
    connection = http.client.HTTPConnection("127.0.0.1", side.port, timeout=120)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return text


class Feed:
    """A scrape of all series each 15 s, each instance at its own time within it."""

    def __init__(self, side: Side, fleet: Fleet) -> None:
        self._side, self._fleet, self._bodies = side, fleet, Bodies(fleet)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.late_seconds = 0.0

    def backfill(self) -> None:
        """What was before."""
        window = self._fleet.window(BACKFILL_STEPS)
        send(self._side, self._bodies.of(window, BACKFILL_STEPS))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            due = (self._fleet.start + (self._fleet.sent_steps + 1) * INTERVAL) / 1000
            [bodies] = self._bodies.of(self._fleet.window(1), 1)
            for number, body in enumerate(bodies):
                at = due + number / len(bodies) * INTERVAL / 1000
                if self._stop.wait(max(0.0, at - time.time())):
                    return
                send(self._side, [[body]])
                self.late_seconds = max(self.late_seconds, time.time() - at)


def measured(side: Side, options: argparse.Namespace) -> tuple[float, float]:
    """Feed a side, watch it, print what it did; processor seconds a rule, and the median group's seconds."""
    steps_ago = int(time.time() * 1000) // INTERVAL - BACKFILL_STEPS
    fleet = Fleet(options.series // SERIES_OF_INSTANCE, steps_ago * INTERVAL)
    feed, seen = Feed(side, fleet), Seen()
    feed.backfill()
    with feed:
        time.sleep(WARM_SECONDS)
        seen.read(metrics_of(side))
        seen.evaluations.clear()
        before, cpu, usage = dict(seen.counters), machine.cpu_seconds(side.pid), machine.Usage.now()
        began = time.monotonic()
        while time.monotonic() < began + options.minutes * 60:
            time.sleep(min(LOOK_SECONDS, max(0.1, began + options.minutes * 60 - time.monotonic())))
            seen.read(metrics_of(side))
        seconds = time.monotonic() - began
        used = machine.cpu_seconds(side.pid) - cpu

        def more(name: str) -> float:
            return seen.total(name) - sum(before.get(name, {}).values())

        rules, took = more("evaluations_total"), sorted(seen.evaluations.values())
        p50, p99 = statistics.median(took), took[int(len(took) * 0.99)]
        print(
            f"{side.name}: {rules / seconds:,.0f} rules/s evaluated, {options.rules / 60:,.0f} asked for; "
            f"{more('group_iterations_total'):,.0f} groups due, {more('group_iterations_missed_total'):,.0f} missed, "
            f"{more('evaluation_failures_total'):,.0f} rules failed\n"
            f"  a group of 20: p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms, longest {took[-1] * 1000:.0f} ms; "
            f"samples written an interval {seen.total('group_last_evaluation_samples'):,.0f}\n"
            f"  processor {used / seconds:.2f} cores ({used / max(rules, 1) * 1000:.2f} ms a rule, samples coming in "
            f"included); memory {machine.memory_bytes(side.pid) / 1e6:.0f} MB; feed late by "
            f"{feed.late_seconds:.1f} s at most; {machine.Usage.now().since(usage, ours=used)}",
            flush=True,
        )
    return used / max(rules, 1), p50


@contextlib.contextmanager
def running_sonde(rules: Path, options: argparse.Namespace) -> Iterator[Side]:
    """A process with store, remote write and rules alone."""
    [port] = _free_ports(1)
    with tempfile.TemporaryDirectory(prefix="sonde-bench-") as folder:
        command = [sys.executable, "-m", "benchmarks.rules_process", folder, str(port), str(rules)]
        if options.profile:
            command.append(options.profile)
        process = subprocess.Popen(command)
        side = Side("Sonde", port, "/prometheus", process.pid)
        try:
            end = time.monotonic() + START_SECONDS
            while True:
                with contextlib.suppress(OSError):
                    metrics_of(side)
                    break
                if process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError("the process with Sonde's rules did not start")
                time.sleep(0.1)
            yield side
        finally:
            process.terminate()
            process.wait(60)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rules", type=int, default=10_000)
    arguments.add_argument("--series", type=int, default=100_000)
    arguments.add_argument("--minutes", type=float, default=3.0)
    arguments.add_argument("--only", choices=("sonde", "prometheus"), default="")
    arguments.add_argument("--profile", default="", help="write a profile of Sonde's process to this file")
    options = arguments.parse_args()
    print(machine.speed())
    found: dict[str, tuple[float, float]] = {}
    with tempfile.TemporaryDirectory(prefix="rules-bench-") as folder:
        rules = Path(folder) / "rules.yml"
        rules.write_text(groups_of(options.rules, instances=options.series // SERIES_OF_INSTANCE))
        if options.only != "prometheus":
            with running_sonde(rules, options) as side:
                found["sonde"] = measured(side, options)
        program = shutil.which("prometheus")
        if options.only != "sonde" and program:
            text = f"global: {{evaluation_interval: 1m}}\nrule_files: [{rules}]\n"
            with running_prometheus(program, text) as server:
                found["prometheus"] = measured(
                    Side(f"Prometheus {server.version}", server.port, "", server.pid), options
                )
    if len(found) == 2:
        cpu, p50 = (ours / theirs for ours, theirs in zip(found["sonde"], found["prometheus"], strict=True))
        print(f"Sonde : Prometheus = {cpu:.1f} in processor time a rule, {p50:.1f} in the median group's time")
    print(machine.speed())


if __name__ == "__main__":
    main()
