"""Samples of a target as a remote write request of version 2, for series that are the same from scrape to scrape.

``Layout`` lays the bytes of all series out once; from then on only values and times are put in, for all series at
once: series whose bytes have the same shape lie side by side as the rows of a matrix, of which values are eight
columns and times some others.

Specification: https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sonde.receivers.prometheus.exposition.reading import Floats, Integers
from sonde.receivers.prometheus.scrape.series import Series
from sonde.receivers.protobuf import varint

_BYTE_LIMITS: Final = np.array([1 << (7 * size) for size in range(1, 10)], dtype=np.uint64)

_SERIES, _SAMPLE = b"\x2a", b"\x12"
"""Fields of ``Request`` and of ``TimeSeries``."""
_VALUE, _TIME, _START = b"\x09", b"\x10", b"\x18"
"""Fields of ``Sample``."""

Booleans = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Shape:
    """Series whose bytes have the same lengths."""

    rows: Integers
    matrix: NDArray[np.uint8]
    value_at: int
    time_bytes: int


class Layout:
    """Where values and times of these series lie in their bytes.

    Args:
        series: One for each sample.
        times: The samples' times in milliseconds; later ones may differ as long as they are as long (``fits``).
        starts: When each count began, or None.
        metadata: The field ``metadata`` of some of them, serialized, by their place.
    """

    def __init__(
        self,
        series: Sequence[Series],
        times: Integers,
        starts: Integers | None = None,
        metadata: Mapping[int, bytes] | None = None,
    ) -> None:
        self.spelled_bytes = sum(each.spelled_bytes for each in series)
        self._time_bytes = _varint_sizes(times)
        tails = _tails(len(series), starts, metadata or {})
        shapes: dict[tuple[int, int, int], list[int]] = {}
        heads: list[bytes] = []
        for row, (each, time_bytes) in enumerate(zip(series, self._time_bytes.tolist(), strict=True)):
            start, about = tails[row]
            head = _head(each.references, 10 + time_bytes + len(start), len(about))
            heads.append(head)
            shapes.setdefault((len(head), time_bytes, len(start) + len(about)), []).append(row)
        self._shapes: list[_Shape] = []
        for (head_bytes, time_bytes, _), rows in shapes.items():
            blank = bytes(8) + _TIME + bytes(time_bytes)
            text = b"".join([heads[row] + blank + tails[row][0] + tails[row][1] for row in rows])
            matrix = np.frombuffer(bytearray(text), dtype=np.uint8).reshape(len(rows), -1)
            self._shapes.append(_Shape(np.array(rows, dtype=np.int64), matrix, head_bytes, time_bytes))

    def fits(self, times: Integers) -> bool:
        """Whether times are as long as the layout has room for."""
        if len(times) and times[0] == times[-1] and (times == times[0]).all():
            return bool((self._time_bytes == len(varint(int(times[0]) % 2**64))).all())
        return bool((_varint_sizes(times) == self._time_bytes).all())

    def fill(self, values: Floats, times: Integers, chosen: Booleans | None = None) -> bytes:
        """The bytes with these values and times; only the chosen rows, if not all."""
        parts: list[bytes] = []
        for shape in self._shapes:
            matrix, rows = shape.matrix, shape.rows
            at = shape.value_at
            matrix[:, at : at + 8] = values[rows].view(np.uint8).reshape(-1, 8)
            _put_varints(matrix[:, at + 9 : at + 9 + shape.time_bytes], times[rows].view(np.uint64))
            parts.append((matrix if chosen is None else matrix[chosen[rows]]).tobytes())
        return b"".join(parts)


def _head(references: bytes, sample_bytes: int, metadata_bytes: int) -> bytes:
    """All that stands before the value of a sample."""
    total = len(references) + 2 + sample_bytes + metadata_bytes
    return _SERIES + varint(total) + references + _SAMPLE + bytes((sample_bytes,)) + _VALUE


def _tails(count: int, starts: Integers | None, metadata: Mapping[int, bytes]) -> list[tuple[bytes, bytes]]:
    """What stands behind the time of each sample: the rest of the sample, the metadata."""
    began = [0] * count if starts is None else starts.tolist()
    none = (b"", b"")
    return [
        (_START + varint(start % 2**64) if start else b"", metadata.get(row, b"")) if start or row in metadata else none
        for row, start in enumerate(began)
    ]


def _varint_sizes(numbers: Integers) -> Integers:
    """How many bytes each number has as a varint.

    >>> _varint_sizes(np.array([0, 127, 128, 1_700_000_000_000, -1])).tolist()
    [1, 1, 2, 6, 10]
    """
    return np.searchsorted(_BYTE_LIMITS, numbers.view(np.uint64), side="right").astype(np.int64) + 1


def _put_varints(columns: NDArray[np.uint8], numbers: NDArray[np.uint64]) -> None:
    """Write numbers, each of as many bytes as there are columns."""
    last = columns.shape[1] - 1
    if len(numbers) and (numbers == numbers[0]).all():
        columns[:] = np.frombuffer(varint(int(numbers[0])), dtype=np.uint8)
        return
    for place in range(last + 1):
        septets = (numbers >> np.uint64(7 * place)).astype(np.uint8) & 0x7F
        columns[:, place] = septets if place == last else septets | 0x80
