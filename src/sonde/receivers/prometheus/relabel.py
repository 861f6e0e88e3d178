"""Relabelling: rules that change, keep or drop label sets, of targets before they are scraped and of series after.

Specification: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#relabel_config
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

from sonde.errors import UserError
from sonde.telemetry.matcher import compiled

Action = Literal[
    "replace", "keep", "drop", "keepequal", "dropequal", "hashmod", "labelmap", "labeldrop", "labelkeep",
    "lowercase", "uppercase",
]  # fmt: skip
ACTIONS: Final[tuple[str, ...]] = get_args(Action)

DEFAULT_SEPARATOR, DEFAULT_REGEX, DEFAULT_REPLACEMENT = ";", "(.*)", "$1"
_NEEDS_TARGET: Final = {"replace", "hashmod", "lowercase", "uppercase", "keepequal", "dropequal"}
_REFERENCE: Final = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})")
_NUMBER: Final = re.compile(r"(0|[1-9][0-9]{0,7})\Z")
_LABEL_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*\Z")
_LEGACY_TARGET: Final = re.compile(r"(?:[a-zA-Z_]|\$(?:\{\w+\}|\w))(?:\w|\$(?:\{\w+\}|\w))*\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rule:
    """One ``relabel_config``. ``replacement`` and ``target_label`` may have ``$1`` and ``${name}``."""

    action: Action = "replace"
    source_labels: tuple[str, ...] = ()
    separator: str = DEFAULT_SEPARATOR
    regex: str = DEFAULT_REGEX
    modulus: int = 0
    target_label: str = ""
    replacement: str = DEFAULT_REPLACEMENT
    legacy_names: bool = False
    """Whether the names of labels are of letters, digits and underscores only."""
    pattern: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pattern", compiled(self.regex))


def validate(rule: Rule) -> None:
    """Refuse a rule that could never do what its author wants.

    Raises:
        UserError: In Prometheus' words.
    """
    action, legacy_names = rule.action, rule.legacy_names
    name_ok = _LABEL_NAME.match if legacy_names else _is_utf8_name

    def refuse(what: str) -> None:
        raise UserError(what, code="relabel.rule")

    if action == "hashmod" and rule.modulus == 0:
        refuse("relabel configuration for hashmod requires non-zero modulus")
    if action in _NEEDS_TARGET and not rule.target_label:
        refuse(f"relabel configuration for {action} action requires 'target_label' value")
    is_template = action == "replace" and "$" in rule.target_label
    target_ok = _LEGACY_TARGET.match if is_template and legacy_names else (lambda _: True) if is_template else name_ok
    if action in _NEEDS_TARGET and not target_ok(rule.target_label):
        refuse(f"{rule.target_label!r} is invalid 'target_label' for {action} action")
    if action in {"lowercase", "uppercase", "keepequal", "dropequal"} and rule.replacement != DEFAULT_REPLACEMENT:
        refuse(f"'replacement' can not be set for {action} action")
    if action == "labelmap" and not (_LEGACY_TARGET.match(rule.replacement) if legacy_names else rule.replacement):
        refuse(f"{rule.replacement!r} is invalid 'replacement' for {action} action")
    others = (rule.separator, rule.modulus, rule.replacement) != (DEFAULT_SEPARATOR, 0, DEFAULT_REPLACEMENT)
    if action in {"keepequal", "dropequal"} and (others or rule.regex != DEFAULT_REGEX):
        refuse(f"{action} action requires only 'source_labels' and `target_label`, and no other fields")
    if action in {"labeldrop", "labelkeep"} and (others or rule.source_labels or rule.target_label):
        refuse(f"{action} action requires only 'regex', and no other fields")


def relabel(labels: Mapping[str, str], rules: Iterable[Rule]) -> dict[str, str] | None:
    """Apply the rules in order; None if one of them drops the label set. Empty values are no labels.

    >>> rules = [Rule(source_labels=("__meta_env", "job"), separator="/", target_label="job", replacement="$1-x")]
    >>> relabel({"__meta_env": "prod", "job": "api"}, rules)
    {'__meta_env': 'prod', 'job': 'prod/api-x'}
    >>> relabel({"job": "api"}, [Rule(action="drop", source_labels=("job",), regex="a.*")]) is None
    True
    """
    left = {name: value for name, value in labels.items() if value}
    for rule in rules:
        value = rule.separator.join([left.get(name, "") for name in rule.source_labels])
        decide = _DECISIONS.get(rule.action)
        if decide is None:
            _CHANGES[rule.action](rule, value, left)
        elif not decide(rule, value, left):
            return None
    return left


def _is_match(rule: Rule, value: str) -> bool:
    return rule.pattern.fullmatch(value) is not None


def _is_equal(rule: Rule, value: str, labels: dict[str, str]) -> bool:
    return labels.get(rule.target_label, "") == value


_DECISIONS: Final[Mapping[str, Callable[[Rule, str, dict[str, str]], bool]]] = {
    "keep": lambda rule, value, _: _is_match(rule, value),
    "drop": lambda rule, value, _: not _is_match(rule, value),
    "keepequal": _is_equal,
    "dropequal": lambda rule, value, labels: not _is_equal(rule, value, labels),
}
"""The actions that say whether a label set stays."""


def _replace(rule: Rule, value: str, labels: dict[str, str]) -> None:
    found = rule.pattern.fullmatch(value)
    if found is None:
        return
    target = expand(rule.target_label, found)
    if (_LABEL_NAME.match if rule.legacy_names else _is_utf8_name)(target):
        _set(labels, target, expand(rule.replacement, found))


def _hash(rule: Rule, value: str, labels: dict[str, str]) -> None:
    digest = hashlib.md5(value.encode(), usedforsecurity=False).digest()
    _set(labels, rule.target_label, str(int.from_bytes(digest[8:], "big") % rule.modulus))


def _map_names(rule: Rule, _: str, labels: dict[str, str]) -> None:
    for name, text in list(labels.items()):
        found = rule.pattern.fullmatch(name)
        if found is not None and (target := expand(rule.replacement, found)):
            _set(labels, target, text)


def _drop_names(rule: Rule, _: str, labels: dict[str, str]) -> None:
    for name in [name for name in labels if _is_match(rule, name) is (rule.action == "labeldrop")]:
        del labels[name]


_CHANGES: Final[Mapping[str, Callable[[Rule, str, dict[str, str]], None]]] = {
    "replace": _replace,
    "hashmod": _hash,
    "lowercase": lambda rule, value, labels: _set(labels, rule.target_label, in_case(value, str.lower)),
    "uppercase": lambda rule, value, labels: _set(labels, rule.target_label, in_case(value, str.upper)),
    "labelmap": _map_names,
    "labeldrop": _drop_names,
    "labelkeep": _drop_names,
}
"""The actions that change a label set."""


def in_case(text: str, convert: Callable[[str], str]) -> str:
    """A text in the other case, letter by letter as Go does it: one that would become several letters stays.

    >>> in_case("Größe", str.upper), in_case("ÀΣ", str.lower)
    ('GRÖßE', 'àσ')
    """
    if text.isascii():
        return convert(text)
    return "".join([other if len(other := convert(letter)) == 1 else letter for letter in text])


def _set(labels: dict[str, str], name: str, value: str) -> None:
    if value:
        labels[name] = value
    else:
        labels.pop(name, None)


def _is_utf8_name(name: str) -> bool:
    """Any text is a name, as long as there is one."""
    return bool(name)


def expand(template: str, found: Any) -> str:
    """Put what a pattern found into a template as Go does it: an unknown reference is empty, ``$$`` is a dollar.

    >>> expand("${1}_$2x$$", compiled("(a)(b)").fullmatch("ab"))
    'a_$'
    >>> expand("$ $- ${ ${1 $01", compiled("(a)(b)").fullmatch("ab"))
    '$ $- ${ ${1 '
    """
    if "$" not in template:
        return template

    def group(reference: re.Match[str]) -> str:
        if reference[1]:
            return "$"
        name = reference[2] or reference[3]
        try:
            return found.group(int(name) if _NUMBER.match(name) else name) or ""
        except (IndexError, KeyError):
            return ""

    return _REFERENCE.sub(group, template)
