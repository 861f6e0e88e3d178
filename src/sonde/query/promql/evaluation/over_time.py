"""What becomes of the floats in windows: ``*_over_time``, regression and smoothing.

Each kernel takes windows and gives an array of shape (series, times), and where it has values. Sums that must not lose
anything go along the windows' samples, all windows at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from sonde.query.promql.evaluation.frame import execution_error
from sonde.query.promql.evaluation.summation import compensated, means, prefix_counts, sums, variances
from sonde.query.promql.evaluation.windows import Windows, take
from sonde.query.promql.series import Booleans, Floats, Integers

PLACES: Final = 1 << 21
"""So many samples are gathered at a time."""

Answer = tuple[Floats, Booleans]
Kernel = Callable[[Windows], Answer]


def _gathered(windows: Windows, values: Floats) -> Iterator[tuple[Integers, Floats, Booleans, Integers]]:
    """The windows that have samples, some at a time: which, values (longest, windows), which are there, counts."""
    counts = windows.counts.ravel()
    chosen = np.flatnonzero(counts)
    if not len(chosen):
        return
    chosen = chosen[np.argsort(counts[chosen], kind="stable")]
    first = windows.first.ravel()
    begin = 0
    while begin < len(chosen):
        # by ascending length, so that a chunk is about as wide as its windows are long
        size = max(1, min(len(chosen) - begin, PLACES // int(counts[chosen[begin]])))
        while size > 1 and int(counts[chosen[begin + size - 1]]) * size > PLACES * 2:
            size //= 2
        part = chosen[begin : begin + size]
        longest = int(counts[part[-1]])
        index = first[part][None, :] + np.arange(longest)[:, None]
        used = np.arange(longest)[:, None] < counts[part][None, :]
        yield part, np.where(used, take(values, index), 0.0), used, counts[part]
        begin += size


def _along(windows: Windows, summary: Callable[[Floats, Booleans, Integers], Floats]) -> Answer:
    answer = np.full(windows.first.size, np.nan)
    for part, values, used, counts in _gathered(windows, windows.values):
        answer[part] = summary(values, used, counts)
    return answer.reshape(windows.first.shape), windows.counts > 0


def sum_over_time(windows: Windows) -> Answer:
    """The sum."""
    return _along(windows, lambda values, _used, _counts: sums(values))


def sums_in_two(windows: Windows, remainders: Floats) -> tuple[Floats, Floats]:
    """Of values that are themselves sums, with remainders: the sums over windows, and what these are short of."""
    total, rest = np.zeros(windows.first.size), np.zeros(windows.first.size)
    both = zip(_gathered(windows, windows.values), _gathered(windows, remainders), strict=True)
    for (part, values, _, _), (_, small, _, _) in both:
        total[part], lost = compensated(values)
        rest[part] = lost + sums(small)
    return total.reshape(windows.first.shape), rest.reshape(windows.first.shape)


def avg_over_time(windows: Windows) -> Answer:
    """The mean."""
    return _along(windows, lambda values, used, counts: means(values, counts.astype(np.float64), used))


def stdvar_over_time(windows: Windows) -> Answer:
    """The population variance."""
    return _along(windows, lambda values, used, counts: variances(values, counts.astype(np.float64), used))


def stddev_over_time(windows: Windows) -> Answer:
    """The population standard deviation."""
    variance, present = stdvar_over_time(windows)
    return np.sqrt(variance), present


def count_over_time(windows: Windows) -> Answer:
    """How many samples there are."""
    return windows.counts.astype(np.float64), windows.counts > 0


def present_over_time(windows: Windows) -> Answer:
    """1 where there is any sample."""
    return np.ones(windows.first.shape), windows.counts > 0


def first_over_time(windows: Windows) -> Answer:
    """The oldest value."""
    return take(windows.values, windows.first), windows.counts > 0


def last_over_time(windows: Windows) -> Answer:
    """The newest value."""
    return take(windows.values, windows.behind - 1), windows.counts > 0


def ts_of_first_over_time(windows: Windows) -> Answer:
    """When the oldest sample was, in seconds."""
    return take(windows.times, windows.first) / 1000, windows.counts > 0


def ts_of_last_over_time(windows: Windows) -> Answer:
    """When the newest sample was, in seconds."""
    return take(windows.times, windows.behind - 1) / 1000, windows.counts > 0


def _reduced(windows: Windows, reduce: np.ufunc) -> Answer:
    present = windows.counts > 0
    answer = np.full(windows.first.shape, np.nan)
    if present.any():
        pairs = np.stack([windows.first[present], windows.behind[present]], axis=1).ravel()
        answer[present] = reduce.reduceat(np.append(windows.values, np.nan), pairs)[::2]
    return answer, present


def min_over_time(windows: Windows) -> Answer:
    """The least value; NaN only if there is no other."""
    return _reduced(windows, np.fmin)


def max_over_time(windows: Windows) -> Answer:
    """The greatest value; NaN only if there is no other."""
    return _reduced(windows, np.fmax)


def _time_of(windows: Windows, extreme: Floats) -> Answer:
    answer = np.zeros(windows.first.size)
    first, flat = windows.first.ravel(), extreme.ravel()
    for part, values, used, _ in _gathered(windows, windows.values):
        sought = flat[part][None, :]
        hits = used & ((values == sought) | np.isnan(sought))
        newest = len(hits) - 1 - hits[::-1].argmax(axis=0)
        answer[part] = take(windows.times, first[part] + newest) / 1000
    return answer.reshape(extreme.shape), windows.counts > 0


def ts_of_min_over_time(windows: Windows) -> Answer:
    """When the least value was there last, in seconds."""
    return _time_of(windows, min_over_time(windows)[0])


def ts_of_max_over_time(windows: Windows) -> Answer:
    """When the greatest value was there last, in seconds."""
    return _time_of(windows, max_over_time(windows)[0])


def quantile_of_sorted(ascending: Floats, counts: Integers, quantile: Floats) -> Floats:
    """The quantiles of columns of values, each ``counts`` long and ascending, NaN first; by linear interpolation."""
    rank = quantile * (counts - 1)
    last = np.maximum(counts - 1, 0)
    sane = np.where(np.isfinite(rank), rank, 0.0)
    lower = np.clip(np.floor(sane), 0, last).astype(np.int64)
    upper = np.minimum(lower + 1, last)
    weight = sane - np.floor(sane)
    low = np.take_along_axis(ascending, lower[None], axis=0)[0]
    high = np.take_along_axis(ascending, upper[None], axis=0)[0]
    answer = low * (1 - weight) + high * weight
    answer = np.where(quantile < 0, -np.inf, np.where(quantile > 1, np.inf, answer))
    return np.where(np.isnan(quantile) | (counts == 0), np.nan, answer)


def nan_first(values: Floats, used: Booleans) -> Floats:
    """Columns of values in ascending order, NaN before all numbers, unused places behind all."""
    is_nan = np.isnan(values) & used
    ascending = np.sort(np.where(used, np.where(is_nan, -np.inf, values), np.inf), axis=0)
    return np.where(np.arange(len(values))[:, None] < is_nan.sum(axis=0)[None, :], np.nan, ascending)


def quantile_over_time(windows: Windows, quantile: Floats) -> Answer:
    """A quantile of the values."""
    answer = np.full(windows.first.size, np.nan)
    wanted = np.broadcast_to(quantile, windows.first.shape).ravel()
    for part, values, used, counts in _gathered(windows, windows.values):
        answer[part] = quantile_of_sorted(nan_first(values, used), counts, wanted[part])
    return answer.reshape(windows.first.shape), windows.counts > 0


def mad_over_time(windows: Windows) -> Answer:
    """The median distance from the median; NaN if any value is."""

    def deviation(values: Floats, used: Booleans, counts: Integers) -> Floats:
        middle = np.full(len(counts), 0.5)
        median = quantile_of_sorted(nan_first(values, used), counts, middle)
        distance = np.where(used, np.abs(values - median), 0.0)
        answer = quantile_of_sorted(nan_first(distance, used), counts, middle)
        return np.where((np.isnan(values) & used).any(axis=0), np.nan, answer)

    return _along(windows, deviation)


def regression(windows: Windows, origins: Integers) -> tuple[Floats, Floats, Booleans]:
    """Slope per second, and value at the origin (milliseconds, one for each window), of the least squares' line."""
    slope = np.full(windows.first.size, np.nan)
    intercept = np.full(windows.first.size, np.nan)
    first = windows.first.ravel()
    origin = np.broadcast_to(origins, windows.first.shape).ravel()
    flags = np.zeros(len(windows.times), dtype=np.bool_)
    flags[1:] = windows.values[1:] != windows.values[:-1]
    before = prefix_counts(flags)
    for part, values, used, counts in _gathered(windows, windows.values):
        index = first[part][None, :] + np.arange(len(values))[:, None]
        x = np.where(used, (take(windows.times, index) - origin[part][None, :]) / 1000, 0.0)
        sum_x, sum_y, sum_xy, sum_xx = (sum(compensated(terms)) for terms in (x, values, x * values, x * x))
        covariance = sum_xy - sum_x * sum_y / counts
        spread = sum_xx - sum_x * sum_x / counts
        steep = covariance / spread
        level = sum_y / counts - steep * sum_x / counts
        behind = first[part] + counts
        constant = before[behind] == before[np.minimum(first[part] + 1, len(flags))]
        flat = np.where(np.isinf(values[0]), np.nan, 0.0)
        slope[part] = np.where(constant, flat, steep)
        intercept[part] = np.where(constant, values[0] + flat, level)
    shape = windows.first.shape
    return slope.reshape(shape), intercept.reshape(shape), windows.counts > 1


