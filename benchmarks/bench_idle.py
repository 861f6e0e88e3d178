"""What an idle server costs: memory and processor time, after its start and after it has taken something in.

    python benchmarks/bench_idle.py [--seconds 30]

Goals: under 450 MB and under 3 % of one core.
"""

from __future__ import annotations

import argparse
import time

from benchmarks import machine, server
from benchmarks.bench_ingest import load
from benchmarks.load import Plan

GOAL_BYTES = 450e6
GOAL_CORES = 0.03


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--seconds", type=float, default=30.0, help="of each idle stretch")
    options = arguments.parse_args()
    print(machine.speed())
    with server.running() as under_test:
        time.sleep(2)
        watch("after start", under_test.pid, options.seconds)
        for signal in ("traces", "logs", "metrics"):
            load(Plan(signal, under_test.otlp_port, 3.0, items_per_second=20_000))
        under_test.drain()
        watch("just after 180 k items", under_test.pid, options.seconds)
        under_test.settle()
        watch("when its merges are done", under_test.pid, options.seconds)
    print(machine.speed())


def watch(when: str, pid: int, seconds: float) -> None:
    threads, usage = machine.cpu_by_thread(pid), machine.Usage.now()
    time.sleep(seconds)
    after, now = machine.cpu_by_thread(pid), machine.Usage.now()
    spent = {name: used - threads.get(name, 0.0) for name, used in after.items()}
    cores, size = sum(spent.values()) / (now.at - usage.at), machine.memory_bytes(pid)
    top = sorted(spent.items(), key=lambda each: -each[1])[:3]
    own = machine.memory_bytes(pid, "RssAnon")
    print(
        f"idle {when:26} {cores * 100:5.2f} % of one core ({cores / GOAL_CORES:.2f} of the goal 3 %), "
        f"{size / 1e6:.0f} MB ({size / GOAL_BYTES:.2f} of the goal 450 MB; {own / 1e6:.0f} MB of it no mapped file); "
        f"most: {', '.join(f'{name} {used:.2f} s' for name, used in top)}; "
        f"{now.since(usage, ours=sum(spent.values()))}",
        flush=True,
    )


if __name__ == "__main__":
    main()
