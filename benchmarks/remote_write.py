"""Samples a second through remote write, from the compressed body to MergeTree, beside what the bare engine does.

    .venv/bin/python benchmarks/remote_write.py [--series 100000] [--rounds 4]

Bodies are Prometheus': 2,000 series of nine labels, one sample each, of a hundred names. Both sides see the same
samples; the engine alone is given them as a segment. CPU seconds, since machines are shared; the best round counts.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sonde.receivers import snappy
from sonde.receivers.in_flight import InFlight
from sonde.receivers.prometheus import remote_write
from sonde.receivers.prometheus.messages import Request, WriteRequest
from sonde.receivers.prometheus.write_check import CONTENT_TYPES, check
from sonde.receivers.prometheus.write_labels import KnownLabels
from sonde.receivers.receiver import Receiver
from sonde.store.client import Client
from sonde.store.embedded import EmbeddedClickHouse
from sonde.store.frame import tail, varint
from sonde.store.ingest import Ingest
from sonde.store.migrate import migrate
from sonde.store.wire import LANDING_TABLES, input_settings
from sonde.telemetry.signal import Signal
from sonde.telemetry.tenancy import Identity, Role

SERIES_OF_A_BODY = 2_000
START = 1_795_000_000_000


def labels(series: int) -> list[tuple[str, str]]:
    return sorted(
        {
            "__name__": f"http_requests_{series % 100}_total",
            "cluster": "eu-west-1",
            "instance": f"10.0.{series % 250}.{series % 7}:8080",
            "job": "api",
            "method": ("GET", "POST")[series % 2],
            "namespace": "production",
            "path": f"/api/v1/things/{series // 100}",
            "pod": f"api-{series % 97}-abcdef",
            "status": str(200 + series % 5),
        }.items()
    )


def body(version: int, first: int, milliseconds: int, chance: random.Random) -> bytes:
    """One request of either version."""
    request = (WriteRequest if version == 1 else Request)()
    symbols = {"": 0}
    for series in range(first, first + SERIES_OF_A_BODY):
        one = request.timeseries.add()
        for name, value in labels(series):
            if version == 1:
                one.labels.add(name=name, value=value)
            else:
                one.labels_refs.extend(symbols.setdefault(text, len(symbols)) for text in (name, value))
        one.samples.add(value=float(chance.randrange(1_000_000)), timestamp=milliseconds)
        if version == 2:
            one.metadata.type = 1
    if version == 2:
        request.symbols.extend(symbols)
    return bytes(request.SerializeToString())


def bodies(version: int, series: int, number: int) -> list[bytes]:
    chance = random.Random(number)
    return [body(version, first, START + number * 15_000, chance) for first in range(0, series, SERIES_OF_A_BODY)]


def cpu_seconds(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def engine_alone(client: Client, requests: list[bytes], token: str, directory: Path) -> float:
    segment = directory / "segment"
    with segment.open("wb") as file:
        for one in requests:
            end = tail(one, "default", START * 10**6)
            file.write(varint(len(one) + len(end)) + one + end)
    settings = input_settings(Signal.PROMETHEUS)
    return cpu_seconds(
        lambda: client.insert_file(
            LANDING_TABLES[Signal.PROMETHEUS], segment, input_format="Protobuf", token=token, settings=settings
        )
    )


class WholePath:
    """The receiver with a real log and writer behind it."""

    def __init__(self, client: Client, directory: Path) -> None:
        self._ingest = Ingest(directory, client, derivations={})
        self._ingest.start()
        receiver = Receiver(self._ingest, authenticate, InFlight(256 << 20))
        self._application = remote_write.application(receiver)

    def send(self, version: int, compressed: list[bytes]) -> None:
        """Send all bodies, eight at a time as Prometheus' shards do, and wait until they are in the store."""

        async def shard(mine: list[bytes]) -> None:
            for one in mine:
                await self._post(version, one)

        async def shards() -> None:
            await asyncio.gather(*(shard(compressed[number::8]) for number in range(8)))

        asyncio.run(shards())
        while self._ingest.counts()[Signal.PROMETHEUS].log.pending_bytes:
            threading.Event().wait(0.01)

    async def _post(self, version: int, one: bytes) -> None:
        headers = {"content-type": CONTENT_TYPES[version], "content-encoding": "snappy"}
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/write",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": one}

        async def send(message: Any) -> None:
            assert message.get("status", 204) == 204, message

        await self._application(scope, receive, send)

    def close(self) -> None:
        """Insert what waits."""
        self._ingest.close()


def authenticate(headers: Mapping[str, str], *, peer: str) -> Identity:  # noqa: ARG001 - as the Protocol has it
    """Let everybody in."""
    return Identity("default", Role.INGEST, "anyone")


def measure(directory: Path, series: int, rounds: int) -> None:
    client = EmbeddedClickHouse(directory / "engine")
    migrate(client)
    path = WholePath(client, directory)
    for version in (1, 2):
        known = KnownLabels()
        best = {"check": 1e9, "engine alone": 1e9, "whole path": 1e9}
        for number in range(rounds):
            requests = bodies(version, series, number * 3 + version)
            compressed = [snappy.compress(one) for one in requests]
            took = {
                "check": cpu_seconds(lambda: [check(version, one, known) for one in requests]),  # noqa: B023 - called at once
                "engine alone": engine_alone(client, requests, f"{version}-{number}", directory),
                "whole path": cpu_seconds(lambda: path.send(version, compressed)),  # noqa: B023
            }
            if number == 0:
                sizes = sum(map(len, requests)) / series, sum(map(len, compressed)) / series
                print(f"version {version}: {sizes[0]:.0f} bytes a sample, {sizes[1]:.0f} compressed")
                print("  all series new: " + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in took.items()))
            else:
                best = {name: min(best[name], seconds) for name, seconds in took.items()}
        for name, seconds in best.items():
            print(f"  {name}: {series / seconds:,.0f} samples/s a core")
        print(f"  whole path to engine alone: {best['engine alone'] / best['whole path']:.2f}")
    path.close()
    client.close()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--series", type=int, default=100_000)
    options.add_argument("--rounds", type=int, default=4)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        thread = threading.Thread(target=measure, args=(Path(directory), chosen.series, chosen.rounds))
        thread.start()  # the engine refuses the main thread
        thread.join()


if __name__ == "__main__":
    main()
