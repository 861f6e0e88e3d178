"""The three OTLP services as a table: paths, messages, and where their items and ids lie. All of ``otlp`` reads it."""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from sonde.telemetry.signal import Signal


@dataclass(frozen=True, slots=True)
class IdField:
    """A field that holds an id of ``size`` bytes; unless it is required, an empty or absent one is fine too."""

    name: str
    size: int
    required: bool = False


@dataclass(frozen=True, slots=True)
class ItemPlace:
    """Where items of one kind lie in a request, by field names, and where the ids of such an item lie below it.

    Ids that lie deeper stand first: looking at a message uses up what is below it.
    """

    path: tuple[str, ...]
    ids: tuple[tuple[tuple[str, ...], tuple[IdField, ...]], ...]


@dataclass(frozen=True, slots=True)
class Service:
    """One of OTLP's services.

    ``path`` is HTTP's, ``method`` gRPC's; ``item`` is what people call what it carries, in the singular;
    ``rejected_field`` is the count in the response's ``partial_success``.
    """

    signal: Signal
    path: str
    method: str
    request: type[Message]
    response: type[Message]
    item: str
    rejected_field: str
    places: tuple[ItemPlace, ...]


_SPAN_IDS = (IdField("trace_id", 16, required=True), IdField("span_id", 8, required=True), IdField("parent_span_id", 8))
_LINK_IDS = (IdField("trace_id", 16), IdField("span_id", 8))
_LOG_IDS = (IdField("trace_id", 16), IdField("span_id", 8))
_EXEMPLARS = ((("exemplars",), (IdField("span_id", 8), IdField("trace_id", 16))),)

SERVICES: dict[Signal, Service] = {
    Signal.TRACES: Service(
        signal=Signal.TRACES,
        path="/v1/traces",
        method="/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        request=trace_service_pb2.ExportTraceServiceRequest,
        response=trace_service_pb2.ExportTraceServiceResponse,
        item="span",
        rejected_field="rejected_spans",
        places=(ItemPlace(("resource_spans", "scope_spans", "spans"), ids=((("links",), _LINK_IDS), ((), _SPAN_IDS))),),
    ),
    Signal.LOGS: Service(
        signal=Signal.LOGS,
        path="/v1/logs",
        method="/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        request=logs_service_pb2.ExportLogsServiceRequest,
        response=logs_service_pb2.ExportLogsServiceResponse,
        item="log record",
        rejected_field="rejected_log_records",
        places=(ItemPlace(("resource_logs", "scope_logs", "log_records"), ids=(((), _LOG_IDS),)),),
    ),
    Signal.METRICS: Service(
        signal=Signal.METRICS,
        path="/v1/metrics",
        method="/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        request=metrics_service_pb2.ExportMetricsServiceRequest,
        response=metrics_service_pb2.ExportMetricsServiceResponse,
        item="data point",
        rejected_field="rejected_data_points",
        places=tuple(
            ItemPlace(("resource_metrics", "scope_metrics", "metrics", kind, "data_points"), ids=ids)
            for kind, ids in (
                ("gauge", _EXEMPLARS),
                ("sum", _EXEMPLARS),
                ("histogram", _EXEMPLARS),
                ("exponential_histogram", _EXEMPLARS),
                ("summary", ()),
            )
        ),
    ),
}
BY_PATH: dict[str, Service] = {service.path: service for service in SERVICES.values()}
BY_METHOD: dict[str, Service] = {service.method: service for service in SERVICES.values()}
