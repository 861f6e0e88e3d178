"""Remote write requests through the real engine: what Prometheus' text format would say of them afterwards.

`tests/golden/store/prometheus.golden` has requests (protobuf's text format) and the series that they become.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.receivers.prometheus.write_requests import (
    NOW,
    STALE,
    Series,
    any_series,
    histogram,
    series,
    version_1,
    version_2,
)
from tests.store.metric_rows import TABLES, stored

from sonde.receivers.prometheus.messages import Request, WriteRequest
from sonde.receivers.prometheus.write_check import check
from sonde.receivers.prometheus.write_labels import KnownLabels
from sonde.telemetry.signal import Signal

GOLDEN = Path(__file__).parents[1] / "golden/store/prometheus.golden"
MESSAGES: dict[str, Any] = {"version 1": WriteRequest, "version 2": Request}
WRITE = {1: version_1, 2: version_2}


def golden_cases() -> Iterator[tuple[str, str, str, str]]:
    """Title, version, request, expected series."""
    for case in GOLDEN.read_text(encoding="utf-8").split("=== ")[1:]:
        title, _, rest = case.partition("\n")
        version, _, rest = rest.partition("\n")
        request, _, expected = rest.partition("---\n")
        yield title, version, request, expected.strip()


def test_requests_become_these_series(client: Any, rewrite_golden: bool) -> None:
    rewritten = []
    for title, version, request_text, expected in golden_cases():
        client.empty(*TABLES)
        body = text_format.Parse(request_text, MESSAGES[version]()).SerializeToString()
        checked = check(int(version[-1]), body, KnownLabels())
        assert (checked.body, checked.message) == (body, ""), title
        client.insert_bodies(Signal.PROMETHEUS, [body])
        found = stored(client)
        rewritten.append(f"=== {title}\n{version}\n{request_text}---\n{found}\n\n")
        assert rewrite_golden or found == expected, title
    if rewrite_golden:
        GOLDEN.write_text("".join(rewritten).rstrip() + "\n", encoding="utf-8")


def counts(client: Any) -> dict[str, Any]:
    return {table: client.value(f"SELECT count() FROM {table}") for table in TABLES}


_EXEMPLAR = ([("trace_id", "0af7651916cd43dd8448eb211c80319c")], 0.5, NOW)
_ONE_OF_EACH = (
    series("g", (1.5, NOW), type=2, help="how many"),
    series("h", histograms=[histogram({1: 2, 2: 3})], exemplars=[_EXEMPLAR], type=3, help="how long"),
)


@pytest.mark.parametrize("version", WRITE)
def test_a_token_inserts_once_and_another_adds(client: Any, version: int) -> None:
    client.empty(*TABLES)
    body = WRITE[version](*_ONE_OF_EACH)
    client.insert_bodies(Signal.PROMETHEUS, [body], token=f"once-{version}")
    once = counts(client)
    assert once == {"samples": 1, "series": 2, "histograms": 1, "exemplars": 1, "metadata": 2 * (version == 2)}
    client.insert_bodies(Signal.PROMETHEUS, [body], token=f"once-{version}")
    assert counts(client) == once
    client.insert_bodies(Signal.PROMETHEUS, [body], token=f"twice-{version}")
    assert counts(client) == {**once, "samples": 2, "histograms": 2, "exemplars": 2}


@pytest.mark.parametrize("lost", ["series", "samples", "histograms", "exemplars", "series_family"])
def test_a_retry_mends_what_a_crash_left_out(client: Any, lost: str) -> None:
    """A crash leaves some tables written and others not; the same token is then inserted again."""
    client.empty(*TABLES)
    body = version_2(*_ONE_OF_EACH)
    client.command(f"DETACH TABLE prometheus_{lost}_view")
    try:
        client.insert_bodies(Signal.PROMETHEUS, [body], token=f"prometheus-crash-{lost}")
    finally:
        client.command(f"ATTACH TABLE prometheus_{lost}_view")
    client.insert_bodies(Signal.PROMETHEUS, [body], token=f"prometheus-crash-{lost}")
    assert counts(client) == {"samples": 1, "series": 2, "histograms": 1, "exemplars": 1, "metadata": 2}


def test_symbols_of_many_frames_do_not_mix(client: Any) -> None:
    """Frames of a segment, of several tenants, are one block; each refers to symbols of its own."""
    client.empty(*TABLES)
    requests = [
        [
            series(
                f"m{number}",
                labels={f"l{k}": f"v{number}.{k}" for k in range(number % 4)},
                type=1,
                help=f"help {number}",
            )
        ]
        for number in range(20)
    ]
    client.insert_bodies(Signal.PROMETHEUS, [version_2(*each) for each in requests] + [version_1(series("last"))])
    found = client.rows("SELECT metric, labels FROM series ORDER BY metric")
    expected = [[each.labels[0][1], dict(each.labels[1:])] for [each] in requests] + [["last", {}]]
    assert found == sorted(expected, key=lambda row: row[0])
    assert client.rows("SELECT help FROM metadata ORDER BY metric") == sorted(
        [[f"help {n}"] for n in range(20)], key=lambda row: "m" + row[0][5:]
    )


def test_a_block_a_frame_gives_the_same_rows(client: Any) -> None:
    """An engine that cuts a segment into several blocks finds each block's symbols."""
    client.empty(*TABLES)
    rows = ", ".join(f"(['', '__name__', 'm{n}'], [[1, 2]], [[({n}, {NOW}, 0)]])" for n in range(5))
    client.command(
        "INSERT INTO prometheus_in (tenant, symbols, symbol_series) "
        "SELECT 'default', tupleElement(row, 1), arrayMap((refs, samples) -> "
        "(refs, samples, [], [], (0, 0, 0), 0), tupleElement(row, 2), tupleElement(row, 3)) "
        f"FROM (SELECT arrayJoin([{rows}]) AS row) "
        "SETTINGS max_block_size = 1, min_insert_block_size_rows = 1, min_insert_block_size_bytes = 1, max_threads = 1"
    )
    assert client.rows("SELECT metric, value FROM samples ORDER BY metric") == [[f"m{n}", n] for n in range(5)]


