"""One Sonde and one genuine Prometheus for all tests of a worker, which have been sent the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.compat.comparison import Api
from tests.compat.dataset import requests
from tests.compat.prometheus_process import prometheus
from tests.e2e.server_process import ServerProcess, running

from sonde.receivers import snappy

HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}


def write(api: Api) -> None:
    """Send an hour of series by remote write."""
    for body in requests():
        status, _, said = api.ask("POST", "/api/v1/write", body=snappy.compress(body), headers=HEADERS)
        assert status == 204, said
    api.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with the data, which is older than metrics are usually kept."""
    with running(tmp_path_factory.mktemp("sonde") / "data", {"SONDE_RETENTION_METRICS": "0"}) as started:
        write(Api(started.ui, "/prometheus"))
        started.wait_until_inserted()
        yield started


@pytest.fixture
def sonde(server: ServerProcess) -> Iterator[Api]:
    """Its API."""
    api = Api(server.ui, "/prometheus")
    yield api
    api.close()


@pytest.fixture(scope="session")
def genuine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Prometheus' API, on the same data."""
    with prometheus(tmp_path_factory.mktemp("prometheus") / "data", {}) as api:
        write(api)
        yield api
