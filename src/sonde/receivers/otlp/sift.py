"""The slow way of ``body``, for bodies with a bad id: the same bytes without the items that may not be kept.

Walks the wire format itself and copies slices, so that fields nobody here knows stay as they are. Goes item by item in
Python, and therefore not through any number of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sonde.receivers.otlp.flat import Item, Tree
from sonde.receivers.otlp.ids import fault
from sonde.receivers.otlp.refusal import too_many_frames

MOST_FRAMES = 100_000
"""Fields looked at one by one in one body, down to its items: about a second of work."""

_LENGTH_DELIMITED, _GROUP_START, _GROUP_END = 2, 3, 4


@dataclass(frozen=True, slots=True)
class Sifted:
    """What is left of a body, how many items were taken out, and what was wrong with the first of them."""

    body: bytes
    rejected: int
    first_fault: str


def sift(body: bytes, tree: Tree, most_frames: int) -> Sifted:
    """Take items with bad ids out of a body that has been parsed already.

    Raises:
        TooManyFrames: There are more than ``most_frames`` fields to look at.
    """
    faults = _Faults(most_frames)
    kept = _sift(memoryview(body), tree, faults)
    return Sifted(kept, faults.count, faults.first)


@dataclass(slots=True)
class _Faults:
    frames_left: int
    count: int = 0
    first: str = ""


def _sift(view: memoryview, tree: Tree, faults: _Faults) -> bytes:
    parts: list[bytes | memoryview] = []
    for number, start, payload, end in frames(view):
        faults.frames_left -= 1
        if faults.frames_left < 0:
            raise too_many_frames()
        below = tree.get(number) if payload else None
        if below is None:
            parts.append(view[start:end])
        elif isinstance(below, Item):
            wrong = fault(below.message.FromString(bytes(view[payload:end])), below.tables)
            if wrong:
                faults.count += 1
                faults.first = faults.first or wrong
            else:
                parts.append(view[start:end])
        else:
            inner = _sift(view[payload:end], below, faults)
            parts += (_varint(number << 3 | _LENGTH_DELIMITED), _varint(len(inner)), inner)
    return b"".join(parts)


def frames(view: memoryview) -> Iterator[tuple[int, int, int, int]]:
    """Yield number, start, start of the payload (0 unless length-delimited) and end of each field of a message.

    The message must be one that a protobuf parser has accepted.
    """
    at, size = 0, len(view)
    depth = outer = 0
    while at < size:
        start = at
        tag, at = _read_varint(view, at)
        number, kind, payload = tag >> 3, tag & 7, 0
        if kind == 0:
            _, at = _read_varint(view, at)
        elif kind == 1:
            at += 8
        elif kind == _LENGTH_DELIMITED:
            length, payload = _read_varint(view, at)
            at = payload + length
        elif kind == _GROUP_START:
            outer = outer if depth else start
            depth += 1
        elif kind == _GROUP_END:
            depth -= 1
            start = outer
        else:
            at += 4
        if depth == 0:
            yield number, start, 0 if kind == _GROUP_END else payload, at


def _read_varint(view: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = view[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)
