"""Drives the digest of one tenant in real time: waits for its occasion, asks, writes, sends, tries again."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from typing import Final

import sqlalchemy as sa

from sonde.notify.clockwork import LONGEST_SECONDS, Alarm, Alone
from sonde.notify.configuration import Integration
from sonde.notify.digest.post import batch_of
from sonde.notify.digest.report import Questions, Week
from sonde.notify.digest.schedule import DigestSchedule, Sending
from sonde.notify.digest.text import Digest, digest_of
from sonde.notify.history import History
from sonde.notify.notifier import Batch, Notifier, Result
from sonde.notify.response.digest import DigestPlan
from sonde.notify.run import notification

_log = logging.getLogger(__name__)
_ATTEMPT_SECONDS: Final = 60.0
_REST: Final = 300 * 10**9


class Digesting:
    """Sends the digest.

    Args:
        schedule: What decides when and to whom.
        questions: Who knows what the week was like.
        integrations: To whom it goes; see ``post.integrations_of``.
        notifiers: Who sends it, by the key of the integration; see ``post.dressed``.
        now: The time, in nanoseconds.
        url: Where there is more.
        tenant: Whose digest it is; for the history.
        history: Where each attempt is noted.
    """

    def __init__(
        self,
        schedule: DigestSchedule,
        questions: Questions,
        integrations: Sequence[Integration],
        notifiers: dict[str, Notifier],
        now: Callable[[], int],
        *,
        url: str = "",
        tenant: str = "default",
        history: History | None = None,
    ) -> None:
        self._schedule = schedule
        self._questions = questions
        self._integrations = {each.key: each for each in integrations}
        self._notifiers = notifiers
        self._now = now
        self._url = url
        self._tenant = tenant
        self._history = history
        self._alone = Alone()
        self._alarm = Alarm(now, least_seconds=0.02)
        self._sending: set[asyncio.Task[None]] = set()
        self._written: tuple[int, Digest] | None = None

    async def reload(
        self, plan: DigestPlan | None, integrations: Sequence[Integration], notifiers: dict[str, Notifier]
    ) -> None:
        """Go on with another plan, and those who send."""
        self._integrations, self._notifiers = {each.key: each for each in integrations}, notifiers
        await self._alone(self._schedule.reload, plan, list(self._integrations), self._now())
        self._alarm.ring()

    async def run(self) -> None:
        """Run until cancelled; then nothing is sent any more, and what was under way is sent again."""
        try:
            while True:
                self._alarm.reset()
                await self._turn()
                await self._alarm.wait(self._schedule.next_at())
        finally:
            for task in self._sending:
                task.cancel()
            await asyncio.gather(*self._sending, return_exceptions=True)

    async def _turn(self) -> None:
        due = self._schedule.next_at()
        if due is None or due > self._now():
            return
        try:
            sendings = await self._alone(self._schedule.advance, self._now())
        except sa.exc.SQLAlchemyError:
            _log.exception("the digest waits: that it is sent cannot be noted")
            await asyncio.sleep(LONGEST_SECONDS)
            return
        if not sendings:
            return
        try:
            digest = await self._digest(sendings[0].occasion, self._schedule.week())
        except Exception:  # noqa: BLE001 - whatever it was, the digest is tried again
            _log.exception("the digest could not be made")
            for sending in sendings:
                failed = Result("the digest could not be made", retry=True, retry_after=_REST)
                await self._alone(self._schedule.settle, sending, failed, self._now())
            return
        for sending in sendings:
            task = asyncio.create_task(self._send(sending, digest), name=f"digest to {sending.integration}")
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _digest(self, occasion: int, week: Week) -> Digest:
        """The digest of an occasion, made once for all attempts."""
        if self._written is None or self._written[0] != occasion:
            self._written = (occasion, digest_of(await self._questions.report(week), url=self._url))
        return self._written[1]

    async def _send(self, sending: Sending, digest: Digest) -> None:
        integration, notifier = (
            self._integrations.get(sending.integration),
            self._notifiers.get(sending.integration),
        )
        if integration is None or notifier is None:
            return
        batch = batch_of(digest, integration, at=sending.occasion, attempt=sending.attempt, in_doubt=sending.in_doubt)
        began = self._now()
        result = await _attempt(notifier, batch)
        if result.error:
            _log.warning("the digest to %s failed (attempt %d): %s", batch.integration, batch.attempt, result.error)
        try:
            await self._alone(
                self._schedule.settle,
                sending,
                result,
                self._now(),
                jitter=random.random(),  # noqa: S311 - of a wait
            )
            if self._history is not None:
                told = notification(batch, result, began=began, ended=self._now())
                await asyncio.to_thread(self._history.note, [told], tenant=self._tenant)
        except sa.exc.SQLAlchemyError:
            _log.exception("how the digest to %s went could not be noted", batch.integration)
        self._alarm.ring()


async def _attempt(notifier: Notifier, batch: Batch) -> Result:
    try:
        async with asyncio.timeout(_ATTEMPT_SECONDS):
            return await notifier.notify(batch)
    except TimeoutError:
        return Result("context deadline exceeded", retry=True, reason="contextDeadlineExceeded")
    except Exception as error:  # noqa: BLE001 - a notifier's bug is that message's failure
        _log.exception("the notifier of %s has a bug", batch.integration)
        return Result(f"{type(error).__name__}: {error}")
