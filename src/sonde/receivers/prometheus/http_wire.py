"""One connection of HTTP/1.1, asked for one thing at a time; llhttp parses what comes back.

Whom it asks, and with which credentials, is decided by ``http_session``.

Specification: RFC 9112.
"""

from __future__ import annotations

import asyncio
from typing import Final, NamedTuple, cast

import httptools

from sonde.errors import SondeError

LARGEST_HEAD_BYTES: Final = 1024 * 1024


class Answer(NamedTuple):
    """A response as it came; ``headers`` have small letters."""

    status: int
    reason: str
    headers: dict[str, str]
    body: bytes


class Disconnected(SondeError):
    """The other side closed the connection before its answer was complete."""

    default_code = "http.connection"

    def __init__(self, message: str, *, begun: bool) -> None:
        super().__init__(message)
        self.begun = begun
        """Whether a part of the answer had come."""


class BadAnswer(SondeError):
    """This is not HTTP."""

    default_code = "http.malformed"


class BodyTooLarge(SondeError):
    """The body passes the limit."""

    default_code = "http.body_size_limit"


class Connection(asyncio.Protocol):
    """A connection that is open, or was."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Answer] | None = None
        self.usable = False
        """Whether another request may be sent."""

    async def ask(self, request: bytes, *, limit_bytes: int, tunnel: bool = False) -> Answer:
        """Send a request and wait for its answer; whoever gives up waiting closes the connection by that.

        Args:
            request: Head and body.
            limit_bytes: Of the answer's body, as it comes.
            tunnel: It is CONNECT: what follows the head of its answer is no body.

        Raises:
            Disconnected: The connection was closed.
            BadAnswer: What came is not HTTP.
            BodyTooLarge: The body is beyond its limit.
        """
        if self._transport is None or not self.usable:
            raise Disconnected("EOF", begun=False)
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._answer = answer
        self._parser = httptools.HttpResponseParser(self)
        self._status, self._reason, self._headers = 0, b"", dict[str, str]()
        self._parts: list[bytes] = []
        self._limit_bytes, self._tunnel = limit_bytes, tunnel
        self._head_bytes = self._body_bytes = 0
        self._in_body = self._until_close = False
        self.usable = False
        self._transport.write(request)
        try:
            return await answer
        finally:
            self._answer = None
            if not self.usable:
                self.close()

    async def secure(self, context: object, server_name: str) -> None:
        """Speak TLS from here on, through the tunnel that ``ask`` has opened."""
        loop = asyncio.get_running_loop()
        transport = await loop.start_tls(self._transport, self, context, server_hostname=server_name)  # type: ignore[arg-type]
        self._transport = transport

    def close(self) -> None:
        """Close it at once."""
        self.usable = False
        if self._transport is not None:
            self._transport.abort()

    # What the event loop tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self.usable = True

    def data_received(self, data: bytes) -> None:
        """Parse what came; nobody has asked for anything that comes between two answers."""
        if self._answer is None or self._answer.done():
            self.close()
            return
        if not self._in_body:
            if self._head_bytes > LARGEST_HEAD_BYTES:
                self._fail(BadAnswer(f"the head of the answer is larger than {LARGEST_HEAD_BYTES} bytes"))
                return
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self._answer.done():
                self._fail(BadAnswer(f"malformed HTTP response: {error}"))
            self.usable = False

    def eof_received(self) -> bool:
        """An answer without a length ends here."""
        self._end(None)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Say so to who waits."""
        self.usable = False
        self._end(exc)

    def _end(self, error: Exception | None) -> None:
        self.usable = False
        if self._answer is None or self._answer.done():
            return
        if self._until_close and error is None:
            self._answer.set_result(self._made())
        elif isinstance(error, ConnectionResetError):
            self._fail(Disconnected("read: connection reset by peer", begun=bool(self._head_bytes)))
        elif isinstance(error, OSError):
            self._fail(Disconnected(f"read: {error.strerror or error}", begun=bool(self._head_bytes)))
        else:
            self._fail(Disconnected("unexpected EOF" if self._head_bytes else "EOF", begun=bool(self._head_bytes)))

    def _fail(self, error: SondeError) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)

    def _made(self) -> Answer:
        return Answer(self._status, self._reason.decode("latin-1"), self._headers, b"".join(self._parts))

    # What the parser tells.

    def on_message_begin(self) -> None:
        """Begin anew: behind an answer that only announces one, or where nobody has asked for a second."""
        self._headers, self._reason = {}, b""
        if self._answer is None or self._answer.done():
            self.usable = False

    def on_status(self, reason: bytes) -> None:
        """Take the words behind the status; they may come in parts."""
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; of one that comes twice, both, as RFC 9110 joins them."""
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        """Know how the body will end."""
        self._status = self._parser.get_status_code()
        if self._status // 100 == 1:
            return
        self._in_body = True
        self._until_close = "content-length" not in self._headers and "transfer-encoding" not in self._headers
        if self._tunnel and self._answer is not None and not self._answer.done():
            self.usable = self._status == 200
            self._answer.set_result(self._made())

    def on_body(self, part: bytes) -> None:
        """Take a part of the body, up to the limit; what stands below an error is not kept."""
        self._body_bytes += len(part)
        if self._body_bytes > self._limit_bytes:
            if self._status == 200:
                self._fail(BodyTooLarge("body size limit exceeded"))
            elif self._answer is not None and not self._answer.done():
                self._answer.set_result(self._made())
            self.close()
        elif self._status == 200:
            self._parts.append(part)

    def on_message_complete(self) -> None:
        """Give the answer to who waits, unless it is one of those that announce the real one."""
        if self._status // 100 == 1:
            return
        if self._answer is not None and not self._answer.done():
            self.usable = self._parser.should_keep_alive() and not self._until_close
            self._answer.set_result(self._made())
