"""The readers of the text formats: against prometheus-client's own parsers, and error by error."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Enum, Gauge, Histogram, Info, Summary
from prometheus_client import openmetrics as client_openmetrics
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as client_reads_openmetrics
from prometheus_client.parser import text_string_to_metric_families as client_reads_text

from sonde.errors import UserError
from sonde.receivers.prometheus.exposition.reading import NAN_BITS, NO_TIME, Exemplar
from sonde.receivers.prometheus.exposition.text import TextReader
from sonde.telemetry.labels import METRIC_NAME, labels_of

assert client_openmetrics  # the package that the parser belongs to


def text_reader():
    return TextReader(lambda labels: labels_of(dict(labels)))


def openmetrics_reader():
    return TextReader(lambda labels: labels_of(dict(labels)), openmetrics=True)


def samples(reading):
    """As rows that compare: NaN is written as a word."""
    times = reading.times.tolist() if reading.times is not None else [NO_TIME] * len(reading.rows)
    values = ["NaN" if math.isnan(value) else value for value in reading.values.tolist()]
    return [
        (row, value, None if time == NO_TIME else time)
        for row, value, time in zip(reading.rows, values, times, strict=True)
    ]


def to_milliseconds(seconds):
    return round(float(seconds) * 1000)


def client_samples(families):
    return [
        (
            labels_of({METRIC_NAME: sample.name, **sample.labels}),
            "NaN" if math.isnan(sample.value) else sample.value,
            None if sample.timestamp is None else to_milliseconds(sample.timestamp),
        )
        for family in families
        for sample in family.samples
    ]


def a_registry(seed=1):
    """What a service says: every type of metric, labels with all that needs escapes."""
    chance = random.Random(seed)
    registry = CollectorRegistry()
    requests = Counter("http_requests", "Requests.", ["path", "code"], registry=registry)
    for path in ("/", "/a b", 'C:\\dir "x"\n', "ünïcode", "{weird}=,#"):
        for code in ("200", "500"):
            requests.labels(path, code).inc(chance.randrange(1000))
    latency = Histogram("latency_seconds", "How long\nit took \\ back.", ["path"], registry=registry)
    for _ in range(50):
        latency.labels(chance.choice(["/", "/b"])).observe(
            chance.expovariate(3), {"trace_id": f"{chance.getrandbits(128):032x}"}
        )
    Summary("size_bytes", "Sizes.", registry=registry).observe(chance.random())
    Gauge("temperature", "Now.", registry=registry).set(chance.choice([math.nan, math.inf, -math.inf, -1.5e-9, 3]))
    Info("build", "What runs.", registry=registry).info({"version": "1.2.3"})
    Enum("state", "State.", states=["on", "off"], registry=registry).state("on")
    return registry


def test_the_text_format_is_read_as_prometheus_client_reads_it():
    body = generate_latest(a_registry())
    reading = text_reader().read(body)
    expected = client_samples(client_reads_text(body.decode()))
    assert sorted(map(repr, samples(reading))) == sorted(map(repr, expected))
    assert reading.metadata["latency_seconds"] == ("histogram", "How long\nit took \\ back.", "")
    assert reading.metadata["http_requests_total"].type == "counter"


def test_openmetrics_is_read_as_prometheus_client_reads_it_with_exemplars_and_starts():
    body = generate_openmetrics(a_registry())
    reading = openmetrics_reader().read(body)
    families = list(client_reads_openmetrics(body.decode()))
    assert samples(reading) == client_samples(families)
    theirs = [sample for family in families for sample in family.samples]
    for row, sample in enumerate(theirs):
        mine = reading.exemplars.get(row, (None,))[0]
        if sample.exemplar is None:
            assert mine is None
        else:
            assert mine == Exemplar(
                labels_of(sample.exemplar.labels), sample.exemplar.value, to_milliseconds(sample.exemplar.timestamp)
            )
    assert any(reading.exemplars)
    created = {
        labels: value for labels, value, _ in samples(reading) if dict(labels)[METRIC_NAME] == "latency_seconds_created"
    }
    for row, labels in enumerate(reading.rows):
        parts = dict(labels)
        if parts[METRIC_NAME] in {"latency_seconds_bucket", "latency_seconds_count", "latency_seconds_sum"}:
            began = created[labels_of({METRIC_NAME: "latency_seconds_created", "path": parts["path"]})]
            assert reading.starts[row] == to_milliseconds(began)
    assert reading.metadata["http_requests"] == ("counter", "Requests.", "")


def test_openmetrics_units_belong_to_the_metadata():
    reading = openmetrics_reader().read(
        b"# TYPE a_seconds gauge\n# UNIT a_seconds seconds\n# HELP a_seconds x\na_seconds 1\n# EOF\n"
    )
    assert reading.metadata == {"a_seconds": ("gauge", "x", "seconds")}


names = st.from_regex(r"\A[a-zA-Z_:][a-zA-Z0-9_:]{0,8}\Z")
label_names = st.from_regex(r"\A[a-zA-Z_][a-zA-Z0-9_]{0,6}\Z").filter(
    lambda name: name not in {"__name__", "le", "quantile"}
)
label_values = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"), max_size=8
)
numbers = st.floats() | st.integers(-(10**6), 10**6).map(float)


def escaped(value):
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def line_of(name, labels, value, time=None):
    inside = ",".join(f'{key}="{escaped(text)}"' for key, text in labels.items())
    number = {math.inf: "+Inf", -math.inf: "-Inf"}.get(value, "NaN" if math.isnan(value) else repr(value))
    return f"{name}{{{inside}}} {number}" if labels else f"{name} {number}" + ("" if time is None else f" {time}")


lines = st.lists(
    st.tuples(
        names, st.dictionaries(label_names, label_values, max_size=3), numbers, st.none() | st.integers(0, 2**41)
    ),
    max_size=6,
)


@settings(deadline=None, max_examples=100)
@given(lines, st.randoms())
def test_any_lines_are_read_as_prometheus_client_reads_them_cold_and_warm(drawn, chance):
    def body_of(rows):
        return "".join(line_of(*row) + "\n" for row in rows)

    reader = text_reader()
    for _ in range(3):
        body = body_of(drawn)
        expected = client_samples(client_reads_text(body))
        assert sorted(map(repr, samples(reader.read(body.encode())))) == sorted(map(repr, expected))
        drawn = [
            (name, labels, chance.choice([value, 1.0, 2.5, math.nan]), time) for name, labels, value, time in drawn
        ]


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_reader_that_has_seen_other_bodies_reads_what_a_new_one_reads(data):
    pool = data.draw(
        st.lists(
            st.tuples(names, st.dictionaries(label_names, label_values, max_size=2)),
            min_size=1,
            max_size=5,
            unique_by=repr,
        )
    )
    old = text_reader()
    for _ in range(4):
        chosen = data.draw(st.lists(st.sampled_from(pool), max_size=6))
        times = st.none() | st.integers(0, 2**41)
        body = "".join(line_of(*series, data.draw(numbers), data.draw(times)) + "\n" for series in chosen).encode()
        assert samples(old.read(body)) == samples(text_reader().read(body))


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=60) | st.text('ab1_{}",= \n\\#.eHELPTY+', max_size=40).map(str.encode), st.booleans())
def test_whatever_comes_is_read_or_refused_with_a_place(body, strict):
    reader = openmetrics_reader() if strict else text_reader()
    for _ in range(2):
        error = None
        try:
            reader.read(b"a 1\n" + body)
        except UserError as refused:
            error = refused
        assert error is None or error.position is not None


def test_a_body_with_the_same_series_gives_the_same_rows_and_only_new_values():
    reader = text_reader()
    first = reader.read(b'# HELP a b\na{b="c"} 1\nd 2\n\n')
    second = reader.read(b'# HELP a b\na{b="c"} 1.5\nd 2\n\n')
    assert second.rows is first.rows
    assert second.metadata is first.metadata
    assert (first.values.tolist(), second.values.tolist()) == ([1, 2], [1.5, 2])


def test_a_series_is_resolved_once_as_long_as_it_is_said():
    asked = []
    reader = TextReader(asked.append)
    for body in (b"a 1\nb 1\n", b"a 2\nb 2\n", b"b 3\na 3 1700000000000\nc 1\n", b"c 1\n", b"a 1\n"):
        reader.read(body)
    assert [dict(labels)[METRIC_NAME] for labels in asked] == ["a", "b", "c", "a"]


@pytest.mark.parametrize(
    "second",
    [b"b 1\n", b"a 1\na 2\n", b'a{x="1"} 1\n', b"a 1 5\n", b"a  7\n", b"a\t7\n", b"# a\na 1\n", b" a 1\n", b"aa 1\n"],
)
def test_a_line_that_is_otherwise_written_is_not_taken_for_the_last_one(second):
    reader = text_reader()
    reader.read(b"a 1\n")
    assert samples(reader.read(second)) == samples(text_reader().read(second))


@pytest.mark.parametrize("line", [b"nan", b"inf", b"infinity", b"e5", b"+5", b"5"])
def test_a_line_without_a_value_is_never_a_value(line):
    reader = text_reader()
    reader.read(b"a 1\n")
    with pytest.raises(UserError):
        reader.read(line + b"\n")


def test_every_nan_is_the_same_nan():
    values = text_reader().read(b"a NaN\nb nan\n").values
    assert values.view(np.uint64).tolist() == [NAN_BITS, NAN_BITS]


def test_bounds_are_written_as_openmetrics_writes_them():
    body = (
        b'# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="0.50"} 1\nh_bucket{le="1e6"} 2\nh_bucket{le="+Inf"} 3\n'
        b'# TYPE s summary\ns{quantile="0"} 1\n# TYPE g gauge\ng{le="1"} 1\n'
    )
    found = [dict(row).get("le", dict(row).get("quantile")) for row in text_reader().read(body).rows]
    assert found == ["1.0", "0.5", "1e+06", "+Inf", "0.0", "1"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"a", "1:2: expected a value behind the series, found nothing"),
        (b"a 1\nb x\n", "2:3: expected a value, found 'x'"),
        (b"a 1_0\n", "1:3: expected a value, found '1_0'"),
        (b"a 0x10\n", "1:3: expected a value, found '0x10'"),
        (b"a 1 2 3\n", "1:7: expected a time or the end of the line, found '3'"),
        (b"a 1 2.5\n", "1:5: expected a whole number of milliseconds since 1970, found '2.5'"),
        (b'a{b="c} 1\n', "1:5: expected a label value in double quotes, with an end, found '\"c} 1'"),
        (b'a{b="c" 1\n', "1:9: expected a label name or '}', found '1'"),
        (b"a{b=c} 1\n", "1:5: expected a label value in double quotes, found 'c} 1'"),
        (b"a{b} 1\n", "1:4: expected '=', found '} 1'"),
        (b'a{b="1",b="2"} 1\n', "1:1: the series has the label 'b' twice"),
        (b'a{b="\xff"} 1\n', "1:1: a label value is not UTF-8"),
        (b'{b="1"} 1\n', "1:1: the series has no name"),
        (b'a{"b"} 1\n', "1:6: expected '=', found '} 1'"),
        (b'{"a","b"} 1\n', "1:6: the series has a name already: 'a'"),
        (b"1a 5\n", "1:1: expected the name of a metric, found '1a 5'"),
        (b"# TYPE a thing\n", "1:10: 'thing' is not a type of metrics"),
        (b"# HELP 5 x\n", "1:1: expected the name of a metric behind HELP or TYPE"),
    ],
)  # fmt: skip
def test_the_text_format_says_where_and_what_is_wrong(body, message):
    with pytest.raises(UserError) as error:
        text_reader().read(body)
    assert str(error.value) == f"{message} [exposition.syntax]"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"a 1\n", "2:1: the body does not end with # EOF; it may be cut short"),
        (b"a 1\n# EOF\nb 1\n", "3:1: something follows # EOF"),
        (b"a 1\n\n# EOF\n", "2:1: expected HELP, TYPE, UNIT or EOF behind '# ', found ''"),
        (b"# hello\n# EOF\n", "1:1: expected HELP, TYPE, UNIT or EOF behind '# ', found '# hello'"),
        (b"# TYPE a untyped\n# EOF\n", "1:10: 'untyped' is not a type of metrics"),
        (b"# UNIT a seconds\n# EOF\n", "1:10: the name 'a' does not end with the unit 'seconds'"),
        (b'a{b="1" c="2"} 1\n# EOF\n', "1:8: expected ',' or '}', found ' c=\"2\"} 1'"),
        (b"a  1\n# EOF\n", "1:2: expected a value behind the series, found '  1'"),
        (b"a 1 x\n# EOF\n", "1:5: expected seconds since 1970, found 'x'"),
        (b'a 1 # {b="c"}\n# EOF\n', "1:14: expected the value of an exemplar and at most a time, found nothing"),
        (b'a 1 # {b="c" 5\n# EOF\n', "1:13: expected ',' or '}', found ' 5'"),
    ],
)
def test_openmetrics_says_where_and_what_is_wrong(body, message):
    with pytest.raises(UserError) as error:
        openmetrics_reader().read(body)
    assert str(error.value) == f"{message} [exposition.syntax]"


def test_names_of_any_characters_are_read():
    reading = text_reader().read('{"disk.free", "mount.point"="/", "ü"="1"} 5\n'.encode())
    assert reading.rows == [labels_of({"__name__": "disk.free", "mount.point": "/", "ü": "1"})]


def test_an_exemplar_that_stays_is_the_same_object():
    reader = openmetrics_reader()
    first = reader.read(b'a_total 1 # {t="1"} 0.5 1.5\n# EOF\n').exemplars[0][0]
    second = reader.read(b'a_total 2 # {t="1"} 0.5 1.5\n# EOF\n').exemplars[0][0]
    third = reader.read(b'a_total 3 # {t="2"} 0.5 1.5\n# EOF\n').exemplars[0][0]
    assert second is first
    assert third == Exemplar((("t", "2"),), 0.5, 1500)
