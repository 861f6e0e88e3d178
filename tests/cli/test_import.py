"""`sonde import`, against a server that takes remote write requests, or does not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.cli.conftest import Sonde

from sonde.receivers import snappy
from sonde.receivers.prometheus.messages import Request

FILE = 'up{job="a"} 1 1700000000000\nup{job="b"} 0 1700000000000\n'


@dataclass
class WriteServer:
    """Answers in turn: (status, headers, text); the last one for ever."""

    url: str
    answers: list[tuple[int, dict[str, str], str]] = field(default_factory=lambda: [(204, {}, "")])
    taken: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def write_server() -> Iterator[WriteServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            known.taken.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            status, headers, text = known.answers.pop(0) if len(known.answers) > 1 else known.answers[0]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    known = WriteServer(f"http://127.0.0.1:{listening.server_port}")
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    yield known
    listening.shutdown()
    listening.server_close()
    thread.join()


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "metrics.txt").write_text(FILE)
    return "metrics.txt"


def test_a_file_is_sent_as_remote_write(sonde: Sonde, write_server: WriteServer, file: str) -> None:
    done = sonde("import", "openmetrics", file, "--server", write_server.url, "--tenant", "team-a", "--key", "k")
    assert (done.returncode, done.stdout, done.stderr) == (0, "2 samples of metrics.txt are stored\n", "")
    [(path, headers, body)] = write_server.taken
    assert path == "/prometheus/api/v1/write"
    assert headers["content-type"] == "application/x-protobuf;proto=io.prometheus.write.v2.Request"
    assert (headers["x-scope-orgid"], headers["authorization"]) == ("team-a", "Bearer k")
    assert len(Request.FromString(snappy.decompress(body, 10_000)).timeseries) == 2


def test_a_busy_server_is_asked_again(sonde: Sonde, write_server: WriteServer, file: str) -> None:
    write_server.answers = [(503, {"Retry-After": "0"}, "busy"), (429, {"Retry-After": "0"}, "busy"), (204, {}, "")]
    done = sonde("import", "openmetrics", file, "--server", write_server.url)
    assert (done.returncode, len(write_server.taken)) == (0, 3)


def test_what_is_rejected_is_told(sonde: Sonde, write_server: WriteServer, file: str) -> None:
    written = {"X-Prometheus-Remote-Write-Samples-Written": "1"}
    write_server.answers = [(400, written, "1 of 2 series rejected: it is odd")]
    done = sonde("import", "openmetrics", file, "--server", write_server.url)
    assert (done.returncode, done.stdout) == (1, "1 samples of metrics.txt are stored\n")
    assert done.stderr == "from line 1 on: 1 of 2 series rejected: it is odd\n"


def test_a_refusal_ends_it(sonde: Sonde, write_server: WriteServer, file: str) -> None:
    write_server.answers = [(401, {}, "this key was not issued here")]
    done = sonde("import", "openmetrics", file, "--server", write_server.url)
    assert (done.returncode, "this key was not issued here" in done.stderr, "SONDE_API_KEY" in done.stderr) == (
        2,
        True,
        True,
    )


def test_a_file_that_is_not_there_or_not_in_the_format(sonde: Sonde, write_server: WriteServer, tmp_path: Path) -> None:
    missing = sonde("import", "openmetrics", "nothing.txt", "--server", write_server.url)
    assert (missing.returncode, "nothing.txt cannot be read" in missing.stderr) == (2, True)
    (tmp_path / "bad.txt").write_text("up 1\nup one\n")
    bad = sonde("import", "openmetrics", "bad.txt", "--server", write_server.url)
    assert (bad.returncode, "2:4: expected a value" in bad.stderr) == (2, True), bad.stderr
