"""One target on its clock: wait for its turn, fetch, hand on, report; and when it is gone, say so once that is sure.

Time is as in Prometheus: a target has a place of its own in each interval, samples get the time at which their scrape
began, moved to the exact beat if they are off by no more than two milliseconds, and a target that is gone gets its
staleness markers two intervals later, since it may only have been away for a moment.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Final, TypeVar

from sonde.errors import InternalError, SondeError, TooLarge, Unavailable
from sonde.receivers import traffic
from sonde.receivers.consumer import Consumer
from sonde.receivers.prometheus.scrape import counts
from sonde.receivers.prometheus.scrape.clock import Clock
from sonde.receivers.prometheus.scrape.cycle import Batch, Cycle, CycleRules, Report
from sonde.receivers.prometheus.scrape.selection import Rows
from sonde.receivers.prometheus.scrape.source import Fetched, Source
from sonde.receivers.prometheus.scrape.target import ScrapedTarget, offset_nano
from sonde.telemetry.labels import Labels
from sonde.telemetry.scrape_target import Health
from sonde.telemetry.signal import Signal

T = TypeVar("T")

TOLERANCE_NANO: Final = 2_000_000
"""How late a scrape may begin and still be said to be on time; or a hundredth of its interval, if that is less."""
_INLINE_BYTES: Final = 256 * 1024
"""Beyond this a body is read in a thread, and so is a target's first, since new series take a hundred times as long."""
_MILLI: Final = 1_000_000

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all loops share."""

    consumer: Consumer
    tenant: str
    clock: Clock
    seed: str
    threads: Executor
    others: Callable[[Loop, int], set[Labels]]
    """The series that other loops for a target with the same labels have stored since a time in milliseconds."""


@dataclass(slots=True)
class Status:
    """How the last scrape went."""

    health: Health = "unknown"
    last_error: str = ""
    last_scrape_unix_nano: int = 0
    last_scrape_seconds: float = 0.0


@dataclass(slots=True)
class Loop:
    """One target being scraped."""

    target: ScrapedTarget
    source: Source
    cycle: Cycle
    rules: CycleRules
    surroundings: Surroundings
    status: Status = field(default_factory=Status)
    forced_error: str = ""
    """Why the target is not asked although it is there."""
    _task: asyncio.Task[None] | None = None
    _leaving: bool = False
    _marks: bool = True
    _is_waiting: bool = False

    def start(self, after: Loop | None = None) -> None:
        """Begin; behind the last scrape of the loop that this one follows, if any."""
        self._task = asyncio.get_running_loop().create_task(self._run(after), name=f"scrape {self.target.url}")

    def leave(self, *, marks: bool = True) -> None:
        """End behind the scrape that runs; then, with ``marks``, write the markers once it is time."""
        self._leaving, self._marks = True, marks
        if self._is_waiting and self._task is not None:
            self._is_waiting = False
            self._task.cancel()

    async def close(self) -> None:
        """End now, without markers: whoever starts again will go on where this ended."""
        if self._task is not None:
            self._is_waiting = False
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def ended(self) -> None:
        """Wait until nothing more will come of it."""
        if self._task is not None:
            await asyncio.wait([self._task])

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self._task is None or self._task.done()

    async def _run(self, after: Loop | None) -> None:
        try:
            if after is not None:
                await after.ended()
            self.cycle.change_rules(self.rules)
            await self._beat()
        except asyncio.CancelledError:
            raise
        except Exception:  # a bug: said aloud here, since nobody awaits this task
            logger.exception("scraping %s has ended", self.target.url)
            self.status.health, self.status.last_error = "down", "internal error; the log says why"

    async def _beat(self) -> None:
        clock, interval = self.surroundings.clock, self.target.interval_milli * _MILLI
        place = offset_nano(self.target, self.surroundings.seed, interval)
        turn = clock.steady_nano() + (place - clock.wall_nano()) % interval
        stays = await self._wait(turn)
        exact = clock.wall_nano()
        while stays:
            wall = clock.wall_nano()
            exact += max((wall - exact) // interval, 0) * interval
            exact = min(exact, wall)  # the clock may have been set back
            await self._scrape(exact if wall - exact <= min(TOLERANCE_NANO, interval // 100) else wall)
            turn += interval
            late = clock.steady_nano() - turn
            turn += max(late // interval, 0) * interval
            stays = await self._wait(turn)
        if self._marks:
            await self._say_gone(turn, interval)

    async def _wait(self, turn: int) -> bool:
        """Wait for a turn; False if the target leaves instead."""
        if self._leaving:
            return False
        self._is_waiting = True
        try:
            await self.surroundings.clock.sleep_until(turn)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._is_waiting or not self._leaving or task is None or task.uncancel():
                raise
        finally:
            self._is_waiting = False
        return not self._leaving

    async def _scrape(self, began_nano: int) -> None:
        start = time.perf_counter()
        milliseconds = began_nano // _MILLI
        problem, fetched = "", None
        try:
            self._refuse_forced()
            fetched = await self.source.fetch(self.target.timeout_milli / 1000)
            reading = await self._inline_or_not(fetched, lambda: self.source.read(fetched, self.cycle))
            batch = await self._inline_or_not(fetched, lambda: self._succeed(reading, milliseconds, start, fetched))
        except SondeError as error:
            problem = said(error)
            size = -1 if isinstance(error, TooLarge) else fetched.size_bytes if fetched else 0
            batch = self.cycle.fail(milliseconds, self._report(start, size))
        except Exception:  # a bug ends this scrape, and not all that come after it
            logger.exception("a scrape of %s failed", self.target.url)
            problem = "internal error; the log says why"
            batch = self.cycle.fail(milliseconds, self._report(start, 0))
        seconds = time.perf_counter() - start
        try:
            await self._hand_on(batch)
        except SondeError as error:
            problem = problem or f"the samples were not stored: {said(error)}"
        counts.scraped("failed" if problem else "succeeded")
        self.status.health = "down" if problem else "up"
        self.status.last_error = problem
        self.status.last_scrape_unix_nano, self.status.last_scrape_seconds = began_nano, seconds

    def _refuse_forced(self) -> None:
        if self.forced_error:
            raise Unavailable(self.forced_error, code="scrape.target_limit")

    async def _inline_or_not(self, fetched: Fetched, work: Callable[[], T]) -> T:
        if fetched.size_bytes <= _INLINE_BYTES and (self.cycle.is_known or not fetched.size_bytes):
            return work()
        return await asyncio.get_running_loop().run_in_executor(self.surroundings.threads, work)

    def _succeed(self, reading: Rows, milliseconds: int, start: float, fetched: Fetched) -> Batch:
        now_milli = self.surroundings.clock.wall_nano() // _MILLI
        return self.cycle.succeed(reading, milliseconds, self._report(start, fetched.size_bytes), now_milli=now_milli)

    def _report(self, start: float, body_bytes: int) -> Report:
        return Report(time.perf_counter() - start, self.target.timeout_milli / 1000, body_bytes)

    async def _hand_on(self, batch: Batch) -> None:
        try:
            await self.surroundings.consumer.consume(Signal.PROMETHEUS, batch.body, tenant=self.surroundings.tenant)
        except SondeError as error:
            counts.lost(batch.samples)
            traffic.count_refused(counts.PROTOCOL, Signal.PROMETHEUS, error)
            if isinstance(error, InternalError):
                logger.exception("a scrape of %s was not stored", self.target.url)
            raise
        self.cycle.delivered(batch)
        counts.not_kept(batch)
        traffic.count_accepted(
            counts.PROTOCOL,
            Signal.PROMETHEUS,
            items=batch.samples,
            rejected=batch.duplicates + batch.out_of_order + batch.out_of_bounds,
            size_bytes=len(batch.body),
        )

    async def _say_gone(self, turn: int, interval: int) -> None:
        """Write the markers, two intervals after the last scrape; with the time at which the next would have been."""
        clock = self.surroundings.clock
        await clock.sleep_until(turn)
        milliseconds = clock.wall_nano() // _MILLI
        wait = turn + interval + interval // 10
        await clock.sleep_until(wait)
        while (batch := self.cycle.leave(milliseconds, self.surroundings.others(self, milliseconds))) is not None:
            try:
                await self._hand_on(batch)
            except Unavailable:
                wait += interval
                await clock.sleep_until(wait)
            else:
                return


def said(error: SondeError) -> str:
    """What an error says, for ``lastError``.

    >>> said(SondeError("expected a value", position=(3, 7), hint="look there"))
    '3:7: expected a value; look there'
    """
    where = f"{error.position[0]}:{error.position[1]}: " if error.position else ""
    return f"{where}{error.message}{f'; {error.hint}' if error.hint else ''}"
