"""Leaves that rules share."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from sonde.errors import UserError
from sonde.query.promql.series import Samples, Vector
from sonde.query.promql.storage import Leaf
from sonde.rules.shared import SharedLeaves
from sonde.telemetry.matcher import Matcher


def leaf(name: str, until: int = 100) -> Leaf:
    return Leaf((Matcher("__name__", "=", name),), 0, until)


class Asked:
    """Answers when it is told to; each answer has as many samples."""

    def __init__(self, size: int = 1) -> None:
        self.leaves: list[Leaf] = []
        self.may_answer = asyncio.Event()
        self.error: UserError | None = None
        self.size = size

    async def fetch(self, leaf: Leaf) -> Samples | Vector:
        self.leaves.append(leaf)
        await self.may_answer.wait()
        if self.error:
            raise self.error
        return Samples([()], np.array([0, self.size]), np.arange(self.size), np.arange(self.size, dtype=float))


async def test_rules_that_ask_the_same_at_the_same_time_ask_once() -> None:
    asked, now = Asked(), [0.0]
    storage = SharedLeaves(lambda: now[0]).over(lambda: asked)
    together = [asyncio.create_task(storage().fetch(leaf("up"))) for _ in range(3)]
    await asyncio.sleep(0)
    asked.may_answer.set()
    first, second, third = await asyncio.gather(*together)
    assert first is second is third
    assert await storage().fetch(leaf("up")) is first
    assert await storage().fetch(leaf("up", until=200)) is not first
    assert len(asked.leaves) == 2
    now[0] = 6.0
    assert await storage().fetch(leaf("up")) is not first


async def test_what_is_shared_cannot_be_written_to() -> None:
    asked = Asked()
    asked.may_answer.set()
    found = await SharedLeaves(lambda: 0.0).over(lambda: asked)().fetch(leaf("up"))
    assert isinstance(found, Samples)
    with pytest.raises(ValueError, match="read-only"):
        found.values[0] = 1.0


async def test_a_failure_is_not_shared_and_not_kept() -> None:
    asked = Asked()
    asked.error = UserError("no")
    storage = SharedLeaves(lambda: 0.0).over(lambda: asked)
    together = [asyncio.create_task(storage().fetch(leaf("up"))) for _ in range(2)]
    await asyncio.sleep(0)
    asked.may_answer.set()
    assert all(isinstance(error, UserError) for error in await asyncio.gather(*together, return_exceptions=True))
    asked.error = None
    assert isinstance(await storage().fetch(leaf("up")), Samples)
    assert len(asked.leaves) == 3


async def test_who_waits_for_somebody_who_goes_away_asks_himself() -> None:
    asked = Asked()
    storage = SharedLeaves(lambda: 0.0).over(lambda: asked)
    first = asyncio.create_task(storage().fetch(leaf("up")))
    second = asyncio.create_task(storage().fetch(leaf("up")))
    await asyncio.sleep(0)
    first.cancel()
    asked.may_answer.set()
    assert isinstance(await second, Samples)
    assert first.cancelled()


async def test_large_answers_are_forgotten_first_come_first_gone() -> None:
    asked = Asked(size=60)
    asked.may_answer.set()
    storage = SharedLeaves(lambda: 0.0, most_samples=100).over(lambda: asked)
    for name in ("a", "b", "c", "c", "a"):
        await storage().fetch(leaf(name))
    assert [each.matchers[0].value for each in asked.leaves] == ["a", "b", "c", "a"]
