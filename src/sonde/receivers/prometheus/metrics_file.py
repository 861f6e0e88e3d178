"""A file of metrics in OpenMetrics or Prometheus' text format, as remote write requests of version 2, piece by piece.

For ``sonde import``. A file may be larger than memory: it is cut between lines, and a piece that begins inside a family
says first what the file has said of that family. OpenMetrics ends with ``# EOF``, the text format does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import numpy as np

from sonde.errors import UserError
from sonde.receivers.prometheus.exposition.reading import NO_TIME, Metadata, Reading
from sonde.receivers.prometheus.exposition.text import TextReader
from sonde.receivers.prometheus.messages import Request
from sonde.telemetry.labels import METRIC_NAME, Labels, labels_of, value_of

PIECE_BYTES: Final = 256 * 1024
_END: Final = b"# EOF"
_TYPES: Final = ("unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset")
_SUFFIXES: Final = ("", "_total", "_bucket", "_count", "_sum", "_gcount", "_gsum", "_info", "_created")


@dataclass(frozen=True, slots=True)
class Piece:
    """Some lines of a file as a request, and the line it begins at."""

    line: int
    request: bytes
    samples: int


def is_openmetrics(file: BinaryIO) -> bool:
    """Whether a file that can be sought in ends as OpenMetrics does."""
    size = file.seek(0, 2)
    file.seek(max(0, size - 64))
    end = file.read().rstrip(b"\n")
    file.seek(0)
    return end.endswith(b"\n" + _END) or end == _END


def read_pieces(
    file: BinaryIO, *, openmetrics: bool, now_milli: int, piece_bytes: int = PIECE_BYTES
) -> Iterator[Piece]:
    """Read a file; a sample without a time of its own has ``now_milli``.

    Raises:
        UserError: A line is not in the format; its position is that in the file.
    """
    all_labels: list[Labels] = []

    def number(labels: Labels) -> int:
        all_labels.append(labels_of(dict(labels)))
        return len(all_labels) - 1

    reader = TextReader(number, openmetrics=openmetrics)
    for line, notes, body in _cut(file, piece_bytes, openmetrics=openmetrics):
        end = b"" if not openmetrics else _END + b"\n"
        try:
            reading = reader.read(b"".join(notes) + body + end)
        except UserError as error:
            raise _at(error, line - len(notes)) from None
        if reading.rows:
            yield Piece(line, _request(reading, all_labels, now_milli), len(reading.rows))


def _cut(file: BinaryIO, piece_bytes: int, *, openmetrics: bool) -> Iterator[tuple[int, list[bytes], bytes]]:
    """The number of a piece's first line, the comments on the family that it begins in, and its lines."""
    notes: dict[bytes, bytes] = {}
    family = b""
    line, has_ended = 1, False
    while lines := file.readlines(piece_bytes):
        before = list(notes.values())
        for each in lines:
            words = each.split(b" ", 3)
            if words[0] != b"#" or len(words) < 3 or words[1] not in {b"HELP", b"TYPE", b"UNIT"}:
                continue
            if words[2] != family:
                family, notes = words[2], {}
            notes[words[1]] = each if each.endswith(b"\n") else each + b"\n"
        end = 0 if has_ended else _end_of(lines) if openmetrics else len(lines)
        if any(each.strip() for each in lines[end + 1 - has_ended :]):
            raise UserError(
                "something follows # EOF", code="exposition.syntax", position=(line + end + 1 - has_ended, 1)
            )
        has_ended = has_ended or end < len(lines)
        yield line, before, b"".join(lines[:end])
        line += len(lines)


def _end_of(lines: list[bytes]) -> int:
    """The place of the line that ends the file, or behind the last."""
    return next((place for place, each in enumerate(lines) if each.rstrip(b"\n") == _END), len(lines))


def _at(error: UserError, lines_before: int) -> UserError:
    line, column = error.position or (1, 1)
    position = (max(1, line + lines_before - 1), column)
    return UserError(error.message, code=error.code, hint=error.hint, position=position)


def _request(reading: Reading[int], all_labels: list[Labels], now_milli: int) -> bytes:
    request = Request()
    symbols: dict[str, int] = {"": 0}
    rows = np.array(reading.rows, dtype=np.int64)
    order = np.argsort(rows, kind="stable")
    runs = np.split(order, np.flatnonzero(np.diff(rows[order])) + 1)
    times = np.full(len(rows), now_milli) if reading.times is None else reading.times
    times = np.where(times == NO_TIME, now_milli, times).tolist()
    values = reading.values.tolist()
    starts = reading.starts.tolist() if reading.starts is not None else None
    for run in runs:
        labels = all_labels[rows[run[0]]]
        references = [symbols.setdefault(text, len(symbols)) for pair in labels for text in pair]
        series = request.timeseries.add(labels_refs=references)
        for row in run.tolist():
            series.samples.add(
                value=values[row], timestamp=times[row], start_timestamp=starts[row] if starts is not None else 0
            )
            for exemplar in reading.exemplars.get(row, ()):
                series.exemplars.add(
                    labels_refs=[symbols.setdefault(text, len(symbols)) for pair in exemplar.labels for text in pair],
                    value=exemplar.value,
                    timestamp=times[row] if exemplar.milliseconds is None else exemplar.milliseconds,
                )
        _describe(series, _family(value_of(labels, METRIC_NAME), reading), symbols)
    request.symbols.extend(symbols)
    return bytes(request.SerializeToString())


def _family(metric: str, reading: Reading[int]) -> Metadata | None:
    names = (metric.removesuffix(suffix) for suffix in _SUFFIXES if metric.endswith(suffix))
    return next((reading.metadata[name] for name in names if name in reading.metadata), None)


def _describe(series: Any, metadata: Metadata | None, symbols: dict[str, int]) -> None:
    if metadata is None:
        return
    series.metadata.type = _TYPES.index(metadata.type) if metadata.type in _TYPES else 0
    series.metadata.help_ref = symbols.setdefault(metadata.help, len(symbols))
    series.metadata.unit_ref = symbols.setdefault(metadata.unit, len(symbols))
