"""Bodies as a fleet of instrumented services sends them: 500 items each, every body with ids and times of its own.

A body is built once with protobuf and then only *patched*: ids are XORed with a fresh mask (relations between spans
survive), times are moved to now, values of metrics drift. That costs some 0.1 µs an item, so that the load generator is
not what is measured. Ids and times never repeat, so they compress as real ones do; texts repeat after 24 bodies.
"""

from __future__ import annotations

import random
import struct
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Status

ITEMS = 500
SERVICES = 20
BASE_NANO = 1_700_000_000_000_000_000
_SPANS_A_TRACE = 10
_METHODS = ("GET", "GET", "GET", "POST", "PUT", "DELETE")
_LEVELS = ((9, "INFO"),) * 8 + ((13, "WARN"), (17, "ERROR"))
_LINES = (
    "order {} of customer {} was shipped after {} days",
    "cache miss for product {} in shop {}, read from the database in {} ms",
    "payment {} by card of user {} was authorised after {} attempts",
    "request {} from 10.0.{}.7 finished in {} ms",
)


@dataclass(slots=True)
class Body:
    """A serialized request with the places in it that change from one sending to the next."""

    content: bytearray
    ids: list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]
    times: list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]
    values: list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]
    shifted_to: int = BASE_NANO

    def fresh(self, now_nano: int, mask: int) -> bytes:
        """The same body, sent now, about other traces."""
        for words, places in self.ids:
            words[places] ^= np.uint64(mask)
        for words, places in self.times:
            words[places] += np.uint64(now_nano - self.shifted_to)
        for numbers, places in self.values:
            numbers[places] += 1.0
        self.shifted_to = now_nano
        return bytes(self.content)


class Fleet:
    """An endless supply of bodies of one signal."""

    def __init__(self, signal: str, *, bodies: int | None = None) -> None:
        make, count = BUILDERS[signal]
        chance = random.Random(11)
        self._masks = random.Random(time.time_ns())
        self._bodies = [make(chance, number) for number in range(bodies or count)]
        self._next = 0

    def body(self) -> bytes:
        """The next body."""
        body = self._bodies[self._next % len(self._bodies)]
        self._next += 1
        return body.fresh(time.time_ns(), self._masks.getrandbits(64) | 1)


