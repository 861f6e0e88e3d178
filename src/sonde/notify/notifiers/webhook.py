"""Webhooks: Alertmanager's own payload, version 4.

Specification: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import ClassVar

from sonde.errors import UserError
from sonde.notify.configuration.message import WebhookConfig
from sonde.notify.notifier import Batch
from sonde.notify.notifiers.http_client import Request
from sonde.notify.notifiers.service import HttpNotifier
from sonde.notify.notifiers.words import json_body
from sonde.telemetry.template.escapers import json_text


class WebhookNotifier(HttpNotifier[WebhookConfig]):
    """``webhook_configs``. What stands beside alerts is not in it: programs read it, and know Alertmanager's keys."""

    SHOWS_CONTEXT: ClassVar[bool] = False

    def requests(self, batch: Batch) -> Iterator[Request]:
        """One: the data of the notification."""
        alerts, left_out = batch.truncated(self.config.max_alerts)
        words = self.means.words(batch, alerts)
        payload = json.loads(json_text(words.data))
        if not payload.get("notification_reason"):
            payload.pop("notification_reason", None)
        payload |= {"version": "4", "groupKey": batch.group_key, "truncatedAlerts": left_out}
        url = words.secret(self.config.url, self.config.url_file, "url")
        if not url:
            raise UserError("webhook URL is empty after templating", code="notify.url")
        yield Request(
            url,
            json_body(payload),
            headers={"content-type": "application/json"},
            timeout_seconds=self.config.timeout / 1e9 or None,
        )
