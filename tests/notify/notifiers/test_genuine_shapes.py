"""The same alert to the genuine Alertmanager and to our notifiers: requests have the same shape.

Texts differ, because templates are our own; what is compared is methods, paths, headers that matter, and the keys and
kinds of values of bodies. The services are those that Debian's Alertmanager (0.25) speaks to.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import yaml
from tests.notify.notifiers.recording import reply, web
from tests.notify.notifiers.sending import DOWN, FIRING, told
from tests.notify.notifiers.services import SECRET

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("prometheus-alertmanager") is None,
        reason="Alertmanager is not installed: apt-get install prometheus-alertmanager",
    ),
]
OK = reply(body='{"ok": true, "result": {"message_id": 1, "chat": {"id": -1}}}', content_type="application/json")
ONE = replace(FIRING, alerts=(DOWN,))
TELLING = {"content-type", "authorization"}
KINDS = {
    "webhook": {"url": "BASE/webhook"},
    "slack": {
        "api_url": "BASE/slack",
        "channel": "#a",
        "username": "u",
        "fields": [{"title": "a", "value": "b"}],
        "actions": [{"type": "button", "text": "t", "url": "https://a.org"}],
    },
    "pagerduty": {
        "url": "BASE/pagerduty",
        "routing_key": SECRET,
        "client": "c",
        "client_url": "https://a.org",
        "severity": "critical",
        "links": [{"href": "https://a.org", "text": "t"}],
        "images": [{"src": "https://a.org/i", "alt": "t", "href": "https://a.org"}],
    },
    "opsgenie": {
        "api_url": "BASE/opsgenie",
        "api_key": SECRET,
        "tags": "a,b",
        "note": "n",
        "priority": "P1",
        "responders": [{"name": "a", "type": "team"}],
    },
    "victorops": {"api_url": "BASE/victorops", "api_key": SECRET, "routing_key": "r", "custom_fields": {"a": "b"}},
    "telegram": {"api_url": "BASE/telegram", "bot_token": f"1:{SECRET}", "chat_id": -1},
    "discord": {"webhook_url": "BASE/discord"},
    "webex": {"api_url": "BASE/webex", "room_id": "r", "http_config": {"authorization": {"credentials": SECRET}}},
}


def at(base, value):
    match value:
        case dict():
            return {key: at(base, each) for key, each in value.items()}
        case list():
            return [at(base, each) for each in value]
        case str():
            return value.replace("BASE", base)
    return value


def shape(value):
    """Keys and kinds."""
    match value:
        case dict():
            return {key: shape(each) for key, each in sorted(value.items())}
        case list():
            return [shape(each) for each in value[:1]]
    return type(value).__name__


def shape_of(sent):
    headers = {name: value.partition(";")[0] for name, value in sent.headers.items() if name in TELLING}
    body = sent.json
    if known_by(sent) == "telegram":  # whose library writes numbers and truths as texts, which the service reads too
        body = {key: str(value) for key, value in body.items()}
    return sent.method, sent.target, headers, shape(body)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextlib.asynccontextmanager
async def alertmanager(folder: Path, base: str):
    text = yaml.safe_dump(
        {
            "route": {"receiver": "team.a", "group_wait": "0s", "group_by": ["alertname"]},
            "receivers": [
                {"name": "team.a", **{f"{kind}_configs": [at(base, config)] for kind, config in KINDS.items()}}
            ],
        }
    )
    (folder / "a.yml").write_text(text)
    url = f"http://127.0.0.1:{free_port()}"
    process = await asyncio.create_subprocess_exec(
        "prometheus-alertmanager", f"--config.file={folder / 'a.yml'}", f"--storage.path={folder / 'data'}",
        "--cluster.listen-address=", f"--web.listen-address={url.removeprefix('http://')}", "--log.level=error",
    )  # fmt: skip
    try:
        async with httpx.AsyncClient(base_url=url) as client:
            for _ in range(400):
                with contextlib.suppress(httpx.TransportError):
                    if (await client.get("/-/ready")).status_code == 200:
                        break
                await asyncio.sleep(0.02)
            yield client
    finally:
        process.terminate()
        await process.wait()


def known_by(sent):
    return sent.target.split("/")[1]


async def test_requests_have_the_shape_of_alertmanagers(tmp_path):
    waited_for, told_all = set(KINDS), asyncio.Event()

    def answer(sent):
        waited_for.discard(known_by(sent))
        if not waited_for:
            told_all.set()
        return reply(body="ok") if known_by(sent) == "slack" else OK

    async with web(answer) as server:
        async with alertmanager(tmp_path, server.base) as client:
            posted = {"labels": dict(DOWN.labels), "annotations": dict(DOWN.annotations), "generatorURL": "http://p/"}
            assert (await client.post("/api/v2/alerts", json=[posted])).status_code == 200
            async with asyncio.timeout(20):
                await told_all.wait()
        theirs = {known_by(sent): shape_of(sent) for sent in server.sent}
        server.sent.clear()
        for kind, config in KINDS.items():
            assert (await told(kind, at(server.base, config), ONE)).error == ""
        ours = {known_by(sent): shape_of(sent) for sent in server.sent}
    assert ours == theirs
