"""Debian's genuine Prometheus on a free port; tests that need it are skipped where it is not installed."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.compat.comparison import Api
from tests.e2e.server_process import free_port

PATIENCE_SECONDS = 30


def until(condition: Callable[[], object], what: str) -> None:
    """Wait for what others do; the first look is at once."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not within {PATIENCE_SECONDS} s: {what}"
        threading.Event().wait(0.1)


@contextlib.contextmanager
def prometheus(directory: Path, configuration: Mapping[str, Any]) -> Iterator[Api]:
    """A Prometheus that takes remote writes of any age; ``OWN_PORT`` in its configuration is its own."""
    executable = shutil.which("prometheus")
    if executable is None:
        pytest.skip("there is no Prometheus: apt-get install prometheus")
    directory.mkdir()
    port = free_port()
    written = directory / "prometheus.yml"
    written.write_text(json.dumps(configuration).replace("OWN_PORT", str(port)))
    options = {
        "config.file": written,
        "storage.tsdb.path": directory / "data",
        "storage.tsdb.retention.time": "100y",
        "web.listen-address": f"127.0.0.1:{port}",
        "enable-feature": "exemplar-storage,native-histograms",
    }
    command = [executable, "--web.enable-remote-write-receiver"]
    command += [f"--{name}={value}" for name, value in options.items()]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        api = Api(port)
        try:
            until(lambda: is_ready(api), "Prometheus is ready")
            yield api
        finally:
            api.close()
            process.terminate()
            process.wait(20)


def is_ready(api: Api) -> bool:
    """Whether it answers queries."""
    try:
        return api.ask("GET", "/-/ready")[0] == 200
    except OSError:
        api.close()
        return False
