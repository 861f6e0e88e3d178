"""Items per second of CPU through the OTLP check, by signal, beside the bare parser and a plain loop over spans.

Usage: python benchmarks/otlp_check.py [items per body]
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable

from google.protobuf import json_format
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from sonde.receivers.otlp.body import check
from sonde.receivers.otlp.json import parse_json
from sonde.receivers.otlp.services import SERVICES
from sonde.telemetry.signal import Signal

NOW = 1_764_000_000_000_000_000
RANDOM = random.Random(7)
REQUESTS: dict[Signal, type[Message]] = {
    Signal.TRACES: ExportTraceServiceRequest,
    Signal.LOGS: ExportLogsServiceRequest,
    Signal.METRICS: ExportMetricsServiceRequest,
}


def set_attributes(target, index: int, count: int) -> None:
    for number in range(count):
        attribute = target.attributes.add(key=f"http.attribute.{number}")
        if number % 3:
            attribute.value.string_value = f"value {number} of {index}"
        else:
            attribute.value.int_value = 200 + number


def traces(items: int) -> bytes:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    set_attributes(resource.resource, 0, 5)
    scope = resource.scope_spans.add()
    trace_id = b""
    for index in range(items):
        trace_id = RANDOM.randbytes(16) if index % 10 == 0 else trace_id
        span = scope.spans.add(trace_id=trace_id, span_id=RANDOM.randbytes(8), parent_span_id=RANDOM.randbytes(8))
        span.name, span.kind = "GET /cart/{id}", 2
        span.start_time_unix_nano, span.end_time_unix_nano = NOW + index, NOW + index + 1_000_000
        set_attributes(span, index, 8)
        if index % 20 == 0:
            set_attributes(span.events.add(name="exception", time_unix_nano=NOW), index, 3)
    return request.SerializeToString()


def logs(items: int) -> bytes:
    request = ExportLogsServiceRequest()
    resource = request.resource_logs.add()
    set_attributes(resource.resource, 0, 5)
    scope = resource.scope_logs.add()
    for index in range(items):
        record = scope.log_records.add(time_unix_nano=NOW + index, severity_number=9, severity_text="INFO")
        record.body.string_value = f"order {index} of customer {index % 100} was shipped after {index % 7} days"
        if index % 2:
            record.trace_id, record.span_id = RANDOM.randbytes(16), RANDOM.randbytes(8)
        set_attributes(record, index, 4)
    return request.SerializeToString()


def metrics(items: int) -> bytes:
    request = ExportMetricsServiceRequest()
    resource = request.resource_metrics.add()
    set_attributes(resource.resource, 0, 5)
    scope = resource.scope_metrics.add()
    for number in range(items // 10):
        metric = scope.metrics.add(name=f"metric.{number}", unit="1")
        for index in range(10):
            if number % 5:
                point = metric.sum.data_points.add(time_unix_nano=NOW, as_double=index * 1.5)
            else:
                point = metric.histogram.data_points.add(time_unix_nano=NOW, count=3, sum=2.5)
                point.bucket_counts.extend(range(12))
                point.explicit_bounds.extend(range(11))
                point.exemplars.add(trace_id=RANDOM.randbytes(16), span_id=RANDOM.randbytes(8), as_double=1)
            set_attributes(point, index, 4)
    return request.SerializeToString()


BODIES: dict[Signal, Callable[[int], bytes]] = {Signal.TRACES: traces, Signal.LOGS: logs, Signal.METRICS: metrics}


def plain_loop(raw: bytes) -> None:
    for resource in ExportTraceServiceRequest.FromString(raw).resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                if len(span.trace_id) != 16 or len(span.span_id) != 8 or len(span.parent_span_id) not in {0, 8}:
                    raise ValueError(span)


def best_seconds(function: Callable[[], object], rounds: int = 7, seconds: float = 0.1) -> float:
    started = time.process_time()
    function()
    repeat = max(1, int(seconds / (time.process_time() - started)))
    best = float("inf")
    for _ in range(rounds):
        started = time.process_time()
        for _ in range(repeat):
            function()
        best = min(best, (time.process_time() - started) / repeat)
    return best


def main() -> None:
    items = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    print(f"{'':34}{'bytes':>10}{'µs':>10}{'items/s':>12}{'to bare':>9}")

    def row(name: str, size: int, seconds: float, bare: float) -> None:
        print(f"{name:34}{size:10}{seconds * 1e6:10.0f}{items / seconds:12,.0f}{seconds / bare:9.2f}")

    for signal, make in BODIES.items():
        raw = make(items)
        parse = REQUESTS[signal].FromString
        bare = best_seconds(lambda parse=parse, raw=raw: parse(raw))
        row(f"{signal}: bare FromString", len(raw), bare, bare)
        row(f"{signal}: check", len(raw), best_seconds(lambda signal=signal, raw=raw: check(signal, raw)), bare)
        if signal is Signal.TRACES:
            row(f"{signal}: FromString, plain loop", len(raw), best_seconds(lambda raw=raw: plain_loop(raw)), bare)
        request = parse(raw)
        text = json.dumps(json_format.MessageToDict(clear_ids(request))).encode()
        service = SERVICES[signal]
        seconds = best_seconds(lambda service=service, text=text: parse_json(service, text), rounds=3)
        row(f"{signal}: OTLP/JSON to protobuf", len(text), seconds, bare)


def clear_ids(request: Message) -> Message:
    """Take out the ids of spans and logs, which protobuf's own JSON does not write in hex."""
    for resource in getattr(request, "resource_spans", ()):
        for span in resource.scope_spans[0].spans:
            for name in ("trace_id", "span_id", "parent_span_id"):
                span.ClearField(name)
    for resource in getattr(request, "resource_logs", ()):
        for record in resource.scope_logs[0].log_records:
            record.ClearField("trace_id")
            record.ClearField("span_id")
    for resource in getattr(request, "resource_metrics", ()):
        for metric in resource.scope_metrics[0].metrics:
            for point in metric.histogram.data_points:
                point.ClearField("exemplars")
    return request


if __name__ == "__main__":
    main()
