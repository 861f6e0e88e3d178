"""The parts of a collector, each run within its time and with its failures held off from the others.

A collector asks ``Parts.run`` for each of its parts and turns the ``Outcome`` into the success metric of its exporter.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from typing import TypeVar

from sonde.errors import SondeError
from sonde.receivers.collector import Family

T = TypeVar("T")

logger = logging.getLogger(__name__)


class NoData(SondeError):
    """This machine has nothing of the kind, which is no fault: no success, and no log line either."""

    default_code = "collector.no_data"


class Busy(SondeError):
    """The work of the time before has not come back, and is not begun a second time."""

    default_code = "collector.busy"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a part gave, and how it went."""

    families: tuple[Family, ...]
    seconds: float
    success: bool
    absent: bool = False
    """There is nothing of the kind: no success, and no failure either."""

    @property
    def failed(self) -> bool:
        """Whether something went wrong."""
        return not self.success and not self.absent


class Parts:
    """Runs the parts of one collector and remembers which of them fail.

    A failure is logged when it begins and when it ends, not at each scrape in between. ``secrets`` are taken out of
    what is logged.
    """

    def __init__(self, collector: str, *, timeout_seconds: float, secrets: Collection[str] = ()) -> None:
        self._collector = collector
        self._timeout_seconds = timeout_seconds
        self._secrets = [secret for secret in secrets if secret]
        self._failing: dict[str, str] = {}

    async def run(self, name: str, work: Callable[[], Awaitable[Iterable[Family]]]) -> Outcome:
        """Do one part's work; whatever goes wrong in it is an ``Outcome`` without success."""
        start = time.perf_counter()
        families: tuple[Family, ...] = ()
        reason: str | None = None
        success = absent = False
        try:
            async with asyncio.timeout(self._timeout_seconds):
                families = tuple(await work())
            success = True
        except NoData as error:
            absent = True
            logger.debug("collector %s: %s: %s", self._collector, name, error.message)
        except TimeoutError:
            reason = f"no answer within {self._timeout_seconds:g} s"
        except Exception as error:  # noqa: BLE001 - whatever one part meets, the others must still be told
            reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        self._note(name, reason)
        return Outcome(families, time.perf_counter() - start, success, absent)

    def _note(self, name: str, reason: str | None) -> None:
        if reason is None:
            if self._failing.pop(name, None) is not None:
                logger.info("collector %s: %s works again", self._collector, name)
            return
        for secret in self._secrets:
            reason = reason.replace(secret, "***")
        if name not in self._failing:
            logger.warning("collector %s: %s failed: %s", self._collector, name, " ".join(reason.split()))
        self._failing[name] = reason


async def in_thread(work: Callable[[], T]) -> T:
    """Do blocking work in a thread of its own that nothing waits for at exit.

    The threads of the event loop's pool are few and are joined at exit; a file system that does not answer would keep
    one of them for ever.

    >>> asyncio.run(in_thread(lambda: 6 * 7))
    42
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: Exception | None) -> None:
        if answer.done():  # given up by whoever waited
            return
        if error is None:
            answer.set_result(result)  # type: ignore[arg-type] # None is then what work returned
        else:
            answer.set_exception(error)

    def body() -> None:
        result: T | None = None
        failure: Exception | None = None
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - handed to the caller
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=body, name="sonde-collector", daemon=True).start()
    return await answer


class Lane:
    """Blocking work in one thread at a time: what does not come back costs one thread, however often it is asked.

    >>> asyncio.run(Lane().run(lambda: 6 * 7))
    42
    """

    def __init__(self) -> None:
        self._is_taken = False

    async def run(self, work: Callable[[], T]) -> T:
        """Do it, unless the work before has not come back yet.

        Raises:
            Busy: It has not.
        """
        if self._is_taken:
            raise Busy("the work of the time before has not come back yet")
        self._is_taken = True

        def leave_the_lane() -> T:
            try:
                return work()
            finally:
                self._is_taken = False

        return await in_thread(leave_the_lane)
