"""An expression for some label values alone says of them what the whole expression says."""

from __future__ import annotations

import itertools

import pytest

from sonde.errors import LimitExceeded
from sonde.notify.context.graph import Graphs, Outline
from sonde.notify.context.narrow import labels_to_ask, narrowed
from sonde.notify.context.ranges import PromQLRanges
from sonde.query.promql.memory_storage import MemoryStorage
from sonde.query.promql.parser import parse
from sonde.query.promql.printer import to_text
from sonde.telemetry.labels import labels_of

NOW = 1_700_000_000_000
JOBS, INSTANCES, CODES = ("shop", "web"), ("a", "b"), ("200", "500")


@pytest.fixture(scope="module")
def storage():
    series = MemoryStorage()
    for number, (job, instance, code) in enumerate(itertools.product(JOBS, INSTANCES, CODES)):
        for ago in range(10):
            at, labels = NOW - ago * 60_000, {"job": job, "instance": instance}
            series.put(labels_of({"__name__": "hits", "code": code, **labels}), at, (10 - ago) * (number + 1.0))
            series.put(labels_of({"__name__": "up", **labels}), at, float(number % 3))
            series.put(labels_of({"__name__": "owner", "job": job, "team": f"team-{job}"}), at, 1.0)
            for le in ("1", "+Inf"):
                series.put(labels_of({"__name__": "h_bucket", "le": le, **labels}), at, (10.0 - ago) * len(le))
    return series


@pytest.mark.parametrize("own", [{"job": "shop"}, {"job": "web", "instance": "a"}, {"job": "nobody"}])
@pytest.mark.parametrize(
    "expression",
    [
        "up",
        "-up",
        "up * 2 > 1",
        "rate(hits[5m])",
        "max_over_time(up[5m:1m])",
        "sum by (job) (hits)",
        "sum by (job, instance) (hits)",
        "sum without (code) (hits)",
        "avg by (job, instance) (rate(hits[5m]))",
        "topk by (job) (1, hits)",
        "topk(3, up)",
        'count_values("job", up)',
        "sum by (job) (hits) / sum by (job) (up)",
        'hits{code="500"} / ignoring (code) sum without (code) (hits)',
        "hits / on (job, instance) group_left () up",
        "up * on (job) group_left (team) owner",
        "owner * on (job) group_right (team) up",
        "sum by (job) (hits) / on () group_left () sum(hits)",
        "up and on (job) owner",
        "up unless on (instance) up{job='shop'}",
        "up or owner",
        "up or on (instance) owner",
        "histogram_quantile(0.9, sum by (job, instance, le) (rate(h_bucket[5m])))",
        "histogram_quantile(0.9, rate(h_bucket[5m]))",
        'label_replace(up, "zone", "x", "instance", "a")',
        'label_replace(sum by (job) (up), "instance", "a", "job", ".*")',
        "scalar(sum(up)) + up",
        "vector(1)",
        "absent(up{job='shop'})",
        "sum(hits)",
        "clamp_max(up, 1) + (up)",
        "up == bool 1",
    ],
)
async def test_what_is_asked_of_some_is_what_all_would_have_said_of_them(storage, expression, own):
    ranges = PromQLRanges(lambda _tenant, _limits: storage)
    expr = parse(expression)
    whole, part = [
        await ranges.evaluate("default", each, start=NOW - 120_000, end=NOW, step=60_000) for each in (expr, narrowed(expr, own))
    ]  # fmt: skip

    def seen(vector):
        return {
            labels: [value if there else None for value, there in zip(values, present, strict=True)]
            for labels, values, present in zip(
                vector.labels, vector.values.tolist(), vector.present.tolist(), strict=True
            )
            if any(present) and all(dict(labels).get(name) == value for name, value in own.items())
        }

    assert str(seen(part)) == str(seen(whole))  # as text, as NaN is not itself


@pytest.mark.parametrize(
    ("expression", "asked"),
    [
        ("sum by (job) (errors) / sum by (job) (requests)", {"job": "shop"}),
        ("sum by (job, queue) (depth) * 2", {"job": "shop", "queue": "mail"}),
        ("2 * sum by (queue) (depth)", {"queue": "mail"}),
        ("up", {"instance": "a", "job": "shop"}),
        ("sum without (pod) (depth)", {"instance": "a", "job": "shop"}),
        ("histogram_quantile(0.9, sum by (job, le) (h))", {"job": "shop"}),
        ("sum by (job) (a) or sum by (queue) (b)", {}),
        ("sum(depth)", {}),
        ("absent(up)", {}),
    ],
)
def test_labels_that_a_rule_may_have_added_are_not_asked_for(expression, asked):
    alert = labels_of({"alertname": "X", "severity": "page", "job": "shop", "instance": "a", "queue": "mail"})
    assert labels_to_ask(parse(expression), alert) == asked


async def test_a_graph_reads_the_alerts_series_alone_where_all_are_too_many():
    asked = []

    class Ranges(PromQLRanges):
        async def evaluate(self, tenant, expr, *, series=0, **times):
            asked.append(to_text(expr))
            if len(asked) == 1:
                raise LimitExceeded("too many series")
            return await super().evaluate(tenant, expr, series=series, **times)

    alerts = (labels_of({"alertname": "Down", "job": "shop"}),)
    graphs = Graphs(Ranges(lambda _tenant, _limits: MemoryStorage()))
    await graphs.png(Outline("default", "Down", "sum by (job) (up)", NOW, alerts=alerts))
    assert asked == ["sum by (job) (up)", 'sum by (job) (up{job="shop"})']
