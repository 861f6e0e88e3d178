"""`sonde rules check` and `sonde rules test`, as they are run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

GOOD = "groups: [{name: a, rules: [{record: b, expr: up}, {alert: C, expr: up == 0}]}]"
TEST = """
rule_files: [r.yml]
tests:
  - name: passes
    input_series: [{series: up, values: "1 0"}]
    alert_rule_test: [{eval_time: 1m, alertname: C, exp_alerts: [{}]}]
  - name: fails
    input_series: [{series: up, values: "1 1"}]
    alert_rule_test: [{eval_time: 1m, alertname: C, exp_alerts: [{}]}]
"""


def sonde(*arguments: str, folder: Path, text: str = "") -> subprocess.CompletedProcess[str]:
    program = "from sonde.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, "rules", *arguments],
        cwd=folder, input=text, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_check_says_how_many_rules_there_are(tmp_path: Path) -> None:
    (tmp_path / "r.yml").write_text(GOOD)
    done = sonde("check", "r.yml", folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "Checking r.yml\n  SUCCESS: 2 rules found\n\n", "")


def test_check_reads_stdin_and_exits_with_1_for_what_is_wrong(tmp_path: Path) -> None:
    done = sonde("check", folder=tmp_path, text="groups: [{nam: a}]")
    assert (done.returncode, done.stdout) == (1, "Checking standard input\n")
    assert done.stderr == "  FAILED:\n1:11: field nam not found in type rulefmt.RuleGroup\n"


def test_duplicates_fail_only_if_told_so(tmp_path: Path) -> None:
    (tmp_path / "r.yml").write_text("groups: [{name: a, rules: [{record: b, expr: up}, {record: b, expr: up}]}]")
    assert sonde("check", "r.yml", folder=tmp_path).returncode == 0
    done = sonde("check", "r.yml", "--lint-fatal", folder=tmp_path)
    assert done.returncode == 3
    assert "1 duplicate rule(s) found.\nMetric: b\nLabel(s):\nMight cause inconsistency" in done.stderr
    assert sonde("check", "r.yml", "--lint-fatal", "--lint", "none", folder=tmp_path).returncode == 0


def test_tests_are_run_and_told_to_junit(tmp_path: Path) -> None:
    (tmp_path / "r.yml").write_text(GOOD)
    (tmp_path / "t.yml").write_text(TEST)
    done = sonde("test", "t.yml", "--junit", "out.xml", folder=tmp_path)
    assert done.returncode == 1
    assert "name: fails,\n    alertname: C, time: 1m" in done.stderr
    (suite,) = ET.parse(tmp_path / "out.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "1", "0")
    assert [(case.get("name"), len(case)) for case in suite] == [("passes", 0), ("fails", 1)]
    passed = sonde("test", "t.yml", "--run", "pass", folder=tmp_path)
    assert (passed.returncode, passed.stdout) == (0, "  SUCCESS\n\n")


def test_a_file_that_is_not_there_fails(tmp_path: Path) -> None:
    assert sonde("test", "none.yml", folder=tmp_path).returncode == 1
    assert sonde("check", "none.yml", folder=tmp_path).returncode == 1
