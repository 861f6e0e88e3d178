"""The languages of rules: PromQL over a ``Storage``, SQL through the gate for people's own statements.

A rule or its group names another than PromQL by ``language: sql``.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, Protocol, cast

import numpy as np

from sonde.errors import Unsupported, UserError
from sonde.query.adhoc import Gate
from sonde.query.promql.ast import Call, DurationLiteral, Expr, Node, Subquery, VectorSelector
from sonde.query.promql.evaluate import Stopped, compute, timed_out
from sonde.query.promql.memory_storage import MemoryStorage
from sonde.query.promql.parser import parse
from sonde.query.promql.plan import SUBQUERY_STEP, Plan
from sonde.query.promql.printer import to_text
from sonde.query.promql.query import LOOKBACK, Limits, Query
from sonde.query.promql.series import Floats, Samples, Scalar, Vector
from sonde.query.promql.storage import Leaf, Storage
from sonde.query.promql.walk import walk
from sonde.query.sql.guard import Scope
from sonde.rules.expression import Answer, Expression, Language, Selectors
from sonde.rules.planned import MovingPlan
from sonde.store import client
from sonde.telemetry.labels import labels_of

_INLINE_SAMPLES: Final = 20_000
"""Beyond this an expression is computed in a thread. Below, the hop costs more than it gives."""
_VALUE: Final = "value"
_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class PromQL:
    """PromQL over a storage, of which each evaluation gets its own.

    >>> PromQL(MemoryStorage).parse("sum by(job) (up)").text
    'sum by (job) (up)'
    """

    storage: Callable[[], Storage]
    limits: Limits = _LIMITS
    lookback: int = LOOKBACK
    subquery_step: int = SUBQUERY_STEP
    """The step of a subquery that says none, milliseconds: Prometheus takes the default interval of evaluation."""
    steady: Callable[[], float] = time.monotonic

    def parse(self, text: str) -> Expression:
        """See ``Language.parse``."""
        expr = parse(text)
        stepped = with_subquery_step(expr, self.subquery_step)
        return PromQLExpression(to_text(expr), _reads(expr), stepped, self, MovingPlan(stepped), original=text)


@dataclass(frozen=True, slots=True)
class PromQLExpression:
    """An expression in PromQL; ``expr`` is what is evaluated, ``text`` what is shown."""

    text: str
    reads: Selectors | None
    expr: Expr
    language: PromQL
    plans: MovingPlan = field(compare=False, repr=False)
    original: str = ""

    async def evaluate(self, at_milli: int) -> Answer:
        """See ``Expression.evaluate``."""
        language = self.language
        query = Query(self.expr, at_milli, at_milli, 0, language.lookback, language.limits, self.original)
        deadline = language.steady() + language.limits.seconds
        planned = self.plans.at(query)
        fetched = await _fetched(language.storage(), planned, language.limits.seconds)
        stopped = False

        def stop() -> None:
            if stopped:
                raise Stopped
            if language.steady() > deadline:
                raise timed_out(language.limits.seconds)

        if sum(_size(found) for found in fetched.values()) <= _INLINE_SAMPLES:
            result = compute(planned, query, fetched, stop)
        else:
            try:
                result = await asyncio.to_thread(compute, planned, query, fetched, stop)
            except asyncio.CancelledError:
                stopped = True
                raise
        return answer_of(result.value)


def answer_of(value: object) -> Answer:
    """What a rule takes of the value of an instant query.

    Raises:
        UserError: It is a range or a string.

    >>> answer_of(Scalar(np.array([2.0]))).labels
    [()]
    """
    match value:
        case Vector():
            present = value.present[:, 0]
            kept = np.flatnonzero(present).tolist()
            histograms = None if value.histograms is None else [value.histograms[row, 0] for row in kept]
            return Answer([value.labels[row] for row in kept], value.values[:, 0][present], histograms)
        case Scalar():
            return Answer([()], value.values[:1].copy())
        case _:
            raise UserError("rule result is not a vector or scalar", code="rules.value")


async def _fetched(storage: Storage, planned: Plan, seconds: float) -> dict[Leaf, Samples | Vector]:
    leaves = planned.leaves
    try:
        async with asyncio.timeout(seconds):
            if len(leaves) == 1:
                return {leaves[0]: await storage.fetch(leaves[0])}
            async with asyncio.TaskGroup() as group:
                tasks = {leaf: group.create_task(storage.fetch(leaf)) for leaf in leaves}
            return {leaf: task.result() for leaf, task in tasks.items()}
    except TimeoutError:
        raise timed_out(seconds) from None
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None


def _size(found: Samples | Vector) -> int:
    return len(found.times) if isinstance(found, Samples) else found.values.size


def _reads(expr: Expr) -> Selectors | None:
    """The selectors of an expression; ``info`` reads what it does not name."""
    nodes = [node for node, _ in walk(expr)]
    if any(isinstance(node, Call) and node.function == "info" for node in nodes):
        return None
    return tuple(node.matchers for node in nodes if isinstance(node, VectorSelector))


def with_subquery_step(expr: Expr, step_milli: int) -> Expr:
    """The expression with a step for each subquery that has none.

    >>> to_text(with_subquery_step(parse("max_over_time(up[1h:])"), 15_000))
    'max_over_time(up[1h:15s])'
    """
    if step_milli == SUBQUERY_STEP or not any(isinstance(node, Subquery) and not node.step for node, _ in walk(expr)):
        return expr
    return cast("Expr", _stepped(expr, DurationLiteral(step_milli / 1000)))


def _stepped(node: Any, step: DurationLiteral) -> Any:
    changed: dict[str, Any] = {}
    for each in fields(node):
        value = getattr(node, each.name)
        if isinstance(value, Node):
            changed[each.name] = _stepped(value, step)
        elif isinstance(value, tuple) and value and isinstance(value[0], Node):
            changed[each.name] = tuple(_stepped(inner, step) for inner in value)
    if isinstance(node, Subquery) and not node.step:
        changed["step"] = step
    return replace(node, **changed) if changed else node


class AskSql(Protocol):
    """Who answers a statement."""

    async def __call__(
        self, statement: str, parameters: Mapping[str, object]
    ) -> tuple[Sequence[str], Sequence[Sequence[object]]]:
        """The names of its columns, and its rows.

        Raises:
            UserError: It is no statement that may be asked, or could not be answered.
        """
        ...


@dataclass(frozen=True, slots=True)
class Sql:
    """ClickHouse's SQL: a row is a series, its column ``value`` is the value, all others are labels.

    ``{at:DateTime64(3)}`` is the time of evaluation. What is wrong with a statement, only the engine says, when it is
    evaluated.
    """

    ask: AskSql

    def parse(self, text: str) -> Expression:
        """See ``Language.parse``."""
        if not text.strip():
            raise UserError("Empty query", code="rules.sql")
        return SqlExpression(text.strip(), self)


@dataclass(frozen=True, slots=True)
class SqlExpression:
    """A statement."""

    text: str
    language: Sql
    reads: Selectors | None = None

    async def evaluate(self, at_milli: int) -> Answer:
        """See ``Expression.evaluate``."""
        return sql_answer(*await self.language.ask(self.text, {"at": f"{at_milli / 1000:.3f}"}))


def sql_answer(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Answer:
    """Rows as series.

    >>> answer = sql_answer(["service", "value"], [["shop", 3], ["web", None]])
    >>> answer.labels, answer.values.tolist()
    ([(('service', 'shop'),)], [3.0])

    Raises:
        UserError: There is no column ``value``, or it has something else than numbers.
    """
    if _VALUE not in columns:
        raise UserError(
            f"the statement gives no column named {_VALUE}; it gives {', '.join(columns)}",
            code="rules.sql",
            hint=f"name the column: SELECT count() AS {_VALUE}",
        )
    at = list(columns).index(_VALUE)
    labels, values = [], []
    for row in rows:
        number = _number(row[at])
        if number is None:
            continue
        texts = {name: str(cell) for name, cell in zip(columns, row, strict=True) if cell is not None}
        texts.pop(_VALUE)
        labels.append(labels_of(texts))
        values.append(number)
    return Answer(labels, cast("Floats", np.array(values, dtype=np.float64)))


def _number(cell: object) -> float | None:
    if cell is None:
        return None
    try:
        return float(cell)  # type: ignore[arg-type] # what no number can be made of is refused below
    except (TypeError, ValueError):
        raise UserError(f"{cell!r} in the column {_VALUE} is not a number", code="rules.sql") from None


@dataclass(frozen=True, slots=True)
class AskGate:
    """Asks as one tenant, and sees no other's rows."""

    gate: Gate
    tenant: str
    limits: client.Limits

    async def __call__(
        self, statement: str, parameters: Mapping[str, object]
    ) -> tuple[Sequence[str], Sequence[Sequence[object]]]:
        """See ``AskSql``."""
        admitted = await self.gate.admit(statement, parameters, scope=Scope.TENANT, tenant=self.tenant)
        answer = await self.gate.execute(
            admitted,
            parameters,
            output_format="JSONCompact",
            settings={"output_format_json_quote_64bit_integers": "0", "output_format_json_quote_denormals": "1"},
            limits=self.limits,
            query_id=None,
        )
        result = client.Result.from_json_compact(answer)
        return [column.name for column in result.columns], result.rows


async def _nobody(statement: str, parameters: Mapping[str, object]) -> tuple[list[str], list[list[object]]]:
    raise Unsupported(
        f"there is no engine here that could answer {statement!r} at {parameters['at']}",
        code="rules.sql",
        hint="rules in SQL are evaluated by a running server only",
    )


def check_only() -> dict[str, Language]:
    """All languages, over no data at all: for checks of rule files."""
    return {"promql": PromQL(MemoryStorage), "sql": Sql(_nobody)}


def in_memory(storage: Callable[[], Storage], *, subquery_step: int) -> dict[str, Language]:
    """All languages, over what is in memory: for unit tests of rules."""
    limits = Limits(samples=10**9, series=10**9, seconds=math.inf)
    return {"promql": PromQL(storage, limits, subquery_step=subquery_step), "sql": Sql(_nobody)}
