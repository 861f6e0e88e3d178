"""Sends a digest through the notifiers that tell of alerts, dressed as a message and not as an alert.

It travels as a ``Batch`` with one alert, ``WeeklyDigest``, whose annotations are its words; settings that word a
message are replaced for it, all others (who, where, with which credentials) stay. Webhooks get their payload as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sonde.errors import UserError
from sonde.notify.alert import Alert
from sonde.notify.configuration import Configuration, Integration
from sonde.notify.digest.text import Digest, Form
from sonde.notify.message_templates import MessageTemplates
from sonde.notify.notifier import Batch, Notifier
from sonde.notify.notifiers.http_client import HttpClients
from sonde.notify.notifiers.registry import KINDS
from sonde.notify.notifiers.service import Means
from sonde.telemetry.labels import labels_of

ALERT_NAME: Final = "WeeklyDigest"
_TITLE: Final = "{{ .CommonAnnotations.summary }}"
_TEXT: Final = "{{ .CommonAnnotations.description }}"
_HTML: Final = "{{ .CommonAnnotations.description | safeHtml }}"
_PLAIN: Final = "{{ .CommonAnnotations.text }}"
_URL: Final = "{{ .ExternalURL }}"
_BLUE: Final = "#1a5fb4"


@dataclass(frozen=True, slots=True)
class Dress:
    """How a kind of service shows a digest."""

    form: Form
    settings: Mapping[str, Any] = field(default_factory=dict)
    is_calm: bool = False
    """It would show what fires in red, so it is told as something that has ended."""


DRESSES: Final[Mapping[str, Dress]] = {
    "webhook": Dress("text"),
    "email": Dress("html", {"html": _HTML, "text": _PLAIN}),
    "slack": Dress(
        "slack",
        {
            "title": _TITLE, "title_link": _URL, "text": _TEXT, "fallback": _TITLE, "color": _BLUE,
            "pretext": "", "fields": (), "actions": (), "image_url": "", "thumb_url": "", "mrkdwn_in": ("text",),
        },
    ),
    "discord": Dress("markdown", {"title": _TITLE, "message": _TEXT, "content": ""}, is_calm=True),
    "msteams": Dress("markdown", {"title": _TITLE, "summary": _TITLE, "text": _TEXT}, is_calm=True),
    "msteamsv2": Dress("markdown", {"title": _TITLE, "text": _TEXT}, is_calm=True),
    "telegram": Dress("telegram", {"message": _HTML, "parse_mode": "HTML", "disable_notifications": True}),
    "webex": Dress("markdown", {"message": f"**{_TITLE}**\n\n{_TEXT}"}),
    "rocketchat": Dress(
        "markdown",
        {
            "title": _TITLE, "title_link": _URL, "text": _TEXT, "color": _BLUE,
            "fields": (), "actions": (), "image_url": "", "thumb_url": "",
        },
    ),
    "ntfy": Dress(
        "text",
        {"title": _TITLE, "message": _TEXT, "priority": "3", "tags": "bar_chart", "click": _URL, "markdown": False},
    ),
    "pushover": Dress("text", {"title": _TITLE, "message": _TEXT, "priority": "0", "url": _URL, "html": False}),
    "apprise": Dress("text", {"title": _TITLE, "message": _TEXT, "format": "text"}, is_calm=True),
}  # fmt: skip
"""By kind; who is not here (PagerDuty, Opsgenie, VictorOps) calls people out of bed, and is sent no digest."""


def integrations_of(configuration: Configuration, receivers: Sequence[str]) -> list[Integration]:
    """All ways of these receivers by which a digest can be sent.

    Raises:
        UserError: A receiver is not there, or has no such way.
    """
    found: list[Integration] = []
    for name in receivers:
        if name not in configuration.receivers:
            raise UserError(f'receiver "{name}" is not in the alerting configuration', code="digest.receiver")
        ways = [each for each in configuration.receivers[name] if each.kind in DRESSES]
        if configuration.receivers[name] and not ways:
            kinds = ", ".join(sorted({each.kind for each in configuration.receivers[name]}))
            raise UserError(
                f"receiver {name} only has {kinds}, which would call somebody for a digest",
                code="digest.receiver",
                hint="name a receiver with mail or a chat room",
            )
        found += ways
    return found


def dressed(
    integrations: Sequence[Integration],
    templates: MessageTemplates,
    external_url: str,
    now: Callable[[], int],
    clients: HttpClients,
) -> dict[str, Notifier]:
    """Those who send a digest, by the keys of their integrations. Nothing is sent or connected yet.

    Raises:
        UserError: Something of an integration cannot be used.
    """
    means = Means(templates, external_url.rstrip("/"), now, clients)
    return {each.key: KINDS[each.kind](_settings(each), means) for each in integrations}


def _settings(integration: Integration) -> Any:
    changed = dict(DRESSES[integration.kind].settings)
    if integration.kind == "email":
        headers = {name: value for name, value in integration.config.headers.items() if name != "Subject"}  # type: ignore[attr-defined]
        changed["headers"] = {**headers, "Subject": _TITLE}
    return integration.config.model_copy(update=changed)


def batch_of(digest: Digest, integration: Integration, *, at: int, attempt: int = 1, in_doubt: bool = False) -> Batch:
    """A digest for one integration; ``at`` is its occasion, the same for all attempts."""
    dress = DRESSES[integration.kind]
    annotations = {"summary": digest.title, "description": digest.written(dress.form)}
    if dress.form == "html":
        annotations["text"] = digest.written("table")
    alert = Alert(
        labels_of({"alertname": ALERT_NAME}),
        labels_of(annotations),
        starts_at=at,
        ends_at=at if dress.is_calm else 0,
        updated_at=at,
        generator_url=digest.url,
    )
    return Batch(
        receiver=integration.receiver,
        integration=integration.key,
        group_key=f'digest:{{alertname="{ALERT_NAME}"}}:{at}',
        group_labels=alert.labels,
        alerts=(alert,),
        at=at,
        attempt=attempt,
        in_doubt=in_doubt,
    )
