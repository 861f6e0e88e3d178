"""One Alertmanager: a bounded queue of alerts, posted in batches, one request at a time.

A batch that is not taken is dropped, as in Prometheus: rules tell of every alert again within minutes, in its newest
state.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from sonde.errors import SondeError
from sonde.notify.alertmanagers.counts import SendCounts
from sonde.notify.alertmanagers.delivery import Posted
from sonde.notify.alertmanagers.payload import body
from sonde.notify.notifiers.answer import Answer, judged
from sonde.notify.notifiers.http_client import NoAnswer, Request
from sonde.receivers.prometheus.yaml_tree import without_password

QUEUE_CAPACITY: Final = 10_000
BATCH_SIZE: Final = 256
DRAIN_SECONDS: Final = 5.0
_HEADERS: Final = {"content-type": "application/json"}

logger = logging.getLogger(__name__)


class Client(Protocol):
    """Who asks over HTTP; ``HttpClient`` does."""

    async def send(self, request: Request) -> Answer:
        """Ask. Raises ``NoAnswer`` or ``UserError``."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is kept, sent at once, and waited for."""

    queue_capacity: int = QUEUE_CAPACITY
    batch_size: int = BATCH_SIZE
    drain_seconds: float = DRAIN_SECONDS
    """How long a queue may go on being sent when it is closed."""


class SendLoop:
    """Tells one Alertmanager of alerts.

    Args:
        url: Where alerts are posted.
        client: Who posts them; it is closed with this.
        timeout_seconds: Of one request.
        now: The time, in nanoseconds.
        bounds: How much is kept.
    """

    def __init__(
        self, url: str, client: Client, *, timeout_seconds: float, now: Callable[[], int], bounds: Bounds
    ) -> None:
        self.url = url
        self.shown = without_password(url)
        self._client = client
        self._timeout_seconds = timeout_seconds
        self._now = now
        self._bounds = bounds
        self._queue: deque[Posted] = deque()
        self._wake = asyncio.Event()
        self._is_closing = False
        self._failing = ""
        self._is_full = False
        self._counts = SendCounts(self.shown)
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"alerts to {self.shown}")

    def add(self, alerts: Sequence[Posted]) -> None:
        """Queue alerts; the oldest make room for them. Never blocks."""
        for alert in alerts:
            alert.delivery.offered(1)
        self._queue.extend(alerts)
        excess = max(len(self._queue) - self._bounds.queue_capacity, 0)
        for _ in range(excess):
            self._queue.popleft().delivery.settled(is_taken=False)
        self._counts.queued(len(alerts) - excess)
        if excess:
            self._counts.dropped(excess)
            if not self._is_full:
                logger.warning("alertmanager %s: alert notification queue full, dropping alerts", self.shown)
        self._is_full = excess > 0
        self._wake.set()

    async def close(self) -> None:
        """Send what is queued for a while, then end."""
        if self._is_closing:
            return
        self._is_closing = True
        self._counts.left()
        self._wake.set()
        await asyncio.wait({self._task}, timeout=self._bounds.drain_seconds)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if self._queue:
            logger.warning("alertmanager %s: %d alerts could not be sent any more", self.shown, len(self._queue))
            self._lose([self._queue.popleft() for _ in range(len(self._queue))], was_queued=True)
        await self._client.aclose()
        self._counts.forget()

    async def _run(self) -> None:
        while True:
            if self._queue:
                await self._send([self._queue.popleft() for _ in range(min(len(self._queue), self._bounds.batch_size))])
            elif self._is_closing:
                return
            else:
                self._wake.clear()
                await self._wake.wait()

    async def _send(self, batch: Sequence[Posted]) -> None:
        self._counts.queued(-len(batch))
        began = self._now()
        try:
            error = await self._post(batch)
        except asyncio.CancelledError:
            self._lose(batch)
            raise
        self._note(error, len(batch))
        if error:
            self._counts.failed(len(batch))
            self._lose(batch)
            return
        self._counts.sent(len(batch), (self._now() - began) / 1e9)
        for alert in batch:
            alert.delivery.settled(is_taken=True)

    async def _post(self, batch: Sequence[Posted]) -> str:
        """Post a batch; what went wrong, or ""."""
        request = Request(self.url, body(alert.text for alert in batch), headers=_HEADERS)
        try:
            async with asyncio.timeout(self._timeout_seconds) as clock:
                return judged(await self._client.send(request), self._now()).error
        except TimeoutError:
            if not clock.expired():
                raise
            return f"no answer within {self._timeout_seconds:g}s"
        except (NoAnswer, SondeError) as error:
            return error.message
        except Exception as error:  # whatever one request meets, alerts must go on being sent
            logger.exception("alertmanager %s: sending alerts broke", self.shown)
            return f"{type(error).__name__}: {error}"

    def _lose(self, alerts: Sequence[Posted], *, was_queued: bool = False) -> None:
        self._counts.dropped(len(alerts))
        if was_queued:
            self._counts.queued(-len(alerts))
        for alert in alerts:
            alert.delivery.settled(is_taken=False)

    def _note(self, error: str, alerts: int) -> None:
        """Say in the log that sending has begun to fail, fails otherwise, or works again."""
        if error and error != self._failing:
            logger.warning("alertmanager %s: error sending alerts (%d): %s", self.shown, alerts, error)
        elif self._failing and not error:
            logger.info("alertmanager %s takes alerts again", self.shown)
        self._failing = error
