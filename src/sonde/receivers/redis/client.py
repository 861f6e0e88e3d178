"""As much of the Redis protocol as asking takes: one connection, one command after the other, RESP 2.

Specification: https://redis.io/docs/latest/develop/reference/protocol-spec/
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from sonde.errors import SondeError, UserError

Reply = str | int | None | list["Reply"]

LARGEST_REPLY_BYTES: Final = 16 * 1024 * 1024
MOST_ELEMENTS: Final = 100_000
DEEPEST: Final = 8

SCHEMES: Final = ("redis", "rediss", "unix", "valkey", "valkeys")


class _Refusal(str):
    """The text of an error reply."""

    __slots__ = ()


class RedisError(SondeError):
    """Redis answered with an error, or with something that is not its protocol."""

    default_code = "redis.reply"


class RefusedError(RedisError):
    """Redis understood and said no."""

    default_code = "redis.refused"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a Redis is and who asks; its text never shows the password."""

    host: str
    port: int
    path: str
    database: int
    username: str
    password: str = field(repr=False)
    tls: bool

    @property
    def instance(self) -> str:
        """``host:port``, or the path of the socket.

        >>> parse_address("redis://:secret@cache:6380/2").instance
        'cache:6380'
        """
        if self.path:
            return self.path
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(url: str) -> Address:
    """Read ``redis://user:password@host:port/db``, ``rediss://`` for TLS, or ``unix:///path?db=0``.

    >>> parse_address("redis://cache").port, parse_address("unix:///run/redis.sock?db=1").path
    (6379, '/run/redis.sock')

    Raises:
        UserError: It is none of these; the message does not repeat the address, which may hold a password.
    """
    hint = "write redis://user:password@host:6379/0, rediss://… for TLS, or unix:///path/to/socket"
    try:
        parts = urlsplit(url)
        port = parts.port or 6379
        in_path = "" if parts.scheme == "unix" else parts.path.strip("/")
        database = int(in_path or parse_qs(parts.query).get("db", ["0"])[0])
    except ValueError:
        raise UserError("this is no address of a Redis", code="redis.address", hint=hint) from None
    is_socket = parts.scheme == "unix"
    if parts.scheme not in SCHEMES or not (parts.path if is_socket else parts.hostname):
        raise UserError("this is no address of a Redis", code="redis.address", hint=hint)
    return Address(
        host=parts.hostname or "",
        port=port,
        path=unquote(parts.path) if is_socket else "",
        database=database,
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        tls=parts.scheme in {"rediss", "valkeys"},
    )


class Connection:
    """An open connection that has introduced itself; use ``connect``."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._owes_a_reply = False

    async def ask(self, *words: str) -> Reply:
        """Send one command and read its reply.

        Raises:
            RefusedError: The reply is an error.
            RedisError: It is no reply.
            OSError: The connection broke.
        """
        if self._owes_a_reply:
            raise RedisError(f"{words[0]} was not asked: the reply to the command before it never came whole")
        self._owes_a_reply = True
        encoded = [word.encode() for word in words]
        self._writer.write(
            b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded)
        )
        await self._writer.drain()
        try:
            reply = await self._reply(0)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
            raise RedisError(f"the reply to {words[0]} was cut off or is not Redis' protocol") from error
        self._owes_a_reply = False
        if isinstance(reply, _Refusal):
            raise RefusedError(reply)
        return reply

    async def _reply(self, depth: int) -> Reply:
        line = (await self._reader.readuntil(b"\r\n"))[:-2]
        kind, rest = line[:1], line[1:]
        match kind:
            case b"+":
                return rest.decode(errors="replace")
            case b"-":
                return _Refusal(rest.decode(errors="replace"))
            case b":":
                return int(rest)
            case b"$":
                size = int(rest)
                if size < 0:
                    return None
                if size > LARGEST_REPLY_BYTES:
                    raise RedisError(f"a reply of {size} bytes is beyond {LARGEST_REPLY_BYTES}")
                return (await self._reader.readexactly(size + 2))[:-2].decode(errors="replace")
            case b"*":
                count = int(rest)
                if count > MOST_ELEMENTS or depth > DEEPEST:
                    raise RedisError(f"a reply of {count} elements at depth {depth} is too large")
                return None if count < 0 else [await self._reply(depth + 1) for _ in range(count)]
            case _:
                raise ValueError(kind)

    def close(self) -> None:
        """Close it, without waiting for the other side."""
        self._writer.close()


async def connect(address: Address, *, tls: ssl.SSLContext | None = None) -> Connection:
    """Connect and introduce: AUTH where there is a password, SELECT where the database is another one.

    Raises:
        RedisError: The credentials or the database are refused.
        OSError: Nobody listens there.
    """
    if address.path:
        reader, writer = await asyncio.open_unix_connection(address.path)
    else:
        context = (tls or ssl.create_default_context()) if address.tls else None
        reader, writer = await asyncio.open_connection(address.host, address.port, ssl=context)
    connection = Connection(reader, writer)
    try:
        if address.password:
            await connection.ask("AUTH", *filter(None, (address.username, address.password)))
        if address.database:
            await connection.ask("SELECT", str(address.database))
    except BaseException:
        connection.close()
        raise
    return connection
