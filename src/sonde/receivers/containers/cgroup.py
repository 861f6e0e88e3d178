"""The groups of a machine and the numbers in their files.

Files: https://docs.kernel.org/admin-guide/cgroup-v2.html
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sonde.errors import Unsupported

UNLIMITED: Final = "max"
MOST_GROUPS: Final = 4_000

_CONTAINER = re.compile(r"(?:^|[-/])([0-9a-f]{64})(?:\.scope)?$")


@dataclass(frozen=True, slots=True)
class Group:
    """A group: its path below the root of all groups, as cAdvisor's label ``id`` has it, and its folder."""

    id: str
    folder: Path
    _texts: dict[str, str] = field(default_factory=dict, repr=False, compare=False)
    """Files that have been read: one collection asks for the same file several times, and makes its groups anew."""

    @property
    def container(self) -> str:
        """The container's id, or "" for a group that is none's.

        >>> Group("/system.slice/docker-" + "a" * 64 + ".scope", Path()).container == "a" * 64
        True
        >>> Group("/system.slice/ssh.service", Path()).container
        ''
        """
        found = _CONTAINER.search(self.id)
        return found[1] if found else ""

    def number(self, file: str) -> float | None:
        """The one number of a file; None where the file is absent or says ``max``."""
        text = self._text(file).strip()
        return float(text) if text and text != UNLIMITED else None

    def numbers(self, file: str) -> dict[str, float]:
        """The named numbers of a file such as ``memory.stat``."""
        pairs = (line.split() for line in self._text(file).splitlines())
        return {pair[0]: float(pair[1]) for pair in pairs if len(pair) == 2 and pair[1] != UNLIMITED}

    def words(self, file: str) -> list[str]:
        """The words of a file such as ``cpu.max``."""
        return self._text(file).split()

    def devices(self, file: str) -> Iterator[tuple[str, dict[str, float]]]:
        """The device (``major:minor``) and the numbers of each line of ``io.stat``."""
        for line in self._text(file).splitlines():
            device, *fields = line.split()
            yield device, {name: float(count) for name, _, count in (each.partition("=") for each in fields)}

    def pressure(self, resource: str) -> dict[str, float]:
        """Seconds lost to want of a resource: ``some`` and ``full``."""
        lines = (line.split() for line in self._text(f"{resource}.pressure").splitlines())
        return {words[0]: float(words[-1].removeprefix("total=")) / 1e6 for words in lines if words}

    def processes(self) -> list[int]:
        """The processes in the group itself."""
        return [int(word) for word in self.words("cgroup.procs")]

    def created(self) -> float:
        """When the group was made, in seconds since 1970."""
        return self.folder.stat().st_ctime

    def _text(self, file: str) -> str:
        text = self._texts.get(file)
        if text is None:
            try:
                text = (self.folder / file).read_text(encoding="utf-8", errors="replace")
            except OSError:
                # Controllers that are off have no files, the root has few, and a group may end while it is read.
                text = ""
            self._texts[file] = text
        return text


def groups(root: Path, *, only_containers: bool) -> list[Group]:
    """The groups below a root such as ``/sys/fs/cgroup``, parents first; mount units, which hold nothing, left out.

    Raises:
        Unsupported: The root is not of version 2.
    """
    if not (root / "cgroup.controllers").exists():
        raise Unsupported(
            f"{root} is not a hierarchy of cgroups version 2",
            code="containers.cgroup",
            hint="boot with systemd.unified_cgroup_hierarchy=1, and mount the host's /sys into Sonde's container",
        )
    found: list[Group] = []
    for folder, names, _ in os.walk(root):
        names[:] = sorted(name for name in names if not name.endswith(".mount"))
        path = Path(folder)
        group = Group("/" + path.relative_to(root).as_posix().removeprefix("."), path)
        if group.container or not only_containers:
            found.append(group)
        if len(found) >= MOST_GROUPS:
            break
    return found
