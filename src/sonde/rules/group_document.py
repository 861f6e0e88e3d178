"""A group of rules as a document: what a rule file would say of it, to be kept, shown and read again.

Specification: https://prometheus.io/docs/prometheus/latest/configuration/recording_rules/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import yaml

from sonde.rules.rule_file import DEFAULT_LANGUAGE, GroupDefinition, RuleDefinition
from sonde.telemetry.duration import duration_text

_MILLI: Final = 1_000_000
_WIDTH: Final = 1 << 30
"""Of a line: expressions are not broken."""


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc] # which of both, the machine says
    """Texts of several lines as blocks."""


def _text(dumper: Any, text: str) -> Any:
    is_block = "\n" in text and not any(line.endswith((" ", "\t")) for line in text.split("\n"))
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if is_block else None)


_Dumper.add_representer(str, _text)


def group_document(group: GroupDefinition) -> dict[str, Any]:
    """A group as plain data.

    >>> from sonde.rules.languages import check_only
    >>> from sonde.rules.rule_file import parse_rule_group
    >>> text = "{name: a, interval: 60s, rules: [{alert: Down, expr: 'up == 0', for: 90s, labels: {severity: page}}]}"
    >>> [group] = parse_rule_group(text, check_only()).groups
    >>> print(as_yaml(group_document(group)), end="")
    name: a
    interval: 1m
    rules:
    - alert: Down
      expr: up == 0
      for: 1m30s
      labels:
        severity: page
    """
    document: dict[str, Any] = {"name": group.name}
    if group.interval_nano:
        document["interval"] = _duration(group.interval_nano)
    if group.query_offset_nano is not None:
        document["query_offset"] = _duration(group.query_offset_nano)
    if group.limit:
        document["limit"] = group.limit
    if group.labels:
        document["labels"] = dict(group.labels)
    return {**document, "rules": [_rule_document(rule) for rule in group.rules]}


def _rule_document(rule: RuleDefinition) -> dict[str, Any]:
    document: dict[str, Any] = {"record": rule.record} if rule.record else {"alert": rule.alert}
    document["expr"] = rule.expr
    if rule.language != DEFAULT_LANGUAGE:
        document["language"] = rule.language
    for name, nanoseconds in (("for", rule.for_nano), ("keep_firing_for", rule.keep_firing_for_nano)):
        if nanoseconds:
            document[name] = _duration(nanoseconds)
    for name, texts in (("labels", rule.labels), ("annotations", rule.annotations)):
        if texts:
            document[name] = dict(texts)
    return document


def as_yaml(document: Mapping[str, Any]) -> str:
    """Plain data as YAML, in its order."""
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)
    return text


def from_yaml(text: str) -> dict[str, Any]:
    """Plain data that ``as_yaml`` has written."""
    document: dict[str, Any] = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    return document


def _duration(nanoseconds: int) -> str:
    return duration_text(nanoseconds // _MILLI)
