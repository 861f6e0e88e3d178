"""One process per data directory, said in words; the engine's own lock would only say that it cannot start."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from sonde.errors import Conflict


class DirectoryLock:
    """An exclusive lock on a data directory, held until ``release`` or the end of the process, however it ends."""

    def __init__(self, directory: Path) -> None:
        """Take the lock.

        Raises:
            Conflict: another process has it; the message names the process.
        """
        directory.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(self._descriptor, 32).decode(errors="replace").strip() or "unknown"
            os.close(self._descriptor)
            raise Conflict(
                f"{directory} is in use by another Sonde (process {owner})",
                code="data_directory_locked",
                hint="stop it, or start this one with another --data directory",
            ) from None
        os.truncate(self._descriptor, 0)
        os.write(self._descriptor, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Let another process have the directory."""
        os.close(self._descriptor)
