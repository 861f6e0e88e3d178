"""What executes a query: a Protocol that the store's ``AsyncStore`` fits, and one inquiry's statements and cost on it.

An inquiry is one question of one caller: a few statements, some at the same time, under one set of limits. When the
task that awaits it is cancelled, the store kills what is running.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from sonde.query.sql.ast import Select
from sonde.query.sql.render import render
from sonde.store.client import Limits, Result, Stats
from sonde.store.native import Answer, answer_of

Record = dict[str, Any]
_T = TypeVar("_T")


class Engine(Protocol):
    """Executes SQL with server-side parameters; values as JSON gives them, 64-bit numbers as ``int``."""

    async def query(
        self,
        sql: str,
        parameters: Mapping[str, object] | None = None,
        *,
        limits: Limits = ...,
        query_id: str | None = None,
    ) -> Result:
        """Execute one statement that reads. Raises ``UserError`` for what the caller asked wrongly."""
        ...

    async def query_bytes(
        self,
        sql: str,
        parameters: Mapping[str, object] | None = None,
        *,
        output_format: str,
        limits: Limits = ...,
        query_id: str | None = None,
    ) -> bytes:
        """As ``query``, in one of ClickHouse's output formats."""
        ...


@dataclass(slots=True)
class Cost:
    """What an inquiry has read so far, over all its statements."""

    rows_read: int = 0
    bytes_read: int = 0
    elapsed_seconds: float = 0.0

    def add(self, stats: Stats) -> None:
        """Count one more statement."""
        self.rows_read += stats.rows_read
        self.bytes_read += stats.bytes_read
        self.elapsed_seconds += stats.elapsed_seconds

    def as_json(self) -> Record:
        """As the ``stats`` of an answer."""
        return {
            "rows_read": self.rows_read,
            "bytes_read": self.bytes_read,
            "elapsed_seconds": round(self.elapsed_seconds, 6),
        }


class Inquiry:
    """Runs the statements of one question and sums their cost."""

    def __init__(self, engine: Engine, limits: Limits | None = None) -> None:
        self._engine = engine
        self._limits = limits or Limits()
        self.cost = Cost()

    async def records(self, select: Select) -> list[Record]:
        """Execute, and name each value by its column."""
        statement = render(select)
        result = await self._engine.query(statement.sql, statement.parameters, limits=self._limits)
        self.cost.add(result.stats)
        names = [column.name for column in result.columns]
        return [dict(zip(names, row, strict=True)) for row in result.rows]

    async def numbers(self, select: Select) -> Answer:
        """Execute, and give columns of numbers as arrays. The cost is that of the answer, not of what was read."""
        statement = render(select)
        started = time.perf_counter()
        data = await self._engine.query_bytes(
            statement.sql, statement.parameters, output_format="Native", limits=self._limits
        )
        answer = answer_of(data)
        self.cost.add(Stats(answer.rows, len(data), time.perf_counter() - started))
        return answer

    async def together(self, *selects: Select) -> list[list[Record]]:
        """Execute several at once; when one fails, the others are stopped."""
        return await all_of(*map(self.records, selects))

    async def numbers_together(self, *selects: Select) -> list[Answer]:
        """As ``numbers``, several at once."""
        return await all_of(*map(self.numbers, selects))


async def all_of(*coroutines: Coroutine[Any, Any, _T]) -> list[_T]:
    """Await several at once; when one fails, the others are cancelled and its error is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(coroutine) for coroutine in coroutines]
    except BaseExceptionGroup as group_error:
        raise _first(group_error) from group_error
    return [task.result() for task in tasks]


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
