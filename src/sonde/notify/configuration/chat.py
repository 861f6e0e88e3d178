"""Configurations of chat rooms: Slack, Discord, Teams, Telegram, Webex, Rocket.Chat, WeChat.

Texts with ``{{`` are templates, rendered for each notification; defaults name templates that are shipped.
Specification: https://prometheus.io/docs/alerting/latest/configuration/#receiver-integration-settings
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import model_validator

from sonde.notify.configuration.integration import HttpIntegrationConfig
from sonde.notify.configuration.values import File, Secret, SecretUrl, Section, Url, at_most_one, one_needed

_PARSE_MODES = frozenset({"", "Markdown", "MarkdownV2", "HTML"})


class SlackConfirmation(Section):
    """Asks again before a button does what it does."""

    text: str = ""
    title: str = ""
    ok_text: str = ""
    dismiss_text: str = ""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.text:
            raise ValueError("missing text in Slack confirmation configuration")
        return self


class SlackAction(Section):
    """A button."""

    type: str = ""
    text: str = ""
    url: str = ""
    style: str = ""
    name: str = ""
    value: str = ""
    confirm: SlackConfirmation | None = None

    @model_validator(mode="before")
    @classmethod
    def _link_or_message(cls, given: Any) -> Any:
        """With a URL it is a link, and what a message would say is not sent."""
        if isinstance(given, dict) and given.get("url"):
            return {key: value for key, value in given.items() if key not in {"name", "value", "confirm"}}
        return given

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.type:
            raise ValueError("missing type in Slack action configuration")
        if not self.text:
            raise ValueError("missing text in Slack action configuration")
        if not self.url and not self.name:
            raise ValueError("missing name or url in Slack action configuration")
        return self


class SlackField(Section):
    """A small table cell."""

    title: str = ""
    value: str = ""
    short: bool | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.title:
            raise ValueError("missing title in Slack field configuration")
        if not self.value:
            raise ValueError("missing value in Slack field configuration")
        return self


class SlackConfig(HttpIntegrationConfig):
    """``slack_configs``."""

    send_resolved: bool = False
    api_url: SecretUrl | None = None
    api_url_file: File | None = None
    channel: str = ""
    username: str = '{{ template "slack.default.username" . }}'
    color: str = '{{ if eq .Status "firing" }}danger{{ else }}good{{ end }}'
    title: str = '{{ template "slack.default.title" . }}'
    title_link: str = '{{ template "slack.default.titlelink" . }}'
    pretext: str = '{{ template "slack.default.pretext" . }}'
    text: str = '{{ template "slack.default.text" . }}'
    fields: tuple[SlackField, ...] = ()
    short_fields: bool = False
    footer: str = '{{ template "slack.default.footer" . }}'
    fallback: str = '{{ template "slack.default.fallback" . }}'
    callback_id: str = '{{ template "slack.default.callbackid" . }}'
    icon_emoji: str = '{{ template "slack.default.iconemoji" . }}'
    icon_url: str = '{{ template "slack.default.iconurl" . }}'
    image_url: str = ""
    thumb_url: str = ""
    link_names: bool = False
    mrkdwn_in: tuple[str, ...] = ()
    actions: tuple[SlackAction, ...] = ()

    @model_validator(mode="after")
    def _once(self) -> Self:
        at_most_one(self, "api_url", "api_url_file")
        return self


class _Webhook(HttpIntegrationConfig):
    webhook_url: SecretUrl | None = None
    webhook_url_file: File | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        one_needed(self, "webhook_url", "webhook_url_file")
        return self


class DiscordConfig(_Webhook):
    """``discord_configs``."""

    content: str = ""
    title: str = '{{ template "discord.default.title" . }}'
    message: str = '{{ template "discord.default.message" . }}'
    username: str = ""
    avatar_url: str = ""


class MSTeamsConfig(_Webhook):
    """``msteams_configs``: Office 365 connectors, which Microsoft has ended."""

    title: str = '{{ template "msteams.default.title" . }}'
    summary: str = '{{ template "msteams.default.summary" . }}'
    text: str = '{{ template "msteams.default.text" . }}'


class MSTeamsV2Config(_Webhook):
    """``msteamsv2_configs``: workflows of Power Automate."""

    title: str = '{{ template "msteamsv2.default.title" . }}'
    text: str = '{{ template "msteamsv2.default.text" . }}'


class TelegramConfig(HttpIntegrationConfig):
    """``telegram_configs``."""

    api_url: Url | None = None
    bot_token: Secret | None = None
    bot_token_file: File | None = None
    chat_id: int = 0
    message_thread_id: int = 0
    message: str = '{{ template "telegram.default.message" . }}'
    disable_notifications: bool = False
    parse_mode: str = "HTML"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not (self.bot_token and self.bot_token.get_secret_value()) and not self.bot_token_file:
            raise ValueError("missing bot_token or bot_token_file on telegram_config")
        at_most_one(self, "bot_token", "bot_token_file")
        if not self.chat_id:
            raise ValueError("missing chat_id on telegram_config")
        if self.parse_mode not in _PARSE_MODES:
            raise ValueError(
                "unknown parse_mode on telegram_config, must be Markdown, MarkdownV2, HTML or empty string"
            )
        return self


class WebexConfig(HttpIntegrationConfig):
    """``webex_configs``."""

    api_url: Url | None = None
    message: str = '{{ template "webex.default.message" . }}'
    room_id: str = ""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.room_id:
            raise ValueError("missing room_id on webex_config")
        if self.http_config is None or not (
            self.http_config.authorization or self.http_config.bearer_token or self.http_config.bearer_token_file
        ):
            raise ValueError("missing webex_configs.http_config.authorization")
        return self


class RocketchatField(Section):
    """A small table cell."""

    short: bool | None = None
    title: str = ""
    value: str = ""


class RocketchatAction(Section):
    """A button; its keys have no underscores, as in Alertmanager's own reader."""

    type: str = ""
    text: str = ""
    url: str = ""
    imageurl: str = ""
    iswebview: bool = False
    webviewheightratio: str = ""
    msg: str = ""
    msginchatwindow: bool = False
    msgprocessingtype: str = ""


