"""How many firing alerts the alerting pipeline takes in and tells in a second.

    python benchmarks/alert_pipeline.py [--alerts 10000] [--routes 100] [--silences 100] [--database]

All alerts are posted, then posted again as Prometheus does each minute, then their groups have turn after turn; some
alerts are inhibited. ``--database`` keeps the state in a SQLite file, as a server does.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks import machine

from sonde.notify.alert import PostedAlert
from sonde.notify.configuration import parse_configuration
from sonde.notify.database_state import DatabaseState
from sonde.notify.notifier import Result
from sonde.notify.pipeline import Pipeline
from sonde.notify.silence import Silence
from sonde.notify.state import MemoryState, State
from sonde.state.database import open_database
from sonde.telemetry.matcher import Matcher

SECOND = 10**9
START = 1_767_261_600 * SECOND


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--alerts", type=int, default=10_000)
    arguments.add_argument("--routes", type=int, default=100)
    arguments.add_argument("--silences", type=int, default=100)
    arguments.add_argument("--database", action="store_true")
    options = arguments.parse_args()
    print(machine.speed())
    with tempfile.TemporaryDirectory() as directory:
        state: State = DatabaseState(open_database(Path(directory))) if options.database else MemoryState()
        measure(options.alerts, options.routes, options.silences, state)
    print(machine.speed())


def measure(alerts: int, routes: int, silences: int, state: State) -> None:
    lines = "".join(
        f"    - {{matchers: ['team=~\"team-{place}|t{place}\"'], receiver: a}}\n" for place in range(routes)
    )
    configuration = parse_configuration(
        "route:\n  receiver: a\n  group_by: [service]\n  routes:\n" + lines + "receivers: "
        "[{name: a, webhook_configs: [{url: 'http://a/'}]}]\ninhibit_rules: [{source_matchers: [severity=critical], "
        "target_matchers: [severity=warning], equal: [service]}]\n"
    )
    pipeline = Pipeline(configuration, state, START)
    for place in range(silences):
        matchers = (Matcher("instance", "=~", f"host-{place}-.*"), Matcher("team", "=", f"team-{place % routes}"))
        pipeline.put_silence(Silence(matchers, START, START + 10**15), START)
    posted = [
        PostedAlert(
            {
                "alertname": f"Alert{place % 50}",
                "team": f"team-{place % routes}",
                "service": f"service-{place % 500}",
                "instance": f"host-{place}-a",
                "severity": ("critical", "warning", "info")[place % 3],
            },
            {"summary": f"alert {place} fires"},
            START,
            START + 10**15,
        )
        for place in range(alerts)
    ]
    for what in ("first", "again"):
        began = time.perf_counter()
        pipeline.post(posted, START)
        report(f"{alerts} alerts posted {what}", alerts, time.perf_counter() - began)
    for turn in range(4):
        now = START + (30 + 300 * turn) * SECOND
        began = time.perf_counter()
        due = pipeline.advance(now)
        for delivery in due:
            pipeline.settle(delivery, Result(), now)
        seconds = time.perf_counter() - began
        report(f"turn {turn} of {len(pipeline.groups())} groups, {len(due)} notifications", alerts, seconds)
    began = time.perf_counter()
    calls = 10_000
    for _ in range(calls):
        pipeline.advance(now)
    report("advance with nothing to do", calls, time.perf_counter() - began)


def report(what: str, count: int, seconds: float) -> None:
    print(f"{what:55} {seconds * 1000:9.1f} ms {count / seconds:12,.0f} /s")


if __name__ == "__main__":
    main()
