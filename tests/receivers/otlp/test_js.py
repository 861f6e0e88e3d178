"""Genuine clients: the exporters of OpenTelemetry's JavaScript SDK. They send OTLP/JSON by default, unlike Python's."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from tests.receivers.otlp.bodies import REQUESTS

from sonde.telemetry.signal import Signal

CLIENTS = Path(__file__).parent.parent / "js"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node and npm are not installed")
    folder = tmp_path_factory.mktemp("js")
    for name in ("package.json", "send.js"):
        shutil.copy(CLIENTS / name, folder)
    options = ["--no-audit", "--no-fund", "--ignore-scripts"]
    subprocess.run(["npm", "install", *options], cwd=folder, check=True, capture_output=True, timeout=300)
    return folder


@pytest.mark.slow
def test_spans_logs_and_metrics_arrive_over_every_transport(installed, listening, recorder):
    doors = [f"http://127.0.0.1:{port}" for port in (listening.http_port, listening.grpc_port)]
    ended = subprocess.run(
        ["node", "send.js", *doors], cwd=installed, check=False, capture_output=True, text=True, timeout=60
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    requests = [(signal, REQUESTS[signal].FromString(body)) for signal, body, _ in recorder.kept]
    assert [signal for signal, _ in requests] == [Signal.TRACES] * 4 + [Signal.LOGS, Signal.METRICS]
    spans = [request.resource_spans[0].scope_spans[0].spans[0] for _, request in requests[:4]]
    assert [span.name for span in spans] == ["over json", "over gzip", "over protobuf", "over grpc"]
    assert all(len(span.trace_id) == 16 and span.events[0].name == "exception" for span in spans)
    record = requests[4][1].resource_logs[0].scope_logs[0].log_records[0]
    assert {each.key for each in record.body.kvlist_value.values} == {"text", "items"}
    metric = requests[5][1].resource_metrics[0].scope_metrics[0].metrics[0]
    assert (metric.name, metric.histogram.data_points[0].count) == ("latency", 1)
