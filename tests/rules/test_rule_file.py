"""Rule files: what is read, and what is said of what cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from sonde.errors import UserError
from sonde.rules.languages import check_only
from sonde.rules.rule_file import duplicates, load_rule_files, parse_rule_file

GOOD = """
groups:
  - name: latency
    interval: 30s
    query_offset: 1m30s
    limit: 10
    labels: {team: web, port: 9100}
    rules:
      - record: job:latency:p95
        expr: histogram_quantile(0.95, sum by(le, job) (rate(latency_bucket[5m])))
        labels: {quantile: "0.95"}
      - alert: Slow
        expr: |
          job:latency:p95 > 1
        for: 10m
        keep_firing_for: 1h
        annotations:
          summary: '{{ $labels.job }} takes {{ $value }} s'
"""


def problems(text: str, **options: bool) -> list[str]:
    return [str(problem) for problem in parse_rule_file(text, check_only(), **options).problems]


def test_a_good_file_is_read_as_it_is_written() -> None:
    file = parse_rule_file(GOOD, check_only(), source="r.yml")
    assert file.problems == ()
    (group,) = file.groups
    assert (group.name, group.file, group.interval_nano, group.query_offset_nano, group.limit) == (
        "latency", "r.yml", 30 * 10**9, 90 * 10**9, 10,
    )  # fmt: skip
    assert group.labels == {"team": "web", "port": "9100"}
    record, alert = group.rules
    assert (record.record, record.alert, record.labels) == ("job:latency:p95", "", {"quantile": "0.95"})
    assert (alert.alert, alert.for_nano, alert.keep_firing_for_nano) == ("Slow", 600 * 10**9, 3600 * 10**9)
    assert alert.expression.text == "job:latency:p95 > 1"


def rule(text: str) -> str:
    return f"groups:\n- name: a\n  rules:\n  - {text}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (rule("{record: b, expr: up, exprr: x}"), "4:27: field exprr not found in type rulefmt.Rule"),
        ("groups: []\nextra: 1", "2:1: field extra not found in type rulefmt.RuleGroups"),
        ("groups:\n- name: a\n  intervall: 1m", "3:3: field intervall not found in type rulefmt.RuleGroup"),
        ("groups:\n- name: a\n  name: b", '3:3: mapping key "name" already defined at line 2'),
        ("groups: {}", "1:9: cannot unmarshal !!map into []rulefmt.RuleGroup"),
        ("groups:\n- name: a\n  limit: many", "3:10: cannot unmarshal !!str `many` into int"),
        ("groups:\n- name: a\n  interval: 1x", '3:13: unknown unit "x" in duration "1x"'),
        ("groups:\n- name: a\n  interval: ''", "3:13: empty duration string"),
        ("groups: [", "2:1: yaml: did not find expected node content"),
        ("groups:\n- rules: []", "2:3: Groupname must not be empty"),
        ("groups:\n- name: a\n- name: a", '3:3: groupname: "a" is repeated in the same file'),
        (rule("{expr: up}"), "4:5: group \"a\", rule 1, \"\": one of 'record' or 'alert' must be set"),
        (
            rule("{record: b, alert: c, expr: up}"),
            "4:14: group \"a\", rule 1, \"c\": only one of 'record' and 'alert' must be set",
        ),
        (rule("{record: b}"), '4:5: group "a", rule 1, "b": field \'expr\' must be set in rule'),
        (
            rule("{record: b, expr: 'sum(up'}"),
            '4:23: group "a", rule 1, "b": could not parse expression: 1:7: parse error: unclosed left parenthesis',
        ),
        (
            rule("{record: b, expr: up, for: 1m}"),
            '4:14: group "a", rule 1, "b": invalid field \'for\' in recording rule',
        ),
        (
            rule("{record: b, expr: up, annotations: {a: b}}"),
            '4:14: group "a", rule 1, "b": invalid field \'annotations\' in recording rule',
        ),
        (
            rule("{record: b, expr: up, keep_firing_for: 1m}"),
            '4:14: group "a", rule 1, "b": invalid field \'keep_firing_for\' in recording rule',
        ),
        (
            rule("{record: 'b{c}', expr: up}"),
            '4:14: group "a", rule 1, "b{c}": braces present in the recording rule name; should it be in expr?: b{c}',
        ),
        (
            rule("{record: b, expr: up, labels: {__name__: c}}"),
            '4:5: group "a", rule 1, "b": invalid label name: __name__',
        ),
        (rule("{alert: b, expr: up, labels: {'': c}}"), '4:5: group "a", rule 1, "b": invalid label name: '),
        (rule("{alert: b, expr: up, annotations: {'': c}}"), '4:5: group "a", rule 1, "b": invalid annotation name: '),
        (
            rule("{alert: b, expr: up, annotations: {c: '{{ $x }}'}}"),
            '4:5: group "a", rule 1, "b": annotation "c": template: __alert_b:1: undefined variable "$x"',
        ),
        (
            rule("{alert: b, expr: up, labels: {c: '{{ $labels'}}"),
            '4:5: group "a", rule 1, "b": label "c": template: __alert_b:1: unclosed action',
        ),
        (
            rule("{record: b, expr: up, language: cobol}"),
            '4:23: group "a", rule 1, "b": unknown language "cobol"; known are promql, sql',
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, message: str) -> None:
    assert problems(text) == [message]


def test_all_that_is_wrong_is_said_at_once() -> None:
    text = "groups:\n- name: ''\n  rules:\n  - {record: a, expr: up, for: 1m, labels: {__name__: x}}\n  - {alert: b, expr: '('}\n"
    assert len(problems(text)) == 4


@pytest.mark.parametrize("text", ["", "groups:", "groups: []", "groups: [{name: a}]", "groups: [{name: a, rules: }]"])
def test_a_file_without_rules_is_good(text: str) -> None:
    file = parse_rule_file(text, check_only())
    assert (file.problems, file.rule_count) == ((), 0)


def test_only_the_first_document_is_read() -> None:
    file = parse_rule_file("groups: [{name: a}]\n---\nnonsense: [", check_only())
    assert [group.name for group in file.groups] == ["a"]
    assert file.has_more_documents


def test_aliases_and_merged_keys_are_followed() -> None:
    text = """
