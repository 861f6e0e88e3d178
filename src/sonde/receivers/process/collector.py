"""Walks through ``/proc``, puts each process into its group and tells the groups."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sonde.receivers.collector import Family, counter, merged
from sonde.receivers.machine import machine_name
from sonde.receivers.part import Lane, Parts
from sonde.receivers.process.group import Totals, families
from sonde.receivers.process.proc import Process, read_identity, read_process
from sonde.receivers.process.rules import EVERY_COMM, Rule, group_of

Name = tuple[int, int, str]
"""What a process is remembered by: pid, start, and the name of its program, which changes with ``exec``."""


def _name(process: Process) -> Name:
    return process.pid, process.started_ticks, process.comm


@dataclass(slots=True)
class _Errors:
    whole: int = 0
    processes: int = 0
    partial: int = 0


class ProcessCollector:
    """The processes of this machine as process-exporter tells them.

    Args:
        rules: The first that matches names the group of a process; by default each program is a group.
        children: Whether a process that no rule matches counts to its parent's group.
        proportional: Whether shared memory is shared out as well; costs the kernel a walk through each process' memory.
        rootfs: Where the machine's root is: ``/host`` in a container that has it mounted there.
        timeout_seconds: The longest that it may take.
    """

    job = "process"

    def __init__(
        self,
        rules: Sequence[Rule] = EVERY_COMM,
        *,
        children: bool = True,
        proportional: bool = False,
        rootfs: Path = Path("/"),
        timeout_seconds: float = 5.0,
    ) -> None:
        self._rules = tuple(rules)
        self._children = children
        self._proportional = proportional
        self._rootfs = rootfs
        self._parts = Parts("process", timeout_seconds=timeout_seconds)
        self._lane = Lane()
        self._groups: dict[Name, str | None] = {}
        self._totals = Totals()
        self._errors = _Errors()

    @property
    def instance(self) -> str:
        """The machine's name."""
        return machine_name(self._rootfs)

    async def collect(self) -> Sequence[Family]:
        """Every group; one process that cannot be read costs an error counted and nothing else."""

        async def walk() -> Iterable[Family]:
            return await self._lane.run(self._walk)

        outcome = await self._parts.run("processes", walk)
        self._errors.whole += outcome.failed
        return merged([*outcome.families, *_error_families(self._errors)])

    async def close(self) -> None:
        """Nothing is held open."""

    def _walk(self) -> list[Family]:
        users = _users(self._rootfs / "etc/passwd")
        processes = list(self._read())
        by_pid = {process.pid: process for process in processes}
        named = {_name(process): self._named(process, users) for process in processes}
        members: dict[str, list[Process]] = {}
        for process in processes:
            name = self._group(process, named, by_pid)
            if name is not None:
                members.setdefault(name, []).append(process)
        self._groups = named
        self._totals.update(members)
        return list(families(self._totals, members, _boot_seconds(self._rootfs / "proc/stat")))

    def _read(self) -> Iterable[Process]:
        for folder in sorted((self._rootfs / "proc").glob("[0-9]*")):
            try:
                process = read_process(folder, proportional=self._proportional)
            except (FileNotFoundError, ProcessLookupError):  # ended in between
                continue
            except (OSError, ValueError, IndexError):
                self._errors.processes += 1
                continue
            self._errors.partial += process.is_partial
            yield process

    def _named(self, process: Process, users: dict[int, str]) -> str | None:
        """The group by the rules, asked once for each name that a process has."""
        if _name(process) in self._groups:
            return self._groups[_name(process)]
        try:
            identity = read_identity(self._rootfs / f"proc/{process.pid}", users)
        except (OSError, KeyError, ValueError):
            return None
        return group_of(identity, self._rules)

    def _group(self, process: Process, named: dict[Name, str | None], by_pid: dict[int, Process]) -> str | None:
        seen: set[int] = set()
        current: Process | None = process
        while current is not None and current.pid not in seen:
            name = named[_name(current)]
            if name is not None or not self._children:
                return name
            seen.add(current.pid)
            current = by_pid.get(current.parent)
        return None


def _users(passwd: Path) -> dict[int, str]:
    try:
        lines = passwd.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    fields = (line.split(":") for line in lines)
    return {int(parts[2]): parts[0] for parts in fields if len(parts) > 2 and parts[2].isdecimal()}


def _boot_seconds(stat: Path) -> float:
    for line in stat.read_text(encoding="utf-8").splitlines():
        if line.startswith("btime "):
            return float(line.split()[1])
    raise ValueError(f"{stat} does not tell when the machine was started")


def _error_families(errors: _Errors) -> list[Family]:
    return [
        counter(
            "namedprocess_scrape_errors",
            "general scrape errors: no proc metrics collected during a cycle",
            errors.whole,
        ),
        counter(
            "namedprocess_scrape_procread_errors",
            "incremented each time a proc's metrics collection fails",
            errors.processes,
        ),
        counter(
            "namedprocess_scrape_partial_errors",
            "incremented each time a tracked proc's metrics collection fails partially, e.g. unreadable I/O stats",
            errors.partial,
        ),
    ]
