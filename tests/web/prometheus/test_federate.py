"""The text that another Prometheus scrapes."""

from __future__ import annotations

import httpx
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from sonde.query.promql.histogram.native import Histogram
from sonde.query.promql.series import STALE_NAN_BITS, Samples
from sonde.web.prometheus.federate import Sample, exposition, newest

STALE = np.array([STALE_NAN_BITS]).view(np.float64)[0]
CUSTOM = Histogram.of(schema=-53, count=6, sum=7.5, positive=([0, 2], [1, 5]), custom_bounds=[0.5, 1])


def metric(name: str, **labels: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted({"__name__": name, **labels}.items()))


@pytest.mark.parametrize(
    ("sample", "lines"),
    [
        ((metric("up", instance="a"), 1000, 1.0, None), ["# TYPE up untyped", 'up{instance="a"} 1 1000']),
        ((metric("up"), 1000, 1e6, None), ["# TYPE up untyped", 'up{instance=""} 1e+06 1000']),
        (
            (metric("up", a='\\ "\n'), 1, float("nan"), None),
            ["# TYPE up untyped", 'up{a="\\\\ \\"\\n",instance=""} NaN 1'],
        ),
        (
            (metric("http.requests", **{"k8s.pod": "p"}), 1, 0.5, None),
            ['# TYPE "http.requests" untyped', '{"http.requests","k8s.pod"="p",instance=""} 0.5 1'],
        ),
        (
            (metric("h", le_x="1"), 7, float("nan"), CUSTOM),
            [
                "# TYPE h histogram",
                'h_bucket{le_x="1",instance="",le="0.5"} 1 7',
                'h_bucket{le_x="1",instance="",le="1"} 1 7',
                'h_bucket{le_x="1",instance="",le="+Inf"} 6 7',
                'h_sum{le_x="1",instance=""} 7.5 7',
                'h_count{le_x="1",instance=""} 6 7',
            ],
        ),
        ((metric("native"), 7, float("nan"), Histogram.of(count=1)), []),
        (((("job", "nameless"),), 7, 1.0, None), []),
    ],
)
def test_a_sample_is_written_in_the_text_format(sample: Sample, lines: list[str]) -> None:
    assert "".join(exposition([sample], allows_utf8=True)).splitlines() == lines


def test_names_are_escaped_for_those_who_do_not_read_utf8() -> None:
    samples = [(metric("2.http:x", **{"a:b": "v"}), 1, 1.0, None)]

    assert "".join(exposition(samples, allows_utf8=False)).splitlines() == [
        "# TYPE __http:x untyped",
        '__http:x{a_b="v",instance=""} 1 1',
    ]


def test_each_name_is_typed_once() -> None:
    samples = [(metric("a", n="1"), 1, 1.0, None), (metric("a", n="2"), 1, 2.0, None), (metric("b"), 1, 1.0, None)]

    assert "".join(exposition(samples, allows_utf8=True)).count("# TYPE") == 2


def test_the_newest_sample_counts_unless_it_is_stale() -> None:
    samples = Samples(
        labels=[metric("a"), metric("empty"), metric("gone"), metric("h"), metric("h_gone")],
        offsets=np.array([0, 2, 2, 4, 5, 6]),
        times=np.array([1, 2, 1, 2, 3, 4]),
        values=np.array([1.0, 2.0, 1.0, STALE, np.nan, np.nan]),
        histograms=np.array([None, None, None, None, CUSTOM, Histogram.of(sum=STALE)], dtype=object),
    )

    assert [(labels[0][1], time, value) for labels, time, value, _ in newest(samples)][:1] == [("a", 2, 2.0)]
    assert [labels[0][1] for labels, *_ in newest(samples)] == ["a", "h"]


async def test_a_genuine_parser_reads_what_is_federated(http: httpx.AsyncClient, metrics: None) -> None:
    answer = await http.get("/prometheus/federate", params={"match[]": ['{job=~".+"}', "odd"]})
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}

    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
    assert set(families) == {"classic", "odd", "requests_total"}
    assert [(sample.labels["job"], sample.value) for sample in families["requests_total"].samples] == [
        ("api", 300.0),
        ("web", 2.5),
    ]
    assert [sample.labels["a"] for sample in families["odd"].samples] == ['<"\\\n>&']
    assert families["classic"].type == "histogram"
