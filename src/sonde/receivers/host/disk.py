"""Disks: what ``/proc/diskstats`` counts for each device, what udev knows of it, and software RAID."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from sonde.receivers.collector import Family, counter, gauge
from sonde.receivers.host.tree import Tree, read, read_known, value

IGNORED = re.compile(r"^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$")
"""Devices that are left out: partitions and what lies in memory."""

SECTOR_BYTES = 512
"""A sector of ``/proc/diskstats``, whatever the device's own are."""

FIELDS = (
    # metric, help, what one unit of the file is; in the order of the file, after major, minor and name
    ("reads_completed_total", "The total number of reads completed successfully.", 1),
    ("reads_merged_total", "The total number of reads merged.", 1),
    ("read_bytes_total", "The total number of bytes read successfully.", SECTOR_BYTES),
    ("read_time_seconds_total", "The total number of seconds spent by all reads.", 0.001),
    ("writes_completed_total", "The total number of writes completed successfully.", 1),
    ("writes_merged_total", "The number of writes merged.", 1),
    ("written_bytes_total", "The total number of bytes written successfully.", SECTOR_BYTES),
    ("write_time_seconds_total", "This is the total number of seconds spent by all writes.", 0.001),
    ("io_now", "The number of I/Os currently in progress.", 1),
    ("io_time_seconds_total", "Total seconds spent doing I/Os.", 0.001),
    ("io_time_weighted_seconds_total", "The weighted # of seconds spent doing I/Os.", 0.001),
    ("discards_completed_total", "The total number of discards completed successfully.", 1),
    ("discards_merged_total", "The total number of discards merged.", 1),
    ("discarded_sectors_total", "The total number of sectors discarded successfully.", 1),
    ("discard_time_seconds_total", "This is the total number of seconds spent by all discards.", 0.001),
    ("flush_requests_total", "The total number of flush requests completed successfully", 1),
    ("flush_requests_time_seconds_total", "This is the total number of seconds spent by all flush requests.", 0.001),
)

Labelled = tuple[dict[str, str], float]


def diskstats(tree: Tree) -> Iterable[Family]:
    """Operations, bytes and time of each disk."""
    lines = [line.split() for line in read(tree.proc("diskstats")).splitlines()]
    disks = [fields for fields in lines if not IGNORED.match(fields[2])]
    for at, (name, text, unit) in enumerate(FIELDS, start=3):
        rows = [({"device": fields[2]}, round(int(fields[at]) * unit, 3)) for fields in disks if at < len(fields)]
        family = counter if name.endswith("_total") else gauge
        yield family(f"node_disk_{name}", text, rows)
    yield from _known_to_udev(tree, disks)


def _known_to_udev(tree: Tree, disks: list[list[str]]) -> Iterator[Family]:
    info: list[Labelled] = []
    filesystems: list[Labelled] = []
    mapped: list[Labelled] = []
    ata: dict[str, list[Labelled]] = {"write_cache": [], "write_cache_enabled": [], "rotation_rate_rpm": []}
    for major, minor, device, *_ in disks:
        udev = _udev(tree, major, minor)
        info.append(
            (
                {
                    "device": device,
                    "major": major,
                    "minor": minor,
                    "path": udev.get("ID_PATH", ""),
                    "wwn": udev.get("ID_WWN", ""),
                    "model": udev.get("ID_MODEL", ""),
                    "serial": udev.get("SCSI_IDENT_SERIAL") or udev.get("ID_SERIAL_SHORT", ""),
                    "revision": udev.get("ID_REVISION", ""),
                    "rotational": value(tree.sys("block", device, "queue/rotational")) or "0",
                },
                1,
            )
        )
        if udev.get("ID_FS_TYPE"):
            names = {"type": "ID_FS_TYPE", "usage": "ID_FS_USAGE", "uuid": "ID_FS_UUID", "version": "ID_FS_VERSION"}
            filesystems.append(({"device": device} | {label: udev.get(key, "") for label, key in names.items()}, 1))
        if udev.get("DM_NAME"):
            names = {
                "name": "DM_NAME",
                "uuid": "DM_UUID",
                "vg_name": "DM_VG_NAME",
                "lv_name": "DM_LV_NAME",
                "lv_layer": "DM_LV_LAYER",
            }
            mapped.append(({"device": device} | {label: udev.get(key, "") for label, key in names.items()}, 1))
        if udev.get("ID_ATA"):
            for name, rows in ata.items():
                amount = udev.get(f"ID_ATA_{name.upper()}", "")
                if amount.isdecimal():
                    rows.append(({"device": device}, int(amount)))
    yield gauge("node_disk_info", "Info of /sys/block/<block_device>.", info)
    yield gauge("node_disk_filesystem_info", "Info about disk filesystem.", filesystems)
    yield gauge("node_disk_device_mapper_info", "Info about disk device mapper.", mapped)
    yield gauge("node_disk_ata_write_cache", "ATA disk has a write cache.", ata["write_cache"])
    yield gauge(
        "node_disk_ata_write_cache_enabled", "ATA disk has its write cache enabled.", ata["write_cache_enabled"]
    )
    yield gauge(
        "node_disk_ata_rotation_rate_rpm", "ATA disk rotation rate in RPMs (0 for SSDs).", ata["rotation_rate_rpm"]
    )


