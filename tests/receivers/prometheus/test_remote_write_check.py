"""The check of remote write requests: what is kept as it came, what is put right, what is rejected and why."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.receivers.prometheus.write_requests import (
    NOW,
    STALE,
    Pairs,
    Series,
    any_series,
    histogram,
    series,
    version_1,
    version_2,
)

from sonde.errors import TooLarge, UserError
from sonde.receivers.prometheus import write_labels, write_refs
from sonde.receivers.prometheus.messages import Request, WriteRequest
from sonde.receivers.prometheus.write_check import CheckedWrite, check
from sonde.receivers.prometheus.write_labels import KnownLabels, LabelFault, label_end

WRITE = {1: version_1, 2: version_2}
GOOD = series("up", labels={"job": "api"})
both_versions = pytest.mark.parametrize("version", WRITE)


# What Prometheus 3.14's own library writes: two counters with starts and exemplars, a histogram of integers, one of floats
# with custom bounds.
GENUINE = base64.b64decode(
    "IgAiCF9fbmFtZV9fIgJ1cCIDam9iIgNhcGkiBHpvbmUiAWIiCHRyYWNlX2lkIiAwYWY3NjUxOTE2Y2Q0M2RkODQ0OGViMjExYzgw"
    "MzE5YyIEaGVscCIKam9ic190b3RhbCIHbGF0ZW5jeSo0CgYBAgMEBQYSDhCAvNnynjQYgKjulZs0IhQKAgcIEQAAAAAAAPA/GIC8"
    "2fKeNCoECAEYCSo9CgYBCgMEBQYSFwkAAAAAAADwPxCAvNnynjQYgKjulZs0IhQKAgcIEQAAAAAAAPA/GIC82fKeNCoECAEYCSqY"
    "AQoCAQsaNwgKGQAAAAAAABZAIAIp/Knx0k1iUD8wAUICEAFKAQRaBAgDEAJaBAgGEAFiAwQCAXiAvNnynjQaVxEAAAAAAAAIQBkA"
    "AAAAAAAAQCBpOQAAAAAAAAAAWgIQA2oYAAAAAAAA8D8AAAAAAADwPwAAAAAAAPA/cAN4mLHa8p40ggEQAAAAAAAA8D8AAAAAAAAA"
    "QCoA"
)


def checked(version: int, *described: Series) -> CheckedWrite:
    return check(version, WRITE[version](*described), KnownLabels())


def labels_of(version: int, body: bytes) -> list[list[tuple[str, str]]]:
    """The label sets of a request."""
    if version == 1:
        return [[(label.name, label.value) for label in one.labels] for one in WriteRequest.FromString(body).timeseries]
    request = Request.FromString(body)
    return [
        [
            (request.symbols[name], request.symbols[value])
            for name, value in zip(one.labels_refs[::2], one.labels_refs[1::2], strict=True)
        ]
        for one in request.timeseries
    ]


@both_versions
def test_a_good_request_stays_the_very_same_bytes(version: int) -> None:
    known = KnownLabels()
    body = WRITE[version](
        GOOD, series("Zone", labels={"A": "1", "größe": "é"}), series("zero", (0.0, NOW)), series("two", (1, 1), (2, 2))
    )
    for _ in range(2):  # the second time its labels are known
        found = check(version, body, known)
        assert found.body is body
        assert found == CheckedWrite(body, samples=5)


def test_what_prometheus_writes_is_good() -> None:
    found = check(2, GENUINE, KnownLabels())
    assert found == CheckedWrite(GENUINE, samples=2, histograms=2, exemplars=2)
    names = [dict(labels)["__name__"] for labels in labels_of(2, GENUINE)]
    assert names == ["up", "jobs_total", "latency"]


@both_versions
def test_everything_is_counted(version: int) -> None:
    found = checked(
        version,
        GOOD,
        series("h", histograms=[histogram({1: 1}), histogram({1: 2.0})], exemplars=[([("user", "7")], 1.0, NOW)] * 3),
    )
    assert (found.samples, found.histograms, found.exemplars, found.items) == (1, 2, 3, 3)


@both_versions
def test_an_empty_request_is_good(version: int) -> None:
    assert check(version, b"", KnownLabels()) == CheckedWrite(b"")


def test_metadata_alone_is_kept() -> None:
    body = version_1(metadata=[(1, "jobs_total", "how many", "")])
    assert check(1, body, KnownLabels()) == CheckedWrite(body)


PUT_RIGHT: dict[str, tuple[Pairs, Pairs]] = {
    "out of order": ([("job", "api"), ("__name__", "up")], [("__name__", "up"), ("job", "api")]),
    "an empty value": ([("__name__", "up"), ("zone", "")], [("__name__", "up")]),
    "an empty value beside another": ([("__name__", "up"), ("a", ""), ("a", "1")], [("__name__", "up"), ("a", "1")]),
    "an empty value without a name": ([("", ""), ("__name__", "up")], [("__name__", "up")]),
}


@both_versions
@pytest.mark.parametrize(("given_labels", "kept"), PUT_RIGHT.values(), ids=PUT_RIGHT)
def test_labels_are_put_right(version: int, given_labels: Pairs, kept: Pairs) -> None:
    found = checked(version, GOOD, Series(given_labels, [(1.0, NOW)]), GOOD)
    assert labels_of(version, found.body) == [GOOD.labels, kept, GOOD.labels]
    assert (found.samples, found.rejected, found.message) == (3, 0, "")


BAD_LABELS: dict[str, tuple[Pairs, str]] = {
    "no labels": ([], "it has no label __name__"),
    "no name of a metric": ([("job", "api")], "it has no label __name__"),
    "an empty name of a metric": ([("__name__", ""), ("job", "api")], "it has no label __name__"),
    "the name twice": ([("__name__", "up"), ("__name__", "down")], "it has the label '__name__' twice"),
    "a label twice": ([("__name__", "up"), ("a", "1"), ("a", "1")], "it has the label 'a' twice"),
    "a nameless label": ([("", "x"), ("__name__", "up")], "a label has no name"),
    "too many": (
        [("__name__", "up"), *((f"l{n:03}", "x") for n in range(128))],
        "it has 129 labels; 128 are the most",
    ),
    "a bomb of labels": ([("__name__", "up"), *((f"l{n:04}", "x") for n in range(999))], "labels; 128 are the most"),
    "a long name": ([("__name__", "up"), ("é" * 513, "x")], "the name of a label has 1026 bytes; 1024 are the most"),
    "a long value": ([("__name__", "up"), ("q", "é" * 8193)], "the value of the label 'q' has 16386 bytes; 16384 are"),
}


@both_versions
@pytest.mark.parametrize(("bad", "reason"), BAD_LABELS.values(), ids=BAD_LABELS)
def test_a_series_with_impossible_labels_is_rejected_by_itself(version: int, bad: Pairs, reason: str) -> None:
    lost = Series(bad, [(1.0, NOW), (2.0, NOW)], [histogram({1: 1})], [([], 1.0, NOW)])
    found = checked(version, GOOD, lost, GOOD)
    assert labels_of(version, found.body) == [GOOD.labels, GOOD.labels]
    assert (found.samples, found.histograms, found.exemplars, found.rejected) == (2, 0, 0, 3)
    assert found.message.startswith("1 of 3 series rejected, with 2 samples and 1 histograms: series 2: ")
    assert reason in found.message


@both_versions
def test_nothing_is_left_of_a_request_that_is_all_bad(version: int) -> None:
    found = checked(version, Series([("job", "a")], [(1.0, NOW)]), Series([("job", "b")], [(1.0, NOW)]))
    assert found.body == b""
    assert (found.items, found.rejected) == (0, 2)


@both_versions
def test_the_answer_names_three_faults_and_how_many_more(version: int) -> None:
    message = checked(version, *[Series([("job", f"{n}")], [(1.0, NOW)]) for n in range(9)]).message
    assert message.count("it has no label __name__") == 3
    assert message.endswith("; and 6 more")


def broken(change: str, **more: Any) -> Any:
    """A histogram of one bucket in which one thing is wrong; `change` is Python that sees it as `h`."""
    made = histogram(**{"positive": {1: 2, 2: 1}, **more})
    exec(change, {"h": made})
    return made


HISTOGRAM_FAULTS = {
    "h.schema = 9": "schema 9 is neither in -4…8 nor -53",
    "h.schema = -5": "schema -5 is neither",
    "h.count_int = 4": "its buckets have 3 observations, its count is 4",
    "h.count_int = 2; h.sum = float('nan')": "its buckets have 3 observations, its count is 2",
    "h.positive_deltas.append(1)": "its positive spans have 2 buckets, but there are 3 counts",
    "h.negative_spans.add(offset=0, length=1)": "its negative spans have 1 buckets, but there are 0 counts",
    "h.positive_deltas[:] = [1, -2]": "it has a positive bucket with a negative count",
    "h.positive_spans.add(offset=-1, length=0)": "positive span 2 has the offset -1",
    "h.positive_spans[0].offset = 2**31 - 1": "positive span 1 ends at 2147483649",
    "h.positive_spans[0].length = 2**32 - 1": "positive span 1 ends at 4294967296",
    "h.custom_values.append(1)": "it has custom bounds, but not their schema",
    "h.count_float = 1": "its positive spans have 2 buckets, but there are 0 counts",
}
FLOAT_FAULTS = {
    "h.count_float = -1": "its count is negative",
    "h.zero_count_float = -1": "its count is negative",
    "h.positive_counts[0] = -1": "it has a positive bucket with a negative count",
}
CUSTOM_FAULTS = {
    "h.custom_values[:] = [1]": "it has 1 custom bounds, too few for 3 buckets",
    "h.custom_values[:] = [2, 1]": "its custom bounds do not increase",
    "h.custom_values[:] = [1, 1]": "its custom bounds do not increase",
    "h.custom_values[:] = [1, float('nan')]": "its custom bounds do not increase",
    "h.custom_values[:] = [float('nan')]": "its custom bounds do not increase",
    "h.custom_values[:] = [1, float('inf')]": "+Inf is one of its custom bounds",
    "h.zero_threshold = 1": "it has custom bounds, and beside them a zero bucket",
    "h.positive_spans[0].offset = -1": "positive span 1 has the offset -1",
    "h.count_int = 9": "its buckets have 3 observations, its count is 9",
}
FAULTY = [
    *((broken(change), reason) for change, reason in HISTOGRAM_FAULTS.items()),
    *((broken(change, positive={1: 2.0, 2: 1.0}), reason) for change, reason in FLOAT_FAULTS.items()),
    *(
        (broken(change, schema=-53, zero_threshold=0.0, custom_values=[0.1, 1]), reason)
        for change, reason in CUSTOM_FAULTS.items()
    ),
]
FAULTY_NAMES = [*HISTOGRAM_FAULTS, *FLOAT_FAULTS, *CUSTOM_FAULTS]


@both_versions
@pytest.mark.parametrize(("bad", "reason"), FAULTY, ids=FAULTY_NAMES)
def test_a_histogram_that_is_none_is_rejected_by_itself(version: int, bad: Any, reason: str) -> None:
    good = histogram({1: 1})
    found = checked(version, GOOD, series("h", histograms=[good, bad]))
    assert reason in found.message
    assert (found.samples, found.histograms, found.rejected) == (1, 1, 1)
    message = (WriteRequest if version == 1 else Request).FromString(found.body)
    assert [kept.count_int for kept in message.timeseries[1].histograms] == [1]


GOOD_HISTOGRAMS = {
    "a stale marker": histogram(sum=STALE),
    "NaN was observed": broken("h.count_int = 9; h.sum = float('nan')"),
    "nothing": histogram(),
    "custom bounds without buckets": histogram(schema=-53, zero_threshold=0.0),
    "the last bucket of custom bounds": histogram({0: 1, 2: 1}, schema=-53, zero_threshold=0.0, custom_values=[0, 1]),
    "empty buckets": broken("h.positive_deltas[:] = [0, 3]"),
    "float buckets that do not add up": broken("h.count_float = 99", positive={1: 2.0, 2: 1.0}),
}


@both_versions
@pytest.mark.parametrize("good", GOOD_HISTOGRAMS.values(), ids=GOOD_HISTOGRAMS)
def test_unusual_histograms_are_good(version: int, good: Any) -> None:
    found = checked(version, series("h", histograms=[good]))
    assert (found.message, found.histograms) == ("", 1)


def test_a_series_that_loses_its_only_histogram_is_gone() -> None:
    found = checked(1, series("h", histograms=[broken("h.schema = 9")]))
    assert (found.body, found.rejected) == (b"", 1)


def request_2(**fields: Any) -> bytes:
    return bytes(Request(**{"symbols": ["", "__name__", "up"], **fields}).SerializeToString())


BAD_REFERENCES = {
    "beyond the symbols": {"labels_refs": [1, 3]},
    "far beyond": {"labels_refs": [1, 2**32 - 1]},
    "a name without a value": {"labels_refs": [1, 2, 1]},
    "metadata": {"labels_refs": [1, 2], "metadata": {"help_ref": 3}},
    "an exemplar": {"labels_refs": [1, 2], "exemplars": [{"labels_refs": [3, 0]}]},
    "half an exemplar's label": {"labels_refs": [1, 2], "exemplars": [{"labels_refs": [2]}]},
}


@pytest.mark.parametrize("bad", BAD_REFERENCES.values(), ids=BAD_REFERENCES)
def test_a_series_whose_references_lead_nowhere_is_rejected_by_itself(bad: dict[str, Any]) -> None:
    sample = {"samples": [{"value": 1, "timestamp": NOW}]}
    good = {"labels_refs": [1, 2], **sample}
    found = check(2, request_2(timeseries=[good, {**bad, **sample}, good]), KnownLabels())
    assert labels_of(2, found.body) == [[("__name__", "up")]] * 2
    assert found.message.startswith("1 of 3 series rejected")
    assert (found.samples, found.exemplars) == (2, 0)


def test_the_same_symbol_twice_is_the_same_name() -> None:
    symbols = ["", "__name__", "up", "__name__"]
    bad = request_2(symbols=symbols, timeseries=[{"labels_refs": [1, 2, 3, 2], "samples": [{"value": 1}]}])
    assert "twice" in check(2, bad, KnownLabels()).message
    good = request_2(symbols=symbols, timeseries=[{"labels_refs": [3, 2], "samples": [{"value": 1}]}])
    assert check(2, good, KnownLabels()).message == ""


def test_symbols_must_begin_with_the_empty_one() -> None:
    with pytest.raises(UserError, match="the first symbol is not the empty string"):
        check(2, request_2(symbols=["__name__", "up"], timeseries=[{"labels_refs": [0, 1]}]), KnownLabels())


def test_labels_behind_samples_are_not_read_as_known_ones() -> None:
    """Known labels, and then, behind the sample, another that nobody looked at."""
    known = KnownLabels()
    body = version_1(GOOD)
    check(1, body, known)
    inner = WriteRequest.FromString(body).timeseries[0].SerializeToString()
    for extra in (b"\x0a\x06\x0a\x01z\x12\x01z", b"\x0a\x00"):
        smuggled = inner + extra
        found = check(1, b"\x0a" + bytes([len(smuggled)]) + smuggled, known)
        assert "it has labels behind its samples" in found.message


def test_what_looks_like_a_sample_inside_a_label_is_a_label() -> None:
    known = KnownLabels()
    check(1, version_1(series("up")), known)
    value = "\x12\x10" + "x" * 16
    body = version_1(Series([("__name__", "up"), ("z", value)]))
    assert check(1, body, known).body is body
    assert labels_of(1, body) == [[("__name__", "up"), ("z", value)]]


def test_text_that_is_not_utf8() -> None:
    bad = version_1(series("up", labels={"job": "ab"})).replace(b"ab", b"\xff\xfe")
    found = check(1, bad, KnownLabels())
    assert "its labels are not UTF-8" in found.message
    with pytest.raises(UserError, match="has text that is not UTF-8"):
        check(2, version_2(series("up", labels={"job": "ab"})).replace(b"ab", b"\xff\xfe"), KnownLabels())
    with pytest.raises(UserError, match="has text that is not UTF-8"):
        check(1, version_1(metadata=[(1, "ab", "", "")]).replace(b"ab", b"\xff\xfe"), KnownLabels())


TAIL = b"\xca\x3e\x05other"  # field 1001, the tenant of a frame
MALFORMED = {
    "text": (b"up 1", "is not a prometheus.WriteRequest"),
    "cut short": (version_1(GOOD)[:-3], "is not a prometheus.WriteRequest"),
    "only unknown fields": (TAIL, "is not a prometheus.WriteRequest"),
    "version 2": (version_2(GOOD), r"is a io.prometheus.write.v2.Request, not a prometheus.WriteRequest; send it with"),
}


@pytest.mark.parametrize(("body", "message"), MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_request_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(UserError, match=message):
        check(1, body, KnownLabels())


@both_versions
def test_fields_that_could_be_read_as_others_are_taken_out(version: int) -> None:
    """Of the other version, which nobody has checked, or of a frame's tail: somebody else's tenant."""
    body = WRITE[version](GOOD)
    for stranger in (TAIL, WRITE[3 - version](Series([("bad", "")], [(1.0, NOW)]))):
        found = check(version, body + stranger, KnownLabels())
        assert found.body == body
        assert found.samples == 1


@both_versions
def test_a_body_of_crumbs_is_refused_before_it_costs_memory(version: int) -> None:
    for crumbs in (b"\x0a\x00" if version == 1 else b"\x2a\x00", b"\x22\x00", b"\x1a\x00"):
        with pytest.raises(TooLarge, match="more than 1000000 series, symbols or empty samples"):
            check(version, crumbs * 3_000_000, KnownLabels())


@pytest.mark.parametrize("tag", [0x0A, 0x12, 0x1A, 0x22])
def test_crumbs_inside_a_series_are_refused(tag: int) -> None:
    crumbs = bytes([tag, 0]) * 3_000_000
    size = len(crumbs)
    body = b"\x0a" + bytes([size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14 & 0x7F | 0x80, size >> 21]) + crumbs
    with pytest.raises(TooLarge):
        check(1, body, KnownLabels())


@pytest.mark.parametrize(
    "more",
    [
        {"labels": {"a": "x" * 10_000}},
        {"help": "x" * 10_000},
        {"unit": "x" * 10_000},
        {"exemplars": [([("a", "x" * 10_000)], 1.0, NOW)]},
    ],
    ids=lambda more: next(iter(more)),
)
def test_symbols_that_would_fill_the_memory_are_refused(monkeypatch: pytest.MonkeyPatch, more: dict[str, Any]) -> None:
    monkeypatch.setattr(write_refs, "MOST_SPELLED_BYTES", 99_000)
    with pytest.raises(TooLarge, match="each spelled out; 99000 are the most"):
        checked(2, *[series("up", (1, NOW), **more)] * 10)
    assert checked(2, *[series("up", (1, NOW), **more)] * 9).samples == 9


def test_a_small_request_that_means_much_is_kept_spelled_out() -> None:
    """Its size is then that of what the store makes of it."""
    labels = {f"label_{n}": "x" * 400 for n in range(20)}
    described = [
        series(
            f"jobs_{n}_bucket",
            labels=labels,
            type=3,
            help="how long",
            start=NOW - 1000,
            histograms=[histogram({1: 2})] * (n % 2),
            exemplars=[([("user", "7")], 2.5, NOW)],
        )
        for n in range(200)
    ]
    body = version_2(*described)
    found = check(2, body, KnownLabels())
    assert len(found.body) > 200 * 20 * 400 > 12 * len(body)
    again = check(1, found.body, KnownLabels())
    assert (again.body, again.message) == (found.body, "")
    assert labels_of(1, found.body) == [list(each.labels) for each in described]
    assert (found.samples, found.histograms, found.exemplars) == (again.samples, again.histograms, again.exemplars)


@both_versions
@given(described=st.lists(any_series, max_size=5))
def test_whatever_a_sender_may_send_is_kept_as_it_is(version: int, described: list[Series]) -> None:
    body = WRITE[version](*described)
    found = check(version, body, KnownLabels())
    assert (found.body, found.message) == (body, "")


@both_versions
@given(data=st.data())
def test_both_versions_reject_the_same_series(version: int, data: st.DataObject) -> None:
    """A request with one bad label set somewhere keeps all others."""
    described = data.draw(st.lists(any_series.filter(lambda each: bool(each.samples)), min_size=1, max_size=5))
    place = data.draw(st.integers(0, len(described)))
    bad, _ = data.draw(st.sampled_from(list(BAD_LABELS.values())))
    found = checked(version, *described[:place], Series(bad, [(1.0, NOW)]), *described[place:])
    assert labels_of(version, found.body) == [list(each.labels) for each in described]
    assert found.rejected == 1


@both_versions
@given(body=st.binary(max_size=60), cut=st.integers(0, 200))
def test_no_bytes_break_the_check(version: int, body: bytes, cut: int) -> None:
    good = WRITE[version](GOOD, series("h", histograms=[histogram({1: 1})]))
    for raw in (body, good[:cut], good[:cut] + body, good + body):
        try:
            found = check(version, raw, KnownLabels())
        except UserError:
            continue
        again = check(version, found.body, KnownLabels())
        assert (again.body, again.message) == (found.body, "")


def test_the_memory_of_good_labels_is_bounded() -> None:
    known = KnownLabels(limit=10)
    known.remember(set(range(8)))
    known.remember({100, 101, 102})
    assert known.unknown([1, 100]) == {1}
    known.remember(set(range(50)))
    assert known.unknown([1]) == {1}


def test_the_end_of_labels_is_found_by_their_lengths() -> None:
    long = series("up", labels={"q": "x" * 300, "r": "y" * 20_000})
    inner = WriteRequest.FromString(version_1(long)).timeseries[0].SerializeToString()
    assert inner[label_end(inner) :] == inner[-18:]
    with pytest.raises(LabelFault):
        label_end(b"\x0a\x00" * (2 * write_labels.MOST_LABELS + 1))
