"""Remote read in both forms beside a genuine Prometheus: the same samples, and chunks of the same bytes."""

from __future__ import annotations

import numpy as np
import pytest
from tests.compat.comparison import Api
from tests.compat.dataset import END, START
from tests.web.prometheus.chunk_reading import floats, frames, histograms

from sonde.query.promql.histogram.native import CounterReset, Histogram
from sonde.receivers import snappy
from sonde.receivers.prometheus.messages import ReadRequest, ReadResponse
from sonde.web.prometheus.chunks import float_chunks, histogram_chunks

pytestmark = pytest.mark.e2e
SAMPLES, CHUNKS = 0, 1
XOR, HISTOGRAM, FLOAT_HISTOGRAM = 1, 2, 3
FLOATS = "requests_total|temperature|queue|up|size|sparse|once|minus_zero|odd|latency_.+"


def read(api: Api, pattern: str, accepted: int) -> tuple[str, bytes]:
    request = ReadRequest(accepted_response_types=[accepted])
    query = request.queries.add(start_timestamp_ms=START, end_timestamp_ms=END)
    query.matchers.add(type=2, name="__name__", value=pattern)
    sent = snappy.compress(request.SerializeToString())
    status, headers, body = api.ask("POST", "/api/v1/read", body=sent, headers={"Content-Encoding": "snappy"})
    assert status == 200, body
    return headers["content-type"], body


def key(series: object) -> tuple[tuple[str, str], ...]:
    return tuple((label.name, label.value) for label in series.labels)  # type: ignore[attr-defined]


def bits_of(samples: list[tuple[int, float]]) -> list[tuple[int, int]]:
    """Times and the bits of values: a NaN is not another."""
    return [(time, int(np.float64(value).view(np.int64))) for time, value in samples]


def streamed(api: Api, pattern: str) -> dict[tuple[tuple[str, str], ...], list[tuple[int, bytes]]]:
    kind, body = read(api, pattern, CHUNKS)
    assert kind == "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse"
    found: dict[tuple[tuple[str, str], ...], list[tuple[int, bytes]]] = {}
    for frame in frames(body):
        for series in frame.chunked_series:
            found.setdefault(key(series), []).extend((chunk.type, chunk.data) for chunk in series.chunks)
    return found


def test_streamed_chunks_hold_the_samples_of_prometheus(sonde: Api, genuine: Api) -> None:
    ours, theirs = streamed(sonde, FLOATS), streamed(genuine, FLOATS)
    assert list(ours) == list(theirs)
    for labels, chunks in ours.items():
        assert {kind for kind, _ in chunks} == {XOR}
        read_here = [sample for _, data in chunks for sample in floats(data)]
        read_there = [sample for _, data in theirs[labels] for sample in floats(data)]
        assert bits_of(read_here) == bits_of(read_there), labels


def test_chunks_are_written_as_prometheus_writes_them(genuine: Api) -> None:
    compared = 0
    for chunks in streamed(genuine, FLOATS).values():
        for _, data in chunks:
            times, values = map(np.array, zip(*floats(data), strict=True))
            [[written]] = float_chunks(times, values.astype(np.float64), np.array([0, len(times)]), most=1000)
            # Prometheus may begin a byte that it does not need
            assert (data[: len(written.data)], data[len(written.data) :].strip(b"\0")) == (written.data, b"")
            compared += 1
    assert compared > 40


def native(sample: dict[str, object]) -> Histogram:
    """A histogram that was read, as one of ours."""

    def side(name: str) -> tuple[list[int], object]:
        index, at = [], 0
        for offset, length in sample[f"{name}_spans"]:  # type: ignore[attr-defined]
            at += offset
            index += range(at, at + length)
            at += length
        return index, sample[name]

    told = {name: sample[name] for name in ("schema", "zero_threshold", "zero_count", "count", "sum")}
    reset = (CounterReset.UNKNOWN, CounterReset.NOT_RESET, CounterReset.RESET, CounterReset.GAUGE)[sample["reset"] or 0]  # type: ignore[call-overload]
    return Histogram.of(positive=side("positive"), negative=side("negative"), reset=reset, **told)  # type: ignore[arg-type]


def test_chunks_of_histograms_are_written_as_prometheus_writes_them(sonde: Api, genuine: Api) -> None:
    [theirs] = [chunks for labels, chunks in streamed(genuine, "rpc_seconds").items() if ("service", "bills") in labels]
    ours = streamed(sonde, "rpc_seconds")
    [here] = [chunks for labels, chunks in ours.items() if ("service", "bills") in labels]
    read_there = [(time, native(sample)) for _, data in theirs for time, sample in histograms(data)]
    read_here = [(time, native(sample)) for _, data in here for time, sample in histograms(data)]
    assert [time for time, _ in read_here] == [time for time, _ in read_there]
    assert all(one == other for (_, one), (_, other) in zip(read_here, read_there, strict=True))
    assert {kind for chunks in ours.values() for kind, _ in chunks} == {FLOAT_HISTOGRAM}
    for kind, data in theirs:
        assert kind == FLOAT_HISTOGRAM
        samples = histograms(data)
        if all(count for _, sample in samples for side in ("positive", "negative") for count in sample[side]):
            [written] = histogram_chunks(np.array([time for time, _ in samples]), [native(h) for _, h in samples])
            assert data.rstrip(b"\0") == written.data.rstrip(b"\0")


def test_samples_are_those_of_prometheus(sonde: Api, genuine: Api) -> None:
    # Prometheus leaves the sign of -0 out of its message, so it is added to 0 here
    answers = []
    for api in (sonde, genuine):
        kind, body = read(api, FLOATS, SAMPLES)
        assert kind == "application/x-protobuf"
        [result] = ReadResponse.FromString(snappy.decompress(body, 1 << 26)).results
        answers.append(
            [(key(each), bits_of([(s.timestamp, s.value + 0.0) for s in each.samples])) for each in result.timeseries]
        )
    assert answers[0] == answers[1]
