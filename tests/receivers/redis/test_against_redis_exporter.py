"""Ours against the genuine redis_exporter, on the same Redis."""

from __future__ import annotations

from pathlib import Path

from tests.receivers.exporters import (
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
from tests.receivers.redis.conftest import PASSWORD, Server

from sonde.receivers.collector import to_text
from sonde.receivers.redis.collector import RedisCollector

GAPS = read_gaps(Path(__file__).parent / "gaps.txt")


async def test_families_types_and_labels_are_those_of_the_exporter(
    redis_server: Server, replica: Server, tmp_path: Path
) -> None:
    exporter, port = program("redis_exporter", "prometheus-redis-exporter"), free_port()
    address = f"redis://127.0.0.1:{redis_server.port}"
    command = [exporter, "--redis.addr", address, "--redis.password", PASSWORD]
    with running([*command, "--web.listen-address", f"127.0.0.1:{port}"], port=port, log=tmp_path / "log"):
        theirs = only(shapes(fetch(port)), "redis_")
        ours = shapes(to_text(await RedisCollector(redis_server.url).collect()))

    # Debian's is of 2022: it has no such label yet, and calls this counter a gauge.
    assert named(differences(ours, theirs)) <= {"redis_instance_info", "redis_expired_time_cap_reached_total"}
    assert GAPS.unlisted(ours, theirs) == []
    assert GAPS.outdated(ours) == []
