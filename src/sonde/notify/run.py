"""Drives the pipeline in real time: waits until its next turn, lets notifiers send, and tells it how that went.

The pipeline blocks only for its state's transactions; it is called in a thread, by one caller at a time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Concatenate, ParamSpec, TypeVar

from sonde.notify.alert import PostedAlert
from sonde.notify.clockwork import Alarm, Alone
from sonde.notify.configuration import Configuration
from sonde.notify.group import Delivery
from sonde.notify.history import History, Notification
from sonde.notify.notifier import Batch, Describe, Notifier, Result
from sonde.notify.pipeline import Pipeline
from sonde.notify.response.plan import ResponsePlan

_log = logging.getLogger(__name__)
_P = ParamSpec("_P")
_T = TypeVar("_T")


class Alerting:
    """A pipeline on a clock, with those who send.

    Args:
        pipeline: What decides.
        notifiers: Who sends, by integration (``receiver/kind/index``); every integration of the configuration has one.
        now: The time, in nanoseconds.
        tenant: Whose alerts they are.
        describe: Makes what messages say beside their alerts; without it they say nothing more.
        history: Where each attempt is noted.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        notifiers: Mapping[str, Notifier],
        now: Callable[[], int],
        *,
        tenant: str = "default",
        describe: Describe | None = None,
        history: History | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._notifiers = notifiers
        self._now = now
        self._tenant = tenant
        self._describe = describe
        self._history = history
        self._alone = Alone()
        self._alarm = Alarm(now)
        self._sending: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Run until cancelled; then nothing is sent any more, and what was under way is in doubt."""
        try:
            while True:
                self._alarm.reset()
                for delivery in await self.ask(Pipeline.advance, self._now()):
                    task = asyncio.create_task(self._send(delivery))
                    self._sending.add(task)
                    task.add_done_callback(self._sending.discard)
                await self._alarm.wait(await self.ask(Pipeline.next_at))
        finally:
            for task in self._sending:
                task.cancel()
            await asyncio.gather(*self._sending, return_exceptions=True)

    async def ask(self, what: Callable[Concatenate[Pipeline, _P], _T], *arguments: _P.args, **options: _P.kwargs) -> _T:
        """Call something of the pipeline, alone and beside the event loop."""
        return await self._alone(what, self._pipeline, *arguments, **options)

    async def post(self, alerts: Iterable[PostedAlert]) -> list[str]:
        """Take alerts; see ``Pipeline.post``. They are durable when this returns."""
        faults = await self.ask(Pipeline.post, alerts, self._now())
        self._alarm.ring()
        return faults

    async def change(
        self, what: Callable[Concatenate[Pipeline, _P], _T], *arguments: _P.args, **options: _P.kwargs
    ) -> _T:
        """As ``ask``, for what may make something due: the clock is looked at afterwards."""
        answer = await self.ask(what, *arguments, **options)
        self._alarm.ring()
        return answer

    async def reload(
        self, configuration: Configuration, notifiers: Mapping[str, Notifier], plan: ResponsePlan | None = None
    ) -> None:
        """Go on with another configuration, those who send for it, and what is done beside it."""
        await self.ask(Pipeline.reload, configuration, self._now(), plan)
        self._notifiers = notifiers
        self._alarm.ring()

    async def _send(self, delivery: Delivery) -> None:
        began = self._now()
        result = await self._attempt(delivery)
        if result.error:
            _log.warning(
                "notifying %s failed (attempt %d): %s", delivery.batch.integration, delivery.attempt, result.error
            )
        await self.ask(Pipeline.settle, delivery, result, self._now())
        self._alarm.ring()
        if self._history is not None:
            told = notification(delivery.batch, result, began=began, ended=self._now())
            await asyncio.to_thread(self._history.note, [told], tenant=self._tenant)

    async def _attempt(self, delivery: Delivery) -> Result:
        notifier = self._notifiers.get(delivery.batch.integration)
        if notifier is None:
            return Result("nobody sends for this integration any more")
        try:
            async with asyncio.timeout(max((delivery.deadline - self._now()) / 1e9, 0)):
                batch = delivery.batch
                if self._describe is not None:
                    batch = replace(batch, context=await self._describe(batch))
                return await notifier.notify(batch)
        except TimeoutError:
            return Result(
                delivery.last_error or "context deadline exceeded", retry=True, reason="contextDeadlineExceeded"
            )
        except Exception as error:  # noqa: BLE001 - a notifier's bug is that notification's failure, not everybody's
            _log.exception("the notifier of %s has a bug", delivery.batch.integration)
            return Result(f"{type(error).__name__}: {error}")


def notification(batch: Batch, result: Result, *, began: int, ended: int) -> Notification:
    """What is noted of an attempt."""
    return Notification(
        at=began,
        receiver=batch.receiver,
        integration=batch.integration,
        group_key=batch.group_key,
        group_labels=batch.group_labels,
        status=batch.status,
        alerts=tuple(alert.labels for alert in (*batch.firing, *batch.resolved)),
        firing=len(batch.firing),
        attempt=batch.attempt,
        duration=ended - began,
        error=result.error,
        is_retried=bool(result.error) and result.retry,
    )
