"""What an evaluation is asked, and what it answers. ``plan`` and ``evaluate`` stand between the two."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from sonde.query.promql.ast import Expr
from sonde.query.promql.series import Annotations, Grid, Samples, Scalar, Text, Vector

LOOKBACK: Final = 300_000
"""How long a sample counts for an instant selector, in milliseconds."""


SAMPLE_BYTES: Final = 100
"""What a sample takes at the most, while it is fetched: measured on answers of some million."""
SERIES_BYTES: Final = 2_500
"""What a series takes with its labels, of which the measured ones had six."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Where an evaluation is stopped."""

    samples: int = 50_000_000
    """Samples that are read, and places of any one vector."""
    series: int = 500_000
    """Series of any one selector."""
    seconds: float = 120.0
    memory_bytes: int = 1 << 30
    """Of one statement in the engine."""

    @classmethod
    def within(cls, memory_bytes: int, seconds: float) -> Limits:
        """As many samples and series as fit into so much memory, and no more than the defaults.

        >>> Limits.within(1 << 30, 30.0)
        Limits(samples=10737418, series=429496, seconds=30.0, memory_bytes=1073741824)
        """
        most = cls()
        return cls(
            samples=min(most.samples, memory_bytes // SAMPLE_BYTES),
            series=min(most.series, memory_bytes // SERIES_BYTES),
            seconds=seconds,
            memory_bytes=memory_bytes,
        )


@dataclass(frozen=True, slots=True)
class Query:
    """An expression and the times at which to evaluate it, in milliseconds.

    A ``step`` of 0 is an instant query at ``start``. ``text`` is what the expression was parsed from: annotations say
    where in it they belong.
    """

    expr: Expr
    start: int
    end: int
    step: int = 0
    lookback: int = LOOKBACK
    limits: Limits = Limits()
    text: str = ""

    @property
    def is_instant(self) -> bool:
        """Whether there is one time only, and the order of the answer matters."""
        return self.step <= 0

    @property
    def grid(self) -> Grid:
        """The times of the answer."""
        return Grid(self.start, self.start, 0) if self.is_instant else Grid(self.start, self.end, self.step)


@dataclass(frozen=True, slots=True)
class Result:
    """The answer: a vector on the grid, a scalar, a string, or the samples that a range selector selects."""

    value: Vector | Scalar | Text | Samples
    grid: Grid
    annotations: Annotations = field(default_factory=Annotations)
