"""The clock that scraping runs by, so that a test can turn its hands."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Both times of a machine, in nanoseconds, and a way to wait."""

    def wall_nano(self) -> int:
        """Since 1970; may jump."""
        ...

    def steady_nano(self) -> int:
        """Since anything; never jumps."""
        ...

    async def sleep_until(self, steady_nano: int) -> None:
        """Return at this steady time, not before."""
        ...


class SystemClock:
    """The machine's."""

    def wall_nano(self) -> int:
        """Since 1970."""
        return time.time_ns()

    def steady_nano(self) -> int:
        """Since the machine's start."""
        return time.monotonic_ns()

    async def sleep_until(self, steady_nano: int) -> None:
        """Wait on the event loop, whose timers may be early by a fraction of a millisecond."""
        while (left := steady_nano - time.monotonic_ns()) > 0:  # noqa: ASYNC110 - there is no event, but a time
            await asyncio.sleep(left / 1e9)
