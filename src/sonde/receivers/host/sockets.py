"""Sockets and protocols: what is open, what TCP, UDP, IP and ICMP counted, tracked connections."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from sonde.receivers.collector import Family, gauge, untyped
from sonde.receivers.host.tree import Tree, read, read_known
from sonde.receivers.part import NoData

NETSTAT = re.compile(
    r"^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)|TcpExt_(Listen.*|"
    r"Syncookies.*|TCPSynRetrans|TCPTimeouts|TCPOFOQueue|TCPRcvQDrop)|Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|"
    r"PassiveOpens|RetransSegs|CurrEstab)|Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))$"
)
_IPV6 = re.compile(r"^(\S+?6)(\S+)$")


def netstat(tree: Tree) -> Iterable[Family]:
    """The protocol counters that the exporter tells by default."""
    counts = [*_paired(read(tree.net("netstat"))), *_paired(read(tree.net("snmp"))), *_ipv6(tree)]
    return [
        untyped(f"node_netstat_{protocol}_{name}", f"Statistic {protocol}{name}.", count)
        for protocol, name, count in counts
        if NETSTAT.match(f"{protocol}_{name}")
    ]


def _paired(text: str) -> Iterable[tuple[str, str, int]]:
    lines = text.splitlines()
    for names, values in zip(lines[::2], lines[1::2], strict=True):
        protocol, *fields = names.split()
        for name, count in zip(fields, values.split()[1:], strict=True):
            yield protocol.rstrip(":"), name, int(count)


def _ipv6(tree: Tree) -> Iterable[tuple[str, str, int]]:
    try:
        lines = read_known(tree.net("snmp6")).splitlines()
    except NoData:  # IPv6 is switched off
        return
    for line in lines:
        name, count = line.split()
        parts = _IPV6.match(name)
        if parts:
            yield parts[1], parts[2], int(count)


SOCKET_FIELDS = ("inuse", "orphan", "tw", "alloc", "mem", "memory")


def sockstat(tree: Tree) -> Iterable[Family]:
    """Sockets by protocol; ``mem`` is counted in pages, ``mem_bytes`` is the same in bytes."""
    for file in ("sockstat", "sockstat6"):
        try:
            lines = read_known(tree.net(file)).splitlines()
        except NoData:
            continue
        for line in lines:
            protocol, _, rest = line.partition(":")
            words = rest.split()
            counts = {name: int(count) for name, count in zip(words[::2], words[1::2], strict=True)}
            if protocol == "sockets":
                yield gauge("node_sockstat_sockets_used", "Number of IPv4 sockets in use.", counts["used"])
                continue
            if "mem" in counts:
                counts["mem_bytes"] = counts["mem"] * os.sysconf("SC_PAGESIZE")
            for name in (*SOCKET_FIELDS, "mem_bytes"):
                if name in counts:
                    metric = f"node_sockstat_{protocol}_{name}"
                    yield gauge(metric, f"Number of {protocol} sockets in state {name}.", counts[name])


def udp_queues(tree: Tree) -> Iterable[Family]:
    """Bytes that wait in UDP's queues.

    Raises:
        NoData: The kernel has no UDP.
    """
    rows: list[tuple[dict[str, str], float]] = []
    for version, file in (("v4", "udp"), ("v6", "udp6")):
        try:
            lines = read_known(tree.net(file)).splitlines()[1:]
        except NoData:
            continue
        queues = [line.split()[4].split(":") for line in lines]
        for at, queue in enumerate(("tx", "rx")):
            rows.append(({"queue": queue, "ip": version}, sum(int(pair[at], 16) for pair in queues)))
    if not rows:
        raise NoData("neither udp nor udp6 in /proc/net")
    text = "Number of allocated memory in the kernel for UDP datagrams in bytes."
    return [gauge("node_udp_queues", text, rows)]


CONNTRACK = (
    # column of /proc/net/stat/nf_conntrack, metric, help
    ("found", "Number of searched entries which were successful."),
    ("invalid", "Number of packets seen which can not be tracked."),
    ("ignore", "Number of packets seen which are already connected to a conntrack entry."),
    ("insert", "Number of entries inserted into the list."),
    ("insert_failed", "Number of entries for which list insertion was attempted but failed."),
    ("drop", "Number of packets dropped due to conntrack failure."),
    (
        "early_drop",
        "Number of dropped conntrack entries to make room for new ones, if maximum table size was reached.",
    ),
    (
        "search_restart",
        "Number of conntrack table lookups which had to be restarted due to hashtable resizes.",
    ),
)


def conntrack(tree: Tree) -> Iterable[Family]:
    """Connections that the firewall tracks, and how that went.

    Raises:
        NoData: It tracks none.
    """
    yield gauge(
        "node_nf_conntrack_entries",
        "Number of currently allocated flow entries for connection tracking.",
        int(read_known(tree.proc("sys/net/netfilter/nf_conntrack_count"))),
    )
    yield gauge(
        "node_nf_conntrack_entries_limit",
        "Maximum size of connection tracking table.",
        int(read_known(tree.proc("sys/net/netfilter/nf_conntrack_max"))),
    )
    head, *lines = [line.split() for line in read_known(tree.net("stat/nf_conntrack")).splitlines()]
    for name, text in CONNTRACK:
        # The kernel has renamed `ignore` to `clashres`, and the exporter keeps telling 0 for it.
        total = sum(int(line[head.index(name)], 16) for line in lines) if name in head else 0
        yield gauge(f"node_nf_conntrack_stat_{name}", text, total)
