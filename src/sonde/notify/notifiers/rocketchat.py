"""Rocket.Chat.

Specification: https://developer.rocket.chat/apidocs/post-message
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sonde.notify.configuration.chat import RocketchatConfig
from sonde.notify.notifier import Batch, Result
from sonde.notify.notifiers.additions import CHANGES_TITLE, MARKDOWN, changes_text, graph_of, links_of
from sonde.notify.notifiers.answer import Answer, one_line
from sonde.notify.notifiers.cut import to_characters
from sonde.notify.notifiers.http_client import Request
from sonde.notify.notifiers.secret import revealed
from sonde.notify.notifiers.service import HttpNotifier
from sonde.notify.notifiers.words import json_body, without_empty
from sonde.telemetry.quoting import quote

_LONGEST_TITLE: Final = 1024
_LONGEST_FIELD: Final = 2000


class RocketchatNotifier(HttpNotifier[RocketchatConfig]):
    """``rocketchat_configs``."""

    def requests(self, batch: Batch) -> Iterator[Request]:
        """One: a message with one attachment."""
        config, words = self.config, self.means.words(batch)
        token = revealed(config.token, config.token_file, "token_file")
        token_id = revealed(config.token_id, config.token_id_file, "token_id_file")
        channel, context = words.text(config.channel), batch.context
        changes = changes_text(context, _LONGEST_FIELD, MARKDOWN)
        attachment = without_empty(
            title=to_characters(words.text(config.title), _LONGEST_TITLE),
            title_link=words.text(config.title_link),
            text=words.text(config.text),
            image_url=words.text(config.image_url) or graph_of(context),
            thumb_url=words.text(config.thumb_url),
            color=words.text(config.color),
            fields=[
                {
                    "short": config.short_fields if field.short is None else field.short,
                    **without_empty(title=words.text(field.title), value=words.text(field.value)),
                }
                for field in config.fields
            ]
            + ([{"short": False, "title": CHANGES_TITLE, "value": changes}] if changes else []),
            actions=[
                {
                    "type": "button",
                    **without_empty(
                        text=words.text(action.text), url=words.text(action.url), msg=words.text(action.msg)
                    ),
                }
                for action in config.actions
            ]
            + [{"type": "button", "text": link.text, "url": link.url} for link in links_of(context)],
        )
        message = {
            **without_empty(channel=channel, emoji=words.text(config.emoji), avatar=words.text(config.icon_url)),
            "attachments": [attachment],
        }
        yield Request(
            f"{(config.api_url or '').rstrip('/')}/api/v1/chat.postMessage",
            json_body(message),
            headers={"content-type": "application/json", "x-auth-token": token, "x-user-id": token_id},
            secrets=(token, token_id),
            about=f"channel {quote(channel)}",
        )

    def judge(self, answer: Answer) -> Result:
        """Rocket.Chat says no with status 200, too."""
        result = super().judge(answer)
        if result.error:
            return result
        said = answer.json()
        if not isinstance(said, dict):
            return Result(
                f"could not unmarshal JSON response {quote(one_line(answer.text))}", retry=True, reason="clientError"
            )
        if said.get("success") is not True:
            return Result(
                f"error response from Rocketchat: {one_line(str(said.get('error', '')))}", reason="clientError"
            )
        return result
