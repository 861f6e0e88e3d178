"""Reads Prometheus' test scripts: what is loaded, what is asked, what is expected.

Format: https://github.com/prometheus/prometheus/blob/main/promql/promqltest/README.md
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sonde.query.promql.histogram import notation as histogram_notation
from sonde.query.promql.histogram.classic_buckets import custom_buckets
from sonde.query.promql.histogram.notation import Notation
from sonde.query.promql.memory_storage import STALE, Line, MemoryStorage, Point
from sonde.query.promql.number import parse_float
from sonde.telemetry.labels import METRIC_NAME, Labels, labels_of, value_of
from sonde.telemetry.quoting import unquote

_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000, "y": 31_536_000_000}
_DURATION = r"(?:\d+(?:ms|[smhdwy]))+"
_NUMBER = r"(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[iI]nf|[nN]a[nN])"
_RUN = re.compile(rf"([+-]?{_NUMBER})(?:([+-]{_NUMBER}))?(?:x(\d+))?")
_SHIFT = re.compile(rf"([+-]?(?:{_DURATION}|0))([+-]{_DURATION})?(?:x(\d+))?")
_LABEL = re.compile(r'\s*,?\s*("(?:[^"\\]|\\.)*"|[\w.]+)\s*=\s*("(?:[^"\\]|\\.)*"|\'[^\']*\'|`[^`]*`)')
_ITEM = re.compile(r"\{\{[^}]*\}\}(?:[+-]\{\{[^}]*\}\})?(?:x\d+)?|\S+")

Expected = float | Notation | None


def milliseconds(text: str) -> int:
    """A duration, or a number of seconds; with a sign, if it has one.

    >>> milliseconds("1m30s"), milliseconds("-1.5"), milliseconds("0")
    (90000, -1500, 0)
    """
    sign = -1 if text.startswith("-") else 1
    bare = text.lstrip("+-")
    if re.fullmatch(_DURATION, bare):
        return sign * sum(int(n) * _UNITS[unit] for n, unit in re.findall(r"(\d+)(ms|[smhdwy])", bare))
    return sign * round(float(bare) * 1000)


def series_of(text: str) -> tuple[Labels, str]:
    """The labels at the beginning of a line, and the rest."""
    name = re.match(r"[^{\s@]*", text)
    assert name
    labels = {METRIC_NAME: name[0]}
    place = name.end()
    if text[place : place + 1] == "{":
        place += 1
        while found := _LABEL.match(text, place):
            key = unquote(found[1].encode()) if found[1].startswith('"') else found[1]
            labels[key] = unquote(found[2].encode())
            place = found.end()
        closing = re.compile(r"[\s,]*\}").match(text, place)
        assert closing, text
        place = closing.end()
    return labels_of(labels), text[place:]


def values_of(text: str) -> list[Expected]:
    """The values of a series."""
    values: list[Expected] = []
    for item in _ITEM.findall(text):
        if item.startswith("{{"):
            values += histogram_notation.parse_series(item)
        elif item.startswith("_"):
            values += [None] * int(item[2:] or "1")
        elif item == "stale":
            values.append(STALE)
        else:
            run = _RUN.fullmatch(item)
            assert run, item
            value, step = float(run[1]), float(run[2] or 0)
            for _ in range(int(run[3] or 0) + 1):
                values.append(value)
                value += step
    return values


def shifts_of(text: str) -> list[int | None]:
    """The start times of a series, relative to its samples."""
    shifts: list[int | None] = []
    for item in text.split():
        if item.startswith("_"):
            shifts += [None] * int(item[2:] or "1")
        else:
            run = _SHIFT.fullmatch(item)
            assert run, item
            value, step = milliseconds(run[1]), milliseconds(run[2] or "0")
            shifts += [value + step * n for n in range(int(run[3] or 0) + 1)]
    return shifts


@dataclass
class Load:
    """``load`` and ``load_with_nhcb``."""

    step: int
    lines: list[str]
    with_nhcb: bool

    def into(self, series: dict[Labels, Line]) -> None:
        """Add what is loaded."""
        own: dict[Labels, dict[int, Point]] = {}
        for text in sorted(self.lines, key=lambda line: "@st" in line):
            labels, rest = series_of(text)
            line = series.setdefault(labels, Line())
            if rest.startswith("@st"):
                shifts = enumerate(shifts_of(rest[3:]))
                line.put_starts({n * self.step: n * self.step + shift for n, shift in shifts if shift is not None})
                continue
            for place, value in enumerate(values_of(rest)):
                if value is not None:
                    point = value.histogram if isinstance(value, Notation) else value
                    line.put(place * self.step, point)
                    own.setdefault(labels, {})[place * self.step] = point
        if self.with_nhcb:
            for labels, points in converted(own).items():
                line = series.setdefault(labels, Line())
                for time, point in points.items():
                    line.put(time, point)


def converted(series: dict[Labels, dict[int, Point]]) -> dict[Labels, dict[int, Point]]:
    """The native histograms with custom buckets that classic ones become."""
    parts: dict[Labels, dict[int, dict[str, float]]] = {}
    for labels, points in series.items():
        name, _, suffix = value_of(labels, METRIC_NAME).rpartition("_")
        if suffix not in ("bucket", "count", "sum"):
            continue
        others = {key: value for key, value in labels if key != "le"}
        by_time = parts.setdefault(labels_of({**others, METRIC_NAME: name}), {})
        for time, point in points.items():
            assert isinstance(point, float)
            by_time.setdefault(time, {})[value_of(labels, "le") if suffix == "bucket" else f"_{suffix}"] = point
    found: dict[Labels, dict[int, Point]] = {}
    for labels, by_time in parts.items():
        for time, values in by_time.items():
            buckets = {parse_float(key): value for key, value in values.items() if not key.startswith("_")}
            bounds = sorted(bound for bound in buckets if bound is not None)
            found.setdefault(labels, {})[time] = custom_buckets(
                np.array(bounds),
                np.array([buckets[bound] for bound in bounds]),
                count=values.get("_count"),
                total=values.get("_sum", 0.0),
            )
    return found


@dataclass
class Eval:
    """A query and what is expected of it."""

    path: Path
    number: int
    query: str
    start: int
    end: int
    step: int
    lines: list[str]
    loads: tuple[Load, ...]
    fails: bool = False
    message: str = ""
    pattern: str = ""
    ordered: bool = False
    text: str | None = None
    matrix: tuple[int, int, int] | None = None
    notes: list[str] = field(default_factory=list)
    scalar: float | None = None
    series: list[tuple[Labels, list[Expected]]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """How the case is called: file and line."""
        return f"{self.path.stem}:{self.number}"

    @property
    def is_instant(self) -> bool:
        """Whether the query is asked for one time."""
        return self.step == 0

    def read(self) -> Eval:
        """Read the lines below."""
        for line in self.lines:
            if line.startswith("expect "):
                self._expect(line.removeprefix("expect ").strip())
            elif not line.startswith("{") and (number := parse_float(line)) is not None:
                self.scalar = number
            else:
                labels, rest = series_of(line)
                self.series.append((labels, values_of(rest)))
        return self

    def _expect(self, what: str) -> None:
        word, _, rest = what.partition(" ")
        rest = rest.strip()
        match word:
            case "fail":
                self.fails = True
                if rest.startswith("msg:"):
                    self.message = rest.removeprefix("msg:").strip()
                elif rest.startswith("regex:"):
                    self.pattern = rest.removeprefix("regex:").strip()
            case "ordered":
                self.ordered = True
            case "string":
                self.text = unquote(rest.encode())
            case "range":
                found = re.fullmatch(r"vector from (\S+) to (\S+) step (\S+)", rest)
                assert found, rest
                self.matrix = (milliseconds(found[1]), milliseconds(found[2]), milliseconds(found[3]))
            case "warn" | "info" | "no_warn" | "no_info":
                self.notes.append(what)
            case _:
                raise AssertionError(what)


def blocks(path: Path) -> Iterator[tuple[int, str, list[str]]]:
    """Commands with their line numbers and the lines below them: up to an empty one or a comment."""
    lines = [line.strip() for line in path.read_text().splitlines()]
    lines = ["" if line.startswith("#") else line for line in lines]
    place = 0
    while place < len(lines):
        if not lines[place]:
            place += 1
            continue
        end = place + 1
        if lines[place] != "clear":
            while end < len(lines) and lines[end]:
                end += 1
        yield place + 1, lines[place], lines[place + 1 : end]
        place = end


@functools.cache
def evals(path: Path) -> tuple[Eval, ...]:
    """All queries of a script."""
    found: list[Eval] = []
    loads: tuple[Load, ...] = ()
    for number, command, lines in blocks(path):
        if command == "clear":
            loads = ()
        elif command.startswith("load"):
            word, step = command.split()
            loads = (*loads, Load(milliseconds(step), lines, word == "load_with_nhcb"))
        elif asked := re.fullmatch(r"eval(_fail)? instant at (\S+) (.+)", command):
            at = milliseconds(asked[2])
            found.append(Eval(path, number, asked[3], at, at, 0, lines, loads, fails=bool(asked[1])).read())
        elif asked := re.fullmatch(r"eval(_fail)? range from (\S+) to (\S+) step (\S+) (.+)", command):
            start, end, step = (milliseconds(part) for part in asked.group(2, 3, 4))
            found.append(Eval(path, number, asked[5], start, end, step, lines, loads, fails=bool(asked[1])).read())
        else:
            raise AssertionError(f"{path}:{number}: {command}")
    return tuple(found)


_STORAGES: dict[tuple[int, ...], MemoryStorage] = {}


def storage_of(case: Eval) -> MemoryStorage:
    """What has been loaded before a query."""
    key = tuple(map(id, case.loads))
    if key not in _STORAGES:
        series: dict[Labels, Line] = {}
        for load in case.loads:
            load.into(series)
        _STORAGES[key] = MemoryStorage({labels: line for labels, line in series.items() if len(line.columns.times)})
    return _STORAGES[key]


def nearly_equal(expected: float, found: float) -> bool:
    """Whether two numbers are the same but for a millionth."""
    if math.isnan(expected) or math.isnan(found):
        return math.isnan(expected) and math.isnan(found)
    if expected == found:
        return True
    if math.isinf(expected) or math.isinf(found):
        return False
    smallest = 2.2250738585072014e-308
    size, difference = abs(expected) + abs(found), abs(expected - found)
    if expected == 0 or found == 0 or size < smallest:
        return difference < 1e-6 * smallest
    return difference / min(size, 1.7976931348623157e308) < 1e-6
