"""Alerts, groups and silences as the API's documents; keys are in Alertmanager's order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sonde.notify.alert import Alert, fingerprint_text
from sonde.notify.pipeline import AlertStatus
from sonde.notify.silence import Silence
from sonde.web.alertmanager.time import time_text


def alert_document(
    alert: Alert, status: AlertStatus, receivers: Sequence[str], muted_by: Sequence[str] = ()
) -> dict[str, Any]:
    """``gettableAlert``."""
    return {
        "annotations": dict(alert.annotations),
        "endsAt": time_text(alert.ends_at),
        "fingerprint": fingerprint_text(alert.fingerprint),
        "receivers": [{"name": name} for name in receivers],
        "startsAt": time_text(alert.starts_at),
        "status": {
            "inhibitedBy": [fingerprint_text(source) for source in status.inhibited_by],
            "mutedBy": list(muted_by),
            "silencedBy": list(status.silenced_by),
            "state": "suppressed" if muted_by else status.state,
        },
        "updatedAt": time_text(alert.updated_at),
        **({"generatorURL": alert.generator_url} if alert.generator_url else {}),
        "labels": dict(alert.labels),
    }


def silence_document(silence: Silence, now: int) -> dict[str, Any]:
    """``gettableSilence``."""
    return {
        "id": silence.id,
        "status": {"state": str(silence.state_at(now))},
        "updatedAt": time_text(silence.updated_at),
        "comment": silence.comment,
        "createdBy": silence.created_by,
        "endsAt": time_text(silence.ends_at),
        "matchers": [
            {
                "isEqual": matcher.operator in {"=", "=~"},
                "isRegex": matcher.operator in {"=~", "!~"},
                "name": matcher.name,
                "value": matcher.value,
            }
            for matcher in silence.matchers
        ],
        "startsAt": time_text(silence.starts_at),
    }
