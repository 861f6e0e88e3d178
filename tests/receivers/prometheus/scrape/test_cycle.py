"""From bodies to requests: what a target exposes is what the request says, in all three formats, scrape after scrape."""

from __future__ import annotations

import math
import random
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as client_reads_openmetrics
from tests.receivers.prometheus.scrape.stage import STALE, decode, labels_in, value_or_word

from sonde.errors import UserError
from sonde.receivers.prometheus.exposition.protobuf import COUNTER, GAUGE, HISTOGRAM, LabelPair, MetricFamily
from sonde.receivers.prometheus.messages import Request
from sonde.receivers.prometheus.scrape.cycle import DAY_MILLI, Cycle, CycleRules, Report
from sonde.receivers.prometheus.scrape.series import SampleRules
from sonde.receivers.prometheus.write_check import check
from sonde.receivers.prometheus.write_labels import KnownLabels
from sonde.receivers.protobuf import varint
from sonde.telemetry.labels import METRIC_NAME, labels_of

NOW = 1_800_000_000_000
TARGET = (("instance", "api:80"), ("job", "api"))
TEXT, OPENMETRICS = "text/plain", "application/openmetrics-text; version=1.0.0"
PROTOBUF = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
OWN = {"up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling", "scrape_series_added"}  # fmt: skip


def scrape(cycle, body, milliseconds=NOW, content_type=TEXT):
    reading = cycle.read(content_type, body)
    batch = cycle.succeed(reading, milliseconds, Report(0.1), now_milli=milliseconds)
    cycle.delivered(batch)
    return batch


def exposed(body):
    """What a request says, without the scraper's own series and the target's labels."""
    return {
        tuple(pair for pair in labels if pair not in TARGET): samples
        for labels, samples in decode(body).items()
        if dict(labels)[METRIC_NAME] not in OWN
    }


names = st.from_regex(r"\A[a-z_]{1,6}\Z")
values = st.floats(width=64) | st.integers(-(10**9), 10**9).map(float)
times = st.none() | st.integers(NOW - 10**9, NOW + 500_000) | st.integers(-(10**12), 10**6)
series = st.tuples(
    names,
    st.dictionaries(
        st.sampled_from("abcde"), st.text(st.characters(codec="utf-8", exclude_characters='\r\n"\\'), max_size=5)
    ),
)


@st.composite
def bodies(draw):
    """Several bodies of one target: series come and go, values change, some say their times."""
    known = draw(st.lists(series, min_size=1, max_size=8, unique_by=lambda each: (each[0], labels_of(each[1]))))
    return [
        [
            (name, labels, draw(values), draw(times) if draw(st.booleans()) else None)
            for name, labels in known
            if draw(st.integers(0, 3))
        ]
        for _ in range(draw(st.integers(1, 4)))
    ]


def text_of(samples):
    lines = []
    for name, labels, value, time in samples:
        braces = ",".join(f'{key}="{text}"' for key, text in labels.items())
        number = "NaN" if math.isnan(value) else repr(value)
        lines.append(f"{name}{{{braces}}} {number}{'' if time is None else f' {time}'}\n")
    return "".join(lines).encode()


@settings(max_examples=60)
@given(bodies())
def test_what_is_exposed_is_what_is_stored(all_bodies):
    cycle = Cycle(TARGET, CycleRules())
    latest: dict = {}
    tracked: set = set()
    for number, samples in enumerate(all_bodies):
        now = NOW + number * 15_000
        expected = {}
        for name, labels, value, time in samples:
            key = labels_of({METRIC_NAME: name, **labels})
            if time is None or time > latest.get(key, -math.inf):
                expected[key] = [(now if time is None else time, value_or_word(value))]
            if time is not None:
                latest[key] = max(time, latest.get(key, time))
        here = {labels_of({METRIC_NAME: name, **labels}) for name, labels, _, time in samples if time is None}
        for key in tracked - here:
            expected[key] = [*expected.get(key, []), (now, STALE)]
        tracked = here
        assert exposed(scrape(cycle, text_of(samples), now).body) == expected


def test_a_scrape_like_the_last_only_has_other_values_and_times():
    registry = CollectorRegistry()
    latency = Histogram("latency_seconds", "Time.", ["path"], registry=registry)
    chance = random.Random(5)
    cycle = Cycle(TARGET, CycleRules())
    for number in range(4):
        for _ in range(20):
            latency.labels(chance.choice(["/", "/b"])).observe(chance.random())
        body = generate_latest(registry)
        batch = scrape(cycle, body, NOW + number)
        fresh = scrape(Cycle(TARGET, CycleRules()), body, NOW + number)
        assert exposed(batch.body) == exposed(fresh.body)
        assert batch.samples == fresh.samples


