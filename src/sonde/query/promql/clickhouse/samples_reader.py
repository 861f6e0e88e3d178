"""The samples of selected series: numbers and native histograms out of the store's tables, as one ``Samples``.

Numbers arrive column by column, sorted as they lie in the table, and are moved once: into the order of the label sets.
Where a series has two samples of one time (a body that came twice, two writers) one of them counts, the same in every
query: a histogram before a number, a number before NaN, NaN before a stale marker, and of numbers the greatest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sonde.query.promql.clickhouse.selection import SelectedSeries
from sonde.query.promql.histogram.native import CounterReset, Histogram
from sonde.query.promql.series import (
    STALE_NAN_BITS,
    Booleans,
    Floats,
    Integers,
    Objects,
    Samples,
    holds_histogram,
    is_stale,
)
from sonde.query.sql import ast as sql
from sonde.store.native import Answer, Column

_STALE = np.array([STALE_NAN_BITS], np.int64).view(np.float64)[0]
_ORDER = tuple(sql.Order(sql.Column(name)) for name in ("tenant", "metric", "id", "ts"))
_NUMBERS = ("zero_threshold", "zero_count", "count", "sum")
_ARRAYS = ("positive.index", "positive.count", "negative.index", "negative.count", "custom_bounds")
_T = TypeVar("_T", bound=np.generic)


def numbers_of(where: sql.Expr, *, with_starts: bool) -> sql.Select:
    """The numbers that fulfil a condition, series by series."""
    names = ["id", "ts", "value", *(["start_ts"] if with_starts else [])]
    return sql.Select(tuple(map(sql.Column, names)), sql.Table("samples"), where, order_by=_ORDER)


def histograms_of(where: sql.Expr) -> sql.Select:
    """The native histograms that fulfil a condition, series by series."""
    reset = sql.Alias(sql.call("toInt8", sql.Column("counter_reset")), "reset")
    columns: tuple[sql.Expr, ...] = (*map(sql.Column, ("id", "ts", "start_ts", "schema", *_NUMBERS, *_ARRAYS)), reset)
    return sql.Select(columns, sql.Table("histograms"), where, order_by=_ORDER)


def samples_of(series: SelectedSeries, numbers: Answer, histograms: Answer) -> Samples:
    """Both answers as samples of those series that have some."""
    found = _in_order(series, numbers)
    if histograms.rows:
        found = _merged(found, _in_order(series, _with_objects(histograms)))
    found = _once(found)
    sizes = np.diff(found.offsets)
    kept = np.flatnonzero(sizes)
    return Samples(
        labels=[series.labels[row] for row in kept.tolist()],
        offsets=np.concatenate(([0], np.cumsum(sizes[kept]))),
        times=found.times,
        values=found.values,
        starts=found.starts if found.starts is not None and found.starts.any() else None,
        histograms=found.histograms,
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """As ``Samples``, with a range for every selected series, be it empty."""

    offsets: Integers
    times: Integers
    values: Floats
    starts: Integers | None
    histograms: Objects | None = None

    @property
    def rows(self) -> Integers:
        """The series of each sample."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))

    def only(self, chosen: Booleans) -> _Found:
        """Some of the samples."""
        before = np.concatenate(([0], np.cumsum(chosen)))
        return _Found(
            before[self.offsets],
            self.times[chosen],
            self.values[chosen],
            None if self.starts is None else self.starts[chosen],
            None if self.histograms is None else self.histograms[chosen],
        )


def _in_order(series: SelectedSeries, answer: Answer) -> _Found:
    """The samples in the order of the series. Each series is one run of the answer; strangers are left out."""
    ids = answer.numbers("id", np.uint64)
    begins = np.flatnonzero(np.append(True, ids[1:] != ids[:-1])[: len(ids)])
    ends = np.append(begins[1:], len(ids))[: len(begins)]
    rows = series.rows_of(ids[begins])
    order = np.argsort(rows, kind="stable")
    order = order[rows[order] >= 0]
    sizes = np.zeros(len(series.ids) + 1, np.int64)
    sizes[rows[order] + 1] = (ends - begins)[order]
    runs = list(zip(begins[order].tolist(), ends[order].tolist(), strict=True))
    has_starts = "start_ts" in answer.columns or not answer.rows
    return _Found(
        np.cumsum(sizes),
        _moved(answer.numbers("ts", np.int64), runs),
        _moved(answer.numbers("value", np.float64), runs),
        _moved(answer.numbers("start_ts", np.int64), runs) if has_starts else None,
        _moved(answer.columns["object"].values, runs) if "object" in answer.columns else None,
    )


