"""A machine's files from one readable text: `==> path <==` before each file, `==> path -> target <==` for a link."""

from __future__ import annotations

import re
from pathlib import Path

_HEAD = re.compile(r"^==> (.+) <==\n", re.MULTILINE)


def unpack(text: Path, root: Path) -> Path:
    pieces = _HEAD.split(text.read_text())[1:]
    for name, content in zip(pieces[::2], pieces[1::2], strict=True):
        path, _, target = name.partition(" -> ")
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if target:
            file.symlink_to(target)
        else:
            file.write_text(content)
    return root
