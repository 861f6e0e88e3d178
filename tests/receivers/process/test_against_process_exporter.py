"""Ours against the genuine process-exporter on the machine that the test runs on."""

from __future__ import annotations

from pathlib import Path

from tests.receivers.exporters import differences, fetch, free_port, only, program, read_gaps, running, shapes

from sonde.receivers.collector import to_text
from sonde.receivers.process.collector import ProcessCollector

GAPS = read_gaps(Path(__file__).parent / "gaps.txt")

CONFIGURATION = """
process_names:
  - name: "{{.Comm}}"
    cmdline: ['.+']
"""


async def test_families_types_and_labels_are_those_of_the_exporter(tmp_path: Path) -> None:
    exporter, port = program("process-exporter", "prometheus-process-exporter"), free_port()
    (tmp_path / "rules.yml").write_text(CONFIGURATION)
    command = [exporter, "-config.path", str(tmp_path / "rules.yml"), "-web.listen-address", f"127.0.0.1:{port}"]
    with running(command, port=port, log=tmp_path / "log"):
        fetch(port)  # the first one has no groups yet
        theirs = only(shapes(fetch(port)), "namedprocess_")
    ours = shapes(to_text(await ProcessCollector().collect()))

    assert differences(ours, theirs) == []
    assert GAPS.unlisted(ours, theirs) == []
    assert GAPS.outdated(ours) == []