def _moved(values: NDArray[_T], runs: Sequence[tuple[int, int]]) -> NDArray[_T]:
    if len(runs) == 1 and runs[0] == (0, len(values)):
        return values
    return np.concatenate([values[begin:end] for begin, end in runs]) if runs else values[:0]


def _with_objects(answer: Answer) -> Answer:
    """Histograms with what they have in common with numbers: a value, which is NaN or the stale marker."""
    stale = is_stale(answer.numbers("sum", np.float64))
    objects = _objects(answer)
    objects[stale] = None
    columns = {"value": Column(np.where(stale, _STALE, np.nan)), "object": Column(objects)}
    return Answer({**answer.columns, **columns}, answer.rows)


def _objects(answer: Answer) -> Objects:
    """A ``Histogram`` for each row."""
    plain = {name: answer.numbers(name, np.float64).tolist() for name in _NUMBERS}
    schemas = answer.numbers("schema", np.int8).tolist()
    resets = answer.numbers("reset", np.int8).tolist()
    positive_index, negative_index = (answer.arrays(f"{side}.index", np.int64) for side in ("positive", "negative"))
    positive_count, negative_count = (answer.arrays(f"{side}.count", np.float64) for side in ("positive", "negative"))
    custom_bounds = answer.arrays("custom_bounds", np.float64)
    objects = np.empty(answer.rows, np.object_)
    for row in range(answer.rows):
        objects[row] = Histogram(
            schema=schemas[row],
            zero_threshold=plain["zero_threshold"][row],
            zero_count=plain["zero_count"][row],
            count=plain["count"][row],
            sum=plain["sum"][row],
            positive_index=positive_index[row],
            positive_count=positive_count[row],
            negative_index=negative_index[row],
            negative_count=negative_count[row],
            custom_bounds=custom_bounds[row],
            reset=CounterReset(resets[row]),
        )
    return objects


def _merged(floats: _Found, natives: _Found) -> _Found:
    """Numbers and histograms by series and time."""
    rows = np.concatenate((floats.rows, natives.rows))
    times = np.concatenate((floats.times, natives.times))
    order = np.lexsort((times, rows))
    starts = None
    if floats.starts is not None and natives.starts is not None:
        starts = np.concatenate((floats.starts, natives.starts))[order]
    histograms = [
        np.full(len(found.times), None, np.object_) if found.histograms is None else found.histograms
        for found in (floats, natives)
    ]
    return _Found(
        floats.offsets + natives.offsets,
        times[order],
        np.concatenate((floats.values, natives.values))[order],
        starts,
        np.concatenate(histograms)[order],
    )


def _once(found: _Found) -> _Found:
    """Of the samples of one series and time, the one that counts."""
    again = np.zeros(len(found.times), np.bool_)
    again[1:] = found.times[1:] == found.times[:-1]
    again[found.offsets[:-1][found.offsets[:-1] < len(again)]] = False
    if not again.any():
        return found
    return found.only(_counting(again, found.values, found.histograms))


def once(keys: Integers, values: Floats, starts: Integers | None) -> tuple[Integers, Floats, Integers | None]:
    """Numbers in the order of their keys; of those of one key, the one that counts."""
    again = np.zeros(len(keys), np.bool_)
    again[1:] = keys[1:] == keys[:-1]
    if not again.any():
        return keys, values, starts
    kept = _counting(again, values, None)
    return keys[kept], values[kept], None if starts is None else starts[kept]


def _counting(again: Booleans, values: Floats, histograms: Objects | None) -> Booleans:
    """Which samples count, where some are of the same series and time as the one before."""
    rivals = again.copy()
    rivals[:-1] |= again[1:]
    group, rival_values = np.cumsum(~again)[rivals], values[rivals]
    rank = np.where(np.isnan(rival_values), np.where(is_stale(rival_values), 0, 1), 2)
    if histograms is not None:
        rank[holds_histogram(histograms[rivals])] = 3
    order = np.lexsort((np.nan_to_num(rival_values, nan=0.0, posinf=np.inf, neginf=-np.inf), rank, group))
    is_last = np.append(group[order][1:] != group[order][:-1], True)
    kept: Booleans = ~rivals
    kept[np.flatnonzero(rivals)[order[is_last]]] = True
    return kept
