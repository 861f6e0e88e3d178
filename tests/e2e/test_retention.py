"""What the configuration says of keeping, as it is when the server starts."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from tests.e2e import bodies
from tests.e2e.server_process import ServerProcess, running

pytestmark = pytest.mark.e2e

DAY = 86_400 * 10**9


def spans_at(nanoseconds: int) -> bytes:
    request = ExportTraceServiceRequest.FromString(bodies.spans(nanoseconds))
    for span in request.resource_spans[0].scope_spans[0].spans:
        span.start_time_unix_nano, span.end_time_unix_nano = nanoseconds, nanoseconds + 1
    return request.SerializeToString()


def logs_at(nanoseconds: int) -> bytes:
    request = ExportLogsServiceRequest.FromString(bodies.logs(nanoseconds))
    for record in request.resource_logs[0].scope_logs[0].log_records:
        record.time_unix_nano = nanoseconds
    return request.SerializeToString()


def days(server: ServerProcess, table: str) -> int:
    return server.count(f"SELECT uniqExact(toDate32(ts)) FROM {table}")


def test_zero_keeps_for_ever_and_a_day_keeps_a_day(tmp_path: Path) -> None:
    data, now = tmp_path / "data", time.time_ns()
    with running(data, keep(traces="0", logs="0", llm_calls="0")) as server:
        for start in (1, now - 1000 * DAY, now - 3 * DAY, now):
            assert server.send("traces", spans_at(start)).status == 200
            assert server.send("logs", logs_at(start)).status == 200
        server.wait_until_inserted()
        server.stop()

    with running(data, keep(traces="2d", logs="10d", llm_calls="0")) as server:
        deadline = time.monotonic() + 60
        while "retention dropped" not in server.log.read_text():
            assert time.monotonic() < deadline, server.log.read_text()[-2000:]
            threading.Event().wait(0.1)
        assert [days(server, table) for table in ("spans", "logs", "llm_calls")] == [1, 2, 4]
        assert server.count("SELECT sum(span_count) FROM trace_index") == bodies.SPANS
        assert server.count("SELECT uniqExact(day) FROM resources") == 2  # as long as logs point to them


def keep(**retention: str) -> dict[str, str]:
    return {f"SONDE_RETENTION_{name.upper()}": value for name, value in retention.items()}
