r"""One body in a segment: its length, the body as it came, and our tail.

    varint(length) · body · tenant (field 1001) · received (1002) · metric names (1004) · checksum (1003)

A frame is a length-delimited protobuf message, which is what ClickHouse's ``Protobuf`` input format reads, so a
segment is its own INSERT. A body that has our fields itself is refused by receivers, which know no such fields; of a
tenant that is there twice ClickHouse would read none, so nobody can choose another's. The checksum (XXH3 of all before
it) tells a torn frame from a whole one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import xxhash

_TENANT_TAG = b"\xca\x3e"  # field 1001, length-delimited
_RECEIVED_TAG = b"\xd1\x3e"  # field 1002, fixed64
_CHECKSUM_TAG = b"\xd9\x3e"  # field 1003, fixed64
_METRIC_NAMES_TAG = b"\xe0\x3e"  # field 1004, varint; absent where it is 0
_CHECKSUM_SIZE = 2 + 8
MAX_FRAME_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a whole, sound frame lies in a segment: ``start`` includes the length, ``end`` is behind the checksum."""

    start: int
    payload: int
    end: int


def varint(number: int) -> bytes:
    r"""Protobuf's base-128 encoding.

    >>> varint(300)
    b'\xac\x02'
    """
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def tail(body: bytes, tenant: str, received_unix_nano: int, metric_names: int = 0) -> bytes:
    """The bytes behind a body that say whose it is, when it came, how its metrics are named, and that it is whole."""
    name = tenant.encode()
    unsigned = _TENANT_TAG + varint(len(name)) + name + _RECEIVED_TAG + struct.pack("<Q", received_unix_nano)
    if metric_names:
        unsigned += _METRIC_NAMES_TAG + varint(metric_names)
    checksum = xxhash.xxh3_64(body)
    checksum.update(unsigned)
    return unsigned + _CHECKSUM_TAG + struct.pack("<Q", checksum.intdigest())


def frames(segment: memoryview) -> Iterator[Frame]:
    """The sound frames of a segment from its start; stops before the first that is torn or damaged.

    >>> body = b"telemetry"
    >>> end = tail(body, "default", 1)
    >>> whole = varint(len(body) + len(end)) + body + end
    >>> [frame.end for frame in frames(memoryview(whole + whole[:-1]))] == [len(whole)]
    True
    """
    position, size = 0, len(segment)
    while position < size:
        end = whole_length(segment, position)
        if end is None:
            return
        _, payload = _read_varint(segment, position)
        signed = end - _CHECKSUM_SIZE
        if bytes(segment[signed : signed + 2]) != _CHECKSUM_TAG:
            return
        (checksum,) = struct.unpack_from("<Q", segment, signed + 2)
        if xxhash.xxh3_64_intdigest(segment[payload:signed]) != checksum:
            return
        yield Frame(position, payload, end)
        position = end


def whole_length(segment: memoryview, position: int) -> int | None:
    """Where the frame at ``position`` ends by its own length, if that can be believed and the segment has the bytes."""
    length, payload = _read_varint(segment, position)
    end = payload + length
    believable = payload > position and _CHECKSUM_SIZE <= length <= MAX_FRAME_BYTES
    return end if believable and end <= len(segment) else None


def behind_damage(segment: memoryview, position: int) -> int | None:
    """Where a segment goes on behind the unsound frame at ``position``; None when nothing whole follows: it is torn.

    A frame ends with its checksum. So the next one is where the frame's own length says, if that can be trusted, or
    else behind the next checksum that a sound frame, or the end of the segment, follows.
    """
    size, by_length = len(segment), whole_length(segment, position)
    if by_length is not None and _goes_on(segment, by_length):
        return by_length
    content = bytes(segment[position:])
    found = content.find(_CHECKSUM_TAG)
    while found >= 0:
        end = position + found + _CHECKSUM_SIZE
        if end <= size and _goes_on(segment, end):
            return end
        found = content.find(_CHECKSUM_TAG, found + 1)
    return by_length


def _goes_on(segment: memoryview, position: int) -> bool:
    return position == len(segment) or next(frames(segment[position:]), None) is not None


def _read_varint(segment: memoryview, position: int) -> tuple[int, int]:
    """The number at ``position`` and the position behind it; (0, position) when it is torn."""
    number = 0
    for offset in range(min(5, len(segment) - position)):
        byte = segment[position + offset]
        number |= (byte & 0x7F) << (7 * offset)
        if byte < 0x80:
            return number, position + offset + 1
    return 0, position
