"""Inhibition: alerts that are not told while another one fires that explains them.

An alert that fits both sides of a rule is not inhibited by alerts that fit both sides, itself among them.
Specification: https://prometheus.io/docs/alerting/latest/configuration/#inhibition-related-settings
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sonde.notify.alert import Alert
from sonde.notify.configuration.sections import InhibitSection
from sonde.notify.matchers import Matchers, all_match

_Values = tuple[str, ...]


@dataclass(slots=True)
class _Rule:
    sources: Matchers
    targets: Matchers
    equal: tuple[str, ...]
    firing: dict[_Values, dict[int, tuple[Alert, bool]]] = field(default_factory=dict)
    """Source alerts by the labels that must be equal, and whether they fit the target side too."""

    def values(self, labels: Mapping[str, str]) -> _Values:
        return tuple(labels.get(name, "") for name in self.equal)


class Inhibitor:
    """Knows the alerts that inhibit others.

    >>> section = InhibitSection.model_validate(
    ...     {"source_matchers": ["severity=critical"], "target_matchers": ["severity=warning"], "equal": ["service"]}
    ... )
    >>> inhibitor = Inhibitor([section])
    >>> critical = Alert((("service", "shop"), ("severity", "critical")), ends_at=100)
    >>> inhibitor.update(critical)
    >>> inhibitor.inhibited_by({"service": "shop", "severity": "warning"}, 50) == critical.fingerprint
    True
    >>> inhibitor.inhibited_by({"service": "shop", "severity": "warning"}, 100)
    >>> inhibitor.inhibited_by({"service": "cart", "severity": "warning"}, 50)
    """

    def __init__(self, sections: Iterable[InhibitSection]) -> None:
        self._rules = [
            _Rule(section.sources(), section.targets(), tuple(sorted(set(section.equal)))) for section in sections
        ]

    def update(self, alert: Alert) -> None:
        """An alert has come, or has changed."""
        if not self._rules:
            return
        labels = dict(alert.labels)
        for rule in self._rules:
            if all_match(rule.sources, labels):
                known = rule.firing.setdefault(rule.values(labels), {})
                known[alert.fingerprint] = (alert, all_match(rule.targets, labels))

    def inhibited_by(self, labels: Mapping[str, str], now: int) -> int | None:
        """The fingerprint of an alert that inhibits these labels, if any."""
        for rule in self._rules:
            known = rule.firing.get(rule.values(labels))
            if not known or not all_match(rule.targets, labels):
                continue
            two_sided = all_match(rule.sources, labels)
            for fingerprint, (source, also_target) in known.items():
                if not (source.resolved_at(now) or (two_sided and also_target)):
                    return fingerprint
        return None

    def forget_resolved(self, now: int) -> None:
        """Drop the alerts that have ended."""
        for rule in self._rules:
            for values, known in list(rule.firing.items()):
                kept = {at: (alert, both) for at, (alert, both) in known.items() if not alert.resolved_at(now)}
                if kept:
                    rule.firing[values] = kept
                else:
                    del rule.firing[values]
