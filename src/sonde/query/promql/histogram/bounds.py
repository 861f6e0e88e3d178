"""Where the buckets of native histograms begin and end.

Index ``i`` of schema ``s`` ends at ``2 ** (i * 2 ** -s)`` and begins where ``i - 1`` ends; negative ones mirror that.
With custom bounds, schema -53, index ``i`` ends at ``custom_bounds[i]``, the last one at infinity.
Specification: https://prometheus.io/docs/specs/native_histograms/#schema
"""

from __future__ import annotations

import math
import sys
from functools import cache
from typing import Final

import numpy as np

from sonde.query.promql.series import Floats, Integers

CUSTOM_SCHEMA: Final = -53
LOWEST_SCHEMA: Final = -4
HIGHEST_SCHEMA: Final = 8

_LAST_EXPONENT: Final = 1024
"""The last bucket of numbers would end at 2**1024: it ends at the largest float, and only infinity is beyond."""


_TABLE_ROUNDING: Final = (
    "4545544445444544443345434444443354444444444444334433454445444434"
    "4445454444334433454455444544454544445555443345344434454444334433"
    "4444443244334433443334333333332244444445443344333423443433233333"
    "3422443333232323232223121211221133333323342234233322342322122311"
)
"""How Prometheus' table of the bounds is rounded, so that the same are written: the last place of each, 4 for down."""


@cache
def _table() -> Floats:
    """The ends of the buckets of the highest resolution in [0.5, 1)."""
    size = 1 << HIGHEST_SCHEMA
    bounds = np.empty(size)
    for position in range(size):
        root = 1 << (52 * size + position)
        for _ in range(HIGHEST_SCHEMA):
            root = math.isqrt(root)
        bounds[position] = math.ldexp(root + int(_TABLE_ROUNDING[position]) - 4, -53)
    return bounds


def _fractions(schema: int) -> Floats:
    return _table()[:: 1 << (HIGHEST_SCHEMA - schema)]


def exponential_bounds(index: Integers, schema: int) -> Floats:
    """The upper ends of positive exponential buckets.

    >>> exponential_bounds(np.array([-1, 0, 1, 2]), 0).tolist()
    [0.5, 1.0, 2.0, 4.0]
    >>> exponential_bounds(np.array([1, 2]), -1).tolist()
    [4.0, 16.0]
    """
    if schema < 0:
        fraction: Floats | float = 0.5
        exponent = (index << -schema) + 1
    else:
        fraction = _fractions(schema)[index & ((1 << schema) - 1)]
        exponent = (index >> schema) + 1
    with np.errstate(over="ignore"):
        bounds = np.ldexp(fraction, exponent)
    is_last = (exponent == _LAST_EXPONENT + 1) & (np.asarray(fraction) == 0.5)
    return np.where(is_last, sys.float_info.max, bounds)


def edges(index: Integers, schema: int, custom_bounds: Floats) -> tuple[Floats, Floats]:
    """The lower and the upper ends of positive buckets.

    >>> lower, upper = edges(np.array([0, 1, 2]), CUSTOM_SCHEMA, np.array([5.0, 10.0]))
    >>> lower.tolist(), upper.tolist()
    ([-inf, 5.0, 10.0], [5.0, 10.0, inf])
    """
    if schema == CUSTOM_SCHEMA:
        ends = np.concatenate(([-math.inf], custom_bounds, [math.inf]))
        return ends[index], ends[index + 1]
    return exponential_bounds(index - 1, schema), exponential_bounds(index, schema)


def lower_resolution(index: Integers, schema: int, target: int) -> Integers:
    """The indices, in a schema of lower resolution, of the buckets that take these in.

    >>> lower_resolution(np.array([-1, 0, 1, 2, 3, 4, 5]), 1, 0).tolist()
    [0, 0, 1, 1, 2, 2, 3]
    """
    return index if schema == target else ((index - 1) >> (schema - target)) + 1
