"""The check of one body: what is kept as it came, what is taken out, what is refused, and in which words."""

from __future__ import annotations

import itertools

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.receivers.otlp.bodies import (
    GOOD,
    ITEMS,
    REQUESTS,
    SPAN_ID,
    TRACE_ID,
    all_metrics,
    data_points,
    delimited,
    exemplar,
    log_record,
    logs,
    nested_body,
    span,
    spans,
    varint,
)

from sonde.errors import UserError
from sonde.receivers.otlp.body import check
from sonde.receivers.otlp.flat import FLAT
from sonde.telemetry.signal import Signal

T, L, M = Signal.TRACES, Signal.LOGS, Signal.METRICS


@pytest.mark.parametrize("signal", GOOD)
def test_a_good_body_is_passed_on_as_the_very_same_bytes(signal):
    checked = check(signal, GOOD[signal])
    assert checked.body is GOOD[signal]
    assert (checked.items, checked.rejected, checked.message) == (ITEMS[signal], 0, "")


@pytest.mark.parametrize("signal", GOOD)
def test_several_resources_in_one_body_are_all_counted(signal):
    assert check(signal, GOOD[signal] * 3).items == 3 * ITEMS[signal]


@pytest.mark.parametrize("signal", GOOD)
@pytest.mark.parametrize("raw", [b"", b"\x0a\x00", delimited(1, delimited(2, b""))])
def test_a_body_without_items_is_good_and_has_none(signal, raw):
    assert check(signal, raw).items == 0


FEW = "1 of 2 {}s rejected for bad ids; in the first, {}"
BAD_IDS = [
    (T, spans(span(1), span(2, trace_id=b"")), "trace_id is missing"),
    (T, spans(span(1), span(2, span_id=b"")), "span_id is missing"),
    (T, spans(span(1), span(2, trace_id=bytes(16))), "trace_id is all zero"),
    (T, spans(span(1), span(2, span_id=bytes(8))), "span_id is all zero"),
    (T, spans(span(1), span(2, trace_id=TRACE_ID[:15])), "trace_id has 15 bytes instead of 16"),
    (T, spans(span(1), span(2, trace_id=TRACE_ID * 2)), "trace_id has 32 bytes instead of 16"),
    (T, spans(span(1), span(2, span_id=SPAN_ID + b"!")), "span_id has 9 bytes instead of 8"),
    (T, spans(span(1), span(2, parent_span_id=b"1234567")), "parent_span_id has 7 bytes instead of 8"),
    (T, spans(span(1), span(2, links=[Span.Link(trace_id=b"x")])), "links.trace_id has 1 bytes instead of 16"),
    (T, spans(span(1), span(2, links=[Span.Link(span_id=b"x")])), "links.span_id has 1 bytes instead of 8"),
    (L, logs(log_record(1), log_record(2, trace_id=b"abc")), "trace_id has 3 bytes instead of 16"),
    (L, logs(log_record(1), log_record(2, span_id=TRACE_ID)), "span_id has 16 bytes instead of 8"),
]


@pytest.mark.parametrize(("signal", "raw", "fault"), BAD_IDS)
def test_an_item_with_a_bad_id_is_taken_out_and_the_sender_is_told(signal, raw, fault):
    checked = check(signal, raw)
    item = "span" if signal is T else "log record"
    assert (checked.items, checked.rejected, checked.message) == (1, 1, FEW.format(item, fault))
    first = spans(span(1)) if signal is T else logs(log_record(1))
    assert checked.body == first


@pytest.mark.parametrize("kind", range(4))
def test_a_data_point_is_taken_out_for_the_bad_id_of_an_exemplar(kind):
    metrics, good = all_metrics(exemplar()), all_metrics(exemplar())
    metrics[kind] = all_metrics(exemplar(trace_id=b"short"))[kind]
    checked = check(M, data_points(*metrics))
    rejected = (1, 1, 2, 1)[kind]
    assert (checked.items, checked.rejected) == (8 - rejected, rejected)
    assert checked.message.endswith("in the first, exemplars.trace_id has 5 bytes instead of 16")
    assert check(M, checked.body).items == 8 - rejected
    assert data_points(*good[:kind]) != checked.body


