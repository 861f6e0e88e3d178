"""A snapshot opens as a store of its own, with what was there when it was taken; the store goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sonde.errors import Conflict, InternalError
from sonde.store import snapshot

INSERT = "INSERT INTO {table} (tenant, metric, id, ts, value) SETTINGS insert_deduplicate = 0 SELECT 'default', 'up', number, now64(3), 1 FROM numbers({n})"
# chDB opens one directory a process, so the copy is opened by another
OPEN = """
import sys, threading
from pathlib import Path
from sonde.store.embedded import EngineCaps
from sonde.store.opening import open_embedded

def look():
    opened = open_embedded(Path(sys.argv[1]), EngineCaps())
    count = "SELECT count(), sum(value) FROM samples"
    before = opened.client.query(count).rows
    opened.client.command("INSERT INTO samples (tenant, metric, id, ts, value) SELECT 'default', 'up', 1, now64(3), 5")
    opened.client.command("OPTIMIZE TABLE samples FINAL")
    print(before, opened.client.query(count).rows, opened.messages)
    opened.client.close()

thread = threading.Thread(target=look)
thread.start()
thread.join()
"""


@pytest.fixture(scope="module")
def data(client: Any) -> Path:
    """The data directory of the open engine, as ``snapshot`` wants it: with its engine in ``engine``."""
    return Path(client.real._directory).parent


def opened(directory: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", OPEN, str(directory)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_snapshot_is_a_data_directory_with_what_was_there(client: Any, data: Path) -> None:
    client.empty("samples")
    client.command(INSERT.format(table="samples", n=1000))
    client.command(INSERT.format(table="samples", n=10))
    client.command("DELETE FROM samples WHERE id = 3")

    taken = client_thread(client, lambda: snapshot.take(client.real, data, "20261121T000000Z-0123456789abcdef"))
    client.command(INSERT.format(table="samples", n=500))
    client.command("OPTIMIZE TABLE samples FINAL")

    assert taken == data / "snapshots" / "20261121T000000Z-0123456789abcdef"
    assert opened(taken) == "[[1008, 1008]] [[1009, 1013]] []"
    assert client.value("SELECT count() FROM samples") == 1508
    assert not list((data / "engine" / "shadow").glob("2026*")), "what was frozen on the way is left"


def test_a_snapshot_costs_no_copy_of_the_data(client: Any, data: Path) -> None:
    client.command(INSERT.format(table="samples", n=1000))
    taken = client_thread(client, lambda: snapshot.take(client.real, data, "linked"))

    columns = list(taken.rglob("*.bin"))
    assert columns
    assert all(file.stat().st_nlink > 1 for file in columns)


def test_a_name_is_taken_once_and_is_no_path(client: Any, data: Path) -> None:
    client_thread(client, lambda: snapshot.take(client.real, data, "once"))
    with pytest.raises(Conflict, match="once already"):
        client_thread(client, lambda: snapshot.take(client.real, data, "once"))
    for name in ("../up", "a'b", ""):
        with pytest.raises(InternalError):
            snapshot.take(client.real, data, name)


def test_a_snapshot_that_fails_leaves_nothing(client: Any, data: Path) -> None:
    (data / "snapshots").mkdir(exist_ok=True)
    (data / "snapshots" / ".blocked").write_text("a file where the copy would be made")
    with pytest.raises(Conflict, match="could not be written"):
        client_thread(client, lambda: snapshot.take(client.real, data, "blocked"))
    assert not (data / "snapshots" / "blocked").exists()


def client_thread(client: Any, work: Any) -> Any:
    """Do it where the engine may be asked."""
    return client._thread.submit(work).result()
