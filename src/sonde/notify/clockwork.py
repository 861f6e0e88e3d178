"""What drives the pure parts of notify in real time: one caller at a time beside the loop, and a wait that ends early.

The parts themselves (``Pipeline``, ``Runs``, ``Arrivals``, ``DigestSchedule``) block only for their transactions.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

LONGEST_SECONDS: Final = 30.0
"""Clocks are set: whoever waits looks again."""
_P = ParamSpec("_P")
_T = TypeVar("_T")


class Alone:
    """Calls what is not made for several threads: in a thread, one call at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    async def __call__(self, what: Callable[_P, _T], *arguments: _P.args, **options: _P.kwargs) -> _T:
        """Call it when nobody else does."""

        def alone() -> _T:
            with self._lock:
                return what(*arguments, **options)

        return await asyncio.to_thread(alone)


class Alarm:
    """Wakes who waits for a time, at that time or when there is something new.

    Args:
        now: The time, in nanoseconds.
        least_seconds: The shortest wait, for those whose time may already be over.
        longest_seconds: The longest; None: for ever.
    """

    def __init__(
        self, now: Callable[[], int], *, least_seconds: float = 0.0, longest_seconds: float | None = LONGEST_SECONDS
    ) -> None:
        self._now = now
        self._least = least_seconds
        self._longest = longest_seconds
        self._rings = asyncio.Event()

    def ring(self) -> None:
        """There is something new."""
        self._rings.set()

    def reset(self) -> None:
        """From now on only what is new rings; call it before looking."""
        self._rings.clear()

    async def wait(self, until: int | None) -> None:
        """Return at that time (nanoseconds; None: there is none), or when it rings."""
        seconds = self._longest
        if until is not None:
            seconds = max((until - self._now()) / 1e9, self._least)
            seconds = seconds if self._longest is None else min(seconds, self._longest)
        if seconds is not None and seconds <= 0:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._rings.wait()
        except TimeoutError:
            return
