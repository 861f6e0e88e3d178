"""The words of one notification: its templates, rendered for its data."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from sonde.errors import UserError
from sonde.notify.alert import Alert
from sonde.notify.message_templates import MessageTemplates
from sonde.notify.notifier import Batch
from sonde.notify.notifiers.secret import revealed
from sonde.notify.template_data import Data, data_of
from sonde.telemetry.template.instant import Time

_UTF8: Final = "utf-8"


class Words:
    """Renders settings for a batch.

    Every method raises ``TemplateError`` for what is no template or cannot be executed.
    """

    def __init__(
        self,
        batch: Batch,
        templates: MessageTemplates,
        *,
        external_url: str,
        now: Callable[[], int],
        alerts: tuple[Alert, ...] | None = None,
    ) -> None:
        self.data: Data = data_of(
            batch.alerts if alerts is None else alerts,
            receiver=batch.receiver,
            group_labels=batch.group_labels,
            external_url=external_url,
            now=batch.at,
        )
        self._templates = templates
        self.now = Time.of_nanoseconds(now())

    def text(self, template: str) -> str:
        """As plain text."""
        return _printable(self._templates.text(template, self.data, now=self.now))

    def html(self, template: str) -> str:
        """As HTML; values are escaped as their places need it."""
        return _printable(self._templates.html(template, self.data, now=self.now))

    def secret(self, secret: SecretStr | None, file: Path | None, what: str) -> str:
        """A secret that may be a template, as keys and URLs of Alertmanager's may be.

        Raises:
            UserError: Its file cannot be read, or it cannot be executed; the message does not quote it.
        """
        template = revealed(secret, file, what)
        try:
            return self.text(template).strip()
        except UserError:
            raise UserError(f"{what}: it is a template that cannot be executed", code="notify.secret") from None

    def texts(self, templates: Mapping[str, str]) -> dict[str, str]:
        """Values of a mapping as plain text."""
        return {name: self.text(template) for name, template in templates.items()}


def _printable(text: str) -> str:
    """Without bytes that are no UTF-8, which no service takes."""
    return text.encode(_UTF8, "surrogateescape").decode(_UTF8, "replace")


def without_empty(**fields: Any) -> dict[str, Any]:
    """The fields that say something, as Go's ``omitempty`` leaves out the others.

    >>> without_empty(title="Down", text="", short=False)
    {'title': 'Down'}
    """
    return {name: value for name, value in fields.items() if value not in ("", None, False, 0, [], {})}


def json_body(value: object) -> bytes:
    """A body of JSON.

    >>> json_body({"text": "Zürich"}).decode()
    '{"text":"Zürich"}'
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode(_UTF8, "replace")
