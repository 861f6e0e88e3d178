"""How fast rules are evaluated over series in memory: 10,000 rules over 100,000 series, in less than their minute?

    .venv/bin/python benchmarks/rules.py [rules] [series]

A third each: a sum of rates that is recorded, a comparison that gives no alert, one that gives an alert with a text.
What the store takes to answer is not in it; what the write path gets is built and thrown away.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence

from sonde.query.promql.memory_storage import Line, MemoryStorage
from sonde.receivers.prometheus.scrape.clock import SystemClock
from sonde.rules.batch import Sample, write_request
from sonde.rules.group import Group, Surroundings
from sonde.rules.languages import in_memory
from sonde.rules.notify import SentAlert
from sonde.rules.recent import Recent
from sonde.rules.rule_file import parse_rule_file
from sonde.rules.template import Templates
from sonde.telemetry.labels import labels_of

MINUTE = 60 * 10**9
PER_GROUP = 50
METRICS = 500


class Nobody:
    """Takes samples as bytes, and alerts; keeps nothing."""

    size_bytes = samples = 0

    async def write(self, samples: Sequence[Sample]) -> None:
        """See ``Writer.write``."""
        self.size_bytes += len(write_request(samples))
        self.samples += len(samples)

    async def notify(self, alerts: Sequence[SentAlert], *, tenant: str) -> None:
        """See ``Notifier.notify``."""


def storage_of(series: int) -> MemoryStorage:
    """Counters of as many metrics as there are hundreds of series, with six minutes of samples."""
    times = range(0, 7 * 60_000, 15_000)
    lines = {}
    for number in range(series):
        labels = {
            "__name__": f"requests_{number % METRICS}_total",
            "job": f"job-{number % 10}",
            "instance": str(number),
        }
        lines[labels_of(labels)] = Line({at: float(at // 1000 * (number % 7)) for at in times})
    return MemoryStorage(lines)


def text_of(rules: int) -> str:
    groups = []
    for group in range(rules // PER_GROUP):
        lines = []
        for number in range(group * PER_GROUP, (group + 1) * PER_GROUP):
            rate = f"sum by (job) (rate(requests_{number % METRICS}_total[5m]))"
            kind = number % 3
            if kind == 0:
                lines.append(f"{{record: 'job:requests:{number}', expr: '{rate}'}}")
            elif kind == 1:
                lines.append(f"{{alert: 'Quiet{number}', expr: '{rate} > 1e9', for: 5m}}")
            else:
                note = "annotations: {summary: '{{ $labels.job }}: {{ $value | humanize }}'}"
                lines.append(f"{{alert: 'Busy{number}', expr: 'topk(1, {rate})', {note}}}")
        groups.append(f"  - {{name: 'g{group}', rules: [{', '.join(lines)}]}}")
    return "groups:\n" + "\n".join(groups)


async def measure(rules: int, series: int) -> None:
    storage, recent, nobody = storage_of(series), Recent(), Nobody()
    languages = in_memory(recent.over(lambda: storage), subquery_step=60_000)
    began = time.perf_counter()
    file = parse_rule_file(text_of(rules), languages)
    print(f"read      {file.rule_count:>8,} rules in {time.perf_counter() - began:.1f} s")
    around = Surroundings(
        "default", lambda: storage, nobody, nobody, Templates(languages["promql"]), SystemClock(), recent
    )
    groups = [Group(definition, around, MINUTE) for definition in file.groups]
    for minute in (5, 6):
        began = time.perf_counter()
        for group in groups:
            await group.evaluate(minute * MINUTE)
        seconds = time.perf_counter() - began
        failed = sum(rule.health != "ok" for group in groups for rule in group.rules)
        print(
            f"evaluated {rules:>8,} rules over {series:,} series in {seconds:.1f} s: {rules / seconds:,.0f} rules/s, "
            f"{nobody.samples:,} samples, {failed} failed; a minute is {'enough' if seconds < 60 else 'NOT ENOUGH'}"
        )


if __name__ == "__main__":
    asked = [int(argument) for argument in sys.argv[1:]]
    asyncio.run(measure(asked[0] if asked else 10_000, asked[1] if len(asked) > 1 else 100_000))
