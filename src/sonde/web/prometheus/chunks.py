"""Samples as Prometheus' chunks: what a remote read that is streamed answers with.

Specification: https://github.com/prometheus/prometheus/blob/v3.14.0/tsdb/docs/format/chunks.md
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from sonde.query.promql.histogram.arithmetic import detect_reset
from sonde.query.promql.histogram.native import CounterReset, Histogram
from sonde.query.promql.histogram.wire import spans_of
from sonde.query.promql.series import Floats, Integers
from sonde.receivers.protobuf import varint
from sonde.web.prometheus.bits import TIMES, Fields, Words, classed, exclusive, packed, varbit, varbit_unsigned

XOR: Final = 1
FLOAT_HISTOGRAM: Final = 3
CHUNK_SAMPLES: Final = 120
_AT_ONCE: Final = 1_000
_FLAGS: Final = {
    CounterReset.UNKNOWN: 0b00,
    CounterReset.NOT_RESET: 0b01,
    CounterReset.RESET: 0b10,
    CounterReset.GAUGE: 0b11,
}


@dataclass(frozen=True, slots=True)
class Chunk:
    """Up to 120 samples of one series, and the times of the first and the last, in milliseconds."""

    first: int
    last: int
    type: int
    data: bytes


def float_chunks(
    times: Integers, values: Floats, offsets: Integers, most: int = CHUNK_SAMPLES
) -> Iterator[list[Chunk]]:
    """The chunks of each series, whose samples are ``offsets[i]:offsets[i + 1]``.

    >>> [[chunk]] = float_chunks(np.array([1000, 2000]), np.array([1.0, 1.0]), np.array([0, 2]))
    >>> chunk.first, chunk.last, chunk.data.hex(" ")
    (1000, 2000, '00 02 d0 0f 3f f0 00 00 00 00 00 00 e8 07 00')
    """
    pairs = list(zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True))
    places = [(begin, min(begin + most, end)) for first, end in pairs for begin in range(first, end, most)]
    parts = (places[first : first + _AT_ONCE] for first in range(0, len(places), _AT_ONCE))
    chunks = (chunk for part in parts for chunk in _floats(times, values, part))
    for first, end in pairs:
        yield list(itertools.islice(chunks, -(-(end - first) // most)))


def _floats(times: Integers, values: Floats, places: Sequence[tuple[int, int]]) -> Iterator[Chunk]:
    begin, end = np.array(places).T
    sizes = end - begin
    place = np.arange(int(sizes.max()))
    used = place < sizes[:, None]
    index = np.minimum(begin[:, None] + place, begin[:, None] + sizes[:, None] - 1)
    moments, words = times[index], values[index].view(np.uint64)
    steps = np.diff(moments, axis=1, prepend=0)
    tempo, change = classed(np.diff(steps, axis=1, prepend=0), TIMES)
    window, bits = exclusive(words)
    # time in two parts, value in two; the first two times are varints of whole bytes
    numbers = np.stack([tempo.numbers, change.numbers, window.numbers, bits.numbers], axis=2)
    widths = np.stack([tempo.sizes, change.sizes, window.sizes, bits.sizes], axis=2)
    numbers[:, 0, 3], widths[:, 0, 3] = words[:, 0], 64
    for column in range(min(2, moments.shape[1])):
        for row, step in enumerate(steps[:, column].tolist()):
            raw = varint(step << 1 ^ step >> 63 if column == 0 else step)
            for part, piece in enumerate((raw[:5], raw[5:])):
                numbers[row, column, part] = int.from_bytes(piece)
                widths[row, column, part] = 8 * len(piece)
    widths[~used] = 0
    count = numbers.shape[1] * 4
    written = packed(Fields(numbers.ravel(), widths.ravel()), range(count, count * len(places) + 1, count))
    rows = zip(moments[:, 0].tolist(), moments[:, -1].tolist(), sizes.tolist(), written, strict=True)
    for first, last, size, data in rows:
        yield Chunk(first, last, XOR, struct.pack(">H", size) + data)


def histogram_chunks(times: Integers, histograms: Sequence[Histogram]) -> Iterator[Chunk]:
    """The chunks of one series' native histograms: those of one chunk have the same buckets, and no reset between."""
    begin = 0
    for place in range(1, len(histograms) + 1):
        is_full = place == len(histograms) or place - begin == CHUNK_SAMPLES
        if not is_full and _belongs(histograms[place - 1], histograms[place]):
            continue
        before = histograms[begin - 1] if begin else None
        yield _histograms(times[begin:place], histograms[begin:place], before)
        begin = place