def traces(chance: random.Random, number: int) -> Body:
    """Spans of HTTP servers and what they call, ten a trace, seven attributes each."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add(resource=_resource(number))
    scope = resource.scope_spans.add()
    scope.scope.name, scope.scope.version = "opentelemetry.instrumentation.fastapi", "0.66b0"
    ids: list[bytes] = []
    for item in range(ITEMS):
        if item % _SPANS_A_TRACE == 0:
            trace_id, parents = chance.randbytes(16), [b""]
        operation = chance.randrange(10)
        start = BASE_NANO + item * 1_000_000
        span = scope.spans.add(
            trace_id=trace_id,
            span_id=chance.randbytes(8),
            parent_span_id=chance.choice(parents),
            name=f"{_METHODS[operation % 6]} /api/v1/resource{operation}/{{id}}",
            kind=2 if len(parents) == 1 else 3,
            start_time_unix_nano=start,
            end_time_unix_nano=start + int(chance.lognormvariate(15.5, 1.2)),
        )
        parents = [*(parent for parent in parents if parent), span.span_id]
        status = chance.choice((200,) * 30 + (404, 500))
        if status == 500:
            span.status.code = Status.STATUS_CODE_ERROR
        span.attributes.extend(
            attributes(
                ("http.request.method", _METHODS[operation % 6]),
                ("http.route", f"/api/v1/resource{operation}/{{id}}"),
                ("url.path", f"/api/v1/resource{operation}/{chance.randrange(100_000)}"),
                ("http.response.status_code", status),
                ("server.address", f"shop-{number % 7}.example"),
                ("client.address", f"10.0.{chance.randrange(4)}.{chance.randrange(250)}"),
                ("user.id", f"user-{chance.randrange(5_000)}"),
            )
        )
        ids += [span.trace_id[:8], span.trace_id[8:], span.span_id, span.parent_span_id]
    content = bytearray(request.SerializeToString())
    spans = list(scope.spans)
    times = [t for span in spans for t in (span.start_time_unix_nano, span.end_time_unix_nano)]
    return _body(content, ids, times, [])


def logs(chance: random.Random, number: int) -> Body:
    """Log lines, half of them inside a trace, four attributes each."""
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add(resource=_resource(number)).scope_logs.add()
    scope.scope.name = f"shop.orders{number % 3}"
    ids: list[bytes] = []
    times: list[int] = []
    for item in range(ITEMS):
        severity, text = chance.choice(_LEVELS)
        at = BASE_NANO + item * 1_000_000
        record = scope.log_records.add(
            time_unix_nano=at, observed_time_unix_nano=at + 50_000, severity_number=severity, severity_text=text
        )
        line = chance.choice(_LINES)
        record.body.string_value = line.format(*(chance.randrange(n) for n in (1_000_000, 250, 100)))
        if item % 2:
            record.trace_id, record.span_id = chance.randbytes(16), chance.randbytes(8)
            ids += [record.trace_id[:8], record.trace_id[8:], record.span_id]
        record.attributes.extend(
            attributes(
                ("code.function", f"handle_{chance.randrange(12)}"),
                ("code.lineno", chance.randrange(400)),
                ("user.id", f"user-{chance.randrange(5_000)}"),
                ("request.id", f"{chance.getrandbits(48):012x}"),
            )
        )
        times += [at, at + 50_000]
    return _body(bytearray(request.SerializeToString()), ids, times, [])


def metrics(chance: random.Random, number: int) -> Body:
    """Points of ten sums and gauges of one instance, fifty series each, four attributes each."""
    request = ExportMetricsServiceRequest()
    scope = request.resource_metrics.add(resource=_resource(number)).scope_metrics.add()
    values: list[bytes] = []
    times: list[int] = []
    for item in range(ITEMS):
        if item % 50 == 0:
            metric = scope.metrics.add(name=f"app.requests.kind{item // 50}", unit="{request}")
            points = metric.gauge.data_points
            if item % 250:
                metric.sum.aggregation_temporality = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
                metric.sum.is_monotonic = True
                points = metric.sum.data_points
        value = chance.random() * 1000
        point = points.add(start_time_unix_nano=1, time_unix_nano=BASE_NANO + item, as_double=value)
        point.attributes.extend(
            attributes(
                ("http.request.method", _METHODS[item % 6]),
                ("http.route", f"/api/v1/resource{item % 50}/{{id}}"),
                ("http.response.status_code", chance.choice((200, 404, 500))),
                ("server.address", f"shop-{number % 7}.example"),
            )
        )
        values.append(struct.pack("<d", value))
        times.append(BASE_NANO + item)
    return _body(bytearray(request.SerializeToString()), [], times, values)


# How a body is made, and how many different ones there are: 100 bodies of metrics are 50 k series.
BUILDERS: dict[str, tuple[Callable[[random.Random, int], Body], int]] = {
    "traces": (traces, 24),
    "logs": (logs, 24),
    "metrics": (metrics, 100),
}


def attributes(*pairs: tuple[str, str | int]) -> list[KeyValue]:
    return [
        KeyValue(key=key, value=AnyValue(string_value=value) if isinstance(value, str) else AnyValue(int_value=value))
        for key, value in pairs
    ]


def _resource(number: int) -> Resource:
    return Resource(
        attributes=attributes(
            ("service.name", f"service-{number % SERVICES}"),
            ("service.instance.id", f"instance-{number}"),
            ("service.version", "1.4.2"),
            ("deployment.environment.name", "production"),
            ("telemetry.sdk.language", "python"),
        )
    )


def _body(content: bytearray, ids: Iterable[bytes], times: Iterable[int], values: Iterable[bytes]) -> Body:
    def places(needles: Iterable[bytes]) -> list[int]:
        found, at = [], 0
        for needle in needles:
            if needle:
                at = content.index(needle, at)
                found.append(at)
                at += len(needle)
        return found

    return Body(
        content,
        _words(content, places(ids), "<u8"),
        _words(content, places(struct.pack("<Q", at) for at in times), "<u8"),
        _words(content, places(values), "<f8"),
    )


def _words(content: bytearray, places: list[int], kind: str) -> list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
    """The places as indexes into views of the body, one view for each alignment that occurs."""
    found = []
    for offset in range(8):
        indexes = [place // 8 for place in places if place % 8 == offset]
        if indexes:
            count = (len(content) - offset) // 8
            view = np.frombuffer(content, kind, count=count, offset=offset)
            found.append((view, np.array(indexes)))
    return found