def _udev(tree: Tree, major: str, minor: str) -> dict[str, str]:
    text = value(tree.below(f"/run/udev/data/b{major}:{minor}")) or ""
    pairs = (line[2:].partition("=") for line in text.splitlines() if line.startswith("E:"))
    return {key: content for key, _, content in pairs}


_ARRAY = re.compile(r"^(md\S*) : (active|inactive|broken)(.*)$")
_BLOCKS = re.compile(r"^\s+(\d+) blocks")
_DISKS = re.compile(r"\[(\d+)/(\d+)\]\s+\[[U_]+\]")
_SYNCED = re.compile(r"(recovery|resync|reshape|check)\s*=\s*[\d.]+%\s+\((\d+)/(\d+)\)")
_WAITING = re.compile(r"(recovery|resync|reshape|check)\s*=\s*(PENDING|DELAYED|REMOTE)")
STATES = ("active", "inactive", "recovering", "resync", "check")


def mdadm(tree: Tree) -> Iterable[Family]:
    """Software RAID, from ``/proc/mdstat``."""
    text = read_known(tree.proc("mdstat"))
    rows: dict[str, list[Labelled]] = {name: [] for name in ("blocks", "synced", "required", "state", "disks")}
    for name, block in _arrays(text):
        _array(rows, name, block)
    yield gauge("node_md_blocks", "Total number of blocks on device.", rows["blocks"])
    yield gauge("node_md_blocks_synced", "Number of blocks synced on device.", rows["synced"])
    yield gauge("node_md_disks_required", "Total number of disks of device.", rows["required"])
    yield gauge("node_md_state", "Indicates the state of md-device.", rows["state"])
    yield gauge("node_md_disks", "Number of active/failed/spare disks of device.", rows["disks"])


def _arrays(text: str) -> Iterator[tuple[str, list[str]]]:
    block: list[str] = []
    for line in [*text.splitlines(), ""]:
        if line.startswith("md"):
            block = [line]
        elif block and line.strip():
            block.append(line)
        elif block:
            yield block[0].split()[0], block
            block = []


def _array(rows: dict[str, list[Labelled]], name: str, block: list[str]) -> None:
    head = _ARRAY.match(block[0])
    body = "\n".join(block[1:])
    labels = {"device": name}
    members = re.findall(r"\S+\[\d+\](?:\((\w)\))?", block[0])
    failed, spare = members.count("F"), members.count("S")
    blocks = _BLOCKS.search(body)
    total = int(blocks[1]) if blocks else 0
    disks = _DISKS.search(body)
    required, active = (int(disks[1]), int(disks[2])) if disks else (len(members) - failed - spare,) * 2
    syncing, waiting = _SYNCED.search(body), _WAITING.search(body)
    synced = int(syncing[2]) if syncing else 0 if waiting else total
    state = head[2] if head else "inactive"
    under_way = syncing or waiting
    if under_way:
        state = {"recovery": "recovering", "reshape": "recovering"}.get(under_way[1], under_way[1])
    rows["blocks"].append((labels, total))
    rows["synced"].append((labels, synced))
    rows["required"].append((labels, required))
    rows["state"] += [(labels | {"state": each}, float(each == state)) for each in STATES]
    rows["disks"] += [
        (labels | {"state": each}, count) for each, count in (("active", active), ("failed", failed), ("spare", spare))
    ]
