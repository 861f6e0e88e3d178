"""Copies of the engine's table definitions, because one damaged definition keeps the whole engine from opening.

``keep`` copies them after every good start. When the engine does not open, ``mend`` puts back what differs from the
copies and sets aside what was never there; the tables' data lies elsewhere and is not touched.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from sonde.store.client import DATABASE

_LINKS = "links.json"


def keep(engine: Path, copies: Path) -> None:
    """Copy the definitions of an engine that is known to open."""
    fresh = copies.with_name(f"{copies.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    links = {}
    for folder in _folders(engine):
        if folder.is_symlink():
            links[str(folder.relative_to(engine))] = str(folder.readlink())
        target = fresh / folder.relative_to(engine)
        target.mkdir(parents=True, exist_ok=True)
        for definition in folder.glob("*.sql"):
            shutil.copyfile(definition, target / definition.name)
    (fresh / _LINKS).write_text(json.dumps(links))
    shutil.rmtree(copies, ignore_errors=True)
    fresh.rename(copies)


def mend(engine: Path, copies: Path, quarantine: Path) -> list[str]:
    """Make the definitions what they were at the last good start; returns what was done. Nothing is deleted."""
    if not (copies / _LINKS).exists():
        return []
    done: list[str] = []
    for name, target in json.loads((copies / _LINKS).read_text()).items():
        link = engine / name
        if not link.is_symlink() or str(link.readlink()) != target:
            if link.is_symlink() or link.exists():
                _set_aside(link, quarantine)
            link.symlink_to(target)
            done.append(f"the link of database {link.name} was put back")
    for folder in _folders(engine):
        kept = copies / folder.relative_to(engine)
        names = {path.name for path in folder.iterdir() if not path.is_dir()} | {
            path.name for path in kept.glob("*.sql")
        }
        for name in sorted(names):
            present, copy = folder / name, kept / name
            if not copy.exists():
                _set_aside(present, quarantine)
                done.append(f"{name} does not belong to the store and lies in {quarantine.name} now")
            elif not present.exists() or present.read_bytes() != copy.read_bytes():
                if present.exists():
                    _set_aside(present, quarantine)
                shutil.copyfile(copy, present)
                done.append(f"the definition {name} was damaged and was put back")
    return done


def _folders(engine: Path) -> list[Path]:
    metadata = engine / "metadata"
    return [folder for folder in (metadata, metadata / DATABASE) if folder.is_dir()]


def _set_aside(path: Path, quarantine: Path) -> None:
    quarantine.mkdir(parents=True, exist_ok=True)
    number = 0
    while (target := quarantine / f"{path.name}.{number}").exists() or target.is_symlink():
        number += 1
    shutil.move(path, target)
