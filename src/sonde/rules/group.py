"""A group of rules: evaluated together at one time, in sequence, with what they write and whom they tell.

``Group.evaluate(at)`` knows no clock but for how long things take; ``runner`` says when it is a group's turn.

Semantics: https://prometheus.io/docs/prometheus/latest/configuration/recording_rules/
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from sonde.errors import SondeError
from sonde.query.promql.memory_storage import STALE, is_marker
from sonde.query.promql.storage import Storage
from sonde.receivers.prometheus.scrape.clock import Clock
from sonde.receivers.prometheus.scrape.loop import said
from sonde.receivers.prometheus.write_labels import LabelFault, canonical
from sonde.rules import counts
from sonde.rules.alerting import Expand, alert_samples, found_alerts, next_alerts
from sonde.rules.batch import Sample, Writer
from sonde.rules.dependencies import Batches, batches
from sonde.rules.expression import Answer
from sonde.rules.notify import RESEND_DELAY_NANO, Notifier, Sending, due, generator_url, sent
from sonde.rules.recent import Recent
from sonde.rules.recording import recorded
from sonde.rules.rule import RunningAlerting, RunningRule, running
from sonde.rules.rule_file import GroupDefinition
from sonde.telemetry.labels import Labels

MILLI: Final = 1_000_000

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all groups of a tenant share."""

    tenant: str
    storage: Callable[[], Storage]
    """Where the state of alerts is restored from; expressions bring their own."""
    writer: Writer
    notifier: Notifier
    expand: Expand
    clock: Clock
    recent: Recent = field(default_factory=Recent)
    external_labels: Labels = ()
    external_url: str = ""
    resend_delay_nano: int = RESEND_DELAY_NANO
    query_offset_nano: int = 0
    """Of groups that say none."""
    is_concurrent: bool = True
    """Whether rules that do not read each other's samples are evaluated side by side."""


