"""Objectives become the rules that stand in golden files, and these do what was promised."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sonde.cli.slo import group
from sonde.errors import Unsupported, UserError
from sonde.rules.languages import check_only
from sonde.rules.rule_file import parse_rule_file
from sonde.rules.slo.read import read_objectives
from sonde.rules.slo.render import expressions, render
from sonde.rules.unit_test import run_test
from sonde.rules.unit_test_file import parse_test_file

GOLDEN = Path(__file__).parent / "golden"
PROMTOOL = shutil.which("promtool")


@pytest.mark.parametrize("name", ["short_form", "openslo"])
def test_objectives_are_rendered(name: str, rewrite_golden: bool) -> None:
    rules = render(read_objectives((GOLDEN / f"{name}.slo.yml").read_text()))
    path = GOLDEN / f"{name}.rules.yml"
    if rewrite_golden:
        path.write_text(rules)
    assert rules == path.read_text()
    assert parse_rule_file(rules, check_only()).messages() == []
    if PROMTOOL:
        ran = subprocess.run(
            [PROMTOOL, "check", "rules", str(path)], capture_output=True, text=True, check=False, timeout=30
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_command_renders_all_files() -> None:
    files = [str(GOLDEN / f"{name}.slo.yml") for name in ("short_form", "openslo")]
    ran = CliRunner().invoke(group, ["render", *files])
    assert ran.exit_code == 0, ran.output
    assert len(parse_rule_file(ran.output, check_only()).groups) == 18


@pytest.mark.parametrize("name", ["short_form", "openslo"])
def test_what_a_page_asks_parses(name: str) -> None:
    for objective in read_objectives((GOLDEN / f"{name}.slo.yml").read_text()):
        for expr in expressions(objective).values():
            check_only()["promql"].parse(expr)


SHORT = "slos: [{{name: a, service: s, {}}}]"
OPENSLO = """apiVersion: openslo/v1
kind: SLO
metadata: {name: a}
spec:
  service: s
  indicator: {metadata: {name: i}, spec: {ratioMetric: {bad: %s, total: %s}}}
  timeWindow: [%s]
  budgetingMethod: %s
  objectives: [%s]
"""
SOURCE = "{metricSource: {type: Prometheus, spec: {query: up}}}"
ROLLING = "{duration: 30d, isRolling: true}"
WRONG = {
    SHORT.format("objective: 0.999, window: 30d, bad: b, total: c"): "1:41: 0.999 is not an objective",
    SHORT.format("window: 30d, bad: b, total: c"): "1:8: objective is missing",
    SHORT.format("objective: 99, bad: b, total: c"): "1:8: window is missing",
    SHORT.format("objective: 99, window: 90m, bad: b, total: c"): "1:53: 90m is not a number of days",
    SHORT.format("objective: 99, calendar: moon, bad: b, total: c"): "1:55: moon is none of day, week",
    SHORT.format("objective: 99, window: 1d, bad: b(, total: c"): "1:62: could not parse expression",
    SHORT.format("objective: 99, window: 1d, bad: b"): "1:8: an objective has good and total",
    "apiVersion: openslo/v2\nkind: SLO": "1:13: openslo/v2 is not openslo/v1",
    "apiVersion: openslo/v1\nkind: SLOO\nmetadata: {name: a}": "2:7: SLOO is none of the kinds",
    "slos: [": "2:1: yaml",
    OPENSLO % (SOURCE, SOURCE, ROLLING, "Sometimes", "{target: 0.9}"): "8:20: Sometimes is none of",
    OPENSLO % (SOURCE, SOURCE, ROLLING, "Occurrences", "{target: 99}"): "9:25: an objective has a target between",
    OPENSLO % (SOURCE, SOURCE, ROLLING, "Timeslices", "{target: 0.9}"): "9:16: Timeslices need",
    OPENSLO.replace("indicator:", "indicatorRef: x #")
    % (SOURCE, SOURCE, ROLLING, "Occurrences", "{target: 0.9}"): "6:17: there is no SLI named x",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_said_with_its_place(text: str) -> None:
    with pytest.raises(UserError) as caught:
        read_objectives(text)
    assert str(caught.value).startswith(WRONG[text]), str(caught.value)


UNSUPPORTED = {
    OPENSLO
    % ("{metricSource: {type: Datadog, spec: {query: q}}}", SOURCE, ROLLING, "Occurrences", "{target: 0.9}"): "Datadog",
    OPENSLO
    % (SOURCE, SOURCE, "{duration: 3M, isRolling: false}", "Occurrences", "{target: 0.9}"): "calendar windows of 3M",
    OPENSLO
    % (
        SOURCE,
        SOURCE,
        "{duration: 1M, calendar: {timeZone: Europe/Paris}}",
        "Occurrences",
        "{target: 0.9}",
    ): "Europe/Paris",
}


@pytest.mark.parametrize("text", UNSUPPORTED)
def test_what_no_rules_can_be_made_of_is_refused(text: str) -> None:
    with pytest.raises(Unsupported, match=UNSUPPORTED[text]):
        read_objectives(text)


SELECTOR = 'slo="availability"'
STORY = f"""
evaluation_interval: 1m
tests:
  - name: a busy hour, then a quiet one in which everything fails
    interval: 1m
    input_series:
      - {{series: 'api_requests_total{{job="backend-api"}}', values: "0+6000x120 720000+60x60"}}
      - {{series: 'api_errors_total{{job="backend-api"}}', values: "0+0x120 0+60x60"}}
    promql_expr_test:
      # 1800 of 721800 requests failed: 0.25 %, which is not the 20 % that a mean of ratios would have it
      - {{expr: 'round(slo:period_errors:total{{{SELECTOR}}}, 200)', eval_time: 150m, exp_samples: [{{labels: '{{service="backend-api", slo="availability", team="shop"}}', value: 1600}}]}}
      - {{expr: 'slo:period_burn_rate:ratio{{{SELECTOR}}} > 2 < 3', eval_time: 90m, exp_samples: []}}
      - {{expr: 'count(slo:period_burn_rate:ratio{{{SELECTOR}}} > 2 < 3)', eval_time: 150m, exp_samples: [{{labels: '{{}}', value: 1}}]}}
      - {{expr: 'count(slo:period_error_budget_remaining:ratio{{{SELECTOR}}} < 0)', eval_time: 150m, exp_samples: [{{labels: '{{}}', value: 1}}]}}
      - {{expr: 'slo:period_error_budget_remaining:ratio{{{SELECTOR}}}', eval_time: 60m, exp_samples: [{{labels: 'slo:period_error_budget_remaining:ratio{{service="backend-api", slo="availability", team="shop"}}', value: 1}}]}}
      # the page waits until the busy hour has left its window
      - {{expr: 'ALERTS{{alertname="SLOErrorBudgetBurn",{SELECTOR}}}', eval_time: 100m, exp_samples: []}}
      - {{expr: 'count(ALERTS{{alertname="SLOErrorBudgetBurn",severity="critical",long_window="1h",{SELECTOR}}})', eval_time: 175m, exp_samples: [{{labels: '{{}}', value: 1}}]}}
