"""Beside the genuine ones: rules' alerts arrive at Alertmanager, and are sent as Prometheus sends the same."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.compat.prometheus_process import prometheus
from tests.e2e.server_process import free_port
from tests.notify.alertmanagers.told import PATIENCE_SECONDS, at, count, running, until
from tests.notify.notifiers.recording import web
from tests.rules.story import SECOND, Story

from sonde.rules.notify import SentAlert
from sonde.telemetry.labels import labels_of

needs_alertmanager = pytest.mark.skipif(
    shutil.which("prometheus-alertmanager") is None,
    reason="Alertmanager is not installed: apt-get install prometheus-alertmanager",
)

RULES = """
groups:
  - name: g
    interval: 15s
    rules:
      - alert: Down
        expr: up == 0
        labels: {severity: critical, team: 'a "b" <c>'}
        annotations: {summary: '{{ $labels.job }} is down & {{ $value }}'}
      - {alert: Always, expr: vector(1)}
"""


@contextlib.asynccontextmanager
async def alertmanager(directory: Path) -> AsyncIterator[str]:
    """A genuine one that tells nobody; its URL."""
    url = f"http://127.0.0.1:{free_port()}"
    file = directory / "alertmanager.yml"
    file.write_text("{route: {receiver: nobody}, receivers: [{name: nobody}]}")
    process = await asyncio.create_subprocess_exec(
        "prometheus-alertmanager",
        f"--config.file={file}",
        f"--storage.path={directory}",
        f"--web.listen-address={url[7:]}",
        *("--cluster.listen-address=", "--log.level=error"),
    )
    try:
        async with httpx.AsyncClient() as client:
            await eventually(lambda: answers(client, f"{url}/-/ready"))
        yield url
    finally:
        process.terminate()
        await process.wait()


async def answers(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(url)).status_code == 200
    except httpx.TransportError:
        return False


async def eventually(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await condition():  # noqa: ASYNC110 - another process tells us nothing
            await asyncio.sleep(0.02)


@needs_alertmanager
async def test_alertmanager_hears_of_alerts_and_that_they_are_over(tmp_path: Path) -> None:
    async with (
        alertmanager(tmp_path) as url,
        httpx.AsyncClient() as client,
        running(at(url, alert_relabel_configs=[{"target_label": "via", "replacement": "sonde"}])) as sender,
    ):

        async def known() -> dict[str, Any]:
            found = (await client.get(f"{url}/api/v2/alerts")).json()
            return {each["labels"]["alertname"]: each for each in found}

        began = time.time_ns() // SECOND * SECOND - 60 * SECOND
        story = Story(
            options={"notifier": sender, "external_url": "http://sonde", "external_labels": (("region", "eu"),)}
        )
        group = story.group(RULES)
        story.put("up", began, 0.0, job="api")
        await story.evaluate(group, began)
        await until(lambda: count("sent_total", url) == 2)
        down = (await known())["Down"]
        assert down["labels"] == {
            "alertname": "Down",
            "job": "api",
            "region": "eu",
            "severity": "critical",
            "team": 'a "b" <c>',
            "via": "sonde",
        }
        assert down["annotations"] == {"summary": "api is down & 0"}
        assert down["generatorURL"] == "http://sonde/graph?g0.expr=up+%3D%3D+0&g0.tab=1"
        assert down["status"]["state"] == "active"
        assert (nano(down["startsAt"]), nano(down["endsAt"])) == (began, began + 240 * SECOND)

        story.put("up", began + 30 * SECOND, 1.0, job="api")
        await story.evaluate(group, began + 30 * SECOND)
        await until(lambda: count("sent_total", url) == 3)
        assert list(await known()) == ["Always"]


def nano(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000) * 10**6


def sent_alert(posted: dict[str, Any]) -> SentAlert:
    return SentAlert(
        labels=labels_of(posted["labels"]),
        annotations=labels_of(posted.get("annotations", {})),
        starts_at_unix_nano=nano(posted["startsAt"]),
        ends_at_unix_nano=nano(posted["endsAt"]),
        generator_url=posted["generatorURL"],
    )


@pytest.mark.slow
async def test_prometheus_sends_the_same_to_the_same(tmp_path: Path) -> None:
    """One section for both: the same Alertmanagers are told and dropped, and requests are alike byte by byte."""
    rules = RULES.replace("up == 0", 'label_replace(vector(0), "job", "api", "", "")').replace(
        "interval: 15s", "interval: 1s"
    )
    # What fires in the first seconds is lost: Prometheus tells itself every five seconds whom it has discovered.
    rules = rules.replace("labels: {", "for: 6s\n        labels: {").replace("vector(1)}", "vector(1), for: 6s}")
    (tmp_path / "rules.yml").write_text(rules)
    async with web() as server, web() as ours:
        section = {
            "alert_relabel_configs": [{"source_labels": ["team"], "regex": ".*(<c>)", "target_label": "cut"}],
            "alertmanagers": [
                {
                    "path_prefix": "/a b/../am",
                    "static_configs": [
                        {"targets": ["SERVER", "127.0.0.1:1"], "labels": {"role": "main"}},
                        {"targets": ["spare:9093"], "labels": {"role": "spare"}},
                    ],
                    "relabel_configs": [
                        {"source_labels": ["role"], "regex": "main", "action": "keep"},
                        {"source_labels": ["__address__"], "regex": ".*:1", "action": "drop"},
                    ],
                }
            ],
        }
        text = json.dumps(section)
        alerting = json.loads(text.replace("SERVER", server.base[7:]))
        configuration = {
            "global": {"evaluation_interval": "1s", "external_labels": {"region": "eu"}},
            "rule_files": [str(tmp_path / "rules.yml")],
            "alerting": alerting,
        }

        def genuine() -> Any:
            with prometheus(tmp_path / "prometheus", configuration) as api:
                deadline = time.monotonic() + PATIENCE_SECONDS
                while sum(len(sent.json) for sent in server.sent) < 2 and time.monotonic() < deadline:
                    time.sleep(0.02)
                return json.loads(api.ask("GET", "/api/v1/alertmanagers")[2])["data"]

        theirs = await asyncio.to_thread(genuine)
        known = [sent_alert(posted) for sent in server.sent for posted in sent.json]
        assert {dict(each.labels)["alertname"] for each in known} == {"Down", "Always"}

        sections = json.loads(text.replace("SERVER", ours.base[7:]))["alertmanagers"]
        async with running(*sections, alert_relabel_configs=section["alert_relabel_configs"]) as sender:
            await until(lambda: sender.active("default"))
            assert [url.replace(ours.base, server.base) for url in sender.active("default")] == [
                each["url"] for each in theirs["activeAlertmanagers"]
            ]
            assert sorted(sender.dropped("default")) == sorted(each["url"] for each in theirs["droppedAlertmanagers"])
            await sender.notify(known, tenant="default")
            await until(lambda: ours.sent)
    [first] = ours.sent
    one_body = b"[" + b",".join(sent.body[1:-1] for sent in server.sent) + b"]"
    assert first.body == one_body
    assert {(sent.method, sent.target, sent.headers["content-type"]) for sent in server.sent} == {
        (first.method, first.target, first.headers["content-type"])
    }
    assert b"\\u003c" in first.body
