"""The warnings and infos of an evaluation: their texts, which are Prometheus', and where in the query they belong."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

from sonde.query.promql.ast import Node
from sonde.query.promql.number import go_float
from sonde.query.promql.series import Annotations
from sonde.telemetry.quoting import quote


def position(text: str, offset: int) -> str:
    r"""Line and column of a byte of a query, both from 1.

    >>> position("sum(\n  up)", 7), position("", 4)
    ('2:3', '1:5')
    """
    before = text.encode()[:offset] if text else b""
    if not text:
        return f"1:{offset + 1}"
    line = before.count(b"\n")
    column = offset - (before.rfind(b"\n") + 1)
    return f"{line + 1}:{column + 1}"


def named(text: str, metric: str) -> str:
    """A text with the metric's name behind it, if there is one."""
    return f"{text} for metric name {quote(metric)}" if metric else text


@dataclass(slots=True)
class _Fix:
    """What had to be mended in the buckets of a classic histogram, over all times."""

    lowest: float
    highest: float
    difference: float
    samples: int
    earliest: int
    latest: int


@dataclass(slots=True)
class Notes:
    """Collects the annotations of one evaluation."""

    text: str
    """The query."""
    annotations: Annotations = field(default_factory=Annotations)
    _fixes: dict[tuple[str, int], _Fix] = field(default_factory=dict)

    def warn(self, text: str, node: Node) -> None:
        """Add a warning about a part of the query."""
        self.annotations.warn(f"PromQL warning: {text} ({position(self.text, node.span[0])})")

    def inform(self, text: str, node: Node) -> None:
        """Add an info about a part of the query."""
        self.annotations.inform(f"PromQL info: {text} ({position(self.text, node.span[0])})")

    def invalid_quantile(self, quantile: float, node: Node) -> None:
        """A quantile below 0, above 1 or NaN."""
        self.warn(f"quantile value should be between 0 and 1, got {go_float(quantile)}", node)

    def invalid_ratio(self, ratio: float, capped: float, node: Node) -> None:
        """A ratio of ``limit_ratio`` below -1 or above 1."""
        capping = f"got {go_float(ratio)}, capping to {go_float(capped)}"
        self.warn(f"ratio value should be between -1 and 1, {capping}", node)

    def bad_bucket_label(self, metric: str, label: str, node: Node) -> None:
        """A bucket of a classic histogram without an upper bound."""
        text = f'bucket label "le" is missing or has a malformed value of {quote(label)}'
        self.warn(named(text, metric), node)

    def mixed_floats_histograms(self, metric: str, node: Node) -> None:
        """Floats and histograms in one range."""
        self.warn(f"encountered a mix of histograms and floats for metric name {quote(metric)}", node)

    def mixed_aggregation(self, node: Node) -> None:
        """Floats and histograms in one group."""
        self.warn("encountered a mix of histograms and floats for aggregation", node)

    def mixed_classic_native(self, metric: str, node: Node) -> None:
        """A classic and a native histogram of one name and labels."""
        self.warn(named("vector contains a mix of classic and native histograms", metric), node)

    def mixed_buckets(self, metric: str, node: Node) -> None:
        """Exponential and custom buckets that would have to be combined."""
        text = "vector contains a mix of histograms with exponential and custom buckets schemas for metric name"
        self.warn(f"{text} {quote(metric)}", node)

    def not_a_counter(self, metric: str, node: Node) -> None:
        """A gauge histogram where a counter is needed."""
        self.warn(f"this native histogram metric is not a counter: {quote(metric)}", node)

    def not_a_gauge(self, metric: str, node: Node) -> None:
        """A counter histogram where a gauge is needed."""
        self.warn(f"this native histogram metric is not a gauge: {quote(metric)}", node)

    def start_time_overlap(self, metric: str, node: Node) -> None:
        """A counter that started before its previous sample, which it does not continue."""
        text = "sample has start time that overlaps with previous sample timestamp for metric"
        self.warn(f"{text} {quote(metric)}", node)

    def incompatible_layout(self, operator: str, node: Node) -> None:
        """Two histograms that an operator cannot combine."""
        self.warn(f"incompatible bucket layout encountered for binary operator {operator}", node)

    def reset_collision(self, operation: str, node: Node) -> None:
        """A histogram that says it was reset beside one that says it was not."""
        self.warn(f"conflicting counter resets during histogram {operation}", node)

    def reconciled(self, operation: str, node: Node) -> None:
        """Custom buckets that differed were brought to their common bounds."""
        self.inform(f"mismatched custom buckets were reconciled during {operation}", node)

    def possible_non_counter(self, metric: str, type_label: str, node: Node) -> None:
        """A rate of something whose name, or type where that is a label, is not a counter's."""
        if type_label:
            text = 'metric might not be a counter, __type__ label is not set to "counter" or "histogram"'
            self.inform(f"{text}, got {quote(type_label)}: {quote(metric)}", node)
        else:
            text = "metric might not be a counter, name does not end in _total/_sum/_count/_bucket:"
            self.inform(f"{text} {quote(metric)}", node)

    def incompatible_types(self, left: str, operator: str, right: str, node: Node) -> None:
        """A float and a histogram where that makes no sense."""
        text = f"incompatible sample types encountered for binary operator {quote(operator)}"
        self.inform(f"{text}: {left} {operator} {right}", node)

    def ignored_in_aggregation(self, operator: str, node: Node) -> None:
        """A histogram in an aggregation of floats."""
        self.inform(f"ignored histogram in {operator} aggregation", node)

    def ignored_in_range(self, metric: str, node: Node) -> None:
        """Histograms in a range with floats, which alone were looked at."""
        text = "ignored histograms in a range containing both floats and histograms for metric name"
        self.inform(f"{text} {quote(metric)}", node)

    def nan_observations(self, function: str, effect: str, metric: str, node: Node) -> None:
        """A histogram with observations of NaN."""
        self.inform(named(f"input to {function} has NaN observations, {effect}", metric), node)

    def forced_monotonic(
        self, metric: str, node: Node, bounds: tuple[float, float], difference: float, times: Sequence[int]
    ) -> None:
        """Buckets that counted less than a smaller one; the texts of one metric become one in ``finish``."""
        fix = self._fixes.setdefault((metric, node.span[0]), _Fix(bounds[0], bounds[1], 0.0, 0, times[0], times[0]))
        fix.lowest = min(fix.lowest, bounds[0])
        fix.highest = max(fix.highest, bounds[1])
        fix.difference = max(fix.difference, difference)
        fix.samples += len(times)
        fix.earliest = min(fix.earliest, *times)
        fix.latest = max(fix.latest, *times)

    def finish(self) -> Annotations:
        """All annotations."""
        guide = "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile"
        for (metric, offset), fix in self._fixes.items():
            text = named(f"input to histogram_quantile needed to be fixed for monotonicity (see {guide})", metric)
            self.annotations.inform(
                f"PromQL info: {text}, from buckets {go_float(fix.lowest)} to {go_float(fix.highest)}, with a max diff"
                f" of {fix.difference:.2g}, over {fix.samples} samples from {_rfc3339(fix.earliest)}"
                f" to {_rfc3339(fix.latest)} ({position(self.text, offset)})"
            )
        self._fixes.clear()
        return self.annotations


def _rfc3339(milliseconds: int) -> str:
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=milliseconds // 1000)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
