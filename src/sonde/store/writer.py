"""Takes closed segments from a signal's log into ClickHouse, once each, about one INSERT a second.

After the INSERT come the derivations (LLM calls) of the same segment, with the same token; only then is the segment
deleted. So a crash at any point is answered by doing it again. A segment that the engine cannot take for reasons of
its own (memory, disk, network) waits and is tried again. One that it refuses is halved until the guilty bodies are
found: they go to ``quarantine/``, counted and shown, and nobody else waits for them.
"""

from __future__ import annotations

import json
import logging
import mmap
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sonde.errors import SondeError
from sonde.store.client import Client, may_pass
from sonde.store.frame import Frame, frames
from sonde.store.gate import Gate
from sonde.store.segment_log import Segment, SegmentLog
from sonde.store.wire import LANDING_TABLES, input_settings
from sonde.telemetry.signal import Signal

logger = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 15.0


class Derivation(Protocol):
    """What must be made of a segment's rows before it may go. Called again with the same token after a failure."""

    def __call__(self, client: Client, token: str) -> None:
        """Read what the insert left for us and insert what follows from it, under ``token``."""
        ...


@dataclass(slots=True)
class WriterCounts:
    """What a writer has done; read by /metrics and the status page."""

    inserted_segments: int = 0
    inserted_bytes: int = 0
    failed_attempts: int = 0
    quarantined_frames: int = 0
    lag_seconds: float = 0.0
    trouble: str = ""


class _StoppedError(Exception):
    """The writer was told to stop while a part of a segment waited for the engine; the segment stays."""


class Writer:
    """One thread per signal: closes segments and inserts them, oldest first."""

    def __init__(
        self,
        signal: Signal,
        log: SegmentLog,
        client: Client,
        *,
        quarantine: Path,
        left_over: Iterable[Segment] = (),
        derivations: Iterable[Derivation] = (),
        segment_age_seconds: float = 1.0,
        pause: Callable[[float], None] | None = None,
        gate: Gate | None = None,
    ) -> None:
        """``gate``: each insert passes it, so that whoever closes it finds the signal's tables at rest."""
        self.counts = WriterCounts()
        self._gate = gate or Gate()
        self._signal = signal
        self._log = log
        self._client = client
        self._quarantine = quarantine
        self._left_over = list(left_over)
        self._derivations = tuple(derivations)
        self._segment_age_seconds = segment_age_seconds
        self._stop = threading.Event()
        self._pause = pause or self._wait
        self._thread = threading.Thread(target=self._work, name=f"sonde-writer-{signal}", daemon=True)
        for segment in self._left_over:
            log.adopt(segment)

    def start(self) -> None:
        """Begin: first what an earlier process left, then what comes."""
        self._thread.start()

    def close(self, *, timeout_seconds: float) -> None:
        """Insert what is there if that works at once, then stop. What is not inserted stays in its segments."""
        self._stop.set()
        self._thread.join(timeout_seconds)

    def _work(self) -> None:
        for segment in self._left_over:
            if not self._take(segment):
                return
        while not self._stop.is_set():
            if not self._log.wait_for_frames(0.5):
                self.counts.lag_seconds = 0.0
                continue
            ripe = self._log.seal(min_age_nano=int(self._segment_age_seconds * 1e9))
            if ripe is None:
                self._stop.wait(self._segment_age_seconds / 20)
            elif not self._take(ripe):
                return
        while (last := self._log.seal()) is not None and self._take(last):
            pass

    def _take(self, segment: Segment) -> bool:
        """Insert one segment, however long it takes; False when stopped before it was done."""
        started = time.monotonic()
        try:
            if self._keep(segment.path, segment.token) is not None:
                self._keep_halves(segment)
        except _StoppedError:
            return False
        self.counts.lag_seconds = time.monotonic() - started
        self.counts.inserted_segments += 1
        self.counts.inserted_bytes += segment.size
        self._log.forget(segment)
        return True

    def _keep_halves(self, segment: Segment) -> None:
        """Find the frames that the engine refuses: insert halves of halves, each under a token of its own range."""
        with (
            segment.path.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
            memoryview(mapped) as view,
        ):
            ranges = [list(frames(view))]
            while ranges:
                part = ranges.pop()
                error = self._keep_part(segment, view, part)
                if error is None:
                    continue
                if len(part) == 1:
                    self._set_aside(segment, bytes(view[part[0].start : part[0].end]), part[0], error)
                else:
                    middle = len(part) // 2
                    ranges += [part[middle:], part[:middle]]

    def _keep_part(self, segment: Segment, view: memoryview, part: list[Frame]) -> SondeError | None:
        start, end = part[0].start, part[-1].end
        path = segment.path.with_suffix(".part")
        path.write_bytes(view[start:end])
        try:
            return self._keep(path, f"{segment.token}:{start}-{end}")
        finally:
            path.unlink(missing_ok=True)

    def _keep(self, path: Path, token: str) -> SondeError | None:
        """Insert a file and what is derived from it; the engine's refusal when the file is to blame, else None.

        A derivation that is refused, or fails, is left out and said: the telemetry itself is in the store by then.
        """
        refusal = self._until_it_passes(lambda: self._insert(path, token))
        if refusal is not None:
            return refusal
        for derive in self._derivations:
            try:
                left_out: Exception | None = self._until_it_passes(lambda: derive(self._client, token))  # noqa: B023 - called at once
            except _StoppedError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, the next segment must not wait for it
                left_out = error
            if left_out is not None:
                self.counts.trouble = f"what follows from some of them was left out: {left_out}"
                logger.error("%s: a derivation is left out for segment %s", self._signal, token, exc_info=left_out)
        return None

    def _until_it_passes(self, attempt: Callable[[], None]) -> SondeError | None:
        """Try until it is done (None) or refused. Trouble that may pass is waited for.

        Raises:
            _StoppedError: told to stop meanwhile.
        """
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                attempt()
            except SondeError as error:
                self.counts.failed_attempts += 1
                self.counts.trouble = str(error)
                if not may_pass(error):
                    return error
                logger.warning("%s wait for the store: %s", self._signal, error)
                if self._stop.is_set():
                    raise _StoppedError from error
                self._pause(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            else:
                self.counts.trouble = ""
                return None

    def _insert(self, path: Path, token: str) -> None:
        with self._gate.passing():
            self._client.insert_file(
                LANDING_TABLES[self._signal],
                path,
                input_format="Protobuf",
                token=token,
                settings=input_settings(self._signal),
            )

    def _set_aside(self, segment: Segment, content: bytes, frame: Frame, error: SondeError) -> None:
        self._quarantine.mkdir(parents=True, exist_ok=True)
        name = f"{segment.token}.{frame.start}"
        (self._quarantine / f"{name}.frame").write_bytes(content)
        (self._quarantine / f"{name}.json").write_text(
            json.dumps(
                {"signal": self._signal.value, "error": error.message, "code": error.code, "bytes": len(content)}
            )
        )
        self.counts.quarantined_frames += 1
        logger.error("one body of %s cannot be stored and lies in %s: %s", self._signal, self._quarantine / name, error)

    def _wait(self, seconds: float) -> None:
        self._stop.wait(seconds)
