"""Files of unit tests of rules, as promtool has them: text in, tests out.

Specification: https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import yaml

from sonde.errors import UserError
from sonde.query.promql.number import parse_float
from sonde.rules.yaml_node import Decoder, compose, place_of
from sonde.telemetry.quoting import quote

_SECOND: Final = 10**9
_MINUTE: Final = 60 * _SECOND

_FILE: Final = dict.fromkeys(("rule_files", "evaluation_interval", "group_eval_order", "tests", "fuzzy_compare"))
_TEST: Final = {
    **dict.fromkeys(("name", "interval", "start_timestamp", "input_series", "alert_rule_test")),
    **dict.fromkeys(("promql_expr_test", "external_labels", "external_url")),
}
_SERIES: Final = dict.fromkeys(("series", "values"))
_ALERT_TEST: Final = dict.fromkeys(("eval_time", "alertname", "exp_alerts"))
_ALERT: Final = dict.fromkeys(("exp_labels", "exp_annotations"))
_EXPR_TEST: Final = dict.fromkeys(("expr", "eval_time", "exp_samples"))
_SAMPLE: Final = dict.fromkeys(("labels", "value", "histogram"))
_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


@dataclass(frozen=True, slots=True)
class InputSeries:
    """A series and its values, as written."""

    series: str
    values: str


@dataclass(frozen=True, slots=True)
class ExpectedAlert:
    """An alert that is to fire."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AlertTest:
    """Which alerts of a name are to fire at a time; ``None`` is no name, which is a mistake."""

    eval_nano: int
    alertname: str
    expected: tuple[ExpectedAlert, ...]


@dataclass(frozen=True, slots=True)
class ExpectedSample:
    """A sample that is to be answered; with a histogram its value does not count."""

    labels: str
    value: float
    histogram: str


@dataclass(frozen=True, slots=True)
class ExprTest:
    """What an expression is to give at a time."""

    expr: str
    eval_nano: int
    expected: tuple[ExpectedSample, ...]


@dataclass(frozen=True, slots=True)
class Test:
    """A group of tests over the same series."""

    __test__ = False  # pytest: this is no test of ours

    name: str
    interval_nano: int
    start_nano: int = 0
    input_series: tuple[InputSeries, ...] = ()
    alerts: tuple[AlertTest, ...] = ()
    exprs: tuple[ExprTest, ...] = ()
    external_labels: Mapping[str, str] = field(default_factory=dict)
    external_url: str = ""

    @property
    def last_nano(self) -> int:
        """How long the rules have to be evaluated, from the start."""
        times = [test.eval_nano for test in self.alerts] + [test.eval_nano for test in self.exprs]
        return max(times, default=0)


@dataclass(frozen=True, slots=True)
class TestFile:
    """A file of tests."""

    __test__ = False

    rule_files: tuple[str, ...] = ()
    evaluation_interval_nano: int = _MINUTE
    group_eval_order: tuple[str, ...] = ()
    tests: tuple[Test, ...] = ()
    fuzzy_compare: bool = False


def parse_test_file(text: str) -> TestFile:
    r"""Read a file of tests.

    >>> parse_test_file("evaluation_interval: 15s\ntests: [{name: a, input_series: []}]").tests[0].interval_nano
    15000000000

    Raises:
        UserError: It is none; the message has a line for each problem.
    """
    root, _ = compose(text)
    decoder = Decoder()
    found = decoder.mapping(root, "main.unitTestFile", _FILE)
    interval = decoder.duration(found.get("evaluation_interval")) or _MINUTE
    reader = _Reader(decoder, interval)
    file = TestFile(
        rule_files=decoder.items(found.get("rule_files"), "[]string", decoder.text),
        evaluation_interval_nano=interval,
        group_eval_order=decoder.items(found.get("group_eval_order"), "[]string", decoder.text),
        tests=decoder.items(found.get("tests"), "[]main.testGroup", reader.test),
        fuzzy_compare=decoder.boolean(found.get("fuzzy_compare")),
    )
    if decoder.problems:
        raise UserError("\n  ".join(["yaml: unmarshal errors:", *map(str, decoder.problems)]), code="rules.test_file")
    return file


