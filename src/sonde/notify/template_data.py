"""What notification templates see: Alertmanager's data model.

Specification: https://prometheus.io/docs/alerting/latest/notifications/
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from sonde.notify.alert import Alert, fingerprint_text
from sonde.telemetry.labels import Labels
from sonde.telemetry.template import StringMap, Strings, Struct
from sonde.telemetry.template.instant import ZERO_TIME, Time

_ALERT_NAME: Final = "alertname"
_SPECIAL: Final = re.compile(r"([\\.+*?()|\[\]{}^$])")


@dataclass(frozen=True, slots=True)
class Pair(Struct):
    """A name and a value."""

    GO_TYPE: ClassVar[str] = "template.Pair"
    FIELDS: ClassVar[Mapping[str, str]] = {"Name": "name", "Value": "value"}

    name: str
    value: str


class Pairs(tuple[Pair, ...]):
    """Names and values, in order."""

    __slots__ = ()
    GO_TYPE: ClassVar[str] = "template.Pairs"
    METHODS: ClassVar[Mapping[str, str]] = {"Names": "names", "Values": "values", "String": "text"}

    def names(self) -> Strings:
        """The names, in order."""
        return Strings(pair.name for pair in self)

    def values(self) -> Strings:
        """The values, in the order of their names."""
        return Strings(pair.value for pair in self)

    def text(self) -> str:
        """As it is printed."""
        return ", ".join(f"{pair.name}={pair.value}" for pair in self)


class KV(StringMap):
    """Labels or annotations.

    >>> KV({"job": "api", "alertname": "Down"}).text()
    'alertname=Down, job=api'
    """

    GO_TYPE: ClassVar[str] = "template.KV"
    METHODS: ClassVar[Mapping[str, str]] = {
        "Names": "names_in_order",
        "Remove": "without",
        "SortedPairs": "sorted_pairs",
        "String": "text",
        "Values": "values_in_order",
    }

    def sorted_pairs(self) -> Pairs:
        """The pairs by name, ``alertname`` first."""
        names = sorted(self, key=lambda name: (name != _ALERT_NAME, name.encode("utf-8", "surrogateescape")))
        return Pairs(Pair(name, self[name]) for name in names)

    def without(self, names: Strings) -> KV:
        """The others."""
        return KV({name: value for name, value in self.items() if name not in names})

    def names_in_order(self) -> Strings:
        """The names, ``alertname`` first."""
        return self.sorted_pairs().names()

    def values_in_order(self) -> Strings:
        """The values, that of ``alertname`` first."""
        return self.sorted_pairs().values()

    def text(self) -> str:
        """As it is printed."""
        return self.sorted_pairs().text()


@dataclass(frozen=True, slots=True)
class AlertView(Struct):
    """An alert as templates see it."""

    GO_TYPE: ClassVar[str] = "template.Alert"
    FIELDS: ClassVar[Mapping[str, str]] = {
        "Status": "status",
        "Labels": "labels",
        "Annotations": "annotations",
        "StartsAt": "starts_at",
        "EndsAt": "ends_at",
        "GeneratorURL": "generator_url",
        "Fingerprint": "fingerprint",
    }
    JSON: ClassVar[Mapping[str, str]] = {
        "Status": "status",
        "Labels": "labels",
        "Annotations": "annotations",
        "StartsAt": "startsAt",
        "EndsAt": "endsAt",
        "GeneratorURL": "generatorURL",
        "Fingerprint": "fingerprint",
    }

    status: str
    labels: KV
    annotations: KV
    starts_at: Time
    ends_at: Time
    generator_url: str
    fingerprint: str


class Alerts(tuple[AlertView, ...]):
    """Alerts of a notification."""

    __slots__ = ()
    GO_TYPE: ClassVar[str] = "template.Alerts"
    METHODS: ClassVar[Mapping[str, str]] = {"Firing": "firing", "Resolved": "resolved"}

    def firing(self) -> AlertList:
        """Those that fire."""
        return AlertList(alert for alert in self if alert.status == "firing")

    def resolved(self) -> AlertList:
        """Those that have ended."""
        return AlertList(alert for alert in self if alert.status == "resolved")


class AlertList(tuple[AlertView, ...]):
    """Some of the alerts of a notification."""

    __slots__ = ()
    GO_TYPE: ClassVar[str] = "[]template.Alert"


@dataclass(frozen=True, slots=True)
class Data(Struct):
    """A notification: what ``.`` is in a template, and the body of a webhook."""

    GO_TYPE: ClassVar[str] = "*template.Data"
    FIELDS: ClassVar[Mapping[str, str]] = {
        "Receiver": "receiver",
        "Status": "status",
        "Alerts": "alerts",
        "NotificationReason": "reason",
        "GroupLabels": "group_labels",
        "CommonLabels": "common_labels",
        "CommonAnnotations": "common_annotations",
        "ExternalURL": "external_url",
    }
    JSON: ClassVar[Mapping[str, str]] = {
        "Receiver": "receiver",
        "Status": "status",
        "Alerts": "alerts",
        "NotificationReason": "notification_reason",
        "GroupLabels": "groupLabels",
        "CommonLabels": "commonLabels",
        "CommonAnnotations": "commonAnnotations",
        "ExternalURL": "externalURL",
    }

    receiver: str
    status: str
    alerts: Alerts
    reason: str
    group_labels: KV
    common_labels: KV
    common_annotations: KV
    external_url: str


def data_of(
    alerts: Sequence[Alert], *, receiver: str, group_labels: Labels, external_url: str, now: int, reason: str = ""
) -> Data:
    r"""The data of a notification about these alerts, at a time in Unix nanoseconds.

    >>> alert = Alert((("alertname", "Down"), ("job", "api")), starts_at=1)
    >>> data = data_of([alert], receiver="team.a", group_labels=(("job", "api"),), external_url="", now=2)
    >>> data.receiver, data.status, data.common_labels.text(), data.alerts.firing()[0].ends_at.is_zero()
    ('team\\.a', 'firing', 'alertname=Down, job=api', True)
    """
    views = Alerts(_view(alert, now) for alert in alerts)
    return Data(
        receiver=_SPECIAL.sub(r"\\\1", receiver),
        status="firing" if views.firing() else "resolved",
        alerts=views,
        reason=reason,
        group_labels=KV(group_labels),
        common_labels=_common([alert.labels for alert in alerts]),
        common_annotations=_common([alert.annotations for alert in alerts]),
        external_url=external_url,
    )


def _view(alert: Alert, now: int) -> AlertView:
    resolved = alert.resolved_at(now)
    return AlertView(
        status="resolved" if resolved else "firing",
        labels=KV(alert.labels),
        annotations=KV(alert.annotations),
        starts_at=_instant(alert.starts_at),
        # An end that is not reached is only a guess.
        ends_at=_instant(alert.ends_at) if resolved else ZERO_TIME,
        generator_url=alert.generator_url,
        fingerprint=fingerprint_text(alert.fingerprint),
    )


def _instant(nanoseconds: int) -> Time:
    return Time.of_nanoseconds(nanoseconds) if nanoseconds else ZERO_TIME


def _common(label_sets: Sequence[Labels]) -> KV:
    """The pairs that all have."""
    if not label_sets:
        return KV()
    common = set(label_sets[0]).intersection(*label_sets[1:])
    return KV(pair for pair in label_sets[0] if pair in common)
