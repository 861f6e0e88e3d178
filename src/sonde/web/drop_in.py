"""The standard port of another system: its paths, answered by the one application that has them under a prefix.

``--drop-in`` opens these ports, so that commands and data sources that were written for the originals need no change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from starlette.datastructures import URL
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class Original:
    """A system whose port can be opened."""

    name: str
    port: int
    prefix: str
    pages: Mapping[str, str] = field(default_factory=dict)
    """Addresses of its own UI, and the pages of ours that show the same."""
    shared: frozenset[str] = frozenset({"/metrics"})
    """Paths that are ours at the root, too."""


ORIGINALS: Final = (
    Original(
        "Prometheus",
        9090,
        "/prometheus",
        pages={
            "/": "/metrics-explorer",
            "/graph": "/graph",
            "/query": "/graph",
            "/targets": "/targets",
            "/alerts": "/alerts",
            "/rules": "/rules",
        },
    ),
    Original("Alertmanager", 9093, "/alertmanager", pages={"/": "/alerts"}),
)


class DropIn:
    """ASGI: an original's paths at the root of its port. Its pages lead to ours at ``ui_port`` of the same host."""

    def __init__(self, app: ASGIApp, original: Original, *, ui_port: int) -> None:
        self._app = app
        self._original = original
        self._ui_port = ui_port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request as the application would under the prefix."""
        path = scope.get("path", "")
        if scope["type"] != "http" or path in self._original.shared or path.startswith(f"{self._original.prefix}/"):
            await self._app(scope, receive, send)
        elif path in self._original.pages:
            page = URL(scope=scope).replace(path=self._original.pages[path], port=self._ui_port)
            await RedirectResponse(page)(scope, receive, send)
        else:
            prefix = self._original.prefix
            inner = {**scope, "path": prefix + path, "raw_path": prefix.encode() + scope.get("raw_path", path.encode())}
            await self._app(inner, receive, send)
