"""Rule files as people have them for Prometheus: text in, groups of rules out, or all that is wrong with them.

A group or a rule may say ``language`` (``promql``, ``sql``), a key of our own. Everything else is Prometheus'.

Specification: https://prometheus.io/docs/prometheus/latest/configuration/recording_rules/
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml

from sonde.errors import UserError
from sonde.rules.expression import Answer, Expression, Language
from sonde.rules.template import template_fault
from sonde.rules.yaml_node import Decoder, Place, Problem, compose, place_of
from sonde.telemetry.labels import METRIC_NAME
from sonde.telemetry.quoting import is_utf8, quote

DEFAULT_LANGUAGE: Final = "promql"

_FILE: Final = dict.fromkeys(("groups",))
_GROUP: Final = dict.fromkeys(("name", "interval", "query_offset", "limit", "rules", "labels", "language"))
_RULE: Final = dict.fromkeys(
    ("record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations", "language"),
)


@dataclass(frozen=True, slots=True)
class RuleDefinition:
    """A rule as it is written. One of ``record`` and ``alert`` is a name, the other is empty."""

    record: str
    alert: str
    expr: str
    expression: Expression
    for_nano: int = 0
    keep_firing_for_nano: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    language: str = DEFAULT_LANGUAGE

    @property
    def name(self) -> str:
        """The metric or the alert."""
        return self.record or self.alert


@dataclass(frozen=True, slots=True)
class GroupDefinition:
    """A group as it is written. An interval of 0 is the default one."""

    name: str
    file: str
    rules: tuple[RuleDefinition, ...]
    interval_nano: int = 0
    query_offset_nano: int | None = None
    limit: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RuleFile:
    """What a file says: its groups if nothing is wrong, and what is wrong."""

    source: str
    groups: tuple[GroupDefinition, ...] = ()
    problems: tuple[Problem, ...] = ()
    has_more_documents: bool = False
    """Further documents, which Prometheus does not read either."""

    @property
    def rule_count(self) -> int:
        """How many rules there are."""
        return sum(len(group.rules) for group in self.groups)

    def messages(self) -> list[str]:
        """What is wrong, a line each, as promtool says it."""
        return [f"{self.source}: {problem}" if self.source else str(problem) for problem in self.problems]


def parse_rule_file(
    text: str, languages: Mapping[str, Language], *, source: str = "", ignore_unknown_fields: bool = False
) -> RuleFile:
    r"""Read a rule file.

    >>> from sonde.rules.languages import check_only
    >>> file = parse_rule_file("groups: [{name: a, rules: [{record: b, exprr: up}]}]", check_only(), source="r.yml")
    >>> print(*file.messages(), sep="\n")
    r.yml: 1:40: field exprr not found in type rulefmt.Rule
    """
    return _parsed(text, languages, source, _groups, ignore_unknown_fields=ignore_unknown_fields)


def parse_rule_group(text: str, languages: Mapping[str, Language], *, source: str = "") -> RuleFile:
    r"""Read one group, as rule servers are given it: what stands below ``groups`` in a file.

    >>> from sonde.rules.languages import check_only
    >>> file = parse_rule_group("name: a\nrules: [{record: b, expr: up}]", check_only(), source="team")
    >>> [(group.file, group.name) for group in file.groups]
    [('team', 'a')]
    """
    return _parsed(text, languages, source, _one_group, ignore_unknown_fields=False)


def load_rule_files(
    patterns: Iterable[str], languages: Mapping[str, Language], *, directory: Path | None = None
) -> tuple[GroupDefinition, ...]:
    """The groups of all files that fit one of the patterns, as ``rule_files`` of Prometheus' configuration has them.

    Raises:
        UserError: A file cannot be read or used; the message has a line for each problem.
    """
    groups: list[GroupDefinition] = []
    messages: list[str] = []
    for path in matching_files(patterns, directory=directory):
        file = read_rule_file(path, languages)
        groups += file.groups
        messages += file.messages()
    if messages:
        raise UserError("\n  ".join(["the rule files cannot be used", *messages]), code="rules.file")
    return tuple(groups)


def matching_files(patterns: Iterable[str], *, directory: Path | None = None) -> list[str]:
    """The files that fit, each once, in order."""
    found: dict[str, None] = {}
    for pattern in patterns:
        whole = pattern if Path(pattern).is_absolute() or directory is None else str(directory / pattern)
        found.update(dict.fromkeys(sorted(glob.glob(whole))))  # noqa: PTH207 - a pattern may be absolute
    return list(found)


def read_rule_file(path: str, languages: Mapping[str, Language], *, ignore_unknown_fields: bool = False) -> RuleFile:
    """Read a rule file by its name."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        return RuleFile(path, problems=(Problem(f"open {path}: {os.strerror(error.errno or 0).lower()}"),))
    except UnicodeDecodeError:
        return RuleFile(path, problems=(Problem("yaml: invalid UTF-8"),))
    return parse_rule_file(text, languages, source=path, ignore_unknown_fields=ignore_unknown_fields)


