"""Fields of some bits each, put together without a step of Python for each: what Prometheus' chunks are made of.

Specification: https://github.com/prometheus/prometheus/blob/v3.14.0/tsdb/docs/format/chunks.md
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sonde.query.promql.series import Integers

Words = NDArray[np.uint64]
_NONE: Final = 64
"""More zeros in front than any number that differs has: no window yet."""


@dataclass(frozen=True, slots=True)
class Fields:
    """Numbers, and how many of their lowest bits are written: 0 to 64. What is not written is 0."""

    numbers: Words
    sizes: Integers


def packed(fields: Fields, ends: Sequence[int]) -> list[bytes]:
    r"""The fields up to each end, one behind the other, filled up to whole bytes.

    >>> packed(Fields(np.array([1, 5, 255], np.uint64), np.array([1, 7, 8])), [2, 3])
    [b'\x85', b'\xff']
    """
    sizes = fields.sizes
    behind = np.cumsum(sizes)
    last = np.array(ends, np.int64)
    bits_until = np.concatenate([[0], behind])[last]
    bits = np.diff(bits_until, prepend=0)
    base = np.concatenate([[0], np.cumsum(-(-bits // 64))])  # each part begins with a word of its own
    part = np.repeat(np.arange(len(last)), np.diff(last, prepend=0))
    start = behind - sizes - (bits_until - bits)[part] + base[part] * 64
    words = _words(fields.numbers[sizes > 0], sizes[sizes > 0], start[sizes > 0], int(base[-1]))
    raw = words.astype(">u8").tobytes()
    begins = (base[:-1] * 8).tolist()
    return [raw[begin : begin + -(-size // 8)] for begin, size in zip(begins, bits.tolist(), strict=True)]


def _words(numbers: Words, sizes: Integers, start: Integers, count: int) -> Words:
    words = np.zeros(count + 1, np.uint64)
    if not len(numbers):
        return words[:count]
    word, room = start >> 6, 64 - (start & 63) - sizes
    spills = room < 0
    upper = np.where(
        spills, numbers >> np.maximum(-room, 0).astype(np.uint64), numbers << np.maximum(room, 0).astype(np.uint64)
    )
    firsts = np.flatnonzero(np.diff(word, prepend=-1))
    words[word[firsts]] = np.bitwise_or.reduceat(upper, firsts)
    words[word[spills] + 1] |= numbers[spills] << (64 + room[spills]).astype(np.uint64)  # the last of its word spills
    return words[:count]


def varbit(numbers: Integers) -> tuple[Fields, Fields]:
    """Signed numbers as ``varbit_int`` has them: how wide, then the number.

    >>> head, body = varbit(np.array([0, 4, -4]))
    >>> head.numbers.tolist(), head.sizes.tolist(), body.numbers.tolist(), body.sizes.tolist()
    ([0, 2, 6], [1, 2, 3], [0, 4, 60], [0, 3, 6])
    """
    return classed(numbers, _VARBIT)


def varbit_unsigned(number: int) -> list[tuple[int, int]]:
    """A number as ``varbit_uint`` has it, as (number, size).

    >>> varbit_unsigned(7), varbit_unsigned(0)
    ([(2, 2), (7, 3)], [(0, 1)])
    """
    if number == 0:
        return [(0, 1)]
    width = next(width for width in (3, 6, 9, 12, 18, 25, 56, 64) if number < 1 << width)
    place = _WIDTHS.index(width) + 1
    head = (0xFF, 8) if width == 64 else ((1 << (place + 1)) - 2, place + 1)
    return [head, (number, width)]


_WIDTHS: Final = (3, 6, 9, 12, 18, 25, 56, 64)
_VARBIT: Final = (
    (0, 0, 1),
    *((width, (1 << (place + 2)) - 2, place + 2) for place, width in enumerate(_WIDTHS[:-1])),
    (64, 0xFF, 8),
)
TIMES: Final = ((0, 0, 1), (14, 0b10, 2), (17, 0b110, 3), (20, 0b1110, 4), (64, 0b1111, 4))
"""Widths of the changes between the steps of times, with the bits in front that tell the width, and their number."""


def classed(numbers: Integers, classes: Sequence[tuple[int, int, int]]) -> tuple[Fields, Fields]:
    """Signed numbers in the least width that holds them: which that is, and the number."""
    table = np.array(classes, np.int64)
    bounds = [2 ** (width - 1) if width else 0 for width in table[:, 0].tolist()]
    most = np.array([min(bound, 2**63 - 1) for bound in bounds])
    least = np.array([min(1 - bound, 0) for bound in bounds])
    least[-1] -= 1  # the widest holds all there are
    chosen = np.argmax((numbers[..., None] >= least) & (numbers[..., None] <= most), axis=-1)
    widths = table[chosen, 0]
    mask = np.array([2**width - 1 for width in table[:, 0].tolist()], np.uint64)[chosen]
    head = Fields(table[chosen, 1].astype(np.uint64), table[chosen, 2])
    return head, Fields(numbers.view(np.uint64) & mask, widths)


def exclusive(values: Words) -> tuple[Fields, Fields]:
    """Rows of values as their difference to the one before, column by column: of the first column nothing.

    The bits that differ are written within a window, which is kept as long as they fit into it.
    """
    change = np.zeros_like(values)
    change[:, 1:] = values[:, 1:] ^ values[:, :-1]
    front, back = np.minimum(_zeros_in_front(change), 31), _zeros_behind(change)
    leading, trailing = np.full(len(values), _NONE), np.zeros(len(values), np.int64)
    head, head_size = np.zeros(values.shape, np.uint64), np.ones(values.shape, np.int64)
    body, body_size = np.zeros(values.shape, np.uint64), np.zeros(values.shape, np.int64)
    head_size[:, 0] = 0
    for column in range(1, values.shape[1]):
        differs = change[:, column] != 0
        keeps = differs & (front[:, column] >= leading) & (back[:, column] >= trailing) & (leading != _NONE)
        moves = differs & ~keeps
        leading = np.where(moves, front[:, column], leading)
        trailing = np.where(moves, back[:, column], trailing)
        width = 64 - leading - trailing
        window = 0b11 << 11 | leading << 6 | (width & 63)
        head[:, column] = np.where(keeps, 0b10, np.where(moves, window, 0))
        head_size[:, column] = np.where(keeps, 2, np.where(moves, 13, 1))
        body[:, column] = np.where(differs, change[:, column] >> trailing.astype(np.uint64), np.uint64(0))
        body_size[:, column] = np.where(differs, width, 0)
    return Fields(head, head_size), Fields(body, body_size)


def _zeros_in_front(numbers: Words) -> Integers:
    upper, lower = (numbers >> np.uint64(32)).astype(np.float64), (numbers & np.uint64(2**32 - 1)).astype(np.float64)
    return np.where(upper > 0, 32 - np.frexp(upper)[1], 64 - np.frexp(lower)[1]).astype(np.int64)


def _zeros_behind(numbers: Words) -> Integers:
    lowest = (numbers & (~numbers + np.uint64(1))).astype(np.float64)  # a power of two
    return np.where(numbers > 0, np.frexp(lowest)[1] - 1, 64).astype(np.int64)
