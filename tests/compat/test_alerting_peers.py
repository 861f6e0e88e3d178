"""Alerts between Sonde and the genuine ones, all as processes: Prometheus to Sonde, Sonde to Alertmanager, and amtool."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.compat.prometheus_process import prometheus, until
from tests.e2e.server_process import ServerProcess, free_port, running

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
needs_alertmanager = pytest.mark.skipif(
    shutil.which("prometheus-alertmanager") is None or shutil.which("amtool") is None,
    reason="Alertmanager is not installed: apt-get install prometheus-alertmanager",
)

RULES = {
    "groups": [
        {
            "name": "switches",
            "interval": "1s",
            "rules": [
                {
                    "alert": "SwitchedOn",
                    "expr": "switch == 1",
                    "labels": {"severity": "critical"},
                    "annotations": {"summary": "{{ $labels.job }} is at {{ $value }}"},
                }
            ],
        }
    ]
}


class Peer:
    """A service on loopback: its ``/metrics`` has a switch, and it keeps what it is told at ``/hook``."""

    def __init__(self) -> None:
        self.switch = 0
        self.told: list[dict[str, Any]] = []
        peer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = f"switch {peer.switch}\n".encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                peer.told.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def heard(self, status: str) -> list[dict[str, Any]]:
        """The alerts of the notifications with a status."""
        return [alert for told in self.told if told["status"] == status for alert in told["alerts"]]


@pytest.fixture
def peer() -> Iterator[Peer]:
    one = Peer()
    yield one
    one.close()


def scraping(peer: Peer, rules: Path, *, alertmanager: str, **section: Any) -> dict[str, Any]:
    """A ``prometheus.yml`` that watches the switch and tells an Alertmanager."""
    rules.write_text(json.dumps(RULES))
    return {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s", "external_labels": {"region": "eu"}},
        "rule_files": [str(rules)],
        "scrape_configs": [{"job_name": "switch", "static_configs": [{"targets": [peer.address]}]}],
        "alerting": {
            "alert_relabel_configs": [{"target_label": "via", "replacement": "prometheus.yml"}],
            "alertmanagers": [{**section, "static_configs": [{"targets": [alertmanager]}]}],
        },
    }


def telling(peer: Peer) -> str:
    """An ``alertmanager.yml`` whose webhook is at the peer."""
    return json.dumps(
        {
            "route": {
                "receiver": "rest",
                "group_by": ["alertname"],
                "group_wait": "0s",
                "group_interval": "1s",
                "routes": [{"matchers": ["severity=critical"], "receiver": "peer"}],
            },
            "receivers": [
                {"name": "rest"},
                {"name": "peer", "webhook_configs": [{"url": f"http://{peer.address}/hook"}]},
            ],
        }
    )


def expect_the_whole_story(peer: Peer, *, generator: str) -> None:
    """The switch goes on and off again, and the peer hears of both."""
    peer.switch = 1
    until(lambda: peer.heard("firing"), "the webhook hears that the alert fires")
    [alert] = peer.heard("firing")
    assert alert["labels"] == {
        "alertname": "SwitchedOn",
        "instance": peer.address,
        "job": "switch",
        "region": "eu",
        "severity": "critical",
        "via": "prometheus.yml",
    }
    assert alert["annotations"] == {"summary": "switch is at 1"}
    assert alert["generatorURL"].startswith(generator)
    assert "g0.expr=switch+%3D%3D+1" in alert["generatorURL"]
    peer.switch = 0
    until(lambda: peer.heard("resolved"), "the webhook hears that the alert is over")
    [over] = peer.heard("resolved")
    assert (over["labels"], over["startsAt"]) == (alert["labels"], alert["startsAt"])
    assert len(peer.told) == 2


@contextlib.contextmanager
def sonde(directory: Path, **files: Any) -> Iterator[ServerProcess]:
    """A Sonde with a ``prometheus.yml`` or an ``alertmanager.yml``."""
    environment = {}
    for name, text in files.items():
        (directory / f"{name}.yml").write_text(text if isinstance(text, str) else json.dumps(text))
        environment[f"SONDE_{name.upper()}_CONFIG_FILE"] = str(directory / f"{name}.yml")
    with running(directory / "data", environment) as server:
        yield server


def test_prometheus_sends_alerts_to_sonde(tmp_path: Path, peer: Peer) -> None:
    with sonde(tmp_path, alertmanager=telling(peer)) as server:
        configuration = scraping(
            peer, tmp_path / "rules.yml", alertmanager=f"127.0.0.1:{server.ui}", path_prefix="/alertmanager"
        )
        with prometheus(tmp_path / "prometheus", configuration) as api:
            # Prometheus loses what fires before it has told itself whom it has discovered, every five seconds.
            until(lambda: f"127.0.0.1:{server.ui}".encode() in api.ask("GET", "/api/v1/alertmanagers")[2], "discovery")
            expect_the_whole_story(peer, generator="http://")


@contextlib.contextmanager
def alertmanager(directory: Path, text: str) -> Iterator[str]:
    """A genuine one; its address."""
    address = f"127.0.0.1:{free_port()}"
    file = directory / "theirs.yml"
    file.write_text(text)
    process = subprocess.Popen(
        ["prometheus-alertmanager", f"--config.file={file}", f"--storage.path={directory}", "--cluster.listen-address=",
         f"--web.listen-address={address}", "--log.level=error"]
    )  # fmt: skip

    def is_ready() -> bool:
        try:
            return httpx.get(f"http://{address}/-/ready").status_code == 200
        except httpx.TransportError:
            return False

    try:
        until(is_ready, "Alertmanager is ready")
        yield address
    finally:
        process.terminate()
        process.wait(20)


@needs_alertmanager
def test_sonde_sends_alerts_to_alertmanager(tmp_path: Path, peer: Peer) -> None:
    with alertmanager(tmp_path, telling(peer)) as address:
        configuration = scraping(peer, tmp_path / "rules.yml", alertmanager=address)
        with sonde(tmp_path, prometheus=configuration) as server:
            expect_the_whole_story(peer, generator=f"http://127.0.0.1:{server.ui}/")
            told = json.loads(server.get("/prometheus/api/v1/alertmanagers")[1])["data"]
            assert told == {
                "activeAlertmanagers": [{"url": f"http://{address}/api/v2/alerts"}],
                "droppedAlertmanagers": [],
            }
            counted = f'prometheus_notifications_sent_total{{alertmanager="http://{address}/api/v2/alerts"}}'
            assert counted in server.get("/metrics")[1].decode()
            assert "not in force" not in server.log.read_text()


@needs_alertmanager
def test_amtool_works_on_sonde(tmp_path: Path, peer: Peer) -> None:
    text = telling(peer)
    with sonde(tmp_path, alertmanager=text) as server:

        def amtool(*arguments: str) -> str:
            done = subprocess.run(
                ["amtool", f"--alertmanager.url=http://127.0.0.1:{server.ui}/alertmanager", *arguments],
                capture_output=True,
                text=True,
                timeout=20,
                check=False,
                env={**os.environ, "HOME": "/nonexistent"},
            )
            assert done.returncode == 0, done.stderr + done.stdout
            return done.stdout

        assert "SUCCESS" in amtool("check-config", str(tmp_path / "alertmanager.yml"))
        assert amtool("config", "routes", "test", "severity=critical").strip() == "peer"
        silence = amtool("silence", "add", "alertname=Quiet", "--comment=planned", "--author=me").strip()
        amtool("alert", "add", "Quiet", "severity=critical")
        amtool("alert", "add", "Loud", "severity=critical", "--annotation=summary=hello")
        until(lambda: peer.heard("firing"), "the webhook hears the alert that amtool has added")
        [alert] = peer.heard("firing")
        assert (alert["labels"], alert["annotations"]) == (
            {"alertname": "Loud", "severity": "critical"},
            {"summary": "hello"},
        )
        shown = json.loads(amtool("alert", "query", "-o", "json"))
        assert [each["labels"]["alertname"] for each in shown] == ["Loud"]
        assert silence in amtool("silence", "query", "--quiet")
        amtool("silence", "expire", silence)
        until(lambda: len(peer.heard("firing")) == 2, "the webhook hears the alert whose silence has ended")
        assert "Quiet" in {each["labels"]["alertname"] for each in peer.heard("firing")}
