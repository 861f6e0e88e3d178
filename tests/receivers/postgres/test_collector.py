"""The PostgreSQL collector against a genuine PostgreSQL and its replica."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence

import psycopg
import pytest
from tests.receivers.exporters import free_port
from tests.receivers.postgres.conftest import PASSWORD, Server

from sonde.errors import UserError
from sonde.receivers.collector import Family
from sonde.receivers.postgres.collector import PostgresCollector
from sonde.receivers.postgres.queries import QUERIES


def values(families: Sequence[Family], name: str, **labels: str) -> list[float]:
    return [
        sample.value
        for family in families
        if family.name == name
        for sample in family.samples
        if labels.items() <= dict(sample.labels).items()
    ]


def value(families: Sequence[Family], name: str, **labels: str) -> float:
    found = values(families, name, **labels)
    assert len(found) == 1, (name, labels, found)
    return found[0]


@pytest.fixture
async def collector(postgres: Server) -> AsyncIterator[PostgresCollector]:
    collector = PostgresCollector(postgres.dsn)
    yield collector
    await collector.close()


async def test_a_server_is_told_with_its_databases_tables_and_settings(
    collector: PostgresCollector, postgres: Server
) -> None:
    families = await collector.collect()

    assert value(families, "pg_up") == 1
    assert value(families, "pg_exporter_last_scrape_error") == 0
    assert value(families, "pg_database_size_bytes", datname="postgres") > 1_000_000
    assert value(families, "pg_stat_user_tables_n_tup_ins", relname="shop", schemaname="public") == 1000
    assert value(families, "pg_settings_port") == postgres.port
    assert value(families, "pg_settings_shared_buffers_bytes") >= 128 * 1024
    assert value(families, "pg_settings_fsync") == 0
    assert value(families, "pg_replication_slot_slot_is_active", slot_name="changes") == 0
    assert value(families, "pg_replication_is_replica") == 0
    assert values(families, "pg_locks_count", datname="postgres", mode="accessexclusivelock") == [0]
    assert values(families, "pg_stat_activity_count", datname="postgres", state="disabled") == [0]
    assert sum(values(families, "pg_stat_statements_calls_total", datname="postgres")) > 0
    assert set(values(families, "pg_scrape_collector_success")) == {1.0}


async def test_statements_are_as_many_as_asked_for(postgres: Server) -> None:
    collector = PostgresCollector(postgres.dsn, statements=2)

    families = await collector.collect()
    await collector.close()

    assert len(values(families, "pg_stat_statements_seconds_total")) == 2


async def test_a_replica_tells_its_lag_and_its_primary_tells_of_it(
    collector: PostgresCollector, replica: Server
) -> None:
    of_replica = PostgresCollector(replica.dsn)
    seen, on_primary = await of_replica.collect(), await collector.collect()
    await of_replica.close()

    assert value(seen, "pg_replication_is_replica") == 1
    assert value(seen, "pg_replication_lag_seconds") >= 0
    assert value(seen, "pg_exporter_last_scrape_error") == 0
    assert value(on_primary, "pg_stat_replication_pg_wal_lsn_diff", slot_name="follower", state="streaming") >= 0


async def test_the_connection_is_kept_and_made_anew_when_it_was_cut(
    collector: PostgresCollector, postgres: Server, caplog: pytest.LogCaptureFixture
) -> None:
    await collector.collect()
    async with await psycopg.AsyncConnection.connect(postgres.dsn, autocommit=True) as other:
        await other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sonde'")

    again = await collector.collect()

    assert value(again, "pg_up") == 1
    assert value(again, "pg_exporter_scrapes_total") == 2
    assert caplog.records == []


async def test_what_a_role_may_not_see_costs_its_own_collector_only(
    postgres: Server, caplog: pytest.LogCaptureFixture
) -> None:
    async with await psycopg.AsyncConnection.connect(postgres.dsn, autocommit=True) as admin:
        await admin.execute("DROP ROLE IF EXISTS poor")
        await admin.execute("CREATE ROLE poor LOGIN PASSWORD 'poor'")
    collector = PostgresCollector(f"postgresql://poor@127.0.0.1:{postgres.port}/postgres", password="poor")

    families = await collector.collect()
    await collector.close()

    assert value(families, "pg_up") == 1
    assert value(families, "pg_scrape_collector_success", collector="wal") == 0
    assert value(families, "pg_scrape_collector_success", collector="stat_database") == 1
    assert [record.message.split(": ")[1] for record in caplog.records] == ["wal failed"]


async def test_a_database_without_the_extension_has_no_statements_and_no_failure(
    postgres: Server, caplog: pytest.LogCaptureFixture
) -> None:
    collector = PostgresCollector(postgres.dsn.replace("/postgres?", "/template1?"))

    families = await collector.collect()
    await collector.close()

    assert value(families, "pg_scrape_collector_success", collector="stat_statements") == 0
    assert value(families, "pg_exporter_last_scrape_error") == 0
    assert caplog.records == []


@pytest.mark.parametrize(
    ("user", "password", "is_up", "reason"),
    [("postgres", "the-wrong-one", True, "password authentication failed"), ("postgres", "", False, "refused")],
)
async def test_what_cannot_be_asked_is_down_and_said_once_without_the_password(
    postgres: Server, caplog: pytest.LogCaptureFixture, user: str, password: str, is_up: bool, reason: str
) -> None:
    port = postgres.port if is_up else free_port()
    collector = PostgresCollector(f"host=127.0.0.1 port={port} user={user} dbname=postgres", password=password)

    first, _ = await collector.collect(), await collector.collect()

    assert value(first, "pg_up") == 0
    assert value(first, "pg_exporter_last_scrape_error") == 1
    assert len(caplog.records) == 1
    assert reason in caplog.text
    assert "the-wrong-one" not in caplog.text


async def test_a_view_that_is_locked_costs_its_time_limit_and_no_more(postgres: Server) -> None:
    collector = PostgresCollector(postgres.dsn, timeout_seconds=0.5)
    async with await psycopg.AsyncConnection.connect(postgres.dsn) as other:
        await other.execute("LOCK TABLE shop IN ACCESS EXCLUSIVE MODE")

        families = await collector.collect()
    await collector.close()

    assert value(families, "pg_scrape_collector_success", collector="stat_user_tables") == 0
    assert value(families, "pg_scrape_collector_success", collector="wal") == 1


@pytest.mark.parametrize("dsn", ["postgresql://u:hunter2@[::1", "hunter2", "nonsense=hunter2"])
def test_what_is_no_dsn_is_refused_without_repeating_it(dsn: str) -> None:
    with pytest.raises(UserError, match="no connection string") as refused:
        PostgresCollector(dsn)

    assert "hunter2" not in str(refused.value)


def test_instance_has_no_credentials(postgres: Server) -> None:
    assert PostgresCollector(postgres.dsn).instance == f"127.0.0.1:{postgres.port}"
    assert PASSWORD not in PostgresCollector(postgres.dsn).instance


async def test_collectors_can_be_switched_off(postgres: Server, caplog: pytest.LogCaptureFixture) -> None:
    everything = {query.collector for query in QUERIES} | {"settings", "static"}
    collector = PostgresCollector(postgres.dsn, disabled=everything - {"static"})

    with caplog.at_level(logging.INFO):
        families = await collector.collect()
    await collector.close()

    assert {family.name for family in families if not family.name.startswith(("pg_exporter", "pg_scrape"))} == {
        *("pg_static", "pg_up")
    }