def duplicates(groups: Sequence[GroupDefinition]) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    """The name and labels of all rules that are there more than once, in order."""
    counted: dict[tuple[str, tuple[tuple[str, str], ...]], int] = {}
    for group in groups:
        for rule in group.rules:
            labels = tuple(sorted({**group.labels, **rule.labels}.items()))
            counted[rule.alert or rule.record, labels] = counted.get((rule.alert or rule.record, labels), 0) + 1
    return sorted(rule for rule, count in counted.items() if count > 1)


def _parsed(
    text: str, languages: Mapping[str, Language], source: str, read: _Read, *, ignore_unknown_fields: bool
) -> RuleFile:
    try:
        root, has_more = compose(text)
    except UserError as error:
        return RuleFile(source, problems=(Problem(error.message, *(error.position or (0, 0))),))
    decoder = Decoder(ignore_unknown=ignore_unknown_fields)
    reader = _Reader(decoder, source, languages)
    groups = read(decoder, reader, root)
    # as in Prometheus, what the values mean is looked at only where all of them are of the right kind
    problems = decoder.problems or reader.all_problems(groups)
    if problems:
        return RuleFile(source, problems=tuple(problems), has_more_documents=has_more)
    return RuleFile(source, tuple(group.definition for group in groups), has_more_documents=has_more)


def _groups(decoder: Decoder, reader: _Reader, root: yaml.Node | None) -> Sequence[_ReadGroup]:
    found = decoder.mapping(root, "rulefmt.RuleGroups", _FILE)
    return decoder.items(found.get("groups"), "[]rulefmt.RuleGroup", reader.group)


def _one_group(decoder: Decoder, reader: _Reader, root: yaml.Node | None) -> Sequence[_ReadGroup]:
    if root is None:
        decoder.problems.append(Problem("there is no rule group"))
        return ()
    return (reader.group(root),)


@dataclass(frozen=True, slots=True)
class _ReadRule:
    definition: RuleDefinition
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _ReadGroup:
    definition: GroupDefinition
    place: Place
    rules: tuple[_ReadRule, ...]


