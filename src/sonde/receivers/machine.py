"""What collectors of one machine know it by."""

from __future__ import annotations

from pathlib import Path


def machine_name(root: Path) -> str:
    """The name of the machine whose root is there, or ``localhost`` where it has none.

    >>> machine_name(Path("/no/such/root"))
    'localhost'
    """
    for file in ("etc/hostname", "proc/sys/kernel/hostname"):
        try:
            name = (root / file).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            continue
        if name:
            return name
    return "localhost"
