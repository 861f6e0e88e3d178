"""The process as systemd or a person knows it: it starts once, ends when told, and keeps what it has."""

from __future__ import annotations

import http.client
import os
import subprocess
import threading
import time
from pathlib import Path

import pytest
from tests.e2e import bodies
from tests.e2e.server_process import SONDE, ServerProcess, free_port, running

pytestmark = pytest.mark.e2e

FOREVER = "SELECT sum(cityHash64(number)) FROM numbers(1000000000000)"


def sonde(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SONDE_")}
    return subprocess.run(
        [SONDE, *arguments], capture_output=True, text=True, timeout=120, check=False, env={**inherited, **environment}
    )


def serve(data: Path, listen: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    doors = [listen or f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"]
    return sonde(
        *("serve", "--data", str(data), "--listen", doors[0], "--otlp-http", doors[1], "--otlp-grpc", doors[2]),
        **environment,
    )


def test_a_second_server_on_the_same_data_is_refused_and_named_the_first(server: ServerProcess) -> None:
    second = serve(server.data)

    assert second.returncode == 2
    assert f"is in use by another Sonde (process {server.pid})" in second.stderr
    assert "--data" in second.stderr
    assert "Traceback" not in second.stderr
    assert server.get("/readyz")[0] == 200


def test_a_port_that_is_taken_is_named(server: ServerProcess, tmp_path: Path) -> None:
    second = serve(tmp_path / "data", listen=f"127.0.0.1:{server.ui}")

    assert second.returncode == 2
    assert f"cannot listen on 127.0.0.1:{server.ui} (listen)" in second.stderr


def test_other_machines_are_not_let_in_without_a_key(tmp_path: Path) -> None:
    refused = serve(tmp_path / "data", listen=f"0.0.0.0:{free_port()}")

    assert refused.returncode == 2
    assert "without a key" in refused.stderr
    assert "sonde keys create" in refused.stderr


def test_a_relative_data_directory_works_and_the_working_directory_stays_as_it_is(tmp_path: Path) -> None:
    """A container's is often read-only, and the engine would write into it."""
    server = ServerProcess(Path("data"))
    server.cwd, server.log = tmp_path / "cwd", tmp_path / "log"
    server.cwd.mkdir()
    server.start()
    try:
        assert server.send("traces", bodies.spans(1)).status == 200
        server.wait_until_inserted()
        assert server.count("SELECT count() FROM spans") == bodies.SPANS
    finally:
        server.stop()
    assert [path.name for path in server.cwd.iterdir()] == ["data"]


def test_what_was_stored_and_what_was_only_acknowledged_is_there_after_a_restart(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running(data) as first:
        for batch in range(5):
            assert first.send("traces", bodies.spans(batch)).status == 200
            assert first.send("logs", bodies.logs(batch)).status == 200
        assert first.stop() == 0
    with running(data) as second:
        second.wait_until_inserted()
        assert second.count("SELECT count() FROM spans") == 5 * bodies.SPANS
        assert second.count("SELECT count() FROM logs") == 5 * bodies.LOG_RECORDS
        assert second.messages() == []
        assert second.stop() == 0


def test_sigterm_ends_it_within_ten_seconds_under_load_and_while_a_query_runs(tmp_path: Path) -> None:
    """Acknowledged until the end: each body that got a 200 is there at the next start, and no other half."""
    data = tmp_path / "data"
    with running(data) as server:
        acknowledged: list[int] = []
        senders = [threading.Thread(target=_send_until_refused, args=(server, acknowledged, n)) for n in range(2)]
        slow = threading.Thread(target=_ask_forever, args=(server,))
        for thread in (*senders, slow):
            thread.start()
        _wait_for_query(server)
        began = time.monotonic()
        code = server.stop()
        seconds = time.monotonic() - began
        for thread in (*senders, slow):
            thread.join()
        assert (code, seconds < 10) == (0, True), seconds
        assert len(acknowledged) > 10
    with running(data) as server:
        server.wait_until_inserted()
        found = {
            int(batch): int(n) for batch, n in server.sql("SELECT attr_int['batch'] AS b, count() FROM logs GROUP BY b")
        }
        assert set(acknowledged) <= found.keys()
        assert set(found.values()) == {bodies.LOG_RECORDS}


def test_a_client_that_goes_away_takes_its_query_with_it(server: ServerProcess) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.ui)
    connection.request("POST", "/clickhouse/", FOREVER)
    _wait_for_query(server)
    connection.close()
    _wait_for_query(server, running_queries=0)


def _running_queries(server: ServerProcess) -> int:
    return server.count(
        "SELECT count() FROM system.processes WHERE query LIKE '%1000000000000%' AND query NOT LIKE '%processes%'"
    )


def _wait_for_query(server: ServerProcess, running_queries: int = 1) -> None:
    deadline = time.monotonic() + 30
    while _running_queries(server) != running_queries:
        assert time.monotonic() < deadline
        threading.Event().wait(0.05)


def _ask_forever(server: ServerProcess) -> None:
    try:
        server.ask("POST", "/clickhouse/", FOREVER.encode())
    except (OSError, http.client.HTTPException):
        return  # stopped with the server


def _send_until_refused(server: ServerProcess, acknowledged: list[int], first: int) -> None:
    batch = first
    while True:
        try:
            if server.send("logs", bodies.logs(batch)).status != 200:
                return
        except (OSError, http.client.HTTPException):
            return
        acknowledged.append(batch)
        batch += 2
