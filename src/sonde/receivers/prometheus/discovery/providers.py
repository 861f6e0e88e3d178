"""All the ways of finding targets that one job names, ready to run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sonde.receivers.prometheus.discovery.config import (
    DnsSdConfig,
    DockerSdConfig,
    FileSdConfig,
    HttpSdConfig,
    StaticConfig,
)
from sonde.receivers.prometheus.discovery.dns import dns_discovery
from sonde.receivers.prometheus.discovery.docker import docker_discovery
from sonde.receivers.prometheus.discovery.files import file_discovery
from sonde.receivers.prometheus.discovery.http import http_discovery
from sonde.receivers.prometheus.discovery.static import StaticDiscovery
from sonde.receivers.prometheus.discovery.target_group import Discovery
from sonde.receivers.prometheus.http_session import Sessions


class TargetSources(Protocol):
    """What a job says of finding its targets; a ``ScrapeConfig`` says it."""

    @property
    def static_configs(self) -> Sequence[StaticConfig]:
        """Targets that are written down."""

    @property
    def file_sd_configs(self) -> Sequence[FileSdConfig]:
        """Files with targets."""

    @property
    def http_sd_configs(self) -> Sequence[HttpSdConfig]:
        """Services with targets."""

    @property
    def dns_sd_configs(self) -> Sequence[DnsSdConfig]:
        """Names with targets."""

    @property
    def docker_sd_configs(self) -> Sequence[DockerSdConfig]:
        """Docker daemons with targets."""


def discoveries(job: TargetSources, *, sessions: Sessions) -> list[Discovery]:
    """The discoveries of a job, in the order in which Prometheus documents them.

    Each is independent of the others: run each, and take all their groups together. Sources are unique within one
    discovery only.

    >>> from sonde.receivers.prometheus.scrape_config import ScrapeConfig
    >>> job = ScrapeConfig(job_name="api", static_configs=({"targets": ["api:8000"]},))
    >>> [type(discovery).__name__ for discovery in discoveries(job, sessions=Sessions())]
    ['StaticDiscovery']
    """
    found: list[Discovery] = []
    if job.static_configs:
        found.append(StaticDiscovery(job.static_configs))
    found += [file_discovery(config) for config in job.file_sd_configs]
    found += [http_discovery(config, sessions=sessions) for config in job.http_sd_configs]
    found += [dns_discovery(config) for config in job.dns_sd_configs]
    found += [docker_discovery(config, sessions=sessions) for config in job.docker_sd_configs]
    return found
