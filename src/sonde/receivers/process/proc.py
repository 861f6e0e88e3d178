"""One process, read from its files below ``/proc``.

Files: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sonde.receivers.process.rules import Identity

USER_HZ: Final = 100
PAGE_BYTES: Final = os.sysconf("SC_PAGESIZE")
STATES: Final = {"R": "Running", "S": "Sleeping", "D": "Waiting", "Z": "Zombie"}
OTHER: Final = "Other"

COUNTERS: Final = (
    "user_seconds",
    "system_seconds",
    "major_faults",
    "minor_faults",
    "voluntary",
    "nonvoluntary",
    "read_bytes",
    "write_bytes",
)


@dataclass(frozen=True, slots=True)
class Process:
    """A process at one moment. What may not be read is 0 (None for descriptors), and ``is_partial`` says so."""

    pid: int
    comm: str
    parent: int
    started_ticks: int
    state: str
    threads: int
    virtual_bytes: int
    resident_bytes: int
    swapped_bytes: int
    proportional: tuple[int, int] | None
    open_descriptors: int | None
    most_descriptors: int
    counters: tuple[float, ...]
    is_partial: bool

    @property
    def key(self) -> tuple[int, int]:
        """Pid and start: pids are used again."""
        return self.pid, self.started_ticks


def read_process(folder: Path, *, proportional: bool) -> Process:
    """Read ``/proc/<pid>``.

    Raises:
        FileNotFoundError, ProcessLookupError: It has ended.
        OSError, ValueError, IndexError: It cannot be read.
    """
    # The name may hold blanks and parentheses: fields are counted from the last one.
    head, _, rest = _text(folder / "stat").rpartition(")")
    stat = rest.split()
    status = _pairs(_text(folder / "status"), ":")
    problems = 0
    try:
        io = _pairs(_text(folder / "io"), ":")
    except PermissionError:
        io, problems = {}, problems + 1
    try:
        descriptors: int | None = sum(1 for _ in (folder / "fd").iterdir())
        limit = _descriptor_limit(_text(folder / "limits"))
    except PermissionError:
        descriptors, limit, problems = None, 0, problems + 1
    shares: tuple[int, int] | None = None
    if proportional:
        try:
            rollup = _pairs(_text(folder / "smaps_rollup"), ":")
            shares = (_kilobytes(rollup, "Pss"), _kilobytes(rollup, "SwapPss"))
        except (PermissionError, ProcessLookupError):  # the latter for kernel threads, which have no memory
            problems += int(int(stat[20]) > 0)
    return Process(
        pid=int(folder.name),
        comm=head.partition("(")[2],
        parent=int(stat[1]),
        started_ticks=int(stat[19]),
        state=STATES.get(stat[0], OTHER),
        threads=int(stat[17]),
        virtual_bytes=int(stat[20]),
        resident_bytes=int(stat[21]) * PAGE_BYTES,
        swapped_bytes=_kilobytes(status, "VmSwap"),
        proportional=shares,
        open_descriptors=descriptors,
        most_descriptors=limit,
        counters=(
            int(stat[11]) / USER_HZ,
            int(stat[12]) / USER_HZ,
            float(stat[9]),
            float(stat[7]),
            float(status.get("voluntary_ctxt_switches", 0)),
            float(status.get("nonvoluntary_ctxt_switches", 0)),
            float(io.get("read_bytes", 0)),
            float(io.get("write_bytes", 0)),
        ),
        is_partial=problems > 0,
    )


def read_identity(folder: Path, users: dict[int, str]) -> Identity:
    """What rules look at; ``users`` are names by their number.

    Raises:
        OSError: It has ended, or cannot be read.
    """
    cmdline = _text(folder / "cmdline").rstrip("\0")
    owner = int(_pairs(_text(folder / "status"), ":")["Uid"].split()[0])
    return Identity(
        pid=int(folder.name),
        comm=_text(folder / "comm").rstrip("\n"),
        cmdline=tuple(cmdline.split("\0")) if cmdline else (),
        username=users.get(owner, str(owner)),
    )


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _pairs(text: str, separator: str) -> dict[str, str]:
    lines = (line.partition(separator) for line in text.splitlines())
    return {name.strip(): content.strip() for name, _, content in lines}


def _kilobytes(fields: dict[str, str], name: str) -> int:
    return int(fields.get(name, "0 kB").split()[0]) * 1024


def _descriptor_limit(limits: str) -> int:
    for line in limits.splitlines():
        if line.startswith("Max open files"):
            soft = line.split()[3]
            return 0 if soft == "unlimited" else int(soft)
    return 0
