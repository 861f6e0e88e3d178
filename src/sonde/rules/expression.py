"""What a rule asks, whatever language it is written in; ``languages`` has those that there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sonde.query.promql.histogram.native import Histogram
from sonde.query.promql.series import Floats
from sonde.telemetry.labels import Labels
from sonde.telemetry.matcher import Matcher

Selectors = tuple[tuple[Matcher, ...], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The value of an expression at one time: label sets, each with a number, or with the histogram at its place."""

    labels: Sequence[Labels]
    values: Floats
    histograms: Sequence[Histogram | None] | None = None

    @classmethod
    def of(cls, values: dict[Labels, float]) -> Answer:
        """An answer of numbers.

        >>> Answer.of({(("job", "api"),): 1.0}).values.tolist()
        [1.0]
        """
        return cls(list(values), np.array(list(values.values()), dtype=np.float64))


class Expression(Protocol):
    """An expression that has been read."""

    @property
    def text(self) -> str:
        """It, as it is shown."""
        ...

    @property
    def reads(self) -> Selectors | None:
        """The selectors of all series that it reads; None if that cannot be told."""
        ...

    async def evaluate(self, at_milli: int) -> Answer:
        """Its value at a time.

        Raises:
            UserError: It cannot be answered.
        """
        ...


class Language(Protocol):
    """What expressions are written in."""

    def parse(self, text: str) -> Expression:
        """Read an expression.

        Raises:
            UserError: It is none.
        """
        ...
