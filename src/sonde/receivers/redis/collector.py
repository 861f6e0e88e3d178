"""Connects to a Redis at each collection and asks it, part by part; what it may not ask costs that part alone."""

from __future__ import annotations

import contextlib
import dataclasses
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sonde.receivers.collector import Family, counter, gauge, merged
from sonde.receivers.part import NoData, Outcome, Parts
from sonde.receivers.redis import commands
from sonde.receivers.redis.client import Connection, RefusedError, connect, parse_address
from sonde.receivers.redis.info import Info, info_families, pairs, parse_info, plain_families

CLIENT_NAME: Final = "sonde"
SETTINGS: Final = (*commands.CONFIG, "databases", "client-output-buffer-limit")


class RedisCollector:
    """One Redis or Valkey as redis_exporter tells it.

    Args:
        url: ``redis://user:password@host:port/db``, ``rediss://`` for TLS, or ``unix:///path``.
        password: Instead of one in the URL.
        timeout_seconds: The longest that connecting, or one part, may take.
        tls: For ``rediss://``; the system's certificates by default.

    Raises:
        UserError: The URL is none.
    """

    job = "redis"

    def __init__(
        self,
        url: str,
        *,
        password: str = "",
        timeout_seconds: float = 5.0,
        tls: ssl.SSLContext | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        address = parse_address(url)
        self._address = dataclasses.replace(address, password=password) if password else address
        self._parts = Parts(
            f"redis {address.instance}",
            timeout_seconds=timeout_seconds,
            secrets=(url, self._address.password),
        )
        self._tls = tls
        self._now = now
        self._scrapes = 0

    @property
    def instance(self) -> str:
        """``host:port``, or the path of the socket."""
        return self._address.instance

    async def collect(self) -> Sequence[Family]:
        """Everything that this Redis lets us ask; ``redis_up`` 0 and little else where it does not answer."""
        self._scrapes += 1
        start = time.perf_counter()
        opened: list[Connection] = []

        async def open_connection() -> Iterable[Family]:
            opened.append(await connect(self._address, tls=self._tls))
            with contextlib.suppress(RefusedError):  # a courtesy, which an ACL may forbid
                await opened[0].ask("CLIENT", "SETNAME", CLIENT_NAME)
            return ()

        connecting = await self._parts.run("connect", open_connection)
        outcomes = [connecting]
        try:
            if connecting.success:
                outcomes += await _Asking(opened[0], self._parts, self._now).outcomes()
        finally:
            for connection in opened:
                connection.close()
        told = _Told(
            up=connecting.success and outcomes[-1].success,
            error=any(outcome.failed for outcome in outcomes),
            connect_seconds=connecting.seconds,
            seconds=time.perf_counter() - start,
            scrapes=self._scrapes,
        )
        return merged([*(family for outcome in outcomes for family in outcome.families), *told.families()])

    async def close(self) -> None:
        """Nothing is held open between collections."""


class _Asking:
    """One collection's questions, and the answers that later ones need."""

    def __init__(self, connection: Connection, parts: Parts, now: Callable[[], float]) -> None:
        self._connection = connection
        self._parts = parts
        self._now = now
        self._settings: dict[str, str] = {}
        self._info = Info({}, {})

    async def outcomes(self) -> list[Outcome]:
        """Each part's outcome; that of INFO, which decides about ``redis_up``, is the last."""
        configured = await self._parts.run("config", self._config)
        asked = await self._parts.run("info", self._read_info)
        outcomes = [configured]
        if asked.success and self._info.fields.get("redis_mode") != "sentinel":  # a Sentinel knows none of these
            outcomes += [
                await self._parts.run("slowlog", self._slowlog),
                await self._parts.run("latency", self._latency),
                await self._parts.run("histogram", self._histogram),
            ]
        if self._info.fields.get("cluster_enabled") == "1":
            outcomes.append(await self._parts.run("cluster", self._cluster))
        return [*outcomes, asked]

    async def _config(self) -> Iterable[Family]:
        for name in SETTINGS:
            found = commands.mapping(await self._connection.ask("CONFIG", "GET", name))
            self._settings.update({each: str(content) for each, content in found.items()})
        return list(commands.config_families(self._settings))

    async def _read_info(self) -> Iterable[Family]:
        self._info = parse_info(str(await self._connection.ask("INFO", "ALL")))
        return list(info_families(self._info, databases=int(self._settings.get("databases", 0)), now=self._now()))

    async def _slowlog(self) -> Iterable[Family]:
        length = await self._connection.ask("SLOWLOG", "LEN")
        return list(commands.slowlog_families(length, await self._connection.ask("SLOWLOG", "GET", "1")))

    async def _latency(self) -> Iterable[Family]:
        return list(commands.latency_families(await self._connection.ask("LATENCY", "LATEST")))

    async def _histogram(self) -> Iterable[Family]:
        try:
            reply = await self._connection.ask("LATENCY", "HISTOGRAM")
        except RefusedError as error:
            if error.message.startswith("ERR"):
                raise NoData(f"before Redis 7 there are no histograms: {error.message}") from None
            raise
        stats = self._info.sections.get("Commandstats", {})
        totals = {name.removeprefix("cmdstat_"): float(pairs(text)["usec"]) for name, text in stats.items()}
        return [commands.histogram_family(reply, totals)]

    async def _cluster(self) -> Iterable[Family]:
        return list(plain_families(parse_info(str(await self._connection.ask("CLUSTER", "INFO"))).fields))


@dataclass(frozen=True, slots=True)
class _Told:
    """What the exporter says of its own asking."""

    up: bool
    error: bool
    connect_seconds: float
    seconds: float
    scrapes: int

    def families(self) -> list[Family]:
        name = "redis_exporter_last_scrape"
        return [
            gauge("redis_up", "Information about the Redis instance", float(self.up)),
            gauge(f"{name}_error", "The last scrape error status.", float(self.error)),
            gauge(f"{name}_connect_time_seconds", f"{name}_connect_time_seconds metric", self.connect_seconds),
            gauge(f"{name}_duration_seconds", f"{name}_duration_seconds metric", self.seconds),
            counter("redis_exporter_scrapes_total", "Current total redis scrapes.", self.scrapes),
        ]
