"""All who send, as a table: the kind of an integration and its notifier; ``build`` makes those of a configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from sonde.errors import UserError
from sonde.notify.configuration import Configuration
from sonde.notify.message_templates import MessageTemplates
from sonde.notify.notifier import Notifier
from sonde.notify.notifiers import apprise
from sonde.notify.notifiers.apprise import AppriseNotifier
from sonde.notify.notifiers.discord import DiscordNotifier
from sonde.notify.notifiers.email import EmailNotifier
from sonde.notify.notifiers.http_client import HttpClients
from sonde.notify.notifiers.msteams import MSTeamsNotifier, MSTeamsV2Notifier
from sonde.notify.notifiers.ntfy import NtfyNotifier
from sonde.notify.notifiers.opsgenie import OpsGenieNotifier
from sonde.notify.notifiers.pagerduty import PagerdutyNotifier
from sonde.notify.notifiers.pushover import PushoverNotifier
from sonde.notify.notifiers.rocketchat import RocketchatNotifier
from sonde.notify.notifiers.service import Means
from sonde.notify.notifiers.slack import SlackNotifier
from sonde.notify.notifiers.telegram import TelegramNotifier
from sonde.notify.notifiers.victorops import VictorOpsNotifier
from sonde.notify.notifiers.webex import WebexNotifier
from sonde.notify.notifiers.webhook import WebhookNotifier

# Any: the configuration of a kind is of the class that its notifier takes, which a table cannot say.
KINDS: Final[Mapping[str, Callable[[Any, Means], Notifier]]] = {
    "webhook": WebhookNotifier,
    "email": EmailNotifier,
    "pagerduty": PagerdutyNotifier,
    "opsgenie": OpsGenieNotifier,
    "slack": SlackNotifier,
    "victorops": VictorOpsNotifier,
    "pushover": PushoverNotifier,
    "telegram": TelegramNotifier,
    "discord": DiscordNotifier,
    "webex": WebexNotifier,
    "msteams": MSTeamsNotifier,
    "msteamsv2": MSTeamsV2Notifier,
    "rocketchat": RocketchatNotifier,
    "ntfy": NtfyNotifier,
    "apprise": AppriseNotifier,
}
_REFUSED: Final = {
    "wechat_configs": "nobody here speaks to WeChat; use a webhook",
    "sns_configs": "nobody here speaks to Amazon SNS; use a webhook",
    "jira_configs": "nobody here opens issues in Jira; use a webhook",
}


def refused() -> Mapping[str, str]:
    """Keys of receivers that are not sent, and why; for ``parse_configuration``."""
    return _REFUSED if apprise.is_installed() else {**_REFUSED, "apprise_configs": apprise.MISSING}


def build(
    configuration: Configuration,
    templates: MessageTemplates,
    external_url: str,
    now: Callable[[], int],
    clients: HttpClients,
) -> dict[str, Notifier]:
    """The notifier of each integration, by its key (``receiver/kind/index``). Nothing is sent or connected yet.

    Raises:
        UserError: Something of an integration cannot be used, or nobody sends its kind.
    """
    means = Means(templates, external_url.rstrip("/"), now, clients)
    built: dict[str, Notifier] = {}
    for integrations in configuration.receivers.values():
        for each in integrations:
            make = KINDS.get(each.kind)
            if make is None:
                reason = _REFUSED.get(f"{each.kind}_configs", "unknown kind")
                raise UserError(f"{each.key}: {each.kind}_configs is not supported: {reason}", code="notify.kind")
            try:
                built[each.key] = make(each.config, means)
            except UserError as error:
                raise type(error)(f"{each.key}: {error.message}", code=error.code, hint=error.hint) from error
    return built
