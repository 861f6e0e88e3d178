"""Unit tests of rules, as promtool runs them: series in, the rules evaluated over them, alerts and samples compared.

What a failure says is what promtool says.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sonde.errors import SondeError, UserError
from sonde.query.promql.histogram.native import Histogram
from sonde.query.promql.histogram.notation import to_notation
from sonde.query.promql.memory_storage import MemoryStorage, Point
from sonde.query.promql.series_notation import parse_series, parse_values
from sonde.rules.alert import State
from sonde.rules.alerting import ALERT_NAME
from sonde.rules.batch import Sample
from sonde.rules.expression import Answer, Language
from sonde.rules.group import Group, Surroundings
from sonde.rules.languages import in_memory
from sonde.rules.notify import SentAlert
from sonde.rules.recent import Recent
from sonde.rules.rule_file import GroupDefinition, matching_files, read_rule_file
from sonde.rules.template import Templates
from sonde.rules.unit_test_file import AlertTest, ExpectedSample, ExprTest, Test, TestFile
from sonde.rules.unit_test_text import alerts_text, go_duration, samples_text
from sonde.telemetry.duration import duration_text
from sonde.telemetry.labels import Labels
from sonde.telemetry.quoting import quote

_MILLI = 1_000_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a test went: it has passed if there are no failures."""

    name: str
    failures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parsed:
    """A sample as it is compared: with a histogram its text counts, else its number."""

    labels: Labels
    value: float
    histogram: str = ""


def resolve_rule_files(file: TestFile, directory: Path) -> tuple[list[str], list[str]]:
    """The rule files of a file of tests, and the patterns that fit none."""
    found: dict[str, None] = {}
    lost: list[str] = []
    for pattern in file.rule_files:
        matching = matching_files([pattern], directory=directory)
        found.update(dict.fromkeys(matching))
        if not matching:
            lost.append(pattern if Path(pattern).is_absolute() else str(directory / pattern))
    return list(found), lost


def check_order(file: TestFile) -> None:
    """Refuse an order of groups that names one twice."""
    seen: set[str] = set()
    for name in file.group_eval_order:
        if name in seen:
            raise UserError(f"group name repeated in evaluation order: {name}", code="rules.test_file")
        seen.add(name)


async def run_test(
    test: Test, file: TestFile, rule_files: Sequence[str], *, number: int = 0, ignore_unknown_fields: bool = False
) -> Outcome:
    """Evaluate the rules over the series of a test, and compare."""
    name = test.name or f"unnamed#{number}"
    try:
        run = _Run(test, file, rule_files, ignore_unknown_fields=ignore_unknown_fields)
    except _Failed as failed:
        return Outcome(name, failed.failures)
    return Outcome(name, tuple(await run.failures()))


class _Failed(Exception):
    def __init__(self, *failures: str) -> None:
        super().__init__(*failures)
        self.failures = failures


