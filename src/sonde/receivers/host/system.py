"""What the machine is and how its limits stand: kernel, distribution, DMI, file handles, entropy, SELinux."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable

from sonde.receivers.collector import Family, gauge
from sonde.receivers.host.tree import Tree, read, read_known, value
from sonde.receivers.part import NoData


def uname(tree: Tree) -> Iterable[Family]:
    """The kernel's name and version, from ``/proc/sys/kernel``, so that it is the host's also in a container."""
    kernel = tree.proc("sys/kernel")
    names = {
        "sysname": "ostype",
        "release": "osrelease",
        "version": "version",
        "nodename": "hostname",
        "domainname": "domainname",
    }
    # `nodename` there is that of the reader's own namespace; nothing in /proc tells another one's.
    labels = {label: value(kernel / file) or "" for label, file in names.items()} | {"machine": os.uname().machine}
    return [gauge("node_uname_info", "Labeled system information as provided by the uname system call.", [(labels, 1)])]


OS_FIELDS = (
    *("build_id", "id", "id_like", "image_id", "image_version", "name"),
    *("pretty_name", "variant", "variant_id", "version", "version_codename", "version_id"),
)
_VERSION = re.compile(r"^[0-9]+\.?[0-9]*")


def os_release(tree: Tree) -> Iterable[Family]:
    """The distribution, from os-release."""
    try:
        text = read_known(tree.below("/etc/os-release"))
    except NoData:
        text = read_known(tree.below("/usr/lib/os-release"))
    found = dict(
        word.split("=", 1) for line in text.splitlines() for word in shlex.split(line, comments=True) if "=" in word
    )
    labels = {field: found.get(field.upper(), "") for field in OS_FIELDS}
    listed = ", ".join(OS_FIELDS)
    yield gauge("node_os_info", f"A metric with a constant '1' value labeled by {listed}.", [(labels, 1)])
    version = _VERSION.match(labels["version_id"])
    if version:
        few = {name: labels[name] for name in ("id", "id_like", "name")}
        yield gauge(
            "node_os_version", "Metric containing the major.minor part of the OS version.", [(few, float(version[0]))]
        )


DMI_FIELDS = {
    "bios_date": "bios_date",
    "bios_release": "bios_release",
    "bios_vendor": "bios_vendor",
    "bios_version": "bios_version",
    "board_asset_tag": "board_asset_tag",
    "board_name": "board_name",
    "board_serial": "board_serial",
    "board_vendor": "board_vendor",
    "board_version": "board_version",
    "chassis_asset_tag": "chassis_asset_tag",
    "chassis_serial": "chassis_serial",
    "chassis_vendor": "chassis_vendor",
    "chassis_version": "chassis_version",
    "product_family": "product_family",
    "product_name": "product_name",
    "product_serial": "product_serial",
    "product_sku": "product_sku",
    "product_uuid": "product_uuid",
    "product_version": "product_version",
    "system_vendor": "sys_vendor",
}
"""Label: file below ``/sys/class/dmi/id``. Serial numbers can be read by root alone, and are absent otherwise."""


def dmi(tree: Tree) -> Iterable[Family]:
    """Board, chassis and firmware.

    Raises:
        NoData: The firmware describes nothing, as in most virtual machines of clouds and on ARM.
    """
    labels = {label: text for label, file in DMI_FIELDS.items() if (text := value(tree.sys("class/dmi/id", file)))}
    if not labels:
        raise NoData("no /sys/class/dmi/id")
    listed = ", ".join(DMI_FIELDS)
    return [
        gauge(
            "node_dmi_info",
            f"A metric with a constant '1' value labeled by {listed} if provided by DMI.",
            [(labels, 1)],
        )
    ]


def filefd(tree: Tree) -> Iterable[Family]:
    """Open files of the whole machine."""
    allocated, _, maximum = read(tree.proc("sys/fs/file-nr")).split()
    return [
        gauge("node_filefd_allocated", "File descriptor statistics: allocated.", int(allocated)),
        gauge("node_filefd_maximum", "File descriptor statistics: maximum.", int(maximum)),
    ]


def entropy(tree: Tree) -> Iterable[Family]:
    """What the random number generator has and can have."""
    folder = tree.proc("sys/kernel/random")
    return [
        gauge("node_entropy_available_bits", "Bits of available entropy.", int(read(folder / "entropy_avail"))),
        gauge("node_entropy_pool_size_bits", "Bits of entropy pool.", int(read(folder / "poolsize"))),
    ]


MODES = {"enforcing": 1, "permissive": 0}


def selinux(tree: Tree) -> Iterable[Family]:
    """Whether SELinux is on, and whether it enforces."""
    mode = value(tree.sys("fs/selinux/enforce"))
    yield gauge("node_selinux_enabled", "SELinux is enabled, 1 is true, 0 is false", float(mode is not None))
    if mode is None:
        return
    yield gauge("node_selinux_current_mode", "Current SELinux enforcement mode", int(mode))
    configured = re.search(r"^SELINUX=(\w+)", value(tree.below("/etc/selinux/config")) or "", re.MULTILINE)
    yield gauge(
        "node_selinux_config_mode",
        "Configured SELinux enforcement mode",
        MODES.get(configured[1], -1) if configured else -1,
    )