def _belongs(before: Histogram, after: Histogram) -> bool:
    """Whether a histogram may stand in the chunk of the one before."""
    same = (before.schema, before.zero_threshold) == (after.schema, after.zero_threshold) and all(
        np.array_equal(one, other)
        for one, other in (
            (before.positive_index, after.positive_index),
            (before.negative_index, after.negative_index),
            (before.custom_bounds, after.custom_bounds),
        )
    )
    is_gauge = before.reset is CounterReset.GAUGE
    if not same or is_gauge is not (after.reset is CounterReset.GAUGE) or before.is_stale or after.is_stale:
        return False
    return is_gauge or not detect_reset(before, after)


def _histograms(times: Integers, histograms: Sequence[Histogram], before: Histogram | None) -> Chunk:
    first = histograms[0]
    flag = first.reset
    if flag is CounterReset.UNKNOWN and before is not None and not before.is_stale and not first.is_stale:
        flag = CounterReset.RESET if detect_reset(before, first) else CounterReset.NOT_RESET
    layout = _layout(first)
    columns = np.array([[h.count, h.zero_count, h.sum, *h.positive_count, *h.negative_count] for h in histograms])
    words: Words = np.ascontiguousarray(columns.T).view(np.uint64)
    window, bits = exclusive(words)
    bits.numbers[:, 0], bits.sizes[:, 0] = words[:, 0], 64
    changes = np.diff(np.diff(times, prepend=0), prepend=0)
    changes[:2] = [times[0], *(np.diff(times[:2]))][: len(changes)]
    tempo, change = varbit(changes)
    numbers, sizes = [np.array([number for number, _ in layout], np.uint64)], [np.array([size for _, size in layout])]
    for place in range(len(histograms)):
        for time in (tempo, change):
            numbers.append(time.numbers[place : place + 1])
            sizes.append(time.sizes[place : place + 1])
        numbers.append(np.stack([window.numbers[:, place], bits.numbers[:, place]], axis=1).ravel())
        sizes.append(np.stack([window.sizes[:, place], bits.sizes[:, place]], axis=1).ravel())
    fields = Fields(np.concatenate(numbers), np.concatenate(sizes).astype(np.int64))
    [data] = packed(fields, [len(fields.sizes)])
    head = struct.pack(">HB", len(histograms), _FLAGS[flag] << 6)
    return Chunk(int(times[0]), int(times[-1]), FLOAT_HISTOGRAM, head + data)


def _layout(histogram: Histogram) -> list[tuple[int, int]]:
    """Schema, zero bucket and buckets, as numbers and their sizes."""
    fields = [*_zero_threshold(histogram.zero_threshold), *_signed(histogram.schema)]
    for index in (histogram.positive_index, histogram.negative_index):
        spans = list(spans_of(index))
        fields += varbit_unsigned(len(spans))
        for offset, length in spans:
            fields += [*varbit_unsigned(length), *_signed(offset)]
    if histogram.is_custom:
        fields += varbit_unsigned(len(histogram.custom_bounds))
        for bound in histogram.custom_bounds.tolist():
            fields += _custom_bound(bound)
    return fields


def _signed(number: int) -> list[tuple[int, int]]:
    head, body = varbit(np.array([number]))
    return [(int(field.numbers[0]), int(field.sizes[0])) for field in (head, body)]


def _bits_of(number: float) -> int:
    return int.from_bytes(struct.pack(">d", number))


def _zero_threshold(threshold: float) -> list[tuple[int, int]]:
    fraction, exponent = math.frexp(threshold)
    if threshold == 0:
        return [(0, 8)]
    if fraction == 0.5 and -242 <= exponent <= 11:
        return [(exponent + 243, 8)]
    return [(255, 8), (_bits_of(threshold), 64)]


def _custom_bound(bound: float) -> list[tuple[int, int]]:
    if 0 <= bound * 1000 <= 33_554_430 and math.floor(bound * 1000 + 0.5) / 1000 == bound:
        return varbit_unsigned(math.floor(bound * 1000 + 0.5) + 1)
    return [(0, 1), (_bits_of(bound), 64)]
