"""Processors: time by mode, what the scheduler did, load, pressure, frequencies."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator

from sonde.receivers.collector import Family, counter, gauge
from sonde.receivers.host.tree import Tree, children, number, read, read_known, value
from sonde.receivers.part import NoData

USER_HZ = 100
"""Ticks a second in ``/proc``, the same on every architecture of Linux that we run on."""

MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")

NANOSECONDS = 1e9


def cpu(tree: Tree) -> Iterable[Family]:
    """Time of each processor by mode, from ``/proc/stat``, and throttling from ``/sys``."""
    seconds: list[tuple[dict[str, str], float]] = []
    guest: list[tuple[dict[str, str], float]] = []
    for line in read(tree.proc("stat")).splitlines():
        name, *fields = line.split()
        if not name.startswith("cpu") or name == "cpu":
            continue
        ticks = [int(field) / USER_HZ for field in fields]
        # The kernel counts a guest's time as user time as well; both are told as they are.
        seconds += [({"cpu": name[3:], "mode": mode}, spent) for mode, spent in zip(MODES, ticks, strict=False)]
        guest += [
            ({"cpu": name[3:], "mode": mode}, spent) for mode, spent in zip(("user", "nice"), ticks[8:], strict=False)
        ]
    yield counter("node_cpu_seconds_total", "Seconds the CPUs spent in each mode.", seconds)
    yield counter("node_cpu_guest_seconds_total", "Seconds the CPUs spent in guests (VMs) for each mode.", guest)
    yield from _throttles(tree)
    yield gauge("node_cpu_online", "CPUs that are online and being scheduled.", list(_online(tree)))
    isolated = value(tree.sys("devices/system/cpu/isolated")) or ""
    yield gauge(
        "node_cpu_isolated",
        "Whether each core is isolated, information from /sys/devices/system/cpu/isolated.",
        [({"cpu": str(index)}, 1) for index in cpu_list(isolated)],
    )


def _online(tree: Tree) -> Iterator[tuple[dict[str, str], float]]:
    for folder in children(tree.sys("devices/system/cpu"), "cpu[0-9]*"):
        online = number(folder / "online")
        if online is not None:  # absent for processors that cannot be switched off
            yield {"cpu": folder.name[3:]}, online


def _throttles(tree: Tree) -> Iterator[Family]:
    cores: dict[tuple[str, str], float] = {}
    packages: dict[str, float] = {}
    for folder in children(tree.sys("devices/system/cpu"), "cpu[0-9]*"):
        package, core = value(folder / "topology/physical_package_id"), value(folder / "topology/core_id")
        if package is None or core is None:
            continue
        of_core = number(folder / "thermal_throttle/core_throttle_count")
        of_package = number(folder / "thermal_throttle/package_throttle_count")
        if of_core is not None:
            cores.setdefault((package, core), of_core)
        if of_package is not None:
            packages.setdefault(package, of_package)
    yield counter(
        "node_cpu_core_throttles_total",
        "Number of times this CPU core has been throttled.",
        [({"package": package, "core": core}, count) for (package, core), count in cores.items()],
    )
    yield counter(
        "node_cpu_package_throttles_total",
        "Number of times this CPU package has been throttled.",
        [({"package": package}, count) for package, count in packages.items()],
    )


def cpu_list(text: str) -> list[int]:
    """The processors of a kernel's list.

    >>> cpu_list("0-2,5"), cpu_list("")
    ([0, 1, 2, 5], [])
    """
    indexes: list[int] = []
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        indexes += range(int(first), int(last or first) + 1)
    return indexes


STAT: dict[str, tuple[str, str]] = {
    # field of /proc/stat: type and name, help
    "intr": ("node_intr_total", "Total number of interrupts serviced."),
    "ctxt": ("node_context_switches_total", "Total number of context switches."),
    "processes": ("node_forks_total", "Total number of forks."),
    "btime": ("node_boot_time_seconds", "Node boot time, in unixtime."),
    "procs_running": ("node_procs_running", "Number of processes in runnable state."),
    "procs_blocked": ("node_procs_blocked", "Number of processes blocked waiting for I/O to complete."),
}


def stat(tree: Tree) -> Iterable[Family]:
    """What the kernel counts for the machine as a whole, from ``/proc/stat``."""
    for line in read(tree.proc("stat")).splitlines():
        name, *fields = line.split()
        if name in STAT:
            metric, text = STAT[name]
            family = counter if metric.endswith("_total") else gauge
            yield family(metric, text, int(fields[0]))


def loadavg(tree: Tree) -> Iterable[Family]:
    """Load of the last 1, 5 and 15 minutes."""
    loads = read(tree.proc("loadavg")).split()[:3]
    return [
        gauge(f"node_load{minutes}", f"{minutes}m load average.", float(load))
        for minutes, load in zip((1, 5, 15), loads, strict=True)
    ]


PRESSURE = (
    # file, line, metric, help
    ("cpu", "some", "cpu_waiting", "Total time in seconds that processes have waited for CPU time"),
    ("io", "some", "io_waiting", "Total time in seconds that processes have waited due to IO congestion"),
    ("io", "full", "io_stalled", "Total time in seconds no process could make progress due to IO congestion"),
    ("memory", "some", "memory_waiting", "Total time in seconds that processes have waited for memory"),
    (
        "memory",
        "full",
        "memory_stalled",
        "Total time in seconds no process could make progress due to memory congestion",
    ),
    ("irq", "full", "irq_stalled", "Total time in seconds no process could make progress due to IRQ congestion"),
)


def pressure(tree: Tree) -> Iterable[Family]:
    """Time lost to want of processor, memory or disk (PSI).

    Raises:
        NoData: The kernel was built or booted without it.
    """
    found = False
    for file, line, metric, text in PRESSURE:
        try:
            lines = read(tree.proc("pressure", file)).splitlines()
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.EOPNOTSUPP}:
                continue
            raise
        for fields in (each.split() for each in lines):
            if fields[0] == line:
                found = True
                total = dict(field.split("=") for field in fields[1:])["total"]
                yield counter(f"node_pressure_{metric}_seconds_total", text, int(total) / 1e6)
    if not found:
        raise NoData("the kernel tells no pressure: boot with psi=1")


SCHEDSTAT = (
    # field of a cpu line, metric, help, units in one
    (7, "running_seconds_total", "Number of seconds CPU spent running a process.", NANOSECONDS),
    (8, "waiting_seconds_total", "Number of seconds spent by processing waiting for this CPU.", NANOSECONDS),
    (9, "timeslices_total", "Number of timeslices executed by CPU.", 1.0),
)


def schedstat(tree: Tree) -> Iterable[Family]:
    """What each processor's scheduler did."""
    lines = [line.split() for line in read_known(tree.proc("schedstat")).splitlines() if line.startswith("cpu")]
    return [
        counter(f"node_schedstat_{name}", text, [({"cpu": fields[0][3:]}, int(fields[at]) / unit) for fields in lines])
        for at, name, text, unit in SCHEDSTAT
    ]


