"""Values of PromQL expressions for messages: few of them, soon, or none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Final, Protocol

import numpy as np

from sonde.query.promql.ast import Expr
from sonde.query.promql.evaluate import evaluate
from sonde.query.promql.query import Limits, Query
from sonde.query.promql.series import Scalar, Vector
from sonde.query.promql.storage import Storage

LIMITS: Final = Limits(samples=4_000_000, series=20_000, seconds=3.0, memory_bytes=256 << 20)
"""What one question may cost."""
_AT_ONCE: Final = 4


class Ranges(Protocol):
    """Who evaluates expressions."""

    async def evaluate(
        self, tenant: str, expr: Expr, *, start: int, end: int, step: int, series: int = LIMITS.series
    ) -> Vector:
        """Its values from ``start`` to ``end``, all milliseconds; a ``step`` of 0 is the one time ``start``.

        No selector of it may select more than so many ``series``.

        Raises:
            UserError: It cannot be answered, or not within the limits.
        """
        ...


class PromQLRanges:
    """Ranges over the store, each on a storage of its own, a few at a time: when everything breaks at once, people who
    look need the store too.

    Args:
        storage: Gives the storage of one question, for a tenant and within limits.
        limits: What one question may cost.
    """

    def __init__(self, storage: Callable[[str, Limits], Storage], limits: Limits = LIMITS) -> None:
        self._storage = storage
        self._limits = limits
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def evaluate(
        self, tenant: str, expr: Expr, *, start: int, end: int, step: int, series: int = LIMITS.series
    ) -> Vector:
        """See ``Ranges.evaluate``."""
        limits = replace(self._limits, series=min(series, self._limits.series))
        async with self._places:
            result = await evaluate(self._storage(tenant, limits), Query(expr, start, end, step, limits=limits))
        grid = result.grid
        match result.value:
            case Vector() as vector:
                return vector
            case Scalar(values):
                return Vector([()], values[None, :], np.ones((1, values.size), dtype=np.bool_))
            case _:
                nothing = np.empty((0, grid.size))
                return Vector([], nothing, nothing.astype(np.bool_))