def test_openmetrics_brings_starts_exemplars_and_metadata():
    registry = CollectorRegistry()
    hits = Counter("hits", "Hits.", ["code"], registry=registry)
    hits.labels("200").inc(2, {"trace_id": "a" * 32})
    Gauge("size_bytes", "Size.", unit="bytes", registry=registry).set(5)
    body = generate_openmetrics(registry)
    [family] = [family for family in client_reads_openmetrics(body.decode()) if family.name == "hits"]
    [sample] = [sample for sample in family.samples if sample.name == "hits_total"]
    [created] = [sample for sample in family.samples if sample.name == "hits_created"]
    cycle = Cycle(TARGET, CycleRules())
    request = Request.FromString(scrape(cycle, body, content_type=OPENMETRICS).body)
    by_name = {}
    for each in request.timeseries:
        by_name.setdefault(dict(labels_in(request, each.labels_refs))[METRIC_NAME], []).append(each)
    counted, exemplars = by_name["hits_total"]
    assert counted.samples[0].value == 2
    assert counted.samples[0].start_timestamp == round(float(created.value) * 1000)
    [exemplar] = exemplars.exemplars
    assert labels_in(request, exemplar.labels_refs) == (("trace_id", "a" * 32),)
    assert (exemplar.value, exemplar.timestamp) == (2, round(float(sample.exemplar.timestamp) * 1000))
    about = counted.metadata
    assert (about.type, request.symbols[about.help_ref], request.symbols[about.unit_ref]) == (1, "Hits.", "")
    about = by_name["size_bytes"][0].metadata
    assert (about.type, request.symbols[about.help_ref], request.symbols[about.unit_ref]) == (2, "Size.", "bytes")
    # what is known needs not be said again: neither exemplars nor metadata
    again = Request.FromString(scrape(cycle, body, NOW + 15_000, OPENMETRICS).body)
    assert not any(each.exemplars or each.HasField("metadata") for each in again.timeseries)
    hits.labels("200").inc(1, {"trace_id": "b" * 32})
    newer = Request.FromString(scrape(cycle, generate_openmetrics(registry), NOW + 30_000, OPENMETRICS).body)
    assert [len(each.exemplars) for each in newer.timeseries if each.exemplars] == [1]
    # but on the next day
    tomorrow = Request.FromString(scrape(cycle, body, NOW + DAY_MILLI, OPENMETRICS).body)
    assert sum(each.HasField("metadata") for each in tomorrow.timeseries) == 2


def test_metadata_of_a_family_are_said_when_its_first_series_comes_or_they_change():
    cycle = Cycle(TARGET, CycleRules())

    def described(body):
        request = Request.FromString(scrape(cycle, body).body)
        return [request.symbols[each.metadata.help_ref] for each in request.timeseries if each.HasField("metadata")]

    assert described(b"# HELP a A.\n# TYPE a counter\n# HELP b B.\na 1\n") == ["A."]
    assert described(b"# HELP a A.\n# TYPE a counter\n# HELP b B.\na 1\nb 1\n") == ["B."]
    assert described(b"# HELP a A!\n# TYPE a counter\n# HELP b B.\na 1\nb 1\n") == ["A!"]


def a_histogram_family(counts, *, is_float=False):
    family = MetricFamily(name="latency", help="Time.", type=HISTOGRAM, unit="")
    metric = family.metric.add()
    histogram = metric.histogram
    histogram.schema, histogram.zero_threshold, histogram.sample_sum = 3, 1e-9, 1.5
    histogram.positive_span.add(offset=-2, length=len(counts))
    if is_float:
        histogram.sample_count_float = float(sum(counts))
        histogram.positive_count.extend(map(float, counts))
    else:
        histogram.sample_count = sum(counts)
        histogram.positive_delta.extend(np.diff([0, *counts]).tolist())
    for bound, count in ((0.5, counts[0]), (math.inf, sum(counts))):
        histogram.bucket.add(upper_bound=bound, cumulative_count=count)
    histogram.created_timestamp.seconds = 1_700_000_000
    exemplar = histogram.exemplars.add(value=0.4)
    exemplar.label.add(name="trace_id", value="c" * 32)
    exemplar.timestamp.seconds = 1_800_000_000
    return family


def delimited(*families):
    return b"".join(varint(len(raw)) + raw for raw in (family.SerializeToString() for family in families))


