"""How long requests take, as ``sonde_web_request_seconds`` on ``/metrics``."""

from __future__ import annotations

import time
from typing import Any

from prometheus_client import CollectorRegistry, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Measure:
    """ASGI middleware. Routes are named as they are declared, so that ids in paths make no series of their own."""

    def __init__(self, app: ASGIApp, *, metrics: CollectorRegistry) -> None:
        self._app = app
        self._seconds = Histogram(
            "sonde_web_request_seconds",
            "Time until the first byte of the answer.",
            ("method", "route", "status"),
            buckets=_BUCKETS,
            registry=metrics,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request and measure it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()

        async def measured(message: Message) -> None:
            if message["type"] == "http.response.start":
                status = f"{message['status'] // 100}xx"
                self._seconds.labels(scope["method"], _route(scope), status).observe(time.perf_counter() - began)
            await send(message)

        await self._app(scope, receive, measured)


def _route(scope: Scope) -> str:
    """The route as it is declared, with the prefix under which its router is included."""
    route: Any = scope.get("route")
    declared: str = getattr(route, "path", "unknown")
    if not declared.startswith("/") or ":path}" in declared:
        return declared
    segments = scope["path"].split("/")
    return "/".join(segments[: len(segments) - declared.count("/")]) + declared
