"""Numbered OTLP bodies, so that each can be counted in every table that it feeds."""

from __future__ import annotations

import hashlib
import time

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from tests.receivers.prometheus.write_requests import histogram, series, version_1, version_2

SPANS, LOG_RECORDS, POINTS, HISTOGRAMS = 40, 40, 40, 5


def attribute(key: str, value: str | int) -> KeyValue:
    return KeyValue(
        key=key, value=AnyValue(string_value=value) if isinstance(value, str) else AnyValue(int_value=value)
    )


def numbered_id(kind: str, batch: int, item: int, size: int) -> bytes:
    return hashlib.blake2b(f"{kind}/{batch}/{item}".encode(), digest_size=size).digest()


def spans(batch: int) -> bytes:
    """SPANS spans of one trace; the first is an LLM call, the second a RAG trace."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.append(attribute("service.name", f"crash-{batch % 3}"))
    scope = resource.scope_spans.add()
    trace_id, now = numbered_id("trace", batch, 0, 16), time.time_ns()
    for item in range(SPANS):
        span = scope.spans.add(
            trace_id=trace_id, span_id=numbered_id("span", batch, item, 8), name=f"operation {item % 5}", kind=2
        )
        span.start_time_unix_nano, span.end_time_unix_nano = now + item, now + item + 1_000_000
        span.attributes.append(attribute("batch", batch))
        if item == 0:
            span.attributes.extend(
                [
                    attribute("gen_ai.operation.name", "chat"),
                    attribute("gen_ai.provider.name", "openai"),
                    attribute("gen_ai.request.model", "gpt-4o-mini"),
                    attribute("gen_ai.usage.input_tokens", 100),
                    attribute("gen_ai.usage.output_tokens", 10),
                ]
            )
        if item == 1:
            span.attributes.append(attribute("sonde.rag.query", f"question {batch}"))
    return request.SerializeToString()


def logs(batch: int) -> bytes:
    """LOG_RECORDS records; the first is feedback."""
    request = ExportLogsServiceRequest()
    resource = request.resource_logs.add()
    resource.resource.attributes.append(attribute("service.name", f"crash-{batch % 3}"))
    scope = resource.scope_logs.add()
    for item in range(LOG_RECORDS):
        record = scope.log_records.add(time_unix_nano=time.time_ns(), severity_number=9)
        record.body.string_value = f"record {item} of batch {batch}"
        record.attributes.append(attribute("batch", batch))
        if item == 0:
            record.event_name = "sonde.feedback"
            record.attributes.append(attribute("sonde.feedback.rating", 1))
            record.attributes.append(attribute("sonde.feedback.score_id", f"score-{batch}"))
    return request.SerializeToString()


def metrics(batch: int) -> bytes:
    """POINTS points of a gauge, each a series of its own by its batch and number."""
    request = ExportMetricsServiceRequest()
    resource = request.resource_metrics.add()
    resource.resource.attributes.append(attribute("service.name", f"crash-{batch % 3}"))
    metric = resource.scope_metrics.add().metrics.add(name="crash_gauge")
    for item in range(POINTS):
        point = metric.gauge.data_points.add(time_unix_nano=time.time_ns(), as_double=item)
        point.attributes.extend([attribute("batch", batch), attribute("item", item)])
    return request.SerializeToString()


def remote_write(batch: int) -> bytes:
    """POINTS samples and HISTOGRAMS native ones, each of a series of its own; odd batches are of version 2."""
    now = time.time_ns() // 1_000_000
    labels = [{"batch": str(batch), "item": str(item)} for item in range(POINTS)]
    described = [
        *(series("crash_written", (float(item), now), labels=own) for item, own in enumerate(labels)),
        *(
            series("crash_histogram", labels=own, histograms=[histogram({1: 2}, timestamp=now)])
            for own in labels[:HISTOGRAMS]
        ),
    ]
    return version_2(*described) if batch % 2 else version_1(*described)
