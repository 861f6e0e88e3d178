"""Reads the ``alerting`` section of ``prometheus.yml``; ``sender`` does what it says.

All that is wrong is reported at once, each with its line and column. What is valid but not done here is an error too.

Specification: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#alertmanager_config
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import ValidationError, field_validator, model_validator

from sonde.errors import UserError
from sonde.notify.configuration.http_config import NotifierHttpConfig
from sonde.notify.notifiers.proxy import checked_proxy
from sonde.receivers.prometheus.config_problems import KeyPath, Problems, keys_below
from sonde.receivers.prometheus.config_values import AtKey, Interval, Section
from sonde.receivers.prometheus.discovery.config import (
    DnsSdConfig,
    DockerSdConfig,
    FileSdConfig,
    HttpSdConfig,
    StaticConfig,
)
from sonde.receivers.prometheus.relabel import Rule, validate
from sonde.receivers.prometheus.scrape_config import RelabelConfig
from sonde.receivers.prometheus.yaml_tree import YamlTree, parse_yaml

_CODE: Final = "alerting.config"
_SUPPORTED_SD: Final = ("static_configs", "file_sd_configs", "http_sd_configs", "dns_sd_configs", "docker_sd_configs")
_NOT_DONE: Final = {
    "sigv4": "sigv4 is not supported: requests are not signed for AWS",
    "azuread": "azuread is not supported; use oauth2",
    "google_iam": "google_iam is not supported; use oauth2",
}


class AlertmanagerConfig(NotifierHttpConfig):
    """Some Alertmanagers that are found and told of alerts in the same way."""

    scheme: Literal["http", "https"] = "http"
    path_prefix: str = ""
    timeout: Interval = 10_000
    """Of one request, in milliseconds."""
    api_version: str = "v2"
    static_configs: tuple[StaticConfig, ...] = ()
    file_sd_configs: tuple[FileSdConfig, ...] = ()
    http_sd_configs: tuple[HttpSdConfig, ...] = ()
    dns_sd_configs: tuple[DnsSdConfig, ...] = ()
    docker_sd_configs: tuple[DockerSdConfig, ...] = ()
    relabel_configs: tuple[RelabelConfig, ...] = ()
    """Of Alertmanagers that were found."""
    alert_relabel_configs: tuple[RelabelConfig, ...] = ()
    """Of alerts that go to these Alertmanagers."""

    @model_validator(mode="before")
    @classmethod
    def _supported(cls, given: Any) -> Any:
        for key in given if isinstance(given, dict) else ():
            if key in _NOT_DONE:
                raise AtKey(key, _NOT_DONE[key])
            if key.endswith("_sd_configs") and key not in _SUPPORTED_SD:
                raise AtKey(key, f"{key} is not supported; Alertmanagers come from {', '.join(_SUPPORTED_SD)}")
        return given

    @field_validator("api_version")
    @classmethod
    def _is_v2(cls, value: str) -> str:
        if value != "v2":
            gone = "; none has v1 since 0.27" if value == "v1" else ""
            raise ValueError(f"expected Alertmanager api version to be one of [v2] but got {value}{gone}")
        return value

    @field_validator("proxy_url")
    @classmethod
    def _is_url(cls, value: str) -> str:
        try:
            checked_proxy(value)
        except UserError as error:
            raise ValueError(error.message) from error
        return value

    @model_validator(mode="after")
    def _has_hosts(self) -> Self:
        for group in () if self.relabel_configs else self.static_configs:
            for target in group.targets:
                if "/" in target:
                    raise AtKey(
                        "static_configs",
                        f'"{target}" is not a valid hostname; set scheme and path_prefix for the rest',
                    )
        return self


class _Alerting(Section):
    alert_relabel_configs: tuple[RelabelConfig, ...] = ()
    alertmanagers: tuple[AlertmanagerConfig, ...] = ()


class _Document(Section):
    alerting: _Alerting = _Alerting()


@dataclass(frozen=True, slots=True)
class AlertingConfig:
    """What the section says: the rules by which all alerts are relabelled, and who is told of them."""

    alert_rules: tuple[Rule, ...] = ()
    alertmanagers: tuple[AlertmanagerConfig, ...] = ()
    legacy_names: bool = False
    """Whether names of labels are of letters, digits and underscores only."""

    def rules(self, configs: Iterable[RelabelConfig]) -> tuple[Rule, ...]:
        """The rules of a part of the section."""
        return tuple(config.rule(legacy_names=self.legacy_names) for config in configs)


def load_alerting(file: Path) -> AlertingConfig:
    """Read the section of a file.

    Raises:
        UserError: It cannot be read, or as ``parse_alerting``.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise UserError(f"{file} cannot be read: {reason}", code=_CODE) from error
    return parse_alerting(text, source=str(file), directory=file.parent)


