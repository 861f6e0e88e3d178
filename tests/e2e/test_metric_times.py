"""Any time is welcome when retention is off; and a tenant that nobody has heard of is a database of its own."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.server_process import Answer, ServerProcess, running
from tests.receivers.prometheus.write_requests import NOW, series, version_1

from sonde.receivers import snappy

pytestmark = pytest.mark.e2e

HEADERS = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"}
FIRST = -2_208_988_800_000  # 1900, the first that the store can hold


@pytest.fixture(scope="module")
def keeper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that keeps metrics for ever."""
    with running(tmp_path_factory.mktemp("keeper") / "data", {"SONDE_RETENTION_METRICS": "0"}) as started:
        yield started


def write(server: ServerProcess, body: bytes, tenant: str) -> Answer:
    headers = {**HEADERS, "X-Scope-OrgID": tenant}
    return server.ask("POST", "/prometheus/api/v1/write", snappy.compress(body), headers)


def ask(server: ServerProcess, path: str, tenant: str, **parameters: Any) -> Any:
    query = urllib.parse.urlencode(parameters, doseq=True)
    answer = server.ask("GET", f"/prometheus/api/v1/{path}?{query}", headers={"X-Scope-OrgID": tenant})
    assert answer.status == 200, answer.text
    return answer.json()["data"]


def values(server: ServerProcess, query: str, tenant: str, at: float) -> list[list[Any]]:
    found = ask(server, "query", tenant, query=query, time=at)["result"]
    return found[0].get("values") or [found[0]["value"]] if found else []


def test_samples_of_the_epoch_and_before_are_kept_and_answered(keeper: ServerProcess, tenant: str) -> None:
    times = [0, -1, -1_500, 1_000, -86_400_000, FIRST, NOW]
    body = version_1(series("up", *((float(place), at) for place, at in enumerate(times))))
    assert write(keeper, body, tenant).status == 204
    keeper.wait_until_inserted()

    assert values(keeper, "up", tenant, 0) == [[0, "0"]]
    assert values(keeper, "up[1m]", tenant, 2) == [[-1.5, "2"], [-0.001, "1"], [0, "0"], [1, "3"]]
    assert values(keeper, "count_over_time(up[2d])", tenant, 1) == [[1, "5"]]
    assert values(keeper, "up", tenant, -86_400 + 60) == [[-86_340, "4"]]
    assert values(keeper, "up", tenant, FIRST / 1000 + 60) == [[FIRST / 1000 + 60, "5"]]
    assert values(keeper, "up", tenant, NOW / 1000) == [[NOW / 1000, "6"]]
    matrix = ask(keeper, "query_range", tenant, query="up", start=-1, end=1, step=1)["result"]
    assert matrix[0]["values"] == [[-1, "2"], [0, "0"], [1, "3"]]


def test_they_are_still_there_after_a_restart(tmp_path: Path) -> None:
    data, forever = tmp_path / "data", {"SONDE_RETENTION_METRICS": "0"}
    with running(data, forever) as server:
        assert write(server, version_1(series("up", (1.0, 0), (2.0, NOW))), "default").status == 204
        server.wait_until_inserted()
    with running(data, forever) as server:
        assert values(server, "up", "default", 0) == [[0, "1"]]
        assert values(server, "up", "default", NOW / 1000) == [[NOW / 1000, "2"]]


def test_a_fresh_tenant_is_a_fresh_database(keeper: ServerProcess, tenant: str) -> None:
    other = f"{tenant}-other"
    assert write(keeper, version_1(series("up", (1.0, NOW), labels={"job": "theirs"})), other).status == 204
    keeper.wait_until_inserted()

    at = NOW / 1000
    assert values(keeper, '{__name__=~".+"}', tenant, at) == []
    assert values(keeper, "vector(1)", tenant, at) == [[at, "1"]]
    for path in ("labels", "label/job/values", "label/__name__/values"):
        assert ask(keeper, path, tenant) == []
    assert ask(keeper, "series", tenant, **{"match[]": "up"}) == []
    assert ask(keeper, "metadata", tenant) == {}
    assert ask(keeper, "status/tsdb", tenant)["headStats"]["numSeries"] == 0
    assert keeper.count_of("samples", tenant) == keeper.count_of("series", tenant) == 0
    cardinality = keeper.api(f"/metrics/cardinality?start={at - 60}&end={at + 60}", tenant=tenant)
    assert (cardinality["series"], cardinality["by_metric"], cardinality["growth"][-1]["series"]) == (0, [], 0)

    assert write(keeper, version_1(series("up", (5.0, NOW), labels={"job": "theirs"})), tenant).status == 204
    keeper.wait_until_inserted()
    assert values(keeper, "up", tenant, at) == [[at, "5"]]
    assert values(keeper, "up", other, at) == [[at, "1"]]