def deriv(windows: Windows) -> Answer:
    """The slope per second."""
    slope, _, present = regression(windows, take(windows.times, windows.first))
    return slope, present


def predict_linear(windows: Windows, times: Integers, seconds: Floats) -> Answer:
    """The value that the line through the samples has so many seconds after the time of evaluation."""
    slope, intercept, present = regression(windows, times[None, :])
    return slope * seconds + intercept, present


def double_exponential_smoothing(windows: Windows, smoothing: Floats, trend: Floats) -> Answer:
    """The newest value, smoothed together with its trend."""
    if windows.counts.any():
        for name, factors in (("smoothing", smoothing), ("trend", trend)):
            bad = ~((factors > 0) & (factors < 1))
            if bad.any():
                sign = "sf" if name == "smoothing" else "tf"
                got = factors[bad][0]
                raise execution_error(f"invalid {name} factor. Expected: 0 < {sign} < 1, got: {got:f}")
    answer = np.full(windows.first.size, np.nan)
    smooth = np.broadcast_to(smoothing, windows.first.shape).ravel()
    steer = np.broadcast_to(trend, windows.first.shape).ravel()
    for part, values, used, _ in _gathered(windows, windows.values):
        if len(values) < 2:
            continue
        s, t = smooth[part], steer[part]
        older, newer = np.zeros(len(part)), values[0]
        slope = values[1] - values[0]
        for place in range(1, len(values)):
            if place > 1:
                slope = np.where(used[place], t * (newer - older) + (1 - t) * slope, slope)
            smoothed = s * values[place] + (1 - s) * (newer + slope)
            older = np.where(used[place], newer, older)
            newer = np.where(used[place], smoothed, newer)
        answer[part] = newer
    return answer.reshape(windows.first.shape), windows.counts > 1
