"""Which rules of a group read what others of it write: the rest may be evaluated side by side, and nothing changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sonde.rules.alerting import ALERT_NAME, ALERTS, ALERTS_FOR_STATE
from sonde.rules.rule import RunningAlerting, RunningRule
from sonde.telemetry.labels import METRIC_NAME
from sonde.telemetry.matcher import Matcher

Batches = tuple[tuple[int, ...], ...]

_MOST_TOGETHER: Final = 16


def batches(rules: Sequence[RunningRule]) -> Batches:
    """The places of rules, in batches: those of one may be evaluated in any order, each batch behind the one before.

    A rule stands behind every earlier rule whose samples it reads, and before every later rule whose samples are
    written at the same time as it reads; one of which it cannot be told what it reads keeps its place alone.
    """
    found: list[list[int]] = []
    for place, rule in enumerate(rules):
        is_full = not found or len(found[-1]) == _MOST_TOGETHER
        if is_full or any(not _may_swap(rules[other], rule) for other in found[-1]):
            found.append([])
        found[-1].append(place)
    return tuple(map(tuple, found))


def _may_swap(one: RunningRule, other: RunningRule) -> bool:
    """Whether neither of two rules reads or writes what the other one writes."""
    return not _reads(one, other) and not _reads(other, one) and not _write_the_same(one, other)


def _write_the_same(one: RunningRule, other: RunningRule) -> bool:
    """Which of two samples of one series at one time counts, their order decides."""
    return isinstance(one, RunningAlerting) is isinstance(other, RunningAlerting) and one.name == other.name


def _reads(reader: RunningRule, writer: RunningRule) -> bool:
    if reader.expression.reads is None or _asks_in_templates(reader):
        return True
    return any(_selects(matchers, writer) for matchers in reader.expression.reads)


def _asks_in_templates(rule: RunningRule) -> bool:
    """Whether a template may ask for any series: it has the word ``query`` in it."""
    texts = (*rule.labels, *rule.annotations) if isinstance(rule, RunningAlerting) else ()
    return any("query" in text for _, text in texts)


def _selects(matchers: Sequence[Matcher], writer: RunningRule) -> bool:
    """Whether a selector may select what a rule writes, as far as its names tell."""
    is_alert = isinstance(writer, RunningAlerting)
    metrics = [ALERTS, ALERTS_FOR_STATE] if is_alert else [writer.name]
    known = {ALERT_NAME: writer.name} if is_alert else {}
    return any(
        all(
            matcher.matches(known[matcher.name]) if matcher.name in known else True
            for matcher in matchers
            if matcher.name != METRIC_NAME
        )
        and all(matcher.matches(metric) for matcher in matchers if matcher.name == METRIC_NAME)
        for metric in metrics
    )
