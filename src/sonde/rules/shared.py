"""Leaves that several rules ask for at one time, fetched once: rules of a group are evaluated at the same time.

It stands below ``recent``: what rules have just written is put on top for each of them.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sonde.query.promql.series import Samples, Vector
from sonde.query.promql.storage import Leaf, Storage

KEPT_SECONDS: Final = 5.0
MOST_SAMPLES: Final = 1_000_000
"""Of all that is kept, some 24 bytes each."""


@dataclass(slots=True)
class _Kept:
    at: float
    found: asyncio.Future[Samples | Vector]
    size: int = 0


class SharedLeaves:
    """What a tenant's rules have fetched in the last seconds, by leaf: selector, window and time."""

    def __init__(
        self, steady: Callable[[], float], *, kept_seconds: float = KEPT_SECONDS, most_samples: int = MOST_SAMPLES
    ) -> None:
        """``steady`` tells seconds."""
        self._steady = steady
        self._kept_seconds = kept_seconds
        self._most_samples = most_samples
        self._kept: OrderedDict[Leaf, _Kept] = OrderedDict()
        self._size = 0

    def over(self, storage: Callable[[], Storage]) -> Callable[[], Storage]:
        """The same storage, asked once for each leaf."""
        return lambda: _Shared(storage, self)

    async def fetch(self, leaf: Leaf, storage: Callable[[], Storage]) -> Samples | Vector:
        """What a leaf gives; who comes while it is being fetched waits with the first."""
        self._forget_old()
        known = self._kept.get(leaf)
        if known is not None:
            if not known.found.done():
                await asyncio.wait({known.found})
            if not known.found.cancelled() and known.found.exception() is None:
                return known.found.result()
            return await storage().fetch(leaf)
        kept = self._kept[leaf] = _Kept(self._steady(), asyncio.get_running_loop().create_future())
        try:
            found = await storage().fetch(leaf)
        except BaseException:
            kept.found.cancel()
            self._drop(leaf, kept)
            raise
        kept.found.set_result(found)
        kept.size = _size(found)
        self._size += kept.size if self._kept.get(leaf) is kept else 0
        return found

    def _forget_old(self) -> None:
        oldest = self._steady() - self._kept_seconds
        while self._kept:
            leaf, kept = next(iter(self._kept.items()))
            if kept.at >= oldest and self._size <= self._most_samples:
                return
            self._drop(leaf, kept)

    def _drop(self, leaf: Leaf, kept: _Kept) -> None:
        if self._kept.get(leaf) is kept:
            del self._kept[leaf]
            self._size -= kept.size


@dataclass(frozen=True, slots=True)
class _Shared:
    storage: Callable[[], Storage]
    leaves: SharedLeaves

    async def fetch(self, leaf: Leaf) -> Samples | Vector:
        """See ``Storage.fetch``."""
        return await self.leaves.fetch(leaf, self.storage)


def _size(found: Samples | Vector) -> int:
    """How many samples are there, after nobody can write to them any more."""
    arrays = (found.times, found.values, found.offsets) if isinstance(found, Samples) else (found.values, found.present)
    for array in arrays:
        array.flags.writeable = False
    return len(found.times) if isinstance(found, Samples) else found.values.size
