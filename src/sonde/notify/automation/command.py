"""Runs a program as a child: no shell, a bounded time, a bounded output, and nothing of ours but what it is given.

The engine lives in this process, which must never be copied by ``fork``. ``subprocess`` with neither ``preexec_fn`` nor
another user calls ``vfork``: the kernel copies no memory, and nothing of Python, and no handler of a library, runs
between it and the new program. An event loop's own way to start children is another matter (uvloop forks), so this runs
in a thread that waits.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

LARGEST_OUTPUT_BYTES: Final = 16 * 1024
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_LOOK_SECONDS: Final = 0.02
_CHUNK_BYTES: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program has ended."""

    status: int | None
    """Its exit status, negative for a signal; None if it could not be started."""
    output: str
    """The last of what it wrote, to both outputs."""
    seconds: float
    is_late: bool = False
    """It took too long, and was killed."""
    was_stopped: bool = False
    """We are ending, and it was killed."""
    error: str = ""
    """Why it could not be started."""


def run_program(
    argv: Sequence[str],
    *,
    given: bytes,
    environment: Mapping[str, str],
    timeout_seconds: float,
    stop: threading.Event,
    clock: Callable[[], float] = time.monotonic,
) -> Finished:
    """Run a program to its end. It and all its children are killed at its timeout, and when ``stop`` is set.

    Children that it leaves behind when it ends in time live on: a service that was started anew must.

    Args:
        argv: The absolute path of the program, and its arguments.
        given: What it can read from its input.
        environment: Beside ``PATH`` and ``LANG``, all that it gets.
        timeout_seconds: How long it may take.
        stop: When set, it is killed.
        clock: A steady clock.

    >>> finished = run_program(["/bin/cat"], given=b"hello", environment={}, timeout_seconds=10, stop=threading.Event())
    >>> finished.status, finished.output
    (0, 'hello')
    """
    began = clock()
    if stop.is_set():
        return Finished(None, "", 0.0, was_stopped=True)
    with tempfile.TemporaryFile() as handed:
        handed.write(given)
        handed.seek(0)
        try:
            process = subprocess.Popen(
                list(argv),
                stdin=handed,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={"PATH": _PATH, "LANG": "C.UTF-8", **environment},
                close_fds=True,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            return Finished(None, "", clock() - began, error=f"{argv[0]} could not be started: {reason}")
    with process:
        output, is_late, was_stopped = _followed(process, began + timeout_seconds, stop, clock)
        return Finished(process.returncode, output, clock() - began, is_late, was_stopped)


def _followed(
    process: subprocess.Popen[bytes], deadline: float, stop: threading.Event, clock: Callable[[], float]
) -> tuple[str, bool, bool]:
    """Read what a program writes until it has ended; whether it had to be killed, and why."""
    if process.stdout is None:
        raise AssertionError("its output is a pipe")
    descriptor = process.stdout.fileno()
    os.set_blocking(descriptor, False)
    kept = bytearray()
    is_late = was_stopped = False
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        is_open = True
        while process.poll() is None:
            if is_open:
                if selector.select(_LOOK_SECONDS):
                    is_open = _read(descriptor, kept)
            else:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_LOOK_SECONDS)
            if not is_late and not was_stopped and process.poll() is None:
                is_late, was_stopped = clock() >= deadline, stop.is_set()
                if is_late or was_stopped:
                    _kill(process)
    if is_open:  # children of it may hold the pipe open; what it holds is read, and no more is waited for
        _read(descriptor, kept)
    return bytes(kept).decode("utf-8", "replace"), is_late, was_stopped


def _read(descriptor: int, kept: bytearray) -> bool:
    """Read what is there, as much as a pipe holds, and keep the end of it; whether more may come."""
    try:
        chunk = os.read(descriptor, _CHUNK_BYTES)
    except BlockingIOError:
        return True
    kept += chunk
    del kept[:-LARGEST_OUTPUT_BYTES]
    return bool(chunk)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the group that a program leads. It has not been waited for, so the number is still its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
