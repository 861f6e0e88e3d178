"""What one instrumented FastAPI request costs in CPU: not instrumented, by plain OpenTelemetry, by Sonde.

    python benchmarks/sdk_overhead.py [--requests 4000] [--rounds 5]

Each kind runs in a process of its own, in turns; the CPU time of all its threads counts, so encoding and sending do
too. A sink in another process takes what is sent. The application is called as an ASGI server calls it, without
sockets. Times are the best of the rounds, less disturbed by what else the machine does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KINDS = {
    "none": "not instrumented",
    "otel": "OpenTelemetry, FastAPIInstrumentor as it comes",
    "otel-lean": "OpenTelemetry, without send and receive spans",
    "fastapi": "OpenTelemetry, FastAPI's own spans",
    "sonde": "Sonde (with request id and redaction)",
}


def make_app() -> Any:
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/products/{product}")
    async def read(product: str, size: int = 10) -> dict[str, Any]:
        return {"product": product, "size": size, "offers": [{"price": 9.5, "shop": "a"}, {"price": 10, "shop": "b"}]}

    return app


def set_up(kind: str, endpoint: str) -> Any:
    """Instrument as ``kind`` says; gives back what ends it."""
    if kind == "sonde":
        import sonde

        handle = sonde.configure(service="bench", endpoint=endpoint, console=False)
        sonde.instrument()
        return lambda: handle.shutdown(30)
    if kind == "none":
        return lambda: None
    from opentelemetry import metrics, trace
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "http"
    resource = Resource.create({"service.name": "bench"})
    tracing = TracerProvider(resource=resource, shutdown_on_exit=False)
    tracing.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{endpoint}/v1/traces")))
    trace.set_tracer_provider(tracing)
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{endpoint}/v1/metrics"))
    metering = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
    metrics.set_meter_provider(metering)
    return lambda: (tracing.shutdown(), metering.shutdown())


def instrument_app(kind: str, app: Any) -> None:
    if kind in {"otel", "otel-lean"}:
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

        FastAPIInstrumentor.instrument_app(app, exclude_spans=["send", "receive"] if kind == "otel-lean" else None)


async def serve(app: Any, requests: int) -> None:
    headers = [
        (b"host", b"shop.example"),
        (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"),
        (b"accept", b"application/json"),
        (b"accept-encoding", b"gzip, deflate, br"),
        (b"authorization", b"Bearer 0123456789abcdef0123456789"),
    ]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start" and message["status"] != 200:
            raise RuntimeError(message)

    for number in range(requests):
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": f"/products/{number}",
            "raw_path": f"/products/{number}".encode(),
            "query_string": b"size=20",
            "root_path": "",
            "headers": headers,
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 8000),
            "state": {},
        }
        await asyncio.create_task(app(scope, receive, send))


def measure(kind: str, endpoint: str, requests: int) -> float:
    """CPU seconds for the requests, with everything sent at the end."""
    end = set_up(kind, endpoint)
    app = make_app()
    instrument_app(kind, app)
    asyncio.run(serve(app, 200))
    began = time.process_time()
    asyncio.run(serve(app, requests))
    end()
    return time.process_time() - began


def sink() -> None:
    """Take everything, say the port, stay until killed."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--kind", choices=[*KINDS, "sink"], help=argparse.SUPPRESS)
    parser.add_argument("--endpoint", default="", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.kind == "sink":
        sink()
    elif chosen.kind:
        print(json.dumps(measure(chosen.kind, chosen.endpoint, chosen.requests)))
    else:
        compare(chosen.requests, chosen.rounds)


def compare(requests: int, rounds: int) -> None:
    this = [sys.executable, __file__]
    with subprocess.Popen([*this, "--kind", "sink"], stdout=subprocess.PIPE, text=True) as taker:
        assert taker.stdout is not None
        endpoint = f"http://127.0.0.1:{taker.stdout.readline().strip()}"
        best = dict.fromkeys(KINDS, float("inf"))
        # No queue may overflow: what is dropped is not encoded, and would make its kind look cheap.
        environ = {**os.environ, "OTEL_BSP_MAX_QUEUE_SIZE": str(requests * 10)}
        try:
            for _ in range(rounds):
                for kind in KINDS:
                    options = ["--kind", kind, "--endpoint", endpoint, "--requests", str(requests)]
                    done = subprocess.run([*this, *options], env=environ, stdout=subprocess.PIPE, text=True, check=True)
                    best[kind] = min(best[kind], float(done.stdout))
        finally:
            taker.kill()
    print(f"{'CPU per request':<50} {'total':>10} {'added':>10} {'req/s/core':>11} {'of plain':>9}")
    plain = best["otel"] - best["none"]
    for kind, title in KINDS.items():
        total, added = best[kind] / requests, (best[kind] - best["none"]) / requests
        ratio = added * requests / plain
        print(f"{title:<50} {total * 1e6:>7.0f} µs {added * 1e6:>7.0f} µs {1 / total:>11.0f} {ratio:>9.2f}")


if __name__ == "__main__":
    main()