FREQUENCIES = (
    ("cpuinfo_cur_freq", "frequency_hertz", "Current CPU thread frequency in hertz."),
    ("cpuinfo_min_freq", "frequency_min_hertz", "Minimum CPU thread frequency in hertz."),
    ("cpuinfo_max_freq", "frequency_max_hertz", "Maximum CPU thread frequency in hertz."),
    ("scaling_cur_freq", "scaling_frequency_hertz", "Current scaled CPU thread frequency in hertz."),
    ("scaling_min_freq", "scaling_frequency_min_hertz", "Minimum scaled CPU thread frequency in hertz."),
    ("scaling_max_freq", "scaling_frequency_max_hertz", "Maximum scaled CPU thread frequency in hertz."),
)


def cpufreq(tree: Tree) -> Iterable[Family]:
    """The frequencies of each processor, and who decides them."""
    folders = [
        (folder.name[3:], folder / "cpufreq") for folder in children(tree.sys("devices/system/cpu"), "cpu[0-9]*")
    ]
    for file, name, text in FREQUENCIES:
        found = ((index, number(folder / file)) for index, folder in folders)
        yield gauge(f"node_cpu_{name}", text, [({"cpu": index}, khz * 1000) for index, khz in found if khz is not None])
    governors = []
    for index, folder in folders:
        current, available = value(folder / "scaling_governor"), value(folder / "scaling_available_governors") or ""
        governors += [({"cpu": index, "governor": name}, float(name == current)) for name in available.split()]
    yield gauge("node_cpu_scaling_governor", "Current enabled CPU frequency governor.", governors)
