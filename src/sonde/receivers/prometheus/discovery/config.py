"""The sections of a scrape configuration that say where targets are found.

Specification: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#static_config and the sections
around it.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, field_validator, model_validator

from sonde.receivers.prometheus.config_values import File, Interval, LabelTexts, Section, Texts
from sonde.receivers.prometheus.http_config import HttpConfig

_FILE_PATTERN: Final = re.compile(r"[^*]*(\*[^/]*)?\.(json|yml|yaml|JSON|YML|YAML)\Z")


class StaticConfig(Section):
    """Targets that are written down, with labels that they share."""

    targets: Texts = ()
    labels: LabelTexts = Field(default_factory=dict)


class FileSdConfig(Section):
    """Files in JSON or YAML; the last part of a path may have one ``*``."""

    files: tuple[File, ...]
    refresh_interval: Interval = 300_000

    @field_validator("files")
    @classmethod
    def _is_pattern(cls, value: tuple[File, ...]) -> tuple[File, ...]:
        if not value:
            raise ValueError("file service discovery config must contain at least one path name")
        for path in value:
            if not _FILE_PATTERN.match(str(path)):
                raise ValueError(f"path name {str(path)!r} is not valid for file discovery: end it with .json or .yml")
        return value


class HttpSdConfig(HttpConfig):
    """A service that answers with targets in JSON."""

    url: str
    refresh_interval: Interval = 60_000

    @field_validator("url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("the url must begin with http:// or https:// and have a host")
        return value


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


class DnsSdConfig(Section):
    """Names, each of whose records is a target."""

    names: Texts
    type: Annotated[Literal["SRV", "A", "AAAA", "MX", "NS"], BeforeValidator(_upper)] = "SRV"
    port: Annotated[int, Field(ge=0, le=65_535)] = 0
    refresh_interval: Interval = 30_000

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.names:
            raise ValueError("DNS-SD config must contain at least one SRV record name")
        if self.type != "SRV" and not self.port:
            raise ValueError(f"a port is required in DNS-SD configs for records of type {self.type}")
        return self


class DockerFilter(Section):
    """What containers Docker is asked for."""

    name: str
    values: Texts


class DockerSdConfig(HttpConfig):
    """The containers of a Docker daemon: each of their ports, in each of their networks, is a target."""

    host: str
    port: Annotated[int, Field(ge=0, le=65_535)] = 80
    host_networking_host: str = "localhost"
    match_first_network: bool = True
    filters: tuple[DockerFilter, ...] = ()
    refresh_interval: Interval = 60_000

    @field_validator("host")
    @classmethod
    def _is_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"unix", "tcp", "http", "https"} or not (parts.netloc or parts.path):
            raise ValueError("the host must be like unix:///var/run/docker.sock or tcp://127.0.0.1:2375")
        return value
