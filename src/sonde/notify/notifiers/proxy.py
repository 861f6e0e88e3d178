"""Which proxy a request takes, by ``proxy_url`` and ``no_proxy`` or by the environment, as Go decides it."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult, urlsplit

from sonde.errors import UserError
from sonde.notify.configuration.http_config import NotifierHttpConfig

_PORTS: Final = {"http": 80, "https": 443}


def proxy_of(url: str, config: NotifierHttpConfig, environment: Mapping[str, str]) -> str:
    """The URL of the proxy, or "".

    >>> config = NotifierHttpConfig(proxy_url="proxy:3128", no_proxy="example.org,10.0.0.0/8")
    >>> proxy_of("https://hooks.slack.com/x", config, {})
    'http://proxy:3128'
    >>> proxy_of("https://chat.example.org/x", config, {}), proxy_of("http://10.1.2.3/", config, {})
    ('', '')
    >>> config = NotifierHttpConfig(proxy_from_environment=True)
    >>> proxy_of("https://a.org/", config, {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "b.org"})
    'http://p:1'
    """
    parts = urlsplit(url)
    if config.proxy_from_environment:
        scheme = parts.scheme.lower()
        proxy = environment.get(f"{scheme.upper()}_PROXY") or environment.get(f"{scheme}_proxy") or ""
        exceptions = environment.get("NO_PROXY") or environment.get("no_proxy") or ""
        return "" if _is_local(parts) or _is_excepted(parts, exceptions) else checked_proxy(proxy)
    if config.no_proxy and (_is_local(parts) or _is_excepted(parts, config.no_proxy)):
        return ""
    return checked_proxy(config.proxy_url)


def checked_proxy(url: str) -> str:
    """A proxy that can be spoken to. Raises ``UserError`` for others."""
    if not url:
        return ""
    url = url if "://" in url else f"http://{url}"
    scheme = urlsplit(url).scheme
    if scheme not in _PORTS:
        raise UserError(
            f"proxies of scheme {scheme!r} are not supported", code="notify.proxy", hint="use an http:// proxy"
        )
    return url


def _is_local(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _is_excepted(parts: SplitResult, exceptions: str) -> bool:
    return any(_excepts(given.strip().lower(), parts) for given in exceptions.split(","))


def _excepts(exception: str, parts: SplitResult) -> bool:
    """Whether ``*``, a network, an address or a domain, perhaps with a port, stands for where a request goes."""
    host = (parts.hostname or "").rstrip(".")
    address = _address(host)
    if "/" in exception:
        try:
            return address is not None and address in ipaddress.ip_network(exception, strict=False)
        except ValueError:
            return False
    name, colon, port = exception.rpartition(":")
    if colon and port.isdigit() and _address(exception) is None:
        if int(port) != (parts.port or _PORTS.get(parts.scheme, 0)):
            return False
        exception = name.strip("[]")
    if exception in {"", "*"} or address is not None:
        return exception == "*" or (exception != "" and _address(exception) == address)
    domain = exception.removeprefix("*").removeprefix(".")
    return host.endswith(f".{domain}") or (host == domain == exception)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
