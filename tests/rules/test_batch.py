"""What rules write, as the door of remote write sees it."""

from __future__ import annotations

import struct

from sonde.query.promql.histogram.native import Histogram
from sonde.query.promql.memory_storage import STALE
from sonde.receivers.prometheus.messages import Request
from sonde.receivers.prometheus.write_check import check
from sonde.receivers.prometheus.write_histogram import fault
from sonde.receivers.prometheus.write_labels import KnownLabels
from sonde.rules.batch import RemoteWriter, Sample, write_request
from sonde.telemetry.labels import labels_of
from sonde.telemetry.signal import Signal

UP = labels_of({"__name__": "up", "job": "api"})
HISTOGRAM = Histogram.of(count=6, sum=9, zero_count=1, zero_threshold=0.1, positive=([-2, -1, 5], [1, 2, 2]))


def test_the_door_takes_it_as_it_is() -> None:
    body = write_request([Sample(UP, 1_000, 2.5), Sample(labels_of({"__name__": "h"}), 1_000, HISTOGRAM)])
    request = Request.FromString(body)
    assert not fault(request.timeseries[1].histograms[0])
    assert [span.offset for span in request.timeseries[1].histograms[0].positive_spans] == [-2, 5]
    assert check(2, body, KnownLabels()).body == body


def test_markers_keep_their_bits() -> None:
    request = Request.FromString(write_request([Sample(UP, 1_000, STALE)]))
    assert struct.pack(">d", request.timeseries[0].samples[0].value).hex() == "7ff0000000000002"


async def test_samples_go_to_the_consumer_as_remote_write_of_their_tenant() -> None:
    taken = []

    class Consumer:
        async def consume(self, signal: Signal, body: bytes, *, tenant: str) -> None:
            taken.append((signal, tenant, len(Request.FromString(body).timeseries)))

    writer = RemoteWriter(Consumer(), "team-a")
    await writer.write([])
    await writer.write([Sample(UP, 1_000, 1.0)])
    assert taken == [(Signal.PROMETHEUS, "team-a", 1)]
