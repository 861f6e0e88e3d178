"""Where an answer may send us: never out of https, and never from the world into our own network.

A service that was broken into, or a name that was bought by somebody else, could otherwise make us ask what only we can
reach (a cloud's metadata, a neighbour's admin page) and read the answer in our error messages.
"""

from __future__ import annotations

import asyncio
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final
from urllib.parse import SplitResult, urljoin, urlsplit

from sonde.errors import UserError

_PORTS: Final = {"http": 80, "https": 443}
_CODE: Final = "notify.redirect"
Address = IPv4Address | IPv6Address


async def redirected(before: str, location: str, *, is_proxied: bool) -> str:
    """The URL that an answer to ``before`` leads to.

    Args:
        before: What was asked.
        location: What the answer says; it may be relative.
        is_proxied: A proxy looks the names up, so that only it can say what is inside.

    Raises:
        UserError: It leads to where nobody should be sent. The message names only hosts.
    """
    try:
        url = urljoin(before, location)
        parts, old = urlsplit(url), urlsplit(before)
        is_same = _place(parts) == _place(old)
    except ValueError:
        raise UserError("a redirect leads to no URL", code=_CODE) from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise UserError(f"a redirect leads to a URL of scheme {parts.scheme!r}", code=_CODE)
    if old.scheme == "https" and parts.scheme == "http":
        raise UserError(f"a redirect leads from https to http (host {parts.hostname})", code=_CODE)
    if is_same or is_proxied:
        return url
    inside = [address for address in await _addresses(parts) if not address.is_global]
    if inside and (
        any(address.is_link_local for address in inside) or any(address.is_global for address in await _addresses(old))
    ):
        raise UserError(
            f"a redirect leads to {parts.hostname}, which is inside ({inside[0]})",
            code=_CODE,
            hint="configure the URL that it leads to, if it is meant",
        )
    return url


async def _addresses(parts: SplitResult) -> list[Address]:
    """The addresses of a host, as a connection would find them; none if nobody knows it."""
    host = parts.hostname or ""
    try:
        return [_unmapped(ip_address(host))]
    except ValueError:
        pass
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host, parts.port or _PORTS[parts.scheme], type=socket.SOCK_STREAM
        )
    except (OSError, UnicodeError):
        return []
    return [_unmapped(ip_address(address[0].partition("%")[0])) for *_, address in found if isinstance(address[0], str)]


def _unmapped(address: Address) -> Address:
    """The IPv4 address that is written as one of IPv6."""
    return getattr(address, "ipv4_mapped", None) or address


def _place(parts: SplitResult) -> tuple[str, int]:
    return parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
