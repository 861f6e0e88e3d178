"""The containers' collector on a machine's files and on a Docker that answers over its socket."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.receivers.machine import unpack

from sonde.receivers.collector import Family, to_text
from sonde.receivers.containers.collector import ContainersCollector

HERE = Path(__file__).parent
WEB = "c0ffee" * 10 + "abcd"

RUNNING = json.dumps(
    [
        {
            "Id": WEB,
            "Names": ["/shop-web-1"],
            "Image": "nginx:1.29",
            "Created": 1_700_000_000,
            "Labels": {"com.docker.compose.service": "web", "secret-ish": "x"},
        }
    ]
)


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    return unpack(HERE / "fixtures/machine.txt", tmp_path / "root")


def value(families: Sequence[Family], name: str, **labels: str) -> float:
    found = [
        sample.value
        for family in families
        if family.name == name
        for sample in family.samples
        if labels.items() <= dict(sample.labels).items()
    ]
    assert len(found) == 1, (name, labels, found)
    return found[0]


@asynccontextmanager
async def docker(socket: Path, body: str, status: str = "200 OK") -> AsyncIterator[list[str]]:
    """Something that speaks HTTP on a socket and answers each request with the same body."""
    requests: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append((await reader.readuntil(b"\r\n\r\n")).decode().splitlines()[0])
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body.encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_unix_server(serve, path=str(socket)):
        yield requests


async def test_groups_and_containers_read_as_the_golden_text_says(
    machine: Path, tmp_path: Path, rewrite_golden: bool
) -> None:
    socket = tmp_path / "docker.sock"
    async with docker(socket, RUNNING) as requests:
        families = await ContainersCollector(machine, socket=socket, now=lambda: 1_700_000_600.9).collect()

    # When a group was made is known of containers only; of the others it is when this test made its folder.
    text = to_text(
        family._replace(samples=[sample for sample in family.samples if dict(sample.labels).get("name")])
        if family.name == "container_start_time_seconds"
        else family
        for family in families
    )
    golden = HERE / "machine.golden"
    if rewrite_golden:
        golden.write_text(text)
    assert text == golden.read_text()
    assert requests == ["GET /containers/json HTTP/1.1"]


async def test_labels_of_containers_are_those_that_were_asked_for(machine: Path, tmp_path: Path) -> None:
    socket = tmp_path / "docker.sock"
    async with docker(socket, RUNNING):
        families = await ContainersCollector(
            machine, socket=socket, only_containers=True, labels={"com.docker.compose.service"}
        ).collect()

    usage = next(family for family in families if family.name == "container_cpu_usage_seconds_total")
    assert [dict(sample.labels) for sample in usage.samples if ("name", "shop-web-1") in sample.labels] == [
        {
            "container_label_com_docker_compose_service": "web",
            "cpu": "total",
            "id": f"/system.slice/docker-{WEB}.scope",
            "image": "nginx:1.29",
            "name": "shop-web-1",
        }
    ]
    assert len(usage.samples) == 2


async def test_without_docker_there_are_groups_alone_and_it_is_said_once(
    machine: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    collector = ContainersCollector(machine, socket=tmp_path / "none.sock")

    with caplog.at_level(logging.INFO):
        first, _ = await collector.collect(), await collector.collect()

    assert value(first, "container_scrape_error") == 0
    assert value(first, "container_memory_usage_bytes", id=f"/system.slice/docker-{WEB}.scope") == 104857600
    assert [record.levelname for record in caplog.records] == ["INFO"]


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ("{}", "500 Internal Server Error", "500"),
        ('{"message": "no"}', "200 OK", "no list of containers"),
        ("<html>", "200 OK", "no list of containers"),
    ],
)
async def test_a_docker_that_answers_badly_costs_names_only(
    machine: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, body: str, status: str, reason: str
) -> None:
    socket = tmp_path / "docker.sock"
    async with docker(socket, body, status):
        families = await ContainersCollector(machine, socket=socket).collect()

    assert value(families, "container_scrape_error") == 1
    assert value(families, "container_memory_usage_bytes", id=f"/system.slice/docker-{WEB}.scope") == 104857600
    assert [record.levelname for record in caplog.records if record.name.startswith("sonde")] == ["WARNING"]
    assert reason in caplog.text


async def test_a_machine_with_cgroups_version_1_is_told_what_to_do(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "sys/fs/cgroup/memory").mkdir(parents=True)

    families = await ContainersCollector(tmp_path, socket=tmp_path / "none.sock").collect()

    assert [family.name for family in families] == ["container_scrape_error"]
    assert value(families, "container_scrape_error") == 1
    assert "systemd.unified_cgroup_hierarchy=1" in caplog.text


def test_instance_is_the_machines_name(machine: Path) -> None:
    assert ContainersCollector(machine).instance == "node-7"
