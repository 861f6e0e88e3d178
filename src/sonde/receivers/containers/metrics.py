"""What is told of each group."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from sonde.receivers.collector import Type
from sonde.receivers.containers.cgroup import UNLIMITED, Group

Labelled = tuple[dict[str, str], float]
"""Labels of a value beside those of the group."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A family of which each group may have values."""

    name: str
    type: Type
    help: str
    values: Callable[[Group], Iterator[Labelled]]


def _one(value: float | None) -> Iterator[Labelled]:
    if value is not None:
        yield {}, value


def _cpu(field: str, units: float, **labels: str) -> Callable[[Group], Iterator[Labelled]]:
    def values(group: Group) -> Iterator[Labelled]:
        count = group.numbers("cpu.stat").get(field)
        if count is not None:
            yield dict(labels), count / units

    return values


def _memory(field: str) -> Callable[[Group], Iterator[Labelled]]:
    return lambda group: _one(group.numbers("memory.stat").get(field))


def _file(file: str) -> Callable[[Group], Iterator[Labelled]]:
    return lambda group: _one(group.number(file))


def _limit(file: str) -> Callable[[Group], Iterator[Labelled]]:
    """A limit; none is told as 0, as cAdvisor does it."""

    def values(group: Group) -> Iterator[Labelled]:
        words = group.words(file)
        if words:
            yield {}, 0.0 if words[0] == UNLIMITED else float(words[0])

    return values


def _working_set(group: Group) -> Iterator[Labelled]:
    usage = group.number("memory.current")
    if usage is not None:
        # What counts towards the limit and cannot simply be dropped.
        yield {}, max(0.0, usage - group.numbers("memory.stat").get("inactive_file", 0.0))


def _failures(group: Group) -> Iterator[Labelled]:
    stat = group.numbers("memory.stat")
    for kind in ("pgfault", "pgmajfault"):
        if kind in stat:
            for scope in ("container", "hierarchy"):
                yield {"failure_type": kind, "scope": scope}, stat[kind]


def _event(field: str) -> Callable[[Group], Iterator[Labelled]]:
    return lambda group: _one(group.numbers("memory.events").get(field))


def _io(field: str) -> Callable[[Group], Iterator[Labelled]]:
    def values(group: Group) -> Iterator[Labelled]:
        for device, counts in group.devices("io.stat"):
            if field in counts:
                yield {"device": device}, counts[field]

    return values


OPERATIONS: Final = {"Read": "rbytes", "Write": "wbytes", "Discard": "dbytes"}


def _blkio(group: Group) -> Iterator[Labelled]:
    for device, counts in group.devices("io.stat"):
        major, _, minor = device.partition(":")
        for operation, field in OPERATIONS.items():
            if field in counts:
                yield {"device": device, "major": major, "minor": minor, "operation": operation}, counts[field]


def _quota(at: int) -> Callable[[Group], Iterator[Labelled]]:
    def values(group: Group) -> Iterator[Labelled]:
        words = group.words("cpu.max")
        if len(words) == 2 and words[at] != UNLIMITED:
            yield {}, float(words[at])

    return values


