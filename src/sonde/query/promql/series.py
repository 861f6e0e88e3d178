"""What flows between PromQL's stages: samples as a store has them, and vectors on a query's grid.

Both are columns of numpy beside a list of label sets; no stage loops over samples. A native histogram is one
``Histogram`` object in a column of objects, which is absent (None) as long as nothing has histograms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from sonde.telemetry.labels import Labels

if TYPE_CHECKING:
    from sonde.query.promql.histogram.native import Histogram

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]
Objects = NDArray[np.object_]

STALE_NAN_BITS: Final = 0x7FF0000000000002
"""The NaN that says that a series has ended: https://prometheus.io/docs/specs/prw/remote_write_spec/#stale-markers"""


def is_stale(values: Floats) -> Booleans:
    """Which values are stale markers; other NaNs are not."""
    stale: Booleans = values.view(np.int64) == STALE_NAN_BITS
    return stale


def holds_histogram(objects: Objects) -> Booleans:
    """Which places hold a histogram; the others hold None."""
    held: Booleans = np.not_equal(objects, np.array(None, dtype=object)).astype(np.bool_)
    return held


def rows_with(flags: Booleans) -> list[int]:
    """The rows in which any flag is set."""
    rows: list[int] = np.flatnonzero(flags.any(axis=1)).tolist()
    return rows


def any_row(flags: Booleans) -> Booleans:
    """For each column, whether any row has its flag set."""
    columns: Booleans = np.logical_or.reduce(flags, axis=0)
    return columns


@dataclass(frozen=True, slots=True)
class Grid:
    """The times of an evaluation, in milliseconds: ``start``, ``start + step`` … up to ``end``. An instant has one."""

    start: int
    end: int
    step: int

    @property
    def size(self) -> int:
        """How many times there are."""
        return 1 if self.step <= 0 else (self.end - self.start) // self.step + 1

    @property
    def times(self) -> Integers:
        """The times, int64 milliseconds since 1970."""
        return self.start + np.arange(self.size, dtype=np.int64) * max(self.step, 0)


@dataclass(frozen=True, slots=True)
class Samples:
    """The samples of some series, one series behind the other, each by ascending time and never twice at one time.

    Series ``i`` has the samples ``offsets[i]:offsets[i + 1]``. Stale markers are kept. Where ``histograms`` holds an
    object, that is the sample, and ``values`` has NaN.
    """

    labels: Sequence[Labels]
    offsets: Integers
    times: Integers
    """Milliseconds since 1970."""
    values: Floats
    starts: Integers | None = None
    """Start times of cumulative counts in milliseconds, 0 where unknown; None where nobody knows one."""
    histograms: Objects | None = None


@dataclass(frozen=True, slots=True)
class Vector:
    """The value of an expression at each time of the grid: arrays of shape (series, times).

    Only where ``present`` is set there is a value: the ``Histogram`` of ``histograms`` if that holds one there, else
    the number of ``values``. ``drop_name`` tells of each series whether its name goes before it is shown (delayed
    name removal).
    """

    labels: Sequence[Labels]
    values: Floats
    present: Booleans
    histograms: Objects | None = None
    drop_name: Booleans | None = None
    infos: tuple[str, ...] = ()
    """What is to be said of a leaf's vector beside its values."""

    @property
    def objects(self) -> Objects:
        """The histograms, all None where nothing has any."""
        return np.full(self.values.shape, None, dtype=object) if self.histograms is None else self.histograms

    def histogram(self, row: int, column: int) -> Histogram | None:
        """The histogram of one place, if there is one."""
        return None if self.histograms is None else self.histograms[row, column]


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number at each time of the grid."""

    values: Floats


@dataclass(frozen=True, slots=True)
class Text:
    """A string."""

    value: str


@dataclass(slots=True)
class Annotations:
    """Warnings and infos of an evaluation, each once, in the order in which they came."""

    warnings: dict[str, None] = field(default_factory=dict)
    infos: dict[str, None] = field(default_factory=dict)

    def warn(self, text: str) -> None:
        """Add a warning: the answer may be wrong."""
        self.warnings[text] = None

    def inform(self, text: str) -> None:
        """Add an info: the query may not mean what it says."""
        self.infos[text] = None
