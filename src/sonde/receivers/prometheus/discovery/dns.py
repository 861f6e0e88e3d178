"""Targets from the records of DNS names: SRV with its ports, or A, AAAA, MX, NS with the port of the configuration.

Specification: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#dns_sd_config
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import dns.asyncresolver
import dns.exception
import dns.resolver

from sonde.errors import UserError
from sonde.receivers.prometheus.discovery.config import DnsSdConfig
from sonde.receivers.prometheus.discovery.repeat import Found, Pause, Repeating
from sonde.receivers.prometheus.discovery.target_group import ADDRESS, TargetGroup
from sonde.telemetry.labels import Labels, labels_of

_ANSWER_SECONDS: Final = 10.0


class _Names:
    """The names of one ``dns_sd_config``, each with the group that it last had."""

    def __init__(self, config: DnsSdConfig, resolver: dns.asyncresolver.Resolver | None) -> None:
        self._config = config
        self._resolver = resolver
        self._groups: dict[str, TargetGroup] = {}

    async def ask(self) -> Found:
        """Ask for all names at once; one that fails does not hurt the others."""
        resolver = self._resolver
        if resolver is None:
            try:
                resolver = dns.asyncresolver.Resolver()  # reads /etc/resolv.conf, which may have changed
            except dns.resolver.NoResolverConfiguration as error:
                raise UserError(f"/etc/resolv.conf names no server: {error}", code="discovery.dns") from error
        failures: dict[str, str] = {}
        await asyncio.gather(*(self._ask_one(resolver, name, failures) for name in self._config.names))
        return Found([self._groups[name] for name in self._config.names if name in self._groups], failures)

    async def _ask_one(self, resolver: dns.asyncresolver.Resolver, name: str, failures: dict[str, str]) -> None:
        try:
            answer = await resolver.resolve(
                name, self._config.type, search=True, raise_on_no_answer=False, lifetime=_ANSWER_SECONDS
            )
        except dns.resolver.NXDOMAIN:
            self._groups[name] = TargetGroup(name, ())  # an answer too: there are no such targets
        except (dns.exception.DNSException, OSError) as error:
            failures[name] = f"could not resolve {name!r}: {error}"
        else:
            records = list(answer) if answer.rrset is not None else []
            targets = (record_labels(name, self._config.type, record, self._config.port) for record in records)
            self._groups[name] = TargetGroup(name, tuple(targets))


def record_labels(name: str, kind: str, record: Any, port: int) -> Labels:
    """The labels of the target that a record means; ``port`` is for records that have none.

    >>> import dns.rdata
    >>> dict(record_labels("db.local", "A", dns.rdata.from_text("IN", "A", "10.0.0.7"), 9187))
    {'__address__': '10.0.0.7:9187', '__meta_dns_name': 'db.local'}
    """
    own: Mapping[str, str]
    match kind:
        case "SRV":
            host, port = str(record.target), record.port
            own = {"__meta_dns_srv_record_target": host, "__meta_dns_srv_record_port": str(port)}
        case "MX":
            host = str(record.exchange)
            own = {"__meta_dns_mx_record_target": host}
        case "NS":
            host = str(record.target)
            own = {"__meta_dns_ns_record_target": host}
        case _:
            host, own = str(record.address), {}
    address = host_and_port(host.rstrip("."), port)
    return labels_of({ADDRESS: address, "__meta_dns_name": name, **own})


def host_and_port(host: str, port: int) -> str:
    """An address as it stands in a URL.

    >>> host_and_port("fd00::1", 80), host_and_port("db", 80)
    ('[fd00::1]:80', 'db:80')
    """
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def dns_discovery(
    config: DnsSdConfig, *, resolver: dns.asyncresolver.Resolver | None = None, pause: Pause = asyncio.sleep
) -> Repeating:
    """The discovery of one ``dns_sd_config``. Without a resolver, the machine's own settings are used."""
    names = _Names(config, resolver)
    seconds = config.refresh_interval / 1000
    return Repeating("dns", ", ".join(config.names), names.ask, interval_seconds=seconds, pause=pause)
