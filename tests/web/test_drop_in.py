"""The port of an original: its paths at the root."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from sonde.web.drop_in import ORIGINALS, DropIn

PROMETHEUS = next(original for original in ORIGINALS if original.name == "Prometheus")


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that says which path it was asked."""
    request = Request(scope, receive)
    await PlainTextResponse(f"{request.url.path}?{request.url.query}")(scope, receive, send)


async def ask(path: str) -> Any:
    transport = httpx.ASGITransport(DropIn(echo, PROMETHEUS, ui_port=3000))
    async with httpx.AsyncClient(transport=transport, base_url="http://monitoring.example:9090") as client:
        return await client.get(path)


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/api/v1/query?query=up", "/prometheus/api/v1/query?query=up"),
        ("/-/healthy", "/prometheus/-/healthy?"),
        ("/federate?match[]=up", "/prometheus/federate?match[]=up"),
        ("/metrics", "/metrics?"),
        ("/prometheus/api/v1/query", "/prometheus/api/v1/query?"),
    ],
)
async def test_a_path_of_the_original_is_asked_under_its_prefix(path: str, asked: str) -> None:
    assert (await ask(path)).text == asked


async def test_a_page_of_the_original_leads_to_ours_with_what_it_was_asked() -> None:
    answer = await ask("/graph?g0.expr=up")
    assert (answer.status_code, answer.headers["location"]) == (
        307,
        "http://monitoring.example:3000/graph?g0.expr=up",
    )