FINE_IDS = [
    (T, spans(span(parent_span_id=b""))),
    (T, spans(span(parent_span_id=bytes(8)))),
    (T, spans(span(links=[]))),
    (T, spans(span(links=[Span.Link()]))),
    (T, spans(span(links=[Span.Link(trace_id=bytes(16), span_id=bytes(8))]))),
    (T, spans(span(span_id=b"\0\0\0\0\0\0\0\1"), span(span_id=b"\1\0\0\0\0\0\0\0"))),
    (T, spans(*(span(trace_id=bytes(8) + index.to_bytes(8, "big")) for index in range(1, 300)))),
    (L, logs(log_record(trace_id=b"", span_id=b""))),
    (L, logs(log_record(trace_id=bytes(16), span_id=bytes(8)), log_record(trace_id=b"", span_id=b""))),
    (M, data_points(*all_metrics())),
    (M, data_points(*all_metrics(exemplar(trace_id=b"", span_id=b"")))),
]


@pytest.mark.parametrize(("signal", "raw"), FINE_IDS)
def test_absent_and_zero_ids_are_fine_where_an_id_may_be_absent(signal, raw):
    assert check(signal, raw).body is raw


def test_ids_that_are_written_although_empty_are_absent_ids():
    """As the OpenTelemetry Collector writes them: tag and a length of 0."""
    record = log_record(trace_id=b"", span_id=b"").SerializeToString() + b"\x4a\x00\x52\x00"
    raw = delimited(1, delimited(2, delimited(2, record) + delimited(2, log_record().SerializeToString())))
    assert check(L, raw).body is raw
    root = span(parent_span_id=b"").SerializeToString() + b"\x22\x00"
    raw = delimited(1, delimited(2, delimited(2, root) + delimited(2, span().SerializeToString())))
    assert check(T, raw).body is raw


def test_an_id_that_is_written_twice_is_fine_when_both_are():
    twice = span().SerializeToString() + delimited(1, TRACE_ID)
    raw = delimited(1, delimited(2, delimited(2, twice) + delimited(2, span().SerializeToString())))
    assert check(T, raw).body is raw


@pytest.mark.parametrize("count", [1, 2, 500])
def test_a_body_in_which_every_item_is_bad_is_refused(count):
    with pytest.raises(
        UserError, match=rf"^all {count} spans have bad ids; in the first, trace_id has 3 bytes"
    ) as caught:
        check(T, spans(*(span(trace_id=b"bad") for _ in range(count))))
    assert caught.value.code == "otlp.ids"
    assert caught.value.hint == "trace ids are 16 bytes and span ids 8 bytes, not all zero"


def test_a_huge_body_with_a_bad_id_is_refused_without_looking_at_every_span(monkeypatch):
    raw = spans(*(span(index) for index in range(1, 20)), span(trace_id=b""))
    assert check(T, raw, most_frames=60).rejected == 1
    with pytest.raises(UserError, match="too large to find out which"):
        check(T, raw, most_frames=20)


NOT_PROTOBUF = [
    (b"hello, world", "otlp.malformed", "it may have been cut short"),
    (b'{"resourceSpans": []}', "otlp.malformed", "it looks like JSON"),
    (b"[]", "otlp.malformed", "it looks like JSON"),
    (b"\x1f\x8b\x08\x00\x00", "otlp.malformed", "it looks like gzip"),
    (b"\x28\xb5\x2f\xfd\x04", "otlp.malformed", "it looks like zstd"),
    (GOOD[T][:-1], "otlp.malformed", "cut short"),
    (GOOD[T] + b"\x0a", "otlp.malformed", "cut short"),
    (GOOD[T] + b"\x0a\x05", "otlp.malformed", "cut short"),
    (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "otlp.malformed", ""),
    (GOOD[T].replace(b"GET", b"G\xc3T"), "otlp.utf8", "bytes_value"),
    (nested_body(48), "otlp.depth", "45 times"),
    (nested_body(10_000), "otlp.depth", "45 times"),
]


@pytest.mark.parametrize(("raw", "code", "hint"), NOT_PROTOBUF)
def test_what_is_not_the_request_is_refused_in_words(raw, code, hint):
    with pytest.raises(UserError, match="ExportTraceServiceRequest") as caught:
        check(T, raw)
    assert caught.value.code == code
    assert hint in caught.value.hint


def test_attribute_values_nest_to_the_documented_depth():
    assert check(T, nested_body(45)).items == 1


@pytest.mark.parametrize(("signal", "other"), list(itertools.permutations(GOOD, 2)))
def test_a_body_sent_to_another_signals_door_is_refused(signal, other):
    with pytest.raises(UserError, match="the body is not an Export") as caught:
        check(signal, GOOD[other])
    assert caught.value.code == "otlp.wrong_message"
    assert caught.value.hint.endswith(f"send that to /v1/{other}")


