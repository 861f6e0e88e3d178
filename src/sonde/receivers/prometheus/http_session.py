"""HTTP to targets, and to services that tell of targets, as one configuration wants it.

A session has the connections of one job: it asks, follows redirects, undoes gzip, and says what went wrong in the words
that Prometheus has for it, because they stand at the target. The wire is ``http_wire``, credentials ``http_identity``.

Specification: RFC 9110, and https://prometheus.io/docs/prometheus/latest/configuration/configuration/#http_config
"""

from __future__ import annotations

import asyncio
import base64
import functools
import http
import os
import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from sonde.errors import TooLarge, Unavailable, UserError
from sonde.receivers.compression import decompress
from sonde.receivers.prometheus.http_config import HttpConfig
from sonde.receivers.prometheus.http_identity import Identity, TlsContexts, header_line
from sonde.receivers.prometheus.http_wire import Answer, BadAnswer, BodyTooLarge, Connection, Disconnected
from sonde.receivers.prometheus.yaml_tree import without_password

LARGEST_BODY_BYTES: Final = 256 * 1024 * 1024
"""Where no limit is configured."""
_MOST_REDIRECTS: Final = 10
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_IDLE_SECONDS: Final = 300.0
_LARGE_BYTES: Final = 128 * 1024
"""From here on a body is decompressed in a thread."""
_NOT_IN_A_URL: Final = re.compile(r"[\x00-\x20\x7f]")
_ERRNO: Final = re.compile(r"\[Errno (\d+)\]")
_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Response:
    """An answer with status 200."""

    status: int
    content_type: str
    body: bytes
    """Without its compression."""
    wire_bytes: int
    """Of the body, as it came."""


@dataclass(frozen=True, slots=True)
class _Url:
    """A URL, taken apart as a request needs it."""

    text: str
    scheme: str
    host: str
    port: int
    netloc: str
    """For the ``host`` header."""
    path: str
    """With the query."""
    credentials: str
    """The header line for a user and password that stand in the URL itself."""

    @property
    def shown(self) -> str:
        return without_password(self.text)


@functools.lru_cache(maxsize=16_384)
def _url(text: str) -> _Url:
    if found := _NOT_IN_A_URL.search(text):
        raise UserError(f"invalid character {found[0]!r} in URL {without_password(text)!r}", code="http.url")
    try:
        parts = urlsplit(text)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError as error:
        raise UserError(f"{without_password(text)!r} is not a URL: {error}", code="http.url") from error
    if scheme not in _PORTS:
        raise UserError(f"unsupported protocol scheme {scheme!r}", code="http.url")
    if not host:
        raise UserError(f"no host in request URL {without_password(text)!r}", code="http.url")
    path = parts.path or "/"
    return _Url(
        text=parts._replace(fragment="").geturl(),
        scheme=scheme,
        host=host,
        port=port or _PORTS[scheme],
        netloc=parts.netloc.rpartition("@")[2],
        path=(f"{path}?{parts.query}" if parts.query else path).encode("ascii", "replace").decode(),
        credentials=_basic("authorization", parts),
    )


def _basic(header: str, parts: SplitResult) -> str:
    if parts.username is None:
        return ""
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return header_line(header, f"Basic {base64.b64encode(pair.encode()).decode()}")