groups:
  - name: a
    rules:
      - &base {alert: B, expr: up, labels: &labels {severity: page}}
      - {<<: *base, alert: C, labels: {<<: *labels, team: x}}
"""
    (group,) = parse_rule_file(text, check_only()).groups
    assert [(each.alert, each.labels) for each in group.rules] == [
        ("B", {"severity": "page"}),
        ("C", {"severity": "page", "team": "x"}),
    ]


def test_unknown_keys_can_be_ignored() -> None:
    assert problems(rule("{record: b, expr: up, owner: me}"), ignore_unknown_fields=True) == []


def test_a_group_or_a_rule_says_its_language() -> None:
    text = """
groups:
  - name: a
    language: sql
    rules:
      - {record: b, expr: SELECT count() AS value FROM spans}
      - {record: c, expr: up, language: promql}
"""
    (group,) = parse_rule_file(text, check_only()).groups
    assert [type(each.expression).__name__ for each in group.rules] == ["SqlExpression", "PromQLExpression"]


def test_files_are_found_by_patterns_from_their_folder(tmp_path: Path) -> None:
    for name in ("b.yml", "a.yml", "c.txt"):
        (tmp_path / name).write_text(f"groups: [{{name: {name[0]}}}]")
    groups = load_rule_files(["*.yml", "a.yml", str(tmp_path / "c.*")], check_only(), directory=tmp_path)
    assert [group.name for group in groups] == ["a", "b", "c"]


def test_all_files_are_refused_together(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("groups: [{nam: x}]")
    (tmp_path / "b.yml").write_text("rules: []")
    with pytest.raises(UserError) as failure:
        load_rule_files(["*.yml"], check_only(), directory=tmp_path)
    assert failure.value.message.splitlines() == [
        "the rule files cannot be used",
        f"  {tmp_path}/a.yml: 1:11: field nam not found in type rulefmt.RuleGroup",
        f"  {tmp_path}/b.yml: 1:1: field rules not found in type rulefmt.RuleGroups",
    ]


def test_duplicates_are_rules_with_the_same_name_and_labels() -> None:
    text = """
groups:
  - {name: a, labels: {x: "1"}, rules: [{record: b, expr: up}, {record: c, expr: up}]}
  - {name: d, rules: [{record: b, expr: up, labels: {x: "1"}}, {record: c, expr: up}]}
"""
    assert duplicates(parse_rule_file(text, check_only()).groups) == [("b", (("x", "1"),))]
