"""Starts processes and ends them: each with its last lines kept, its own process group, and a pipe that it follows.

Threads and ``subprocess`` only, no event loop: the supervisor works the same in a thread of the server, under uvloop or
not, and as a program of its own. ``subprocess`` starts children without running Python in a forked copy of the server.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

_LINES_KEPT = 30
_LOOK_SECONDS = 0.25
_KILLED_AFTER_SECONDS = 3.5


class Process:
    """A child that runs a module of ours. It writes to pipes that are read to their end, so it never has to wait."""

    def __init__(
        self, name: str, module: str, arguments: Sequence[str], environment: Mapping[str, str], fd: int
    ) -> None:
        """Start it. ``fd`` is a socket that it inherits, or -1."""
        self.name = name
        self._lines: deque[str] = deque(maxlen=_LINES_KEPT)
        self._popen = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            pass_fds=() if fd < 0 else (fd,),
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, name=f"demo-{name}-output", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Its number with the operating system."""
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; the negative number of the signal that killed it, or its own code."""
        return self._popen.poll()

    def last_lines(self) -> list[str]:
        """What it wrote last; after its end, all of it that is kept."""
        if self.exit_code is not None:
            self._reader.join(timeout=1)
        return list(self._lines)

    def terminate(self) -> None:
        """Ask it to end. One that has ended already does not mind."""
        self._popen.terminate()

    def reap(self, timeout_seconds: float) -> None:
        """Wait for its end, and kill it when it takes longer."""
        try:
            self._popen.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        self._reader.join(timeout=1)
        for pipe in (self._popen.stdin, self._popen.stdout):
            if pipe:
                pipe.close()

    def _read(self) -> None:
        if self._popen.stdout:
            for line in self._popen.stdout:
                self._lines.append(line.decode(errors="replace").rstrip())


def stop_all(processes: Sequence[Process]) -> None:
    """End all within some seconds: the last started first, and then the rest at once; whoever hangs is killed."""
    deadline = time.monotonic() + _KILLED_AFTER_SECONDS
    for process in reversed(processes):
        process.terminate()
    for process in reversed(processes):
        process.reap(max(0.0, deadline - time.monotonic()))


def watch(processes: Sequence[Process], stop: threading.Event, say: Callable[[str], None]) -> None:
    """Report each process that ends, once, until ``stop`` is set."""
    alive = list(processes)
    while not stop.wait(_LOOK_SECONDS):
        for process in [process for process in alive if process.exit_code is not None]:
            alive.remove(process)
            say(obituary(process))


def obituary(process: Process) -> str:
    """How a process ended, and what it said last."""
    code = process.exit_code
    how = f"was killed by signal {-code}" if code is not None and code < 0 else f"ended with exit code {code}"
    lines = "\n".join(f"    {line}" for line in process.last_lines())
    return f"The demo's process {process.name} {how}; it is not started again. Its last lines:\n{lines}"
