"""Fixtures of the SDK's tests: a real OTLP/HTTP server on loopback that decodes what it gets, and a process-wide clean slate."""

from __future__ import annotations

import importlib
import json
import logging
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue


def plain(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return attributes(value.kvlist_value.values)
    return getattr(value, kind) if kind else None


def attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: plain(pair.value) for pair in pairs if isinstance(pair, KeyValue)}


@dataclass(frozen=True)
class Received:
    """One span, log record or metric as it came over the wire, with what surrounded it."""

    item: Any
    attributes: dict[str, Any]
    resource: dict[str, Any]
    scope: str

    @property
    def name(self) -> str:
        return str(self.item.name)

    @property
    def body(self) -> Any:
        return plain(self.item.body)


@dataclass
class Sink:
    """What the server has received. ``status`` is what it answers."""

    url: str = ""
    status: int = 200
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    spans: list[Received] = field(default_factory=list)
    logs: list[Received] = field(default_factory=list)
    metrics: list[Received] = field(default_factory=list)

    def take(self, path: str, headers: dict[str, str], body: bytes) -> None:
        self.requests.append((path, headers))
        if self.status != 200:
            return
        message, items, signal = {
            "/v1/traces": (ExportTraceServiceRequest, self.spans, "spans"),
            "/v1/logs": (ExportLogsServiceRequest, self.logs, "log_records"),
            "/v1/metrics": (ExportMetricsServiceRequest, self.metrics, "metrics"),
        }[path]
        groups = path.removeprefix("/v1/").replace("traces", "spans")
        for group in getattr(message.FromString(body), f"resource_{groups}"):
            for scope in getattr(group, f"scope_{groups}"):
                items += [self._received(item, group, scope) for item in getattr(scope, signal)]

    @staticmethod
    def _received(item: Any, group: Any, scope: Any) -> Received:
        return Received(
            item, attributes(getattr(item, "attributes", ())), attributes(group.resource.attributes), scope.scope.name
        )

    def span(self, name: str) -> Received:
        (found,) = [span for span in self.spans if span.name == name]
        return found

    def log(self, body: str) -> Received:
        (found,) = [record for record in self.logs if record.body == body]
        return found


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 5

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            sink.take(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response(sink.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size: ClassVar[int] = 64

    with Server(("127.0.0.1", 0), Handler) as server:
        sink.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield sink
        server.shutdown()
        thread.join()


@pytest.fixture
def clean_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process in which nobody has configured anything; afterwards again."""
    for name in list(os.environ):
        if name.startswith(("OTEL_", "SONDE_")):
            monkeypatch.delenv(name)
    level = logging.root.level
    _forget()
    yield
    from sonde.sdk import configure

    if (handle := configure.active()) is not None:
        handle.shutdown(2.0)
    _forget()
    logging.root.setLevel(level)


def _forget() -> None:
    """Undo what is once for a process: OpenTelemetry's globals and our own."""
    import opentelemetry._logs._internal as otel_logs
    import opentelemetry.metrics._internal as otel_metrics
    import structlog
    from opentelemetry import trace as otel_trace
    from opentelemetry.util._once import Once

    from sonde.sdk import configure, context, guard, import_hook
    from sonde.sdk.logs import journal, standard

    otel_trace._TRACER_PROVIDER, otel_trace._TRACER_PROVIDER_SET_ONCE = None, Once()
    otel_metrics._METER_PROVIDER, otel_metrics._METER_PROVIDER_SET_ONCE = None, Once()
    otel_logs._LOGGER_PROVIDER, otel_logs._LOGGER_PROVIDER_SET_ONCE = None, Once()
    for module in ("generation", "rag", "observe"):
        # their tracers are proxies, if no provider is there at import; one that found a provider keeps it
        importlib.import_module(f"sonde.sdk.{module}")._tracer._real_tracer = None
    configure._active = None
    journal.activate(None)
    standard.release()
    import_hook.forget()
    guard._failures.clear()
    context._bound.set(context._NOTHING)
    structlog.reset_defaults()
    if "sonde.sdk.logs.structured" in sys.modules:
        structlog.configure = sys.modules["sonde.sdk.logs.structured"]._configure


@pytest.fixture
def sonde(clean_process: None, sink: Sink) -> Iterator[Any]:
    """The public API, configured to send to the sink. A failure inside Sonde that a guard contained fails the test."""
    import sonde
    from sonde.sdk.guard import failures

    sonde.configure(service="shop", endpoint=sink.url)
    yield sonde
    sonde.configure().shutdown(5.0)
    assert failures() == {}


@pytest.fixture
def flush(sonde: Any) -> Callable[[], None]:
    """Wait until the sink has everything."""

    def flush() -> None:
        assert sonde.configure().flush(10)

    return flush


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
    """The JSON lines that were printed since the last call."""
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@dataclass(frozen=True)
class Finished:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines() if line.startswith("{")]


@pytest.fixture
def python(sink: Sink) -> Callable[..., Finished]:
    """Run a program in a Python of its own, with SONDE_ENDPOINT set to the sink."""

    def run(program: str, *options: str, environ: dict[str, str] | None = None, timeout: float = 60) -> Finished:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "SONDE_"))}
        done = subprocess.run(
            [sys.executable, *options, "-c", textwrap.dedent(program)],
            env={**inherited, "SONDE_ENDPOINT": sink.url, **(environ or {})},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    return run
