"""Runbooks: the pages of docs/runbooks, which the wheel carries, and people's own, which shadow them.

``links`` asks whether there is one, ``web/runbooks.py`` shows it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_log = logging.getLogger(__name__)
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,199}", re.ASCII)
_INDEX: Final = "README"
_MAX_BYTES: Final = 512 << 10
_IN_WHEEL: Final = Path(__file__).parent / "shipped_runbooks"
_IN_TREE: Final = Path(__file__).parents[4] / "docs" / "runbooks"


@dataclass(frozen=True, slots=True)
class Runbook:
    """A page for the alerts of one name."""

    name: str
    text: str
    """Markdown."""
    is_own: bool
    """Whether people wrote it, rather than we."""

    @property
    def summary(self) -> str:
        """Its first paragraph, as one line.

        >>> Runbook("Down", "# Down" + chr(10) * 2 + "It does not" + chr(10) + "answer." + chr(10) * 2, False).summary
        'It does not answer.'
        """
        for paragraph in re.split(r"\n\s*\n", self.text):
            if paragraph.strip() and not paragraph.lstrip().startswith(("#", "```", "|", "-", "*", ">", "<!--")):
                return " ".join(paragraph.split())
        return ""


class Runbooks:
    """The runbooks there are.

    Args:
        own: A folder with people's own: a file ``<alertname>.md`` each. Changes are seen at once.
        shipped: Where ours are.

    >>> Runbooks().has("HighErrorRate"), Runbooks().has("README"), Runbooks().has("../secret")
    (True, False, False)
    """

    def __init__(self, own: Path | None = None, shipped: Path | None = None) -> None:
        self._own = own
        self._shipped = shipped or (_IN_WHEEL if _IN_WHEEL.is_dir() else _IN_TREE)

    def has(self, name: str) -> bool:
        """Whether there is a runbook for alerts of this name."""
        return self._path(name) is not None

    def find(self, name: str) -> Runbook | None:
        """The runbook for alerts of this name; blocks for as long as a small file takes."""
        path = self._path(name)
        return None if path is None else self._read(path)

    def names(self) -> list[str]:
        """The alerts for which there is one."""
        stems = {path.stem for folder in (self._shipped, self._own) if folder for path in folder.glob("*.md")}
        return sorted((stem for stem in stems if self._path(stem)), key=str.lower)

    def all(self) -> Iterator[Runbook]:
        """All of them, by name."""
        for name in self.names():
            runbook = self.find(name)
            if runbook is not None:
                yield runbook

    def _path(self, name: str) -> Path | None:
        if not _NAME.fullmatch(name) or name == _INDEX:
            return None
        for folder in (self._own, self._shipped):
            if folder is not None and (path := folder / f"{name}.md").is_file():
                return path
        return None

    def _read(self, path: Path) -> Runbook | None:
        try:
            with path.open(encoding="utf-8", errors="replace") as file:
                text = file.read(_MAX_BYTES)
        except OSError as error:
            _log.warning("the runbook %s cannot be read: %s", path, error.strerror)
            return None
        return Runbook(path.stem, text, is_own=path.parent != self._shipped)