class _Reader:
    def __init__(self, decoder: Decoder, interval_nano: int) -> None:
        self._decoder = decoder
        self._interval_nano = interval_nano

    def test(self, node: yaml.Node) -> Test:
        decoder = self._decoder
        found = decoder.mapping(node, "main.testGroup", _TEST)
        return Test(
            name=decoder.text(found.get("name")),
            interval_nano=decoder.duration(found.get("interval")) or self._interval_nano,
            start_nano=self._start(found.get("start_timestamp")),
            input_series=decoder.items(found.get("input_series"), "[]main.series", self._series),
            alerts=decoder.items(found.get("alert_rule_test"), "[]main.alertTestCase", self._alert_test),
            exprs=decoder.items(found.get("promql_expr_test"), "[]main.promqlTestCase", self._expr_test),
            external_labels=decoder.texts(found.get("external_labels")),
            external_url=decoder.text(found.get("external_url")),
        )

    def _start(self, node: yaml.Node | None) -> int:
        text = self._decoder.text(node)
        if not text:
            return 0
        nano = unix_nano(text)
        if nano is None:
            problem = place_of(node).problem(f"cannot parse {quote(text)} to a valid timestamp")
            self._decoder.problems.append(problem)
        return nano or 0

    def _series(self, node: yaml.Node) -> InputSeries:
        found = self._decoder.mapping(node, "main.series", _SERIES)
        return InputSeries(self._decoder.text(found.get("series")), self._decoder.text(found.get("values")))

    def _alert_test(self, node: yaml.Node) -> AlertTest:
        decoder = self._decoder
        found = decoder.mapping(node, "main.alertTestCase", _ALERT_TEST)
        return AlertTest(
            decoder.duration(found.get("eval_time")) or 0,
            decoder.text(found.get("alertname")),
            decoder.items(found.get("exp_alerts"), "[]main.alert", self._alert),
        )

    def _alert(self, node: yaml.Node) -> ExpectedAlert:
        decoder = self._decoder
        found = decoder.mapping(node, "main.alert", _ALERT)
        return ExpectedAlert(decoder.texts(found.get("exp_labels")), decoder.texts(found.get("exp_annotations")))

    def _expr_test(self, node: yaml.Node) -> ExprTest:
        decoder = self._decoder
        found = decoder.mapping(node, "main.promqlTestCase", _EXPR_TEST)
        return ExprTest(
            decoder.text(found.get("expr")),
            decoder.duration(found.get("eval_time")) or 0,
            decoder.items(found.get("exp_samples"), "[]main.sample", self._sample),
        )

    def _sample(self, node: yaml.Node) -> ExpectedSample:
        decoder = self._decoder
        found = decoder.mapping(node, "main.sample", _SAMPLE)
        text = decoder.text(found.get("value"))
        # YAML has its own words for what is no finite number
        value = parse_float(
            text.replace(".inf", "inf").replace(".Inf", "Inf").replace(".nan", "nan").replace(".NaN", "NaN")
        )
        if text and value is None:
            problem = place_of(found["value"]).problem(f"cannot unmarshal !!str `{text[:10]}` into float64")
            decoder.problems.append(problem)
        return ExpectedSample(decoder.text(found.get("labels")), value or 0.0, decoder.text(found.get("histogram")))


def unix_nano(text: str) -> int | None:
    """The time of a number of seconds, or of RFC 3339.

    >>> unix_nano("1609459200"), unix_nano("2021-01-01T00:00:00Z"), unix_nano("soon")
    (1609459200000000000, 1609459200000000000, None)
    """
    seconds = parse_float(text)
    if seconds is not None and math.isfinite(seconds):
        return round(seconds * 1000) * 10**6
    if _RFC3339.fullmatch(text):
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return None
        return round(moment.timestamp() * 1000) * 10**6
    return None
