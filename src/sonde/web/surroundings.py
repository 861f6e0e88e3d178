"""What the web is given by ``app``: everything it talks to, as Protocols or plain values, and nothing it makes
itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa
from prometheus_client import REGISTRY, CollectorRegistry

from sonde.query.adhoc import UntrustedEngine
from sonde.query.promql.clickhouse.resident import ResidentSamples
from sonde.store.client import Limits
from sonde.telemetry.signal import Signal
from sonde.web.auth import Authenticator
from sonde.web.keyring import Keyring


class Consumer(Protocol):
    """Where feedback goes: the same log as everything that receivers take in."""

    async def consume(self, signal: Signal, body: bytes, *, tenant: str) -> None:
        """Keep one serialized OTLP request; returns when it is durable."""
        ...


class Health(Protocol):
    """How the server is doing. Both are cheap and never block."""

    def obstacles(self) -> Sequence[str]:
        """Why data is not accepted just now; nothing when it is."""
        ...

    def status(self) -> Mapping[str, Any]:
        """The parts of ``GET /status`` that only the server knows: ``ingest``, ``disk`` and ``messages``."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything around the web.

    ``now_nano`` is the time, ``limits`` are those of one question, ``is_stopping`` ends streams, so that the
    server can stop.
    """

    store: UntrustedEngine
    state: sa.Engine
    keyring: Keyring
    authenticator: Authenticator
    consumer: Consumer
    health: Health
    version: str
    now_nano: Callable[[], int]
    is_stopping: Callable[[], bool] = lambda: False
    allowed_hosts: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    static: Path = field(default_factory=lambda: Path(__file__).parent / "static")
    metrics: CollectorRegistry = REGISTRY
    resident: ResidentSamples | None = None
    """Recent samples in memory; None where the engine is not ours alone."""
