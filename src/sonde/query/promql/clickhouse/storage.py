"""PromQL's leaves from ClickHouse: which series, then their samples, or, where that is cheaper, what is asked of them.

A ``ClickHouseStorage`` belongs to one query of one caller: it has a tenant and limits, counts what it costs, and when
the task that awaits it is cancelled, the engine's queries are killed. ``selection`` finds the series,
``samples_reader`` makes arrays of rows, ``grid_functions`` says what the engine computes itself.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from sonde.errors import LimitExceeded
from sonde.query.engine import Cost, Engine, Inquiry
from sonde.query.promql.clickhouse.grid_functions import (
    Pushed,
    answer_of,
    in_windows,
    is_cheaper,
    is_exact,
    needs_starts,
    pushed_function,
    vector_of,
)
from sonde.query.promql.clickhouse.looks import DAY, Look, partition_of
from sonde.query.promql.clickhouse.resident import ResidentSamples
from sonde.query.promql.clickhouse.resident_steady import SteadyResident
from sonde.query.promql.clickhouse.rollup_reader import from_rollups
from sonde.query.promql.clickhouse.samples_reader import histograms_of, numbers_of, samples_of
from sonde.query.promql.clickhouse.selection import SelectedSeries, Selection, sample_condition, select_series
from sonde.query.promql.limits import engine_limits, in_prometheus_words, too_many_samples
from sonde.query.promql.query import Limits
from sonde.query.promql.series import Samples, Vector
from sonde.query.promql.storage import Leaf, Window
from sonde.query.sql.ast import And, Column, Expr, Select, Table
from sonde.store.native import Answer

PushDown = Literal["never", "cheaper", "always"]


class ClickHouseStorage:
    """The ``Storage`` of one query."""

    def __init__(
        self,
        engine: Engine,
        tenant: str,
        limits: Limits = Limits(),
        *,
        push_down: PushDown = "cheaper",
        resident: ResidentSamples | SteadyResident | None = None,
        rollups: PushDown = "cheaper",
    ) -> None:
        """``push_down``: when the engine computes windows itself, where it can. ``resident``: what is in memory.
        ``rollups``: when these are read in place of samples, where they can be.

        What a query says is the same.
        """
        self._inquiry = Inquiry(engine, engine_limits(limits))
        self._tenant = tenant
        self._limits = limits
        self._push_down = push_down
        self._resident = resident
        self._rollups = rollups
        self._loaded = 0

    @property
    def cost(self) -> Cost:
        """What all leaves so far have cost."""
        return self._inquiry.cost

    async def fetch(self, leaf: Leaf) -> Samples | Vector:
        """See ``Storage.fetch``."""
        selection = Selection(self._tenant, leaf.matchers, leaf.after, leaf.until)
        try:
            look = None
            if self._resident is not None:
                look = self._resident.look(self._inquiry, selection)
                samples = await self._resident.samples(look, selection, self._limits)
                if samples is not None:
                    return self._counted(samples)
            series = await self._series(look, selection)
            if not len(series.ids):
                return _nothing()
            where = sample_condition(selection, series)
            if leaf.window is not None and self._rollups != "never":
                most, is_forced = self._limits.samples, self._rollups == "always"
                vector = await from_rollups(
                    self._inquiry, selection, leaf.window, series, most, is_forced=is_forced, look=look
                )
                if vector is not None:
                    return vector
            if leaf.window is not None:
                where = And((where, *in_windows(leaf.window)))
                vector = await self._computed(leaf, leaf.window, series, where, look)
                if vector is not None:
                    return vector
            return await self._load(series, where, look, with_starts=needs_starts(leaf.window))
        except LimitExceeded as error:
            raise in_prometheus_words(error, self._limits) from error

    async def _series(self, look: Look | None, selection: Selection) -> SelectedSeries:
        if self._resident is not None and look is not None:
            if not await _has_days(look, selection):
                return SelectedSeries([], np.empty(0, np.uint64), frozenset())
            series = await self._resident.series(look, selection, self._limits)
            if series is not None:
                return series
        return await select_series(self._inquiry, selection, self._limits)

    async def _load(self, series: SelectedSeries, where: Expr, look: Look | None, *, with_starts: bool) -> Samples:
        numbers, histograms = await self._with_histograms(
            numbers_of(where, with_starts=with_starts), histograms_of(where), look
        )
        self._count(numbers.rows + histograms.rows)
        return samples_of(series, numbers, histograms)

    def _counted(self, samples: Samples) -> Samples:
        self._count(len(samples.times))
        return samples

    def _count(self, samples: int) -> None:
        self._loaded += samples
        if self._loaded > self._limits.samples:
            raise too_many_samples(self._limits)

    async def _computed(
        self, leaf: Leaf, window: Window, series: SelectedSeries, where: Expr, look: Look | None
    ) -> Vector | None:
        """The vector of a leaf, if the engine says exactly what Prometheus would, and says it cheaper."""
        function = pushed_function(window)
        if function is None or self._push_down == "never":
            return None
        if self._push_down != "always" and not is_cheaper(window, len(series.ids), leaf.after, leaf.until):
            return None
        any_histogram = Select((Column("id"),), Table("histograms"), where, limit=1)
        answer, histograms = await self._with_histograms(
            answer_of(Pushed(function, window, where)), any_histogram, look
        )
        if histograms.rows or not is_exact(answer, function, leaf.after):
            return None
        return vector_of(answer, function, window, series)

    async def _with_histograms(self, numbers: Select, histograms: Select, look: Look | None) -> tuple[Answer, Answer]:
        """Both answers; histograms are not asked for where it is known that the table has none of that time."""
        if look is not None and not await look.has_histograms():
            return await self._inquiry.numbers(numbers), Answer({}, 0)
        first, second = await self._inquiry.numbers_together(numbers, histograms)
        return first, second


async def _has_days(look: Look, selection: Selection) -> bool:
    """Whether the table of series has anything of the days of a selection: rules ask for weeks that nobody has yet."""
    _, listing = await look.listing()
    first, last = partition_of(selection.after), partition_of(selection.until + 2 * DAY)
    return listing is None or any(part.table == "series" and first <= part.day <= last for part in listing.parts)


def _nothing() -> Samples:
    return Samples([], np.zeros(1, np.int64), np.empty(0, np.int64), np.empty(0))
