"""What one body of an exposition says: a row a sample, in columns.

Readers do not know what their user makes of a series. They ask ``resolve`` once for each text of a series that they
have not seen lately, and from then on give what it answered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from sonde.errors import UserError
from sonde.telemetry.labels import Labels

T = TypeVar("T")

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

NO_TIME: Final = int(np.iinfo(np.int64).min)
"""Where a sample says no time of its own."""
NAN_BITS: Final = 0x7FF8000000000001
"""The only NaN that a target can say; the others have meanings of their own."""

Resolve = Callable[[Labels], T]
"""Asked with the labels of a series as the target says them, sorted by name. Empty values are still there: with
``honor_labels`` they say that a label of the target is not wanted."""


class Exemplar(NamedTuple):
    """An example of what was counted, such as the trace of one request."""

    labels: Labels
    value: float
    milliseconds: int | None


class Metadata(NamedTuple):
    """What a target says of a metric family. The type is OpenMetrics' word; what is not said is "unknown" or empty."""

    type: str = "unknown"
    help: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """The samples of one body, in its order; where an array or mapping has nothing of a row, the body said nothing."""

    rows: list[T]
    """What ``resolve`` made of each sample's series. The very same list as last time if the series are the same."""
    values: Floats
    times: Integers | None = None
    """Milliseconds since 1970, or ``NO_TIME``."""
    starts: Integers | None = None
    """When a count began, in milliseconds since 1970; 0 where the body does not say it."""
    exemplars: Mapping[int, tuple[Exemplar, ...]] = field(default_factory=dict)
    histograms: Mapping[int, bytes] = field(default_factory=dict)
    """Native histograms: remote write's ``Histogram`` without its times. The value beside it is NaN."""
    metadata: Mapping[str, Metadata] = field(default_factory=dict)
    """By the name of the family, in the body's order; the very same mapping as last time if nothing has changed."""


def exposed_labels(labels: Mapping[str, str]) -> Labels:
    """Labels for ``Resolve``.

    >>> exposed_labels({"job": "", "__name__": "up"})
    (('__name__', 'up'), ('job', ''))
    """
    return tuple(sorted(labels.items()))


def fault(line: int, column: int, what: str) -> UserError:
    """An error in an exposition; line and column count from 1.

    >>> str(fault(3, 7, "expected a value"))
    '3:7: expected a value [exposition.syntax]'
    """
    return UserError(what, code="exposition.syntax", position=(line, column))


def canonical_nans(values: Floats) -> Floats:
    """The values, in which every NaN is the one that targets can say; changes the array.

    >>> bool(np.isnan(canonical_nans(np.array([np.nan]))[0]))
    True
    """
    missing = np.isnan(values)
    if missing.any():
        values.view(np.uint64)[missing] = NAN_BITS
    return values
