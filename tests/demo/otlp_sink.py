"""A server that takes OTLP over HTTP and keeps what it got, decoded, for tests that ask what a service sends."""

from __future__ import annotations

import contextlib
import gzip
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from tests.demo.serving import served


@dataclass(frozen=True)
class Span:
    service: str
    name: str
    kind: int
    trace_id: str
    span_id: str
    parent_id: str
    failed: bool
    attributes: dict[str, Any]


@dataclass(frozen=True)
class Record:
    service: str
    body: Any
    event: str
    level: str
    trace_id: str
    attributes: dict[str, Any]


@dataclass(frozen=True)
class Point:
    service: str
    metric: str
    attributes: dict[str, Any]
    value: float


@dataclass
class Sink:
    """Everything that has arrived so far. ``wait_for`` returns as soon as something has made the condition true."""

    url: str = ""
    spans: list[Span] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, condition: Callable[[], Any], timeout_seconds: float = 60) -> Any:
        with self.arrived:
            found = self.arrived.wait_for(condition, timeout_seconds)
        assert found, (
            f"did not arrive in {timeout_seconds} s; spans: {sorted({(s.service, s.name) for s in self.spans})}"
        )
        return found

    def trace(self, trace_id: str) -> list[Span]:
        return [span for span in self.spans if span.trace_id == trace_id]

    def take(self, signal: str, body: bytes) -> None:
        with self.arrived:
            {"traces": self._take_traces, "logs": self._take_logs, "metrics": self._take_metrics}[signal](body)
            self.arrived.notify_all()

    def _take_traces(self, body: bytes) -> None:
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = _attributes(group.resource.attributes)["service.name"]
            self.spans += [
                Span(
                    service,
                    span.name,
                    span.kind,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    span.status.code == 2,
                    _attributes(span.attributes),
                )
                for scope in group.scope_spans
                for span in scope.spans
            ]

    def _take_logs(self, body: bytes) -> None:
        for group in ExportLogsServiceRequest.FromString(body).resource_logs:
            service = _attributes(group.resource.attributes)["service.name"]
            self.records += [
                Record(
                    service,
                    _value(record.body),
                    record.event_name,
                    record.severity_text.lower(),
                    record.trace_id.hex(),
                    _attributes(record.attributes),
                )
                for scope in group.scope_logs
                for record in scope.log_records
            ]

    def _take_metrics(self, body: bytes) -> None:
        for group in ExportMetricsServiceRequest.FromString(body).resource_metrics:
            service = _attributes(group.resource.attributes)["service.name"]
            for metric in (metric for scope in group.scope_metrics for metric in scope.metrics):
                data = getattr(metric, metric.WhichOneof("data"))
                self.points += [
                    Point(service, metric.name, _attributes(point.attributes), _number(point))
                    for point in data.data_points
                ]


@contextlib.contextmanager
def otlp_sink() -> Iterator[Sink]:
    sink = Sink()

    async def take(request: Request) -> Response:
        body = await request.body()
        if request.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        sink.take(request.path_params["signal"], body)
        return Response(b"", media_type="application/x-protobuf")

    with served(Starlette(routes=[Route("/v1/{signal}", take, methods=["POST"])])) as url:
        sink.url = url
        yield sink


def _number(point: Any) -> float:
    return float(point.count) if hasattr(point, "count") else float(point.as_double or point.as_int)


def _attributes(pairs: Iterator[KeyValue]) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    match value.WhichOneof("value"):
        case "array_value":
            return [_value(item) for item in value.array_value.values]
        case "kvlist_value":
            return _attributes(value.kvlist_value.values)
        case None:
            return None
        case kind:
            return getattr(value, kind)
