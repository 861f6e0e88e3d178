"""Collectors of the configuration, as ``receivers`` has them."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import REGISTRY
from pydantic import SecretStr

from sonde.config.rules import pack_names
from sonde.config.settings import Postgres, Redis, Settings
from sonde.errors import UserError
from sonde.receivers.collector import Collector
from sonde.receivers.containers.collector import ContainersCollector
from sonde.receivers.host.collector import HostCollector
from sonde.receivers.own.collector import OwnCollector
from sonde.receivers.postgres.collector import PostgresCollector
from sonde.receivers.process.collector import ProcessCollector
from sonde.receivers.redis.collector import RedisCollector


def collectors(settings: Settings) -> list[Collector]:
    """What is to be watched.

    Raises:
        UserError: An address that is none, a rule pack that there is not, or a password file that cannot be read.
    """
    asked = settings.collectors
    watched: list[Collector] = []
    if "host" in asked.enabled:
        watched.append(HostCollector(asked.rootfs, disabled=asked.host_disabled))
    if "process" in asked.enabled:
        watched.append(ProcessCollector(rootfs=asked.rootfs))
    if "containers" in asked.enabled:
        watched.append(ContainersCollector(asked.rootfs, socket=asked.docker_socket))
    if "sonde" in asked.enabled or "sonde" in pack_names(settings):
        watched.append(OwnCollector(REGISTRY))
    watched.extend(_postgres(server) for server in asked.postgres)
    watched.extend(_redis(server) for server in asked.redis)
    return watched


def _postgres(server: Postgres) -> Collector:
    return PostgresCollector(
        server.dsn.get_secret_value(),
        password=_password(server.password, server.password_file),
        disabled=server.disabled,
        statements=server.statements,
    )


def _redis(server: Redis) -> Collector:
    return RedisCollector(server.url.get_secret_value(), password=_password(server.password, server.password_file))


def _password(given: SecretStr, file: Path | None) -> str:
    if file is None:
        return given.get_secret_value()
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise UserError(
            f"the password file {file} cannot be read: {error.strerror}", code="config.password_file"
        ) from error
