"""Pushover.

Specification: https://pushover.net/api
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlencode

from sonde.notify.configuration.incident import PushoverConfig
from sonde.notify.message_context import MessageContext
from sonde.notify.notifier import Batch
from sonde.notify.notifiers.additions import HTML, IMAGE_NAME, PLAIN, Link, addition, joined, links_of, room_for
from sonde.notify.notifiers.cut import html_to_characters, to_characters
from sonde.notify.notifiers.http_client import Request
from sonde.notify.notifiers.multipart import Upload, multipart
from sonde.notify.notifiers.service import HttpNotifier
from sonde.notify.notifiers.words import Words

URL: Final = "https://api.pushover.net/1/messages.json"
_LONGEST_TITLE: Final = 250
_LONGEST_MESSAGE: Final = 1024
_LONGEST_ADDITION: Final = 400
_LONGEST_URL: Final = 512
_LONGEST_URL_TITLE: Final = 100
_LARGEST_IMAGE_BYTES: Final = 5_000_000
_SECOND: Final = 10**9


class PushoverNotifier(HttpNotifier[PushoverConfig]):
    """``pushover_configs``. The one link of a message is to acknowledge, unless another one is configured."""

    def requests(self, batch: Batch) -> Iterator[Request]:
        """One: a form, so that keys stand in no URL; the graph is its attachment."""
        config, words = self.config, self.means.words(batch)
        token = words.secret(config.token, config.token_file, "token")
        user = words.secret(config.user_key, config.user_key_file, "user_key")
        pressed = self._link(words, batch.context)
        form = {
            "token": token,
            "user": user,
            "title": to_characters(words.text(config.title), _LONGEST_TITLE),
            "message": self._message(words, batch.context, pressed).strip() or "(no details)",
            "url": to_characters(pressed.url, _LONGEST_URL),
            "url_title": to_characters(pressed.text, _LONGEST_URL_TITLE),
            "priority": words.text(config.priority),
            "retry": str(config.retry // _SECOND),
            "expire": str(config.expire // _SECOND),
            "device": words.text(config.device),
            "sound": words.text(config.sound),
        }
        if config.html:
            form["html"] = "1"
        if config.ttl >= _SECOND:
            form["ttl"] = str(config.ttl // _SECOND)
        if 0 < len(batch.context.graph_png) <= _LARGEST_IMAGE_BYTES:
            body, content_type = multipart(form, Upload("attachment", IMAGE_NAME, batch.context.graph_png))
        else:
            body, content_type = urlencode(form).encode(), "application/x-www-form-urlencoded"
        yield Request(URL, body, headers={"content-type": content_type}, secrets=(token, user))

    def _link(self, words: Words, context: MessageContext) -> Link:
        own = Link(words.text(self.config.url_title), words.text(self.config.url))
        if self.config.url != PushoverConfig.model_fields["url"].default:
            return own
        return next((link for link in links_of(context) if len(link.url) <= _LONGEST_URL), own)

    def _message(self, words: Words, context: MessageContext, pressed: Link) -> str:
        others = [link for link in links_of(context) if link.url != pressed.url]
        if self.config.html:
            below = addition(context, HTML, _LONGEST_ADDITION, links=others)
            text = html_to_characters(words.html(self.config.message), room_for(below, _LONGEST_MESSAGE))
        else:
            below = addition(context, PLAIN, _LONGEST_ADDITION, links=others)
            text = to_characters(words.text(self.config.message), room_for(below, _LONGEST_MESSAGE))
        return joined(text, below)