class RocketchatConfig(HttpIntegrationConfig):
    """``rocketchat_configs``."""

    send_resolved: bool = False
    api_url: Url | None = None
    token_id: Secret | None = None
    token_id_file: File | None = None
    token: Secret | None = None
    token_file: File | None = None
    channel: str = ""
    color: str = '{{ if eq .Status "firing" }}red{{ else }}green{{ end }}'
    title: str = '{{ template "rocketchat.default.title" . }}'
    title_link: str = '{{ template "rocketchat.default.titlelink" . }}'
    text: str = '{{ template "rocketchat.default.text" . }}'
    fields: tuple[RocketchatField, ...] = ()
    short_fields: bool = False
    emoji: str = '{{ template "rocketchat.default.emoji" . }}'
    icon_url: str = '{{ template "rocketchat.default.iconurl" . }}'
    image_url: str = ""
    thumb_url: str = ""
    link_names: bool = False
    actions: tuple[RocketchatAction, ...] = ()

    @model_validator(mode="after")
    def _once(self) -> Self:
        at_most_one(self, "token", "token_file")
        at_most_one(self, "token_id", "token_id_file")
        return self


class WechatConfig(HttpIntegrationConfig):
    """``wechat_configs``."""

    send_resolved: bool = False
    api_secret: Secret | None = None
    corp_id: str = ""
    message: str = '{{ template "wechat.default.message" . }}'
    api_url: Url | None = None
    to_user: str = '{{ template "wechat.default.to_user" . }}'
    to_party: str = '{{ template "wechat.default.to_party" . }}'
    to_tag: str = '{{ template "wechat.default.to_tag" . }}'
    agent_id: str = '{{ template "wechat.default.agent_id" . }}'
    message_type: str = "text"

    @model_validator(mode="after")
    def _known_type(self) -> Self:
        if self.message_type not in {"text", "markdown", ""}:
            raise ValueError(
                f'weChat message type "{self.message_type}" does not match valid options ^(text|markdown)$'
            )
        return self
