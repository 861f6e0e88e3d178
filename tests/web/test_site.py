"""The built UI: what browsers get, how long they keep it, and what stands there before it is built."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sonde.web.site import Site

INDEX = "<!doctype html><title>Sonde</title>" + "<p>page</p>" * 100


@pytest.fixture
async def http(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(INDEX)
    (tmp_path / "favicon.svg").write_text("<svg/>")
    (tmp_path / "assets" / "index-abc123.js").write_text("console.log(1);" * 100)
    (tmp_path.parent / "secret.txt").write_text("not ours to show")
    site = Site(tmp_path)

    async def page(request: Request) -> Response:
        return site.answer(request, request.path_params["path"])

    app = Starlette(routes=[Route("/{path:path}", page)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as opened:
        yield opened


@pytest.mark.parametrize(
    "path", ["/", "/index.html", "/traces", "/traces/4bf92f3577b34da6a3ce929d0e0e4736", "/llm/a/b"]
)
async def test_every_page_is_the_one_document(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path)

    assert (answer.status_code, answer.text) == (200, INDEX)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"


async def test_files_with_a_hash_in_their_name_are_kept_for_a_year(http: httpx.AsyncClient) -> None:
    answer = await http.get("/assets/index-abc123.js")

    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"].startswith("text/javascript")


async def test_text_travels_compressed(http: httpx.AsyncClient) -> None:
    async with http.stream("GET", "/", headers={"accept-encoding": "gzip"}) as answer:
        raw = b"".join([part async for part in answer.aiter_raw()])
    plain = await http.get("/", headers={"accept-encoding": "identity"})

    assert gzip.decompress(raw).decode() == plain.text == INDEX
    assert "content-encoding" not in plain.headers


async def test_what_has_not_changed_is_not_sent_again(http: httpx.AsyncClient) -> None:
    first = await http.get("/favicon.svg")
    second = await http.get("/favicon.svg", headers={"if-none-match": first.headers["etag"]})

    assert (second.status_code, second.content) == (304, b"")


@pytest.mark.parametrize(
    "path", ["/assets/gone-123.js", "/robots.txt", "/assets/", "/..%2Fsecret.txt", "/assets/..%2F..%2Fsecret.txt"]
)
async def test_a_file_that_is_not_there_is_not_the_page(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path)

    assert answer.status_code == 404
    assert "not ours" not in answer.text


async def test_before_it_is_built_the_page_says_how(tmp_path: Path) -> None:
    scope = {"type": "http", "headers": [], "method": "GET", "path": "/"}
    answer = Site(tmp_path / "nothing").answer(Request(scope), "")

    assert answer.status_code == 503
    assert b"make ui" in answer.body
