"""Telegram bots: a message, or a photo with a caption; links are buttons below it.

Specification: https://core.telegram.org/bots/api#sendmessage, https://core.telegram.org/bots/api#sendphoto
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from sonde.notify.configuration.chat import TelegramConfig
from sonde.notify.message_context import MessageContext
from sonde.notify.notifier import Batch, Result
from sonde.notify.notifiers.additions import (
    HTML,
    IMAGE_NAME,
    PLAIN,
    TELEGRAM_MARKDOWN,
    TELEGRAM_MARKDOWN_2,
    Form,
    Link,
    addition,
    graph_of,
    is_public_name,
    joined,
    links_of,
    room_for,
)
from sonde.notify.notifiers.answer import Answer, judged, rest_of
from sonde.notify.notifiers.cut import html_to_characters, to_characters
from sonde.notify.notifiers.http_client import Request
from sonde.notify.notifiers.multipart import Upload, multipart
from sonde.notify.notifiers.secret import revealed
from sonde.notify.notifiers.service import HttpNotifier
from sonde.notify.notifiers.words import Words, json_body, without_empty

_LONGEST_MESSAGE: Final = 4096
_LONGEST_CAPTION: Final = 1024
_LONGEST_ADDITION: Final = 1500
_FORMS: Final[Mapping[str, Form]] = {
    "HTML": HTML,
    "Markdown": TELEGRAM_MARKDOWN,
    "MarkdownV2": TELEGRAM_MARKDOWN_2,
    "": PLAIN,
}


class TelegramNotifier(HttpNotifier[TelegramConfig]):
    """``telegram_configs``."""

    def requests(self, batch: Batch) -> Iterator[Request]:
        """One: a photo if there is one and the text fits below it, else a message, cut so that Telegram takes it."""
        config, context = self.config, batch.context
        text, parse_mode = self._text(self.means.words(batch), context)
        message = {
            "chat_id": config.chat_id,
            **without_empty(
                parse_mode=parse_mode,
                disable_notification=config.disable_notifications,
                message_thread_id=config.message_thread_id,
            ),
        }
        if context.graph_png and len(text) <= _LONGEST_CAPTION:
            keyboard = _keyboard(_buttons(links_of(context)))
            fields = {
                "caption": text,
                **{name: json_body(value).decode() for name, value in keyboard.items()},
                **{name: "true" if value is True else str(value) for name, value in message.items()},
            }
            method, (body, content_type) = (
                "sendPhoto",
                multipart(fields, Upload("photo", IMAGE_NAME, context.graph_png)),
            )
        else:
            graph = graph_of(context)
            keyboard = _keyboard(_buttons((*links_of(context), *([Link("Graph", graph)] if graph else []))))
            method, content_type = "sendMessage", "application/json"
            body = json_body({**message, "text": text, "disable_web_page_preview": True, **keyboard})
        token = revealed(config.bot_token, config.bot_token_file, "bot_token_file")
        yield Request(
            f"{(config.api_url or '').rstrip('/')}/bot{token}/{method}",
            body,
            headers={"content-type": content_type},
            secrets=(token,),
        )

    def _text(self, words: Words, context: MessageContext) -> tuple[str, str]:
        """The text, with what has no button below it, and how it is to be read."""
        parse_mode = self.config.parse_mode
        others = [link for link in links_of(context) if not is_public_name(link.url)]
        below = addition(context, _FORMS[parse_mode], _LONGEST_ADDITION, links=others)
        room = room_for(below, _LONGEST_MESSAGE)
        if parse_mode == "HTML":
            return joined(html_to_characters(words.html(self.config.message), room), below), parse_mode
        whole = words.text(self.config.message)
        text = to_characters(whole, room)
        if text != whole:
            # A cut leaves marks open, and Telegram refuses such a message.
            parse_mode = ""
            below = addition(context, PLAIN, _LONGEST_ADDITION, links=others)
            text = to_characters(whole, room_for(below, _LONGEST_MESSAGE))
        return joined(text, below), parse_mode

    def judge(self, answer: Answer) -> Result:
        """Telegram says in its body what is wrong, and when to come back."""
        said = answer.json()
        if not isinstance(said, dict):
            return super().judge(answer)
        result = judged(answer, self.means.now(), details=str(said.get("description", "")))
        if not result.error and said.get("ok") is not True:
            return Result(f"telegram: {said.get('description', '')}", reason="clientError")
        parameters = said.get("parameters")
        if result.retry and not result.retry_after and isinstance(parameters, dict):
            return replace(result, retry_after=rest_of(str(parameters.get("retry_after", "")), self.means.now()))
        return result


def _buttons(links: tuple[Link, ...]) -> list[Link]:
    """Telegram refuses a message with a button to a host that has no full name; such links stand in the text."""
    return [link for link in links if is_public_name(link.url)]


def _keyboard(buttons: list[Link]) -> dict[str, Any]:
    if not buttons:
        return {}
    return {"reply_markup": {"inline_keyboard": [[{"text": each.text, "url": each.url} for each in buttons]]}}
