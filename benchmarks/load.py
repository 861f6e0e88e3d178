"""The load generator, a process of its own: bodies of 500 items over a few kept connections, as SDKs send them.

    python -m benchmarks.load '{"signal": "traces", "port": 4318, "seconds": 5, "items_per_second": 0}'

Without a rate each connection sends its next body when the last one is acknowledged (a closed loop: how much goes
through). With a rate bodies are due at times fixed beforehand, and an acknowledgement's latency counts from then, also
when the body could not leave because the server, or this process, was behind (an open loop: how long people wait).
Prints one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import math
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import cast

import uvloop
from benchmarks.fleet import ITEMS, Fleet


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send, where, for how long, and how fast (0: as fast as it is taken)."""

    signal: str
    port: int
    seconds: float
    connections: int = 8
    items_per_second: float = 0.0


@dataclass(slots=True)
class Report:
    """What came of it. ``latencies`` are seconds until the acknowledgement, sorted."""

    seconds: float = 0.0
    acknowledged: int = 0
    refused: int = 0
    unsent: int = 0
    body_bytes: int = 0
    cpu_seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)

    def latency(self, quantile: float) -> float:
        """A quantile of the latencies, by the nearest rank."""
        if not self.latencies:
            return math.nan
        return self.latencies[min(len(self.latencies) - 1, math.ceil(quantile * len(self.latencies)) - 1)]


class _Connection(asyncio.Protocol):
    """One body at a time; tells the sender when it was answered."""

    def __init__(self, sender: _Sender) -> None:
        self._sender = sender
        self._received = b""
        self.due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance

    def send(self, due: float) -> None:
        self.due = due
        self._transport.write(self._sender.request())

    def data_received(self, data: bytes) -> None:
        received = self._received + data
        head, found, rest = received.partition(b"\r\n\r\n")
        if not found or len(rest) < _content_length(head):
            self._received = received
            return
        self._received = b""
        self._sender.answered(self, int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._sender.done:
            raise RuntimeError("the server closed a connection") from exc


def _content_length(head: bytes) -> int:
    _, _, behind = head.lower().partition(b"content-length:")
    return int(behind.partition(b"\r\n")[0] or 0)


class _Sender:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._fleet = Fleet(plan.signal)
        self._idle: list[_Connection] = []
        self._late: deque[float] = deque()
        self._open = 0
        self.done = False
        self.report = Report()

    async def run(self) -> Report:
        loop = asyncio.get_running_loop()
        for _ in range(self._plan.connections):
            _, connection = await loop.create_connection(lambda: _Connection(self), "127.0.0.1", self._plan.port)
            self._idle.append(connection)
        cpu, started = time.process_time(), loop.time()
        self._end = started + self._plan.seconds
        if self._plan.items_per_second:
            await self._keep_schedule(started, ITEMS / self._plan.items_per_second)
        else:
            while self._idle:
                self._send(self._idle.pop(), loop.time())
        while self._open or loop.time() < self._end:  # noqa: ASYNC110 - nothing is timed by it
            await asyncio.sleep(0.005)
        self.done = True
        self.report.unsent = len(self._late)
        self.report.seconds = max(loop.time(), self._end) - started
        self.report.cpu_seconds = time.process_time() - cpu
        self.report.latencies.sort()
        return self.report

    async def _keep_schedule(self, started: float, interval: float) -> None:
        loop = asyncio.get_running_loop()
        due = started
        while due < self._end:
            now = loop.time()
            while due <= now and due < self._end:
                if self._idle:
                    self._send(self._idle.pop(), due)
                else:
                    self._late.append(due)
                due += interval
            await asyncio.sleep(max(0.0, due - loop.time()))
        if self._late:  # it still counts: it is sent, and measured, but not for ever
            self._end += 2.0

    def request(self) -> bytes:
        body = self._fleet.body()
        self.report.body_bytes += len(body)
        return (
            f"POST /v1/{self._plan.signal} HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: sonde-bench\r\n"
            f"content-type: application/x-protobuf\r\ncontent-length: {len(body)}\r\n\r\n"
        ).encode() + body

    def answered(self, connection: _Connection, status: int) -> None:
        self._open -= 1
        now = asyncio.get_running_loop().time()
        if status == 200:
            self.report.acknowledged += ITEMS
            self.report.latencies.append(now - connection.due)
        else:
            self.report.refused += 1
        if now >= self._end:
            return
        if self._plan.items_per_second:
            if self._late:
                self._send(connection, self._late.popleft())
            else:
                self._idle.append(connection)
        elif status == 200:
            self._send(connection, now)
        else:
            asyncio.get_running_loop().call_later(0.2, self._again, connection)

    def _again(self, connection: _Connection) -> None:
        now = asyncio.get_running_loop().time()
        if now < self._end:
            self._send(connection, now)

    def _send(self, connection: _Connection, due: float) -> None:
        self._open += 1
        connection.send(due)


def main() -> None:
    plan = Plan(**json.loads(sys.argv[1]))
    print(json.dumps(asdict(uvloop.run(_Sender(plan).run()))))


if __name__ == "__main__":
    main()