class Session:
    """The connections of one HTTP configuration, kept open between requests.

    Any number of requests may be under way; each has a connection for itself.
    """

    def __init__(self, config: HttpConfig, *, tls: TlsContexts, unix_socket: Path | None = None) -> None:
        self._config = config
        self._identity = Identity(config)
        self._tls = tls
        self._unix_socket = unix_socket
        self._proxy = urlsplit(config.proxy_url) if config.proxy_url else None
        self._idle: dict[tuple[str, str, int], list[tuple[Connection, asyncio.TimerHandle]]] = {}
        self._is_closed = False

    async def get(self, url: str, *, headers: Mapping[str, str], timeout_seconds: float, limit_bytes: int) -> Response:
        """Ask for a URL; the time is for all of it: connecting, redirects, the whole body.

        Args:
            url: http or https.
            headers: Beside those of the configuration. With ``accept-encoding: gzip`` the answer may be compressed.
            timeout_seconds: Until the last byte.
            limit_bytes: Of the body without its compression; 0 stands for ``LARGEST_BODY_BYTES``.

        Raises:
            Unavailable: No answer, or one that is not 200; in the words that Prometheus shows as a target's last error.
            TooLarge: The body is beyond the limit.
            UserError: What we are to send or what has come cannot be used: a URL, a file of credentials, compression.
        """
        shown = without_password(url)
        try:
            async with asyncio.timeout(timeout_seconds) as clock:
                return await self._get(url, headers, limit_bytes or LARGEST_BODY_BYTES)
        except TimeoutError as error:
            if clock.expired():
                raise Unavailable(f'Get "{shown}": context deadline exceeded', code="http.deadline") from None
            raise Unavailable(f'Get "{shown}": {_words(error)}', code="http.connection") from error
        except BodyTooLarge as error:
            raise TooLarge(error.message, code=error.code) from None
        except (Disconnected, BadAnswer) as error:
            raise Unavailable(f'Get "{shown}": {error.message}', code=error.code) from None
        except ssl.SSLError as error:  # before OSError, which it is too
            raise Unavailable(f'Get "{shown}": {_words(error)}', code="http.tls") from error
        except OSError as error:
            raise Unavailable(f'Get "{shown}": {_words(error)}', code="http.connection") from error

    async def close(self) -> None:
        """Close the connections; requests that are under way end as they would have, and then close theirs."""
        self._is_closed = True
        for parked in self._idle.values():
            for connection, timer in parked:
                timer.cancel()
                connection.close()
        self._idle.clear()

    async def _get(self, text: str, headers: Mapping[str, str], limit_bytes: int) -> Response:
        first = url = _url(text)
        lines = "".join(header_line(name, value) for name, value in headers.items())
        if "user-agent" not in headers:
            lines += _USER_AGENT
        own = self._identity.lines()
        if first.credentials and not self._identity.authenticates:
            own += first.credentials
        for _ in range(_MOST_REDIRECTS + 1):
            ours = own if _is_same_side(first, url) else ""
            answer = await self._answer(url, lines + ours, limit_bytes)
            target = answer.headers.get("location")
            if answer.status not in _REDIRECTS or not target or not self._config.follow_redirects:
                return await _response(answer, limit_bytes)
            url = _url(urljoin(url.text, target))
        raise Unavailable(f'Get "{first.shown}": stopped after {_MOST_REDIRECTS} redirects', code="http.redirects")

    async def _answer(self, url: _Url, lines: str, limit_bytes: int) -> Answer:
        place, proxy_line = url.path, ""
        if self._proxy and url.scheme == "http":
            place = f"http://{url.netloc}{url.path}"
            proxy_line = _basic("proxy-authorization", self._proxy)
        head = f"GET {place} HTTP/1.1\r\nhost: {url.netloc}\r\n{proxy_line}{lines}\r\n".encode("latin-1", "replace")
        # What is compressed may only be larger than what is not by the little that gzip adds.
        wire_limit = limit_bytes + limit_bytes // 1000 + 1024
        while True:
            connection = self._parked(url)
            was_parked = connection is not None
            if connection is None:
                connection = await self._connect(url)
            try:
                answer = await connection.ask(head, limit_bytes=wire_limit)
            except Disconnected as error:
                if was_parked and not error.begun:
                    continue  # it was closed while it was idle, which the server may do at any time
                raise
            self._park(url, connection)
            return answer

    def _parked(self, url: _Url) -> Connection | None:
        parked = self._idle.get((url.scheme, url.host, url.port))
        while parked:
            connection, timer = parked.pop()
            timer.cancel()
            if connection.usable:
                return connection
        return None

    def _park(self, url: _Url, connection: Connection) -> None:
        if not connection.usable:
            return
        if self._is_closed:
            connection.close()
            return
        key = (url.scheme, url.host, url.port)
        timer = asyncio.get_running_loop().call_later(_IDLE_SECONDS, self._forget, key, connection)
        self._idle.setdefault(key, []).append((connection, timer))

    def _forget(self, key: tuple[str, str, int], connection: Connection) -> None:
        connection.close()
        left = [entry for entry in self._idle.get(key, []) if entry[0] is not connection]
        if left:
            self._idle[key] = left
        else:
            self._idle.pop(key, None)

    async def _connect(self, url: _Url) -> Connection:
        loop = asyncio.get_running_loop()
        context = self._tls.context(self._config.tls_config) if url.scheme == "https" else None
        name = (self._config.tls_config.server_name or url.host) if context else None
        if self._unix_socket:
            _, connection = await loop.create_unix_connection(
                Connection, str(self._unix_socket), ssl=context, server_hostname=name
            )
            return connection
        if self._proxy is None:
            return await _dial(url.host, url.port, context, name)
        return await self._connect_through(self._proxy, url, context, name)

    async def _connect_through(
        self, proxy: SplitResult, url: _Url, context: ssl.SSLContext | None, name: str | None
    ) -> Connection:
        proxy_tls = ssl.create_default_context() if proxy.scheme == "https" else None
        host, port = proxy.hostname or "", proxy.port or _PORTS[proxy.scheme]
        connection = await _dial(host, port, proxy_tls, host if proxy_tls else None)
        if context is None:
            return connection
        place = f"[{url.host}]:{url.port}" if ":" in url.host else f"{url.host}:{url.port}"
        lines = header_line("host", place) + _basic("proxy-authorization", proxy)
        answer = await connection.ask(f"CONNECT {place} HTTP/1.1\r\n{lines}\r\n".encode(), limit_bytes=0, tunnel=True)
        if answer.status != 200:
            raise Disconnected(f"proxy: {answer.status} {answer.reason}".strip(), begun=True)
        try:
            await connection.secure(context, name or url.host)
        except BaseException:
            connection.close()
            raise
        return connection


