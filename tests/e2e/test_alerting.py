"""From a rule to a webhook in a real process: told once, also through kill -9; what ends is told as ended."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.server_process import ServerProcess, running

pytestmark = pytest.mark.e2e

RULES = """
groups:
  - name: shop
    interval: 1s
    rules:
      - record: shop:closed
        expr: absent(shop_open)
      - alert: ShopClosed
        expr: shop:closed == 1
        labels: {severity: critical}
        annotations: {summary: "the shop is closed", value: "{{ $value }}"}
      - alert: NeverWritten
        language: sql
        expr: "SELECT 'shop' AS service, count() AS value FROM logs HAVING value = 0"
"""
ROUTES = """
route: {{receiver: web, group_by: [alertname], group_wait: {group_wait}, group_interval: 1s, repeat_interval: 1h}}
receivers: [{{name: web, webhook_configs: [{{url: "http://127.0.0.1:{port}/"}}]}}]
"""
DOUBT_SECONDS = 0.25
"""Who dies so soon behind a notification cannot know that it has arrived, and says so again."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A notification as it came."""

    at: float
    status: str
    alerts: tuple[tuple[str, str], ...]


class Webhook:
    """Hears notifications."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self._came = threading.Condition()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer._note(body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def _note(self, body: dict[str, Any]) -> None:
        alerts = tuple((alert["labels"]["alertname"], alert["status"]) for alert in body["alerts"])
        with self._came:
            self.heard.append(Heard(time.time(), body["status"], alerts))
            self._came.notify_all()

    def of(self, name: str, status: str) -> list[Heard]:
        """All that told of an alert in a status."""
        return [heard for heard in self.heard if (name, status) in heard.alerts]

    def wait_for(self, name: str, status: str, *, seconds: float = 30) -> None:
        with self._came:
            assert self._came.wait_for(lambda: self.of(name, status), timeout=seconds), (
                f"nobody told of {name} {status}"
            )

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    one = Webhook()
    yield one
    one.close()


def configured(folder: Path, port: int, *, group_wait: str = "500ms") -> dict[str, str]:
    (folder / "rules.yml").write_text(RULES)
    (folder / "alertmanager.yml").write_text(ROUTES.format(port=port, group_wait=group_wait))
    return {
        "SONDE_RULES_FILES": str(folder / "rules.yml"),
        "SONDE_ALERTMANAGER_CONFIG_FILE": str(folder / "alertmanager.yml"),
    }


def open_shop(server: ServerProcess) -> None:
    """One sample of ``shop_open``."""
    point = {"asDouble": 1, "timeUnixNano": str(time.time_ns())}
    metric = {"name": "shop.open", "gauge": {"dataPoints": [point]}}
    body = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}
    answer = server.send("metrics", json.dumps(body).encode(), headers={"Content-Type": "application/json"})
    assert answer.status == 200, answer.text


def test_an_alert_is_told_when_it_fires_and_when_it_ends_and_is_seen_by_all_dialects(
    tmp_path: Path, webhook: Webhook
) -> None:
    with running(tmp_path / "data", configured(tmp_path, webhook.port)) as server:
        webhook.wait_for("ShopClosed", "firing")
        webhook.wait_for("NeverWritten", "firing")
        rules = json.loads(server.get("/prometheus/api/v1/rules?rule_name[]=ShopClosed")[1])["data"]["groups"]
        (alert,) = rules[0]["rules"][0]["alerts"]
        assert (alert["state"], alert["annotations"]["summary"]) == ("firing", "the shop is closed")
        shown = json.loads(server.get("/alertmanager/api/v2/alerts?filter=alertname=ShopClosed")[1])
        assert [(each["status"]["state"], each["receivers"]) for each in shown] == [("active", [{"name": "web"}])]
        open_shop(server)
        webhook.wait_for("ShopClosed", "resolved")
        assert [len(webhook.of("ShopClosed", status)) for status in ("firing", "resolved")] == [1, 1]


def test_kill_9_while_alerts_fire_tells_nobody_twice_and_forgets_nobody(tmp_path: Path, webhook: Webhook) -> None:
    server = ServerProcess(tmp_path / "data", configured(tmp_path, webhook.port, group_wait="1s"))
    chance, kills = random.Random(4), list[float]()
    for _ in range(5):
        server.start()
        threading.Event().wait(chance.random() * 2.5)
        server.kill()
        kills.append(time.time())
    server.start()
    try:
        webhook.wait_for("ShopClosed", "firing")
        webhook.wait_for("NeverWritten", "firing")
        threading.Event().wait(2)  # two more turns of the groups
        for name in ("ShopClosed", "NeverWritten"):
            told = webhook.of(name, "firing")
            doubtful = sum(1 for heard in told for kill in kills if 0 <= kill - heard.at < DOUBT_SECONDS)
            assert 1 <= len(told) <= 1 + doubtful, (name, told, kills)
            assert not webhook.of(name, "resolved"), "a restart is no end of an alert"
        open_shop(server)
        webhook.wait_for("ShopClosed", "resolved")
    finally:
        server.stop()


def test_a_reload_with_a_mistake_changes_nothing_and_says_where(tmp_path: Path, webhook: Webhook) -> None:
    with running(tmp_path / "data", configured(tmp_path, webhook.port)) as server:
        webhook.wait_for("ShopClosed", "firing")
        (tmp_path / "rules.yml").write_text(RULES.replace("absent(shop_open)", "absent(shop_open"))
        refused = server.ask("POST", "/prometheus/-/reload")
        assert (refused.status, "rules.yml" in refused.text) == (500, True), refused.text
        groups = json.loads(server.get("/prometheus/api/v1/rules")[1])["data"]["groups"]
        assert [rule["name"] for rule in groups[0]["rules"]] == ["shop:closed", "ShopClosed", "NeverWritten"]
        (tmp_path / "rules.yml").write_text("groups: []")
        assert server.ask("POST", "/alertmanager/-/reload").status == 200
        assert json.loads(server.get("/prometheus/api/v1/rules")[1])["data"]["groups"] == []
