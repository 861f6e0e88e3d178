"""The same alerts at the same seconds to Sonde's pipeline and to the genuine Alertmanager: the same is told."""

from __future__ import annotations

import http.server
import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.notify.simulation import SECOND, START, Simulation

from sonde.notify.alert import PostedAlert, fingerprint_text

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("prometheus-alertmanager") is None,
        reason="Alertmanager is not installed: apt-get install prometheus-alertmanager",
    ),
]

CONFIGURATION = """
global: {{resolve_timeout: 6s}}
route:
  receiver: all
  group_by: [alertname]
  group_wait: 1s
  group_interval: 2s
  repeat_interval: 5s
  routes:
    - {{matchers: [team=web], receiver: quiet, group_by: ['...'], continue: true}}
    - {{matchers: ['team=~"web|db"'], receiver: all}}
inhibit_rules: [{{source_matchers: [severity=critical], target_matchers: [severity=warning], equal: [service]}}]
receivers:
  - {{name: all, webhook_configs: [{{url: '{url}all'}}]}}
  - {{name: quiet, webhook_configs: [{{url: '{url}quiet', send_resolved: false}}]}}
"""
# Second, labels, whether it ends now; None: the sender gives no end.
STORY: list[tuple[float, dict[str, str], bool | None]] = [
    (0.0, {"alertname": "Slow", "team": "web", "instance": "b"}, False),
    (0.3, {"alertname": "Slow", "team": "web", "instance": "a", "job": "x"}, False),
    (0.5, {"alertname": "Gone", "service": "s", "severity": "critical"}, False),
    (0.6, {"alertname": "Late", "service": "s", "severity": "warning"}, False),
    (1.7, {"alertname": "Slow", "team": "db", "instance": "c"}, None),
    (4.2, {"alertname": "Gone", "service": "s", "severity": "critical"}, True),
    (4.5, {"alertname": "Slow", "team": "web", "instance": "b"}, True),
    (9.6, {"alertname": "Slow", "team": "web", "instance": "b"}, False),
    (12.3, {"alertname": "Late", "service": "s", "severity": "warning"}, True),
]
END = 16.0


class _Hook(http.server.BaseHTTPRequestHandler):
    told: list[tuple[float, str, dict[str, Any]]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.told.append((time.monotonic(), self.path.strip("/"), body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[tuple[str, list[tuple[float, str, dict[str, Any]]]]]:
    told: list[tuple[float, str, dict[str, Any]]] = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Hook", (_Hook,), {"told": told}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", told
    server.shutdown()
    server.server_close()


@pytest.fixture
def genuine(hook: Any, tmp_path: Path) -> Iterator[str]:
    file = tmp_path / "a.yml"
    file.write_text(CONFIGURATION.format(url=hook[0]))
    process = subprocess.Popen(
        ["prometheus-alertmanager", f"--config.file={file}", f"--storage.path={tmp_path}", "--cluster.listen-address=",
         "--web.listen-address=127.0.0.1:39093", "--log.level=error"]
    )  # fmt: skip
    url = "http://127.0.0.1:39093"
    try:
        for _ in range(200):
            try:
                if httpx.get(f"{url}/-/ready").status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait()


def test_the_same_alerts_are_told_the_same_way(hook: Any, genuine: str) -> None:
    _, told = hook
    begin = time.monotonic()
    for second, labels, ends in STORY:
        time.sleep(max(begin + second - time.monotonic(), 0))
        now = time.time()
        far = {False: now + 3600, True: now, None: None}[ends]
        posted = {"labels": labels, **({} if far is None else {"endsAt": _text(far)})}
        assert httpx.post(f"{genuine}/api/v2/alerts", json=[posted]).status_code == 200
    fingerprints = {alert["fingerprint"] for alert in httpx.get(f"{genuine}/api/v2/alerts").json()}
    time.sleep(begin + END - time.monotonic())
    theirs = sorted((to, round(at - begin, 1), *_shape(body)) for at, to, body in told)

    world = Simulation(CONFIGURATION.format(url="http://a/"))
    ours: list[tuple[Any, ...]] = []

    def note(delivery: Any) -> None:
        batch = delivery.batch
        alerts = [(dict(alert.labels), "resolved" if alert.ends_at else "firing") for alert in batch.alerts]
        ours.append((batch.receiver, world.second, batch.group_key, batch.status, dict(batch.group_labels), alerts))

    world.note = note  # type: ignore[method-assign]
    for second, labels, ends in STORY:
        world.run_until(second)
        far_at = {False: START + round((second + 3600) * SECOND), True: world.now, None: 0}[ends]
        world.pipeline.post([PostedAlert(labels, {}, 0, far_at)], world.now)
        world.turn()
    assert fingerprints <= {fingerprint_text(alert.fingerprint) for alert in world.pipeline._alerts.values()}
    world.run_until(END)
    ours.sort(key=lambda each: each[:2])

    assert [_without_time(each) for each in ours] == [_without_time(each) for each in theirs]
    for mine, theirs_ in zip(ours, theirs, strict=True):
        assert mine[1] == pytest.approx(theirs_[1], abs=0.4)


def _text(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1e9):09d}Z"


def _shape(body: dict[str, Any]) -> tuple[Any, ...]:
    alerts = [(alert["labels"], alert["status"]) for alert in body["alerts"]]
    return body["groupKey"], body["status"], body["groupLabels"], alerts


def _without_time(each: tuple[Any, ...]) -> tuple[Any, ...]:
    return each[0], each[2:]
