"""Targets from the containers of a Docker daemon, or of Podman in its place: a target for each port in each network.

Specification: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#docker_sd_config
API: https://docs.docker.com/reference/api/engine/
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, BeforeValidator, Field, TypeAdapter, ValidationError

from sonde.errors import UserError
from sonde.receivers.prometheus.discovery.config import DockerSdConfig
from sonde.receivers.prometheus.discovery.dns import host_and_port
from sonde.receivers.prometheus.discovery.http import json_answer
from sonde.receivers.prometheus.discovery.repeat import Found, Pause, Repeating
from sonde.receivers.prometheus.discovery.target_group import ADDRESS, TargetGroup
from sonde.receivers.prometheus.http_session import Session, Sessions
from sonde.telemetry.labels import Labels, labels_of

_META: Final = "__meta_docker_"
_UNCLEAN: Final = re.compile(r"[^a-zA-Z0-9_]")


def _none_is_empty(value: Any) -> Any:
    return {} if value is None else value


def _none_is_no_list(value: Any) -> Any:
    return [] if value is None else value


_Texts = Annotated[Mapping[str, str], BeforeValidator(_none_is_empty)]


class _Port(BaseModel):
    ip: str = Field(default="", alias="IP")
    private: int = Field(default=0, alias="PrivatePort")
    public: int = Field(default=0, alias="PublicPort")
    type: str = Field(default="tcp", alias="Type")


class _Endpoint(BaseModel):
    network_id: str = Field(default="", alias="NetworkID")
    ip_address: str = Field(default="", alias="IPAddress")


class _HostConfig(BaseModel):
    network_mode: str = Field(default="", alias="NetworkMode")


class _NetworkSettings(BaseModel):
    networks: Annotated[Mapping[str, _Endpoint | None], BeforeValidator(_none_is_empty)] = Field(
        default={}, alias="Networks"
    )


class _Container(BaseModel):
    id: str = Field(alias="Id")
    names: Annotated[tuple[str, ...], BeforeValidator(_none_is_no_list)] = Field(default=(), alias="Names")
    labels: _Texts = Field(default={}, alias="Labels")
    ports: Annotated[tuple[_Port, ...], BeforeValidator(_none_is_no_list)] = Field(default=(), alias="Ports")
    host_config: _HostConfig = Field(default=_HostConfig(), alias="HostConfig")
    network_settings: Annotated[_NetworkSettings, BeforeValidator(_none_is_empty)] = Field(
        default=_NetworkSettings(), alias="NetworkSettings"
    )


class _Network(BaseModel):
    id: str = Field(alias="Id")
    name: str = Field(default="", alias="Name")
    scope: str = Field(default="", alias="Scope")
    internal: bool = Field(default=False, alias="Internal")
    ingress: bool = Field(default=False, alias="Ingress")
    labels: _Texts = Field(default={}, alias="Labels")


_CONTAINERS: Final = TypeAdapter(tuple[_Container, ...])
_NETWORKS: Final = TypeAdapter(tuple[_Network, ...])


def docker_discovery(config: DockerSdConfig, *, sessions: Sessions, pause: Pause = asyncio.sleep) -> Repeating:
    """The discovery of one ``docker_sd_config``."""
    base, socket = _place(config)
    session = sessions.session(config, unix_socket=socket)
    seconds = config.refresh_interval / 1000

    async def ask() -> Found:
        filters = {each.name: list(each.values) for each in config.filters}
        query = f"?filters={quote(json.dumps(filters))}" if filters else ""
        containers = await _answer(session, f"{base}/containers/json{query}", seconds, _CONTAINERS)
        networks = await _answer(session, f"{base}/networks", seconds, _NETWORKS)
        return Found([TargetGroup("Docker", tuple(_targets(config, containers, networks)))])

    return Repeating(
        "docker", config.host, ask, interval_seconds=seconds, pause=pause, release=lambda: sessions.release(session)
    )


def _place(config: DockerSdConfig) -> tuple[str, Path | None]:
    """The URL that the API's paths follow, and the socket if it is one.

    >>> _place(DockerSdConfig(host="unix:///var/run/docker.sock"))
    ('http://docker', PosixPath('/var/run/docker.sock'))
    """
    parts = urlsplit(config.host)
    if parts.scheme == "unix":
        return "http://docker", Path(parts.netloc + parts.path)
    with_tls = parts.scheme == "https" or (parts.scheme == "tcp" and config.tls_config.ca_file is not None)
    return f"{'https' if with_tls else 'http'}://{parts.netloc}{parts.path.rstrip('/')}", None


async def _answer(session: Session, url: str, seconds: float, shape: TypeAdapter[Any]) -> Any:
    value = await json_answer(session, url, {"accept": "application/json"}, timeout_seconds=seconds)
    try:
        return shape.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the answer"
        raise UserError(f"unexpected answer of Docker: {where}: {first['msg']}", code="discovery.docker") from error


def _targets(
    config: DockerSdConfig, containers: Sequence[_Container], networks: Sequence[_Network]
) -> Iterator[Labels]:
    of_networks = {network.id: _network_labels(network) for network in networks}
    by_id = {container.id: container for container in containers}
    for container in containers:
        if not container.names:
            continue
        common = _container_labels(container)
        for endpoint in _endpoints(container, by_id, first_only=config.match_first_network):
            shared = common | of_networks.get(endpoint.network_id, {}) | {f"{_META}network_ip": endpoint.ip_address}
            ports = [port for port in container.ports if port.type == "tcp"]
            for port in ports:
                yield labels_of(
                    {ADDRESS: host_and_port(endpoint.ip_address, port.private)} | shared | _port_labels(port)
                )
            if not ports:
                is_host = container.host_config.network_mode == "host"
                address = config.host_networking_host if is_host else host_and_port(endpoint.ip_address, config.port)
                yield labels_of({ADDRESS: address} | shared)


def _endpoints(container: _Container, by_id: Mapping[str, _Container], *, first_only: bool) -> list[_Endpoint]:
    """Where a container can be reached: in its networks, or in those of the container whose network it shares."""
    networks = container.network_settings.networks
    seen = {container.id}
    mode = container.host_config.network_mode
    while not networks and mode.startswith("container:"):
        other = by_id.get(mode.removeprefix("container:"))
        if other is None or other.id in seen:
            break
        seen.add(other.id)
        networks, mode = other.network_settings.networks, other.host_config.network_mode
    found = [endpoint for _, endpoint in sorted(networks.items()) if endpoint is not None]
    return found[:1] if first_only else found


def _container_labels(container: _Container) -> dict[str, str]:
    own = {f"{_META}container_label_{clean(name)}": value for name, value in container.labels.items()}
    return own | {
        f"{_META}container_id": container.id,
        f"{_META}container_name": container.names[0],
        f"{_META}container_network_mode": container.host_config.network_mode,
    }


def _network_labels(network: _Network) -> dict[str, str]:
    own = {f"{_META}network_label_{clean(name)}": value for name, value in network.labels.items()}
    return own | {
        f"{_META}network_id": network.id,
        f"{_META}network_name": network.name,
        f"{_META}network_scope": network.scope,
        f"{_META}network_internal": str(network.internal).lower(),
        f"{_META}network_ingress": str(network.ingress).lower(),
    }


def _port_labels(port: _Port) -> dict[str, str]:
    public = {f"{_META}port_public": str(port.public), f"{_META}port_public_ip": port.ip} if port.public else {}
    return {f"{_META}port_private": str(port.private)} | public


def clean(name: str) -> str:
    """A name in which everything but letters, digits and underscores is an underscore.

    >>> clean("com.docker.compose/service")
    'com_docker_compose_service'
    """
    return _UNCLEAN.sub("_", name)
