"""Runs the host's parts, each in a thread and within its time, and tells how each went as the exporter does."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path

from sonde.receivers.collector import Family, gauge, merged
from sonde.receivers.host import clock, cpu, disk, hardware, memory, network, sockets, system
from sonde.receivers.host.filesystem import FSTYPES_EXCLUDED, MOUNTPOINTS_EXCLUDED, Filesystems
from sonde.receivers.host.tree import Tree
from sonde.receivers.machine import machine_name
from sonde.receivers.part import Lane, Outcome, Parts

FILES: Mapping[str, Callable[[Tree], Iterable[Family]]] = {
    "arp": network.arp,
    "conntrack": sockets.conntrack,
    "cpu": cpu.cpu,
    "cpufreq": cpu.cpufreq,
    "diskstats": disk.diskstats,
    "dmi": system.dmi,
    "edac": hardware.edac,
    "entropy": system.entropy,
    "filefd": system.filefd,
    "hwmon": hardware.hwmon,
    "loadavg": cpu.loadavg,
    "mdadm": disk.mdadm,
    "meminfo": memory.meminfo,
    "netclass": network.netclass,
    "netdev": network.netdev,
    "netstat": sockets.netstat,
    "nvme": hardware.nvme,
    "os": system.os_release,
    "pressure": cpu.pressure,
    "schedstat": cpu.schedstat,
    "selinux": system.selinux,
    "sockstat": sockets.sockstat,
    "softnet": network.softnet,
    "stat": cpu.stat,
    "thermal_zone": hardware.thermal_zone,
    "time": clock.time,
    "timex": clock.timex,
    "udp_queues": sockets.udp_queues,
    "uname": system.uname,
    "vmstat": memory.vmstat,
}
"""The exporter's collectors that read files only; ``filesystem`` asks each mount apart."""

AT_ONCE = 2
"""Threads that read at the same time: reading is quick, and the event loop wants its turn."""


class HostCollector:
    """This machine as node_exporter tells it.

    >>> families = asyncio.run(HostCollector(disabled={"filesystem"}).collect())
    >>> [family.name for family in families if family.name.startswith("node_load")]
    ['node_load1', 'node_load15', 'node_load5']

    Args:
        rootfs: Where the machine's root is: ``/host`` in a container that has it mounted there.
        disabled: Names of the exporter's collectors that are left out.
        timeout_seconds: The longest that one of them may take.
        mountpoints_exclude: Mount points that are left out, a regular expression.
        fstypes_exclude: File system types that are left out, a regular expression.
    """

    job = "node"

    def __init__(
        self,
        rootfs: Path = Path("/"),
        *,
        disabled: Collection[str] = (),
        timeout_seconds: float = 5.0,
        mountpoints_exclude: str = MOUNTPOINTS_EXCLUDED,
        fstypes_exclude: str = FSTYPES_EXCLUDED,
    ) -> None:
        self._tree = Tree(rootfs)
        self._disabled = frozenset(disabled)
        self._parts = Parts("host", timeout_seconds=timeout_seconds)
        self._lanes = {name: Lane() for name in FILES}
        self._filesystems = Filesystems(
            self._tree,
            timeout_seconds=timeout_seconds / 2,
            mountpoints_exclude=mountpoints_exclude,
            fstypes_exclude=fstypes_exclude,
        )

    @property
    def instance(self) -> str:
        """The machine's name."""
        return machine_name(self._tree.root)

    async def collect(self) -> Sequence[Family]:
        """All parts, and ``node_scrape_collector_success`` of each."""
        works: dict[str, Callable[[], Awaitable[Iterable[Family]]]] = {
            name: functools.partial(_read, self._lanes[name], part, self._tree) for name, part in FILES.items()
        }
        works["filesystem"] = self._filesystems
        names = sorted(works.keys() - self._disabled)
        gate = asyncio.Semaphore(AT_ONCE)

        async def run(name: str) -> Outcome:
            async with gate:
                return await self._parts.run(name, works[name])

        outcomes = dict(zip(names, await asyncio.gather(*map(run, names)), strict=True))
        return merged([*(family for outcome in outcomes.values() for family in outcome.families), *_scrapes(outcomes)])

    async def close(self) -> None:
        """Nothing is held open."""


async def _read(lane: Lane, part: Callable[[Tree], Iterable[Family]], tree: Tree) -> Iterable[Family]:
    # Generators are run to their end in the thread.
    return await lane.run(lambda: list(part(tree)))


def _scrapes(outcomes: Mapping[str, Outcome]) -> list[Family]:
    return [
        gauge(
            "node_scrape_collector_duration_seconds",
            "node_exporter: Duration of a collector scrape.",
            [({"collector": name}, outcome.seconds) for name, outcome in outcomes.items()],
        ),
        gauge(
            "node_scrape_collector_success",
            "node_exporter: Whether a collector succeeded.",
            [({"collector": name}, float(outcome.success)) for name, outcome in outcomes.items()],
        ),
    ]
