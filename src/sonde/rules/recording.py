"""Recording rules: the answer to an expression, under the rule's name and labels."""

from __future__ import annotations

from sonde.errors import UserError
from sonde.rules.batch import Sample
from sonde.rules.expression import Answer
from sonde.rules.rule import RunningRule
from sonde.telemetry.labels import METRIC_NAME, labels_of


def recorded(rule: RunningRule, answer: Answer, time_milli: int, limit: int) -> list[Sample]:
    """The samples of a recording rule.

    Raises:
        UserError: Two of them have the same labels, or they are more than the group's limit.
    """
    own = {METRIC_NAME: rule.name, **dict(rule.labels)}
    histograms = answer.histograms or [None] * len(answer.labels)
    samples = [
        Sample(labels_of({**dict(labels), **own}), time_milli, value if histogram is None else histogram)
        for labels, value, histogram in zip(answer.labels, answer.values.tolist(), histograms, strict=True)
    ]
    if len({sample.labels for sample in samples}) != len(samples):
        raise UserError(
            "vector contains metrics with the same labelset after applying rule labels", code="rules.duplicate"
        )
    if limit and len(samples) > limit:
        raise UserError(f"exceeded limit of {limit} with {len(samples)} series", code="rules.limit")
    return samples
