"""HTTP to the services, as ``http_config`` wants it: pools, proxies, TLS, credentials, redirects, capped answers.

Requests go through httpx's transports and not its clients, because these log every URL, which here are secrets.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import urlsplit

import httpx

from sonde.errors import UserError
from sonde.notify.configuration.http_config import NotifierHttpConfig
from sonde.notify.configuration.values import checked_url
from sonde.notify.notifiers.answer import Answer
from sonde.notify.notifiers.oauth2 import Tokens
from sonde.notify.notifiers.proxy import checked_proxy, proxy_of
from sonde.notify.notifiers.redirect import redirected
from sonde.notify.notifiers.secret import parts_of, revealed, without
from sonde.receivers.prometheus.http_identity import Identity, TlsContexts

_TIMEOUT: Final = httpx.Timeout(60.0, connect=10.0)
_LIMITS: Final = httpx.Limits(max_connections=20, max_keepalive_connections=5, keepalive_expiry=30.0)
_LARGEST_BODY_BYTES: Final = 64 * 1024
_MOST_REDIRECTS: Final = 10
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_SAME_METHOD: Final = frozenset({307, 308})
_ERRNO: Final = re.compile(r"\[Errno (\d+)\]")
_FOR_ANYBODY: Final = frozenset({"user-agent", "accept-encoding", "content-type"})
"""Headers that a redirect may carry to another server."""


class NoAnswer(Exception):
    """The other side did not answer; worth trying again. Says why, without secrets."""

    def __init__(self, message: str, *, is_late: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.is_late = is_late


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be sent. The URL is taken for a secret, but for its host."""

    url: str = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """What else must not be shown."""
    about: str = ""
    """Goes before errors: to whom within the service it went."""
    timeout_seconds: float | None = None

    @property
    def origin(self) -> str:
        """What may be shown of the URL.

        >>> Request("https://me:pw@hooks.example.org:8443/services/T0/abc").origin
        'https://hooks.example.org:8443'
        """
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


