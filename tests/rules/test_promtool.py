"""The genuine promtool gives the same verdicts on the same files, where it is installed."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from sonde.rules.languages import check_only
from sonde.rules.rule_file import parse_rule_file
from sonde.rules.unit_test import Outcome, resolve_rule_files, run_test
from sonde.rules.unit_test_file import parse_test_file

PROMTOOL = shutil.which("promtool")
pytestmark = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")

RULES = {
    "good": "groups: [{name: a, interval: 1m, limit: 3, rules: [{record: 'a:b', expr: sum(up)}, {alert: C, expr: up == 0, for: 5m}]}]",
    "empty": "groups: []",
    "templates": "groups: [{name: a, rules: [{alert: C, expr: up, annotations: {s: '{{ $labels.job | toUpper }} {{ humanize $value }}'}}]}]",
    "unknown field": "groups: [{name: a, rulez: []}]",
    "bad expression": "groups: [{name: a, rules: [{record: b, expr: 'sum(up'}]}]",
    "no expression": "groups: [{name: a, rules: [{record: b}]}]",
    "no name": "groups: [{name: a, rules: [{expr: up}]}]",
    "record and alert": "groups: [{name: a, rules: [{record: b, alert: c, expr: up}]}]",
    "group twice": "groups: [{name: a}, {name: a}]",
    "group without a name": "groups: [{rules: []}]",
    "for in a recording rule": "groups: [{name: a, rules: [{record: b, expr: up, for: 1m}]}]",
    "annotations in a recording rule": "groups: [{name: a, rules: [{record: b, expr: up, annotations: {a: b}}]}]",
    "metric name as a label": "groups: [{name: a, rules: [{record: b, expr: up, labels: {__name__: c}}]}]",
    "bad duration": "groups: [{name: a, interval: often, rules: []}]",
    "bad template": "groups: [{name: a, rules: [{alert: b, expr: up, annotations: {c: '{{ $lables }}'}}]}]",
    "unclosed template": "groups: [{name: a, rules: [{alert: b, expr: up, labels: {c: '{{ $labels'}}]}]",
    "unknown template function": "groups: [{name: a, rules: [{alert: b, expr: up, labels: {c: '{{ shout . }}'}}]}]",
    "not yaml": "groups: [",
    "braces in a name": "groups: [{name: a, rules: [{record: 'b{}', expr: up}]}]",
}
_PLACES = re.compile(r"^(?:\d+:\d+: )+")


@pytest.mark.parametrize("name", RULES)
def test_check_agrees(name: str, tmp_path: Path) -> None:
    path = tmp_path / "r.yml"
    path.write_text(RULES[name])
    theirs = subprocess.run([str(PROMTOOL), "check", "rules", str(path)], capture_output=True, text=True, check=False)
    ours = parse_rule_file(RULES[name], check_only())
    assert bool(ours.problems) == (theirs.returncode != 0), theirs.stderr
    for problem in ours.problems:
        if not problem.message.startswith(("yaml", "braces", 'group "a", rule 1, "b{}"')):
            assert _PLACES.sub("", problem.message) in theirs.stderr


TESTED = """
groups:
  - name: a
    rules:
      - {record: 'job:up:sum', expr: sum by(job) (up)}
      - alert: Down
        expr: up == 0
        for: 2m
        labels: {severity: page}
        annotations: {summary: "{{ $labels.instance }} of {{ $externalLabels.region }}: {{ $value }}"}
      - {record: 'max:hour', expr: 'max_over_time(up[10m:])'}
"""
TESTS = {
    "all is well": """
  - interval: 1m
    external_labels: {region: eu}
    input_series:
      - {series: 'up{job="api", instance="a"}', values: "1 1 0x5 1 _ stale 1+0x3"}
      - {series: 'up{job="api", instance="b"}', values: "1x10"}
    promql_expr_test:
      - {expr: 'job:up:sum', eval_time: 3m, exp_samples: [{labels: 'job:up:sum{job="api"}', value: 1}]}
      - {expr: 'count(ALERTS) by (alertstate)', eval_time: 3m, exp_samples: [{labels: '{alertstate="pending"}', value: 1}]}
    alert_rule_test:
      - {eval_time: 3m, alertname: Down, exp_alerts: []}
      - eval_time: 4m
        alertname: Down
        exp_alerts:
          - exp_labels: {severity: page, job: api, instance: a}
            exp_annotations: {summary: "a of eu: 0"}
""",
    "wrong value": """
  - input_series: [{series: up, values: 1}]
    promql_expr_test: [{expr: 'job:up:sum', eval_time: 0, exp_samples: [{labels: 'job:up:sum', value: 2.5}]}]
""",
    "wrong alert": """
  - name: named
    input_series: [{series: 'up{job="x"}', values: 0x9}]
    alert_rule_test: [{eval_time: 5m, alertname: Down, exp_alerts: [{exp_labels: {severity: none}}]}]
""",
    "unexpected alert": """
  - input_series: [{series: 'up{job="x"}', values: 0x9}]
    alert_rule_test: [{eval_time: 5m, alertname: Down}]
""",
    "bad series": "\n  - input_series: [{series: 'up{', values: 1}]\n",
    "bad values": "\n  - input_series: [{series: up, values: one}]\n",
    "bad expression": "\n  - promql_expr_test: [{expr: 'sum(', eval_time: 1m}]\n",
    "no name of an alert": "\n  - alert_rule_test: [{eval_time: 1m}]\n",
}


def outcomes(text: str, folder: Path) -> list[Outcome]:
    file = parse_test_file(text)
    rule_files, _ = resolve_rule_files(file, folder)
    return [asyncio.run(run_test(test, file, rule_files, number=number)) for number, test in enumerate(file.tests)]


@pytest.mark.parametrize("name", TESTS)
def test_unit_tests_agree(name: str, tmp_path: Path) -> None:
    (tmp_path / "r.yml").write_text(TESTED)
    text = f"rule_files: [r.yml]\nevaluation_interval: 1m\ntests:{TESTS[name]}"
    (tmp_path / "t.yml").write_text(text)
    theirs = subprocess.run(
        [str(PROMTOOL), "test", "rules", "t.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    ours = [failure for outcome in outcomes(text, tmp_path) for failure in outcome.failures]
    assert bool(ours) == (theirs.returncode != 0), (ours, theirs.stdout, theirs.stderr)
    if name.startswith(("wrong", "unexpected", "no name")):
        said = theirs.stdout + theirs.stderr
        for failure in ours:
            # versions of promtool differ in what stands before alertname: the name of the test
            assert failure.split("alertname:")[-1] in said, said
