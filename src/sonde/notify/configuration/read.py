"""Reads Alertmanager's configuration file: text in, a checked ``Configuration`` out; ``routes`` and ``pipeline`` go on.

All that is wrong with the sections is reported at once, then all that is wrong with the whole, each with its line and
column, and where Alertmanager has words for it, in these.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml
from pydantic import ValidationError

from sonde.errors import UserError
from sonde.notify.configuration.inherit import filled
from sonde.notify.configuration.integration import IntegrationConfig
from sonde.notify.configuration.redact import redacted
from sonde.notify.configuration.sections import (
    INTEGRATION_KEYS,
    Document,
    GlobalSection,
    InhibitSection,
    MuteTimeIntervalSection,
    NamedTimeIntervalSection,
    ReceiverSection,
    RouteSection,
)
from sonde.notify.time_interval import TimeInterval
from sonde.receivers.prometheus.config_problems import KeyPath, Problems, keys_below
from sonde.receivers.prometheus.yaml_tree import YamlTree, parse_yaml
from sonde.telemetry.quoting import quote

_CODE: Final = "notify.config"
_T = TypeVar("_T", MuteTimeIntervalSection, NamedTimeIntervalSection)


@dataclass(frozen=True, slots=True)
class Integration:
    """One way to reach a receiver: the ``index``-th ``slack_configs`` of ``receiver`` has the kind ``slack``."""

    receiver: str
    kind: str
    index: int
    config: IntegrationConfig

    @property
    def key(self) -> str:
        """What it is called in the notification log.

        >>> Integration("team", "slack", 0, IntegrationConfig()).key
        'team/slack/0'
        """
        return f"{self.receiver}/{self.kind}/{self.index}"


@dataclass(frozen=True, slots=True)
class Configuration:
    """What Alertmanager's file says."""

    common: GlobalSection
    route: RouteSection
    inhibit_rules: tuple[InhibitSection, ...]
    receivers: Mapping[str, tuple[Integration, ...]]
    """By name, in the order of the file."""
    time_intervals: Mapping[str, tuple[TimeInterval, ...]]
    templates: tuple[str, ...]
    """Patterns of the files with templates."""
    text: str
    """The file as it may be shown: without secrets."""

    @property
    def integration_keys(self) -> tuple[str, ...]:
        """The keys of all integrations, in order."""
        return tuple(each.key for integrations in self.receivers.values() for each in integrations)


def load_configuration(file: Path, *, refused: Mapping[str, str] | None = None) -> Configuration:
    """Read a configuration file.

    Raises:
        UserError: As ``parse_configuration``, or the file cannot be read.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise UserError(f"{file} cannot be read: {reason}", code=_CODE) from error
    return parse_configuration(text, source=str(file), directory=file.parent, refused=refused)


def parse_configuration(
    text: str,
    *,
    source: str = "alertmanager.yml",
    directory: Path | None = None,
    refused: Mapping[str, str] | None = None,
) -> Configuration:
    """Read Alertmanager's configuration.

    Args:
        text: YAML.
        source: What it is called in messages.
        directory: What relative paths in it start from.
        refused: Keys of receivers that nobody here sends (``sns_configs``), and why; they are checked, then refused.

    Raises:
        UserError: Something is wrong; the message has one line a problem, ``position`` is that of the first.

    >>> configuration = parse_configuration("{route: {receiver: a}, receivers: [{name: a}]}")
    >>> configuration.common.resolve_timeout, list(configuration.receivers)
    (300000000000, ['a'])
    >>> parse_configuration("{route: {receiver: b}, receivers: [{name: a}]}", source="a.yml")
    Traceback (most recent call last):
    sonde.errors.UserError: 1:10: the alerting configuration cannot be used
      a.yml:1:10: undefined receiver "b" used in route [notify.config]
    """
    try:
        tree = parse_yaml(text, source)
    except UserError as error:
        raise UserError(error.message, code=_CODE, hint=error.hint, position=error.position) from error
    problems = _Problems(tree)
    if tree.value is None:
        problems.refuse_now((), "no route provided in config")
    document = _document(tree, text, directory or Path(), problems)
    receivers = _receivers(document, problems, refused or {})
    _check_route(document, problems)
    intervals = {
        **_intervals("mute_time_intervals", "mute time interval", document.mute_time_intervals, set(), problems),
        **_intervals(
            "time_intervals",
            "time interval",
            document.time_intervals,
            {each.name for each in document.mute_time_intervals},
            problems,
        ),
    }
    _check_names(document, receivers, intervals, problems)
    problems.refuse()
    if document.route is None:
        raise AssertionError("a document without a route was refused")
    return Configuration(
        common=document.global_,
        route=document.route,
        inhibit_rules=document.inhibit_rules,
        receivers=receivers,
        time_intervals=intervals,
        templates=tuple(str((directory or Path()) / pattern) for pattern in document.templates),
        text=redacted(text),
    )


class _Problems:
    """What is wrong with the one file, with places. Values may be secrets."""

    def __init__(self, tree: YamlTree) -> None:
        self._tree = tree
        self._found = Problems("the alerting configuration", _CODE, _KEYS, are_values_shown=False)
        self.refuse = self._found.refuse

    def add(self, path: KeyPath, what: str) -> None:
        self._found.add(self._tree, path, what)

    def report(self, error: ValidationError) -> None:
        self._found.report(self._tree, error)

    def refuse_now(self, path: KeyPath, what: str) -> None:
        self.add(path, what)
        self.refuse()


def _document(tree: YamlTree, text: str, directory: Path, problems: _Problems) -> Document:
    value = tree.value
    if "jira_configs" in text:
        _restore_kinds(value, yaml.safe_load(text))
    try:
        return Document.model_validate(value, context={"directory": directory})
    except ValidationError as error:
        problems.report(error)
        problems.refuse()
        raise


def _restore_kinds(value: Any, typed: Any) -> None:
    """Jira's own fields are whatever its users say: their values are no texts, but what YAML says they are."""
    for receiver, typed_receiver in zip(_items(value, "receivers"), _items(typed, "receivers"), strict=False):
        pairs = zip(_items(receiver, "jira_configs"), _items(typed_receiver, "jira_configs"), strict=False)
        for config, typed_config in pairs:
            if isinstance(config, dict) and config.get("fields"):
                config["fields"] = typed_config["fields"]


