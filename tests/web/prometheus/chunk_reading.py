"""Reads Prometheus' chunks bit by bit, straight from their specification; slow, and nothing of the writer's in it.

Specification: https://github.com/prometheus/prometheus/blob/v3.14.0/tsdb/docs/format/chunks.md
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from sonde.receivers.prometheus.messages import ChunkedReadResponse


class Bits:
    """Bits of some bytes, the highest of each first."""

    def __init__(self, data: bytes) -> None:
        self._number = int.from_bytes(data)
        self._left = 8 * len(data)

    def take(self, size: int) -> int:
        self._left -= size
        return self._number >> self._left & ((1 << size) - 1)

    def signed(self, size: int) -> int:
        number = self.take(size)
        return number - (1 << size) if number > 1 << (size - 1) else number

    def double(self) -> float:
        return float(struct.unpack(">d", self.take(64).to_bytes(8))[0])

    def ones(self, most: int) -> int:
        """How many ones come before the next zero."""
        return next((count for count in range(most) if not self.take(1)), most)

    def uvarint(self) -> int:
        number = shift = 0
        while True:
            byte = self.take(8)
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number

    def varint(self) -> int:
        number = self.uvarint()
        return number >> 1 ^ -(number & 1)

    def time_change(self) -> int:
        width = (0, 14, 17, 20, 64)[self.ones(4)]
        return self.signed(width) if width else 0

    def varbit(self) -> int:
        width = (0, 3, 6, 9, 12, 18, 25, 56, 64)[self.ones(8)]
        return self.signed(width) if width else 0

    def varbit_unsigned(self) -> int:
        return self.take((0, 3, 6, 9, 12, 18, 25, 56, 64)[self.ones(8)])


class Exclusive:
    """One value after the other, told by the bits that differ."""

    def __init__(self, bits: Bits) -> None:
        self._bits = bits
        self._value = bits.take(64)
        self._leading = self._trailing = 0

    def value(self) -> float:
        return float(struct.unpack(">d", self._value.to_bytes(8))[0])

    def next(self) -> float:
        if self._bits.take(1):
            if self._bits.take(1):
                self._leading, width = self._bits.take(5), self._bits.take(6) or 64
                self._trailing = 64 - self._leading - width
            self._value ^= self._bits.take(64 - self._leading - self._trailing) << self._trailing
        return self.value()


def floats(data: bytes) -> list[tuple[int, float]]:
    """The samples of an XOR chunk."""
    count, bits = int.from_bytes(data[:2]), Bits(data[2:])
    time, value, step = bits.varint(), Exclusive(bits), 0
    samples = [(time, value.value())]
    for place in range(1, count):
        step = bits.uvarint() if place == 1 else step + bits.time_change()
        time += step
        samples.append((time, value.next()))
    return samples


def histograms(data: bytes) -> list[tuple[int, dict[str, Any]]]:
    """The samples of a chunk of float histograms."""
    count, flags, bits = int.from_bytes(data[:2]), data[2] >> 6, Bits(data[3:])
    threshold = bits.take(8)
    layout: dict[str, Any] = {
        "zero_threshold": bits.double() if threshold == 255 else 2.0 ** (threshold - 244) if threshold else 0.0,
        "schema": bits.varbit(),
        "positive_spans": _spans(bits),
        "negative_spans": _spans(bits),
    }
    if layout["schema"] == -53:
        layout["bounds"] = [_bound(bits) for _ in range(bits.varbit_unsigned())]
    sizes = [sum(length for _, length in layout[f"{side}_spans"]) for side in ("positive", "negative")]
    samples: list[tuple[int, dict[str, Any]]] = []
    columns: list[Exclusive] = []
    time = step = 0
    for place in range(count):
        change = bits.varbit()
        step = 0 if place == 0 else step + change
        time = change if place == 0 else time + step
        columns = columns or [Exclusive(bits) for _ in range(3 + sum(sizes))]
        numbers = [column.next() if place else column.value() for column in columns]
        told = {
            "count": numbers[0],
            "zero_count": numbers[1],
            "sum": numbers[2],
            "reset": flags if place == 0 else None,
        }
        buckets = {"positive": numbers[3 : 3 + sizes[0]], "negative": numbers[3 + sizes[0] :]}
        samples.append((time, {**layout, **told, **buckets}))
    return samples


def _spans(bits: Bits) -> list[tuple[int, int]]:
    spans = []
    for _ in range(bits.varbit_unsigned()):
        length = bits.varbit_unsigned()
        spans.append((bits.varbit(), length))
    return spans


def _bound(bits: Bits) -> float:
    number = bits.varbit_unsigned()
    return (number - 1) / 1000 if number else bits.double()


def frames(body: bytes) -> Iterator[Any]:
    """The messages of a streamed answer, whose checksums are right."""
    while body:
        size = place = 0
        while True:
            byte = body[place]
            size |= (byte & 0x7F) << 7 * place
            place += 1
            if byte < 0x80:
                break
        checksum, message = body[place : place + 4], body[place + 4 : place + 4 + size]
        assert int.from_bytes(checksum) == slow_crc32c(message)
        yield ChunkedReadResponse.FromString(message)
        body = body[place + 4 + size :]


def slow_crc32c(data: bytes) -> int:
    """One bit after the other."""
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = state >> 1 ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF
