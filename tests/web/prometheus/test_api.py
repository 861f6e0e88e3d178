"""The HTTP API: what is asked and what is answered stand in `tests/golden/web/prometheus.golden`, byte for byte.

A case is a request line, perhaps with a form below it, and behind `---` the status and the body.
"""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

GOLDEN = Path(__file__).parents[2] / "golden/web/prometheus.golden"
pytestmark = pytest.mark.usefixtures("metrics")


def cases() -> dict[str, tuple[str, str]]:
    """Request and answer by title."""
    found = {}
    for case in GOLDEN.read_text(encoding="utf-8").split("=== ")[1:]:
        title, _, rest = case.partition("\n")
        request, _, answer = rest.partition("---\n")
        found[title] = (request, answer.strip("\n"))
    return found


async def answer(http: httpx.AsyncClient, request: str) -> str:
    line, _, form = request.partition("\n")
    method, _, path = line.partition(" ")
    headers = {"content-type": "application/x-www-form-urlencoded"} if form else {}
    found = await http.request(method, f"/prometheus{path}", content=form.strip(), headers=headers)
    return f"{found.status_code}\n{found.text}".strip("\n")


async def test_every_request_is_answered_as_prometheus_answers_it(
    http: httpx.AsyncClient, rewrite_golden: bool
) -> None:
    found = {title: (request, expected, await answer(http, request)) for title, (request, expected) in cases().items()}
    if rewrite_golden:
        texts = (f"=== {title}\n{request}---\n{now}\n" for title, (request, _, now) in found.items())
        GOLDEN.write_text("\n".join(texts), encoding="utf-8")
        return
    for title, (_, expected, now) in found.items():
        assert now == expected, title