WRONG_TYPES = [
    (delimited(1, delimited(2, delimited(2, b"\x08\x01"))), "Span.trace_id has wire type 0"),
    (delimited(1, delimited(2, delimited(2, b"\x3a\x08AAAAAAAA"))), "Span.start_time_unix_nano has wire type 2"),
    (delimited(1, delimited(2, delimited(2, delimited(9, b"\x08\x01")))), "KeyValue.key has wire type 0"),
    (delimited(1, delimited(2, delimited(2, delimited(9, delimited(2, b"\x08\x01"))))), "AnyValue.string_value has"),
    (delimited(1, delimited(1, b"\x08\x01")), "Resource.attributes has wire type 0"),
    (delimited(1, b"\x10\x01"), "ResourceSpans.scope_spans has wire type 0"),
    (b"\x08\x01", "it has no field 1"),
    (GOOD[T] + delimited(1000, b"tenant"), "it has no field 1000"),
]


@pytest.mark.parametrize(("raw", "words"), WRONG_TYPES)
def test_a_known_field_of_another_type_means_another_message(raw, words):
    with pytest.raises(UserError, match=words) as caught:
        check(T, raw + GOOD[T])
    assert caught.value.code == "otlp.wrong_message"
    assert caught.value.hint == "/v1/traces takes spans"


@pytest.mark.parametrize(
    "stranger", [b"\xa0\x06\x01", delimited(200, b"new"), b"\xa3\x06\x08\x01\xa4\x06", b"\xa5\x06ABCD"]
)
def test_fields_of_a_newer_otlp_are_kept(stranger):
    one = span().SerializeToString() + stranger
    bad = span(trace_id=b"bad").SerializeToString() + stranger
    group = delimited(2, one) + stranger
    raw = delimited(1, delimited(2, group) + stranger)
    assert check(T, raw).body is raw
    sifted = check(T, delimited(1, delimited(2, delimited(2, bad) + group) + stranger))
    assert (sifted.body, sifted.rejected) == (raw, 1)


def test_a_body_made_of_unknown_fields_is_refused_before_they_are_looked_at():
    raw = delimited(1, delimited(2, delimited(2, b"\xa0\x06\x00" * 400_000)))
    with pytest.raises(UserError, match=r"in fields that OTLP 1\.11 does not know"):
        check(T, raw)


# What a plain decoder would say


@st.composite
def mutations(draw):
    """A good body with a few bytes changed, removed or put in."""
    signal = draw(st.sampled_from(sorted(GOOD)))
    raw = bytearray(GOOD[signal])
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(raw) - 1))
        raw[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return signal, bytes(raw)


@given(mutations())
def test_the_flattened_messages_read_exactly_what_the_published_ones_read(mutation):
    signal, raw = mutation
    assert _parses(FLAT[signal].request, raw) == _parses(REQUESTS[signal], raw)


def _parses(message, raw):
    try:
        message.FromString(raw)
    except DecodeError:
        return False
    return True


ids = st.one_of(st.sampled_from([b"", bytes(8), bytes(16), TRACE_ID, SPAN_ID]), st.binary(max_size=20))


@given(st.lists(st.tuples(ids, ids, ids, st.lists(st.tuples(ids, ids), max_size=2)), min_size=1, max_size=6))
def test_the_columns_find_the_same_bad_spans_as_a_plain_loop(rows):
    each = [
        span(trace_id=t, span_id=s, parent_span_id=p, links=[Span.Link(trace_id=lt, span_id=ls) for lt, ls in links])
        for t, s, p, links in rows
    ]
    good = [one for one in each if _plainly_good(one)]
    if not good:
        with pytest.raises(UserError, match=f"all {len(each)} spans"):
            check(T, spans(*each))
        return
    checked = check(T, spans(*each))
    assert (checked.items, checked.rejected) == (len(good), len(each) - len(good))
    kept = ExportTraceServiceRequest.FromString(checked.body)
    assert list(kept.resource_spans[0].scope_spans[0].spans) == good


def _plainly_good(one):
    return (
        len(one.trace_id) == 16
        and any(one.trace_id)
        and len(one.span_id) == 8
        and any(one.span_id)
        and len(one.parent_span_id) in {0, 8}
        and all(len(link.trace_id) in {0, 16} and len(link.span_id) in {0, 8} for link in one.links)
    )


@given(st.integers(0, 2**64 - 1))
def test_lengths_are_written_as_protobuf_writes_them(value):
    from sonde.receivers.otlp.sift import _varint

    assert _varint(value) == varint(value)