def parse_alerting(text: str, *, source: str = "prometheus.yml", directory: Path | None = None) -> AlertingConfig:
    """Read the section of a whole ``prometheus.yml``, whose other sections somebody else takes care of.

    Raises:
        UserError: It is not YAML, or as ``read_alerting``.

    >>> text = "alerting: {alertmanagers: [{timeout: 5s, static_configs: [{targets: ['am:9093']}]}]}"
    >>> [section] = parse_alerting(text).alertmanagers
    >>> section.timeout, section.static_configs[0].targets
    (5000, ('am:9093',))
    >>> parse_alerting("alerting: {alertmanagers: [{api_version: v1}]}", source="p.yml")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    sonde.errors.UserError: 1:29: the alerting section cannot be used
      p.yml:1:29: alerting.alertmanagers.0.api_version: expected Alertmanager api version to be one of [v2] but got ...
    """
    try:
        tree = parse_yaml(text, source)
    except UserError as error:
        raise UserError(error.message, code=_CODE, hint=error.hint, position=error.position) from error
    return read_alerting(tree, directory=directory)


def read_alerting(tree: YamlTree, *, directory: Path | None = None) -> AlertingConfig:
    """Read the section of a whole ``prometheus.yml`` that has been parsed already; without it nobody is told.

    Args:
        tree: The file.
        directory: What relative paths in it start from.

    Raises:
        UserError: Something is wrong; the message has one line a problem, ``position`` is that of the first.
    """
    whole = tree.value if isinstance(tree.value, dict) else {}
    problems = Problems("the alerting section", _CODE, _KEYS)
    try:
        document = _Document.model_validate(
            {key: value for key, value in whole.items() if key == "alerting"},
            context={"directory": directory or Path()},
        )
    except ValidationError as error:
        problems.report(tree, error)
        problems.refuse()
        raise
    alerting = document.alerting
    config = AlertingConfig(alertmanagers=alerting.alertmanagers, legacy_names=_are_names_legacy(whole))
    rules = _checked(tree, ("alerting", "alert_relabel_configs"), alerting.alert_relabel_configs, config, problems)
    for place, section in enumerate(alerting.alertmanagers):
        for key in ("relabel_configs", "alert_relabel_configs"):
            _checked(tree, ("alerting", "alertmanagers", place, key), getattr(section, key), config, problems)
    problems.refuse()
    return AlertingConfig(rules, config.alertmanagers, config.legacy_names)


def _are_names_legacy(whole: dict[str, Any]) -> bool:
    common = whole.get("global")
    return isinstance(common, dict) and str(common.get("metric_name_validation_scheme")).lower() == "legacy"


def _checked(
    tree: YamlTree, path: KeyPath, configs: Sequence[RelabelConfig], of: AlertingConfig, problems: Problems
) -> tuple[Rule, ...]:
    """The rules of a list; those that could never do what they should are noted."""
    found = []
    for number, config in enumerate(configs):
        try:
            [rule] = of.rules([config])
            validate(rule)
        except UserError as error:
            problems.add(tree, (*path, number), error.message)
        else:
            found.append(rule)
    return tuple(found)


_KEYS: Final = keys_below(_Document)
