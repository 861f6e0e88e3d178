"""Microsoft Teams: workflows of Power Automate with adaptive cards, and Office 365 connectors with message cards.

Specification: https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from sonde.notify.configuration.chat import MSTeamsConfig, MSTeamsV2Config
from sonde.notify.message_context import MessageContext
from sonde.notify.notifier import Batch, Result
from sonde.notify.notifiers.additions import CHANGES_TITLE, IMAGE_TITLE, MARKDOWN, changes_text, graph_of, links_of
from sonde.notify.notifiers.answer import Answer, judged
from sonde.notify.notifiers.cut import MARK, to_bytes
from sonde.notify.notifiers.http_client import Request
from sonde.notify.notifiers.secret import revealed
from sonde.notify.notifiers.service import HttpNotifier
from sonde.notify.notifiers.words import json_body, without_empty

_LARGEST_BYTES: Final = 28 * 1024
_LONGEST_CHANGES: Final = 2000
_THEME_COLORS: Final = {"firing": "8C1A1A", "resolved": "2DC72D"}
_CARD_COLORS: Final = {"firing": "Attention", "resolved": "Good"}
_FAILED: Final = re.compile(r"Microsoft Teams endpoint returned HTTP error (\d{3})")


class MSTeamsNotifier(HttpNotifier[MSTeamsConfig]):
    """``msteams_configs``: Office 365 connectors, which Microsoft has ended."""

    def requests(self, batch: Batch) -> Iterator[Request]:
        """One: a message card."""
        config, words = self.config, self.means.words(batch)
        title, summary = words.text(config.title), words.text(config.summary)
        beside = _beside(batch.context)

        def card(text: str) -> dict[str, Any]:
            return {
                "@context": "http://schema.org/extensions",
                "type": "MessageCard",
                "title": title,
                "summary": summary,
                "text": text,
                "themeColor": _THEME_COLORS[batch.status],
                **beside,
            }

        yield Request(
            revealed(config.webhook_url, config.webhook_url_file, "webhook_url_file"),
            fitting(card, words.text(config.text)),
            headers={"content-type": "application/json"},
        )

    def judge(self, answer: Answer) -> Result:
        """A connector answers 200 even when Teams has not taken the message."""
        failed = _FAILED.search(answer.text) if answer.status == 200 else None
        if failed:
            answer = Answer(int(failed[1]), answer.headers, answer.text)
        return judged(answer, self.means.now())


class MSTeamsV2Notifier(HttpNotifier[MSTeamsV2Config]):
    """``msteamsv2_configs``: workflows of Power Automate."""

    def requests(self, batch: Batch) -> Iterator[Request]:
        """One: an adaptive card."""
        config, words = self.config, self.means.words(batch)
        heading = {
            "type": "TextBlock",
            "text": words.text(config.title),
            "weight": "Bolder",
            "size": "Medium",
            "wrap": True,
            "style": "heading",
            "color": _CARD_COLORS[batch.status],
        }
        below = list(_blocks(batch.context))
        actions = [{"type": "Action.OpenUrl", "title": link.text, "url": link.url} for link in links_of(batch.context)]

        def card(text: str) -> dict[str, Any]:
            content = {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.2",
                "body": [heading, {"type": "TextBlock", "text": text, "wrap": True}, *below],
                "msteams": {"width": "full"},
                **without_empty(actions=actions),
            }
            attachment = {
                "contentType": "application/vnd.microsoft.card.adaptive",
                "contentUrl": None,
                "content": content,
            }
            return {"type": "message", "attachments": [attachment]}

        yield Request(
            revealed(config.webhook_url, config.webhook_url_file, "webhook_url_file"),
            fitting(card, words.text(config.text)),
            headers={"content-type": "application/json"},
        )


def _blocks(context: MessageContext) -> Iterator[dict[str, Any]]:
    if changes := changes_text(context, _LONGEST_CHANGES, MARKDOWN):
        yield {"type": "TextBlock", "text": CHANGES_TITLE, "weight": "Bolder", "wrap": True}
        yield {"type": "TextBlock", "text": changes, "wrap": True}
    if graph := graph_of(context):
        yield {"type": "Image", "url": graph, "altText": IMAGE_TITLE, "size": "Stretch"}


def _beside(context: MessageContext) -> dict[str, Any]:
    """What a message card says below its text."""
    section: dict[str, Any] = {}
    if changes := changes_text(context, _LONGEST_CHANGES, MARKDOWN):
        section |= {"title": CHANGES_TITLE, "text": changes}
    if graph := graph_of(context):
        section |= {"images": [{"image": graph, "title": IMAGE_TITLE}]}
    links = [
        {"@type": "OpenUri", "name": link.text, "targets": [{"os": "default", "uri": link.url}]}
        for link in links_of(context)
    ]
    return without_empty(sections=[section] if section else [], potentialAction=links)


def fitting(card: Callable[[str], dict[str, Any]], text: str) -> bytes:
    r"""A card with as much of the text as Teams takes: 28 KB in all.

    >>> len(fitting(lambda text: {"text": text}, "line\n" * 20_000)) <= 28 * 1024
    True
    """
    body = json_body(card(text))
    room = len(text.encode())
    while len(body) > _LARGEST_BYTES and room > len(MARK):
        # Escapes make a text longer than it is, so that one cut may not be enough.
        room = min(room * _LARGEST_BYTES // len(body), room - len(MARK.encode()))
        text = to_bytes(text, room)
        body = json_body(card(text))
    return body
