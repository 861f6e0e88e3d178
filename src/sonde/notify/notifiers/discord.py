"""Discord webhooks.

Specification: https://discord.com/developers/docs/resources/webhook#execute-webhook
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from sonde.notify.configuration.chat import DiscordConfig
from sonde.notify.message_context import MessageContext
from sonde.notify.notifier import Batch
from sonde.notify.notifiers.additions import (
    CHANGES_TITLE,
    IMAGE_NAME,
    MARKDOWN,
    addition,
    changes_text,
    graph_of,
    links_of,
)
from sonde.notify.notifiers.cut import to_characters
from sonde.notify.notifiers.http_client import Request
from sonde.notify.notifiers.multipart import Upload, multipart
from sonde.notify.notifiers.secret import revealed
from sonde.notify.notifiers.service import HttpNotifier
from sonde.notify.notifiers.words import json_body, without_empty

_LONGEST_TITLE: Final = 256
_LONGEST_DESCRIPTION: Final = 4096
_LONGEST_CONTENT: Final = 2000
_LONGEST_FIELD: Final = 1024
_LONGEST_CHANGES: Final = 480
"""All texts of an embed together have 6,000 characters."""
_COLORS: Final = {"firing": 0x992D22, "resolved": 0x2ECC71}


class DiscordNotifier(HttpNotifier[DiscordConfig]):
    """``discord_configs``."""

    def requests(self, batch: Batch) -> Iterator[Request]:
        """One: a message with one embed, and the graph as its file."""
        config, words, context = self.config, self.means.words(batch), batch.context
        image = f"attachment://{IMAGE_NAME}" if context.graph_png else graph_of(context)
        message = {
            "content": to_characters(words.text(config.content), _LONGEST_CONTENT),
            "embeds": [
                {
                    "title": to_characters(words.text(config.title), _LONGEST_TITLE),
                    "description": to_characters(words.text(config.message), _LONGEST_DESCRIPTION),
                    "color": _COLORS[batch.status],
                    **without_empty(fields=list(_fields(context)), image={"url": image} if image else {}),
                }
            ],
            **without_empty(username=config.username, avatar_url=config.avatar_url),
        }
        body, content_type = json_body(message), "application/json"
        if context.graph_png:
            upload = Upload("files[0]", IMAGE_NAME, context.graph_png)
            body, content_type = multipart({"payload_json": body.decode()}, upload)
        yield Request(
            revealed(config.webhook_url, config.webhook_url_file, "webhook_url_file"),
            body,
            headers={"content-type": content_type},
        )


def _fields(context: MessageContext) -> Iterator[dict[str, Any]]:
    """Buttons are for applications only; links stand in a field."""
    if changes := changes_text(context, _LONGEST_CHANGES, MARKDOWN):
        yield {"name": CHANGES_TITLE, "value": changes}
    if links := addition(replace(context, changes=()), MARKDOWN, _LONGEST_FIELD, links=links_of(context)):
        yield {"name": "Links", "value": links}