@pytest.mark.parametrize("is_float", [False, True])
def test_native_histograms_are_stored_as_such_and_end_as_such(is_float):
    cycle = Cycle(TARGET, CycleRules(native_histograms=True))
    batch = scrape(cycle, delimited(a_histogram_family([3, 1, 4], is_float=is_float)), content_type=PROTOBUF)
    checked = check(2, batch.body, KnownLabels())
    assert (checked.histograms, checked.exemplars, checked.rejected) == (1, 1, 0)
    request = Request.FromString(batch.body)
    [series] = [each for each in request.timeseries if each.histograms]
    assert labels_in(request, series.labels_refs) == (("__name__", "latency"), *TARGET)
    [histogram] = series.histograms
    assert (histogram.timestamp, histogram.start_timestamp, histogram.schema) == (NOW, 1_700_000_000_000, 3)
    assert histogram.WhichOneof("count") == ("count_float" if is_float else "count_int")
    assert list(histogram.positive_counts if is_float else histogram.positive_deltas) == (
        [3.0, 1.0, 4.0] if is_float else [3, -2, 3]
    )
    assert series.metadata.type == 3
    ended = Request.FromString(scrape(cycle, b"", NOW + 15_000).body)
    [marker] = [each.histograms[0] for each in ended.timeseries if each.histograms]
    assert value_or_word(marker.sum) == STALE
    assert struct.pack("<d", marker.sum).hex() == "020000000000f07f"


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (CycleRules(), {"latency_count", "latency_sum", "latency_bucket"}),
        (CycleRules(native_histograms=True), set()),
        (
            CycleRules(native_histograms=True, classic_histograms=True),
            {"latency_count", "latency_sum", "latency_bucket"},
        ),
    ],
)
def test_classic_buckets_are_stored_where_they_are_wanted(rules, expected):
    batch = scrape(Cycle(TARGET, rules), delimited(a_histogram_family([3, 1])), content_type=PROTOBUF)
    assert {dict(labels)[METRIC_NAME] for labels in exposed(batch.body)} == expected
    request = Request.FromString(batch.body)
    assert any(each.histograms for each in request.timeseries) is rules.native_histograms


def test_protobuf_says_the_same_as_text():
    hits = MetricFamily(name="hits_total", help="Hits.", type=COUNTER)
    size = MetricFamily(name="size", help="Size.", type=GAUGE)
    for code, count in (("200", 5.0), ("500", 1.0)):
        metric = hits.metric.add()
        metric.label.append(LabelPair(name="code", value=code).SerializeToString())
        metric.counter.value = count
    size.metric.add().gauge.value = math.nan
    text = b'# HELP hits_total Hits.\n# TYPE hits_total counter\nhits_total{code="200"} 5\nhits_total{code="500"} 1\nsize NaN\n'
    cycles = Cycle(TARGET, CycleRules()), Cycle(TARGET, CycleRules())
    for now in (NOW, NOW + 15_000):
        ours = scrape(cycles[0], delimited(hits, size), now, PROTOBUF).body
        assert exposed(ours) == exposed(scrape(cycles[1], text, now).body)


def test_a_target_that_changes_its_format_keeps_its_series():
    cycle = Cycle(TARGET, CycleRules())
    scrape(cycle, b"a 1\n")
    assert exposed(scrape(cycle, b"a 2\n# EOF\n", NOW + 1, OPENMETRICS).body) == {(("__name__", "a"),): [(NOW + 1, 2)]}


def test_a_target_that_says_other_series_each_time_is_not_remembered_for_ever():
    cycle = Cycle(TARGET, CycleRules())
    sizes = []
    for number in range(30):
        body = "".join(f'a{{id="{number}-{each}"}} 1\n' for each in range(200)).encode() + b"always 1\n"
        request = scrape(cycle, body, NOW + number)
        sizes.append(len(request.body))
        found = exposed(request.body)
        assert sum(samples == [(NOW + number, 1)] for samples in found.values()) == 201
        assert sum(samples == [(NOW + number, STALE)] for samples in found.values()) == (200 if number else 0)
    assert max(sizes[20:]) < 1.5 * max(sizes[:10])


def test_labels_that_are_long_and_repeated_are_spelled_out_for_the_store():
    long = "x" * 10_000
    body = "".join(f'a{{n="{number}",text="{long}"}} {number}\n' for number in range(100)).encode()
    batch = scrape(Cycle(TARGET, CycleRules()), body)
    assert len(batch.body) > 1_000_000
    assert len(check(1, batch.body, KnownLabels()).body) == len(batch.body)


def test_labels_that_the_store_cannot_have_fail_the_scrape():
    body = b'a{text="' + b"x" * 20_000 + b'"} 1\n'
    with pytest.raises(UserError, match="a cannot be stored: the value of the label 'text' has 20000 bytes"):
        Cycle(TARGET, CycleRules()).read(TEXT, body)


def test_names_are_checked_where_the_job_wants_old_ones():
    body = b'{"disk.free"} 1\n'
    with pytest.raises(UserError, match="invalid metric name or label names"):
        Cycle(TARGET, CycleRules(SampleRules(legacy_names=True))).read(TEXT, body)
    assert exposed(scrape(Cycle(TARGET, CycleRules()), body).body) == {(("__name__", "disk.free"),): [(NOW, 1)]}
