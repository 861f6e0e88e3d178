"""The Redis collector against a genuine Redis, and against things that are none."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from tests.receivers.exporters import free_port
from tests.receivers.redis.conftest import PASSWORD, Server

from sonde.errors import UserError
from sonde.receivers.collector import Family
from sonde.receivers.redis.client import connect, parse_address
from sonde.receivers.redis.collector import RedisCollector
from sonde.receivers.redis.info import info_families, parse_info


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


async def test_a_redis_is_told_with_its_keys_and_commands(redis_server: Server) -> None:
    connection = await connect(parse_address(redis_server.url))
    await connection.ask("SET", "told", "1", "EX", "1000")
    await connection.ask("GET", "nothing there")
    connection.close()

    families = await RedisCollector(redis_server.url, now=lambda: 1_700_000_000.0).collect()

    assert value(families, "redis_up") == 1
    assert value(families, "redis_exporter_last_scrape_error") == 0
    assert value(families, "redis_db_keys", db="db0") >= 1
    assert value(families, "redis_db_keys", db="db15") == 0
    assert value(families, "redis_commands_total", cmd="set") >= 1
    assert value(families, "redis_keyspace_misses_total") >= 1
    assert value(families, "redis_config_maxclients") > 0
    assert value(families, "redis_instance_info", role="master") == 1
    assert value(families, "redis_start_time_seconds") <= 1_700_000_000


async def test_the_password_may_stand_apart_from_the_address(redis_server: Server) -> None:
    collector = RedisCollector(f"redis://127.0.0.1:{redis_server.port}", password=PASSWORD)

    assert value(await collector.collect(), "redis_up") == 1
    assert collector.instance == f"127.0.0.1:{redis_server.port}"


async def test_a_replica_and_its_master_tell_of_each_other(redis_server: Server, replica: Server) -> None:
    of_master = await RedisCollector(redis_server.url).collect()
    of_replica = await RedisCollector(replica.url).collect()

    assert value(of_master, "redis_connected_slaves") == 1
    assert value(of_master, "redis_connected_slave_lag_seconds", slave_port=str(replica.port)) >= 0
    assert value(of_replica, "redis_master_link_up", master_port=str(redis_server.port)) == 1
    assert value(of_replica, "redis_slave_info", read_only="1") == 1


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("redis://:the-wrong-one@127.0.0.1:{port}", "WRONGPASS"),
        ("redis://127.0.0.1:{closed}", "ConnectionRefusedError"),
    ],
)
async def test_what_cannot_be_asked_is_down_and_said_once_without_the_password(
    redis_server: Server, caplog: pytest.LogCaptureFixture, url: str, reason: str
) -> None:
    collector = RedisCollector(url.format(port=redis_server.port, closed=free_port()))

    first, _ = await collector.collect(), await collector.collect()

    assert value(first, "redis_up") == 0
    assert value(first, "redis_exporter_last_scrape_error") == 1
    assert len(caplog.records) == 1
    assert reason in caplog.text
    assert "the-wrong-one" not in caplog.text


async def test_commands_that_an_acl_forbids_cost_their_own_metrics_only(
    redis_server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    admin = await connect(parse_address(redis_server.url))
    await admin.ask("ACL", "SETUSER", "watcher", "on", ">secret", "+info", "+ping")
    admin.close()

    families = await RedisCollector(f"redis://watcher:secret@127.0.0.1:{redis_server.port}").collect()

    assert value(families, "redis_up") == 1
    assert value(families, "redis_exporter_last_scrape_error") == 1
    assert value(families, "redis_connected_clients") >= 1
    assert sorted(record.message.split(": ")[1].split(" ")[0] for record in caplog.records) == [
        *("config", "histogram", "latency", "slowlog")
    ]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "is not Redis' protocol"),
        (b"$99999999999\r\n", "is beyond"),
        (b"*2\r\n*99999999\r\n", "too large"),
        (b"$10\r\nabc", "cut off"),
        (b"", "cut off"),
    ],
)
async def test_what_is_no_redis_is_down(caplog: pytest.LogCaptureFixture, answer: bytes, reason: str) -> None:
    async with answering(answer) as port:
        families = await RedisCollector(f"redis://127.0.0.1:{port}").collect()

    assert value(families, "redis_up") == 0
    assert reason in caplog.text


async def test_one_that_does_not_answer_costs_the_time_limit_once(caplog: pytest.LogCaptureFixture) -> None:
    async with answering(None) as port:
        families = await RedisCollector(f"redis://127.0.0.1:{port}", timeout_seconds=0.05).collect()

    assert value(families, "redis_up") == 0
    # What comes after it is not asked: the late reply would be taken for another command's.
    assert sum("no answer within 0.05 s" in record.message for record in caplog.records) == 1


@asynccontextmanager
async def answering(answer: bytes | None) -> AsyncIterator[int]:
    """Something that gives the same answer to whatever it is told, or (None) none at all."""
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        if answer is None:
            await over.wait()
        else:
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        over.set()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:6379", "redis://", "redis://h:port", "redis://:hunter2@h/one", "unix://", ""]
)
def test_what_is_no_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(UserError, match=r"no address of a Redis") as refused:
        parse_address(url)

    assert "hunter2" not in str(refused.value)


def test_a_sentinel_tells_its_masters() -> None:
    reply = (
        "# Server\r\nredis_mode:sentinel\r\n# Sentinel\r\nsentinel_masters:1\r\nsentinel_tilt:0\r\n"
        "master0:name=main,status=ok,address=10.0.0.5:6379,slaves=2,sentinels=3\r\n"
    )

    families = list(info_families(parse_info(reply), databases=0, now=0))

    assert value(families, "redis_sentinel_masters") == 1
    assert value(families, "redis_sentinel_master_status", master_name="main", master_status="ok") == 1
    assert value(families, "redis_sentinel_master_slaves", master_address="10.0.0.5:6379") == 2


async def test_nothing_is_logged_when_all_is_well(redis_server: Server, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        await RedisCollector(redis_server.url).collect()

    assert caplog.records == []
