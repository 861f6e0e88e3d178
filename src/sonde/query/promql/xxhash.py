"""Prometheus' hash of a label set, by which ``limit_ratio`` chooses the same series everywhere: xxHash64 of its bytes.

Specification: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md#xxh64-algorithm-description
"""

from __future__ import annotations

import struct
from typing import Final

from sonde.telemetry.labels import Labels

_MASK: Final = (1 << 64) - 1
_PRIME_1: Final = 0x9E3779B185EBCA87
_PRIME_2: Final = 0xC2B2AE3D27D4EB4F
_PRIME_3: Final = 0x165667B19E3779F9
_PRIME_4: Final = 0x85EBCA77C2B2AE63
_PRIME_5: Final = 0x27D4EB2F165667C5
_LONG: Final = 255
"""A text of so many bytes or more has its length in three more bytes."""


def _rotated(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (64 - bits))) & _MASK


def _round(accumulator: int, lane: int) -> int:
    return _rotated((accumulator + lane * _PRIME_2) & _MASK, 31) * _PRIME_1 & _MASK


def xxhash64(data: bytes) -> int:
    """xxHash64 with seed 0.

    >>> f"{xxhash64(b''):x}", f"{xxhash64(b'a'):x}"
    ('ef46db3751d8e999', 'd24ec4f1a98c6e5b')
    """
    length, place = len(data), 0
    if length >= 32:
        lanes = [(_PRIME_1 + _PRIME_2) & _MASK, _PRIME_2, 0, -_PRIME_1 & _MASK]
        while place + 32 <= length:
            values = struct.unpack_from("<4Q", data, place)
            lanes = [_round(lane, value) for lane, value in zip(lanes, values, strict=True)]
            place += 32
        digest = sum(_rotated(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True)) & _MASK
        for lane in lanes:
            digest = ((digest ^ _round(0, lane)) * _PRIME_1 + _PRIME_4) & _MASK
    else:
        digest = _PRIME_5
    digest = (digest + length) & _MASK
    while place + 8 <= length:
        (value,) = struct.unpack_from("<Q", data, place)
        digest = (_rotated(digest ^ _round(0, value), 27) * _PRIME_1 + _PRIME_4) & _MASK
        place += 8
    if place + 4 <= length:
        (value,) = struct.unpack_from("<I", data, place)
        digest = (_rotated(digest ^ value * _PRIME_1 & _MASK, 23) * _PRIME_2 + _PRIME_3) & _MASK
        place += 4
    for byte in data[place:]:
        digest = _rotated(digest ^ byte * _PRIME_5 & _MASK, 11) * _PRIME_1 & _MASK
    digest = (digest ^ digest >> 33) * _PRIME_2 & _MASK
    digest = (digest ^ digest >> 29) * _PRIME_3 & _MASK
    return digest ^ digest >> 32


def _sized(text: str) -> bytes:
    encoded = text.encode("utf-8", "surrogateescape")
    size = len(encoded)
    return (bytes([size]) if size < _LONG else b"\xff" + size.to_bytes(3, "little")) + encoded


def labels_hash(labels: Labels) -> int:
    """The hash of a label set: of its names and values, each behind its length.

    >>> labels_hash(()) == xxhash64(b"")
    True
    """
    return xxhash64(b"".join(_sized(name) + _sized(value) for name, value in labels))
