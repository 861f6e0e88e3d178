"""Every benchmark, one after the other, each in a process of its own: what ``make bench`` runs.

    python -m benchmarks.run [--scale 1] [names]

``--scale 1`` is a quick look of some minutes; 3 or more gives figures to quote.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

# Name, and its arguments at a scale.
BENCHMARKS: dict[str, Callable[[float], list[str]]] = {
    "bench_ingest": lambda scale: ["--seconds", f"{4 * scale:g}", "--rounds", f"{2 + scale // 2:.0f}"],
    "bench_idle": lambda scale: ["--seconds", f"{15 * scale:g}"],
    "bench_overview": lambda scale: ["--millions", f"{min(10, 2 * scale):g}"],
    "otlp_check": lambda _: [],
    "llm_normalise": lambda scale: [f"{0.5 * scale:g}"],
    "metrics_insert": lambda scale: ["--rounds", f"{2 * scale:.0f}"],
    "scrape": lambda scale: ["--seconds", f"{8 * scale:g}"],
    "prometheus_peer": lambda scale: ["--hours", f"{min(24, 2 * scale):g}", "--rounds", f"{2 + 3 * scale:.0f}"],
    "sdk_overhead": lambda scale: ["--requests", f"{1500 * scale:.0f}", "--rounds", f"{2 + scale:.0f}"],
}


def main() -> int:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--scale", type=float, default=1.0)
    arguments.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], default=[])
    options = arguments.parse_args()
    failed = []
    for name in options.names or BENCHMARKS:
        print(f"\n== {name}", flush=True)
        file = Path(__file__).with_name(f"{name}.py")
        if subprocess.run([sys.executable, str(file), *BENCHMARKS[name](options.scale)], check=False).returncode:
            failed.append(name)
    if failed:
        print(f"\nfailed: {', '.join(failed)}")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
