from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.store.conftest import StoreClient
from tests.store.strategies import LOGS, TRACES, log_body, span_body

from sonde.store.retention import TABLES, Partition, Rule, plan, sweep

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAYS = [f"202603{day:02}" for day in range(1, 11)]


def day(number: int) -> timedelta:
    return timedelta(days=number)


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        pytest.param(Rule(), DAYS, id="zero is for ever"),
        pytest.param(Rule(day(3)), DAYS[6:], id="a day goes when its last moment is too old"),
        pytest.param(Rule(timedelta(hours=13)), DAYS[8:], id="ages may be hours"),
        pytest.param(Rule(timedelta(hours=1)), DAYS[9:], id="today never goes"),
        pytest.param(Rule(size_bytes=35), DAYS[7:], id="the oldest beyond the bytes go"),
        pytest.param(Rule(size_bytes=1), DAYS[9:], id="today never goes, however large"),
        pytest.param(Rule(day(3), 25), DAYS[8:], id="whichever is less"),
    ],
)
def test_what_is_kept_by_age_and_by_bytes(rule: Rule, kept: list[str]) -> None:
    partitions = [Partition("logs", each, 10) for each in DAYS]

    dropped = {partition.day for partition in plan(partitions, {"logs": rule}, NOW)}

    assert [each for each in DAYS if each not in dropped] == kept


def test_tables_of_one_group_share_its_bytes_and_other_groups_are_left_alone() -> None:
    partitions = [Partition(table, each, 10) for table in ("spans", "trace_index", "logs") for each in DAYS[:3]]

    dropped = plan(partitions, {"traces": Rule(size_bytes=40)}, NOW)

    assert [(drop.table, drop.day) for drop in dropped] == [("spans", "20260301"), ("trace_index", "20260301")]


@pytest.mark.parametrize(
    ("traces", "logs", "dropped"),
    [(day(1), day(5), 5), (day(5), day(1), 5), (day(1), day(0), 0), (day(0), day(1), 0)],
)
def test_resources_stay_as_long_as_any_signal_that_points_to_them(
    traces: timedelta, logs: timedelta, dropped: int
) -> None:
    partitions = [Partition("resources", each, 10) for each in DAYS[:5]]

    assert (
        len(plan(partitions, {"traces": Rule(traces), "logs": Rule(logs)}, datetime(2026, 3, 11, tzinfo=UTC)))
        == dropped
    )


def test_a_sweep_drops_whole_days_and_leaves_the_rest(client: StoreClient) -> None:
    today = int(NOW.timestamp()) * 10**9
    for days in (0, 1, 40, 100):
        start = today - days * 86_400 * 10**9
        client.insert_bodies(TRACES, [span_body(start_time_unix_nano=start, end_time_unix_nano=start)])
        client.insert_bodies(LOGS, [log_body(time_unix_nano=start)])
    client.insert_bodies(LOGS, [log_body(time_unix_nano=1)])
    rules = {"traces": Rule(day(90)), "logs": Rule(day(30))}

    dropped = sweep(client, rules, NOW)  # type: ignore[arg-type]

    assert {(drop.table, drop.day) for drop in dropped} >= {
        ("spans", "20251130"),
        ("logs", "20260129"),
        ("logs", "19700101"),
    }
    assert (client.value("SELECT count() FROM spans"), client.value("SELECT count() FROM logs")) == (3, 2)
    assert client.value("SELECT sum(span_count) FROM trace_index") == 3
    assert client.value("SELECT sum(spans) FROM red_1m") == 3
    assert sweep(client, rules, NOW) == []  # type: ignore[arg-type]


def test_for_ever_keeps_the_day_zero(client: StoreClient) -> None:
    client.insert_bodies(TRACES, [span_body(start_time_unix_nano=0, end_time_unix_nano=1)])

    sweep(client, {}, NOW)  # type: ignore[arg-type]

    assert client.value("SELECT count() FROM spans WHERE toDate(ts) = '1970-01-01'") == 1


def test_every_table_that_is_partitioned_by_day_has_a_retention(client: StoreClient) -> None:
    daily = client.rows(
        "SELECT name FROM system.tables WHERE database = 'sonde' AND partition_key LIKE 'toYYYYMMDD%' ORDER BY name"
    )
    governed = {table for tables in TABLES.values() for table in tables} | {"resources"}

    assert {name for (name,) in daily} - governed == set()
    everything = client.rows("SELECT name FROM system.tables WHERE database = 'sonde'")
    assert governed - {name for (name,) in everything} == set()
