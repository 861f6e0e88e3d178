"""Ours against the genuine node_exporter on the machine that the test runs on."""

from __future__ import annotations

from pathlib import Path

from tests.receivers.exporters import differences, fetch, free_port, named, only, program, read_gaps, running, shapes

from sonde.receivers.collector import to_text
from sonde.receivers.host.collector import HostCollector

GAPS = read_gaps(Path(__file__).parent / "gaps.txt")


async def test_families_types_and_labels_are_those_of_the_exporter(tmp_path: Path) -> None:
    exporter, port = program("node_exporter", "prometheus-node-exporter"), free_port()
    with running([exporter, f"--web.listen-address=127.0.0.1:{port}"], port=port, log=tmp_path / "log"):
        theirs = only(shapes(fetch(port)), "node_")
        ours = shapes(to_text(await HostCollector().collect()))

    # Versions before 1.9 have fewer labels on what is there for its labels only.
    newer = {"node_disk_info", "node_network_info"} if Path(exporter).name.startswith("prometheus") else set()
    assert named(differences(ours, theirs)) - newer == set()
    assert GAPS.unlisted(ours, theirs) == []


async def test_no_gap_is_listed_that_is_none() -> None:
    assert GAPS.outdated(shapes(to_text(await HostCollector().collect()))) == []
