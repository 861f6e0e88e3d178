"""Which series are drawn, and that a graph is drawn once for all who ask."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from sonde.errors import UserError
from sonde.notify.context.graph import MAX_SERIES, Graphs, Outline, picture
from sonde.notify.context.graph_plan import Threshold
from sonde.query.promql.series import Vector
from sonde.telemetry.labels import labels_of

END = 1_700_000_000_000
TIMES = np.array([0.0, 30.0])


def vector(series, present=None):
    values = np.array([list(row) for row in series.values()], dtype=float)
    labels = [labels_of(dict(pair.split("=") for pair in name.split(","))) for name in series]
    return Vector(labels, values, np.ones(values.shape, bool) if present is None else np.array(present))


def outline(**given):
    return Outline(**{"tenant": "default", "title": "Down", "expression": "x", "end": END} | given)


def test_the_series_of_the_alerts_come_first_then_those_that_went_furthest():
    series = vector({"job=a": (1, 9), "job=b": (1, 2), "job=c": (5, 1), "job=d": (0, 0)})
    alert = labels_of({"alertname": "Down", "job": "b", "severity": "page"})
    seen = picture(outline(alerts=(alert,), threshold=Threshold(">", 1.0)), series, TIMES)
    assert [(line.name, line.is_alerting) for line in seen.lines] == [
        ("b", True),
        ("a", False),
        ("c", False),
        ("d", False),
    ]


def test_below_a_threshold_the_smallest_come_first():
    series = vector({"job=a": (1, 9), "job=b": (1, 2), "job=c": (5, 0)})
    seen = picture(outline(threshold=Threshold("<", 3.0)), series, TIMES)
    assert [line.name for line in seen.lines] == ["c", "a", "b"]


def test_no_more_than_eight_series_are_drawn_and_the_rest_is_counted():
    seen = picture(outline(), vector({f"job=a{place}": (1, place) for place in range(30)}), TIMES)
    assert (len(seen.lines), seen.hidden) == (MAX_SERIES, 30 - MAX_SERIES)


def test_series_without_any_value_are_left_out():
    series = vector(
        {"job=a": (1, 1), "job=b": (np.nan, np.inf), "job=c": (1, 1)}, [[True] * 2, [True] * 2, [False] * 2]
    )
    assert len(picture(outline(), series, TIMES).lines) == 1
    assert picture(outline(), vector({"job=a": (np.nan, np.nan)}), TIMES) is None


class Counting:
    """Answers when it is allowed to."""

    def __init__(self):
        self.asked = 0
        self.go = asyncio.Event()
        self.error = None

    async def evaluate(self, tenant, expr, *, start, end, step, series=0):
        self.asked += 1
        await self.go.wait()
        if self.error:
            raise self.error
        size = (end - start) // step + 1
        return Vector([()], np.ones((1, size)), np.ones((1, size), bool))


async def test_five_who_ask_at_once_get_one_drawing():
    ranges = Counting()
    graphs = Graphs(ranges)
    waiting = [asyncio.create_task(graphs.png(outline())) for _ in range(5)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    ranges.go.set()
    first, *others = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(first, asyncio.CancelledError)
    assert len({bytes(png) for png in others}) == 1
    assert await graphs.png(outline()) == others[0]
    assert graphs.known(outline())
    assert ranges.asked == 1


async def test_a_failure_is_told_to_all_and_tried_again_by_the_next():
    ranges = Counting()
    graphs = Graphs(ranges)
    ranges.go.set()
    ranges.error = UserError("too many samples")
    for _ in range(2):
        with pytest.raises(UserError, match="too many samples"):
            await graphs.png(outline())
    assert ranges.asked == 2
    with pytest.raises(UserError):
        await graphs.png(outline(expression="sum("))
