"""Every shipped alert fires, resolves, has its page and its words; the genuine promtool agrees where it is installed."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from sonde.errors import NotFound
from sonde.rules import packs
from sonde.rules.languages import check_only
from sonde.rules.rule_file import RuleDefinition, duplicates, parse_rule_file
from sonde.rules.unit_test import resolve_rule_files, run_test
from sonde.rules.unit_test_file import parse_test_file

HERE = Path(__file__).parent
RUNBOOKS = HERE.parents[2] / "docs" / "runbooks"
PROMTOOL = shutil.which("promtool")
TESTS = {
    f"{name}: {test.name}": (name, number)
    for name in packs.names()
    for number, test in enumerate(parse_test_file((HERE / f"{name}.test.yml").read_text()).tests)
}
FIRST_USERS = {
    "HighAPILatency",
    "HighErrorRate",
    "DatabaseDown",
    "HighLLMCost",
    "ServiceDown",
    "HighLatencyP95",
    "RedisDown",
    "MLEngineHighErrorRate",
    "HighMemoryUsage",
    "HighCPUUsage",
    "DiskSpaceLow",
    "CacheHitRateLow",
    "ModelTrainingFailed",
    "HighRateLimitExceeded",
    "EmbeddingCacheStale",
}

OF_OBJECTIVES = {"SLOErrorBudgetBurn", "SLOErrorBudgetExhausted", "SLOBudgetPolicy", "SLONoData"}


def rules_of(name: str) -> list[RuleDefinition]:
    file = parse_rule_file(packs.pack(name), check_only())
    assert not file.problems, file.messages()
    return [rule for group in file.groups for rule in group.rules]


ALERTS = {rule.alert: rule for name in packs.names() for rule in rules_of(name) if rule.alert}


SLOW = {"anomaly: the first day", "llm_cost: HighLLMCost"}  # hours and days, minute by minute


@pytest.mark.parametrize("title", [pytest.param(title, marks=[pytest.mark.slow] * (title in SLOW)) for title in TESTS])
def test_an_alert_fires_and_resolves(title: str) -> None:
    name, number = TESTS[title]
    file = parse_test_file((HERE / f"{name}.test.yml").read_text())
    rule_files, lost = resolve_rule_files(file, HERE)
    assert not lost
    assert asyncio.run(run_test(file.tests[number], file, rule_files)).failures == ()


@pytest.mark.parametrize("name", packs.names())
def test_each_alert_is_tested_firing_and_resolved(name: str) -> None:
    seen: dict[str, list[bool]] = {}
    for test in parse_test_file((HERE / f"{name}.test.yml").read_text()).tests:
        for alert in sorted(test.alerts, key=lambda alert: alert.eval_nano):
            seen.setdefault(alert.alertname, []).append(bool(alert.expected))
    always = {"Watchdog"}  # that is what it is for
    for rule in rules_of(name):
        if rule.alert:
            assert seen[rule.alert] == ([True] if rule.alert in always else [False, True, False]), rule.alert


@pytest.mark.parametrize("name", packs.names())
@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
def test_promtool_agrees(name: str, tmp_path: Path) -> None:
    # promtool of Prometheus 2 has no external URL, and stumbles over it
    (tmp_path / f"{name}.yml").write_text(packs.pack(name).replace("{{ externalURL }}", ""))
    tests = (HERE / f"{name}.test.yml").read_text()
    (tmp_path / "test.yml").write_text(re.sub(r"(?m)^rule_files: .*$", f"rule_files: [{name}.yml]", tests))
    for command in (["check", "rules", f"{name}.yml"], ["test", "rules", "test.yml"]):
        ran = subprocess.run(
            [str(PROMTOOL), *command], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_first_users_find_their_alerts() -> None:
    assert set(ALERTS) >= FIRST_USERS


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_how_bad_what_and_what_to_do(name: str) -> None:
    rule = ALERTS[name]
    assert rule.labels["severity"] in {"critical", "warning", "info", "none"}
    assert rule.annotations["summary"]
    assert rule.annotations["description"]
    assert rule.annotations["runbook_url"] == "{{ externalURL }}/runbooks/" + name


def test_each_alert_has_its_page_and_each_page_its_alert() -> None:
    assert {page.stem for page in RUNBOOKS.glob("*.md")} - {"README"} == set(ALERTS) | OF_OBJECTIVES


@pytest.mark.parametrize(
    "page", sorted(page for page in RUNBOOKS.glob("*.md") if page.stem != "README"), ids=lambda page: page.stem
)
def test_a_page_has_its_parts_and_its_promql_parses(page: Path) -> None:
    text = page.read_text()
    assert text.startswith(f"# {page.stem}\n")
    assert re.findall(r"(?m)^## (.*)$", text) == ["First look", "Likely causes", "What to do"]
    queries = re.findall(r"```promql\n(.*?)```", text, re.DOTALL)
    assert queries
    for query in queries:
        check_only()["promql"].parse(query)


def test_no_rule_is_there_twice() -> None:
    groups = [group for name in packs.names() for group in parse_rule_file(packs.pack(name), check_only()).groups]
    assert duplicates(groups) == []
    assert len({group.name for group in groups}) == len(groups)


def test_who_asks_for_another_is_told_which_there_are() -> None:
    with pytest.raises(NotFound, match="packs are service, host"):
        packs.pack("kafka")
