"""Ours against the genuine postgres_exporter, on the same PostgreSQL."""

from __future__ import annotations

import os
from pathlib import Path

from tests.receivers.exporters import (
    Shape,
    differences,
    fetch,
    free_port,
    named,
    only,
    program,
    read_gaps,
    running,
    shapes,
)
from tests.receivers.postgres.conftest import Server

from sonde.receivers.collector import to_text
from sonde.receivers.postgres.collector import PostgresCollector

GAPS = read_gaps(Path(__file__).parent / "gaps.txt")

SERVER = "server"
"""A label of older versions, which have several servers in one exposition. Ours is told by `instance`."""


async def test_families_types_and_labels_are_those_of_the_exporter(
    postgres: Server, replica: Server, tmp_path: Path
) -> None:
    exporter, port = program("postgres_exporter", "prometheus-postgres-exporter"), free_port()
    command = [exporter, f"--web.listen-address=127.0.0.1:{port}"]
    with running(command, port=port, log=tmp_path / "log", env=os.environ | {"DATA_SOURCE_NAME": postgres.dsn}):
        found = only(shapes(fetch(port)), "pg_")
    collector = PostgresCollector(postgres.dsn)
    ours = shapes(to_text(await collector.collect()))
    await collector.close()

    theirs = {name: Shape(shape.type, shape.labels - {SERVER}) for name, shape in found.items()}
    # Versions since 0.12 tell whose connections they are, as we do; Debian's is older.
    newer = {"pg_stat_activity_count", "pg_stat_activity_max_tx_duration"}
    assert named(differences(ours, theirs)) - newer == set()
    assert GAPS.unlisted(ours, theirs) == []
    assert GAPS.outdated(ours) == []
