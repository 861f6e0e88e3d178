"""Processes start, end, and are missed when they die; none outlives its supervisor."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.demo.processes import alive, children

from sonde.demo.process import Settings
from sonde.demo.run import run_demo
from sonde.demo.supervisor import Process, stop_all, watch


@pytest.fixture
def provider() -> Iterator[tuple[Process, str]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        told = Settings(
            sonde="", provider="", ml_engine="", backend="", data_dir=Path(), seed=1, listen_fd=listener.fileno()
        )
        process = Process("llm-stub", "sonde.demo.provider", told.arguments(), os.environ, listener.fileno())
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    assert httpx.get(f"{url}/healthz", timeout=60).status_code == 200
    yield process, url
    stop_all([process])


def test_a_process_that_dies_is_reported_once_with_how(provider):
    process, _ = provider
    said, stop, heard = [], threading.Event(), threading.Event()

    def say(line: str) -> None:
        said.append(line)
        heard.set()

    watching = threading.Thread(target=watch, args=([process], stop, say))
    watching.start()
    os.kill(process.pid, signal.SIGKILL)
    assert heard.wait(10)
    stop.set()
    watching.join(10)
    assert said == ["The demo's process llm-stub was killed by signal 9; it is not started again. Its last lines:\n"]


def test_a_process_that_cannot_start_tells_why():
    process = Process("llm-stub", "sonde.demo.provider", ["--nonsense"], os.environ, -1)
    process.reap(60)
    assert process.exit_code == 2
    assert "required: --sonde" in process.last_lines()[-1]


def test_a_process_ends_in_order_when_it_is_told_to(provider):
    process, _ = provider
    stop_all([process])
    assert process.exit_code == 0


def test_a_demo_that_is_stopped_while_it_starts_leaves_nothing_behind(tmp_path):
    stop = threading.Event()
    arguments = {"ui_url": "", "stop": stop, "say": lambda _: None}
    running = threading.Thread(target=run_demo, args=("http://127.0.0.1:9", tmp_path), kwargs=arguments)
    before = children(os.getpid(), "sonde.demo.")
    running.start()
    while not children(os.getpid(), "sonde.demo.traffic"):
        assert running.is_alive()
    stop.set()
    running.join(10)
    assert not running.is_alive()
    assert children(os.getpid(), "sonde.demo.") == before


def test_no_process_outlives_a_supervisor_that_was_killed():
    start = (
        "import os, socket; from sonde.demo.process import Settings; from sonde.demo.supervisor import Process\n"
        "from pathlib import Path; listener = socket.create_server(('127.0.0.1', 0)); fd = listener.fileno()\n"
        "told = Settings(sonde='', provider='', ml_engine='', backend='', data_dir=Path(), seed=1, listen_fd=fd)\n"
        "child = Process('llm-stub', 'sonde.demo.provider', told.arguments(), os.environ, fd)\n"
        "print(child.pid, listener.getsockname()[1], flush=True); child._popen.wait()\n"
    )
    with subprocess.Popen([sys.executable, "-c", start], stdout=subprocess.PIPE, text=True) as supervisor:
        pid, port = map(int, supervisor.stdout.readline().split())
        assert httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=30).status_code == 200
        supervisor.kill()
    deadline = time.monotonic() + 10
    while alive(pid):
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)
