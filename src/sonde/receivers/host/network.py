"""Network devices: what they carried, what they are, and their neighbours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from sonde.receivers.collector import Family, counter, gauge
from sonde.receivers.host.tree import Tree, children, number, read, value

DEVICE_FIELDS = (
    # in the order of /proc/net/dev
    *("receive_bytes", "receive_packets", "receive_errs", "receive_drop"),
    *("receive_fifo", "receive_frame", "receive_compressed", "receive_multicast"),
    *("transmit_bytes", "transmit_packets", "transmit_errs", "transmit_drop"),
    *("transmit_fifo", "transmit_colls", "transmit_carrier", "transmit_compressed"),
)


def netdev(tree: Tree) -> Iterable[Family]:
    """Bytes, packets and faults of each device."""
    devices: dict[str, list[int]] = {}
    for line in read(tree.net("dev")).splitlines()[2:]:
        name, _, fields = line.rpartition(":")  # an alias such as eth0:1 has a colon of its own
        devices[name.strip()] = [int(field) for field in fields.split()]
    for at, name in enumerate(DEVICE_FIELDS):
        rows = [({"device": device}, fields[at]) for device, fields in devices.items()]
        yield counter(f"node_network_{name}_total", f"Network device statistic {name}.", rows)
    unheard = [
        ({"device": device}, count)
        for device in devices
        if (count := number(tree.sys("class/net", device, "statistics/rx_nohandler"))) is not None
    ]
    yield counter("node_network_receive_nohandler_total", "Network device statistic receive_nohandler.", unheard)


PROPERTIES = (
    # file below /sys/class/net/<device>, metric, what one unit of the file is
    ("addr_assign_type", "address_assign_type", 1),
    ("carrier", "carrier", 1),
    ("carrier_changes", "carrier_changes_total", 1),
    ("carrier_up_count", "carrier_up_changes_total", 1),
    ("carrier_down_count", "carrier_down_changes_total", 1),
    ("dev_id", "device_id", 1),
    ("dormant", "dormant", 1),
    ("flags", "flags", 1),
    ("ifindex", "iface_id", 1),
    ("iflink", "iface_link", 1),
    ("link_mode", "iface_link_mode", 1),
    ("mtu", "mtu_bytes", 1),
    ("name_assign_type", "name_assign_type", 1),
    ("netdev_group", "net_dev_group", 1),
    ("speed", "speed_bytes", 125_000),
    ("tx_queue_len", "transmit_queue_length", 1),
    ("type", "protocol_type", 1),
)

IFF_UP = 1


def netclass(tree: Tree) -> Iterable[Family]:
    """Properties of each device, from ``/sys/class/net``."""
    devices = [folder for folder in children(tree.sys("class/net")) if folder.is_dir()]
    up, info = [], []
    for folder in devices:
        state = value(folder / "operstate") or ""
        up.append(({"device": folder.name}, float(state == "up")))
        labels = {
            file: value(folder / file) or "" for file in ("address", "broadcast", "duplex", "operstate", "ifalias")
        }
        is_up = int(number(folder / "flags") or 0) & IFF_UP
        info.append((labels | {"device": folder.name, "adminstate": "up" if is_up else "down"}, 1))
    yield gauge("node_network_up", "Value is 1 if operstate is 'up', 0 otherwise.", up)
    yield gauge("node_network_info", "Non-numeric data from /sys/class/net/<iface>, value is always 1.", info)
    for file, name, unit in PROPERTIES:
        found = ((folder.name, number(folder / file)) for folder in devices)
        family = counter if name.endswith("_total") else gauge
        rows = [({"device": device}, amount * unit) for device, amount in found if amount is not None]
        yield family(f"node_network_{name}", f"Network device property: {name}", rows)


def arp(tree: Tree) -> Iterable[Family]:
    """How many neighbours each device knows."""
    entries = Counter(line.split()[-1] for line in read(tree.net("arp")).splitlines()[1:])
    return [gauge("node_arp_entries", "ARP entries by device", [({"device": name}, n) for name, n in entries.items()])]


SOFTNET = (
    # column of /proc/net/softnet_stat, metric, help
    (0, "processed_total", "Number of processed packets"),
    (1, "dropped_total", "Number of dropped packets"),
    (2, "times_squeezed_total", "Number of times processing packets ran out of quota"),
    (8, "cpu_collision_total", "Number of collision occur while obtaining device lock while transmitting"),
    (9, "received_rps_total", "Number of times cpu woken up received_rps"),
    (10, "flow_limit_count_total", "Number of times flow limit has been reached"),
    (11, "backlog_len", "Softnet backlog status"),
)


def softnet(tree: Tree) -> Iterable[Family]:
    """How each processor got along with incoming packets."""
    lines = [[int(field, 16) for field in line.split()] for line in read(tree.net("softnet_stat")).splitlines()]
    for at, name, text in SOFTNET:
        rows = list(_by_processor(lines, at))
        family = counter if name.endswith("_total") else gauge
        yield family(f"node_softnet_{name}", text, rows)


def _by_processor(lines: list[list[int]], at: int) -> Iterator[tuple[dict[str, str], float]]:
    for index, fields in enumerate(lines):
        if at < len(fields):
            # Column 12 names the processor on kernels since 5.10; before, it is the line's number.
            yield {"cpu": str(fields[12] if len(fields) > 12 else index)}, fields[at]
