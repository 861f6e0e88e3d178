"""The files that the host's collectors read, below a root of choice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sonde.receivers.part import NoData


@dataclass(frozen=True, slots=True)
class Tree:
    """A machine as files: ``/`` for this one, ``/host`` where a container has its host's root mounted there.

    >>> host = Tree(Path("/host"))
    >>> host.proc("stat").as_posix(), host.stripped("/host/data"), Tree().stripped("/data")
    ('/host/proc/stat', '/data', '/data')
    """

    root: Path = Path("/")

    def proc(self, *parts: str) -> Path:
        """A path below ``/proc``."""
        return self.root.joinpath("proc", *parts)

    def net(self, *parts: str) -> Path:
        """A path below the network files of ``/proc``: those of the first process where the root is another one's.

        ``/proc/net`` is the network of whoever reads it, which in a container is not the host's.
        """
        return self.proc("net", *parts) if self.is_own else self.proc("1", "net", *parts)

    def sys(self, *parts: str) -> Path:
        """A path below ``/sys``."""
        return self.root.joinpath("sys", *parts)

    @property
    def is_own(self) -> bool:
        """Whether this is the machine as the reading process itself sees it."""
        return self.root == Path("/")

    def stripped(self, mountpoint: str) -> str:
        """A mount point as the host names it."""
        if self.is_own:
            return mountpoint
        prefix = self.root.as_posix()
        if mountpoint == prefix:
            return "/"
        return mountpoint[len(prefix) :] if mountpoint.startswith(f"{prefix}/") else mountpoint

    def below(self, path: str) -> Path:
        """The host's absolute path as it is reached from here."""
        return self.root.joinpath(path.lstrip("/"))


def read(path: Path) -> str:
    """The text of a file that must be there; what is no UTF-8 is kept readable.

    Raises:
        OSError: It cannot be read.
    """
    return path.read_text(encoding="utf-8", errors="replace")


def read_known(path: Path) -> str:
    """The text of a file that only some machines have.

    Raises:
        NoData: There is no such file.
        OSError: It is there and cannot be read.
    """
    try:
        return read(path)
    except FileNotFoundError:
        raise NoData(f"{path} does not exist") from None


def value(path: Path) -> str | None:
    """The one value in a file of ``/sys``, stripped; None where there is no such file, or the kernel gives no value.

    >>> value(Path("/sys/no/such/file")) is None
    True
    """
    try:
        return read(path).strip()
    except OSError:  # sysfs answers EINVAL, ENODEV or EACCES for attributes that a device does not have
        return None


def number(path: Path) -> float | None:
    """The one number in a file of ``/sys``, decimal or hexadecimal; None where there is none.

    >>> number(Path("/sys/no/such/file")) is None
    True
    """
    text = value(path)
    if not text:
        return None
    try:
        return float(int(text, 0)) if text.lower().startswith("0x") else float(text)
    except ValueError:
        return None


def children(path: Path, pattern: str = "*") -> Iterator[Path]:
    """What lies in a folder, in order; nothing where there is no such folder."""
    yield from sorted(path.glob(pattern))
