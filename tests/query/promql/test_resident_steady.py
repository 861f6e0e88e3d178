"""Who asks often sees what the tables had a moment ago, and who asks for less keeps what fits."""

from __future__ import annotations

from typing import Any

from tests.query.promql.metric_rows import NOW, insert_samples

from sonde.query.engine import Inquiry
from sonde.query.promql.clickhouse.resident import ResidentSamples
from sonde.query.promql.clickhouse.resident_steady import SteadyResident
from sonde.query.promql.clickhouse.selection import Selection
from sonde.query.promql.query import Limits
from sonde.query.promql.series import Samples
from sonde.store.pool import AsyncStore
from sonde.telemetry.matcher import Matcher

HOUR = 3_600_000
METRIC = (Matcher("__name__", "=", "m"),)


async def asked(
    resident: ResidentSamples | SteadyResident, store: AsyncStore, tenant: str, *, after: int = NOW - 1
) -> Samples | None:
    selection = Selection(tenant, METRIC, after, NOW + 2 * HOUR)
    return await resident.samples(resident.look(Inquiry(store), selection), selection, Limits())


async def test_what_came_since_is_seen_when_the_last_look_is_old(client: Any, store: AsyncStore) -> None:
    now, tenant = [NOW + HOUR], "steady"
    resident = ResidentSamples(lambda: now[0])
    steady = SteadyResident(resident, age_milli=5_000)
    insert_samples(client, {"__name__": "m"}, [(NOW, 1.0)], tenant=tenant)
    await asked(steady, store, tenant)
    seen: list[int] = []
    for passed in (0, 4_999, 5_000):
        insert_samples(client, {"__name__": "m"}, [(NOW + 10 + passed, 1.0)], tenant=tenant)
        now[0] = NOW + HOUR + passed
        found = await asked(steady, store, tenant)
        assert found is not None
        seen.append(len(found.times))
    # the first reads the metric as it is; the second sees the same; the third looks again
    assert seen == [2, 2, 4]


async def test_a_long_range_that_does_not_fit_leaves_the_short_one_in_memory(client: Any, store: AsyncStore) -> None:
    tenant = "short"
    resident = ResidentSamples(lambda: NOW + HOUR, most_bytes=24 * 400)
    old = [(NOW + at, 1.0) for at in range(900)]
    insert_samples(client, {"__name__": "m"}, [*old, (NOW + HOUR, 2.0)], tenant=tenant)
    recent = NOW + HOUR - 60_000
    await asked(resident, store, tenant, after=recent)
    assert await asked(resident, store, tenant, after=recent) is not None
    size = resident.size_bytes
    assert await asked(resident, store, tenant) is None
    assert resident.size_bytes == size
    found = await asked(resident, store, tenant, after=recent)
    assert found is not None
    assert found.values.tolist() == [2.0]
