"""Sums that keep what rounding would lose, as Prometheus' do (Kahan's method with Neumaier's improvement).

All functions work on many sums at once: the first axis is what is summed.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sonde.query.promql.series import Booleans, Floats, Integers

BLOCK: Final = 128
"""Up to so many values are added one after the other; more are added as so many rows of lanes first."""


def add(increment: Floats, total: Floats, rest: Floats) -> tuple[Floats, Floats]:
    """One step: the new totals, and what they are short of."""
    raised = total + increment
    lost = np.where(np.abs(total) >= np.abs(increment), (total - raised) + increment, (increment - raised) + total)
    return raised, np.where(np.isinf(raised), 0.0, rest + lost)


def compensated(values: Floats) -> tuple[Floats, Floats]:
    """The sums along the first axis, and what they are short of.

    >>> total, rest = compensated(np.array([1.0, 1e100, 1.0, -1e100]))
    >>> float(total + rest)
    2.0
    """
    count = len(values)
    shape = values.shape[1:]
    if count <= BLOCK:
        total, rest = np.zeros(shape), np.zeros(shape)
        for value in values:
            total, rest = add(value, total, rest)
        return total, rest
    lanes = -(-count // BLOCK)
    padded = np.zeros((BLOCK * lanes, *shape))
    padded[:count] = values
    partial, partial_rest = compensated(padded.reshape(BLOCK, lanes, *shape))
    total, rest = compensated(partial)
    more, more_rest = compensated(partial_rest)
    return total, rest + more + more_rest


def sums(values: Floats) -> Floats:
    """The sums along the first axis; an infinite one stays what it is."""
    total, rest = compensated(values)
    return np.where(np.isinf(total), total, total + rest)


def means(values: Floats, counts: Floats, used: Booleans) -> Floats:
    """The means along the first axis of those values that are used; the others must be 0.

    A sum that leaves the range of numbers starts over as a mean that grows with each value.
    """
    total, rest = compensated(values)
    with np.errstate(all="ignore"):
        mean = total / counts + rest / counts
        astray = ~np.isfinite(total)
        if astray.any():
            mean[astray] = _growing_means(values[:, astray], used[:, astray])
    return mean


def _growing_means(values: Floats, used: Booleans) -> Floats:
    shape = values.shape[1:]
    total, rest, mean, count = np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape)
    growing = np.zeros(shape, dtype=np.bool_)
    for value, is_used in zip(values, used, strict=True):
        count = count + is_used
        raised, raised_rest = add(value, total, rest)
        fits = is_used & ~growing & (~np.isinf(raised) | (count == 1))
        turns = is_used & ~growing & ~fits
        mean = np.where(turns, total / np.maximum(count - 1, 1), mean)
        rest = np.where(turns, rest / np.maximum(count - 1, 1), rest)
        growing = growing | turns
        share = (count - 1) / np.maximum(count, 1)
        grown, grown_rest = add(value / np.maximum(count, 1), share * mean, share * rest)
        grows = growing & is_used
        mean = np.where(grows, grown, mean)
        rest = np.where(grows, grown_rest, np.where(fits, raised_rest, rest))
        total = np.where(fits, raised, total)
    return np.where(growing, mean + rest, total / count + rest / count)


def variances(values: Floats, counts: Floats, used: Booleans) -> Floats:
    """The population variances along the first axis of those values that are used.

    Values are taken relative to each first one, so that equal values have a variance of exactly 0.
    """
    with np.errstate(all="ignore"):
        first = np.take_along_axis(values, used.argmax(axis=0)[None], axis=0)[0]
        shifted = np.where(used, values - first, 0.0)
        mean = sums(shifted) / counts
        distance = np.where(used, shifted - mean, 0.0)
        return sums(distance * distance) / counts


def prefix_counts(flags: Booleans) -> Integers:
    """How many flags are set before each place, and in the end.

    >>> prefix_counts(np.array([True, False, True]))
    array([0, 1, 1, 2])
    """
    counts = np.zeros(len(flags) + 1, dtype=np.int64)
    np.cumsum(flags, out=counts[1:])
    return counts
