"""Remote read: what a `ReadRequest` selects, and that its answer is what Prometheus' messages say."""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.query.promql.metric_rows import NOW, STALE

from sonde.receivers import snappy
from sonde.receivers.prometheus.messages import ReadRequest, ReadResponse, TimeSeries
from sonde.web.prometheus.remote_read import wire_samples

MINUTE = 60_000
EQUAL, NOT_EQUAL, REGEX, NOT_REGEX = range(4)
SAMPLES, CHUNKS = 0, 1


def asked(*queries: list[tuple[int, str, str]], start: int = 0, end: int = NOW, accepts: tuple[int, ...] = ()) -> bytes:
    request = ReadRequest(accepted_response_types=accepts)
    for matchers in queries:
        query = request.queries.add(start_timestamp_ms=start, end_timestamp_ms=end)
        for kind, name, value in matchers:
            query.matchers.add(type=kind, name=name, value=value)
    return snappy.compress(request.SerializeToString())


async def results(http: httpx.AsyncClient, body: bytes, **headers: str) -> list[Any]:
    answer = await http.post("/prometheus/api/v1/read", content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-protobuf"
    assert answer.headers["content-encoding"] == "snappy"
    return list(ReadResponse.FromString(snappy.decompress(answer.content, 1 << 20)).results)


def labels_of(series: Any) -> dict[str, str]:
    return {label.name: label.value for label in series.labels}


async def test_series_come_with_their_samples_between_both_ends(http: httpx.AsyncClient, metrics: None) -> None:
    matchers = [(EQUAL, "__name__", "requests_total"), (REGEX, "job", "a.*")]
    [result] = await results(http, asked(matchers, start=NOW - 2 * MINUTE, end=NOW - MINUTE))
    [series] = result.timeseries
    assert labels_of(series) == {"__name__": "requests_total", "instance": "api:80", "job": "api"}
    assert [label.name for label in series.labels] == sorted(labels_of(series))
    assert [(sample.timestamp, sample.value) for sample in series.samples] == [
        (NOW - 2 * MINUTE, 240.0),
        (NOW - MINUTE, 270.0),
    ]


async def test_each_query_has_its_result_in_order(http: httpx.AsyncClient, metrics: None) -> None:
    name = "__name__"
    body = asked(
        [(EQUAL, name, "nothing")],
        [(EQUAL, name, "requests_total"), (NOT_EQUAL, "job", "web")],
        [(EQUAL, name, "requests_total"), (NOT_REGEX, "job", "api|x")],
    )
    found = [[labels_of(series)["job"] for series in result.timeseries] for result in await results(http, body)]
    assert found == [[], ["api"], ["web"]]


async def test_stale_markers_and_histograms_are_told(http: httpx.AsyncClient, metrics: None) -> None:
    gone, native, custom = await results(
        http, asked(*([(EQUAL, "__name__", name)] for name in ("gone", "seconds", "classic")))
    )
    values = [sample.value for sample in gone.timeseries[0].samples]
    assert np.array(values).view(np.int64)[1] == np.array([STALE]).view(np.int64)[0]
    [histogram] = native.timeseries[0].histograms
    assert (histogram.count_float, histogram.sum, list(histogram.positive_counts)) == (3, 4.5, [1, 2])
    assert [(span.offset, span.length) for span in histogram.positive_spans] == [(1, 2)]
    assert (histogram.timestamp, histogram.schema, len(native.timeseries[0].samples)) == (NOW, 0, 0)
    [histogram] = custom.timeseries[0].histograms
    assert (histogram.schema, list(histogram.custom_values)) == (-53, [0.5, 1.0])
    assert [(span.offset, span.length) for span in histogram.positive_spans] == [(0, 1), (1, 1)]


async def test_a_tenant_reads_its_own(http: httpx.AsyncClient, metrics: None) -> None:
    body = asked([(EQUAL, "__name__", "requests_total")])
    [result] = await results(http, body, **{"x-scope-orgid": "team-a"})
    assert [labels_of(series)["job"] for series in result.timeseries] == ["other"]


@pytest.mark.parametrize("accepts", [(), (SAMPLES,), (SAMPLES, CHUNKS), (7, SAMPLES)])
async def test_samples_are_the_answer_for_all_who_accept_them(
    http: httpx.AsyncClient, metrics: None, accepts: tuple[int, ...]
) -> None:
    assert len(await results(http, asked([(EQUAL, "__name__", "odd")], accepts=accepts))) == 1


NAME = [(EQUAL, "__name__", "up")]
REFUSED = {
    "an answer of the future": (asked(NAME, accepts=(7,)), 400, "not support any of the requested response types: [7]"),
    "no snappy": (b"plain", 400, "cannot be decompressed as snappy"),
    "no request": (snappy.compress(b"plain"), 400, "is not a prometheus.ReadRequest"),
    "a matcher from the future": (asked([(7, "__name__", "up")]), 400, "matcher type 7 is not known"),
    "a bad regular expression": (asked([(REGEX, "__name__", "(")]), 422, "invalid regular expression"),
    "a bomb": (snappy.compress(bytes(2 << 20)), 413, "larger than 1048576 bytes after decompression"),
    "too long": (bytes(2 << 20), 413, "at most 1048576 bytes"),
}


@pytest.mark.parametrize(("body", "status", "message"), REFUSED.values(), ids=REFUSED)
async def test_what_cannot_be_answered_is_refused(
    http: httpx.AsyncClient, body: bytes, status: int, message: str
) -> None:
    answer = await http.post("/prometheus/api/v1/read", content=body)
    assert (answer.status_code, message in answer.json()["error"]) == (status, True), answer.text


@given(st.lists(st.tuples(st.floats(width=64, allow_nan=False), st.integers(-(2**63), 2**63 - 1)), max_size=5))
def test_samples_written_at_once_are_those_of_the_message(samples: list[tuple[float, int]]) -> None:
    values, times = (
        np.array([each[at] for each in samples], dtype=kind) for at, kind in ((0, np.float64), (1, np.int64))
    )
    read = TimeSeries.FromString(wire_samples(values, times)).samples
    assert [(sample.value, sample.timestamp) for sample in read] == samples
