"""Takes what Alertmanager's webhook sends and appends it to a file, a line each, with the time at which it came."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


def create_app(notifications: Path) -> Starlette:
    """The telephone as an ASGI application; what comes goes to ``notifications``."""

    async def ring(request: Request) -> Response:
        line = json.dumps({"at": time.time(), **json.loads(await request.body())})
        await asyncio.to_thread(_append, notifications, line)
        return Response(status_code=200)

    async def healthy(_request: Request) -> Response:
        return Response("ok\n")

    return Starlette(routes=[Route("/notify", ring, methods=["POST"]), Route("/healthz", healthy)])


def _append(file: Path, line: str) -> None:
    with file.open("a", encoding="utf-8") as opened:
        opened.write(line + "\n")


def told(notification: Mapping[str, Any]) -> Iterator[str]:
    """A notification as lines for people.

    >>> alert = {"status": "firing", "labels": {"alertname": "Down"}, "annotations": {"summary": "shop is down"}}
    >>> list(told({"at": 0, "alerts": [alert]}))
    ['  1970-01-01 00:00:00 UTC  firing    Down: shop is down']
    """
    at = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(notification["at"]))
    for alert in notification["alerts"]:
        summary = alert["annotations"].get("summary", "")
        yield f"  {at}  {alert['status']:<8}  {alert['labels'].get('alertname', '')}: {summary}"
