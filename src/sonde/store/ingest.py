"""The write path as one thing: a log and a writer for each signal, and what was found when they were opened.

``Ingest`` is the ``Consumer`` that receivers hand bodies to.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from sonde.errors import Unavailable
from sonde.store.client import Client
from sonde.store.gate import Gate
from sonde.store.metric_names import MetricNames
from sonde.store.segment_log import SUFFIX as SEGMENT_SUFFIX
from sonde.store.segment_log import Durability, LogCounts, LogLimits, Recovered, SegmentLog, recover
from sonde.store.wire import LANDING_TABLES, SEGMENT_BYTES
from sonde.store.writer import Derivation, Writer, WriterCounts
from sonde.telemetry.signal import Signal

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class SignalCounts:
    """One signal's log and writer, as the status page shows them."""

    log: LogCounts
    writer: WriterCounts


class Ingest:
    """Bodies in, rows in ClickHouse about a second later."""

    def __init__(
        self,
        directory: Path,
        client: Client,
        *,
        derivations: Mapping[Signal, Iterable[Derivation]],
        durability: Durability = Durability.PROCESS,
        limits: LogLimits = LogLimits(),
        segment_age_seconds: float = 1.0,
        metric_names: MetricNames = MetricNames.UNDERSCORES,
    ) -> None:
        """Open the logs below ``directory`` and mend what an earlier process left; ``start`` begins to insert."""
        self.messages: list[str] = []
        quarantine = directory / "quarantine"
        self._logs: dict[Signal, SegmentLog] = {}
        self._writers: dict[Signal, Writer] = {}
        self._gates = {signal: Gate() for signal in LANDING_TABLES}
        self._segments = directory / "segments"
        for signal in LANDING_TABLES:
            segments = self._segments / signal.value
            found = recover(segments, quarantine / signal.value)
            self._report(signal, found)
            log = SegmentLog(
                segments, durability=durability, limits=_limits(signal, limits), metric_names=metric_names.value
            )
            self._logs[signal] = log
            self._writers[signal] = Writer(
                signal,
                log,
                client,
                quarantine=quarantine / signal.value,
                left_over=found.segments,
                derivations=derivations.get(signal, ()),
                segment_age_seconds=segment_age_seconds,
                gate=self._gates[signal],
            )

    def start(self) -> None:
        """Begin to insert: what was left first, then what comes."""
        for writer in self._writers.values():
            writer.start()

    async def consume(self, signal: Signal, body: bytes, *, tenant: str) -> None:
        """Keep one checked body; returns when it is durable.

        Raises:
            Unavailable: overload, a full disk or the end of the process; nothing was kept.
        """
        await self._logs[signal].append(body, tenant)

    def settle(self, signals: Iterable[Signal], *, timeout_seconds: float = 30.0) -> None:
        """Wait until all that these signals have acknowledged so far is in the store. Blocks; for a thread.

        Raises:
            Unavailable: It is not, after so long.
        """
        deadline = time.monotonic() + timeout_seconds
        waiting = [path for signal in signals for path in (self._segments / signal.value).glob(f"*{SEGMENT_SUFFIX}")]
        while waiting := [path for path in waiting if path.exists()]:  # a segment's file goes when it is in the store
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"{len(waiting)} segments that were acknowledged wait for the store",
                    code="store.unsettled",
                    hint="the status page says why; ask again when they are stored",
                )
            threading.Event().wait(_LOOK_SECONDS)

    @contextlib.contextmanager
    def at_rest(self, signals: Iterable[Signal]) -> Iterator[None]:
        """Within the block nothing is inserted into the tables of these signals; bodies are acknowledged as ever."""
        with contextlib.ExitStack() as stack:
            for signal in signals:
                stack.enter_context(self._gates[signal].closed())
            yield

    def counts(self) -> dict[Signal, SignalCounts]:
        """What each signal's log and writer have done."""
        return {
            signal: SignalCounts(self._logs[signal].counts(), self._writers[signal].counts) for signal in self._logs
        }

    def close(self, *, timeout_seconds: float = 5.0) -> None:
        """Refuse new bodies, write what waits, insert it if that works at once; the rest is found at the next start."""
        for log in self._logs.values():
            log.close()
        for writer in self._writers.values():
            writer.close(timeout_seconds=timeout_seconds)

    def _report(self, signal: Signal, found: Recovered) -> None:
        if found.segments:
            self._say(f"{len(found.segments)} segments of {signal} from the last run are inserted now")
        if found.cut_bytes:
            self._say(f"{found.cut_bytes} bytes at the end of {signal} were torn, never acknowledged, and are cut off")
        for path in found.set_aside:
            self._say(f"damaged bytes of {signal} lie in {path}")

    def _say(self, message: str) -> None:
        logger.warning(message)
        self.messages.append(message)


def _limits(signal: Signal, limits: LogLimits) -> LogLimits:
    return replace(limits, segment_bytes=min(limits.segment_bytes, SEGMENT_BYTES.get(signal, limits.segment_bytes)))
