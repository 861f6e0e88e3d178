"""A full disk: clear refusals, nothing acknowledged is lost, and it goes on by itself once there is room."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.e2e import bodies
from tests.e2e.server_process import ServerProcess, running

pytestmark = pytest.mark.e2e


def test_on_a_full_disk_bodies_are_refused_and_none_that_was_acknowledged_is_lost(
    small_disk: Callable[[int], Path],
) -> None:
    disk = small_disk(160)
    ballast = disk / "ballast"
    with running(disk / "data", {"SONDE_LIMITS_MIN_FREE_BYTES": "8MiB"}) as server:
        acknowledged = _send(server, range(20))
        free = server.api("/status")["disk"]["free_bytes"]
        ballast.write_bytes(bytes(max(0, free - (4 << 20))))

        refused = server.send("logs", bodies.logs(10_000))
        assert (refused.status, refused.headers["retry-after"]) == (503, "30")
        assert "disk" in refused.text
        assert "full" in refused.text
        assert server.count("SELECT count() >= 0 FROM logs") == 1  # questions are still answered
        acknowledged |= _send(server, range(20, 30))

        ballast.unlink()
        deadline = time.monotonic() + 30
        while server.send("logs", bodies.logs(30)).status != 200:
            assert time.monotonic() < deadline, "it did not recover"
            threading.Event().wait(0.2)
        acknowledged |= {30} | _send(server, range(31, 40))
        _assert_exact(server, acknowledged)
        assert server.stop() == 0
    with running(disk / "data") as again:
        _assert_exact(again, acknowledged)


@pytest.mark.slow
def test_on_a_disk_that_fills_up_under_load_the_same_holds(small_disk: Callable[[int], Path]) -> None:
    """The disk has no reserve and is filled by telemetry itself, so inserts and merges fail too."""
    disk = small_disk(140)
    ballast = disk / "ballast"
    with running(disk / "data", {"SONDE_LIMITS_MIN_FREE_BYTES": "0"}) as server:
        free = server.api("/status")["disk"]["free_bytes"]
        ballast.write_bytes(bytes(max(0, free - (6 << 20))))
        acknowledged: set[int] = set()
        refusals = 0
        for batch in range(3000):
            answer = server.send("logs", bodies.logs(batch))
            assert answer.status in {200, 503}, answer.text
            if answer.status == 200:
                acknowledged.add(batch)
            else:
                refusals += 1
            if refusals > 50:
                break
        ballast.unlink()
        assert refusals > 0
        _assert_exact(server, acknowledged)
        assert server.stop() == 0
    with running(disk / "data") as again:
        _assert_exact(again, acknowledged)


def _send(server: ServerProcess, batches: range) -> set[int]:
    return {batch for batch in batches if server.send("logs", bodies.logs(batch)).status == 200}


def _assert_exact(server: ServerProcess, acknowledged: set[int]) -> None:
    server.wait_until_inserted(seconds=120)
    found = {
        int(batch): int(n) for batch, n in server.sql("SELECT attr_int['batch'] AS b, count() FROM logs GROUP BY b")
    }
    assert found == dict.fromkeys(acknowledged, bodies.LOG_RECORDS)