class _Reader:
    """Makes groups of nodes, and finds what is wrong with what they mean."""

    def __init__(self, decoder: Decoder, source: str, languages: Mapping[str, Language]) -> None:
        self._decoder = decoder
        self._source = source
        self._languages = languages

    def group(self, node: yaml.Node) -> _ReadGroup:
        decoder = self._decoder
        found = decoder.mapping(node, "rulefmt.RuleGroup", _GROUP)
        language = decoder.text(found.get("language")) or DEFAULT_LANGUAGE
        rules = decoder.items(found.get("rules"), "[]rulefmt.Rule", lambda item: self._rule(item, language))
        definition = GroupDefinition(
            name=decoder.text(found.get("name")),
            file=self._source,
            rules=tuple(rule.definition for rule in rules),
            interval_nano=decoder.duration(found.get("interval")) or 0,
            query_offset_nano=decoder.duration(found.get("query_offset")),
            limit=decoder.integer(found.get("limit")),
            labels=decoder.texts(found.get("labels")),
        )
        return _ReadGroup(definition, place_of(node), rules)

    def _rule(self, node: yaml.Node, language: str) -> _ReadRule:
        decoder = self._decoder
        found = decoder.mapping(node, "rulefmt.Rule", _RULE)
        language = decoder.text(found.get("language")) or language
        record, alert = decoder.text(found.get("record")), decoder.text(found.get("alert"))
        expr = decoder.text(found.get("expr"))
        expr_place = place_of(found.get("expr", node))
        name_place = place_of(found.get("record") or found.get("alert") or node)
        problems: list[Problem] = []
        if record and alert:
            problems.append(name_place.problem("only one of 'record' and 'alert' must be set"))
        if not record and not alert:
            problems.append(name_place.problem("one of 'record' or 'alert' must be set"))
        expression = self._expression(expr, language, expr_place, problems)
        definition = RuleDefinition(
            record=record,
            alert=alert,
            expr=expr,
            expression=expression,
            for_nano=decoder.duration(found.get("for")) or 0,
            keep_firing_for_nano=decoder.duration(found.get("keep_firing_for")) or 0,
            labels=decoder.texts(found.get("labels")),
            annotations=decoder.texts(found.get("annotations")),
            language=language,
        )
        problems += _faults(definition, name_place, node)
        return _ReadRule(definition, tuple(problems))

    def _expression(self, expr: str, language: str, place: Place, problems: list[Problem]) -> Expression:
        known = self._languages.get(language)
        if known is None:
            names = ", ".join(self._languages)
            problems.append(place.problem(f"unknown language {quote(language)}; known are {names}"))
        elif not expr:
            problems.append(place.problem("field 'expr' must be set in rule"))
        else:
            try:
                return known.parse(expr)
            except UserError as error:
                problems.append(place.problem(f"could not parse expression: {error.message}"))
        return _NoExpression()

    def all_problems(self, groups: Sequence[_ReadGroup]) -> list[Problem]:
        """What is wrong with the groups."""
        problems: list[Problem] = []
        names: set[str] = set()
        for group in groups:
            name = group.definition.name
            if not name:
                problems.append(group.place.problem("Groupname must not be empty"))
            if name in names:
                problems.append(group.place.problem(f'groupname: "{name}" is repeated in the same file'))
            names.add(name)
            problems += _label_faults(group.definition.labels, group.place)
            for number, rule in enumerate(group.rules, start=1):
                title = f"group {quote(name)}, rule {number}, {quote(rule.definition.alert or rule.definition.record)}"
                problems += [Problem(f"{title}: {each.message}", each.line, each.column) for each in rule.problems]
        return problems


_Read = Callable[[Decoder, _Reader, yaml.Node | None], Sequence[_ReadGroup]]


class _NoExpression:
    """Stands where an expression could not be read; its file is refused."""

    text = ""
    reads = None

    async def evaluate(self, at_milli: int) -> Answer:
        """Never asked."""
        raise AssertionError(at_milli)


def _faults(rule: RuleDefinition, place: Place, node: yaml.Node) -> Iterator[Problem]:
    if rule.record:
        for name, value in (
            ("annotations", rule.annotations),
            ("for", rule.for_nano),
            ("keep_firing_for", rule.keep_firing_for_nano),
        ):
            if value:
                yield place.problem(f"invalid field '{name}' in recording rule")
        if not is_utf8(rule.record):
            yield place.problem(f"invalid recording rule name: {rule.record}")
        if "{" in rule.record or "}" in rule.record:
            yield place.problem(f"braces present in the recording rule name; should it be in expr?: {rule.record}")
    yield from _label_faults(rule.labels, place_of(node))
    yield from _text_faults(rule, place_of(node))


def _text_faults(rule: RuleDefinition, place: Place) -> Iterator[Problem]:
    for name in rule.annotations:
        if not _is_label_name(name):
            yield place.problem(f"invalid annotation name: {name}")
    if rule.alert:
        for kind, texts in (("label", rule.labels), ("annotation", rule.annotations)):
            for name, text in texts.items():
                if fault := template_fault(text, rule.alert):
                    yield place.problem(f"{kind} {quote(name)}: {fault}")


def _label_faults(labels: Mapping[str, str], place: Place) -> Iterator[Problem]:
    for name, value in labels.items():
        if not _is_label_name(name) or name == METRIC_NAME:
            yield place.problem(f"invalid label name: {name}")
        if not is_utf8(value):
            yield place.problem(f"invalid label value: {value}")


def _is_label_name(name: str) -> bool:
    """Any text in UTF-8, as Prometheus 3 has it."""
    return bool(name) and is_utf8(name)
