"""Recent samples in memory for those who ask often: what the tables had a moment ago is new enough for them.

Rules ask for the same metrics some hundred times a second. Who asks through ``SteadyResident`` sees all samples that
the tables had some milliseconds ago, and maybe later ones; nothing that it has seen is gone the next time. What came
since is looked for together, for all metrics that were asked for lately.
"""

from __future__ import annotations

from sonde.query.engine import Inquiry
from sonde.query.promql.clickhouse.looks import Look, partition_of
from sonde.query.promql.clickhouse.resident import ResidentSamples
from sonde.query.promql.clickhouse.selection import SelectedSeries, Selection
from sonde.query.promql.query import Limits
from sonde.query.promql.series import Samples


class SteadyResident:
    """The same samples, looked for at most so often."""

    def __init__(self, resident: ResidentSamples, *, age_milli: int) -> None:
        self._resident = resident
        self._age_milli = age_milli
        self._looks: dict[str, tuple[int, Look]] = {}

    def look(self, inquiry: Inquiry, selection: Selection) -> Look:
        """See ``ResidentSamples.look``; the last one, if it is not old."""
        now, day = self._resident.now(), partition_of(selection.after)
        known = self._looks.get(day)
        if known is not None and 0 <= now - known[0] < self._age_milli:
            return known[1]
        look = self._resident.look(inquiry, selection)
        self._looks = {each: of for each, of in self._looks.items() if 0 <= now - of[0] < self._age_milli}
        self._looks[day] = (now, look)
        return look

    async def series(self, look: Look, selection: Selection, limits: Limits) -> SelectedSeries | None:
        """See ``ResidentSamples.series``."""
        return await self._resident.series(look, selection, limits)

    async def samples(self, look: Look, selection: Selection, limits: Limits) -> Samples | None:
        """See ``ResidentSamples.samples``."""
        return await self._resident.samples(look, selection, limits, together=True)