def _shares(group: Group) -> Iterator[Labelled]:
    weight = group.number("cpu.weight")
    if weight is not None:
        # Version 1 counts 2 to 262144, version 2 counts 1 to 10000; the runtimes convert like this, and so back.
        yield {}, float(2 + ((int(weight) - 1) * 262_142) // 9_999)


def _pressure(resource: str, line: str) -> Callable[[Group], Iterator[Labelled]]:
    return lambda group: _one(group.pressure(resource).get(line))


def _processes(group: Group) -> Iterator[Labelled]:
    yield {}, float(len(group.processes()))


PRESSURE: Final = (
    ("some", "waiting", "tasks in the container have waited"),
    ("full", "stalled", "no tasks in the container could make progress"),
)

METRICS: Final = (
    Metric(
        "container_cpu_usage_seconds_total",
        "counter",
        "Cumulative cpu time consumed in seconds.",
        _cpu("usage_usec", 1e6, cpu="total"),
    ),
    Metric(
        "container_cpu_user_seconds_total",
        "counter",
        "Cumulative user cpu time consumed in seconds.",
        _cpu("user_usec", 1e6),
    ),
    Metric(
        "container_cpu_system_seconds_total",
        "counter",
        "Cumulative system cpu time consumed in seconds.",
        _cpu("system_usec", 1e6),
    ),
    Metric(
        "container_cpu_cfs_periods_total",
        "counter",
        "Number of elapsed enforcement period intervals.",
        _cpu("nr_periods", 1),
    ),
    Metric(
        "container_cpu_cfs_throttled_periods_total",
        "counter",
        "Number of throttled period intervals.",
        _cpu("nr_throttled", 1),
    ),
    Metric(
        "container_cpu_cfs_throttled_seconds_total",
        "counter",
        "Total time duration the container has been throttled.",
        _cpu("throttled_usec", 1e6),
    ),
    Metric(
        "container_memory_usage_bytes",
        "gauge",
        "Current memory usage in bytes, including all memory regardless of when it was accessed",
        _file("memory.current"),
    ),
    Metric("container_memory_working_set_bytes", "gauge", "Current working set in bytes.", _working_set),
    Metric("container_memory_rss", "gauge", "Size of RSS in bytes.", _memory("anon")),
    Metric("container_memory_cache", "gauge", "Number of bytes of page cache memory.", _memory("file")),
    Metric("container_memory_mapped_file", "gauge", "Size of memory mapped files in bytes.", _memory("file_mapped")),
    Metric("container_memory_kernel_usage", "gauge", "Size of kernel memory allocated in bytes.", _memory("kernel")),
    Metric(
        "container_memory_total_active_file_bytes",
        "gauge",
        "Current total active file in bytes.",
        _memory("active_file"),
    ),
    Metric(
        "container_memory_total_inactive_file_bytes",
        "gauge",
        "Current total inactive file in bytes.",
        _memory("inactive_file"),
    ),
    Metric("container_memory_swap", "gauge", "Container swap usage in bytes.", _file("memory.swap.current")),
    Metric("container_memory_max_usage_bytes", "gauge", "Maximum memory usage recorded in bytes", _file("memory.peak")),
    Metric("container_memory_failcnt", "counter", "Number of memory usage hits limits", _event("max")),
    Metric("container_memory_failures_total", "counter", "Cumulative count of memory allocation failures.", _failures),
    Metric(
        "container_oom_events_total",
        "counter",
        "Count of out of memory events observed for the container",
        _event("oom_kill"),
    ),
    Metric("container_fs_reads_bytes_total", "counter", "Cumulative count of bytes read", _io("rbytes")),
    Metric("container_fs_writes_bytes_total", "counter", "Cumulative count of bytes written", _io("wbytes")),
    Metric("container_fs_reads_total", "counter", "Cumulative count of reads completed", _io("rios")),
    Metric("container_fs_writes_total", "counter", "Cumulative count of writes completed", _io("wios")),
    Metric("container_blkio_device_usage_total", "counter", "Blkio Device bytes usage", _blkio),
    Metric("container_processes", "gauge", "Number of processes running inside the container.", _processes),
    Metric("container_threads", "gauge", "Number of threads running inside the container", _file("pids.current")),
    Metric(
        "container_threads_max",
        "gauge",
        "Maximum number of threads allowed inside the container, infinity if value is zero",
        _limit("pids.max"),
    ),
    Metric("container_spec_cpu_period", "gauge", "CPU period of the container.", _quota(1)),
    Metric("container_spec_cpu_quota", "gauge", "CPU quota of the container.", _quota(0)),
    Metric("container_spec_cpu_shares", "gauge", "CPU share of the container.", _shares),
    Metric("container_spec_memory_limit_bytes", "gauge", "Memory limit for the container.", _limit("memory.max")),
    Metric(
        "container_spec_memory_reservation_limit_bytes",
        "gauge",
        "Memory reservation limit for the container.",
        _limit("memory.low"),
    ),
    Metric(
        "container_spec_memory_swap_limit_bytes",
        "gauge",
        "Memory swap limit for the container.",
        _limit("memory.swap.max"),
    ),
    *(
        Metric(
            f"container_pressure_{resource}_{word}_seconds_total",
            "counter",
            f"Total time duration {who} due to {resource} congestion.",
            _pressure(resource, line),
        )
        for resource in ("cpu", "memory", "io")
        for line, word, who in PRESSURE
    ),
)

INTERFACE: Final = (
    # metric, help, column of /proc/<pid>/net/dev
    ("container_network_receive_bytes_total", "Cumulative count of bytes received", 0),
    ("container_network_receive_packets_total", "Cumulative count of packets received", 1),
    ("container_network_receive_errors_total", "Cumulative count of errors encountered while receiving", 2),
    ("container_network_receive_packets_dropped_total", "Cumulative count of packets dropped while receiving", 3),
    ("container_network_transmit_bytes_total", "Cumulative count of bytes transmitted", 8),
    ("container_network_transmit_packets_total", "Cumulative count of packets transmitted", 9),
    ("container_network_transmit_errors_total", "Cumulative count of errors encountered while transmitting", 10),
    ("container_network_transmit_packets_dropped_total", "Cumulative count of packets dropped while transmitting", 11),
)
