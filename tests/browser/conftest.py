"""A Chromium of the machine, and a server for it to look at: the fixture server, or the one that SONDE_UI_URL names.

The tests ask the server's own API for what should be on the page, so that they hold for any server with an hour of
telemetry from at least two services, with errors, logs and LLM calls among it.
"""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import uvicorn
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from tests.browser.fixture_server import STATIC, FixtureServer

TIMEOUT_MILLISECONDS = 20_000  # generous: a busy machine is not a broken page
expect.set_options(timeout=TIMEOUT_MILLISECONDS)

CHROMIUM_FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Api:
    """The server's API as the tests see it."""

    def __init__(self, base_url: str) -> None:
        self._client = httpx.Client(base_url=f"{base_url}/api/v1", timeout=30)

    def get(self, path: str, **parameters: Any) -> Any:
        parameters = {"start": time.time() - 3600, "end": time.time()} | parameters
        answer = self._client.get(path, params=parameters)
        answer.raise_for_status()
        return answer.json()

    def a_trace(self, **filters: Any) -> Any:
        """A trace of several spans, all of which have arrived."""
        found = self.get("/traces", limit=200, end=time.time() - 60, **filters)["traces"]
        whole = (trace for trace in found if 2 < trace["span_count"] < 40 and not trace["root_missing"])
        return self.get(f"/traces/{next(whole)['trace_id']}")

    def records(self, **filters: Any) -> Any:
        """Log records whose traces have arrived."""
        return self.get("/logs", limit=200, end=time.time() - 60, **filters)["records"]

    def close(self) -> None:
        self._client.close()


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    named = os.environ.get("SONDE_UI_URL")
    if named:
        yield named.rstrip("/")
        return
    if not (STATIC / "index.html").exists():
        pytest.skip("the UI is not built: run `make ui`")
    with serving(FixtureServer(time.time())) as url:
        yield url


class serving:  # noqa: N801 -- reads as a verb
    """Serves on a free port of loopback for the length of a with block."""

    def __init__(self, fixture: FixtureServer) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(fixture.app(), log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listener]}, daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._listener.close()


@pytest.fixture(scope="module")
def api(base_url: str) -> Iterator[Api]:
    api = Api(base_url)
    yield api
    api.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One a module: Playwright's event loop must not outlive the tests that use it, or asyncio's own tests fail."""
    chromium = os.environ.get("SONDE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, base_url: str) -> Iterator[Page]:
    """A window of its own for each test; the test fails if the page wrote an error to the console."""
    context = browser.new_context(base_url=base_url, viewport={"width": 1280, "height": 800}, color_scheme="light")
    context.set_default_timeout(TIMEOUT_MILLISECONDS)
    page = context.new_page()
    problems: list[str] = []

    def note(message: ConsoleMessage) -> None:
        # What a test makes the server answer on purpose is written to the console by the browser itself.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            problems.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    context.close()
    assert not problems
