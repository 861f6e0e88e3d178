"""What metrics cost the engine: CPU seconds and bytes on disk for SDK-sized bodies, from segment file to MergeTree.

    .venv/bin/python benchmarks/metrics_insert.py [--bodies 400] [--rounds 5]

Prints the least of several rounds, since machines are shared; kinds are interleaved for the same reason. An insert of
one body shows what an insert costs before it has any data: mostly the planning of the views.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from sonde.store.client import Client
from sonde.store.embedded import EmbeddedClickHouse
from sonde.store.frame import tail, varint
from sonde.store.migrate import migrate
from sonde.store.wire import LANDING_TABLES, input_settings
from sonde.telemetry.signal import Signal

POINTS = 500  # of one body: 10 metrics of 50 series
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
START = 1_795_000_000 * 10**9


def attribute(key: str, value: str | int) -> KeyValue:
    pair = KeyValue(key=key)
    if isinstance(value, int):
        pair.value.int_value = value
    else:
        pair.value.string_value = value
    return pair


def body(kind: str, process: int, round_number: int, chance: random.Random) -> bytes:
    """One process' export; five attributes a point, one of them an integer."""
    request = ExportMetricsServiceRequest()
    resource_metrics = request.resource_metrics.add()
    for key, value in {
        "service.name": f"service-{process % 30}",
        "service.instance.id": f"instance-{process:05d}",
        "host.name": f"host-{process % 50}",
        "telemetry.sdk.name": "opentelemetry",
    }.items():
        resource_metrics.resource.attributes.append(attribute(key, value))
    scope_metrics = resource_metrics.scope_metrics.add()
    for number in range(10):
        metric = scope_metrics.metrics.add(
            name=f"http.server.{kind}.{number}", unit="s", description="What was answered, by route"
        )
        data: Any = metric.histogram if kind == "histogram" else metric.sum if number % 2 else metric.gauge
        if kind == "histogram" or number % 2:
            data.aggregation_temporality = 2
        for series in range(POINTS // 10):
            point = data.data_points.add(
                start_time_unix_nano=START, time_unix_nano=START + round_number * 15 * 10**9 + process * 10**6
            )
            labels: dict[str, str | int] = {
                "http.route": f"/api/v1/things/{series}",
                "http.request.method": ("GET", "POST")[series % 2],
                "http.response.status_code": 200 + series % 5,
                "server.address": f"host-{process % 50}",
                "network.protocol.version": "1.1",
            }
            point.attributes.extend(attribute(key, value) for key, value in labels.items())
            if kind == "histogram":
                point.explicit_bounds.extend(BOUNDS)
                point.bucket_counts.extend(chance.randrange(100) for _ in range(len(BOUNDS) + 1))
                point.count, point.sum = sum(point.bucket_counts), chance.random() * 1e3
            elif number % 2:
                point.as_int = round_number * 1000 + chance.randrange(1000)
            else:
                point.as_double = round(chance.random() * 1e6, 3)
    return request.SerializeToString()


def cpu_seconds(client: Client, bodies: list[bytes], token: str, directory: Path) -> float:
    segment = directory / "segment"
    with segment.open("wb") as file:
        for one in bodies:
            end = tail(one, "default", START)
            file.write(varint(len(one) + len(end)) + one + end)
    before = time.process_time()
    client.insert_file(
        LANDING_TABLES[Signal.METRICS],
        segment,
        input_format="Protobuf",
        token=token,
        settings=input_settings(Signal.METRICS),
    )
    return time.process_time() - before


def measure(directory: Path, processes: int, rounds: int) -> None:
    client = EmbeddedClickHouse(directory / "engine")
    migrate(client)
    chance = random.Random(1)
    kinds = {"number": processes, "histogram": max(1, processes // 10)}
    least = {"number": 1e9, "histogram": 1e9, "one body": 1e9}
    for round_number in range(rounds):
        for kind, count in kinds.items():
            bodies = [body(kind, process, round_number, chance) for process in range(count)]
            seconds = cpu_seconds(client, bodies, f"{kind}-{round_number}", directory)
            if round_number:  # the first round makes all the series
                least[kind] = min(least[kind], seconds)
            else:
                print(f"{kind}: {count * POINTS} points, all series new: {seconds:.2f} s CPU")
        least["one body"] = min(
            least["one body"], cpu_seconds(client, [body("number", 0, 99, chance)], f"one-{round_number}", directory)
        )
    for kind, count in kinds.items():
        seconds = least[kind]
        print(
            f"{kind}: {count * POINTS} points, series known: {seconds:.2f} s CPU, "
            f"{count * POINTS / seconds:,.0f} points/s a core"
        )
    print(f"one body: {least['one body'] * 1000:.0f} ms CPU an insert")
    for table in ("samples", "series"):
        client.command(f"OPTIMIZE TABLE {table} FINAL")
        [[rows, size]] = client.query(
            f"SELECT sum(rows), sum(data_compressed_bytes) FROM system.parts WHERE table = '{table}' AND active"
        ).rows
        print(f"{table}: {rows} rows, {int(str(size)) / int(str(rows)):.2f} bytes a row")
    client.close()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--bodies", type=int, default=400)
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        thread = threading.Thread(target=measure, args=(Path(directory), chosen.bodies, chosen.rounds))
        thread.start()  # the engine refuses the main thread
        thread.join()


if __name__ == "__main__":
    main()
