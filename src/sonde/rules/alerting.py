"""Alerting rules: the answer to an expression as alerts, and these as series ``ALERTS`` and ``ALERTS_FOR_STATE``."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Final, Protocol

from sonde.errors import UserError
from sonde.rules.alert import ActiveAlert, State, advance, is_alive
from sonde.rules.batch import Sample
from sonde.rules.expression import Answer
from sonde.rules.rule import RunningAlerting
from sonde.telemetry.labels import METRIC_NAME, Labels, labels_of, without

ALERTS: Final = "ALERTS"
ALERTS_FOR_STATE: Final = "ALERTS_FOR_STATE"
ALERT_NAME: Final = "alertname"
_ALERT_STATE: Final = "alertstate"
_SECOND: Final = 10**9


class Expand(Protocol):
    """Fills the templates of a rule's labels or annotations for one series; a fault becomes a text that says it."""

    def __call__(self, texts: Labels, alert: str, labels: Labels, value: float, at: int) -> Awaitable[Labels]:
        """The texts of these templates, by their names; some may be empty."""
        ...


async def found_alerts(rule: RunningAlerting, answer: Answer, at: int, expand: Expand) -> dict[Labels, ActiveAlert]:
    """The alerts that an answer stands for.

    Raises:
        UserError: Two of them have the same labels.
    """
    found: dict[Labels, ActiveAlert] = {}
    values = answer.values.tolist()
    if answer.histograms is not None:
        values = [0.0 if h is not None else value for value, h in zip(values, answer.histograms, strict=True)]
    for series, value in zip(answer.labels, values, strict=True):
        own = await expand(rule.labels, rule.name, series, value, at)
        annotations = await expand(rule.annotations, rule.name, series, value, at)
        labels = labels_of({**dict(without(series, {METRIC_NAME})), **dict(own), ALERT_NAME: rule.name})
        if labels in found:
            raise UserError(
                "vector contains metrics with the same labelset after applying alert labels", code="rules.duplicate"
            )
        found[labels] = ActiveAlert(labels, annotations, value, active_at=at)
    return found


def next_alerts(
    rule: RunningAlerting, found: Mapping[Labels, ActiveAlert], at: int, limit: int
) -> dict[Labels, ActiveAlert]:
    """The alerts of a rule after an evaluation that has found these.

    Raises:
        UserError: They are more than the group's limit; the rule then has none.
    """
    after = advance(rule.active, found, rule.holding, at)
    alive = sum(map(is_alive, after.values()))
    if limit and alive > limit:
        rule.active = {}
        raise UserError(f"exceeded limit of {limit} with {alive} alerts", code="rules.limit")
    return after


def alert_samples(rule: RunningAlerting, time_milli: int) -> list[Sample]:
    """What is written of a rule's alerts: which there are, and since when."""
    if not rule.is_restored:
        return []
    samples: list[Sample] = []
    for alert in rule.active.values():
        if alert.state is State.INACTIVE:
            continue
        common = {**dict(rule.labels), **dict(alert.labels), ALERT_NAME: rule.name}
        state = {METRIC_NAME: ALERTS, _ALERT_STATE: alert.state.name.lower()}
        samples.append(Sample(labels_of({**common, **state}), time_milli, 1.0))
        since = alert.active_at // _SECOND
        samples.append(Sample(labels_of({**common, METRIC_NAME: ALERTS_FOR_STATE}), time_milli, float(since)))
    return samples
