"""The genuine exporters beside ours: starting them, reading what they expose, comparing the shapes."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

_SAMPLE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
_PARTS = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("_sum", "_count")}


@dataclass(frozen=True)
class Shape:
    """A family's type, and the label names that its samples have with a value; `le` and `quantile` are of the type."""

    type: str
    labels: frozenset[str]


def shapes(exposition: str) -> dict[str, Shape]:
    types = dict(line.split(" ")[2:4] for line in exposition.splitlines() if line.startswith("# TYPE "))
    labels: dict[str, set[str]] = {name: set() for name in types}
    for line in exposition.splitlines():
        sample = _SAMPLE.match(line)
        if sample:
            names = {name for name, value in _LABEL.findall(sample[2] or "") if value}
            labels.setdefault(_family(sample[1], types), set()).update(names - {"le", "quantile"})
    return {name: Shape(types.get(name, "untyped"), frozenset(names)) for name, names in labels.items()}


def _family(sample: str, types: dict[str, str]) -> str:
    for kind, suffixes in _PARTS.items():
        for suffix in suffixes:
            name = sample.removesuffix(suffix)
            if name != sample and types.get(name) == kind:
                return name
    return sample


def only(found: dict[str, Shape], *prefixes: str) -> dict[str, Shape]:
    return {name: shape for name, shape in found.items() if name.startswith(prefixes)}


def differences(ours: dict[str, Shape], theirs: dict[str, Shape]) -> list[str]:
    """What is not the same of the families that both have."""
    return [
        f"{name}: ours {ours[name].type} {sorted(ours[name].labels)}, theirs {theirs[name].type} {sorted(theirs[name].labels)}"
        for name in sorted(ours.keys() & theirs.keys())
        if ours[name] != theirs[name]
    ]


@dataclass(frozen=True)
class Gaps:
    """A table of families that an exporter has and we do not: a pattern and a reason a line. It may only shrink."""

    rows: tuple[tuple[re.Pattern[str], str], ...]

    def unlisted(self, ours: dict[str, Shape], theirs: dict[str, Shape]) -> list[str]:
        missing = sorted(theirs.keys() - ours.keys())
        return [name for name in missing if not any(pattern.fullmatch(name) for pattern, _ in self.rows)]

    def outdated(self, ours: dict[str, Shape]) -> list[str]:
        """Lines that name something which we have by now."""
        return [pattern.pattern for pattern, _ in self.rows if any(pattern.fullmatch(name) for name in ours)]


def read_gaps(path: Path) -> Gaps:
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    pairs = [line.split(maxsplit=1) for line in lines]
    return Gaps(tuple((re.compile(pattern), reason) for pattern, reason in pairs))


def program(*names: str) -> str:
    """The first of these programs that is installed; the test is skipped, aloud, where none is."""
    for name in names:
        found = shutil.which(name)
        if found:
            return found
    pytest.skip(f"{names[-1]} is not installed: apt-get install {names[-1]}")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def running(
    command: Sequence[str], *, port: int, log: Path, env: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A program that listens on a port of 127.0.0.1, until the block ends."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=env)
        try:
            until(process, lambda: _listens(port), log)
            yield process
        finally:
            process.terminate()
            process.wait(20)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def until(process: subprocess.Popen[bytes], is_ready: Callable[[], bool], log: Path) -> None:
    """Wait for a program to be ready; fail at once when it ends instead, and in the end anyway."""
    end = time.monotonic() + 30
    while not is_ready():
        assert time.monotonic() < end, f"{process.args!r} is not ready:\n{log.read_text(errors='replace')}"
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.02)
            raise AssertionError(f"{process.args!r} ended:\n{log.read_text(errors='replace')}")


def fetch(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        return str(answer.read().decode())


def named(lines: Sequence[str]) -> set[str]:
    """The families that lines of `differences` are about."""
    return {line.partition(":")[0] for line in lines}
