"""Slack, over incoming webhooks or ``chat.postMessage``; links are buttons, the graph is the attachment's image.

Specification: https://docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from sonde.notify.configuration.chat import SlackAction, SlackConfig
from sonde.notify.message_context import MessageContext
from sonde.notify.notifier import Batch, Result
from sonde.notify.notifiers.additions import CHANGES_TITLE, SLACK, Link, changes_text, graph_of, links_of
from sonde.notify.notifiers.answer import Answer, one_line
from sonde.notify.notifiers.cut import to_characters
from sonde.notify.notifiers.http_client import Request
from sonde.notify.notifiers.secret import revealed
from sonde.notify.notifiers.service import HttpNotifier
from sonde.notify.notifiers.words import Words, json_body, without_empty
from sonde.telemetry.quoting import quote

_LONGEST_TITLE: Final = 1024
_LONGEST_TEXT: Final = 40_000
_LONGEST_FIELD: Final = 2000
_MOST_ACTIONS: Final = 5
_STYLES: Final[Mapping[str, dict[str, str]]] = {"Acknowledge": {"style": "primary"}}
_MARKDOWN_IN: Final = ("fallback", "pretext", "text")


class SlackNotifier(HttpNotifier[SlackConfig]):
    """``slack_configs``."""

    def requests(self, batch: Batch) -> Iterator[Request]:
        """One: a message with one attachment."""
        config, words = self.config, self.means.words(batch)
        channel = words.text(config.channel)
        message = without_empty(
            channel=channel,
            username=words.text(config.username),
            icon_emoji=words.text(config.icon_emoji),
            icon_url=words.text(config.icon_url),
            link_names=config.link_names,
        )
        message["attachments"] = [self._attachment(words, batch.context)]
        yield Request(
            revealed(config.api_url, config.api_url_file, "api_url_file"),
            json_body(message),
            headers={"content-type": "application/json"},
            about=f"channel {quote(channel)}",
        )

    def _attachment(self, words: Words, context: MessageContext) -> dict[str, Any]:
        config = self.config
        actions = [_action(action, words) for action in config.actions]
        buttons = [_button(link) for link in links_of(context)]
        has_room = len(actions) + len(buttons) <= _MOST_ACTIONS
        attachment = without_empty(
            title=to_characters(words.text(config.title), _LONGEST_TITLE),
            title_link=words.text(config.title_link),
            pretext=words.text(config.pretext),
            color=words.text(config.color),
            image_url=words.text(config.image_url) or graph_of(context),
            thumb_url=words.text(config.thumb_url),
            fields=[
                {
                    "title": words.text(field.title),
                    "value": words.text(field.value),
                    "short": config.short_fields if field.short is None else field.short,
                }
                for field in config.fields
            ]
            + list(_fields(context, links=() if has_room else links_of(context))),
            actions=[*actions, *buttons] if has_room else actions,
        )
        attachment["text"] = to_characters(words.text(config.text), _LONGEST_TEXT)
        attachment["fallback"] = words.text(config.fallback)
        attachment["callback_id"] = words.text(config.callback_id)
        attachment["footer"] = words.text(config.footer)
        attachment["mrkdwn_in"] = list(config.mrkdwn_in or _MARKDOWN_IN)
        return attachment

    def judge(self, answer: Answer) -> Result:
        """Slack says no with status 200, too."""
        result = super().judge(answer)
        if result.error:
            return result
        if not answer.headers.get("content-type", "").startswith("application/json"):
            if answer.text == "ok":
                return result
            return Result(f"received an error response from Slack: {one_line(answer.text)}", reason="clientError")
        said = answer.json()
        if not isinstance(said, dict):
            return Result(
                f"could not unmarshal JSON response {quote(one_line(answer.text))}", retry=True, reason="clientError"
            )
        if said.get("ok") is not True:
            return Result(f"error response from Slack: {one_line(str(said.get('error', '')))}", reason="clientError")
        return result


def _button(link: Link) -> dict[str, Any]:
    return {"type": "button", "text": link.text, "url": link.url, **_STYLES.get(link.text, {})}


def _fields(context: MessageContext, links: Iterable[Link]) -> Iterator[dict[str, Any]]:
    if changes := changes_text(context, _LONGEST_FIELD, SLACK):
        yield {"title": CHANGES_TITLE, "value": changes, "short": False}
    for link in links:
        yield {"title": link.text, "value": SLACK.escape(link.url), "short": True}


def _action(action: SlackAction, words: Words) -> dict[str, Any]:
    found = {
        "type": words.text(action.type),
        "text": words.text(action.text),
        **without_empty(
            url=words.text(action.url),
            style=words.text(action.style),
            name=words.text(action.name),
            value=words.text(action.value),
        ),
    }
    if action.confirm:
        found["confirm"] = {
            "text": words.text(action.confirm.text),
            **without_empty(
                title=words.text(action.confirm.title),
                ok_text=words.text(action.confirm.ok_text),
                dismiss_text=words.text(action.confirm.dismiss_text),
            ),
        }
    return found
