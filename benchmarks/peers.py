"""What the server is compared with, each in a process of its own on an empty store.

    python -m benchmarks.peers engine|naive traces|logs|metrics

``engine``: segments of the same bodies, written beforehand, inserted through the same views by the bare engine.
``naive``: each body decoded with opentelemetry-proto, each item made a row in Python, the rows inserted.
Prints items/s and seconds of processor time for a million items.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.fleet import ITEMS, Fleet
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from sonde.store.client import Client
from sonde.store.embedded import EngineCaps
from sonde.store.frame import tail, varint
from sonde.store.opening import open_embedded
from sonde.store.segment_log import LogLimits
from sonde.store.wire import LANDING_TABLES, input_settings
from sonde.telemetry.signal import Signal

SEGMENTS = 2
NAIVE_BODIES = 20


def engine(client: Client, signal: str, folder: Path) -> tuple[int, float, float]:
    fleet, segments, items = Fleet(signal), [], 0
    for number in range(SEGMENTS + 1):
        content = bytearray()
        while len(content) < (LogLimits().segment_bytes if number else 1 << 20):
            body = fleet.body()
            end = tail(body, "default", time.time_ns())
            content += varint(len(body) + len(end)) + body + end
            items += ITEMS if number else 0
        segments.append(folder / f"{number}.segment")
        segments[-1].write_bytes(content)
    cpu = started = 0.0
    for number, path in enumerate(segments):
        if number == 1:  # the first one, small, is for warming up
            cpu, started = time.process_time(), time.perf_counter()
        client.insert_file(
            LANDING_TABLES[Signal(signal)],
            path,
            input_format="Protobuf",
            token=path.name,
            settings=input_settings(Signal(signal)),
        )
    return items, time.perf_counter() - started, time.process_time() - cpu


def naive(client: Client, signal: str, _: Path) -> tuple[int, float, float]:
    columns, rows_of = NAIVE[signal]
    typed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    client.command(f"CREATE TABLE naive ({typed}) ENGINE = MergeTree ORDER BY (tenant, ts)")
    fleet = Fleet(signal)
    bodies = [fleet.body() for _ in range(NAIVE_BODIES)]
    cpu, started = time.process_time(), time.perf_counter()
    for number, body in enumerate(bodies):
        client.insert_rows("naive", list(columns), rows_of(body), token=f"naive-{number}")
    return NAIVE_BODIES * ITEMS, time.perf_counter() - started, time.process_time() - cpu


def _typed(attributes: Any) -> tuple[dict[str, str], dict[str, int]]:
    texts: dict[str, str] = {}
    numbers: dict[str, int] = {}
    for attribute in attributes:
        kind = attribute.value.WhichOneof("value")
        if kind == "string_value":
            texts[attribute.key] = attribute.value.string_value
        elif kind == "int_value":
            numbers[attribute.key] = attribute.value.int_value
    return texts, numbers


def _service(resource: Any) -> str:
    return next((a.value.string_value for a in resource.attributes if a.key == "service.name"), "")


def _spans(body: bytes) -> list[list[object]]:
    return [
        [
            *("default", span.start_time_unix_nano / 1e9, span.trace_id.hex(), span.span_id.hex()),
            *(_service(resource.resource), span.name, span.kind, span.status.code),
            *(span.end_time_unix_nano - span.start_time_unix_nano, *_typed(span.attributes)),
        ]
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _logs(body: bytes) -> list[list[object]]:
    return [
        [
            *("default", record.time_unix_nano / 1e9, record.trace_id.hex(), _service(resource.resource)),
            *(record.severity_number, record.severity_text, record.body.string_value, *_typed(record.attributes)),
        ]
        for resource in ExportLogsServiceRequest.FromString(body).resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    ]


def _points(body: bytes) -> list[list[object]]:
    return [
        [
            *("default", metric.name, point.time_unix_nano / 1e9, point.as_double),
            {**{key: str(value) for part in _typed(point.attributes) for key, value in part.items()}},
        ]
        for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in (*metric.sum.data_points, *metric.gauge.data_points)
    ]


# Tables as one would make them, where rows of Python go without any view of ours: name, and columns with their types.
_MAPS = {"attr_str": "Map(String, String)", "attr_int": "Map(String, Int64)"}
_SPAN_COLUMNS = {
    "tenant": "String",
    "ts": "DateTime64(9)",
    "trace_id": "String",
    "span_id": "String",
    "service": "String",
    "name": "String",
    "kind": "Int8",
    "status": "Int8",
    "duration": "UInt64",
    **_MAPS,
}
_LOG_COLUMNS = {
    "tenant": "String",
    "ts": "DateTime64(9)",
    "trace_id": "String",
    "service": "String",
    "severity": "UInt8",
    "severity_text": "String",
    "body": "String",
    **_MAPS,
}
_POINT_COLUMNS = {
    "tenant": "String",
    "metric": "String",
    "ts": "DateTime64(3)",
    "value": "Float64",
    "labels": "Map(String, String)",
}
NAIVE: dict[str, tuple[dict[str, str], Callable[[bytes], list[list[object]]]]] = {
    "traces": (_SPAN_COLUMNS, _spans),
    "logs": (_LOG_COLUMNS, _logs),
    "metrics": (_POINT_COLUMNS, _points),
}
KINDS = {"engine": engine, "naive": naive}


def main() -> None:
    kind, signal = sys.argv[1:]

    def work() -> None:
        with tempfile.TemporaryDirectory(prefix="sonde-bench-") as folder:
            client = open_embedded(Path(folder) / "data", EngineCaps()).client
            items, seconds, cpu = KINDS[kind](client, signal, Path(folder))
            client.close()
        print(json.dumps({"rate": items / seconds, "cpu": cpu / items * 1e6}))

    thread = threading.Thread(target=work)  # the engine is never asked on the main thread
    thread.start()
    thread.join()


if __name__ == "__main__":
    main()
