"""File systems: size and free space of what is mounted, each asked apart, because one of them may not answer."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass

from sonde.receivers.collector import Family, gauge
from sonde.receivers.host.tree import Tree, read
from sonde.receivers.part import in_thread

MOUNTPOINTS_EXCLUDED = r"^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)"
FSTYPES_EXCLUDED = (
    r"^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|mqueue|nsfs|overlay|"
    r"proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|tracefs)$"
)
FEW = 4
"""Mounts asked at the same time."""


@dataclass(frozen=True, slots=True)
class Mount:
    """A line of mountinfo."""

    device: str
    mountpoint: str
    fstype: str
    options: tuple[str, ...]
    major: str
    minor: str

    @property
    def labels(self) -> dict[str, str]:
        """What its samples are labelled with."""
        return {"device": self.device, "mountpoint": self.mountpoint, "fstype": self.fstype}


def mounts(text: str, tree: Tree) -> list[Mount]:
    r"""The mounts of a mountinfo file.

    >>> line = r"36 35 98:0 / /mnt/my\\040disk rw,noatime shared:1 - ext4 /dev/root rw,errors=continue"
    >>> mounts(line.replace("\\\\", "\\"), Tree())[0].labels
    {'device': '/dev/root', 'mountpoint': '/mnt/my disk', 'fstype': 'ext4'}
    """
    found: list[Mount] = []
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        _, _, numbers, _, point, options, *_ = before.split(" ")
        fstype, device, *_ = after.split(" ")
        major, _, minor = numbers.partition(":")
        found.append(
            Mount(_unescaped(device), tree.stripped(_unescaped(point)), fstype, tuple(options.split(",")), major, minor)
        )
    return found


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


class Filesystems:
    """Asks the kernel for each mount, and leaves alone the one that still owes an answer."""

    def __init__(
        self,
        tree: Tree,
        *,
        timeout_seconds: float,
        mountpoints_exclude: str = MOUNTPOINTS_EXCLUDED,
        fstypes_exclude: str = FSTYPES_EXCLUDED,
    ) -> None:
        self._tree = tree
        self._timeout_seconds = timeout_seconds
        self._mountpoints_excluded = re.compile(mountpoints_exclude)
        self._fstypes_excluded = re.compile(fstypes_exclude)
        self._stuck: set[str] = set()

    async def __call__(self) -> Iterable[Family]:
        """Size, free and available bytes, inodes, read-only or not; what does not answer has ``device_error``."""
        wanted = [
            mount
            for mount in mounts(self._mountinfo(), self._tree)
            if not self._mountpoints_excluded.search(mount.mountpoint)
            and not self._fstypes_excluded.search(mount.fstype)
        ]
        gate = asyncio.Semaphore(FEW)
        answers = await asyncio.gather(*(self._ask(mount, gate) for mount in wanted))
        # A mount that lies over another one has the same labels; the one on top is the one that was asked.
        distinct = {tuple(mount.labels.items()): (mount, answer) for mount, answer in zip(wanted, answers, strict=True)}
        return _families(list(distinct.values()))

    def _mountinfo(self) -> str:
        try:
            return read(self._tree.proc("1/mountinfo"))
        except (FileNotFoundError, PermissionError):  # hidepid hides the first process
            return read(self._tree.proc("self/mountinfo"))

    async def _ask(self, mount: Mount, gate: asyncio.Semaphore) -> os.statvfs_result | str:
        path = self._tree.below(mount.mountpoint)
        if mount.mountpoint in self._stuck:
            return "mountpoint timeout"

        def ask() -> os.statvfs_result | str:
            try:
                return os.statvfs(path)
            except OSError as error:
                return (error.strerror or str(error)).lower()
            finally:
                self._stuck.discard(mount.mountpoint)

        async with gate:
            self._stuck.add(mount.mountpoint)
            try:
                async with asyncio.timeout(self._timeout_seconds):
                    return await in_thread(ask)
            except TimeoutError:
                return "mountpoint timeout"


def _families(answers: list[tuple[Mount, os.statvfs_result | str]]) -> list[Family]:
    good = [(mount.labels, stat) for mount, stat in answers if not isinstance(stat, str)]
    # An empty label is no label: ``device_error`` is there only with an error.
    every = [
        (mount, mount.labels | {"device_error": stat if isinstance(stat, str) else ""}, float(isinstance(stat, str)))
        for mount, stat in answers
    ]
    return [
        gauge(
            "node_filesystem_size_bytes",
            "Filesystem size in bytes.",
            [(labels, stat.f_blocks * stat.f_frsize) for labels, stat in good],
        ),
        gauge(
            "node_filesystem_free_bytes",
            "Filesystem free space in bytes.",
            [(labels, stat.f_bfree * stat.f_frsize) for labels, stat in good],
        ),
        gauge(
            "node_filesystem_avail_bytes",
            "Filesystem space available to non-root users in bytes.",
            [(labels, stat.f_bavail * stat.f_frsize) for labels, stat in good],
        ),
        gauge(
            "node_filesystem_files", "Filesystem total file nodes.", [(labels, stat.f_files) for labels, stat in good]
        ),
        gauge(
            "node_filesystem_files_free",
            "Filesystem total free file nodes.",
            [(labels, stat.f_ffree) for labels, stat in good],
        ),
        gauge(
            "node_filesystem_readonly",
            "Filesystem read-only status.",
            [(labels, float("ro" in mount.options)) for mount, labels, _ in every],
        ),
        gauge(
            "node_filesystem_device_error",
            "Whether an error occurred while getting statistics for the given device.",
            [(labels, failed) for _, labels, failed in every],
        ),
        gauge(
            "node_filesystem_mount_info",
            "Filesystem mount information.",
            [
                (
                    {
                        "device": mount.device,
                        "major": mount.major,
                        "minor": mount.minor,
                        "mountpoint": mount.mountpoint,
                    },
                    1.0,
                )
                for mount, _ in answers
            ],
        ),
    ]
