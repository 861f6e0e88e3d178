"""The graph of an alert: its expression over the last hour, as a picture, drawn once for all who ask.

An ``Outline`` says all of it, so that the same can be drawn again when somebody follows its signed address.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Final

import numpy as np

from sonde.errors import LimitExceeded
from sonde.notify.context.draw import Line, Picture, draw
from sonde.notify.context.graph_plan import Threshold
from sonde.notify.context.narrow import labels_to_ask, narrowed
from sonde.notify.context.ranges import LIMITS, Ranges
from sonde.query.promql.ast import Expr
from sonde.query.promql.parser import parse
from sonde.query.promql.series import Booleans, Floats, Vector, holds_histogram
from sonde.telemetry.labels import METRIC_NAME, Labels, without

SPAN_MILLI: Final = 3_600_000
STEP_MILLI: Final = 30_000
MAX_SERIES: Final = 8
FEW_SERIES: Final = 200
"""A selector that selects more is asked for the series of the alerts alone."""
_CACHED: Final = 64
_AT_ONCE: Final = 2


@dataclass(frozen=True, slots=True)
class Outline:
    """All that a graph is made of. Times are milliseconds since 1970."""

    tenant: str
    title: str
    expression: str
    """What is drawn; the side of the alert's expression that ``graph_plan`` chose."""
    end: int
    threshold: Threshold | None = None
    alerts: tuple[Labels, ...] = ()
    """The labels of the alerts; their series come first."""
    since: int = 0
    """When the first of them began."""
    span: int = SPAN_MILLI
    step: int = STEP_MILLI


class Graphs:
    """Draws outlines, each once for all who ask at the same time or soon after; two at a time.

    Args:
        ranges: Who evaluates their expressions.
        zone: Whose clocks the time axis shows.
    """

    def __init__(self, ranges: Ranges, zone: tzinfo = UTC) -> None:
        self._ranges = ranges
        self._zone = zone
        self._drawn: OrderedDict[Outline, bytes] = OrderedDict()
        self._under_way: dict[Outline, asyncio.Task[bytes]] = {}
        self._places = asyncio.Semaphore(_AT_ONCE)

    def known(self, outline: Outline) -> bool:
        """Whether it has been drawn already."""
        return outline in self._drawn

    async def png(self, outline: Outline) -> bytes:
        """The graph, or b"" when there is nothing to see. Cancelling one who waits does not stop the others.

        Raises:
            UserError: The expression cannot be evaluated, or not within the limits.
        """
        if outline in self._drawn:
            self._drawn.move_to_end(outline)
            return self._drawn[outline]
        task = self._under_way.get(outline)
        if task is None:
            task = self._under_way[outline] = asyncio.create_task(self._draw(outline))
            task.add_done_callback(lambda done: self._finished(outline, done))
        return await asyncio.shield(task)

    async def _draw(self, outline: Outline) -> bytes:
        async with self._places:
            times = np.arange(outline.end - outline.span, outline.end + 1, outline.step) / 1000.0
            seen = picture(outline, await self._values(outline), times)
            return b"" if seen is None else await asyncio.to_thread(draw, seen, self._zone)

    async def _values(self, outline: Outline) -> Vector:
        """All series where they are few, else those of the alerts alone."""
        expr = parse(outline.expression)
        shared = tuple(sorted(set(outline.alerts[0]).intersection(*outline.alerts))) if outline.alerts else ()
        own = narrowed(expr, labels_to_ask(expr, shared))

        async def values(expr: Expr, series: int) -> Vector:
            start = outline.end - outline.span
            return await self._ranges.evaluate(
                outline.tenant, expr, start=start, end=outline.end, step=outline.step, series=series
            )

        if own == expr:
            return await values(expr, LIMITS.series)
        try:
            return await values(expr, FEW_SERIES)
        except LimitExceeded:
            return await values(own, LIMITS.series)

    def _finished(self, outline: Outline, task: asyncio.Task[bytes]) -> None:
        del self._under_way[outline]
        if task.cancelled() or task.exception() is not None:
            return
        self._drawn[outline] = task.result()
        while len(self._drawn) > _CACHED:
            self._drawn.popitem(last=False)


def picture(outline: Outline, vector: Vector, times: Floats) -> Picture | None:
    """The series that are shown; None if there are none."""
    present: Booleans = vector.present & np.isfinite(vector.values)
    if vector.histograms is not None:
        present &= ~holds_histogram(vector.histograms)
    rows = np.flatnonzero(present.any(axis=1)).tolist()
    if not rows:
        return None
    of_alert = {row: _alert_of(vector.labels[row], outline.alerts) for row in rows}
    size = {row: _rank(vector.values[row][present[row]], outline.threshold) for row in rows}
    rows.sort(key=lambda row: (of_alert[row] < 0, of_alert[row], size[row]))
    shown = rows[:MAX_SERIES]
    names = series_names([vector.labels[row] for row in shown])
    return Picture(
        outline.title,
        outline.expression,
        times,
        tuple(
            Line(name, np.where(present[row], vector.values[row], np.nan), of_alert[row] >= 0)
            for row, name in zip(shown, names, strict=True)
        ),
        outline.threshold,
        outline.since / 1000,
        len(rows) - len(shown),
    )


def _alert_of(series: Labels, alerts: Sequence[Labels]) -> int:
    """Which alert comes from a series: an alert has all labels of its series but the name. -1 if none does."""
    own = set(without(series, {METRIC_NAME}))
    return next((place for place, alert in enumerate(alerts) if own <= set(alert)), -1)


def _rank(values: Floats, threshold: Threshold | None) -> float:
    """Smallest first: those that went furthest in the alert's direction."""
    if threshold is not None and threshold.operator in ("<", "<=", "=="):
        return float(values.min())
    return -float(values.max())


def series_names(series: Sequence[Labels]) -> list[str]:
    """Names that tell series apart: the labels in which they differ.

    >>> series_names([(("job", "api"), ("path", "/a")), (("job", "api"), ("path", "/b"))])
    ['/a', '/b']
    >>> series_names([(("__name__", "up"), ("job", "api"))])
    ['job=api']
    """
    first = set(series[0])
    common = first.intersection(*map(set, series)) if len(series) > 1 else set()
    varying = {name for labels in series for name, _ in labels if not set(labels) <= common}
    varying -= {name for name, _ in common}
    if len(series) == 1:
        varying.discard(METRIC_NAME)
    if len(varying) == 1:
        [only] = varying
        if len(series) > 1:
            return [dict(labels).get(only, "") or f"no {only}" for labels in series]
    return [" ".join(f"{name}={value}" for name, value in labels if name in varying) for labels in series]
