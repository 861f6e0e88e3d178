"""The outermost layer: refuses foreign host names while Sonde is open, and tells browsers what pages may do.

A page of any site can make a browser on this machine talk to 127.0.0.1, and by DNS rebinding even read the answers,
under that site's host name. While no key protects Sonde, only loopback names and configured ones are served.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sonde.errors import Forbidden
from sonde.web.auth import require_same_origin
from sonde.web.errors import error_response

_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "content-security-policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
}


def is_local_host(host: str, allowed: Iterable[str] = ()) -> bool:
    """Whether a Host header names this machine's loopback, or one of the allowed names; ports do not matter.

    >>> is_local_host("localhost:3000"), is_local_host("[::1]:3000"), is_local_host("evil.example:3000")
    (True, True, False)
    """
    name = host.rsplit("]", 1)[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
    name = name.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost") or name in {other.lower() for other in allowed}:
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class Security:
    """ASGI middleware: host check, cross-site check, headers."""

    def __init__(self, app: ASGIApp, *, is_open: Callable[[], bool], allowed_hosts: Iterable[str] = ()) -> None:
        self._app = app
        self._is_open = is_open
        self._allowed = frozenset(allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, or refuse, one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            self._check(scope)
        except Forbidden as refusal:
            await error_response(refusal)(scope, receive, with_headers)
            return
        await self._app(scope, receive, with_headers)

    def _check(self, scope: Scope) -> None:
        if not self._is_open():
            return
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not is_local_host(host, self._allowed):
            raise Forbidden(
                f"this Sonde has no keys yet and answers to loopback names only, not to {host!r}",
                code="bad_host",
                hint="add the name to allowed_hosts, or make a key",
            )
        require_same_origin(scope["method"], headers)
