"""What a delete takes away, and what it leaves: on the real tables, with a neighbour in each direction."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from tests.query.promql.metric_rows import NO_DEDUPLICATION, NOW, insert_histogram, insert_samples, insert_series

from sonde.query.engine import Inquiry
from sonde.query.promql.clickhouse import deletion
from sonde.query.promql.clickhouse.selection import EARLIEST, MAX_LISTED_IDS
from sonde.query.promql.parser import parse_selector
from sonde.store.deletion import Condition, Deletion
from sonde.store.maintenance import Maintenance
from sonde.store.pool import AsyncStore
from sonde.telemetry.signal import Signal

NOTHING = Condition("0", {})
HOUR, DAY = 3_600_000, 86_400_000
MIDNIGHT = NOW // DAY * DAY
ALL_TIME = (EARLIEST - DAY, NOW + 100 * DAY)
POINTS = ("samples", "histograms", "exemplars")


class NobodyInserts:
    """The inserts of a store into which only the test inserts."""

    def settle(self, signals: Iterable[Signal]) -> None:
        """Nothing waits."""

    @contextlib.contextmanager
    def at_rest(self, signals: Iterable[Signal]) -> Iterator[None]:
        yield


@pytest.fixture
def maintenance(client: Any) -> Maintenance:
    return Maintenance(client, NobodyInserts(), data=None)


@pytest.fixture(autouse=True)
def _emptied(client: Any) -> Iterator[None]:
    yield
    for table in (*POINTS, "series"):
        client.command(f"TRUNCATE TABLE {table}")


def delete(store: AsyncStore, maintenance: Maintenance, *selectors: str, start: int, end: int) -> None:
    matchers = [parse_selector(text) for text in selectors]
    asyncio.run(deletion.delete_series(Inquiry(store), maintenance, "default", matchers, start=start, end=end))


def samples(client: Any) -> list[tuple[Any, ...]]:
    """(tenant, metric, job, hours since midnight) of every sample whose series is known on its day."""
    rows = client.query(
        """
        SELECT tenant, metric, labels['job'], (toUnixTimestamp64Milli(ts) - {midnight:Int64}) / 3600000 AS hour
        FROM (SELECT tenant, metric, id, ts, toDate32(ts) AS day FROM samples) AS s
        INNER JOIN (SELECT DISTINCT tenant, metric, id, day, labels FROM series) AS known USING (tenant, metric, id, day)
        ORDER BY ALL
        """,
        {"midnight": MIDNIGHT},
    ).rows
    return [tuple(row) for row in rows]


def days(client: Any) -> list[tuple[Any, ...]]:
    """(tenant, metric, job, days since midnight's) of ``series``."""
    rows = client.query(
        """
        SELECT DISTINCT tenant, metric, labels['job'], dateDiff('day', toDate32(toDateTime({at:Int64} / 1000, 'UTC')), day) AS n
        FROM series ORDER BY ALL
        """,
        {"at": MIDNIGHT},
    ).rows
    return [tuple(row) for row in rows]


def insert(client: Any, metric: str, job: str, hours: Iterable[float], tenant: str = "default") -> None:
    points = [(int(MIDNIGHT + hour * HOUR), hour) for hour in hours]
    insert_samples(client, {"__name__": metric, "job": job}, points, tenant=tenant)


# What is deleted of up{job="api"|"web"} with samples at these hours, and the hours that are left to job="api".
HOURS = (-25, -1, 0, 1, 23, 24)
RANGES = [
    ((-100, 100), ()),
    ((1, 1), (-25, -1, 0, 23, 24)),
    ((0.5, 0.9), HOURS),
    ((0, 23), (-25, -1, 24)),
    ((-1, 0), (-25, 1, 23, 24)),
    ((23, -1), HOURS),
]


@pytest.mark.parametrize(("hours", "left"), RANGES)
@pytest.mark.parametrize("selector", ['up{job="api"}', '{job=~"a.*"}', '{__name__="up",job!="web"}'])
def test_a_delete_takes_the_samples_of_its_series_in_its_time(
    client: Any,
    store: AsyncStore,
    maintenance: Maintenance,
    selector: str,
    hours: tuple[float, float],
    left: tuple[int, ...],
) -> None:
    for job in ("api", "web"):
        insert(client, "up", job, HOURS)
    insert(client, "up", "api", HOURS, tenant="other")

    start, end = (int(MIDNIGHT + hour * HOUR) for hour in hours)
    delete(store, maintenance, selector, start=start, end=end)

    expected = [("default", "up", "api", hour) for hour in left] + [("default", "up", "web", hour) for hour in HOURS]
    assert samples(client) == expected + [("other", "up", "api", hour) for hour in HOURS]
    assert [row for row in days(client) if row[:3] == ("default", "up", "api")] == [
        ("default", "up", "api", day) for day in sorted({hour // 24 for hour in left})
    ]


def test_all_kinds_of_points_go_and_a_series_goes_when_nothing_of_it_is_left(
    client: Any, store: AsyncStore, maintenance: Maintenance
) -> None:
    insert(client, "gone", "api", [1, 2])
    insert_histogram(client, {"__name__": "gone", "job": "api"}, MIDNIGHT + HOUR, count=1, sum=1)
    insert_histogram(client, {"__name__": "half", "job": "api"}, MIDNIGHT + 5 * HOUR, count=1, sum=1)
    insert(client, "half", "api", [1])
    insert(client, "marked", "api", [1])
    client.command(
        f"""
        INSERT INTO exemplars SETTINGS {NO_DEDUPLICATION}
        SELECT tenant, metric, id, fromUnixTimestamp64Milli(arrayJoin([{MIDNIGHT + HOUR}, {MIDNIGHT + 5 * HOUR}])::Int64),
          0.5, toFixedString('', 16), toFixedString('', 8), map() FROM series WHERE metric IN ('gone', 'marked')
        """
    )

    delete(store, maintenance, "gone", start=MIDNIGHT, end=MIDNIGHT + 6 * HOUR)
    delete(store, maintenance, "half", "marked", start=MIDNIGHT, end=MIDNIGHT + 3 * HOUR)

    counts = {
        table: client.query(f"SELECT metric, count() FROM {table} GROUP BY metric ORDER BY metric").rows
        for table in POINTS
    }
    assert counts == {"samples": [], "histograms": [["half", 1]], "exemplars": [["marked", 1]]}
    assert days(client) == [("default", "half", "api", 0), ("default", "marked", "api", 0)]


def test_everything_can_be_deleted_and_comes_back_when_it_is_written_again(
    client: Any, store: AsyncStore, maintenance: Maintenance
) -> None:
    for metric in ("up", "down"):
        insert(client, metric, "api", [1, 2])
    insert_samples(client, {"__name__": "old"}, [(EARLIEST, 1.0), (0, 1.0), (-1, 1.0)])

    delete(store, maintenance, '{__name__=~".+"}', start=ALL_TIME[0], end=ALL_TIME[1])
    assert (samples(client), days(client)) == ([], [])

    insert(client, "up", "api", [2])
    assert samples(client) == [("default", "up", "api", 2)]


def test_more_series_than_can_be_listed_are_deleted_too(
    client: Any, store: AsyncStore, maintenance: Maintenance
) -> None:
    many = [
        ({"__name__": f"m{n % 3}", "job": "api", "n": str(n)}, [(MIDNIGHT + HOUR, 1.0)])
        for n in range(MAX_LISTED_IDS + 5)
    ]
    insert_series(client, many)
    insert(client, "m0", "web", [1])

    delete(store, maintenance, '{job="api"}', start=MIDNIGHT, end=MIDNIGHT + DAY)

    assert samples(client) == [("default", "m0", "web", 1)]
    assert days(client) == [("default", "m0", "web", 0)]


def test_cleaning_frees_what_was_deleted(client: Any, store: AsyncStore, maintenance: Maintenance) -> None:
    insert(client, "up", "api", [1, 2, 3])
    delete(store, maintenance, "up", start=MIDNIGHT, end=MIDNIGHT + 2 * HOUR)
    masked = "SELECT sum(rows), sum(has_lightweight_delete) FROM system.parts WHERE active AND table = 'samples'"
    assert client.query(masked).rows == [[3, 1]]

    maintenance.clean()

    assert client.query(masked).rows == [[1, 0]]
    assert samples(client) == [("default", "up", "api", 3)]


def test_what_was_derived_from_the_points_is_told(client: Any, store: AsyncStore) -> None:
    told: list[tuple[Any, ...]] = []

    class Rollups:
        def forget(self, deletion: Deletion) -> None:
            told.append((deletion.tenant, deletion.metrics, deletion.start, deletion.end, samples(client)))

    insert(client, "up", "api", [1])
    insert(client, "down", "api", [1])
    insert(client, "other", "web", [1])
    start, end = MIDNIGHT, MIDNIGHT + 2 * HOUR
    maintenance = Maintenance(client, NobodyInserts(), data=None, derived=[Rollups()])

    delete(store, maintenance, '{job="api"}', start=start, end=end)

    assert told == [("default", ("down", "up"), start, end, [("default", "other", "web", 1)])]


def test_a_delete_that_fails_does_not_keep_the_next_one_waiting(
    client: Any, store: AsyncStore, maintenance: Maintenance
) -> None:
    insert(client, "up", "api", [1, 2])
    impossible = Condition("metric = 'up' AND throwIf(value = 2) = 0", {})
    with pytest.raises(Exception, match="throwIf"):
        maintenance.delete(
            [Deletion("default", ("up",), 0, NOW, points=impossible, left=NOTHING, series=NOTHING, ended=NOTHING)]
        )

    delete(store, maintenance, "up", start=MIDNIGHT, end=MIDNIGHT + HOUR)

    assert samples(client) == [("default", "up", "api", 2)]
    assert client.query("SELECT count() FROM system.mutations WHERE NOT is_done").rows == [[0]]
