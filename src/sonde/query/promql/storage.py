"""What PromQL asks of a store: samples of the series that matchers select. ``clickhouse`` answers from the store.

An evaluation knows all its leaves before it starts (``plan``), so they are fetched first, side by side, and the rest
is arithmetic on arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sonde.query.promql.series import Grid, Samples, Vector
from sonde.telemetry.matcher import Matcher


@dataclass(frozen=True, slots=True)
class Window:
    """What a leaf computes of the samples in ``(t - offset - width, t - offset]`` at each time ``t`` of the grid.

    ``function`` is "last" for an instant selector (``width`` is the lookback, a stale marker means nothing), else the
    PromQL name of a function over a range ("rate", "max_over_time" …).
    """

    function: str
    width: int
    """Milliseconds."""
    grid: Grid
    """Already moved by offset and @: the ends of the windows."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A selector, and the times between which its samples are needed: milliseconds in ``(after, until]``."""

    matchers: tuple[Matcher, ...]
    after: int
    until: int
    window: Window | None = None
    """Set when the leaf may be computed where the data is; the store may still answer with samples."""


class Storage(Protocol):
    """Where samples come from. One per caller: it knows tenant, limits and how to be cancelled."""

    async def fetch(self, leaf: Leaf) -> Samples | Vector:
        """The samples of a leaf, or, if it has a window and the store can say exactly what that gives, its vector.

        The series come in the order of their label sets.

        Raises:
            UserError: More series or samples than the limits allow.
        """
        ...
