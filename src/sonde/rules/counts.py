"""What rules count about themselves, for ``/metrics``: as ``sonde_rules_*``, and again by Prometheus' own names.

Dashboards and alerts that were written for a Prometheus find ``prometheus_rule_*`` here, with a label ``tenant`` more.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

_GROUP: Final = ["tenant", "rule_group"]
_BUCKETS: Final = (0.01, 0.1, 1, 10)

_ITERATIONS = Counter("sonde_rules_group_iterations", "Evaluations of groups that were due, done or missed", _GROUP)
_MISSED = Counter("sonde_rules_group_iterations_missed", "Evaluations missed because a group was too slow", _GROUP)
_EVALUATIONS = Counter("sonde_rules_evaluations", "Evaluations of rules", _GROUP)
_FAILURES = Counter("sonde_rules_evaluation_failures", "Evaluations of rules that failed", _GROUP)
_INTERVAL = Gauge("sonde_rules_group_interval_seconds", "How often a group is evaluated", _GROUP)
_RULES = Gauge("sonde_rules_group_rules", "Rules of a group", _GROUP)
_LAST = Gauge("sonde_rules_group_last_evaluation_timestamp_seconds", "When a group was last evaluated", _GROUP)
_DURATION = Gauge("sonde_rules_group_last_duration_seconds", "How long that took", _GROUP)
_DURATIONS = Gauge("sonde_rules_group_last_rule_duration_sum_seconds", "How long its rules took, one by one", _GROUP)
_SAMPLES = Gauge("sonde_rules_group_last_evaluation_samples", "Samples that it gave", _GROUP)
_RESTORED = Gauge("sonde_rules_group_last_restore_duration_seconds", "How long restoring its alerts took", _GROUP)
_OF_GROUPS = Histogram("sonde_rules_group_duration_seconds", "How long groups take", buckets=_BUCKETS)
_OF_RULES = Histogram("sonde_rules_evaluation_duration_seconds", "How long rules take", buckets=_BUCKETS)
_NOT_TOLD = Counter("sonde_rules_alerts_not_told", "Alerts of which nobody could be told at their turn")

_BY_GROUP: Final = (_ITERATIONS, _MISSED, _EVALUATIONS, _FAILURES, _INTERVAL, _RULES, _LAST, _DURATION, _DURATIONS,
                    _SAMPLES, _RESTORED)  # fmt: skip

PROMETHEUS_NAMES: Final = {
    "sonde_rules_group_iterations": "prometheus_rule_group_iterations",
    "sonde_rules_group_iterations_missed": "prometheus_rule_group_iterations_missed",
    "sonde_rules_evaluations": "prometheus_rule_evaluations",
    "sonde_rules_evaluation_failures": "prometheus_rule_evaluation_failures",
    "sonde_rules_group_interval_seconds": "prometheus_rule_group_interval_seconds",
    "sonde_rules_group_rules": "prometheus_rule_group_rules",
    "sonde_rules_group_last_evaluation_timestamp_seconds": "prometheus_rule_group_last_evaluation_timestamp_seconds",
    "sonde_rules_group_last_duration_seconds": "prometheus_rule_group_last_duration_seconds",
    "sonde_rules_group_last_rule_duration_sum_seconds": "prometheus_rule_group_last_rule_duration_sum_seconds",
    "sonde_rules_group_last_evaluation_samples": "prometheus_rule_group_last_evaluation_samples",
    "sonde_rules_group_last_restore_duration_seconds": "prometheus_rule_group_last_restore_duration_seconds",
    "sonde_rules_group_duration_seconds": "prometheus_rule_group_duration_seconds",
    "sonde_rules_evaluation_duration_seconds": "prometheus_rule_evaluation_duration_seconds",
}
"""Two of them are histograms here and summaries there; ``_sum`` and ``_count`` are the same."""


class _InPrometheusWords(Collector):
    """The same figures by Prometheus' names."""

    def describe(self) -> Iterable[Metric]:
        """Nothing beforehand: they are made of what is there."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """See ``Collector.collect``."""
        for own in (*_BY_GROUP, _OF_GROUPS, _OF_RULES):
            for family in own.collect():
                name = PROMETHEUS_NAMES[family.name]
                renamed = Metric(name, family.documentation, family.type)
                renamed.samples = [
                    Sample(name + sample.name.removeprefix(family.name), *sample[1:]) for sample in family.samples
                ]
                yield renamed


REGISTRY.register(_InPrometheusWords())


def not_told(alerts: int) -> None:
    """Count alerts that the notifier did not take."""
    _NOT_TOLD.inc(alerts)


class GroupCounts:
    """What is counted of one group. ``rule_group`` is its file and its name, as Prometheus has it."""

    def __init__(self, tenant: str, file: str, name: str) -> None:
        self._labels = (tenant, f"{file};{name}")
        self._evaluations = _EVALUATIONS.labels(*self._labels)
        self._failures = _FAILURES.labels(*self._labels)
        self._iterations = _ITERATIONS.labels(*self._labels)
        self._missed = _MISSED.labels(*self._labels)

    def configured(self, rules: int, interval_seconds: float) -> None:
        """Note what a group is."""
        _RULES.labels(*self._labels).set(rules)
        _INTERVAL.labels(*self._labels).set(interval_seconds)

    def scheduled(self, missed: int = 0) -> None:
        """Count an evaluation that is due, and those before it that were missed."""
        self._iterations.inc(1 + missed)
        self._missed.inc(missed)

    def rule_evaluated(self, seconds: float) -> None:
        """Count the evaluation of a rule."""
        self._evaluations.inc()
        _OF_RULES.observe(seconds)

    def failed(self) -> None:
        """Count a rule that could not be evaluated, or whose samples could not be kept."""
        self._failures.inc()

    def evaluated(self, seconds: float, rules_seconds: float, samples: int, at_seconds: float) -> None:
        """Note the evaluation of the group."""
        _OF_GROUPS.observe(seconds)
        _DURATION.labels(*self._labels).set(seconds)
        _DURATIONS.labels(*self._labels).set(rules_seconds)
        _SAMPLES.labels(*self._labels).set(samples)
        _LAST.labels(*self._labels).set(at_seconds)

    def restored(self, seconds: float) -> None:
        """Note how long restoring took."""
        _RESTORED.labels(*self._labels).set(seconds)

    def forget(self) -> None:
        """Take the group out of what is shown."""
        for metric in _BY_GROUP:
            metric.remove_by_labels(dict(zip(_GROUP, self._labels, strict=True)))