class Group:
    """Rules that run."""

    def __init__(
        self, definition: GroupDefinition, surroundings: Surroundings, interval_nano: int, *, is_restored: bool = True
    ) -> None:
        self.definition = definition
        self.interval_nano = definition.interval_nano or interval_nano
        self.rules: tuple[RunningRule, ...] = tuple(
            running(rule, definition, is_restored=is_restored) for rule in definition.rules
        )
        self.evaluation_seconds = 0.0
        self.last_evaluation_unix_nano = 0
        self.next_turn = 0
        self.iterations = self.missed = self.samples_written = 0
        self.last_error = ""
        self._surroundings = surroundings
        self._counts = counts.GroupCounts(surroundings.tenant, definition.file, definition.name)
        self._counts.configured(len(self.rules), self.interval_nano / 1e9)
        self._batches: Batches = batches(self.rules) if surroundings.is_concurrent else ()
        self._gone: dict[Labels, None] = {}
        """Series of rules that are no longer there: they get their staleness marker next time."""

    @property
    def key(self) -> tuple[str, str]:
        """What no other group has."""
        return self.definition.file, self.definition.name

    @property
    def counts(self) -> counts.GroupCounts:
        """What is counted of it."""
        return self._counts

    @property
    def query_offset_nano(self) -> int:
        """How far behind the time of evaluation expressions are evaluated, and samples written."""
        own = self.definition.query_offset_nano
        return self._surroundings.query_offset_nano if own is None else own

    @property
    def alerting_rules(self) -> list[RunningAlerting]:
        """Its alerting rules."""
        return [rule for rule in self.rules if isinstance(rule, RunningAlerting)]

    def take_over(self, other: Group) -> None:
        """Go on where the same group, as it was before its file was changed, has ended.

        A rule is the same if its name and labels are; of several such the first goes on as the first, and so on.
        """
        self.evaluation_seconds = other.evaluation_seconds
        self.last_evaluation_unix_nano = other.last_evaluation_unix_nano
        self._gone = dict(other._gone)
        waiting: dict[tuple[str, Labels], list[RunningRule]] = {}
        for rule in other.rules:
            waiting.setdefault(rule.identity, []).append(rule)
        for rule in self.rules:
            if same := waiting.get(rule.identity):
                rule.take_over(same.pop(0))
        for rules in waiting.values():
            for rule in rules:
                self._gone |= rule.series

    def scheduled(self, missed: int = 0) -> None:
        """Count a turn that has come, and those before it that were missed."""
        self.iterations += 1 + missed
        self.missed += missed
        self._counts.scheduled(missed)

    async def evaluate(self, at: int) -> None:
        """Evaluate all rules at a time (nanoseconds since 1970), write their samples, tell of their alerts."""
        clock = self._surroundings.clock
        began, self.last_evaluation_unix_nano = clock.steady_nano(), clock.wall_nano()
        turn = _Turn(at, (at - self.query_offset_nano) // MILLI)
        for places in self._batches or tuple((place,) for place in range(len(self.rules))):
            await self._evaluate_batch([self.rules[place] for place in places], turn)
        await self._write(turn)
        self.evaluation_seconds = (clock.steady_nano() - began) / 1e9
        self._counts.evaluated(
            self.evaluation_seconds,
            sum(rule.evaluation_seconds for rule in self.rules),
            len(turn.values),
            self.last_evaluation_unix_nano / 1e9,
        )

    async def mark_stale(self, at: int) -> None:
        """Say that all its series have ended, because the group is no longer there."""
        for rule in self.rules:
            self._gone |= rule.series
            rule.series = {}
        turn = _Turn(at, (at - self.query_offset_nano) // MILLI)
        await self._write(turn)

    async def _evaluate_batch(self, rules: Sequence[RunningRule], turn: _Turn) -> None:
        if len(rules) == 1:
            outcomes = [await self._evaluate_rule(rules[0], turn)]
        else:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._evaluate_rule(rule, turn)) for rule in rules]
            outcomes = [task.result() for task in tasks]
        new: list[Sample] = []
        for rule, samples in zip(rules, outcomes, strict=True):
            if samples is not None:
                new += self._kept(rule, samples, turn)
        self._surroundings.recent.put(new, self._surroundings.clock.wall_nano() // MILLI)
        turn.batches.append(new)

    async def _evaluate_rule(self, rule: RunningRule, turn: _Turn) -> list[Sample] | None:
        """The samples of a rule, or None if it could not be evaluated."""
        clock = self._surroundings.clock
        began = clock.steady_nano()
        wall = clock.wall_nano()
        try:
            answer = await rule.expression.evaluate(turn.time_milli)
            samples = await self._outcome(rule, answer, turn)
        except SondeError as error:
            self._fail(rule, said(error))
            samples = None
        except Exception:  # a bug in one rule leaves the others alone; it is said aloud
            logger.exception("rule %s of group %s failed", rule.name, self.definition.name)
            self._fail(rule, "internal error; the log says why")
            samples = None
        else:
            rule.succeed()
        rule.evaluation_seconds = (clock.steady_nano() - began) / 1e9
        rule.last_evaluation_unix_nano = wall
        self._counts.rule_evaluated(rule.evaluation_seconds)
        return samples

    async def _outcome(self, rule: RunningRule, answer: Answer, turn: _Turn) -> list[Sample]:
        limit = self.definition.limit
        if isinstance(rule, RunningAlerting):
            found = await found_alerts(rule, answer, turn.at, self._surroundings.expand)
            rule.active = next_alerts(rule, found, turn.at, limit)
            await self._tell(rule, turn.at)
            return alert_samples(rule, turn.time_milli)
        return recorded(rule, answer, turn.time_milli, limit)

    async def _tell(self, rule: RunningAlerting, at: int) -> None:
        around = self._surroundings
        chosen = due(rule.active, at, around.resend_delay_nano)
        if not chosen:
            return
        sending = Sending(
            interval_nano=self.interval_nano,
            resend_delay_nano=around.resend_delay_nano,
            external_labels=around.external_labels,
            generator_url=generator_url(around.external_url, rule.expression.text),
        )
        try:
            await around.notifier.notify([sent(alert, at, sending) for alert in chosen], tenant=around.tenant)
        except SondeError as error:
            counts.not_told(len(chosen))
            logger.warning("nobody could be told of %s: %s", rule.name, said(error))
            return
        rule.active |= {alert.labels: replace(alert, last_sent_at=at) for alert in chosen}

    def _kept(self, rule: RunningRule, samples: list[Sample], turn: _Turn) -> list[Sample]:
        """The samples that can be written, and the markers of the series that have ended."""
        kept: list[Sample] = []
        series: dict[Labels, None] = {}
        for sample in samples:
            fault = "" if sample.labels in rule.series else label_fault(sample.labels)
            if not fault and sample.labels in turn.values:
                if is_same(turn.values[sample.labels], sample.value):
                    series[sample.labels] = None
                    continue
                fault = "duplicate sample for timestamp"
            if fault:
                self._fail(rule, fault)
                continue
            series[sample.labels] = None
            turn.values[sample.labels] = sample.value
            kept.append(sample)
        ended = [Sample(labels, turn.time_milli, STALE) for labels in rule.series if labels not in series]
        turn.series.append((rule, series))
        return kept + [sample for sample in ended if sample.labels not in turn.values]

    async def _write(self, turn: _Turn) -> None:
        around = self._surroundings
        samples = [sample for batch in turn.batches for sample in batch]
        samples += [Sample(labels, turn.time_milli, STALE) for labels in self._gone]
        # what one rule no longer gives, another may give by now
        samples = [sample for sample in samples if sample.labels not in turn.values or not _is_stale(sample)]
        try:
            await around.writer.write(samples)
        except SondeError as error:
            for batch in turn.batches:
                around.recent.drop(batch)
            for rule, _ in turn.series:
                self._fail(rule, said(error))
            logger.warning("the samples of group %s were not stored: %s", self.definition.name, said(error))
            self.last_error, self.samples_written = said(error), 0
        else:
            self._gone = {}
            self.last_error, self.samples_written = "", len(samples)
            for rule, series in turn.series:
                rule.series = series

    def _fail(self, rule: RunningRule, message: str) -> None:
        rule.fail(message)
        self._counts.failed()


@dataclass(slots=True)
class _Turn:
    """One evaluation of a group."""

    at: int
    time_milli: int
    values: dict[Labels, object] = field(default_factory=dict)
    batches: list[list[Sample]] = field(default_factory=list)
    series: list[tuple[RunningRule, dict[Labels, None]]] = field(default_factory=list)


def is_same(one: object, other: object) -> bool:
    """Whether two values are the same, bit by bit as far as anybody can tell."""
    return one == other or (one != one and other != other)  # noqa: PLR0124 - NaN


def label_fault(labels: Labels) -> str:
    """Why no series may have these labels, or nothing.

    >>> label_fault((("job", "api"),))
    'it has no label __name__'
    """
    try:
        canonical(labels)
    except LabelFault as fault:
        return str(fault)
    return ""


def _is_stale(sample: Sample) -> bool:
    return is_marker(sample.value)
