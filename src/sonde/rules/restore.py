"""Since when alerts were pending before a restart, from ``ALERTS_FOR_STATE``, so that ``for`` need not begin anew.

Semantics: an alert that was pending waits for what was left of its ``for``, the time in which nobody watched not
counted, and at least for a grace period, so that it does not fire before there are samples again.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Final

from sonde.errors import SondeError
from sonde.query.promql.memory_storage import is_marker
from sonde.query.promql.series import Samples
from sonde.query.promql.storage import Leaf, Storage
from sonde.receivers.prometheus.scrape.loop import said
from sonde.rules.alerting import ALERT_NAME, ALERTS_FOR_STATE
from sonde.rules.rule import RunningAlerting
from sonde.telemetry.labels import METRIC_NAME, Labels, without
from sonde.telemetry.matcher import Matcher

_SECOND: Final = 10**9
_MILLI: Final = 1_000_000

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outage:
    """What a time without evaluations may be."""

    tolerance_nano: int = 3_600 * _SECOND
    """How long it may be; behind a longer one everything begins anew."""
    grace_period_nano: int = 600 * _SECOND
    """How long an alert waits at least before it fires. Rules with a shorter ``for`` begin anew."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What was written last of an alert, in nanoseconds since 1970."""

    written_at: int
    active_at: int


async def restore(rule: RunningAlerting, storage: Storage, at: int, outage: Outage = Outage()) -> None:
    """Give a rule's alerts back the time since which they are active; from then on the rule writes its series."""
    if rule.holding.for_nano >= outage.grace_period_nano:
        try:
            known = await _remembered(rule, storage, at, outage)
        except SondeError as error:
            logger.warning("what was pending of %s could not be restored: %s", rule.name, said(error))
            known = {}
        for labels, alert in rule.active.items():
            if labels in known:
                active_at = restored_time(known[labels], rule.holding.for_nano, at, outage)
                rule.active[labels] = replace(alert, active_at=active_at)
    rule.is_restored = True


def restored_time(known: Remembered, for_nano: int, at: int, outage: Outage) -> int:
    """Since when an alert counts as active.

    >>> minute = 60 * 10**9
    >>> pending = Remembered(written_at=100 * minute, active_at=70 * minute)
    >>> restored_time(pending, 60 * minute, 110 * minute, Outage()) // minute
    80
    >>> restored_time(pending, 31 * minute, 110 * minute, Outage()) // minute
    89
    >>> restored_time(pending, 20 * minute, 110 * minute, Outage()) // minute
    70
    """
    left = for_nano - (known.written_at - known.active_at)
    if left <= 0:
        return known.active_at  # it was firing
    if left < outage.grace_period_nano:
        return at + outage.grace_period_nano - for_nano
    return known.active_at + at - known.written_at


async def _remembered(rule: RunningAlerting, storage: Storage, at: int, outage: Outage) -> dict[Labels, Remembered]:
    after = (at - outage.tolerance_nano) // _MILLI - 1
    found = await storage.fetch(Leaf(state_matchers(rule), after, at // _MILLI))
    if not isinstance(found, Samples):
        raise TypeError("a leaf without a window is answered by samples")
    known: dict[Labels, Remembered] = {}
    for row, labels in enumerate(found.labels):
        last = int(found.offsets[row + 1]) - 1
        value = found.values[last].item()
        if last >= int(found.offsets[row]) and not is_marker(value):
            written_at = int(found.times[last]) // 1000 * _SECOND
            known[without(labels, {METRIC_NAME})] = Remembered(written_at, int(value) * _SECOND)
    return known


def state_matchers(rule: RunningAlerting) -> tuple[Matcher, ...]:
    """What selects the states of a rule's alerts; a label that is a template is not known."""
    plain = [(name, value) for name, value in rule.labels if "{{" not in value]
    names = {**dict(plain), METRIC_NAME: ALERTS_FOR_STATE, ALERT_NAME: rule.name}
    return tuple(Matcher(name, "=", value) for name, value in sorted(names.items()))
