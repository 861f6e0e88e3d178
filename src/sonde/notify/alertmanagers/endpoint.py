"""From what discovery found to the URLs to which alerts are posted."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from sonde.errors import UserError
from sonde.notify.alertmanagers.alerting_config import AlertmanagerConfig
from sonde.receivers.prometheus.discovery.target_group import ADDRESS, TargetGroup
from sonde.receivers.prometheus.relabel import Rule, relabel
from sonde.telemetry.labels import Labels

_SCHEME: Final = "__scheme__"
_PATH: Final = "__alerts_path__"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The URLs of Alertmanagers: to be told, each once; dropped by relabelling; and what is wrong with others."""

    active: tuple[str, ...]
    dropped: tuple[str, ...]
    errors: tuple[str, ...]


def endpoints_of(config: AlertmanagerConfig, rules: Iterable[Rule], groups: Iterable[TargetGroup]) -> Endpoints:
    """Make the URLs of one section.

    >>> config = AlertmanagerConfig(path_prefix="alertmanager/")
    >>> group = TargetGroup("0", ((("__address__", "am:9093"),), (("__address__", "http://am"),)))
    >>> endpoints_of(config, (), [group])  # doctest: +NORMALIZE_WHITESPACE
    Endpoints(active=('http://am:9093/alertmanager/api/v2/alerts',), dropped=(),
              errors=('Alertmanager 1 of 0: "http://am" is not a valid hostname',))
    """
    rules = tuple(rules)
    active: dict[str, None] = {}
    dropped: list[str] = []
    errors: list[str] = []
    for group in groups:
        for place, own in enumerate(group.targets):
            discovered = _discovered(config, group, own)
            left = relabel(discovered, rules)
            if left is None:
                dropped.append(_url(discovered))
                continue
            try:
                active.setdefault(_checked(left))
            except UserError as error:
                errors.append(f"Alertmanager {place} of {group.source}: {error.message}")
    return Endpoints(tuple(active), tuple(dropped), tuple(errors))


def _discovered(config: AlertmanagerConfig, group: TargetGroup, own: Labels) -> dict[str, str]:
    """The labels before relabelling; the group's win over the section's, and these over the target's own."""
    named = {name for name, _ in own}
    return {
        **dict(own),
        _SCHEME: config.scheme,
        _PATH: _path(config),
        **{name: value for name, value in group.labels if name not in named},
    }


def _path(config: AlertmanagerConfig) -> str:
    joined = f"/{config.path_prefix}/api/{config.api_version}/alerts"
    return f"/{posixpath.normpath(joined).lstrip('/')}"


def _checked(labels: Mapping[str, str]) -> str:
    address = labels.get(ADDRESS, "")
    if not address:
        raise UserError("no address", code="alerting.target")
    if "/" in address:
        raise UserError(f'"{address}" is not a valid hostname', code="alerting.target")
    return _url(labels)


def _url(labels: Mapping[str, str]) -> str:
    path = quote(labels.get(_PATH, ""), safe="/$&+,:;=@!'()*~")
    slash = "" if path[:1] in {"", "/"} else "/"
    return f"{labels.get(_SCHEME, '')}://{labels.get(ADDRESS, '')}{slash}{path}"