class HttpClient:
    """Sends requests as one ``http_config`` wants it. Any number may be under way."""

    def __init__(
        self, config: NotifierHttpConfig, *, tls: TlsContexts, now: Callable[[], int], environment: Mapping[str, str]
    ) -> None:
        checked_proxy(config.proxy_url)
        self._config = config
        self._identity = Identity(config)
        self._tls = tls
        self._environment = environment
        self._transports: dict[tuple[int, str], tuple[ssl.SSLContext, httpx.AsyncHTTPTransport]] = {}
        self._tokens = Tokens(config.oauth2, now) if config.oauth2 else None
        self._token_client: HttpClient | None = None
        if config.oauth2:
            options = config.oauth2.model_dump(
                include={"proxy_url", "no_proxy", "proxy_from_environment", "proxy_connect_header"}
            )
            token_config = NotifierHttpConfig(tls_config=config.oauth2.tls_config, **options)
            self._token_client = HttpClient(token_config, tls=tls, now=now, environment=environment)

    async def send(self, request: Request) -> Answer:
        """Send a request; redirects are followed if the configuration says so.

        Raises:
            NoAnswer: There was none.
            UserError: Something of the configuration cannot be used: a file, a URL, a proxy.
        """
        _refuse_no_url(request.url)
        headers = {"user-agent": "sonde", "accept-encoding": "identity", **dict(self._own_headers()), **request.headers}
        secrets = [*parts_of(request.url), *request.secrets, *self._secrets(headers, request.url)]
        try:
            if self._tokens is not None and self._token_client is not None:
                token = await self._tokens.token(self._token_client.send_plainly)
                headers["authorization"] = f"Bearer {token}"
                secrets.append(token)
            answer = await self._follow(request, headers, secrets)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            said = without(_reason(error), secrets)
            shown = f'{request.method} "{request.origin}": {said}'
            if isinstance(error, httpx.TransportError):
                raise NoAnswer(shown, is_late=isinstance(error, httpx.TimeoutException)) from None
            raise UserError(shown, code="notify.http") from None
        return replace(answer, text=without(answer.text, secrets))

    async def send_plainly(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Post a body to a URL; see ``send``."""
        return await self.send(Request(url, body, headers=headers))

    async def _follow(self, request: Request, headers: dict[str, str], secrets: list[str]) -> Answer:
        """The answer at the end of all redirects; where they lead may be a secret, too."""
        url, method, body = request.url, request.method, request.body
        for _ in range(_MOST_REDIRECTS + 1):
            answer = await self._once(method, url, headers, body)
            target = answer.headers.get("location", "")
            if answer.status not in _REDIRECTS or not target or not self._config.follow_redirects:
                return answer
            is_proxied = bool(proxy_of(url, self._config, self._environment))
            before, url = url, await self._redirected(request, url, target, is_proxied=is_proxied)
            secrets += parts_of(url)
            if urlsplit(before)[:2] != urlsplit(url)[:2]:
                headers = {name: value for name, value in headers.items() if name.lower() in _FOR_ANYBODY}
            if answer.status not in _SAME_METHOD:
                method, body = "GET", b""
        raise UserError(f'{request.method} "{request.origin}": stopped after 10 redirects', code="notify.http")

    async def _redirected(self, request: Request, url: str, target: str, *, is_proxied: bool) -> str:
        try:
            return await redirected(url, target, is_proxied=is_proxied)
        except UserError as error:
            message = f'{request.method} "{request.origin}": {error.message}'
            raise UserError(message, code=error.code, hint=error.hint) from None

    async def _once(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        extensions: dict[str, object] = {"timeout": _TIMEOUT.as_dict()}
        if self._config.tls_config.server_name:
            extensions["sni_hostname"] = self._config.tls_config.server_name
        asked = httpx.Request(method, url, headers=headers, content=body, extensions=extensions)
        answered = await self._transport(url).handle_async_request(asked)
        answered.request = asked
        received = bytearray()
        try:
            async for chunk in answered.aiter_raw():
                received += chunk
                if len(received) >= _LARGEST_BODY_BYTES:
                    break
        finally:
            await answered.aclose()
        text = bytes(received[:_LARGEST_BODY_BYTES]).decode("utf-8", "replace")
        return Answer(answered.status_code, dict(answered.headers.items()), text)

    def _transport(self, url: str) -> httpx.AsyncHTTPTransport:
        proxy = proxy_of(url, self._config, self._environment)
        context = self._tls.context(self._config.tls_config)
        key = (id(context), proxy)  # the context is kept beside its transport, so that its id stays its own
        known = self._transports.get(key)
        if known is None:
            connect = [
                (name, value.get_secret_value())
                for name, values in self._config.proxy_connect_header.items()
                for value in values
            ]
            known = self._transports[key] = (
                context,
                httpx.AsyncHTTPTransport(
                    verify=context,
                    limits=_LIMITS,
                    proxy=httpx.Proxy(proxy, headers=connect) if proxy else None,
                ),
            )
        return known[1]

    def _own_headers(self) -> Iterator[tuple[str, str]]:
        for line in self._identity.lines().splitlines():
            name, _, value = line.partition(": ")
            yield name.lower(), value

    def _secrets(self, headers: Mapping[str, str], url: str) -> Iterator[str]:
        for name in {"authorization", *map(str.lower, self._config.http_headers)} & headers.keys():
            yield headers[name]
            yield headers[name].rpartition(" ")[2]
        if self._config.basic_auth:
            yield revealed(self._config.basic_auth.password, self._config.basic_auth.password_file, "password_file")
        yield urlsplit(proxy_of(url, self._config, self._environment)).password or ""
        for values in self._config.proxy_connect_header.values():
            yield from (value.get_secret_value() for value in values)

    async def aclose(self) -> None:
        """Close all connections."""
        for _, transport in self._transports.values():
            await transport.aclose()
        self._transports.clear()
        if self._token_client is not None:
            await self._token_client.aclose()


class HttpClients:
    """One client for all integrations that have the same ``http_config``; they outlive a reload.

    Args:
        now: The time, in nanoseconds.
        environment: Where ``proxy_from_environment`` looks.
    """

    def __init__(self, now: Callable[[], int], *, environment: Mapping[str, str] = os.environ) -> None:
        self.tls = TlsContexts()
        self._now = now
        self._environment = environment
        self._clients: list[tuple[NotifierHttpConfig, HttpClient]] = []

    def client(self, config: NotifierHttpConfig | None) -> HttpClient:
        """The client for a configuration."""
        config = config or NotifierHttpConfig()
        for known, client in self._clients:
            if known == config:
                return client
        client = HttpClient(config, tls=self.tls, now=self._now, environment=self._environment)
        self._clients.append((config, client))
        return client

    async def aclose(self) -> None:
        """Close all connections."""
        for _, client in self._clients:
            await client.aclose()
        self._clients.clear()


def _refuse_no_url(text: str) -> None:
    """Raises ``UserError`` for what is no URL; nothing of it is told, since all of it may be a secret.

    >>> _refuse_no_url("xoxb-1-2-3")
    Traceback (most recent call last):
    sonde.errors.UserError: the URL is none like https://host/path; look at its file, or its key [notify.http]
    """
    try:
        checked_url(text)
    except ValueError:
        message = "the URL is none like https://host/path; look at its file, or its key"
        raise UserError(message, code="notify.http") from None


def _reason(error: BaseException) -> str:
    """Why there was no answer: what the system says, below all that is wrapped around it."""
    found: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in found:
        found.append(cause)
        cause = cause.__cause__ or cause.__context__
    for each in reversed(found):
        match each:
            case ssl.SSLCertVerificationError():
                return f"tls: failed to verify certificate: {each.verify_message}"
            case ssl.SSLError():
                return f"tls: {(each.reason or str(each)).replace('_', ' ').lower()}"
            case socket.gaierror(strerror=str(words)):
                return f"no such host: {words}"
            case ConnectionRefusedError():
                return "connection refused"
            case OSError(strerror=str(words)) if words:
                return words.lower()
            case OSError() if numbered := _ERRNO.search(str(each)):
                return os.strerror(int(numbered[1])).lower()
            case _:
                continue
    if isinstance(error, httpx.TimeoutException):
        return "timed out"
    return str(error) or type(error).__name__
