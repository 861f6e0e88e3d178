"""The log of one signal: bodies become durable here, before anyone is told that they were accepted.

A receiver's body comes in through ``append`` and waits, with all others that wait, for one ``writev`` (and one
``fsync`` where durability is ``power``). ``writer`` takes closed segments away with ``seal``. After a crash,
``recover`` cuts what was torn.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import errno
import logging
import os
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sonde.errors import Unavailable
from sonde.store.frame import behind_damage, frames, tail, varint

logger = logging.getLogger(__name__)

SUFFIX = ".segment"
_BATCH_FRAMES = 256  # three buffers each; Linux takes 1024 in one writev
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}


class Durability(enum.StrEnum):
    """What an acknowledged body survives: the end of the process, or the end of power too."""

    PROCESS = "process"
    POWER = "power"


@dataclass(frozen=True, slots=True)
class LogLimits:
    """When a log says no: by what waits for the store, by the room left on the disk; and how long a segment gets."""

    pending_bytes: int = 512 << 20
    free_bytes: int = 64 << 20
    segment_bytes: int = 48 << 20  # what one INSERT takes at a time, and six times that of memory


@dataclass(frozen=True, slots=True)
class Segment:
    """A closed segment, ready to be inserted. ``token`` is its identity for exactly-once inserts."""

    path: Path
    size: int

    @property
    def token(self) -> str:
        """The name of the file without its suffix; unique for ever, also across data directories."""
        return self.path.name.removesuffix(SUFFIX)


@dataclass(frozen=True, slots=True)
class LogCounts:
    """What a log has done since it was opened."""

    accepted: int
    refused: int
    pending_bytes: int


class _Waiting:
    """A body that waits for its write, and who waits for it."""

    __slots__ = ("buffers", "future", "loop", "size")

    def __init__(self, buffers: tuple[bytes, bytes, bytes], future: asyncio.Future[None]) -> None:
        self.buffers = buffers
        self.size = sum(map(len, buffers))
        self.future = future
        self.loop = future.get_loop()


class SegmentLog:
    """An append-only log in one directory: ``append`` is for coroutines, the rest for the writer's thread."""

    def __init__(
        self,
        directory: Path,
        *,
        durability: Durability = Durability.PROCESS,
        limits: LogLimits = LogLimits(),
        clock: Callable[[], int] = time.time_ns,
        free_bytes: Callable[[Path], int] | None = None,
        metric_names: int = 0,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._durability = durability
        self._limits = limits
        self._clock = clock
        self._metric_names = metric_names
        self._free_bytes = free_bytes or _free_bytes
        self._reserve = min(limits.free_bytes, _disk_bytes(directory) // 10)
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._wake = threading.Condition()
        self._file = threading.Lock()  # held while a batch is written, and while a segment is sealed
        self._descriptor = -1
        self._path = Path()
        self._size = 0
        self._opened_at = 0
        self._sealed_bytes = 0
        self._accepted = 0
        self._refused = 0
        self._closing = False
        self._has_frames = threading.Event()
        self._full: deque[Segment] = deque()
        self._thread = threading.Thread(target=self._write_batches, name=f"sonde-log-{directory.name}", daemon=True)
        self._thread.start()

    async def append(self, body: bytes, tenant: str) -> None:
        """Make a body durable; returns when it is.

        Raises:
            Unavailable: too much waits for the store, the disk is full, or the log is closing. Nothing was kept.
        """
        waiting = self._accept(body, tenant)
        await waiting.future

    def seal(self, *, min_age_nano: int = 0) -> Segment | None:
        """The oldest segment that is full, or else the open one if it is that old; None when there is neither."""
        with self._file:
            if not self._full and self._size and self._clock() - self._opened_at >= min_age_nano:
                self._rotate()
            segment = self._full.popleft() if self._full else None
            if not self._full and not self._size:
                self._has_frames.clear()
            return segment

    def wait_for_frames(self, timeout_seconds: float) -> bool:
        """Wait until there is a frame that no segment handed over has; False at the time-out."""
        return self._has_frames.wait(timeout_seconds)

    def forget(self, segment: Segment) -> None:
        """The segment is in the store: delete it and give its bytes back to the budget."""
        segment.path.unlink(missing_ok=True)
        with self._wake:
            self._sealed_bytes -= segment.size

    def adopt(self, segment: Segment) -> None:
        """Count a segment that an earlier process left, so that it fills the budget until it is inserted."""
        with self._wake:
            self._sealed_bytes += segment.size

    def counts(self) -> LogCounts:
        """Bodies accepted and refused, and bytes that are not in the store yet."""
        return LogCounts(self._accepted, self._refused, self._sealed_bytes + self._size + self._waiting_bytes)

    def close(self) -> None:
        """Write what waits, then close the file; later bodies are refused."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()
        self._has_frames.set()

    def _accept(self, body: bytes, tenant: str) -> _Waiting:
        end = tail(body, tenant, self._clock(), self._metric_names)
        waiting = _Waiting((varint(len(body) + len(end)), body, end), asyncio.get_running_loop().create_future())
        with self._wake:
            if self._closing:
                raise self._no(Unavailable("Sonde is shutting down", code="shutting_down", retry_after_seconds=5))
            pending = self._sealed_bytes + self._size + self._waiting_bytes
            if pending + waiting.size > self._limits.pending_bytes:
                raise self._no(
                    Unavailable(
                        f"{pending >> 20} MiB of {self._directory.name} wait for the store, which is the limit",
                        code="overloaded",
                        hint="send less, or raise limits.pending_bytes",
                        retry_after_seconds=2,
                    )
                )
            self._waiting.append(waiting)
            self._waiting_bytes += waiting.size
            self._wake.notify()
        return waiting

    def _no(self, error: Unavailable) -> Unavailable:
        self._refused += 1
        return error

    def _write_batches(self) -> None:
        while True:
            with self._wake:
                while not self._waiting and not self._closing:
                    self._wake.wait()
                if not self._waiting:
                    break
                batch = [self._waiting.popleft() for _ in range(min(_BATCH_FRAMES, len(self._waiting)))]
            error: Unavailable | None = None
            size = sum(waiting.size for waiting in batch)
            try:
                with self._file:
                    self._write(batch, size)
            except OSError as refused:
                error = self._unavailable(refused)
            with self._wake:
                self._waiting_bytes -= size
                if error is None:
                    self._accepted += len(batch)
                else:
                    self._refused += len(batch)
            for loop, waiters in _by_loop(batch).items():
                # the loop is gone when the server was stopped under its clients: nobody is left to be told
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(_tell, waiters, error)
        with self._file:
            if self._size:
                self._rotate()  # for the writer, which ends after us

    def _write(self, batch: list[_Waiting], size: int) -> None:
        """One batch at the end of the open segment; when it does not fit, the segment is as it was before."""
        if self._free_bytes(self._directory) - size < self._reserve:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self._descriptor < 0:
            self._open()
        try:
            _write_all(self._descriptor, [buffer for waiting in batch for buffer in waiting.buffers])
            if self._durability is Durability.POWER:
                os.fdatasync(self._descriptor)
        except OSError:
            os.ftruncate(self._descriptor, self._size)
            raise
        self._size += size
        self._has_frames.set()
        if self._size >= self._limits.segment_bytes:
            self._rotate()

    def _rotate(self) -> None:
        """Close the open segment and queue it for the writer; the next frame opens another."""
        os.close(self._descriptor)
        self._descriptor = -1
        self._full.append(Segment(self._path, self._size))
        self._sealed_bytes += self._size
        self._size = 0

    def _open(self) -> None:
        self._opened_at = self._clock()
        self._path = self._directory / f"{self._opened_at:020d}-{secrets.token_hex(8)}{SUFFIX}"
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._size = 0
        if self._durability is Durability.POWER:
            sync_directory(self._directory)

    def _unavailable(self, error: OSError) -> Unavailable:
        if error.errno in _DISK_FULL:
            free = self._free_bytes(self._directory) >> 20
            return Unavailable(
                f"the disk of {self._directory.name} is full ({free} MiB free, {self._reserve >> 20} MiB are kept)",
                code="disk_full",
                hint="make room or shorten retention; Sonde goes on by itself",
                retry_after_seconds=30,
            )
        logger.error("the log of %s cannot be written: %s", self._directory.name, error)
        return Unavailable(f"the log cannot be written: {error.strerror}", code="log_error", retry_after_seconds=10)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was found in a log's directory at start-up."""

    segments: list[Segment]
    cut_bytes: int
    set_aside: list[Path]


def recover(directory: Path, quarantine: Path) -> Recovered:
    """Find the segments that an earlier process left, oldest first, and mend them.

    A torn end was never acknowledged and is cut at the last whole frame. Frames whose checksum does not fit may have
    been acknowledged: their bytes are copied to ``quarantine``, and the sound frames around them are kept.
    """
    segments: list[Segment] = []
    set_aside: list[Path] = []
    cut = 0
    for path in sorted(directory.glob(f"*{SUFFIX}")):
        content = path.read_bytes()
        sound, damaged = _survey(memoryview(content))
        for start, end in damaged:
            quarantine.mkdir(parents=True, exist_ok=True)
            copy = quarantine / f"{path.name}.{start}-{end}.damaged"
            copy.write_bytes(content[start:end])
            set_aside.append(copy)
        kept = b"".join(content[start:end] for start, end in sound)
        cut += len(content) - len(kept) - sum(end - start for start, end in damaged)
        if not kept:
            path.unlink()
            continue
        if len(kept) != len(content):
            mended = path.with_suffix(".mended")
            mended.write_bytes(kept)
            mended.replace(path)
        segments.append(Segment(path, len(kept)))
    return Recovered(segments, cut, set_aside)


def _survey(content: memoryview) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """The byte ranges of a segment that are sound, and those that are damaged; what is in neither was torn."""
    sound: list[tuple[int, int]] = []
    damaged: list[tuple[int, int]] = []
    position = 0
    while position < len(content):
        end = position
        for frame in frames(content[position:]):
            end = position + frame.end
        if end > position:
            sound.append((position, end))
        else:
            behind = behind_damage(content, position)
            if behind is None:  # torn: nothing behind it was ever written
                break
            damaged.append((position, behind))
            end = behind
        position = end
    return sound, damaged


def sync_directory(directory: Path) -> None:
    """Make new and deleted names in a directory survive a loss of power."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _tell(waiters: list[asyncio.Future[None]], error: Unavailable | None) -> None:
    for future in waiters:
        if future.done():  # its client went away
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)


def _by_loop(batch: list[_Waiting]) -> dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]]:
    loops: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for waiting in batch:
        loops.setdefault(waiting.loop, []).append(waiting.future)
    return loops


def _write_all(descriptor: int, buffers: list[bytes]) -> None:
    written = os.writev(descriptor, buffers)
    total = sum(map(len, buffers))
    if written == total:
        return
    rest = memoryview(b"".join(buffers))[written:]
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _free_bytes(directory: Path) -> int:
    status = os.statvfs(directory)
    return status.f_bavail * status.f_frsize


def _disk_bytes(directory: Path) -> int:
    status = os.statvfs(directory)
    return status.f_blocks * status.f_frsize