class _Run:
    def __init__(self, test: Test, file: TestFile, rule_files: Sequence[str], *, ignore_unknown_fields: bool) -> None:
        self._test, self._file = test, file
        self._storage = MemoryStorage()
        self._clock = _TestClock()
        self._input = _Input(test)
        recent = Recent(kept_milli=1)
        storage = recent.over(lambda: self._storage)
        self._languages = in_memory(storage, subquery_step=file.evaluation_interval_nano // _MILLI)
        surroundings = Surroundings(
            tenant="test",
            storage=storage,
            writer=_MemoryWriter(self._storage),
            notifier=_Nobody(),
            expand=Templates(
                self._languages["promql"],
                external_labels=dict(test.external_labels),
                external_url=test.external_url,
            ),
            clock=self._clock,
            recent=recent,
            is_concurrent=False,
        )
        definitions = _definitions(rule_files, self._languages, ignore_unknown_fields=ignore_unknown_fields)
        order = {group: place for place, group in enumerate(file.group_eval_order)}
        definitions.sort(key=lambda group: order.get(group.name, 0))
        self._groups = [Group(definition, surroundings, test.interval_nano) for definition in definitions]
        for alert in test.alerts:
            if not alert.alertname:
                where = f" (in TestGroup {test.name})" if test.name else ""
                raise _Failed(
                    "an item under alert_rule_test misses required attribute alertname at eval_time "
                    f"{duration_text(alert.eval_nano // _MILLI)}{where}"
                )

    async def failures(self) -> list[str]:
        """All that is not as expected."""
        test, interval = self._test, self._file.evaluation_interval_nano
        failures: list[str] = []
        waiting = sorted(test.alerts, key=lambda alert: alert.eval_nano)
        at = test.start_nano
        while at <= test.start_nano + test.last_nano:
            errors = await self._evaluate(at)
            if errors:
                return failures + errors
            while waiting and waiting[0].eval_nano < at + interval - test.start_nano:
                failures += self._compare_alerts(waiting.pop(0))
            at += interval
        for expr in test.exprs:
            failures += await self._compare_samples(expr)
        return failures

    async def _evaluate(self, at: int) -> list[str]:
        self._input.load(self._storage, at // _MILLI)
        self._clock.now = at
        errors: list[str] = []
        for group in self._groups:
            await group.evaluate(at)
            errors += [
                f"    rule: {rule.name}, time: {go_duration(at)}, err: {rule.last_error}"
                for rule in group.rules
                if rule.last_error
            ]
        return errors

    def _compare_alerts(self, test: AlertTest) -> list[str]:
        found = sorted(
            (alert.labels, alert.annotations)
            for group in self._groups
            for rule in group.alerting_rules
            if rule.name == test.alertname
            for alert in rule.alive
            if alert.state is State.FIRING
        )
        expected = sorted(
            (
                tuple(sorted({**alert.labels, ALERT_NAME: test.alertname}.items())),
                tuple(sorted(alert.annotations.items())),
            )
            for alert in test.expected
        )
        if found == expected:
            return []
        title = f"    name: {self._test.name},\n" if self._test.name else ""
        text = (
            f"{title}    alertname: {test.alertname}, time: {duration_text(test.eval_nano // _MILLI)}, \n"
            f"        exp:{alerts_text(expected)}, \n        got:{alerts_text(found)}"
        )
        return [text]

    async def _compare_samples(self, test: ExprTest) -> list[str]:
        title = f"    expr: {quote(test.expr)}, time: {duration_text(test.eval_nano // _MILLI)},"
        try:
            expression = self._languages["promql"].parse(test.expr)
            answer = await expression.evaluate((self._test.start_nano + test.eval_nano) // _MILLI)
            expected = sorted(map(_expected, test.expected), key=lambda sample: sample.labels)
        except UserError as error:
            return [f"{title} err: {error.message}"]
        found = sorted(_parsed(answer), key=lambda sample: sample.labels)
        if len(found) == len(expected) and all(map(self._is_same, expected, found)):
            return []
        return [f"{title}\n        exp: {_text(expected)}\n        got: {_text(found)}"]

    def _is_same(self, expected: Parsed, found: Parsed) -> bool:
        if (expected.labels, expected.histogram) != (found.labels, found.histogram):
            return False
        one, other = expected.value, found.value
        near = (math.nextafter(one, -math.inf), math.nextafter(one, math.inf)) if self._file.fuzzy_compare else ()
        return one == other or other in near


def _definitions(
    rule_files: Sequence[str], languages: dict[str, Language], *, ignore_unknown_fields: bool
) -> list[GroupDefinition]:
    definitions: list[GroupDefinition] = []
    for path in rule_files:
        file = read_rule_file(path, languages, ignore_unknown_fields=ignore_unknown_fields)
        if file.problems:
            raise _Failed(*file.messages())
        definitions += file.groups
    return definitions


def _text(samples: Sequence[Parsed]) -> str:
    return samples_text([(sample.labels, sample.histogram or sample.value) for sample in samples])


def _parsed(answer: Answer) -> list[Parsed]:
    histograms = answer.histograms or [None] * len(answer.labels)
    return [
        Parsed(labels, value) if histogram is None else Parsed(labels, 0.0, to_notation(histogram))
        for labels, value, histogram in zip(answer.labels, answer.values.tolist(), histograms, strict=True)
    ]


def _expected(sample: ExpectedSample) -> Parsed:
    try:
        return Parsed(parse_series(sample.labels), sample.value, _expected_histogram(sample.histogram))
    except UserError as error:
        raise UserError(f"labels {quote(sample.labels)}: {error.message}", code="rules.test_file") from error


def _expected_histogram(text: str) -> str:
    if not text:
        return ""
    values = parse_values(text)
    if len(values) != 1:
        raise UserError(f"expected 1 value, got {len(values)}", code="rules.test_file")
    if not isinstance(values[0], Histogram):
        raise UserError(f"expected histogram, got {values[0]}", code="rules.test_file")
    return to_notation(values[0])


class _Input:
    """The series of a test, of which as much is loaded as would be there by then."""

    def __init__(self, test: Test) -> None:
        self._waiting: dict[int, list[tuple[Labels, Point]]] = {}
        start, step = test.start_nano // _MILLI, test.interval_nano // _MILLI
        for series in test.input_series:
            try:
                labels = parse_series(series.series)
                values = parse_values(series.values)
            except SondeError as error:
                raise _Failed(f"error in input_series {quote(series.series)}: {error.message}") from error
            for place, value in enumerate(values):
                if value is not None:
                    self._waiting.setdefault(start + place * step, []).append((labels, value))
        self._times = sorted(self._waiting, reverse=True)

    def load(self, storage: MemoryStorage, until_milli: int) -> None:
        """Put in what there is up to a time."""
        while self._times and self._times[-1] <= until_milli:
            time = self._times.pop()
            for labels, value in self._waiting.pop(time):
                storage.put(labels, time, value)


@dataclass(frozen=True, slots=True)
class _MemoryWriter:
    storage: MemoryStorage

    async def write(self, samples: Sequence[Sample]) -> None:
        for sample in samples:
            self.storage.put(sample.labels, sample.time_milli, sample.value)


class _Nobody:
    async def notify(self, alerts: Sequence[SentAlert], *, tenant: str) -> None:
        """Nobody is told in a test."""


@dataclass(slots=True)
class _TestClock:
    """Time stands still while rules are evaluated."""

    now: int = 0

    def wall_nano(self) -> int:
        return self.now

    def steady_nano(self) -> int:
        return self.now

    async def sleep_until(self, steady_nano: int) -> None:
        self.now = max(self.now, steady_nano)
