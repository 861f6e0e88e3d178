"""Native histograms as Prometheus' messages have them: for remote read, and for what rules write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from sonde.query.promql.histogram.native import Histogram
from sonde.query.promql.series import Integers
from sonde.receivers.prometheus.messages import Histogram as WireHistogram


def wire_histogram(histogram: Histogram, time: int) -> Any:
    """A native histogram of floats as ``messages.Histogram``."""
    written = WireHistogram(
        count_float=histogram.count,
        sum=histogram.sum,
        schema=histogram.schema,
        zero_threshold=histogram.zero_threshold,
        zero_count_float=histogram.zero_count,
        reset_hint=int(histogram.reset),
        timestamp=time,
        custom_values=histogram.custom_bounds.tolist(),
        positive_counts=histogram.positive_count.tolist(),
        negative_counts=histogram.negative_count.tolist(),
    )
    for spans, index in (
        (written.positive_spans, histogram.positive_index),
        (written.negative_spans, histogram.negative_index),
    ):
        for offset, length in spans_of(index):
            spans.add(offset=offset, length=length)
    return written


def spans_of(index: Integers) -> Iterator[tuple[int, int]]:
    """Runs of neighbouring buckets: how far each begins behind the one before, and how long it is.

    >>> list(spans_of(np.array([-2, -1, 5])))
    [(-2, 2), (5, 1)]
    """
    starts = np.flatnonzero(np.diff(index, prepend=index[:1] - 2) != 1)
    ends = np.append(starts[1:], len(index))[: len(starts)]
    behind = 0
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        first = int(index[start])
        yield first - behind, end - start
        behind = first + end - start
