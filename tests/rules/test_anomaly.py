"""A spike scores high; what happens every week at this hour does not."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path

import pytest
from tests.rules.story import SECOND, Story, series

from sonde.rules import packs
from sonde.rules.anomaly import SHIPPED, Anomaly, render
from sonde.telemetry.labels import labels_of

HOUR, DAY, WEEK = 3600, 86_400, 7 * 86_400
WATCHED = Anomaly("traffic", "TrafficAnomaly", "signal", "traffic", alerts_below=True)


def usual(at: int) -> float:
    """Busy by day, quiet at night, half as much on weekends; with a wobble that is the same in no two hours."""
    day = 100 + 80 * math.sin(2 * math.pi * (at % DAY) / DAY)
    return day * (0.5 if at // DAY % 7 >= 5 else 1.0) * (1 + 0.03 * math.sin(at / 701))


def scored(at: int, value: float, *, weeks: float) -> dict[str, float]:
    """The last of each recorded series, where so many weeks of usual values lie before."""
    story = Story()
    for time in range(int(at - weeks * WEEK), at, 300):
        story.storage.put(series("anomaly:value", anomaly="traffic", job="api"), time * 1000, usual(time))
    group = story.group(render([WATCHED]))

    async def evaluate() -> None:
        story.put("signal", at * SECOND, value, job="api")
        await story.evaluate(group, at * SECOND)

    asyncio.run(evaluate())
    found: dict[str, float] = {}
    for sample in story.written:
        labels = dict(sample.labels)
        if labels["__name__"].startswith("anomaly:") and isinstance(sample.value, float):
            found[labels["__name__"].removeprefix("anomaly:")] = sample.value
    return found


MOMENTS = {
    "the peak of a weekday": 30 * DAY + 6 * HOUR,
    "the dip of a weekday": 30 * DAY + 18 * HOUR,
    "the steep rise of a morning": 30 * DAY + 2 * HOUR,
    "a weekend": 33 * DAY + 6 * HOUR,
    "the first hour of the weekend": 33 * DAY + 45 * 60,
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_seasons_are_normal(moment: str) -> None:
    at = MOMENTS[moment]
    assert abs(scored(at, usual(at), weeks=4)["score"]) < 2


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("factor", [3.0, 0.1])
def test_spikes_and_gaps_are_not(moment: str, factor: float) -> None:
    at = MOMENTS[moment]
    found = scored(at, factor * usual(at), weeks=4)
    assert (found["score"] > 4) if factor > 1 else (found["score"] < -4)
    assert not found["lower"] <= factor * usual(at) <= found["upper"]


def test_one_bad_week_does_not_become_normal() -> None:
    at = MOMENTS["the peak of a weekday"]
    story = Story()
    for time in range(at - 4 * WEEK, at, 300):
        value = usual(time) * (10 if abs(time - (at - WEEK)) < 2 * HOUR else 1)
        story.storage.put(series("anomaly:value", anomaly="traffic", job="api"), time * 1000, value)
    story.put("signal", at * SECOND, 10 * usual(at), job="api")
    asyncio.run(story.evaluate(story.group(render([WATCHED])), at * SECOND))
    (score,) = story.values("anomaly:score")[labels_of({"anomaly": "traffic", "job": "api"})].values()
    assert isinstance(score, float)
    assert score > 4


def test_before_there_are_weeks_enough_nobody_speaks_of_seasons() -> None:
    at = MOMENTS["a weekend"]
    assert "seasonal_median" not in scored(at, usual(at), weeks=2)


@pytest.mark.slow
def test_ewma_is_right_from_the_first_sample_on() -> None:
    story, values = Story(), [100.0 + (3 if minute % 2 else -3) for minute in range(180)]
    group = story.group(render([WATCHED]))

    async def evaluate() -> None:
        for minute, value in enumerate([*values, 100.0]):
            story.put("signal", minute * 60 * SECOND, value, job="api")
            await story.evaluate(group, minute * 60 * SECOND)

    asyncio.run(evaluate())
    found = story.values("anomaly:ewma")[labels_of({"anomaly": "traffic", "job": "api"})]
    assert min(found) >= 80 * 60  # until then it has seen too little
    assert found[180 * 60] == pytest.approx(100, abs=0.5)
    spread = story.values("anomaly:ewma_spread")[labels_of({"anomaly": "traffic", "job": "api"})]
    assert spread[180 * 60] == pytest.approx(3, abs=0.1)


def test_the_pack_is_what_is_rendered() -> None:
    assert packs.pack("anomaly").partition("\n")[2] == render(SHIPPED)


def test_all_that_is_shipped_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "rule-packs.md").read_text()
    assert all(anomaly.alert in text for anomaly in SHIPPED)
