"""How fast this machine is right now, and who else is using it; printed beside every rate, because machines are shared.

A rate alone says little on a virtual machine whose two processors are sometimes one core. ``speed`` times a fixed
piece of work on one thread and on two; ``Usage`` says where the processors' time went while something was measured.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

_BLOCK = bytes(4 << 20)
_HERTZ = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Speed:
    """What one thread does, in a Python loop and in C, and how much more two threads do than one."""

    loops_per_second: float
    hash_bytes_per_second: float
    two_threads: float

    def __str__(self) -> str:
        return (
            f"this machine now: {self.loops_per_second / 1e6:.1f} M Python loops/s, "
            f"SHA-256 {self.hash_bytes_per_second / 1e6:.0f} MB/s, two threads {self.two_threads:.2f} times one"
        )


def speed() -> Speed:
    """Half a second of fixed work."""
    started = time.perf_counter()
    total = 0
    for number in range(2_000_000):
        total += number & 7
    loops = 2_000_000 / (time.perf_counter() - started)
    alone = _hash_seconds(1)
    return Speed(loops, 40 * len(_BLOCK) / alone, 2 * alone / _hash_seconds(2))


def _hash_seconds(threads: int) -> float:
    def work() -> None:
        for _ in range(40):
            hashlib.sha256(_BLOCK)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    started = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return time.perf_counter() - started


@dataclass(frozen=True, slots=True)
class Usage:
    """Seconds of processor time on the whole machine since boot: used by anyone, and taken away by the host."""

    busy: float
    stolen: float
    at: float

    @classmethod
    def now(cls) -> Usage:
        """Read /proc/stat."""
        fields = [int(field) / _HERTZ for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
        user, nice, system, _idle, _wait, interrupt, soft, stolen = fields[:8]
        return cls(user + nice + system + interrupt + soft, stolen, time.monotonic())

    def since(self, earlier: Usage, *, ours: float) -> str:
        """In words: how many cores others used between two readings, when ``ours`` seconds were our own."""
        wall = self.at - earlier.at
        others = max(0.0, self.busy - earlier.busy - ours) / wall
        return f"others used {others:.2f} cores, the host took {(self.stolen - earlier.stolen) / wall:.2f}"


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and all its threads."""
    return _times(Path(f"/proc/{pid}/stat"))[1]


def cpu_by_thread(pid: int) -> dict[str, float]:
    """The same, by the name that a thread has in the kernel; the first thread is called ``main``."""
    seconds: dict[str, float] = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            name, used = _times(task / "stat")
        except FileNotFoundError:  # it ended meanwhile
            continue
        name = "main" if task.name == str(pid) else name
        seconds[name] = seconds.get(name, 0.0) + used
    return seconds


def _times(stat: Path) -> tuple[str, float]:
    head, _, rest = stat.read_text().rpartition(")")
    fields = rest.split()
    return head.partition("(")[2], (int(fields[11]) + int(fields[12])) / _HERTZ


def memory_bytes(pid: int, field: str = "VmRSS") -> int:
    """A line of /proc/PID/status: ``VmRSS`` now, ``VmHWM`` at its peak, ``RssAnon`` without mapped files."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) << 10
    raise KeyError(field)