"""
FEW = f"""
evaluation_interval: 1m
tests:
  - name: fewer events than count
    interval: 1m
    input_series:
      - {{series: 'api_requests_total{{job="backend-api"}}', values: "0+1x60"}}
      - {{series: 'api_errors_total{{job="backend-api"}}', values: "0+1x60"}}
    promql_expr_test:
      - {{expr: 'ALERTS{{alertname="SLOErrorBudgetBurn",{SELECTOR}}}', eval_time: 60m, exp_samples: []}}
      - {{expr: 'count(ALERTS{{alertname="SLONoData",{SELECTOR}}})', eval_time: 60m, exp_samples: []}}
"""
SILENT = f"""
evaluation_interval: 1m
tests:
  - name: no data at all
    interval: 1m
    promql_expr_test:
      - {{expr: 'count(ALERTS{{alertname="SLONoData",alertstate="firing",{SELECTOR}}})', eval_time: 20m, exp_samples: [{{labels: '{{}}', value: 1}}]}}
"""


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(STORY, marks=pytest.mark.slow, id="burns"),
        pytest.param(FEW, id="few"),
        pytest.param(SILENT, id="none"),
    ],
)
def test_budgets_burn_by_events(text: str, tmp_path: Path) -> None:
    rules = tmp_path / "r.yml"
    rules.write_text(render(read_objectives((GOLDEN / "short_form.slo.yml").read_text())[:1]))
    file = parse_test_file(text)
    assert asyncio.run(run_test(file.tests[0], file, [str(rules)])).failures == ()


def test_a_calendars_budget_begins_anew(tmp_path: Path) -> None:
    rules = tmp_path / "r.yml"
    rules.write_text(render(read_objectives(SHORT.format("objective: 90, calendar: day, bad: bad, total: all"))))
    file = parse_test_file("""
evaluation_interval: 5m
tests:
  - name: errors before midnight
    interval: 5m
    start_timestamp: "2026-03-01T22:00:00Z"
    input_series:
      - {series: all, values: "1x60"}
      - {series: bad, values: "1x11 0x48"}
    promql_expr_test:
      - {expr: 'slo:period_errors:total', eval_time: 115m, exp_samples: [{labels: 'slo:period_errors:total{service="s", slo="a"}', value: 3600}]}
      - {expr: 'slo:period_errors:total', eval_time: 4h, exp_samples: [{labels: 'slo:period_errors:total{service="s", slo="a"}', value: 0}]}
      - {expr: 'slo:period_error_budget_remaining:ratio', eval_time: 4h, exp_samples: [{labels: 'slo:period_error_budget_remaining:ratio{service="s", slo="a"}', value: 1}]}
""")
    assert asyncio.run(run_test(file.tests[0], file, [str(rules)])).failures == ()
