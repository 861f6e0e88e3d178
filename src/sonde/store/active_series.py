"""How many series each tenant has today, and which of some there are: what a limit on series goes by.

Fits ``receivers.prometheus.write_limit.SeriesLimit``. Counting reads one column of today's part of ``series``, every
few seconds: a tenant may go beyond its limit by what it sends in that time.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from sonde.errors import SondeError
from sonde.store.dialect import expand
from sonde.store.pool import AsyncStore

COUNT_SECONDS: Final = 5.0
_AT_ONCE: Final = 1_000
_COUNT: Final = "SELECT tenant, count() FROM series WHERE day = {today:Date32} GROUP BY tenant"
# Series of yesterday count as known: at midnight a tenant at its limit has none of today yet.
_KNOWN: Final = expand("""
    WITH asked AS (
      SELECT arrayJoin(arrayEnumerate({series:Array(String)})) AS place,
        {series:Array(String)}[place] AS row,
        JSONExtractString(row, 1) AS metric,
        JSONExtract(row, 2, 'Map(String, String)') AS labels,
        {series_id metric labels} AS id
    )
    SELECT id IN (
      SELECT id FROM series
      WHERE tenant = {tenant:String} AND metric IN (SELECT metric FROM asked) AND id IN (SELECT id FROM asked)
        AND day >= {today:Date32} - 1
    )
    FROM asked ORDER BY place
""")
logger = logging.getLogger(__name__)


class ActiveSeries:
    """The series of today, as of the last count."""

    def __init__(self, store: AsyncStore, most: int, *, now: Callable[[], float]) -> None:
        """``most`` series a tenant and day; ``now`` are seconds since 1970."""
        self._store = store
        self._most = most
        self._now = now
        self._counted: Mapping[str, int] = {}
        self._day = ""

    async def count(self) -> None:
        """Count anew."""
        today = self._today()
        found = await self._store.query(_COUNT, {"today": today})
        self._counted = {str(tenant): int(str(count)) for tenant, count in found.rows}
        self._day = today

    async def keep_counting(self) -> None:
        """Count for ever, every ``COUNT_SECONDS``; the application runs this beside its requests."""
        while True:
            try:
                await self.count()
            except SondeError:
                logger.exception("series could not be counted; the count of before stays")
            await asyncio.sleep(COUNT_SECONDS)

    def reached(self, tenant: str) -> str:
        """Why this tenant may have no new series; "" when it may."""
        count = self._counted.get(tenant, 0)
        if count < self._most or self._day != self._today():
            return ""
        return (
            f"it is new, and tenant {tenant} has {count} series today of {self._most} that it may have "
            "(limits.metrics.series); series that it has go on"
        )

    async def known(self, tenant: str, series: Sequence[Sequence[tuple[str, str]]]) -> list[bool]:
        """Which of these label sets, sorted by name, were series of the tenant today or yesterday."""
        rows = [json.dumps([dict(pairs).get("__name__", ""), _beside_name(pairs)]) for pairs in series]
        known: list[bool] = []
        for start in range(0, len(rows), _AT_ONCE):
            asked = {"tenant": tenant, "today": self._today(), "series": rows[start : start + _AT_ONCE]}
            known += [bool(is_known) for (is_known,) in (await self._store.query(_KNOWN, asked)).rows]
        return known

    def messages(self) -> list[str]:
        """Who is at the limit, for the status page."""
        return [
            f"tenant {tenant} has {self._counted[tenant]} series today; {self._most} are the most, so new ones are "
            "refused (limits.metrics.series; `sonde metrics cardinality` tells what they are)"
            for tenant in sorted(self._counted)
            if self.reached(tenant)
        ]

    def _today(self) -> str:
        return f"{datetime.fromtimestamp(self._now(), UTC):%Y-%m-%d}"


def _beside_name(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    return {name: value for name, value in pairs if name != "__name__"}
