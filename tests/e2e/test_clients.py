"""Genuine clients, unchanged: what they send is in SQL and in our own API."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpanExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from tests.e2e.server_process import ServerProcess

pytestmark = pytest.mark.e2e

JS = Path(__file__).parents[1] / "receivers" / "js"
RESOURCE = Resource({"service.name": "shop"})


def over_http(server: ServerProcess, tenant: str) -> dict[str, Any]:
    def options(signal: str) -> dict[str, Any]:
        headers = {"X-Scope-OrgID": tenant}
        return {"endpoint": f"http://127.0.0.1:{server.otlp}/v1/{signal}", "headers": headers}

    return {
        "traces": HttpSpanExporter(**options("traces"), compression=Compression.Gzip),
        "logs": HttpLogExporter(**options("logs")),
        "metrics": HttpMetricExporter(**options("metrics")),
    }


def over_grpc(server: ServerProcess, tenant: str) -> dict[str, Any]:
    options: dict[str, Any] = {
        "endpoint": f"http://127.0.0.1:{server.grpc}",
        "insecure": True,
        "headers": {"x-scope-orgid": tenant},
    }
    return {
        "traces": GrpcSpanExporter(**options),
        "logs": GrpcLogExporter(**options),
        "metrics": GrpcMetricExporter(**options),
    }


@pytest.mark.parametrize("transport", [over_http, over_grpc])
def test_what_opentelemetrys_python_sdk_sends_can_be_seen(server: ServerProcess, tenant: str, transport: Any) -> None:
    exporters = transport(server, tenant)
    tracing = TracerProvider(resource=RESOURCE)
    tracing.add_span_processor(SimpleSpanProcessor(exporters["traces"]))
    with tracing.get_tracer("shop.cart").start_as_current_span("GET /cart", kind=SpanKind.SERVER) as parent:
        with tracing.get_tracer("shop.cart").start_as_current_span("query", attributes={"rows": 3}) as child:
            child.set_status(Status(StatusCode.ERROR, "no stock"))
        logging = LoggerProvider(resource=RESOURCE)
        logging.add_log_record_processor(SimpleLogRecordProcessor(exporters["logs"]))
        now = time.time_ns()
        logging.get_logger("shop").emit(
            LogRecord(
                timestamp=now, severity_number=SeverityNumber.WARN, body="cart emptied", attributes={"user": "u1"}
            )
        )
    metering = MeterProvider([PeriodicExportingMetricReader(exporters["metrics"], 60_000)], resource=RESOURCE)
    metering.get_meter("shop").create_counter("orders").add(2)
    for provider in (tracing, logging, metering):
        provider.shutdown()
    trace_id = f"{parent.get_span_context().trace_id:032x}"

    server.wait_until_inserted()
    assert server.sql("SELECT name, kind, status_code FROM spans ORDER BY name", tenant=tenant) == [
        ["GET /cart", "server", "unset"],
        ["query", "internal", "error"],
    ]
    assert server.sql("SELECT body, level, attr_str['user'] FROM logs", tenant=tenant) == [
        ["cart emptied", "warn", "u1"]
    ]
    assert server.sql("SELECT value FROM samples WHERE metric = 'orders_total'", tenant=tenant) == [["2"]]
    trace = server.api(f"/traces/{trace_id}", tenant=tenant)
    assert {span["name"]: span["service"] for span in trace["spans"]} == {"GET /cart": "shop", "query": "shop"}
    assert [log["body"] for log in trace["logs"]] == ["cart emptied"]
    assert [found["trace_id"] for found in server.api("/traces?service=shop", tenant=tenant)["traces"]] == [trace_id]
    assert [found["body"] for found in server.api("/logs?search=emptied", tenant=tenant)["records"]] == ["cart emptied"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("port", ["otlp", "ui"])
def test_what_curl_sends_in_json_can_be_seen(server: ServerProcess, tenant: str, port: str) -> None:
    now = time.time_ns()
    span = {"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "name": "by hand", "kind": 2,
            "startTimeUnixNano": str(now), "endTimeUnixNano": str(now + 10**6)}  # fmt: skip
    service = {"attributes": [{"key": "service.name", "value": {"stringValue": "curl"}}]}
    body = {"resourceSpans": [{"resource": service, "scopeSpans": [{"spans": [span]}]}]}
    url = f"http://127.0.0.1:{getattr(server, port)}{'/otlp' if port == 'ui' else ''}/v1/traces"
    headers = ["-H", "Content-Type: application/json", "-H", f"X-Scope-OrgID: {tenant}"]

    sent = subprocess.run(
        ["curl", "-sS", "--fail-with-body", url, *headers, "--data", json.dumps(body)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (sent.returncode, sent.stdout, sent.stderr) == (0, "{}", "")
    server.wait_until_inserted()
    assert server.sql("SELECT service, name, kind, duration_nano FROM spans", tenant=tenant) == [
        ["curl", "by hand", "server", "1000000"]
    ]
    assert server.api(f"/traces/{span['traceId']}", tenant=tenant)["spans"][0]["name"] == "by hand"


@pytest.mark.slow
def test_what_opentelemetrys_javascript_sdk_sends_can_be_seen(server: ServerProcess, tmp_path: Path) -> None:
    """Over JSON, gzip, protobuf and gRPC; its exporters have no tenant here, so it is the default one."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node and npm are not installed")
    for name in ("package.json", "send.js"):
        shutil.copy(JS / name, tmp_path)
    options = ["--no-audit", "--no-fund", "--ignore-scripts"]
    subprocess.run(["npm", "install", *options], cwd=tmp_path, check=True, capture_output=True, timeout=300)

    doors = [f"http://127.0.0.1:{port}" for port in (server.otlp, server.grpc)]
    ended = subprocess.run(
        ["node", "send.js", *doors], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    server.wait_until_inserted()
    assert server.sql("SELECT name, `events.name`[1] FROM spans WHERE scope_name = 'shop' ORDER BY name") == [
        [f"over {transport}", "exception"] for transport in ("grpc", "gzip", "json", "protobuf")
    ]
    assert server.sql("SELECT body FROM logs WHERE scope_name = 'shop'") == [
        ['{"text":"cart emptied","items":[1,2.5,null]}']
    ]
    assert server.count("SELECT count() FROM samples WHERE metric LIKE 'latency%'") > 0