def _items(value: Any, key: str) -> list[Any]:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


def _receivers(
    document: Document, problems: _Problems, refused: Mapping[str, str]
) -> dict[str, tuple[Integration, ...]]:
    found: dict[str, tuple[Integration, ...]] = {}
    for place, receiver in enumerate(document.receivers):
        if receiver.name in found:
            problems.add(("receivers", place, "name"), f"notification config name {quote(receiver.name)} is not unique")
        found[receiver.name] = tuple(_integrations(place, receiver, document.global_, problems, refused))
    return found


def _integrations(
    place: int, receiver: ReceiverSection, common: GlobalSection, problems: _Problems, refused: Mapping[str, str]
) -> Iterator[Integration]:
    for key in INTEGRATION_KEYS:
        for index, config in enumerate(getattr(receiver, key)):
            path = ("receivers", place, key, index)
            if key in refused:
                problems.add(path, f"{key} is not supported: {refused[key]}")
            try:
                yield Integration(receiver.name, key.removesuffix("_configs"), index, filled(key, config, common))
            except ValueError as error:
                problems.add(path, str(error))


def _check_route(document: Document, problems: _Problems) -> None:
    route = document.route
    if route is None:
        problems.refuse_now(("route",), "no routes provided")
        return
    if not route.receiver:
        problems.add(("route",), "root route must specify a default receiver")
    if route.match or route.match_re or route.matchers:
        problems.add(("route",), "root route must not have any matchers")
    if route.mute_time_intervals:
        problems.add(("route", "mute_time_intervals"), "root route must not have any mute time intervals")
    if route.active_time_intervals:
        problems.add(("route", "active_time_intervals"), "root route must not have any active time intervals")
    if route.continue_:
        problems.add(("route", "continue"), "cannot have continue in root route")


def _check_names(
    document: Document, receivers: Mapping[str, object], intervals: Mapping[str, object], problems: _Problems
) -> None:
    for path, route in _routes(("route",), document.route) if document.route else ():
        if route.receiver and route.receiver not in receivers:
            problems.add((*path, "receiver"), f"undefined receiver {quote(route.receiver)} used in route")
        for key in ("active_time_intervals", "mute_time_intervals"):
            for place, name in enumerate(getattr(route, key)):
                if name not in intervals:
                    problems.add((*path, key, place), f"undefined time interval {quote(name)} used in route")


def _routes(path: KeyPath, route: RouteSection) -> Iterator[tuple[KeyPath, RouteSection]]:
    yield path, route
    for place, inner in enumerate(route.routes):
        yield from _routes((*path, "routes", place), inner)


def _intervals(
    key: str, what: str, sections: tuple[_T, ...], taken: set[str], problems: _Problems
) -> dict[str, tuple[TimeInterval, ...]]:
    found: dict[str, tuple[TimeInterval, ...]] = {}
    for place, section in enumerate(sections):
        if section.name in taken or section.name in found:
            problems.add((key, place, "name"), f"{what} {quote(section.name)} is not unique")
        found[section.name] = tuple(each.interval() for each in section.time_intervals)
    return found


_KEYS: Final = keys_below(Document)
