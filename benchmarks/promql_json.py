"""How fast the answer of a range query becomes JSON, on one core: values a second.

    .venv/bin/python benchmarks/promql_json.py [series] [steps]

The yardstick is what one would write first: lists of ``[time, "value"]`` of Python, given to ``json.dumps``. Before it
is measured, both are compared: they must be the same values.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

import numpy as np

from sonde.query.promql.histogram.text import json_float
from sonde.query.promql.series import Floats, Integers, Vector
from sonde.web.prometheus.json import matrix_rows

START, STEP = 1_700_000_000_000, 15_000


def grids(series: int, steps: int) -> dict[str, Floats]:
    """Values as queries give them."""
    random = np.random.default_rng(1)
    rates = random.random((series, steps)) * 1e3
    return {
        "rates": rates,
        "rates, with gaps": rates,
        "whole numbers": np.floor(rates * 1e3),
        "two decimals": np.round(rates, 2),
        "half NaN": np.where(random.random((series, steps)) < 0.5, np.nan, rates),
        "very large": rates * 1e30,
    }


def vector_of(name: str, values: Floats) -> Vector:
    labels = [(("__name__", "http_requests_total"), ("instance", f"10.0.0.{n}:9090")) for n in range(len(values))]
    gaps = np.random.default_rng(2).random(values.shape) < 0.1
    present = ~gaps if "gaps" in name else np.ones(values.shape, dtype=np.bool_)
    return Vector(labels, values, present)


def plain(vector: Vector, times: Integers) -> str:
    moments = [moment / 1000 for moment in times.tolist()]
    return json.dumps(
        [
            {
                "metric": dict(labels),
                "values": [
                    [moment, json_float(value)]
                    for moment, value, is_there in zip(moments, row, there, strict=True)
                    if is_there
                ],
            }
            for labels, row, there in zip(vector.labels, vector.values.tolist(), vector.present.tolist(), strict=True)
        ],
        separators=(",", ":"),
    )


def ours(vector: Vector, times: Integers) -> str:
    return "[" + ",".join(matrix_rows(vector, times)) + "]"


def seconds(work: Callable[[], object], rounds: int) -> float:
    """The best of some rounds, in processor time: what neighbours on the machine take is not ours."""
    best = float("inf")
    for _ in range(rounds):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best


def main() -> None:
    series, steps = (int(argument) for argument in (*sys.argv[1:], "1000", "1000")[:2])
    times = START + np.arange(steps, dtype=np.int64) * STEP
    print(f"{series} series x {steps} steps, million values/s")
    print(f"{'':<18} {'ours':>8} {'lists':>8}")
    for name, values in grids(series, steps).items():
        vector = vector_of(name, values)
        count = int(vector.present.sum())
        if json.loads(ours(vector, times)) != json.loads(plain(vector, times)):
            raise SystemExit(f"{name}: not the same values")
        fast, slow = seconds(lambda: ours(vector, times), 3), seconds(lambda: plain(vector, times), 1)  # noqa: B023
        print(f"{name:<18} {count / fast / 1e6:8.2f} {count / slow / 1e6:8.2f}")


if __name__ == "__main__":
    main()
