"""ntfy, a server for push notifications that people run themselves.

Specification: https://docs.ntfy.sh/publish/#publish-as-json
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sonde.errors import UserError
from sonde.notify.configuration.push import NtfyConfig
from sonde.notify.notifier import Batch
from sonde.notify.notifiers.additions import (
    IMAGE_NAME,
    MARKDOWN,
    PLAIN,
    addition,
    graph_of,
    in_bytes,
    joined,
    links_of,
    room_for,
)
from sonde.notify.notifiers.cut import to_bytes
from sonde.notify.notifiers.http_client import Request
from sonde.notify.notifiers.secret import revealed
from sonde.notify.notifiers.service import HttpNotifier
from sonde.notify.notifiers.words import json_body, without_empty

_LONGEST_MESSAGE_BYTES: Final = 4096
_LONGEST_ADDITION_BYTES: Final = 1000
_LONGEST_TITLE_BYTES: Final = 250
_PRIORITIES: Final = {"min": 1, "low": 2, "default": 3, "high": 4, "max": 5, "urgent": 5}


class NtfyNotifier(HttpNotifier[NtfyConfig]):
    """``ntfy_configs``. Links are actions, of which ntfy takes three; the graph is fetched by whoever reads it."""

    def requests(self, batch: Batch) -> Iterator[Request]:
        """One: a message to a topic, which is a secret: who knows it can read it."""
        config, words = self.config, self.means.words(batch)
        topic = words.secret(config.topic, config.topic_file, "topic")
        token = revealed(config.token, config.token_file, "token_file")
        context, graph = batch.context, graph_of(batch.context)
        form = MARKDOWN if config.markdown else PLAIN
        below = addition(context, form, _LONGEST_ADDITION_BYTES, links=(), measure=in_bytes)
        room = room_for(below, _LONGEST_MESSAGE_BYTES, form, in_bytes)
        message = {
            "topic": topic,
            "message": joined(to_bytes(words.text(config.message), room), below, form),
            **without_empty(
                title=to_bytes(words.text(config.title), _LONGEST_TITLE_BYTES),
                priority=priority_of(words.text(config.priority)),
                tags=[tag.strip() for tag in words.text(config.tags).split(",") if tag.strip()],
                click=words.text(config.click),
                icon=words.text(config.icon),
                email=words.text(config.email),
                markdown=config.markdown,
                actions=[{"action": "view", "label": link.text, "url": link.url} for link in links_of(context)],
                attach=graph,
                filename=IMAGE_NAME if graph else "",
            ),
        }
        headers = {"content-type": "application/json"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        yield Request(config.url, json_body(message), headers=headers, secrets=(topic, token))


def priority_of(text: str) -> int:
    """A priority from 1 to 5, by number or name; 0 if none is wished.

    >>> priority_of("high"), priority_of("5"), priority_of("")
    (4, 5, 0)
    """
    text = text.strip().lower()
    if not text:
        return 0
    found = _PRIORITIES.get(text) or (int(text) if text in {"1", "2", "3", "4", "5"} else 0)
    if not found:
        raise UserError(f"{text!r} is not a priority of ntfy; write 1 to 5, or min, low, default, high, max")
    return found
