"""Functions over ranges, computed of buckets instead of samples: what `rollup_reader` has read in, a vector out.

A bucket says of some samples of a series that follow each other what they come to; one sample is a bucket, too, so
that buckets and samples stand side by side where not everything has been rolled up. Windows begin and end where buckets
do, so that each lies in a window or does not. What is computed is then what the samples would give: counts, times and
extremes are the very same, what two buckets have between them (a reset, a change) is looked for anew, and sums are kept
to twice the digits of a number. As with ``grid_functions``, the last binary digit of rates and averages may differ, as
of sums that several resets of fractions go into.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sonde.query.promql.evaluation import over_time, rate
from sonde.query.promql.evaluation.summation import prefix_counts
from sonde.query.promql.evaluation.windows import Windows, blocks_of, bounds, take
from sonde.query.promql.series import Booleans, Floats, Integers, Samples, is_stale
from sonde.query.promql.storage import Window
from sonde.store.rollup_statements import NEVER
from sonde.telemetry.labels import Labels

Answer = tuple[Floats, Booleans]
FIVE_MINUTES: Final = 300_000
HOUR: Final = 3_600_000
TABLES: Final[Mapping[int, str]] = {HOUR: "rollups_1h", FIVE_MINUTES: "rollups_5m"}
"""The table of each width of buckets, the widest first."""


class Unsuited(Exception):
    """The samples have to be looked at after all."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """Buckets of some series, one series behind the other, by ascending end, as ``Samples`` are."""

    offsets: Integers
    ends: Integers
    """Milliseconds; a bucket holds nothing later, and what is earlier is in the bucket before."""
    columns: Mapping[str, NDArray[Any]]
    """As the tables of rollups have them; times in milliseconds."""

    def only(self, chosen: Booleans) -> Buckets:
        """Some of the buckets."""
        columns = {name: column[chosen] for name, column in self.columns.items()}
        return Buckets(prefix_counts(chosen)[self.offsets], self.ends[chosen], columns)

    def rows(self, rows: slice) -> Buckets:
        """Those of some series that follow each other."""
        begin, end, _ = rows.indices(len(self.offsets) - 1)
        offsets = self.offsets[begin : end + 1]
        part = slice(int(offsets[0]), int(offsets[-1]))
        columns = {name: column[part] for name, column in self.columns.items()}
        return Buckets(offsets - offsets[0], self.ends[part], columns)


def of_samples(samples: Samples, names: Sequence[str]) -> Mapping[str, NDArray[Any]]:
    """The columns of these names, with each sample as a bucket."""
    stale = is_stale(samples.values)
    nothing = np.zeros(len(stale))
    starts = np.zeros(len(stale), np.int64) if samples.starts is None else samples.starts
    columns: dict[str, NDArray[Any]] = {
        "samples": (~stale).astype(np.int64),
        "stale_ts": np.where(stale, samples.times, NEVER),
        **dict.fromkeys(("first_ts", "last_ts"), samples.times),
        **dict.fromkeys(("first_start", "last_start"), starts),
        **dict.fromkeys(("first_value", "last_value", "least", "greatest", "sum"), samples.values),
        **dict.fromkeys(("remainder", "lost", "resets", "changes", "overlaps"), nothing),
    }
    return {name: columns[name] for name in names}


@dataclass(frozen=True, slots=True)
class Spans:
    """Of series ``s`` at time ``t`` the buckets ``first[s, t]:behind[s, t]``."""

    buckets: Buckets
    first: Integers
    behind: Integers
    ends: Integers
    width: int

    def __getitem__(self, name: str) -> NDArray[Any]:
        """A column of the buckets."""
        return self.buckets.columns[name]

    @property
    def present(self) -> Booleans:
        """Where there are any."""
        return self.behind > self.first

    def first_of(self, name: str) -> NDArray[Any]:
        """What the first bucket has."""
        return take(self[name], self.first)

    def last_of(self, name: str) -> NDArray[Any]:
        """What the last bucket has."""
        return take(self[name], self.behind - 1)

    def total(self, name: str) -> Integers:
        """The sum of counts."""
        before = np.zeros(len(self.buckets.ends) + 1, np.int64)
        np.cumsum(self[name], out=before[1:])
        return before[self.behind] - before[self.first]

    def between(self, flags: Booleans) -> Integers:
        """How many buckets but the first are flagged."""
        before = prefix_counts(flags)
        return before[self.behind] - before[np.minimum(self.first + 1, self.behind)]

    def values(self, name: str) -> Windows:
        """A column as if it were the values of samples."""
        return Windows([], self.buckets.ends, self[name], self.first, self.behind, self.ends, self.width)

    def falls(self) -> Booleans:
        """Which buckets begin with a reset, as seen from the bucket before."""
        flags = np.zeros(len(self.buckets.ends), np.bool_)
        flags[1:] = self["first_value"][1:] < self["last_value"][:-1]
        flags[1:] |= self._begins(rate.start_resets)
        return flags

    def overlaps(self) -> Booleans:
        """Where a sample began before the one before it."""
        flags = np.zeros(len(self.buckets.ends), np.bool_)
        flags[1:] = self._begins(rate.start_overlaps)
        return (self.between(flags) > 0) | (self.total("overlaps") > 0)

    def _begins(self, judge: Callable[[Integers, Integers], Booleans]) -> Booleans:
        """What is said of the first sample of each bucket but the first, standing behind the last one before it."""
        pairs = [
            np.stack([self[f"last_{name}"][:-1], self[f"first_{name}"][1:]], axis=1).ravel() for name in ("ts", "start")
        ]
        return judge(pairs[0], pairs[1])[1::2]


def last(spans: Spans) -> Answer:
    """The newest sample, if it is young enough and no stale marker has come after it."""
    (time, value), has = _newest(spans, spans["samples"] > 0, "last_ts", "last_value")
    (stale_time,), has_stale = _newest(spans, spans["stale_ts"] > NEVER, "stale_ts")
    return value, has & (time > (spans.ends - spans.width)[None, :]) & ~(has_stale & (stale_time > time))


def _newest(spans: Spans, flags: Booleans, *names: str) -> tuple[list[NDArray[Any]], Booleans]:
    """What the last of the flagged buckets has, and where there is one."""
    before, places = prefix_counts(flags), np.flatnonzero(flags)
    index = before[spans.behind] - 1
    return [take(spans[name][places], index) for name in names], index >= before[spans.first]


def last_over_time(spans: Spans) -> Answer:
    """The newest value, if it is young enough."""
    return spans.last_of("last_value"), _is_young(spans)


def present_over_time(spans: Spans) -> Answer:
    """1 where there is any sample."""
    return np.ones(spans.first.shape), _is_young(spans)


def _is_young(spans: Spans) -> Booleans:
    young: Booleans = spans.last_of("last_ts") > (spans.ends - spans.width)[None, :]
    return spans.present & young


def ts_of_last_over_time(spans: Spans) -> Answer:
    """When the newest sample was, in seconds."""
    return spans.last_of("last_ts") / 1000, _is_young(spans)


def first_over_time(spans: Spans) -> Answer:
    """The oldest value."""
    return spans.first_of("first_value"), spans.present


def ts_of_first_over_time(spans: Spans) -> Answer:
    """When the oldest sample was, in seconds."""
    return spans.first_of("first_ts") / 1000, spans.present


def count_over_time(spans: Spans) -> Answer:
    """How many samples there are."""
    return spans.total("samples").astype(np.float64), spans.present


def min_over_time(spans: Spans) -> Answer:
    """The least value."""
    return over_time.min_over_time(spans.values("least"))


def max_over_time(spans: Spans) -> Answer:
    """The greatest value."""
    return over_time.max_over_time(spans.values("greatest"))


def sum_over_time(spans: Spans) -> Answer:
    """The sum."""
    total, rest = _sums(spans)
    return total + rest, spans.present


def avg_over_time(spans: Spans) -> Answer:
    """The mean."""
    total, rest = _sums(spans)
    counts = np.maximum(spans.total("samples"), 1)
    return total / counts + rest / counts, spans.present


def _sums(spans: Spans) -> tuple[Floats, Floats]:
    if np.isinf(spans["sum"]).any():
        raise Unsuited  # infinite, or too large to be summed in this way
    total, rest = over_time.sums_in_two(spans.values("sum"), spans["remainder"])
    if np.isinf(total).any():
        raise Unsuited
    return total, rest


def changes(spans: Spans) -> Answer:
    """How often a value changed."""
    flags = np.zeros(len(spans.buckets.ends), np.bool_)
    now, before = spans["first_value"][1:], spans["last_value"][:-1]
    flags[1:] = (now != before) & ~(np.isnan(now) & np.isnan(before))
    return (spans.total("changes") + spans.between(flags)).astype(np.float64), spans.present


def resets(spans: Spans) -> Answer:
    """How often a counter was reset."""
    return (spans.total("resets") + spans.between(spans.falls())).astype(np.float64), spans.present


def _extrapolated(spans: Spans, *, is_counter: bool, per_second: bool) -> Answer:
    change = spans.last_of("last_value") - spans.first_of("first_value")
    if is_counter:
        if spans.overlaps().any():
            raise Unsuited  # a warning says of which series, and where
        change = change + _lost(spans)
    ends = rate.Ends(
        counts=spans.total("samples"),
        first_time=spans.first_of("first_ts"),
        last_time=spans.last_of("last_ts"),
        first_value=spans.first_of("first_value"),
        change=change,
        start=spans.first_of("first_start") if is_counter else None,
        ends=spans.ends,
        width=spans.width,
    )
    return rate.stretched(ends, is_counter=is_counter, per_second=per_second)


def _lost(spans: Spans) -> Floats:
    """What counters lost to resets, within buckets and between them, in the order of time."""
    amounts = np.zeros(2 * len(spans.buckets.ends) + 1)
    falls = np.flatnonzero(spans.falls())
    amounts[2 * falls] = spans["last_value"][falls - 1]
    amounts[1:-1:2] = spans["lost"]
    lost = np.zeros(spans.first.shape)
    before = prefix_counts(amounts != 0)
    first, behind = 2 * spans.first + 1, 2 * spans.behind
    concerned = spans.present
    concerned[concerned] = before[behind[concerned]] > before[first[concerned]]
    if concerned.any():
        pairs = np.stack([first[concerned], behind[concerned]], axis=1).ravel()
        lost[concerned] = np.add.reduceat(amounts, pairs)[::2]
    return lost


def rate_of(spans: Spans) -> Answer:
    """Increase per second of a counter."""
    return _extrapolated(spans, is_counter=True, per_second=True)


def increase(spans: Spans) -> Answer:
    """Increase of a counter."""
    return _extrapolated(spans, is_counter=True, per_second=False)


def delta(spans: Spans) -> Answer:
    """Change of a gauge."""
    return _extrapolated(spans, is_counter=False, per_second=False)


@dataclass(frozen=True, slots=True)
class RollupFunction:
    """How a function is computed of buckets."""

    kernel: Callable[[Spans], Answer]
    columns: tuple[str, ...]
    """What it looks at beside the number of samples."""
    looks_back: bool = False
    """Only the newest sample counts, so that a window may be shorter than a bucket."""
    heeds_stale: bool = False


_VALUES: Final = ("first_value", "last_value")
_STARTS: Final = (*_VALUES, "first_ts", "last_ts", "first_start", "last_start")
_RATE: Final = (*_STARTS, "lost", "overlaps")
FUNCTIONS: Final[Mapping[str, RollupFunction]] = {
    "last": RollupFunction(last, ("last_ts", "last_value", "stale_ts"), looks_back=True, heeds_stale=True),
    "last_over_time": RollupFunction(last_over_time, ("last_ts", "last_value"), looks_back=True),
    "present_over_time": RollupFunction(present_over_time, ("last_ts",), looks_back=True),
    "ts_of_last_over_time": RollupFunction(ts_of_last_over_time, ("last_ts",), looks_back=True),
    "first_over_time": RollupFunction(first_over_time, ("first_value",)),
    "ts_of_first_over_time": RollupFunction(ts_of_first_over_time, ("first_ts",)),
    "count_over_time": RollupFunction(count_over_time, ()),
    "min_over_time": RollupFunction(min_over_time, ("least",)),
    "max_over_time": RollupFunction(max_over_time, ("greatest",)),
    "sum_over_time": RollupFunction(sum_over_time, ("sum", "remainder")),
    "avg_over_time": RollupFunction(avg_over_time, ("sum", "remainder")),
    "changes": RollupFunction(changes, ("changes", *_VALUES)),
    "resets": RollupFunction(resets, ("resets", *_STARTS)),
    "rate": RollupFunction(rate_of, _RATE),
    "increase": RollupFunction(increase, _RATE),
    "delta": RollupFunction(delta, (*_VALUES, "first_ts", "last_ts")),
}


def bucket_width(window: Window) -> int:
    """The widest buckets of which a window's answer can be made, milliseconds; 0 if there are none.

    >>> from sonde.query.promql.series import Grid
    >>> bucket_width(Window("max_over_time", 2 * HOUR, Grid(0, 10 * HOUR, HOUR)))
    3600000
    >>> bucket_width(Window("rate", FIVE_MINUTES, Grid(0, 10 * HOUR, HOUR)))
    300000
    >>> bucket_width(Window("last", FIVE_MINUTES, Grid(0, 10 * HOUR, HOUR)))
    3600000
    >>> bucket_width(Window("rate", FIVE_MINUTES, Grid(1, 10 * HOUR, HOUR)))
    0
    """
    function, grid = FUNCTIONS.get(window.function), window.grid
    if function is None or window.width <= 0:
        return 0
    for width in TABLES:
        edges = [grid.start, *([grid.step] if grid.size > 1 else []), *([] if function.looks_back else [window.width])]
        if not any(edge % width for edge in edges):
            return width
    return 0


def covered_width(window: Window, width: int) -> int:
    """How far back from its end whole buckets cover a window."""
    return -(-window.width // width) * width


def computed(buckets: Buckets, window: Window, width: int, labels: Sequence[Labels]) -> Answer:
    """A function of buckets of this width, for each series at each time of the grid.

    Raises:
        Unsuited: It takes the samples to say.
    """
    function, ends = FUNCTIONS[window.function], window.grid.times
    if not function.heeds_stale:
        buckets = buckets.only(buckets.columns["samples"] > 0)
    values = np.empty((len(labels), len(ends)))
    present = np.empty(values.shape, np.bool_)
    edges = np.concatenate((ends - covered_width(window, width), ends))
    with np.errstate(all="ignore"):
        for rows in blocks_of(*values.shape):
            part = buckets.rows(rows)
            found = bounds(Samples(labels[rows], part.offsets, part.ends, np.empty(0)), edges)
            spans = Spans(part, found[:, : len(ends)], found[:, len(ends) :], ends, window.width)
            values[rows], present[rows] = function.kernel(spans)
    return values, present
