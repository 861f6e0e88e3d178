"""What notifiers over HTTP have in common: from a batch to requests, and from answers to a result."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Generic, TypeVar

from sonde.errors import UserError
from sonde.notify.alert import Alert
from sonde.notify.configuration.integration import HttpIntegrationConfig
from sonde.notify.message_context import MessageContext
from sonde.notify.message_templates import MessageTemplates
from sonde.notify.notifier import Batch, Result
from sonde.notify.notifiers.additions import NOTHING
from sonde.notify.notifiers.answer import Answer, judged
from sonde.notify.notifiers.http_client import HttpClients, NoAnswer, Request
from sonde.notify.notifiers.secret import parts_of, secrets_in, without
from sonde.notify.notifiers.words import Words

_log = logging.getLogger(__name__)
Config = TypeVar("Config", bound=HttpIntegrationConfig)


@dataclass(frozen=True, slots=True)
class Means:
    """What all notifiers share."""

    templates: MessageTemplates
    external_url: str
    """Where people find us; for links."""
    now: Callable[[], int]
    clients: HttpClients

    def words(self, batch: Batch, alerts: tuple[Alert, ...] | None = None) -> Words:
        """The words for a batch, or for some of its alerts."""
        return Words(batch, self.templates, external_url=self.external_url, now=self.now, alerts=alerts)


class HttpNotifier(ABC, Generic[Config]):
    """Sends the requests of one service, one after another, and stops at the first that fails.

    What a message says beside its alerts never costs an alert: a service that refuses it gets the message without.
    """

    RETRIED: ClassVar[Collection[int]] = ()
    """Statuses, beside 429 and 5xx, after which to try again."""
    SHOWS_CONTEXT: ClassVar[bool] = True

    def __init__(self, config: Config, means: Means) -> None:
        self.config = config
        self.means = means
        self._client = means.clients.client(config.http_config)

    async def notify(self, batch: Batch) -> Result:
        """Send a batch once."""
        if not self.SHOWS_CONTEXT or batch.context == NOTHING:
            return await self._notify(batch)
        result = await self._notify(batch)
        if result.retry or result.reason != "clientError":
            return result
        plain = await self._notify(replace(batch, context=NOTHING))
        if plain.delivered:
            _log.warning("%s took a message only without links, graph and changes: %s", batch.integration, result.error)
        return plain

    async def _notify(self, batch: Batch) -> Result:
        try:
            # Templates and files of secrets block.
            for request in await asyncio.to_thread(lambda: list(self.requests(batch))):
                result = await self._send(replace(request, secrets=(*request.secrets, *_signed(batch.context))))
                if result.error:
                    return result
        except UserError as error:
            return Result(without(error.message, secrets_in(self.config)))
        return Result()

    async def _send(self, request: Request) -> Result:
        try:
            async with asyncio.timeout(request.timeout_seconds) as clock:
                result = self.judge(await self._client.send(request))
        except NoAnswer as error:
            result = Result(error.message, retry=True, reason="contextDeadlineExceeded" if error.is_late else "other")
        except TimeoutError:
            if not clock.expired():
                raise
            result = Result(
                f"configured timeout of {request.timeout_seconds:g}s reached",
                retry=True,
                reason="contextDeadlineExceeded",
            )
        if result.error and request.about:
            return replace(result, error=f"{request.about}: {result.error}")
        return result

    @abstractmethod
    def requests(self, batch: Batch) -> Iterable[Request]:
        """What is to be sent; may block. Raises ``UserError`` for templates and files that cannot be used."""

    def judge(self, answer: Answer) -> Result:
        """What an answer means."""
        return judged(answer, self.means.now(), retried=self.RETRIED)


def _signed(context: MessageContext) -> Iterator[str]:
    """Who knows these can acknowledge, or look."""
    for url in (context.acknowledge_url, context.graph_url):
        yield from parts_of(url) if url else ()
