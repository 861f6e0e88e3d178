from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sonde.errors import Conflict
from sonde.store.lock import DirectoryLock

HOLD = "import sys, pathlib\nfrom sonde.store.lock import DirectoryLock\nlock = DirectoryLock(pathlib.Path(sys.argv[1]))\nprint('held', flush=True)\nsys.stdin.read()"


def test_a_second_process_is_told_which_one_has_the_directory(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(Conflict, match=rf"in use by another Sonde \(process {holder.pid}\)"):
            DirectoryLock(tmp_path)
        holder.kill()
        holder.wait()
        DirectoryLock(tmp_path).release()  # the end of a process gives it back, however it ends


def test_it_can_be_taken_again_once_it_was_given_back(tmp_path: Path) -> None:
    DirectoryLock(tmp_path).release()
    DirectoryLock(tmp_path).release()
