"""A copy of the embedded engine's tables as they are at one moment, without copying their data: parts never change, so
hard links keep them.

The copy is a data directory of its own: ``sonde serve --data DIR/snapshots/NAME`` opens it, on this or, copied there,
on another machine. Who calls sees to it that nothing is inserted meanwhile.
"""

from __future__ import annotations

import contextlib
import re
import shutil
from pathlib import Path

from sonde.errors import Conflict, InternalError
from sonde.store.client import Client

_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]*\Z")
_KEPT = ("*.sql", "format_version.txt")


def take(client: Client, data: Path, name: str) -> Path:
    """Make ``data/snapshots/name``; returns it. Whole or not at all.

    Raises:
        Conflict: There is one of this name, or the disk refuses.
    """
    if not _NAME.match(name):
        raise InternalError(f"{name!r} is no name of a snapshot")
    engine, target = data / "engine", data / "snapshots" / name
    shadow = name.replace("-", "_")  # the engine would escape anything else in the name of a file
    frozen, building = engine / "shadow" / shadow, target.with_name(f".{name}")
    if target.exists():
        raise Conflict(f"there is a snapshot {name} already", code="store.snapshot")
    try:
        building.mkdir(parents=True)
        for table in _tables(client):
            # our own table, and a name of digits and letters; ClickHouse takes no parameters here
            client.command(f"ALTER TABLE {table} FREEZE WITH NAME '{shadow}'")
        _assemble(engine, frozen, building / "engine")
        building.rename(target)
    except OSError as error:
        raise Conflict(f"the snapshot could not be written: {error}", code="store.snapshot") from error
    finally:
        for left_over in (frozen, building):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                shutil.rmtree(left_over)
    return target


def _tables(client: Client) -> list[str]:
    rows = client.query(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' ORDER BY name"
    ).rows
    return [str(name) for (name,) in rows]


def _assemble(engine: Path, frozen: Path, copy: Path) -> None:
    """Definitions and the like are copied, since the engine writes to them; parts are moved from where they froze."""
    for folder in ("metadata", "data"):
        shutil.copytree(engine / folder, copy / folder, symlinks=True)
    for original in (engine / "store").glob("*/*"):
        table = copy / original.relative_to(engine)
        table.mkdir(parents=True)
        for pattern in _KEPT:
            for file in original.glob(pattern):
                shutil.copy2(file, table)
        if (original / "deduplication_logs").is_dir():
            shutil.copytree(original / "deduplication_logs", table / "deduplication_logs")
            (table / "detached").mkdir()
        parts = frozen / original.relative_to(engine)
        for part in parts.iterdir() if parts.is_dir() else ():
            part.rename(table / part.name)
