"""CRC-32C (Castagnoli), which Prometheus puts before each frame of a streamed answer; ``zlib`` has another polynomial.

What a byte adds to the sum depends on the byte and on how many follow it, so a block is a lookup in numpy arrays and
an exclusive or. Specification: https://www.rfc-editor.org/rfc/rfc3720#appendix-B.4
"""

from __future__ import annotations

import functools
from typing import Final

import numpy as np
from numpy.typing import NDArray

_POLYNOMIAL: Final = 0x82F63B78
_BLOCK: Final = 1024


def crc32c(data: bytes) -> int:
    """The checksum of some bytes.

    >>> hex(crc32c(b"123456789")), hex(crc32c(b"a"))
    ('0xe3069283', '0xc1d04330')
    """
    table = _table()
    if len(data) < 4:
        state = 0xFFFFFFFF
        for byte in data:
            state = state >> 8 ^ int(table[0, (state ^ byte) & 0xFF])
        return state ^ 0xFFFFFFFF
    # to begin with all ones is to turn the first four bytes over; zeros before them change nothing then
    padded = np.zeros(-len(data) % _BLOCK + len(data), np.uint8)
    padded[-len(data) :] = np.frombuffer(data, np.uint8)
    padded[len(padded) - len(data) :][:4] ^= 0xFF
    blocks = padded.reshape(-1, _BLOCK)
    sums = np.bitwise_xor.reduce(table[np.arange(_BLOCK - 1, -1, -1), blocks], axis=1).tolist()
    carry = [table[_BLOCK - 1 - place].tolist() for place in range(4)]
    state = 0
    for block in sums:
        low = carry[0][state & 0xFF] ^ carry[1][state >> 8 & 0xFF]
        state = low ^ carry[2][state >> 16 & 0xFF] ^ carry[3][state >> 24] ^ block
    return state ^ 0xFFFFFFFF


@functools.cache
def _table() -> NDArray[np.uint32]:
    """What each byte gives with so many zeros behind it: a row for 0, 1, … zeros."""
    row = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        row = np.where(row & 1, (row >> 1) ^ np.uint32(_POLYNOMIAL), row >> 1).astype(np.uint32)
    rows = np.empty((_BLOCK, 256), np.uint32)
    rows[0] = row
    for place in range(1, _BLOCK):
        rows[place] = (rows[place - 1] >> 8) ^ row[rows[place - 1] & 0xFF]
    return rows
