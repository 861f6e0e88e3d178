"""The text format 0.0.4 and OpenMetrics 1.0, line by line, and from the second time on all lines at once.

A body that has the lines of the last one but for their values is read without a look at its series: what stands before
the values is taken off and must be gone, and of the rest only what differs is read as a number. A body that differs
otherwise is read line by line, and only series that are new are parsed.

Specifications: https://prometheus.io/docs/instrumenting/exposition_formats/ and
https://prometheus.io/docs/specs/om/open_metrics_spec/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from operator import is_, ne
from typing import Final, Generic, NamedTuple, TypeVar

import numpy as np

from sonde.receivers.prometheus.exposition.family import Families, parse_note
from sonde.receivers.prometheus.exposition.numbers import parse_number, parse_numbers
from sonde.receivers.prometheus.exposition.reading import (
    NO_TIME,
    Exemplar,
    Floats,
    Integers,
    Metadata,
    Reading,
    Resolve,
    canonical_nans,
    exposed_labels,
    fault,
)
from sonde.receivers.prometheus.exposition.series_text import ExposedSeries, parse_labels, parse_series
from sonde.telemetry.labels import METRIC_NAME, labels_of

T = TypeVar("T")

_END: Final = b"# EOF"


class _Known(NamedTuple, Generic[T]):
    """A series that was seen: its text and a blank, what was made of it, and whose count it is (for ``starts``)."""

    prefix: bytes
    row: T
    group: int
    is_start: bool


@dataclass(frozen=True, slots=True)
class _Line(Generic[T]):
    """A sample that is more than a series, a blank and a value."""

    known: _Known[T]
    value: float
    milliseconds: int | None = None
    exemplar: Exemplar | None = None


@dataclass(slots=True)
class _Layout(Generic[T]):
    """How the lines of a body lie: ``fixed`` ones stay as they are, ``plain`` ones are a prefix and a value."""

    lines: int
    is_fixed: bytes
    fixed: list[bytes]
    is_plain: bytes
    prefixes: list[bytes]
    tails: list[bytes]
    plain_rows: Integers
    odd: list[tuple[int, int]]
    """The number of the line and the row of every other sample."""
    rows: list[T]
    values: Floats
    starts: Integers | None
    metadata: Mapping[str, Metadata]


class TextReader(Generic[T]):
    r"""Reads one target's bodies in the text format, or in OpenMetrics.

    >>> reader = TextReader(lambda labels: labels)
    >>> reading = reader.read(b'# TYPE hits counter\nhits{code="200"} 5\nhits{code="500"} 1 1700000000000\n')
    >>> reading.rows[0], reading.values.tolist(), reading.metadata["hits"].type
    ((('__name__', 'hits'), ('code', '200')), [5.0, 1.0], 'counter')
    """

    def __init__(self, resolve: Resolve[T], *, openmetrics: bool = False) -> None:
        self._resolve = resolve
        self._openmetrics = openmetrics
        self._known: dict[bytes, _Known[T]] = {}
        self._exemplars: dict[bytes, tuple[bytes, Exemplar]] = {}
        self._layout: _Layout[T] | None = None
        self._so_far: tuple[list[_Known[T]], list[int]] = ([], [])

    def rows_before(self, line: int) -> list[T]:
        """Of a body that could not be read: the series of the lines before this one."""
        rows, numbers = self._so_far
        return [known.row for known, number in zip(rows, numbers, strict=False) if number + 1 < line]

    def read(self, body: bytes) -> Reading[T]:
        """Read a body.

        Raises:
            UserError: It is not in the format; the position says where. What was known stays known.
        """
        lines = body.split(b"\n")
        if self._layout is not None and (reading := self._read_alike(self._layout, lines)) is not None:
            return reading
        return self._read_anew(lines)

    def _read_alike(self, layout: _Layout[T], lines: list[bytes]) -> Reading[T] | None:
        if len(lines) != layout.lines or list(compress(lines, layout.is_fixed)) != layout.fixed:
            return None
        plain = list(compress(lines, layout.is_plain))
        tails = list(map(bytes.removeprefix, plain, layout.prefixes))
        changed = list(compress(range(len(tails)), map(ne, tails, layout.tails)))
        numbers = self._changed_numbers([tails[index] for index in changed], [plain[index] for index in changed])
        if numbers is None:
            return None
        values = layout.values.copy()
        values[layout.plain_rows[changed]] = numbers
        odd: list[tuple[int, _Line[T]]] = []
        for number, row in layout.odd:
            line = self._odd_line(lines[number], number + 1)
            if line is None or line.known.row is not layout.rows[row] or line.known.is_start:
                return None
            values[row] = line.value
            odd.append((row, line))
        layout.tails = tails
        layout.values = canonical_nans(values)
        return _reading(layout, odd)

    def _changed_numbers(self, tails: list[bytes], lines: list[bytes]) -> list[float] | None:
        if any(map(is_, tails, lines)):  # nothing was taken off, so this is another series
            return None
        numbers = parse_numbers(tails)
        if numbers is not None:
            return numbers
        read = [number for number in map(parse_number, tails) if number is not None]
        return read if len(read) == len(tails) else None

    def _read_anew(self, lines: list[bytes]) -> Reading[T]:
        """Line by line, in the order of the body, so that each series meets the type that was said before it."""
        families = Families(openmetrics=self._openmetrics)
        rows: list[_Known[T]] = []
        numbers: list[int] = []
        self._so_far = (rows, numbers)
        plain: list[int] = []
        tails: list[bytes] = []
        odd: list[tuple[int, int, _Line[T]]] = []
        fixed = bytearray(len(lines))
        known = self._known
        for number, line in enumerate(lines):
            at = line.rfind(b" ") + 1
            found = known.get(line[:at])
            if found is not None and at < len(line):
                plain.append(number)
                tails.append(line[at:])
                rows.append(found)
                numbers.append(number)
            elif line.lstrip(b" \t")[:1] in {b"", b"#"}:
                fixed[number] = 1
                if line or number + 1 < len(lines):
                    parse_note(line, number + 1, families)
            else:
                sample = self._odd_line(line, number + 1) or self._new_line(line, number + 1, families)
                if self._is_plain(sample, line):
                    plain.append(number)
                    tails.append(line[len(sample.known.prefix) :])
                else:
                    odd.append((number, len(rows), sample))
                rows.append(sample.known)
                numbers.append(number)
        if self._openmetrics:
            _refuse_open_end(lines)
        reading = self._lay(lines, fixed, rows, plain, tails, odd, families.metadata)
        self._so_far = ([], [])
        return reading

    def _lay(
        self,
        lines: list[bytes],
        fixed: bytearray,
        rows: list[_Known[T]],
        plain: list[int],
        tails: list[bytes],
        odd: list[tuple[int, int, _Line[T]]],
        metadata: dict[str, Metadata],
    ) -> Reading[T]:
        """Remember how the body lies, and give its samples."""
        is_plain = bytearray(len(lines))
        for number in plain:
            is_plain[number] = 1
        is_odd = np.zeros(len(rows), dtype=np.bool_)
        is_odd[[row for _, row, _ in odd]] = True
        plain_rows = np.flatnonzero(~is_odd)
        values = np.empty(len(rows), dtype=np.float64)
        values[plain_rows] = _numbers(tails, lines, plain)
        for _, row, line in odd:
            values[row] = line.value
        starts = _starts(rows, values)
        if starts is not None:  # a start that changes is a new layout
            for number, row in zip(plain, plain_rows.tolist(), strict=True):
                if rows[row].is_start:
                    fixed[number] = 1
        before = self._layout
        objects = [each.row for each in rows]
        layout = _Layout(
            lines=len(lines),
            is_fixed=bytes(fixed),
            fixed=list(compress(lines, fixed)),
            is_plain=bytes(is_plain),
            prefixes=[rows[row].prefix for row in plain_rows.tolist()],
            tails=tails,
            plain_rows=plain_rows,
            odd=[(number, row) for number, row, _ in odd],
            rows=before.rows if before is not None and _same(before.rows, objects) else objects,
            values=canonical_nans(values),
            starts=starts,
            metadata=before.metadata if before is not None and _equal(before.metadata, metadata) else metadata,
        )
        self._layout = layout
        self._known = {each.prefix: each for each in rows}
        if len(self._exemplars) > len(odd):
            kept = {line.known.prefix for _, _, line in odd}
            self._exemplars = {key: value for key, value in self._exemplars.items() if key in kept}
        return _reading(layout, [(row, line) for _, row, line in odd])

    def _is_plain(self, sample: _Line[T], line: bytes) -> bool:
        return (
            sample.milliseconds is None
            and sample.exemplar is None
            and line.startswith(sample.known.prefix)
            and line.rfind(b" ") + 1 == len(sample.known.prefix)
        )

    def _odd_line(self, line: bytes, number: int) -> _Line[T] | None:
        """A sample of a known series with a time or an exemplar; None if it takes a closer look."""
        head, mark, exemplar = line.partition(b" # {") if self._openmetrics else (line, b"", b"")
        text, _, last = head.rpartition(b" ")
        known = self._known.get(text + b" ")
        if known is not None:
            value, milliseconds = parse_number(last), None
        else:
            text, _, middle = text.rpartition(b" ")
            known = self._known.get(text + b" ")
            if known is None:
                return None
            value, milliseconds = parse_number(middle), self._milliseconds(last)
            if milliseconds is None:
                return None
        if value is None:
            return None
        if not mark:
            return _Line(known, value, milliseconds)
        return _Line(known, value, milliseconds, self._exemplar(known.prefix, exemplar, line, number, len(head) + 3))

    def _new_line(self, line: bytes, number: int, families: Families) -> _Line[T]:
        """Parse a line in full."""
        exposed = parse_series(line, number, strict=self._openmetrics)
        text = line[: exposed.end] + b" "
        rest, exemplar = line[exposed.end :], None
        if self._openmetrics:
            rest, mark, behind = rest.partition(b" # {")
            at = exposed.end + len(rest) + 3
            exemplar = self._exemplar(text, behind, line, number, at) if mark else None
        words = rest.split(b" ")[1:] if self._openmetrics else rest.replace(b"\t", b" ").split()
        if not rest.startswith((b" ", b"\t")) or not words or not words[0]:
            raise fault(number, exposed.end + 1, f"expected a value behind the series, found {_shown(rest)}")
        if len(words) > 2:
            what = "a time or the end of the line" if len(words) == 3 else "the end of the line"
            raise fault(number, line.find(words[2], exposed.end) + 1, f"expected {what}, found {_shown(words[2])}")
        value = parse_number(words[0])
        if value is None:
            raise fault(number, exposed.end + 2, f"expected a value, found {_shown(words[0])}")
        milliseconds = self._milliseconds(words[1]) if len(words) == 2 else None
        if len(words) == 2 and milliseconds is None:
            kind = "seconds since 1970" if self._openmetrics else "a whole number of milliseconds since 1970"
            raise fault(number, len(line) - len(words[1]) + 1, f"expected {kind}, found {_shown(words[1])}")
        return _Line(self._known.get(text) or self._new_series(text, exposed, families), value, milliseconds, exemplar)

    def _new_series(self, text: bytes, exposed: ExposedSeries, families: Families) -> _Known[T]:
        name = exposed.name or dict(exposed.labels)[METRIC_NAME]
        labels = families.normalise(name, exposed.labels)
        group, is_start = families.count_of(name, labels)
        row = self._resolve(exposed_labels({METRIC_NAME: name, **dict(labels)}))
        known = self._known[text] = _Known(text, row, group, is_start)
        return known

    def _milliseconds(self, text: bytes) -> int | None:
        if self._openmetrics:
            seconds = parse_number(text)
            return round(seconds * 1000) if seconds is not None and abs(seconds) < 9e15 else None
        digits = text[1:] if text[:1] in {b"-", b"+"} else text
        return int(text) if digits.isdigit() and len(digits) < 19 else None

    def _exemplar(self, key: bytes, text: bytes, line: bytes, number: int, at: int) -> Exemplar:
        """The exemplar whose brace stands at ``at``; the very same one if it is what the series said last time."""
        before = self._exemplars.get(key)
        if before is not None and before[0] == text:
            return before[1]
        labels, end = parse_labels(line, number, at)
        words = line[end:].split(b" ")
        value = parse_number(words[1]) if len(words) in {2, 3} and not words[0] else None
        milliseconds = self._milliseconds(words[2]) if len(words) == 3 else None
        if value is None or (len(words) == 3 and milliseconds is None):
            raise fault(
                number, end + 1, f"expected the value of an exemplar and at most a time, found {_shown(line[end:])}"
            )
        exemplar = Exemplar(labels_of(dict(labels)), value, milliseconds)
        self._exemplars[key] = (text, exemplar)
        return exemplar


def _reading(layout: _Layout[T], odd: Sequence[tuple[int, _Line[T]]]) -> Reading[T]:
    times = None
    if any(line.milliseconds is not None for _, line in odd):
        times = np.full(len(layout.rows), NO_TIME, dtype=np.int64)
        for row, line in odd:
            times[row] = NO_TIME if line.milliseconds is None else line.milliseconds
    exemplars = {row: (line.exemplar,) for row, line in odd if line.exemplar is not None}
    return Reading(layout.rows, layout.values, times, layout.starts, exemplars, {}, layout.metadata)


def _numbers(tails: list[bytes], lines: list[bytes], plain: list[int]) -> list[float]:
    numbers = parse_numbers(tails)
    if numbers is not None:
        return numbers
    read: list[float] = []
    for tail, number in zip(tails, plain, strict=True):
        value = parse_number(tail)
        if value is None:
            column = len(lines[number]) - len(tail) + 1
            raise fault(number + 1, column, f"expected a value, found {_shown(tail)}")
        read.append(value)
    return read


def _starts(rows: Sequence[_Known[T]], values: Floats) -> Integers | None:
    """When each count began, from the samples called ``_created``; None if there are none."""
    began = {
        known.group: round(values[row] * 1000)
        for row, known in enumerate(rows)
        if known.is_start and 0 < values[row] < 9e12
    }
    if not began:
        return None
    return np.fromiter((0 if known.is_start else began.get(known.group, 0) for known in rows), np.int64, len(rows))


def _refuse_open_end(lines: list[bytes]) -> None:
    try:
        end = lines.index(_END)
    except ValueError:
        raise fault(len(lines), 1, "the body does not end with # EOF; it may be cut short") from None
    if any(lines[end + 1 :]) or len(lines) > end + 2:
        raise fault(end + 2, 1, "something follows # EOF")


def _same(before: list[T], now: list[T]) -> bool:
    return len(before) == len(now) and all(a is b for a, b in zip(before, now, strict=True))


def _equal(before: Mapping[str, Metadata], now: Mapping[str, Metadata]) -> bool:
    return before == now


def _shown(text: bytes) -> str:
    return repr(text[:40].decode(errors="replace")) if text.strip() else "nothing"
