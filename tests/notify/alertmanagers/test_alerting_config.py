"""The ``alerting`` section as people have it, and what is said of one that cannot be used."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from sonde.errors import UserError
from sonde.notify.alertmanagers.alerting_config import AlertingConfig, load_alerting, parse_alerting, read_alerting
from sonde.receivers.prometheus.yaml_tree import parse_yaml

WHOLE = """
global: {scrape_interval: 15s, external_labels: {region: eu}}
rule_files: [rules/*.yml]
scrape_configs: [{job_name: api, static_configs: [{targets: ['api:8000']}]}]
alerting:
  alert_relabel_configs:
    - {source_labels: [env], regex: test, action: drop}
    - {regex: replica, action: labeldrop}
  alertmanagers:
    - scheme: https
      path_prefix: /alertmanager
      timeout: 5s
      api_version: v2
      basic_auth: {username: sonde, password_file: password}
      tls_config: {ca_file: ca.pem, insecure_skip_verify: true}
      follow_redirects: false
      static_configs: [{targets: ['am-1:9093', 'am-2:9093'], labels: {zone: a}}]
      relabel_configs: [{source_labels: [zone], regex: a, action: keep}]
      alert_relabel_configs: [{target_label: via, replacement: sonde}]
    - authorization: {credentials: s3cr3t}
      file_sd_configs: [{files: ['am/*.json'], refresh_interval: 1m}]
    - oauth2: {client_id: me, client_secret: s3cr3t, token_url: 'http://id/token', scopes: [alerts]}
      http_sd_configs: [{url: 'http://sd/alertmanagers'}]
    - dns_sd_configs: [{names: [_am._tcp.local]}]
    - docker_sd_configs: [{host: 'unix:///var/run/docker.sock'}]
"""


def test_a_whole_section_is_read_and_the_others_are_left_to_others(tmp_path: Path) -> None:
    config = parse_alerting(WHOLE, directory=tmp_path)
    first, second, third, *_ = config.alertmanagers
    assert [rule.action for rule in config.alert_rules] == ["drop", "labeldrop"]
    assert (first.scheme, first.path_prefix, first.timeout, first.follow_redirects) == (
        *("https", "/alertmanager"),
        *(5000, False),
    )
    assert first.basic_auth is not None
    assert first.basic_auth.password_file == tmp_path / "password"
    assert first.tls_config.ca_file == tmp_path / "ca.pem"
    assert [rule.action for rule in config.rules(first.alert_relabel_configs)] == ["replace"]
    assert second.file_sd_configs[0].files == (tmp_path / "am/*.json",)
    assert third.oauth2 is not None
    assert len(config.alertmanagers) == 5
    assert "s3cr3t" not in repr(config)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="there is no promtool: apt-get install prometheus")
def test_prometheus_takes_the_same_section(tmp_path: Path) -> None:
    text = WHOLE.replace("      alert_relabel_configs: [{target_label: via, replacement: sonde}]\n", "")  # since 2.51
    (tmp_path / "p.yml").write_text(text)
    (tmp_path / "ca.pem").write_text("")
    (tmp_path / "password").write_text("pw")
    said = subprocess.run(
        ["promtool", "check", "config", "--syntax-only", str(tmp_path / "p.yml")], capture_output=True, check=False
    )
    assert said.returncode == 0, said.stderr


@pytest.mark.parametrize("text", ["", "alerting:", "alerting: {}", "alerting: {alertmanagers: }", "global: {}"])
def test_without_alertmanagers_nobody_is_told(text: str) -> None:
    assert parse_alerting(text) == AlertingConfig()


def test_names_of_labels_are_checked_as_the_global_section_says() -> None:
    section = "alerting: {alert_relabel_configs: [{target_label: a.b}]}"
    assert parse_alerting(section).alert_rules[0].target_label == "a.b"
    with pytest.raises(UserError, match=r"'a\.b' is invalid 'target_label' for replace action"):
        parse_alerting(f"global: {{metric_name_validation_scheme: legacy}}\n{section}")


@pytest.mark.parametrize(
    ("section", "place", "message"),
    [
        ("alertmanager: []", "1:12", "unknown key alerting.alertmanager; did you mean alertmanagers?"),
        ("alertmanagers: {}", "1:12", "alerting.alertmanagers: expected a list"),
        (
            "alertmanagers: [{schema: https}]",
            "1:29",
            "unknown key alerting.alertmanagers.0.schema; did you mean scheme?",
        ),
        (
            "alertmanagers: [{scheme: ftp}]",
            "1:29",
            "alerting.alertmanagers.0.scheme: 'ftp': is not one of 'http' or 'https'",
        ),
        (
            "alertmanagers: [{api_version: v1}]",
            "1:29",
            "0.api_version: expected Alertmanager api version to be one of [v2] but got v1; none has v1 since 0.27",
        ),
        ("alertmanagers: [{timeout: soon}]", "1:29", "alerting.alertmanagers.0.timeout: not a valid duration"),
        ("alertmanagers: [{timeout: 0s}]", "1:29", "alerting.alertmanagers.0.timeout: '0s': must be more than 0"),
        ("alertmanagers: [{sigv4: {region: x}}]", "1:29", "sigv4 is not supported: requests are not signed for AWS"),
        (
            "alertmanagers: [{kubernetes_sd_configs: []}]",
            "1:29",
            "kubernetes_sd_configs is not supported; Alertmanagers come from static_configs, file_sd_configs,",
        ),
        (
            "alertmanagers: [{static_configs: [{targets: ['http://am:9093']}]}]",
            "1:29",
            '"http://am:9093" is not a valid hostname; set scheme and path_prefix for the rest',
        ),
        ("alertmanagers: [{proxy_url: 'socks5://p'}]", "1:29", "proxies of scheme 'socks5' are not supported"),
        (
            "alertmanagers: [{bearer_token: a, basic_auth: {username: b}}]",
            "1:29",
            "at most one of basic_auth, authorization, bearer_token, bearer_token_file can be set",
        ),
        (
            "alertmanagers: [{bearer_token: a, oauth2: {client_id: b, token_url: 'http://t'}}]",
            "1:46",
            "at most one of basic_auth, oauth2 & authorization must be configured",
        ),
        ("alert_relabel_configs: [null]", "1:36", "empty or null relabeling rule"),
        ("alert_relabel_configs: [{action: dorp}]", "1:37", "0.action: 'dorp': is not one of 'replace', 'keep', "),
        (
            "alert_relabel_configs: [{action: hashmod, target_label: a}]",
            "1:36",
            "relabel configuration for hashmod requires non-zero modulus",
        ),
        (
            "alertmanagers: [{relabel_configs: [{action: keepequal}]}]",
            "1:47",
            "relabel configuration for keepequal action requires 'target_label' value",
        ),
        ("alertmanagers: [{alert_relabel_configs: [{regex: '('}]}]", "1:53", "missing )"),
    ],
)
def test_a_wrong_section_is_refused_with_its_place(section: str, place: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_alerting(f"alerting: {{{section}}}", source="p.yml")
    line, column = place.split(":")
    assert (caught.value.position, caught.value.code) == ((int(line), int(column)), "alerting.config")
    assert f"p.yml:{place}: " in caught.value.message
    assert message in caught.value.message


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(UserError) as caught:
        parse_alerting("alerting:\n  alertmanagers:\n    - scheme: ftp\n    - timeout: soon\n", source="p.yml")
    assert [line.split(": ")[0].strip() for line in caught.value.message.splitlines()[1:]] == ["p.yml:3:7", "p.yml:4:7"]


@pytest.mark.parametrize("text", ["alerting: [", "alerting: {a: 1, a: 2}", "\0"])
def test_what_is_not_yaml_is_refused(text: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_alerting(text)
    assert caught.value.code == "alerting.config"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"p\.yml cannot be read: No such file or directory"):
        load_alerting(tmp_path / "p.yml")


def test_secrets_are_not_shown() -> None:
    tree = parse_yaml(WHOLE)
    read_alerting(tree)
    assert "s3cr3t" not in tree.redacted()
