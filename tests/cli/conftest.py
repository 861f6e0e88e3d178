"""The real `sonde` as a process, and a small server that answers as Sonde's API does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

SONDE = Path(sys.executable).with_name("sonde")

Sonde = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def sonde(tmp_path: Path) -> Sonde:
    """Run `sonde` in an empty folder, with an environment that says nothing about it."""

    def run(*arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("SONDE_", "OTEL_"))}
        return subprocess.run(
            [SONDE, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=tmp_path,
            env={**clean, "HOME": str(tmp_path), "COLUMNS": "120", **environment},
        )

    return run


@dataclass
class Api:
    """What was asked of the server, and what it answers: (status, content type, body) by path."""

    url: str
    answers: dict[str, tuple[int, str, bytes]] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    def answer(self, path: str, body: object, *, status: int = 200) -> None:
        self.answers[path] = (status, "application/json", json.dumps(body).encode())


@pytest.fixture
def api() -> Iterator[Api]:
    """A server on a loopback port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            known.asked.append((self.command, self.path, headers, self.rfile.read(length)))
            status, content_type, body = known.answers.get(self.path.partition("?")[0], (404, "text/plain", b"what?"))
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            if status == 302:
                self.send_header("Location", body.decode())
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 -- the name that http.server calls

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        known = Api(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield known
        server.shutdown()
        thread.join()