def test_the_same_series_has_the_same_id_whatever_the_version(client: Any) -> None:
    client.empty(*TABLES)
    one = series("up", labels={"job": "api", "Zone": "b"})
    client.insert_bodies(Signal.PROMETHEUS, [version_1(one), version_2(one)])
    assert client.rows("SELECT uniqExact(id), count() FROM samples") == [[1, 2]]


def test_stale_markers_keep_their_bits(client: Any) -> None:
    client.empty(*TABLES)
    gone = [series("up", (STALE, NOW)), series("h", histograms=[histogram(sum=STALE)])]
    for write in WRITE.values():
        client.insert_bodies(Signal.PROMETHEUS, [write(*gone)])
    bits = "hex(reinterpretAsUInt64({}))"
    assert client.rows(f"SELECT {bits.format('value')} FROM samples") == [["7FF0000000000002"]] * 2
    sql = f"SELECT {bits.format('sum')}, {bits.format('count')} FROM histograms"
    assert client.rows(sql) == [["7FF0000000000002"] * 2] * 2


def expected_counts(requests: list[list[Series]]) -> dict[str, int]:
    every = [each for request in requests for each in request]
    return {
        "samples": sum(len(each.samples) for each in every),
        "histograms": sum(len(each.histograms) for each in every),
        "exemplars": sum(len(each.exemplars) for each in every),
    }


@settings(suppress_health_check=list(HealthCheck), max_examples=6)
@given(st.lists(st.lists(any_series, max_size=4), min_size=4, max_size=10))
def test_whatever_the_check_lets_through_is_stored_and_alike_in_both_versions(
    client: Any, requests: list[list[Series]]
) -> None:
    found = {}
    started = [
        [Series(**{**vars(each), "start": 0, "type": 0, "help": "", "unit": ""}) for each in one] for one in requests
    ]
    for name, bodies in {
        "1": [version_1(*one) for one in started],
        "2": [version_2(*one) for one in started],
        "2 with metadata": [version_2(*one) for one in requests],
        "2 with created": [version_2(*one, created=True) for one in requests],
    }.items():
        client.empty(*TABLES)
        for body in bodies:
            checked = check(int(name[0]), body, KnownLabels())
            assert (checked.message, checked.body is body) == ("", True)
        client.insert_bodies(Signal.PROMETHEUS, bodies)
        found[name] = stored(client)
        stored_counts = counts(client)
        assert {key: stored_counts[key] for key in ("samples", "histograms", "exemplars")} == expected_counts(requests)
        for table in ("samples", "histograms", "exemplars"):
            lost = f"SELECT count() FROM {table} WHERE (metric, id) NOT IN (SELECT metric, id FROM series)"
            assert client.value(lost) == 0
    assert found["1"] == found["2"]
    assert found["2 with metadata"] == found["2 with created"]
