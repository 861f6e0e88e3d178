"""What the scraper writes, through the real engine: samples, starts, exemplars, metadata, native histograms, markers."""

from __future__ import annotations

from typing import Any

from tests.receivers.prometheus.scrape.test_cycle import PROTOBUF, a_histogram_family, delimited
from tests.store.metric_rows import TABLES

from sonde.receivers.prometheus.scrape.cycle import Cycle, CycleRules, Report
from sonde.telemetry.signal import Signal

NOW = 1_800_000_000_000
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
FIRST = b"""# HELP hits Hits.
# TYPE hits counter
hits_total{code="200"} 5 # {trace_id="0123456789abcdef0123456789abcdef"} 1 1800000000
hits_created{code="200"} 1700000000
gone 0
# EOF
"""
SECOND = FIRST.replace(b" 5 #", b" 6.5 #").replace(b"gone 0\n", b"")


def test_scrapes_are_stored(client: Any) -> None:
    client.empty(*TABLES)
    counted, native = (Cycle((("job", job),), CycleRules(native_histograms=True)) for job in ("api", "native"))
    bodies = []
    for number, (cycle, content_type, body) in enumerate(
        (
            (counted, OPENMETRICS, FIRST),
            (counted, OPENMETRICS, SECOND),
            (native, PROTOBUF, delimited(a_histogram_family([3, 1]))),
        )
    ):
        time = NOW + number * 15_000
        batch = cycle.succeed(cycle.read(content_type, body), time, Report(0.1), now_milli=time)
        cycle.delivered(batch)
        bodies.append(batch.body)
    client.insert_bodies(Signal.PROMETHEUS, bodies)
    rows = client.rows(
        "SELECT metric, toUnixTimestamp64Milli(ts), toUnixTimestamp64Milli(start_ts), hex(reinterpretAsUInt64(value))"
        " FROM samples WHERE metric IN ('hits_total', 'gone') ORDER BY metric, ts"
    )
    assert rows == [
        ["gone", NOW, 0, "00"],
        ["gone", NOW + 15_000, 0, "7FF0000000000002"],
        ["hits_total", NOW, 1_700_000_000_000, "4014000000000000"],
        ["hits_total", NOW + 15_000, 1_700_000_000_000, "401A000000000000"],
    ]
    assert client.rows("SELECT labels FROM series WHERE metric = 'hits_total'") == [[{"code": "200", "job": "api"}]]
    assert client.rows("SELECT metric, hex(trace_id), value FROM exemplars WHERE metric = 'hits_total'") == [
        ["hits_total", "0123456789ABCDEF0123456789ABCDEF", 1.0]
    ]
    assert client.rows("SELECT metric, type, help FROM metadata ORDER BY metric") == [
        ["hits_total", "counter", "Hits."],
        ["latency", "histogram", "Time."],
    ]
    assert client.rows("SELECT metric, count, sum FROM histograms") == [["latency", 4, 1.5]]
    assert client.value("SELECT countDistinct(id) FROM samples WHERE metric = 'up'") == 2
