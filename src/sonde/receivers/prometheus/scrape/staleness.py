"""Staleness markers: the value that says a series has ended, and who ends.

Specification: https://prometheus.io/docs/specs/prw/remote_write_spec/ (stale markers)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from sonde.receivers.prometheus.exposition.reading import Floats
from sonde.receivers.prometheus.scrape.series import Series

STALE_BITS: Final = 0x7FF0000000000002
STALE_HISTOGRAM: Final = b"\x08\x00\x19" + STALE_BITS.to_bytes(8, "little")
"""The marker of a series of native histograms, without its time: one of no observations, with the marker as its sum."""


def stale_values(count: int) -> Floats:
    """So many markers.

    >>> [hex(bits) for bits in stale_values(1).view(np.uint64).tolist()]
    ['0x7ff0000000000002']
    """
    return np.full(count, STALE_BITS, dtype=np.uint64).view(np.float64)


def vanished(before: Iterable[Series], now: Iterable[Series]) -> list[Series]:
    """The series that were there before, and are not now."""
    left = set(now)
    return [series for series in before if series not in left]
