"""What a function has beside its arguments: the times, the query, what the leaves brought, and how to evaluate more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sonde.errors import UserError
from sonde.query.promql.ast import Call, Expr, StringLiteral
from sonde.query.promql.evaluation.annotate import Notes
from sonde.query.promql.evaluation.windows import Range
from sonde.query.promql.limits import too_many_samples
from sonde.query.promql.must import must_be
from sonde.query.promql.peel import peeled
from sonde.query.promql.query import Query
from sonde.query.promql.series import Booleans, Floats, Grid, Integers, Objects, Samples, Scalar, Text, Vector
from sonde.query.promql.storage import Leaf
from sonde.telemetry.labels import Labels

Value = Vector | Scalar | Text


@dataclass(frozen=True, slots=True)
class Frame:
    """The surroundings of one evaluation of one expression."""

    grid: Grid
    query: Query
    notes: Notes
    fetched: Mapping[Leaf, Samples | Vector]
    stop: Callable[[], None]
    """Raises when the evaluation is cancelled or out of time."""
    evaluate: Callable[[Expr, Frame], Value]
    select: Callable[[Expr, Frame], Range]
    """What a range selector or subquery selects."""
    counting: frozenset[int] = frozenset()
    """The identities of the selectors of whose histograms only counts and sums are asked."""

    @property
    def times(self) -> Integers:
        """The times of the grid."""
        return self.grid.times

    def on(self, grid: Grid) -> Frame:
        """The same on another grid."""
        return replace(self, grid=grid)

    def vector(self, expr: Expr) -> Vector:
        """The value of an expression that is a vector."""
        return must_be(self.evaluate(expr, self), Vector)

    def scalar(self, expr: Expr) -> Floats:
        """The numbers of an expression that is a scalar, one for each time."""
        return must_be(self.evaluate(expr, self), Scalar).values

    def range(self, expr: Expr) -> Range:
        """What an expression that is a range selects."""
        return self.select(expr, self)

    def check_size(self, series: int) -> None:
        """Refuse a vector of so many series if that is beyond the limits."""
        if series * self.grid.size > self.query.limits.samples:
            raise too_many_samples(self.query.limits)


def execution_error(message: str) -> UserError:
    """A query that is valid but cannot be answered."""
    return UserError(message, code="promql.execution")


def text_of(expr: Expr) -> str:
    """The string of a string literal."""
    return must_be(peeled(expr), StringLiteral).value


def texts_of(call: Call, first: int) -> list[str]:
    """The strings from an argument on."""
    return [text_of(argument) for argument in call.arguments[first:]]


def empty_vector(grid: Grid) -> Vector:
    """A vector without series."""
    return Vector([], np.zeros((0, grid.size)), np.zeros((0, grid.size), dtype=np.bool_))


def vector_of(
    labels: list[Labels],
    values: Floats,
    present: Booleans,
    histograms: Objects | None = None,
    drop_name: Booleans | None = None,
) -> Vector:
    """A vector of its parts, where the series that are nowhere present are left out."""
    kept: Booleans = np.logical_or.reduce(present, axis=1)
    if kept.all():
        return Vector(labels, values, present, histograms, drop_name)
    return Vector(
        [series for series, keep in zip(labels, kept.tolist(), strict=True) if keep],
        values[kept],
        present[kept],
        None if histograms is None else histograms[kept],
        None if drop_name is None else drop_name[kept],
    )


def stacked(parts: Sequence[Vector]) -> Vector:
    """Vectors of one grid, at least one, one below the other."""
    if len(parts) == 1:
        return parts[0]
    histograms = None
    if any(part.histograms is not None for part in parts):
        histograms = np.concatenate([part.objects for part in parts])
    drop_name = None
    if any(part.drop_name is not None for part in parts):
        drop_name = np.concatenate([drops_name(part) for part in parts])
    return Vector(
        [labels for part in parts for labels in part.labels],
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.present for part in parts]),
        histograms,
        drop_name,
    )


def drops_name(vector: Vector) -> Booleans:
    """Of each series, whether its name goes."""
    return np.zeros(len(vector.labels), dtype=np.bool_) if vector.drop_name is None else vector.drop_name
