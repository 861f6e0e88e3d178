"""Groups of processes, added up. Counters are kept: a process that ends takes nothing away from its group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import add, sub
from typing import Final

from sonde.receivers.collector import Family, counter, gauge
from sonde.receivers.process.proc import COUNTERS, OTHER, STATES, Process

MOST_GROUPS: Final = 2_000
"""Groups that are kept; past it, those that have no process any more are forgotten."""

Labelled = tuple[dict[str, str], float]

_NOTHING: Final = (0.0,) * len(COUNTERS)


@dataclass(slots=True)
class Totals:
    """What the groups' counters have come to, and what each living process has counted so far."""

    groups: dict[str, tuple[float, ...]] = field(default_factory=dict)
    _seen: dict[tuple[int, int], tuple[float, ...]] = field(default_factory=dict)

    def update(self, members: Mapping[str, Sequence[Process]]) -> None:
        """Add what each process has counted since it was last seen; all of it where it is new.

        >>> totals = Totals()
        >>> totals.update({"web": []})
        >>> totals.groups["web"][0]
        0.0
        """
        seen: dict[tuple[int, int], tuple[float, ...]] = {}
        for name, processes in members.items():
            total = self.groups.get(name, _NOTHING)
            for process in processes:
                before = self._seen.get(process.key, _NOTHING)
                # A file that could be read and now cannot would take the total down.
                more = tuple(max(0.0, each) for each in map(sub, process.counters, before))
                total = tuple(map(add, total, more))
                seen[process.key] = tuple(map(max, process.counters, before))
            self.groups[name] = total
        self._seen = seen
        if len(self.groups) > MOST_GROUPS:
            self.groups = {name: total for name, total in self.groups.items() if members.get(name)}


COUNTED: Final[tuple[tuple[str, str, tuple[tuple[int, dict[str, str]], ...]], ...]] = (
    # metric, help, and for each counter its index in COUNTERS and its further labels
    (
        "cpu_seconds_total",
        "Cpu user usage in seconds",
        ((0, {"mode": "user"}), (1, {"mode": "system"})),
    ),
    ("major_page_faults_total", "Major page faults", ((2, {}),)),
    ("minor_page_faults_total", "Minor page faults", ((3, {}),)),
    (
        "context_switches_total",
        "Context switches",
        ((4, {"ctxswitchtype": "voluntary"}), (5, {"ctxswitchtype": "nonvoluntary"})),
    ),
    ("read_bytes_total", "number of bytes read by this group", ((6, {}),)),
    ("write_bytes_total", "number of bytes written by this group", ((7, {}),)),
)


def families(totals: Totals, members: Mapping[str, Sequence[Process]], boot_seconds: float) -> Iterator[Family]:
    """The groups as process-exporter tells them, also those whose processes have all ended."""
    for metric, text, counters in COUNTED:
        rows = [
            ({"groupname": name} | labels, round(total[at], 2))
            for name, total in totals.groups.items()
            for at, labels in counters
        ]
        yield counter(f"namedprocess_namegroup_{metric}", text, rows)
    everyone = {name: members.get(name, ()) for name in totals.groups}
    named = [({"groupname": name}, processes) for name, processes in everyone.items()]
    yield _gauge("num_procs", "number of processes in this group", [(labels, len(each)) for labels, each in named])
    yield _gauge(
        "num_threads",
        "Number of threads",
        [(labels, sum(process.threads for process in each)) for labels, each in named],
    )
    yield _gauge("memory_bytes", "number of bytes of memory in use", list(_memory(everyone)))
    yield _gauge(
        "states",
        "Number of processes in states Running, Sleeping, Waiting, Zombie, or Other",
        [
            (labels | {"state": state}, sum(process.state == state for process in each))
            for labels, each in named
            for state in (*STATES.values(), OTHER)
        ],
    )
    yield _gauge(
        "oldest_start_time_seconds",
        "start time in seconds since 1970/01/01 of oldest process in group",
        [
            (labels, float(int(boot_seconds + min(process.started_ticks for process in each) / 100)))
            for labels, each in named
            if each
        ],
    )
    yield _gauge(
        "open_filedesc",
        "number of open file descriptors for this group",
        [(labels, sum(process.open_descriptors or 0 for process in each)) for labels, each in named],
    )
    yield _gauge(
        "worst_fd_ratio",
        "the worst (closest to 1) ratio between open fds and max fds among all procs in this group",
        [(labels, max((_ratio(process) for process in each), default=0.0)) for labels, each in named],
    )


def _gauge(metric: str, text: str, rows: list[Labelled]) -> Family:
    return gauge(f"namedprocess_namegroup_{metric}", text, rows)


def _memory(everyone: Mapping[str, Sequence[Process]]) -> Iterator[Labelled]:
    for name, processes in everyone.items():
        amounts = {
            "resident": sum(process.resident_bytes for process in processes),
            "virtual": sum(process.virtual_bytes for process in processes),
            "swapped": sum(process.swapped_bytes for process in processes),
        }
        shares = [process.proportional for process in processes if process.proportional is not None]
        if shares:
            amounts["proportionalResident"] = sum(share[0] for share in shares)
            amounts["proportionalSwapped"] = sum(share[1] for share in shares)
        for kind, amount in amounts.items():
            yield {"groupname": name, "memtype": kind}, amount


def _ratio(process: Process) -> float:
    if process.open_descriptors is None or not process.most_descriptors:
        return 0.0
    return process.open_descriptors / process.most_descriptors