_USER_AGENT: Final = header_line("user-agent", "sonde")


async def _dial(host: str, port: int, context: ssl.SSLContext | None, name: str | None) -> Connection:
    loop = asyncio.get_running_loop()
    try:
        _, connection = await loop.create_connection(Connection, host, port, ssl=context, server_hostname=name)
    except ssl.SSLError:  # before OSError, which it is too
        raise
    except socket.gaierror as error:
        raise Disconnected(f"dial tcp: lookup {host}: {_lookup_words(error)}", begun=False) from error
    except (ConnectionResetError, ConnectionAbortedError) as error:
        what = "tls: handshake" if context else "read"
        raise Disconnected(f"{what}: {_words(error)}", begun=False) from error
    except (OSError, UnicodeError) as error:
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        raise Disconnected(f"dial tcp {place}: connect: {_words(error)}", begun=False) from error
    return connection


def _lookup_words(error: socket.gaierror) -> str:
    return "no such host" if error.errno in {socket.EAI_NONAME, socket.EAI_NODATA} else str(error.strerror).lower()


def _words(error: Exception) -> str:
    """What an error of the system says, in Prometheus' words where it has some.

    >>> _words(ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 1)"))
    'connection refused'
    """
    match error:
        case ssl.SSLCertVerificationError():
            return f"tls: failed to verify certificate: {error.verify_message}"
        case ssl.SSLError(reason="WRONG_VERSION_NUMBER"):
            return "server gave HTTP response to HTTPS client"
        case ssl.SSLError():
            return f"tls: {(error.reason or str(error)).replace('_', ' ').lower()}"
        case ConnectionRefusedError():
            return "connection refused"
        case ConnectionResetError():
            return "connection reset by peer"
        case TimeoutError():
            return "connection timed out"
        case OSError(strerror=str(words)) if words:
            return words.lower()
        case _:  # of several addresses asyncio makes one text
            found = _ERRNO.search(str(error))
            return os.strerror(int(found[1])).lower() if found else str(error)


def _is_same_side(first: _Url, now: _Url) -> bool:
    """Whether credentials for one URL may be sent to another: the same host, and never from TLS to the open."""
    return first.host == now.host and not (first.scheme == "https" and now.scheme == "http")


async def _response(answer: Answer, limit_bytes: int) -> Response:
    if answer.status != 200:
        raise Unavailable(f"server returned HTTP status {status_words(answer)}", code="http.status")
    encoding = answer.headers.get("content-encoding", "").strip().lower()
    body = answer.body
    if encoding == "gzip":
        try:
            if len(body) > _LARGE_BYTES:
                body = await asyncio.to_thread(decompress, body, encoding, limit_bytes)
            else:
                body = decompress(body, encoding, limit_bytes)
        except TooLarge:
            raise TooLarge("body size limit exceeded", code="http.body_size_limit") from None
    elif encoding not in {"", "identity"}:
        raise UserError(f"the answer has content-encoding {encoding!r}, which was not asked for", code="http.encoding")
    if len(body) > limit_bytes:
        raise TooLarge("body size limit exceeded", code="http.body_size_limit")
    return Response(answer.status, answer.headers.get("content-type", ""), body, len(answer.body))


def status_words(answer: Answer) -> str:
    """The status with its words, those of the standard where the server says none.

    >>> status_words(Answer(503, "", {}, b"")), status_words(Answer(599, "Odd", {}, b""))
    ('503 Service Unavailable', '599 Odd')
    """
    reason = answer.reason
    if not reason and answer.status in set(http.HTTPStatus):
        reason = http.HTTPStatus(answer.status).phrase
    return f"{answer.status} {reason}".strip()


class Sessions:
    """Makes sessions, and closes those that are still open. Sessions of equal TLS settings share what these cost."""

    def __init__(self) -> None:
        self._tls = TlsContexts()
        self._open: list[Session] = []

    def session(self, config: HttpConfig, *, unix_socket: Path | None = None) -> Session:
        """A session for a configuration, such as a ``ScrapeConfig``. Reads no file yet; ``get`` tells what is wrong."""
        session = Session(config, tls=self._tls, unix_socket=unix_socket)
        self._open.append(session)
        return session

    async def release(self, session: Session) -> None:
        """Close one that is not needed any more."""
        if session in self._open:
            self._open.remove(session)
        await session.close()

    async def close(self) -> None:
        """Close them all."""
        while self._open:
            await self._open.pop().close()
