"""Inserts at rest while somebody needs the tables still, and bodies that are acknowledged meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.receivers.prometheus.write_requests import NOW, series, version_1

from sonde.errors import Unavailable
from sonde.store.gate import Gate
from sonde.store.ingest import Ingest
from sonde.telemetry.signal import Signal

METRICS = (Signal.METRICS, Signal.PROMETHEUS)


def test_who_closes_waits_for_those_inside_and_goes_before_those_who_come() -> None:
    gate = Gate()
    seen: list[str] = []
    entered, wanted = threading.Event(), threading.Event()

    def close() -> None:
        wanted.set()
        with gate.closed():
            seen.append("closed")

    def come() -> None:
        entered.wait()
        with gate.passing():
            seen.append("came")

    threads = [threading.Thread(target=close), threading.Thread(target=come)]
    with gate.passing():
        threads[0].start()
        wanted.wait()
        while not gate._closers:
            pass
        threads[1].start()
        entered.set()
        seen.append("inside")
    for thread in threads:
        thread.join()

    assert seen == ["inside", "closed", "came"]


@pytest.fixture
def ingest(client: Any, tmp_path: Path) -> Iterator[Ingest]:
    opened = Ingest(tmp_path, client.real, derivations={}, segment_age_seconds=0.05)
    opened.start()
    yield opened
    opened.close()


def write(ingest: Ingest, name: str) -> None:
    """Returns when it is acknowledged."""
    asyncio.run(ingest.consume(Signal.PROMETHEUS, version_1(series(name, (1.0, NOW))), tenant="default"))


def rows(client: Any, name: str) -> int:
    return int(client.value("SELECT count() FROM samples WHERE metric = {name:String}", name=name))


def test_what_was_acknowledged_is_in_the_store_when_it_has_settled(client: Any, ingest: Ingest) -> None:
    for _ in range(5):
        write(ingest, "settled")
    ingest.settle(METRICS)

    assert rows(client, "settled") == 5


def test_nothing_is_inserted_at_rest_and_everything_afterwards(client: Any, ingest: Ingest) -> None:
    with ingest.at_rest(METRICS):
        write(ingest, "resting")  # acknowledged all the same
        with pytest.raises(Unavailable, match="1 segments that were acknowledged wait"):
            ingest.settle(METRICS, timeout_seconds=0.3)
        assert rows(client, "resting") == 0
        ingest.settle([Signal.LOGS])  # other signals go on

    ingest.settle(METRICS)
    assert rows(client, "resting") == 1
