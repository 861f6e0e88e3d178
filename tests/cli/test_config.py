"""`sonde config`."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Sonde


def test_show_prints_each_setting_with_where_it_comes_from(sonde: Sonde, tmp_path: Path):
    (tmp_path / "sonde.yaml").write_text("drop_in: true\nretention:\n  logs: 3d\n")
    result = sonde("config", "show", "--config", "sonde.yaml", SONDE_RETENTION_TRACES="1d", SONDE_API_KEY="hush")
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "drop_in: true # sonde.yaml:1:10" in lines
    assert "logs: 3d # sonde.yaml:3:9" in lines
    assert "traces: 1d # SONDE_RETENTION_TRACES" in lines
    assert "# api_key: '********' # SONDE_API_KEY" in lines
    assert "hush" not in result.stdout


def test_check_says_how_much_differs_from_the_defaults(sonde: Sonde):
    result = sonde("config", "check", SONDE_DROP_IN="true")
    assert result.returncode == 0
    assert result.stdout.startswith("The configuration is good: 1 of ")


def test_check_tells_mistakes_and_exits_with_2(sonde: Sonde):
    result = sonde("config", "check", SONDE_RETENTION_LOGS="soon")
    assert (result.returncode, result.stdout) == (2, "")
    assert "SONDE_RETENTION_LOGS: 'soon' is not a duration" in result.stderr


def test_check_reads_the_files_that_are_named_as_a_start_would(sonde: Sonde, tmp_path: Path):
    (tmp_path / "alertmanager.yml").write_text("route: {receiver: team}\nreceivers: [{name: teem}]\n")
    result = sonde("config", "check", SONDE_ALERTMANAGER_CONFIG_FILE="alertmanager.yml")
    assert (result.returncode, result.stdout) == (2, "")
    assert 'alertmanager.yml:1:9: undefined receiver "team" used in route' in result.stderr
    (tmp_path / "rules.yml").write_text("groups: [{name: a, rules: [{record: b, expr: up ==}]}]\n")
    result = sonde("config", "check", SONDE_RULES_FILES="rules.yml")
    assert result.returncode == 2
    assert "rules.yml: 1:46" in result.stderr
