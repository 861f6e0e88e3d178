"""A process with the embedded store, the receiver of remote write and the rules of a file, for ``rules_peer``.

python -m benchmarks.rules_process DIRECTORY PORT RULES.yml [PROFILE]
"""

from __future__ import annotations

import asyncio
import cProfile
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import prometheus_client
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from sonde.query.promql.clickhouse.resident import ResidentSamples
from sonde.query.promql.clickhouse.resident_steady import SteadyResident
from sonde.query.promql.clickhouse.storage import ClickHouseStorage
from sonde.query.promql.query import Limits
from sonde.receivers.in_flight import InFlight
from sonde.receivers.prometheus import remote_write
from sonde.receivers.prometheus.scrape.clock import SystemClock
from sonde.receivers.prometheus.write_labels import LabelLimits
from sonde.receivers.receiver import Receiver
from sonde.rules.batch import RemoteWriter
from sonde.rules.group import Surroundings
from sonde.rules.languages import PromQL
from sonde.rules.notify import SentAlert
from sonde.rules.recent import Recent
from sonde.rules.rule_file import load_rule_files
from sonde.rules.runner import Runner
from sonde.rules.shared import SharedLeaves
from sonde.rules.template import Templates
from sonde.store.embedded import EngineCaps
from sonde.store.ingest import Ingest
from sonde.store.opening import open_embedded
from sonde.store.pool import AsyncStore
from sonde.telemetry.tenancy import DEFAULT_TENANT, Identity, Role
from sonde.web.serving import serving


def anybody(headers: Mapping[str, str], *, peer: str) -> Identity:  # noqa: ARG001 - whoever it is
    """See ``receivers.Authenticate``."""
    return Identity(DEFAULT_TENANT, Role.ADMIN, "benchmark")


STEADY_MILLI = 5_000


class Nobody:
    """Takes alerts."""

    async def notify(self, alerts: Sequence[SentAlert], *, tenant: str) -> None:
        """See ``Notifier.notify``."""


async def run(data: Path, port: int, rules: str) -> None:
    """Everything until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    opened = await asyncio.to_thread(open_embedded, data, EngineCaps())
    store = AsyncStore(opened.client, threads=4)
    ingest = await asyncio.to_thread(lambda: Ingest(data, opened.client, derivations={}))
    ingest.start()
    resident = ResidentSamples(
        lambda: time.time_ns() // 1_000_000, most_bytes=512 << 20, revision=opened.client.revision
    )
    steady, recent, shared = SteadyResident(resident, age_milli=STEADY_MILLI), Recent(), SharedLeaves(time.monotonic)
    storage = recent.over(shared.over(lambda: ClickHouseStorage(store, DEFAULT_TENANT, Limits(), resident=steady)))
    language = PromQL(storage)
    around = Surroundings(
        DEFAULT_TENANT,
        storage,
        RemoteWriter(ingest, DEFAULT_TENANT),
        Nobody(),
        Templates(language),
        SystemClock(),
        recent,
    )
    runner = Runner(around)
    receiver = Receiver(
        ingest,
        anybody,
        InFlight(256 << 20),
        limit_bytes=64 << 20,
    )

    async def metrics(_: Request) -> Response:
        return Response(await asyncio.to_thread(prometheus_client.generate_latest), media_type="text/plain")

    write = remote_write.application(receiver, labels=LabelLimits())
    app = Starlette(routes=[Route("/metrics", metrics), Mount("/prometheus/api/v1", write)])
    definitions = await asyncio.to_thread(load_rule_files, [rules], {"promql": language})
    await runner.update(definitions)
    with socket.create_server(("127.0.0.1", port)) as listening:
        async with serving(app, listening):
            await stop.wait()
    await runner.close()
    await asyncio.to_thread(ingest.close)
    await asyncio.to_thread(store.close)
    await asyncio.to_thread(opened.client.close)


def main() -> None:
    data, port, rules, *profiled = sys.argv[1:]
    if not profiled:
        uvloop.run(run(Path(data), int(port), rules))
        return
    profile = cProfile.Profile()
    profile.enable()
    uvloop.run(run(Path(data), int(port), rules))
    profile.disable()
    profile.dump_stats(profiled[0])


if __name__ == "__main__":
    main()
