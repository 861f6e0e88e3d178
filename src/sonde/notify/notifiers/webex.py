"""Webex.

Specification: https://developer.webex.com/docs/api/v1/messages/create-a-message
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sonde.notify.configuration.chat import WebexConfig
from sonde.notify.notifier import Batch
from sonde.notify.notifiers.additions import (
    IMAGE_NAME,
    MARKDOWN,
    addition,
    graph_of,
    in_bytes,
    joined,
    links_of,
    room_for,
)
from sonde.notify.notifiers.cut import to_bytes
from sonde.notify.notifiers.http_client import Request
from sonde.notify.notifiers.multipart import Upload, multipart
from sonde.notify.notifiers.service import HttpNotifier
from sonde.notify.notifiers.words import json_body, without_empty

_LONGEST_MESSAGE_BYTES: Final = 7439
_LONGEST_ADDITION_BYTES: Final = 3000


class WebexNotifier(HttpNotifier[WebexConfig]):
    """``webex_configs``; the bot's token stands in ``http_config.authorization``."""

    def requests(self, batch: Batch) -> Iterator[Request]:
        """One: a message in Markdown, and the graph as its file."""
        words, context = self.means.words(batch), batch.context
        below = addition(context, MARKDOWN, _LONGEST_ADDITION_BYTES, links=links_of(context), measure=in_bytes)
        room = room_for(below, _LONGEST_MESSAGE_BYTES, MARKDOWN, in_bytes)
        message = {
            "markdown": joined(to_bytes(words.text(self.config.message), room), below, MARKDOWN),
            **without_empty(roomId=words.text(self.config.room_id)),
        }
        graph = graph_of(context)
        if context.graph_png:
            body, content_type = multipart(message, Upload("files", IMAGE_NAME, context.graph_png))
        else:
            body, content_type = json_body(message | without_empty(files=[graph] if graph else [])), "application/json"
        yield Request(self.config.api_url or "", body, headers={"content-type": content_type})
