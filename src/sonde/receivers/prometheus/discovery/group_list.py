"""The list that files and HTTP services give: ``[{"targets": ["host:port"], "labels": {"env": "prod"}}]``.

Specification: https://prometheus.io/docs/prometheus/latest/http_sd/#http_sd-format
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from sonde.errors import UserError
from sonde.receivers.prometheus.discovery.target_group import ADDRESS, TargetGroup
from sonde.telemetry.labels import labels_of

_KEYS: Final = frozenset({"targets", "labels"})


def target_groups(value: Any, *, source: Callable[[int], str], labels: Mapping[str, str]) -> tuple[TargetGroup, ...]:
    """Check such a list and make groups of it; ``labels`` are added to those of each group and win over them.

    Raises:
        UserError: It is not of that form; the message says which group it is.

    >>> found = target_groups([{"targets": ["a:1"], "labels": {"env": "x"}}], source=str, labels={"__meta_url": "u"})
    >>> found[0].targets, found[0].labels
    (((('__address__', 'a:1'),),), (('__meta_url', 'u'), ('env', 'x')))
    """
    if value is None:
        return ()
    if not isinstance(value, list):
        raise UserError(f"expected a list of target groups, found {_kind(value)}", code="discovery.groups")
    return tuple(_group(group, place, source(place), labels) for place, group in enumerate(value))


def _group(group: Any, place: int, source: str, more: Mapping[str, str]) -> TargetGroup:
    def refuse(what: str) -> UserError:
        return UserError(f"target group {place}: {what}", code="discovery.groups")

    if group is None:
        raise UserError(f"nil target group item found (index {place})", code="discovery.groups")
    if not isinstance(group, dict):
        raise refuse(f"expected a mapping with targets and labels, found {_kind(group)}")
    if unknown := [key for key in group if key not in _KEYS]:
        raise refuse(f"unknown key {unknown[0]!r}")
    targets = [] if group.get("targets") is None else group["targets"]
    labels = {} if group.get("labels") is None else group["labels"]
    if not isinstance(targets, list) or not all(isinstance(target, str) for target in targets):
        raise refuse("targets must be a list of texts such as host:port")
    if not isinstance(labels, dict) or not all(isinstance(text, str) for text in labels.values()):
        raise refuse("labels must be a mapping of texts")
    if "" in labels:
        raise refuse("the name of a label is empty")
    return TargetGroup(source, tuple(((ADDRESS, target),) for target in targets), labels_of({**labels, **more}))


def _kind(value: Any) -> str:
    match value:
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case str():
            return "a text"
        case _:
            return type(value).__name__
