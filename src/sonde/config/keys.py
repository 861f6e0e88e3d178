"""Every key of the configuration as one flat table, derived from ``Settings``; ``load`` and the docs read it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from sonde.config.settings import Section, Settings
from sonde.config.values import SIZE, Kind, format_duration, format_size

ENVIRONMENT_PREFIX = "SONDE_"
MASK = "********"


@dataclass(frozen=True, slots=True)
class Key:
    """One setting: where it stands in the file, what the environment calls it, what it takes and means."""

    path: str
    kind: str
    default: str
    description: str
    secret: bool
    structured: bool

    @property
    def variable(self) -> str:
        """The environment variable that sets it.

        >>> KEYS["retention.max_bytes.logs"].variable
        'SONDE_RETENTION_MAX_BYTES_LOGS'
        """
        return ENVIRONMENT_PREFIX + self.path.upper().replace(".", "_")


def _keys(section: type[Section], prefix: str = "") -> Iterator[Key]:
    for name, field in section.model_fields.items():
        path = prefix + name
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield from _keys(field.annotation, f"{path}.")
        else:
            yield Key(
                path=path,
                kind=_kind(field),
                default=write_value(field.default, kind=_kind(field)),
                description=" ".join((field.description or "").split()),
                secret=_is_secret(field),
                structured=any(isinstance(mark, Kind) and mark.structured for mark in field.metadata),
            )


def _sections(section: type[Section], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, field in section.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield prefix + name, (field.annotation.__doc__ or "").strip()
            yield from _sections(field.annotation, f"{prefix}{name}.")


def _is_secret(field: FieldInfo) -> bool:
    marked = any(isinstance(mark, Kind) and mark.secret for mark in field.metadata)
    return marked or field.annotation is SecretStr or SecretStr in get_args(field.annotation)


def _kind(field: FieldInfo) -> str:
    for mark in field.metadata:
        if isinstance(mark, Kind):
            return mark.text
    if get_origin(field.annotation) is Literal:
        return " | ".join(get_args(field.annotation))
    if _is_secret(field):
        return "secret"
    return {bool: "true | false", int: "number"}.get(field.annotation, "text")  # type: ignore[arg-type]


def write_value(value: object, *, kind: str) -> str:
    """Write a value as it would stand in the file; a secret that is set is masked."""
    match value:
        case None:
            return ""
        case SecretStr():
            return MASK if value.get_secret_value() else ""
        case timedelta():
            return format_duration(value)
        case bool():
            return str(value).lower()
        case int() if kind == SIZE.text:
            return format_size(value)
        case tuple() if any(isinstance(item, Section) for item in value):
            return json.dumps([item.model_dump(mode="json", exclude_defaults=True) for item in value])
        case tuple():
            return ", ".join(value)
        case _:
            return str(value)


KEYS: Mapping[str, Key] = {key.path: key for key in _keys(Settings)}
SECTIONS: Mapping[str, str] = dict(_sections(Settings))
"""What each section is for, by its path."""


def value_of(settings: Settings, path: str) -> object:
    """The value at a path of ``KEYS``."""
    value: object = settings
    for name in path.split("."):
        value = getattr(value, name)
    return value
